//! Sleeping and waiting with a limit, on a node's own clock.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::{monotonic, true_time};
use crate::journal::NodeId;
use crate::kernel::current;
use crate::kernel::{Kernel, Timer};
use crate::time::Time;

/// Ready when the node's monotonic clock shows the deadline: a fast clock wakes early, a slow
/// one late. Dropped before, it leaves nothing behind.
#[derive(Debug)]
pub struct Sleep {
    node: NodeId,
    deadline: Time,
    /// When that will be in true time, as far as is known.
    timer: Timer,
    due: Time,
}

impl Sleep {
    pub(crate) fn new(node: NodeId, duration: Duration) -> Sleep {
        Sleep::until(node, current::with(|kernel| monotonic(kernel, node)) + duration)
    }

    pub(crate) fn until(node: NodeId, deadline: Time) -> Sleep {
        let due = true_time(node, deadline);
        Sleep { node, deadline, timer: Timer::at(due), due }
    }

    /// The deadline on the node's monotonic clock.
    #[must_use]
    pub fn deadline(&self) -> Time {
        self.deadline
    }

    /// Sets another deadline.
    pub fn reset(&mut self, deadline: Time) {
        self.deadline = deadline;
        self.due = true_time(self.node, deadline);
        self.timer.reset(self.due);
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if current::with(|kernel: &Kernel| monotonic(kernel, self.node)) >= self.deadline {
            return Poll::Ready(());
        }
        let due = true_time(self.node, self.deadline);
        if due != self.due {
            self.due = due;
            self.timer.reset(due);
        }
        Pin::new(&mut self.timer).poll(cx)
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
