//! Waiting for the node to be asked to stop.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Life, life, with_node};
use crate::kernel::Home;

/// Ready when the node is asked to stop; from [`Ctx::stopping`](crate::service::Ctx::stopping).
#[derive(Debug)]
pub struct Stopping {
    home: Home,
    /// Its place among those who wait.
    ticket: Option<u64>,
}

impl Stopping {
    pub(crate) fn of(home: Home) -> Stopping {
        Stopping { home, ticket: None }
    }
}

impl Future for Stopping {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let id = self.home.node();
        if life(id) != Life::Up {
            return Poll::Ready(());
        }
        with_node(id, |node| {
            let mine = *self.ticket.get_or_insert(node.next_ticket);
            node.next_ticket = node.next_ticket.max(mine + 1);
            node.stop_waiters.insert(mine, cx.waker().clone());
        });
        Poll::Pending
    }
}

impl Drop for Stopping {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.filter(|_| self.home.is_here()) {
            let id = self.home.number();
            let waker = with_node(id, |node| node.stop_waiters.remove(&ticket));
            drop(waker);
        }
    }
}
