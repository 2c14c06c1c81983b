//! Whether replicas come to agree once everything is healed: when, and if not, who differs in what.
//!
//! Replicas show their states with [`Ctx::publish_state`](crate::service::Ctx::publish_state):
//!
//! ```
//! use std::collections::BTreeMap;
//! use std::time::Duration;
//! use stormglass::convergence::Convergence;
//! use stormglass::prelude::*;
//!
//! fn world(sim: &mut Sim) {
//!     sim.process("replica", |ctx| async move {
//!         let peers = ["replica-0", "replica-1"].into_iter().filter(|name| *name != ctx.name());
//!         let own = if ctx.name() == "replica-0" { 7u8 } else { 3 };
//!         let mut state = BTreeMap::from([("best", own)]);
//!         let Ok(endpoint) = ctx.bind(7) else { return };
//!         loop {
//!             ctx.publish_state("state", &state);
//!             for peer in peers.clone() {
//!                 let _ = endpoint.send(peer, 7, vec![state["best"]]);
//!             }
//!             let heard = ctx.timeout(Duration::from_millis(50), endpoint.receive()).await;
//!             if let Ok(Ok((packet, _))) = heard {
//!                 state.insert("best", state["best"].max(packet[0]));
//!             }
//!         }
//!     })
//!     .replicas(2);
//!     let agree = || Convergence::of("state").replicas(["replica-0", "replica-1"]);
//!     sim.eventually("the replicas agree", agree().eventually());
//!     sim.check("within 5 s", agree().within(Duration::from_secs(5)).check());
//! }
//!
//! assert!(run(&world, &RunConfig::seed(1)).verdict().holds());
//! ```
//!
//! Three things are told apart, as the published tests of causally consistent stores do: a replica that
//! shows nothing, replicas that differ, and a value that nobody wrote. Replicas that were given the
//! same updates must agree at every moment, not only in the end, if they promise *strong* eventual
//! consistency (Shapiro et al. 2011): see [`strong`].

mod difference;
mod strong;
mod written;

pub use difference::{Difference, differences};
pub use strong::strong;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::history::Snapshot;
use crate::journal::{Journal, Kind};
use crate::sim::View;
use crate::time::Time;
use crate::verdict::Verdict;
use written::Written;

/// What is expected of replicas that show their states under one name.
#[derive(Clone, Debug)]
pub struct Convergence {
    probe: String,
    replicas: Vec<String>,
    within: Option<Duration>,
    written_to: Option<String>,
    initial: Value,
}

/// The states of replicas by name.
type States = BTreeMap<String, Value>;

impl Convergence {
    /// All that show a state under `probe` are to agree; there must be two.
    #[must_use]
    pub fn of(probe: &str) -> Convergence {
        Convergence {
            probe: probe.to_owned(),
            replicas: Vec::new(),
            within: None,
            written_to: None,
            initial: Value::Null,
        }
    }

    /// These nodes are to agree, no others; one that shows nothing is missed.
    #[must_use]
    pub fn replicas<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Convergence {
        self.replicas.extend(names.into_iter().map(Into::into));
        self
    }

    /// They are to agree within this virtual time after chaos has ended. Only
    /// [`Convergence::check`] looks at it.
    #[must_use]
    pub fn within(self, bound: Duration) -> Convergence {
        Convergence { within: Some(bound), ..self }
    }

    /// In the end a key of a state may only have a value that was written to it by an operation
    /// recorded on `object` (a `write`, `put` or `cas` that did not fail), or its value in `initial`.
    /// Only [`Convergence::check`] looks at it.
    ///
    /// # Panics
    ///
    /// If `initial` cannot be written as JSON.
    #[must_use]
    #[track_caller]
    pub fn written_to(self, object: &str, initial: impl Serialize) -> Convergence {
        let initial = Snapshot::of(&initial).0;
        Convergence { written_to: Some(object.to_owned()), initial, ..self }
    }

    /// The property for [`Sim::eventually`](crate::sim::Sim::eventually): all are there, and agree.
    pub fn eventually(self) -> impl Fn(&View<'_>) -> Verdict + 'static {
        move |view| {
            let probes = view.probes::<Snapshot>(&self.probe).into_iter();
            let verdict =
                self.judge(&probes.map(|(node, state)| (node, state.0.clone())).collect());
            match verdict {
                Verdict::Violated(violation) => {
                    violation.with_events(view.probe_events(&self.probe)).into()
                }
                verdict => verdict,
            }
        }
    }

    /// The property for [`Sim::check`](crate::sim::Sim::check): as they were seen last, all are there
    /// and agree, in time, and on what was written.
    ///
    /// A world without `eventually` properties ends as soon as chaos does, and leaves replicas no time
    /// to agree: declare [`Convergence::eventually`] as well.
    pub fn check(self) -> impl Fn(&Journal) -> Verdict + 'static {
        move |journal| self.report(journal).verdict
    }

