//! Tasks: a future, the node it belongs to, and what it waits for.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Wake, Waker};

use super::current;
use crate::journal::{EventId, NodeId, Symbol, Trace};

pub(crate) type BoxedFuture = Pin<Box<dyn Future<Output = ()>>>;

/// A task's place in the table, and which of the tasks that lived there it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TaskKey {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

impl TaskKey {
    /// The key of no task.
    pub(crate) const NONE: TaskKey = TaskKey { index: u32::MAX, generation: u32::MAX };
}

/// What a pending task waits for, for the report of a deadlock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Something that this crate knows nothing of: a channel, a lock, a future of the user's.
    #[default]
    Unknown,
    /// A timer that fires at that time.
    Timer(u64),
    /// A datagram at that port of its node.
    Datagram(u16),
    /// What the symbol's text says.
    For(Symbol),
}

pub(crate) struct Task {
    /// Absent while the task is being polled.
    pub(super) body: Option<(BoxedFuture, Waker)>,
    pub(super) generation: u32,
    pub(super) node: NodeId,
    /// True from the wake until the poll: waking a runnable task is a no-op.
    pub(super) queued: bool,
    /// Its last event: the next one's `prev`.
    pub(super) last: EventId,
    /// The event that woke it: the next one's `cause`.
    pub(super) woken_by: EventId,
    pub(super) wait: Wait,
    pub(super) trace: Trace,
    /// Since when it waits.
    pub(super) since: u64,
    pub(super) polls: u64,
    pub(super) spawned_at: &'static Location<'static>,
}

/// Wakes one task of one world, on its thread or one of its programs'; of no use anywhere else.
struct TaskWaker {
    world: u64,
    key: TaskKey,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        current::reach(|kernel| {
            if kernel.world() == self.world {
                kernel.make_ready(self.key);
            }
        });
    }
}

pub(super) fn waker(world: u64, key: TaskKey) -> Waker {
    Waker::from(Arc::new(TaskWaker { world, key }))
}
