//! What waits in the event queue, and whether any of it can still change the world.

use std::rc::Rc;

use super::timer::Waiter;
use super::{Kernel, Key};
use crate::journal::{EventId, NodeId};
use crate::time::Time;

/// What comes out of the event queue.
pub(crate) enum Action {
    /// A timer.
    Wake { waiter: Waiter, node: NodeId, set_by: EventId },
    /// Something of a part above the kernel, which knows what the token means.
    Fire { target: Rc<dyn Target>, token: u64, set_by: EventId },
    /// The same, but it does not keep the world going ([`Kernel::schedule_in_background`]).
    FireInBackground { target: Rc<dyn Target>, token: u64, set_by: EventId },
}

/// A part of the world that puts actions into the kernel's queue.
pub(crate) trait Target {
    /// The time of the action with this token has come.
    fn fire(self: Rc<Self>, kernel: &Kernel, token: u64);

    /// Of an action in the background, asked while nothing else is left: true if it will change
    /// nothing, however often it comes. The queue is borrowed meanwhile.
    fn is_in_vain(&self, _token: u64) -> bool {
        false
    }
}

impl Kernel {
    /// Lets `target` fire at `at`.
    #[inline]
    pub(crate) fn schedule(&self, at: Time, target: Rc<dyn Target>, token: u64) -> Key {
        let set_by = self.here();
        self.queue.borrow_mut().push(at.0, Action::Fire { target, token, set_by })
    }

    /// Lets `target` fire at `at`, if the world goes on until then: for what comes again and again
    /// and mostly changes nothing. A world in which nothing else is left, and all of that is in
    /// vain ([`Target::is_in_vain`]), is idle: else those who wait for each other in it would
    /// never be found.
    pub(crate) fn schedule_in_background(
        &self,
        at: Time,
        target: Rc<dyn Target>,
        token: u64,
    ) -> Key {
        let set_by = self.here();
        self.in_background.set(self.in_background.get() + 1);
        self.queue.borrow_mut().push(at.0, Action::FireInBackground { target, token, set_by })
    }

    /// Takes an action out of the queue. The caller drops it outside of any borrow.
    pub(crate) fn cancel(&self, key: Key) -> Option<Action> {
        let action = self.queue.borrow_mut().cancel(key);
        if matches!(action, Some(Action::FireInBackground { .. })) {
            self.in_background.set(self.in_background.get() - 1);
        }
        action
    }

    /// True if nothing that waits in the queue will change the world.
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        let queue = self.queue.borrow();
        queue.len() == self.in_background.get()
            && queue.all(|action| match action {
                Action::FireInBackground { target, token, .. } => target.is_in_vain(*token),
                _ => false,
            })
    }
}
