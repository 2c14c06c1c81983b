//! A node's processors: work takes a slot for its time, and queues while all are taken.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::with_node;
use crate::clock::Sleep;
use crate::journal::NodeId;
use crate::kernel::{Home, Wait, current};

/// The processors of one node. Work is served in the order in which it came.
pub(super) struct Cpu {
    slots: u32,
    busy: u32,
    /// Tickets of the work that waits, oldest first.
    queue: VecDeque<(u64, Waker)>,
    next_ticket: u64,
    /// What service times are multiplied with: 1, or more beside a greedy neighbour.
    slow: f64,
}

impl Cpu {
    pub(super) fn new(slots: u32) -> Cpu {
        Cpu { slots: slots.max(1), busy: 0, queue: VecDeque::new(), next_ticket: 0, slow: 1.0 }
    }

    /// Nothing runs any more; the old queue is dropped outside of any borrow.
    pub(super) fn restart(&mut self) -> VecDeque<(u64, Waker)> {
        self.busy = 0;
        std::mem::take(&mut self.queue)
    }

    /// Takes a slot, if one is free and nobody came before.
    fn take(&mut self, ticket: &mut Option<u64>, waker: &Waker) -> bool {
        let first = match (&*ticket, self.queue.front()) {
            (_, None) => true,
            (Some(mine), Some((front, _))) => mine == front,
            (None, Some(_)) => false,
        };
        if first && self.busy < self.slots {
            if ticket.take().is_some() {
                self.queue.pop_front();
            }
            self.busy += 1;
            return true;
        }
        match *ticket {
            Some(mine) => {
                if let Some(entry) = self.queue.iter_mut().find(|(t, _)| *t == mine) {
                    entry.1 = waker.clone();
                }
            }
            None => {
                *ticket = Some(self.next_ticket);
                self.queue.push_back((self.next_ticket, waker.clone()));
                self.next_ticket += 1;
            }
        }
        false
    }

    /// Whose turn it is now.
    fn front(&self) -> Option<Waker> {
        (self.busy < self.slots).then(|| self.queue.front().map(|(_, w)| w.clone())).flatten()
    }
}

/// Makes all work of a node take `factor` times as long.
pub(crate) fn set_slow(node: NodeId, factor: f64) {
    with_node(node, |n| n.cpu.slow = factor);
}

/// Work of a given length on a node's processors; from `ctx.work`.
#[derive(Debug)]
pub struct Work {
    home: Home,
    duration: Duration,
    ticket: Option<u64>,
    running: Option<Sleep>,
}

pub(crate) fn work(home: Home, duration: Duration) -> Work {
    Work { home, duration, ticket: None, running: None }
}

impl Work {
    fn release(&mut self) {
        let running = self.running.take().is_some();
        let ticket = self.ticket.take();
        if !running && ticket.is_none() {
            return;
        }
        let next = with_node(self.home.node(), |node| {
            if running {
                node.cpu.busy = node.cpu.busy.saturating_sub(1);
            }
            node.cpu.queue.retain(|(t, _)| Some(*t) != ticket);
            node.cpu.front()
        });
        if let Some(waker) = next {
            waker.wake();
        }
    }
}

impl Future for Work {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let work = &mut *self;
        let node = work.home.node();
        if work.running.is_none() {
            let slow = with_node(node, |node| {
                node.cpu.take(&mut work.ticket, cx.waker()).then_some(node.cpu.slow)
            });
            let Some(slow) = slow else {
                current::with(|kernel| kernel.waits_for(Wait::For(kernel.symbol("a processor"))));
                return Poll::Pending;
            };
            work.running = Some(Sleep::new(node, work.duration.mul_f64(slow)));
            // Others may run beside it.
            let next = with_node(node, |node| node.cpu.front());
            if let Some(waker) = next {
                waker.wake();
            }
        }
        let Some(sleep) = &mut work.running else { return Poll::Pending };
        if Pin::new(sleep).poll(cx).is_pending() {
            return Poll::Pending;
        }
        work.release();
        Poll::Ready(())
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if self.home.is_here() {
            self.release();
        }
    }
}
