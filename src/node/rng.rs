//! A node's own randomness.

use std::convert::Infallible;

use rand::TryRng;

use super::with_node;
use crate::kernel::{Home, current};
use crate::seed::Stream;

/// A node's stream of random numbers, from [`Ctx::rng`](crate::service::Ctx::rng); it implements
/// [`rand::Rng`]: `use stormglass::rand::RngExt` for `random_range` and its like.
#[derive(Clone, Copy, Debug)]
pub struct NodeRng {
    home: Home,
}

impl NodeRng {
    pub(crate) fn of(home: Home) -> NodeRng {
        NodeRng { home }
    }

    /// Draws from the node's stream, which is made at the first draw.
    fn with<R>(self, f: impl FnOnce(&mut Stream) -> R) -> R {
        let id = self.home.node();
        with_node(id, |node| {
            let rng = node.rng.get_or_insert_with(|| {
                Box::new(current::with(|k| k.seed().named_stream("node", &k.node_name(id))))
            });
            f(rng)
        })
    }
}

impl TryRng for NodeRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.with(Stream::try_next_u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.with(Stream::try_next_u64)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.with(|stream| stream.try_fill_bytes(bytes))
    }
}
