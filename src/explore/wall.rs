//! The only wall clock of the library: how long a search takes is no part of what it finds.

use std::time::{Duration, Instant};

/// Measures wall time.
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "budgets and progress are in wall time")]
    pub(crate) fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