    fn judge(&self, states: &States) -> Verdict {
        let mut missing =
            self.replicas.iter().filter(|name| !states.contains_key(*name)).peekable();
        if missing.peek().is_some() {
            let names: Vec<&str> = missing.map(String::as_str).collect();
            return Verdict::violated(format!("{} showed no `{}`", names.join(", "), self.probe));
        }
        if states.len() < 2 {
            let few = if states.is_empty() { "nobody" } else { "only one replica" };
            return Verdict::Unknown(format!("{few} has published a state `{}`", self.probe));
        }
        match differences(states).as_slice() {
            [] => Verdict::Holds,
            some => Verdict::violated(told(some)),
        }
    }

    fn concerns(&self, node: &str) -> bool {
        self.replicas.is_empty() || self.replicas.iter().any(|name| name == node)
    }

    /// Goes through a journal, and says how the replicas came to agree, or did not.
    #[must_use]
    pub fn report(&self, journal: &Journal) -> Report {
        let mut report = Report::default();
        let mut states = States::new();
        let mut shown = BTreeMap::new();
        for event in journal.events() {
            match event.kind() {
                Kind::Heal => report.healed = Some(event.at()),
                Kind::Probe if event.symbol() == self.probe && self.concerns(event.node_name()) => {
                    let text = event.text().unwrap_or_default();
                    let Ok(state) = serde_json::from_str(text) else {
                        let reason = format!("`{}` is no state: {text}", self.probe);
                        report.verdict = Verdict::Unknown(reason + "; publish_state writes one");
                        return report;
                    };
                    let node = event.node_name();
                    shown.insert(node, event.id());
                    let before = states.insert(node.to_owned(), state);
                    let agreed = report.agreed.take();
                    if self.judge(&states).holds() {
                        let (since, last) = (event.at(), node.to_owned());
                        let unchanged = before.as_ref() == states.get(node);
                        report.agreed =
                            agreed.filter(|_| unchanged).or(Some(Agreed { since, last }));
                    }
                }
                _ => {}
            }
        }
        report.missing.extend(self.replicas.iter().filter(|n| !states.contains_key(*n)).cloned());
        report.differences = differences(&states);
        report.verdict = match self.verdict(&report, journal, &states) {
            Verdict::Violated(violation) => violation.with_events(shown.into_values()).into(),
            verdict => verdict,
        };
        report
    }

    fn verdict(&self, report: &Report, journal: &Journal, states: &States) -> Verdict {
        let verdict = self.judge(states);
        if !verdict.holds() {
            return verdict;
        }
        if let Some(bound) = self.within {
            match report.time_to_converge() {
                None => return Verdict::Unknown("the world ended before it was healed".to_owned()),
                Some(took) if took > bound => {
                    return Verdict::violated(format!(
                        "the replicas agreed {} after chaos had ended, {} last; {} was the bound",
                        Time::from(took),
                        report.agreed.as_ref().map_or("?", |agreed| &agreed.last),
                        Time::from(bound),
                    ));
                }
                Some(_) => {}
            }
        }
        match &self.written_to {
            None => Verdict::Holds,
            Some(object) => match Written::to(journal, object, &self.initial) {
                Ok(written) => written.judge(states),
                Err(error) => Verdict::Unknown(error.to_string()),
            },
        }
    }
}

/// Since when replicas agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// The moment from which on all were equal, until the end.
    pub since: Time,
    /// The replica whose state came last.
    pub last: String,
}

/// How replicas came to agree in one run.
#[derive(Clone, Debug)]
pub struct Report {
    /// What it comes to.
    pub verdict: Verdict,
    /// When chaos had ended; none if the world ended before.
    pub healed: Option<Time>,
    /// Since when they agree; none if they do not.
    pub agreed: Option<Agreed>,
    /// Replicas that were expected and never showed a state.
    pub missing: Vec<String>,
    /// Where they differ in the end.
    pub differences: Vec<Difference>,
}

impl Default for Report {
    fn default() -> Self {
        Report {
            verdict: Verdict::Unknown("no journal was read".to_owned()),
            healed: None,
            agreed: None,
            missing: Vec::new(),
            differences: Vec::new(),
        }
    }
}

impl Report {
    /// The virtual time from the end of chaos until they agreed; zero if they did before. None if they
    /// do not, or chaos did not end.
    #[must_use]
    pub fn time_to_converge(&self) -> Option<Duration> {
        Some(self.agreed.as_ref()?.since.since(self.healed?))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.verdict, self.time_to_converge(), &self.agreed) {
            (Verdict::Holds, Some(took), Some(agreed)) => {
                write!(f, "converged {} after healing, {} last", Time::from(took), agreed.last)
            }
            (verdict, ..) => write!(f, "{verdict}"),
        }
    }
}

/// The first few differences.
fn told(differences: &[Difference]) -> String {
    const SHOWN: usize = 5;
    let mut lines: Vec<String> =
        differences.iter().take(SHOWN).map(Difference::to_string).collect();
    if differences.len() > SHOWN {
        lines.push(format!("{} keys more", differences.len() - SHOWN));
    }
    lines.join("; ")
}
