//! Timers of true time. A node's own sleep, on its own clock, is built on these.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::queue::Key;
use super::task::{TaskKey, Wait};
use super::{Action, Kernel, WorldId, current};
use crate::time::Time;

/// Who waits for a timer.
pub(crate) enum Waiter {
    /// A task, by itself.
    Task(TaskKey),
    /// Whatever a future inside of a task uses to be polled again, such as a `select`.
    Waker(Waker),
}

/// A future that is ready at a time. Dropped before, it leaves nothing behind.
#[derive(Debug)]
pub(crate) struct Timer {
    deadline: Time,
    entry: Option<Key>,
    world: WorldId,
}

impl Timer {
    pub(crate) fn at(kernel: &Kernel, deadline: Time) -> Timer {
        Timer { deadline, entry: None, world: WorldId::of(kernel) }
    }

    /// Panics in another world than its own.
    #[inline]
    pub(crate) fn check(&self, kernel: &Kernel) {
        self.world.check(kernel);
    }

    /// Moves the deadline; a task that waits is woken at the new one.
    pub(crate) fn reset(&mut self, deadline: Time) {
        self.deadline = deadline;
        self.cancel();
    }

    /// Waits for `deadline`, which may be another one than at the last poll.
    #[inline]
    pub(crate) fn poll_at(
        &mut self,
        kernel: &Kernel,
        deadline: Time,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        if kernel.now() >= deadline {
            self.entry = None;
            return Poll::Ready(());
        }
        kernel.waits_for(Wait::Timer(deadline.0));
        if deadline != self.deadline {
            self.reset(deadline);
        }
        let waiting = self.entry.is_some_and(|key| kernel.rewake(key, cx.waker()));
        if !waiting {
            self.entry = Some(kernel.wake_at(deadline, cx.waker()));
        }
        Poll::Pending
    }

    fn cancel(&mut self) {
        if let Some(key) = self.entry.take() {
            let here = |kernel: &Kernel| self.world == WorldId::of(kernel);
            let action =
                current::try_with(|kernel| here(kernel).then(|| kernel.cancel(key)).flatten());
            drop(action);
        }
    }
}

impl Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = self.deadline;
        current::with(|kernel| {
            self.check(kernel);
            self.poll_at(kernel, deadline, cx)
        })
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl Waiter {
    /// Whom `waker` wakes. For the running task itself its key will do: no count of references to
    /// change, nothing to look up.
    #[inline]
    fn of(kernel: &Kernel, waker: &Waker) -> Waiter {
        match kernel.running.get() {
            Some(task) if kernel.waker.get() == waker.data() => Waiter::Task(task),
            _ => Waiter::Waker(waker.clone()),
        }
    }

    fn is_woken_by(&self, waker: &Waker, kernel: &Kernel) -> bool {
        match self {
            Waiter::Task(task) => {
                kernel.running.get() == Some(*task) && kernel.waker.get() == waker.data()
            }
            Waiter::Waker(own) => own.will_wake(waker),
        }
    }

    #[inline]
    pub(super) fn wake(self, kernel: &Kernel) {
        match self {
            Waiter::Task(task) => kernel.make_ready(task),
            Waiter::Waker(waker) => waker.wake(),
        }
    }
}

impl Kernel {
    /// Wakes `waker` at `at`.
    #[inline]
    pub(crate) fn wake_at(&self, at: Time, waker: &Waker) -> Key {
        let (node, set_by) = (self.node(), self.here());
        let waiter = Waiter::of(self, waker);
        self.queue.borrow_mut().push(at.0, Action::Wake { waiter, node, set_by })
    }

    /// Gives a waiting timer another waker; false if it no longer waits.
    fn rewake(&self, key: Key, waker: &Waker) -> bool {
        let mut queue = self.queue.borrow_mut();
        let Some(Action::Wake { waiter, .. }) = queue.get_mut(key) else { return false };
        if !waiter.is_woken_by(waker, self) {
            let old = std::mem::replace(waiter, Waiter::of(self, waker));
            drop(queue);
            drop(old);
        }
        true
    }

    /// Wakes all timers of a node now, so that they look at its changed clock again.
    pub(crate) fn recheck_timers(&self, node: crate::journal::NodeId) {
        let keys = self
            .queue
            .borrow()
            .keys_where(|action| matches!(action, Action::Wake { node: n, .. } if *n == node));
        for key in keys {
            let action = self.queue.borrow_mut().cancel(key);
            if let Some(Action::Wake { waiter, .. }) = action {
                waiter.wake(self);
            }
        }
    }
}
