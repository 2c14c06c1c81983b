//! Which world a handle is of. Handles are numbers inside, and every world numbers from zero: one that
//! is carried into another world, in a static or in what a world function captures, must not act
//! on whatever has its number there.

use super::{Kernel, current};
use crate::journal::NodeId;

/// The number of a world in its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WorldId(u32);

impl WorldId {
    pub(crate) fn of(kernel: &Kernel) -> WorldId {
        WorldId(kernel.world() as u32)
    }

    /// The world that runs on this thread.
    #[track_caller]
    pub(crate) fn here() -> WorldId {
        current::with(WorldId::of)
    }

    /// True if it runs on this thread and has not ended: a destructor asks before it acts.
    pub(crate) fn is_here(self) -> bool {
        let runs = |kernel: &Kernel| WorldId::of(kernel) == self && !kernel.has_ended();
        current::try_with(runs) == Some(true)
    }

    /// Lets nobody act on a world with a handle of another one.
    #[inline]
    #[track_caller]
    pub(crate) fn check(self, kernel: &Kernel) {
        assert!(
            self == WorldId::of(kernel),
            "this was made in another world: what comes from a `Ctx` is of use in that world alone"
        );
    }

    /// [`WorldId::check`] for who has no kernel at hand.
    #[inline]
    #[track_caller]
    pub(crate) fn check_here(self) {
        current::with(|kernel| self.check(kernel));
    }
}

/// A node of a world: what handles hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Home {
    node: NodeId,
    world: WorldId,
}

impl Home {
    /// A node of the world that runs on this thread.
    #[track_caller]
    pub(crate) fn of(node: NodeId) -> Home {
        Home { node, world: WorldId::here() }
    }

    /// The node, for whoever acts on it.
    ///
    /// # Panics
    ///
    /// In another world, and outside of all.
    #[inline]
    #[track_caller]
    pub(crate) fn node(self) -> NodeId {
        self.world.check_here();
        self.node
    }

    /// The node's number, which is not to be used to act on it.
    pub(crate) fn number(self) -> NodeId {
        self.node
    }

    /// As [`WorldId::is_here`].
    pub(crate) fn is_here(self) -> bool {
        self.world.is_here()
    }
}
