//! Wakes tasks of one node that wait for a change.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::{Poll, Waker};

/// Counts changes; whoever has seen fewer is woken.
#[derive(Debug, Default)]
pub(super) struct Signal {
    changes: Cell<u64>,
    wakers: RefCell<Vec<Waker>>,
}

impl Signal {
    /// The changes so far. Take it before looking at what changes, so that none is missed.
    pub(super) fn seen(&self) -> u64 {
        self.changes.get()
    }

    /// Something has changed.
    pub(super) fn notify(&self) {
        self.changes.set(self.changes.get() + 1);
        self.wakers.take().into_iter().for_each(Waker::wake);
    }

    /// Ready when there has been a change after the first `seen`.
    pub(super) async fn after(&self, seen: u64) {
        poll_fn(|cx| {
            if self.changes.get() > seen {
                return Poll::Ready(());
            }
            let mut wakers = self.wakers.borrow_mut();
            if !wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
                wakers.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }
}
