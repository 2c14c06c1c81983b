//! What one run came to.

use std::collections::BTreeSet;

use crate::chaos::FaultPlan;
use crate::journal::{Fingerprint, Journal};
use crate::kernel::{Stop, Waiting};
use crate::net::Tally;
use crate::seed::Seed;
use crate::time::Time;
use crate::topology::Topology;
use crate::verdict::Verdict;

use super::property::{Outcome, PropertyKind};

/// How a world ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Its clients ended, and its time to settle was used or not needed.
    Finished,
    /// A property was violated at that moment; nothing after it was run.
    Violated,
    /// Nothing could happen any more while clients waited.
    Deadlock(Vec<Waiting>),
    /// A budget was used up, or tasks woke each other for ever at one instant.
    Stopped(Stop, Vec<Waiting>),
}

/// One run: what was asked for, what happened, and what it means.
#[derive(Clone, Debug)]
pub struct Run {
    /// The seed that everything followed from.
    pub seed: Seed,
    /// The variant of the world.
    pub variant: String,
    /// Who was in the world.
    pub topology: Topology,
    /// The faults, drawn or given.
    pub plan: FaultPlan,
    /// True if the faults were asked for ([`RunConfig::plan`](crate::sim::RunConfig::plan)), not drawn.
    pub plan_given: bool,
    /// How often each fault could have struck, and did; in the order of the plan.
    pub tallies: Vec<Tally>,
    /// Everything that happened.
    pub journal: Journal,
    /// What each property came to, in the order of their declaration, after the built-in ones.
    pub outcomes: Vec<Outcome>,
    /// How it ended.
    pub end: End,
    /// The virtual time at the end.
    pub duration: Time,
    /// The points that were reached.
    pub reached: BTreeSet<String>,
    /// The points that the world names.
    pub points: BTreeSet<String>,
    /// The number of operations of each workload.
    pub operations: Vec<(String, usize)>,
    /// Polls of tasks; PCT estimates the length of a run by it.
    pub polls: u64,
    /// True if std's clock, OS entropy and hash keys were the world's own.
    pub sealed: bool,
}

impl Run {
    /// The gravest verdict of all properties but the `sometimes` ones, which concern many runs.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.outcomes
            .iter()
            .filter(|o| o.kind != PropertyKind::Sometimes)
            .map(|o| match &o.verdict {
                Verdict::Holds => Verdict::Holds,
                Verdict::Violated(violation) => {
                    Verdict::Violated(violation.clone().of(&o.property))
                }
                Verdict::Unknown(text) => Verdict::Unknown(described(&o.property, text)),
            })
            .fold(Verdict::Holds, Verdict::and)
    }

    /// The first property that is violated.
    #[must_use]
    pub fn violated(&self) -> Option<&Outcome> {
        self.outcomes.iter().find(|o| o.kind != PropertyKind::Sometimes && o.verdict.is_violated())
    }

    /// The hash of everything that happened.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.journal.fingerprint()
    }

    /// The faults that never struck, by their index in the plan.
    #[must_use]
    pub fn idle_faults(&self) -> Vec<usize> {
        let idle = self.tallies.iter().enumerate().filter(|(_, tally)| tally.hits == 0);
        idle.map(|(index, _)| index).collect()
    }

    /// True if the plan has faults and none of them struck: the run proves nothing about them.
    #[must_use]
    pub fn is_vacuous(&self) -> bool {
        !self.plan.faults.is_empty() && self.tallies.iter().all(|tally| tally.hits == 0)
    }
}

fn described(property: &str, text: &str) -> String {
    if text.is_empty() { property.to_owned() } else { format!("{property}: {text}") }
}
