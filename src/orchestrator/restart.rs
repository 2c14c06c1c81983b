//! Whether and when a container starts again whose process has ended.

use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};

/// The first wait before a restart; it doubles with each (Docker: `defaultTimeout`).
pub const BACKOFF_FIRST: Duration = Duration::from_millis(100);
/// The longest wait (Docker: `maxRestartTimeout`).
pub const BACKOFF_LONGEST: Duration = Duration::from_secs(60);
/// A container that ran for so long begins with the first wait again.
pub const BACKOFF_RESET: Duration = Duration::from_secs(10);

/// What happens when a process ends: `restart` of a compose file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RestartPolicy {
    /// It stays down.
    #[default]
    No,
    /// It is started again, however it ended.
    Always,
    /// It is started again if it ended with an error.
    OnFailure {
        /// At most so often; none: as often as need be.
        most: Option<u32>,
    },
    /// As [`RestartPolicy::Always`]: what is stopped on purpose stays so under both, as long as the
    /// machine of all containers is not started again.
    UnlessStopped,
}

impl fmt::Display for RestartPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RestartPolicy::No => f.write_str("no"),
            RestartPolicy::Always => f.write_str("always"),
            RestartPolicy::OnFailure { most: None } => f.write_str("on-failure"),
            RestartPolicy::OnFailure { most: Some(most) } => write!(f, "on-failure:{most}"),
            RestartPolicy::UnlessStopped => f.write_str("unless-stopped"),
        }
    }
}

impl Serialize for RestartPolicy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The restarts of one container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restarts {
    wait: Duration,
    count: u32,
}

impl Restarts {
    /// How often it was started again.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The container has ended after it had run for `ran`: the wait until it starts again, or none if
    /// it stays down.
    pub fn next(
        &mut self,
        policy: RestartPolicy,
        success: bool,
        ran: Duration,
    ) -> Option<Duration> {
        if ran >= BACKOFF_RESET {
            self.wait = Duration::ZERO;
        }
        self.wait = match self.wait {
            Duration::ZERO => BACKOFF_FIRST,
            wait => (wait * 2).min(BACKOFF_LONGEST),
        };
        let again = match policy {
            RestartPolicy::No => false,
            RestartPolicy::Always | RestartPolicy::UnlessStopped => true,
            RestartPolicy::OnFailure { most } => {
                !success && most.is_none_or(|most| self.count < most)
            }
        };
        self.count += u32::from(again);
        again.then_some(self.wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(policy: RestartPolicy, success: bool, ran: &[u64]) -> Vec<Option<u64>> {
        let mut restarts = Restarts::default();
        let next = |s: &u64| restarts.next(policy, success, Duration::from_secs(*s));
        ran.iter().map(next).map(|wait| wait.map(|wait| wait.as_millis() as u64)).collect()
    }

    #[test]
    fn the_wait_doubles_up_to_a_minute_and_begins_anew_after_ten_seconds() {
        let waits = waits(RestartPolicy::Always, true, &[0, 1, 9, 0, 0, 0, 0, 0, 0, 0, 0, 10, 0]);
        let expected = [100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 100, 200];
        assert_eq!(waits, expected.map(Some));
    }

    #[test]
    fn each_policy_says_who_comes_back() {
        let failure = |policy| waits(policy, false, &[0, 0, 0]);
        let success = |policy| waits(policy, true, &[0]);
        assert_eq!(failure(RestartPolicy::No), [None; 3]);
        assert_eq!(
            failure(RestartPolicy::OnFailure { most: Some(2) }),
            [Some(100), Some(200), None]
        );
        assert_eq!(failure(RestartPolicy::OnFailure { most: None })[2], Some(400));
        assert_eq!(success(RestartPolicy::OnFailure { most: None }), [None]);
        assert_eq!(success(RestartPolicy::UnlessStopped), [Some(100)]);
    }
}
