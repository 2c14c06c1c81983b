//! How a system has started: what its orchestrator publishes as the world's probe `start`.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::compose::Condition;
use crate::sim::View;
use crate::time::Time;
use crate::verdict::Verdict;

/// One service of a [`StartReport`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServiceStart {
    /// Its name.
    pub service: String,
    /// Its level, from 0.
    pub level: usize,
    /// When its containers were started: when all its dependencies were met.
    pub started: Option<Time>,
    /// When all of them were first well: running, and healthy if there is a check.
    pub ready: Option<Time>,
}

impl ServiceStart {
    /// From its start until it was well.
    #[must_use]
    pub fn time_to_ready(&self) -> Option<Duration> {
        Some(self.ready?.since(self.started?))
    }
}

/// How a system has started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StartReport {
    /// All services, in the order of the file.
    pub services: Vec<ServiceStart>,
    /// When the last one was ready.
    pub complete: Option<Time>,
    /// Why not all were, by the deadline.
    pub failed: Option<StartError>,
}

impl StartReport {
    /// The services by level.
    #[must_use]
    pub fn levels(&self) -> Vec<Vec<&str>> {
        let most = self.services.iter().map(|service| service.level + 1).max().unwrap_or(0);
        let mut levels = vec![Vec::new(); most];
        for service in &self.services {
            levels[service.level].push(service.service.as_str());
        }
        levels
    }

    /// As it is at that moment of a run.
    #[must_use]
    pub fn of(view: &View<'_>) -> Option<StartReport> {
        view.probe::<StartReport>("world", "start").map(|report| (*report).clone())
    }
}

/// Who waits for whom when a system has not started by its deadline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct StartError {
    /// The deadline.
    pub at: Time,
    /// What is waited for, in the order of the file.
    pub waits: Vec<Wait>,
}

/// Something that has not come in time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Wait {
    /// The service that waits; none if the other one has started, and is not well yet.
    pub service: Option<String>,
    /// For which.
    pub on: String,
    /// Until it is what.
    pub condition: Condition,
    /// Since when.
    pub since: Time,
    /// How that one is.
    pub state: String,
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Wait { service, on, condition, since, state } = self;
        match service {
            Some(service) => {
                let condition = condition.name();
                write!(f, "`{service}` waits for `{on}` ({condition}) since {since}: {state}")
            }
            None => write!(f, "`{on}` is not ready since {since}: {state}"),
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not started by {}: ", self.at)?;
        for (at, wait) in self.waits.iter().enumerate() {
            let gap = if at == 0 { "" } else { "; " };
            write!(f, "{gap}{wait}")?;
        }
        Ok(())
    }
}

/// The property that every orchestrated world has: all services are ready by the deadline.
pub(super) fn in_time(view: &View<'_>) -> Verdict {
    match view.probe::<StartReport>("world", "start").as_deref() {
        Some(StartReport { failed: Some(error), .. }) => Verdict::violated(error.to_string()),
        Some(StartReport { complete: Some(_), .. }) => Verdict::Holds,
        _ => Verdict::Unknown("not all services are ready yet".to_owned()),
    }
}
