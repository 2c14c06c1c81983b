//! Sleeping and waiting with a limit, on a node's own clock.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::{monotonic, true_time};
use crate::journal::NodeId;
use crate::kernel::Timer;
use crate::kernel::current;
use crate::time::Time;

/// Ready when the node's monotonic clock shows the deadline: a fast clock wakes early, a slow
/// one late. Dropped before, it leaves nothing behind.
#[derive(Debug)]
pub struct Sleep {
    node: NodeId,
    deadline: Time,
    /// Due when that will be in true time, as far as is known.
    timer: Timer,
}

impl Sleep {
    pub(crate) fn new(node: NodeId, duration: Duration) -> Sleep {
        current::with(|kernel| {
            let deadline = monotonic(kernel, node) + duration;
            let due = true_time(kernel, node, deadline);
            Sleep { node, deadline, timer: Timer::at(kernel, due) }
        })
    }

    /// The deadline on the node's monotonic clock.
    #[must_use]
    pub fn deadline(&self) -> Time {
        self.deadline
    }

    /// Sets another deadline.
    pub fn reset(&mut self, deadline: Time) {
        self.deadline = deadline;
        let due = current::with(|kernel| {
            self.timer.check(kernel);
            true_time(kernel, self.node, deadline)
        });
        self.timer.reset(due);
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        current::with(|kernel| {
            self.timer.check(kernel);
            if monotonic(kernel, self.node) >= self.deadline {
                return Poll::Ready(());
            }
            let due = true_time(kernel, self.node, self.deadline);
            self.timer.poll_at(kernel, due, cx)
        })
    }
}

/// The time was up before the future was ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("deadline has elapsed")]
pub struct Elapsed;

/// A future with a limit on the node's clock, from `ctx.timeout`.
#[derive(Debug)]
pub struct Timeout<F> {
    /// Boxed, so that the whole is `Unpin` without unsafe code.
    future: Pin<Box<F>>,
    sleep: Sleep,
}

impl<F: Future> Timeout<F> {
    pub(crate) fn new(sleep: Sleep, future: F) -> Timeout<F> {
        Timeout { future: Box::pin(future), sleep }
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    /// The future comes first: what is ready at the deadline is in time.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(output) = self.future.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        Pin::new(&mut self.sleep).poll(cx).map(|()| Err(Elapsed))
    }
}
