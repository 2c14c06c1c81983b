//! What is known of containers: the verdict of their health checks, and what becomes of it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::compose::Healthcheck;
use crate::journal::{Journal, Kind};
use crate::sim::View;
use crate::time::Time;
use crate::verdict::{Verdict, Violation};

/// How a container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// It has not been started: its dependencies are not met.
    Waiting,
    /// Its process runs; nothing checks it.
    Running,
    /// Its process runs; no check has succeeded yet, and not too many have failed.
    Starting,
    /// Its last checks succeeded, or not enough of them have failed in a row.
    Healthy,
    /// Too many checks have failed in a row.
    Unhealthy,
    /// Its process is gone.
    Down,
    /// Its process has returned without an error.
    Completed,
}

impl Health {
    /// True if nothing is wrong with it: it runs and is healthy, or has done what it had to do.
    #[must_use]
    pub fn is_well(self) -> bool {
        matches!(self, Health::Running | Health::Healthy | Health::Completed)
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Health::Waiting => "waiting",
            Health::Running => "running",
            Health::Starting => "starting",
            Health::Healthy => "healthy",
            Health::Unhealthy => "unhealthy",
            Health::Down => "down",
            Health::Completed => "completed",
        })
    }
}

/// The count of a container's health checks, as Docker has it.
#[derive(Clone, Debug)]
pub(super) struct Monitor {
    check: Healthcheck,
    pub(super) health: Health,
    /// Failures in a row.
    pub(super) failures: u32,
}

impl Monitor {
    /// That of a container which has just started.
    pub(super) fn new(check: Healthcheck) -> Monitor {
        Monitor { check, health: Health::Starting, failures: 0 }
    }

    /// The time until the next check of a container that has run for so long.
    pub(super) fn wait(&self, ran: Duration) -> Duration {
        match self.health == Health::Starting && ran < self.check.start_period {
            true => self.check.start_interval,
            false => self.check.interval,
        }
    }

    /// A check has come out that began when the container had run for so long; true if that changes
    /// how it is.
    pub(super) fn observe(&mut self, success: bool, ran: Duration) -> bool {
        let before = self.health;
        if success {
            (self.failures, self.health) = (0, Health::Healthy);
        } else if before != Health::Starting || ran >= self.check.start_period {
            self.failures += 1;
            if self.failures >= self.check.retries {
                self.health = Health::Unhealthy;
            }
        }
        self.health != before
    }
}

/// What an orchestrator knows of one container: the probe `health` of its node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ContainerHealth {
    /// How it is.
    pub health: Health,
    /// Since when.
    pub since: Time,
    /// How often its restart policy has started it again.
    pub restarts: u32,
}

/// How all containers are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HealthReport {
    /// By node.
    pub containers: BTreeMap<String, ContainerHealth>,
}

impl HealthReport {
    /// As it is at that moment of a run.
    #[must_use]
    pub fn of(view: &View<'_>) -> HealthReport {
        let all = view.probes::<ContainerHealth>("health").into_iter();
        HealthReport { containers: all.map(|(node, health)| (node, (*health).clone())).collect() }
    }

    /// Those with which something is wrong.
    pub fn unwell(&self) -> impl Iterator<Item = (&str, &ContainerHealth)> {
        let all = self.containers.iter().filter(|(_, container)| !container.health.is_well());
        all.map(|(node, container)| (node.as_str(), container))
    }
}

impl fmt::Display for HealthReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (node, container)) in self.containers.iter().enumerate() {
            let gap = if at == 0 { "" } else { "\n" };
            let ContainerHealth { health, since, restarts } = container;
            write!(f, "{gap}{node}: {health} since {since}, {restarts} restarts")?;
        }
        Ok(())
    }
}

/// True of a moment in which all containers are well; for `sim.eventually`.
///
/// # Errors
///
/// Says which are not, and since when; and that there are none, where nobody looks after any.
pub fn all_healthy(view: &View<'_>) -> Result<(), String> {
    let report = HealthReport::of(view);
    if report.containers.is_empty() {
        return Err("no container is looked after".to_owned());
    }
    let unwell: Vec<String> = report
        .unwell()
        .map(|(node, container)| {
            format!("{node} is {} since {}", container.health, container.since)
        })
        .collect();
    if unwell.is_empty() { Ok(()) } else { Err(unwell.join("; ")) }
}

/// A property of the whole journal, for `sim.check`: so long after chaos has ended, all containers are
/// well, and stay so. Unknown, if the world ends before and one of them is not yet.
pub fn recovers_within(limit: Duration) -> impl Fn(&Journal) -> Verdict {
    move |journal| {
        let Some(healed) = journal.of_kind(Kind::Heal).next() else {
            return Verdict::Unknown("chaos did not end".to_owned());
        };
        let end = journal.of_kind(Kind::End).last().map_or(Time::MAX, |end| end.at());
        let mut unwell: BTreeMap<&str, (Time, &str)> = BTreeMap::new();
        let mut seen = false;
        for event in journal.of_kind(Kind::Container) {
            let (node, at) = (event.node_name(), event.at());
            match event.symbol() {
                "is running" | "is healthy" | "has recovered" | "has completed" => {
                    seen = true;
                    let late = unwell.remove(node).filter(|_| at > healed.at() + limit);
                    if let Some((since, how)) = late {
                        let text = format!("{node} {how} from {since} to {at}");
                        return Violation::new(text).with_events([event.id()]).into();
                    }
                }
                "is starting" | "is unhealthy" | "is down" | "waits" => {
                    seen = true;
                    unwell.entry(node).or_insert((at, event.symbol()));
                }
                _ => {}
            }
        }
        match unwell.first_key_value() {
            _ if !seen => Verdict::Unknown("no container is looked after".to_owned()),
            None => Verdict::Holds,
            Some((node, (since, how))) => {
                let text = format!("{node} {how} since {since}");
                match end > healed.at() + limit {
                    true => Verdict::violated(text),
                    false => Verdict::Unknown(format!("{text}, and the world ends at {end}")),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::compose::Test;
    use super::*;

    fn seconds(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    fn monitor() -> Monitor {
        let test = Test::Tcp { port: 80 };
        Monitor::new(Healthcheck { start_period: seconds(10), ..Healthcheck::new(test) })
    }

    #[test]
    fn failures_in_the_start_period_are_not_counted() {
        let mut monitor = monitor();
        for at in [2, 4, 6, 8] {
            assert_eq!(monitor.wait(seconds(at)), seconds(5));
            assert!(!monitor.observe(false, seconds(at)));
        }
        assert_eq!(monitor.wait(seconds(10)), seconds(30));
        assert!(!monitor.observe(false, seconds(10)));
        assert!(!monitor.observe(false, seconds(40)));
        assert!(monitor.observe(false, seconds(70)));
        assert_eq!(monitor.health, Health::Unhealthy);
    }

    #[test]
    fn a_success_ends_the_start_period_and_clears_the_count() {
        let mut monitor = monitor();
        assert!(monitor.observe(true, seconds(1)));
        assert_eq!((monitor.health, monitor.wait(seconds(1))), (Health::Healthy, seconds(30)));
        assert!(!monitor.observe(false, seconds(2)));
        assert!(!monitor.observe(false, seconds(3)));
        assert!(!monitor.observe(true, seconds(4)));
        assert!(!monitor.observe(false, seconds(5)));
        assert!(!monitor.observe(false, seconds(6)));
        assert!(monitor.observe(false, seconds(7)));
        assert!(monitor.observe(true, seconds(8)));
    }
}
