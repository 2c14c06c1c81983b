//! Where candidates are tried: remembers what was tried, counts the runs, knows what must fail.

use std::collections::BTreeMap;

use crate::chaos::FaultPlan;
use crate::explore::World;
use crate::journal::Recording;
use crate::kernel::Scheduling;
use crate::sim::{CLIENTS_END, Outcome, PropertyKind, Run, RunConfig};
use crate::verdict::Verdict;

pub(super) struct Lab<'a> {
    world: &'a World,
    property: &'a str,
    /// The seed, the variant and the scheduling of the candidates.
    pub(super) config: RunConfig,
    /// The run that is to be made small.
    pub(super) found: Run,
    /// What came of a candidate, by its plan and scheduling as text.
    tried: BTreeMap<String, Tried>,
    pub(super) runs: usize,
    pub(super) runs_max: usize,
    /// What candidates need to keep: nothing, unless a property reads the journal.
    recording: Recording,
}

/// What came of a candidate.
#[derive(Clone, Default)]
pub(super) struct Tried {
    /// The same property is violated.
    pub(super) fails: bool,
    /// The checks of which nothing can be said.
    pub(super) unknown: Vec<String>,
}

impl<'a> Lab<'a> {
    pub(super) fn new(
        world: &'a World,
        config: &RunConfig,
        property: &'a str,
        runs_max: usize,
    ) -> Lab<'a> {
        let found = world.run(config);
        let reads_journal = found.outcomes.iter().any(|o| o.kind == PropertyKind::Check);
        Lab {
            world,
            property,
            config: config.clone(),
            found,
            tried: BTreeMap::new(),
            runs: 0,
            runs_max,
            recording: if reads_journal { Recording::Full } else { Recording::Digest },
        }
    }

    /// True if no further candidate may be tried.
    pub(super) fn is_used_up(&self) -> bool {
        self.runs >= self.runs_max
    }

    /// True if the same property is violated under `plan`. A plan that cannot be, or for which no
    /// run is left, does not fail.
    pub(super) fn fails(&mut self, plan: &FaultPlan) -> bool {
        self.try_out(plan).fails
    }

    /// As [`Lab::fails`], with what is unknown under `plan`.
    pub(super) fn try_out(&mut self, plan: &FaultPlan) -> Tried {
        let key = format!("{}\n{}", self.config.scheduling, plan.to_toml());
        if let Some(known) = self.tried.get(&key) {
            return known.clone();
        }
        if self.is_used_up() || plan.check(&self.found.topology).is_err() {
            return Tried::default();
        }
        let recording = self.recording;
        let config = RunConfig { recording, ..self.config.clone().plan(plan.clone()) };
        self.runs += 1;
        let run = self.world.run(&config);
        let fails = run.outcomes.iter().any(|outcome| self.is_it(outcome));
        let unknown = run.outcomes.iter().filter(|outcome| {
            outcome.kind == PropertyKind::Check && matches!(outcome.verdict, Verdict::Unknown(_))
        });
        let unknown = unknown.map(|outcome| outcome.property.clone()).collect();
        let tried = Tried { fails, unknown };
        self.tried.insert(key, tried.clone());
        tried
    }

    /// A run under `plan` with its whole journal.
    pub(super) fn run(&mut self, plan: &FaultPlan) -> Run {
        self.runs += 1;
        let config = self.config.clone().plan(plan.clone());
        self.world.run(&RunConfig { recording: Recording::Full, ..config })
    }

    /// True if this is the failure that must stay.
    pub(super) fn is_it(&self, outcome: &Outcome) -> bool {
        outcome.kind != PropertyKind::Sometimes
            && outcome.property == self.property
            && outcome.verdict.is_violated()
    }

    /// What a run says of the property that must stay violated. A run that was stopped says nothing;
    /// one that ended without a word of a built-in property keeps it.
    pub(super) fn verdict(&self, run: &Run) -> Verdict {
        let of_it = |o: &&Outcome| {
            o.kind != PropertyKind::Sometimes
                && (o.property == self.property || o.property == CLIENTS_END)
        };
        let verdicts = run.outcomes.iter().filter(of_it).map(|o| o.verdict.clone());
        verdicts.fold(Verdict::Holds, Verdict::and)
    }

    /// Lets tasks run in turn from here on, if it fails so too: that is one thing less to explain.
    pub(super) fn prefer_fifo(&mut self, plan: &FaultPlan) {
        let scheduling = std::mem::replace(&mut self.config.scheduling, Scheduling::Fifo);
        if scheduling != Scheduling::Fifo && !self.fails(plan) {
            self.config.scheduling = scheduling;
        }
    }
}
