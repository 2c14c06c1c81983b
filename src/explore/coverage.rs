//! What many runs together have seen: which faults struck, which properties and points were reached.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::chaos::FaultKind;
use crate::sim::{PropertyKind, Run};
use crate::verdict::Verdict;

/// The faults of one kind over a search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindCount {
    /// Faults in plans.
    pub planned: u64,
    /// Those that struck at least once.
    pub struck: u64,
    /// Messages, operations or instants that they were asked about.
    pub opportunities: u64,
    /// Times that they changed something.
    pub hits: u64,
}

/// A run about which nothing can be said, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownRun {
    /// Its seed.
    pub seed: u64,
    /// The reason.
    pub reason: String,
}

/// What the runs of a search have seen together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Runs.
    pub runs: u64,
    /// Events of all of them.
    pub events: u64,
    /// By kind, those that some plan had.
    pub faults: BTreeMap<FaultKind, KindCount>,
    /// For each other property, the number of seeds in which it held.
    #[serde(default)]
    pub held: BTreeMap<String, u64>,
    /// For each `sometimes` property, the number of seeds that saw it.
    pub sometimes: BTreeMap<String, u64>,
    /// For each point, named by the world or not, the number of seeds that reached it.
    pub points: BTreeMap<String, u64>,
    /// Runs without a verdict.
    pub unknown: u64,
    /// The first of them.
    pub first_unknown: Option<UnknownRun>,
}

impl Coverage {
    /// What one run has seen.
    #[must_use]
    pub fn of(run: &Run) -> Coverage {
        let mut coverage = Coverage { runs: 1, events: run.journal.total(), ..Coverage::default() };
        for (fault, tally) in run.plan.faults.iter().zip(&run.tallies) {
            let count = coverage.faults.entry(fault.kind()).or_default();
            count.planned += 1;
            count.struck += u64::from(tally.hits > 0);
            count.opportunities += tally.opportunities;
            count.hits += tally.hits;
        }
        for outcome in &run.outcomes {
            let counts = match outcome.kind {
                PropertyKind::Sometimes => &mut coverage.sometimes,
                _ => &mut coverage.held,
            };
            counts.insert(outcome.property.clone(), u64::from(outcome.verdict.holds()));
        }
        for point in run.points.union(&run.reached) {
            coverage.points.insert(point.clone(), u64::from(run.reached.contains(point)));
        }
        if let Verdict::Unknown(reason) = run.verdict() {
            coverage.unknown = 1;
            coverage.first_unknown = Some(UnknownRun { seed: run.seed.0, reason });
        }
        coverage
    }

    /// Adds what later runs have seen.
    pub fn add(&mut self, later: &Coverage) {
        self.runs += later.runs;
        self.events += later.events;
        self.unknown += later.unknown;
        for (kind, more) in &later.faults {
            let count = self.faults.entry(*kind).or_default();
            count.planned += more.planned;
            count.struck += more.struck;
            count.opportunities += more.opportunities;
            count.hits += more.hits;
        }
        sum_up(&mut self.held, &later.held);
        sum_up(&mut self.sometimes, &later.sometimes);
        sum_up(&mut self.points, &later.points);
        if self.first_unknown.is_none() {
            self.first_unknown.clone_from(&later.first_unknown);
        }
    }

    /// Faults in plans, and those that struck.
    #[must_use]
    pub fn struck(&self) -> (u64, u64) {
        let sum = |of: fn(&KindCount) -> u64| self.faults.values().map(of).sum();
        (sum(|c| c.planned), sum(|c| c.struck))
    }

    /// True if there were faults and none of them ever struck: the search proves nothing about them.
    #[must_use]
    pub fn is_vacuous(&self) -> bool {
        let (planned, struck) = self.struck();
        planned > 0 && struck == 0
    }

    /// The kinds of faults that were planned and never struck.
    #[must_use]
    pub fn idle_kinds(&self) -> Vec<FaultKind> {
        let idle = self.faults.iter().filter(|(_, count)| count.struck == 0);
        idle.map(|(kind, _)| *kind).collect()
    }

    /// The `sometimes` properties that no seed saw: if there is one, the search is blind.
    #[must_use]
    pub fn unseen(&self) -> Vec<&str> {
        never(&self.sometimes)
    }

    /// The points that the world names and no seed reached.
    #[must_use]
    pub fn unreached(&self) -> Vec<&str> {
        never(&self.points)
    }
}

fn sum_up(sums: &mut BTreeMap<String, u64>, more: &BTreeMap<String, u64>) {
    for (name, seeds) in more {
        match sums.get_mut(name) {
            Some(sum) => *sum += seeds,
            None => _ = sums.insert(name.clone(), *seeds),
        }
    }
}

fn never(counts: &BTreeMap<String, u64>) -> Vec<&str> {
    counts.iter().filter(|(_, seeds)| **seeds == 0).map(|(name, _)| name.as_str()).collect()
}
