//! What a search found. Its text is the business of [`crate::report`].

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use super::hunt::Hunt;
use super::{Coverage, Search, Strategy};
use crate::kernel::Scheduling;
use crate::shrink::{Shrunk, Signature};
use crate::sim::{Outcome, Run, vacuous};
use crate::verdict::{Verdict, Violation};

/// How far a search is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Seeds that are done, of those before them too.
    pub done: u64,
    /// Seeds of this search.
    pub total: u64,
    /// Failures, and seeds that did not replay.
    pub findings: u64,
    /// Wall time so far.
    pub elapsed: Duration,
}

/// A property that is violated in a run that replays.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The property's name.
    pub property: String,
    /// Its verdict with the witness, and the event that decided it, in [`Failure::run`].
    pub outcome: Outcome,
    /// The number of seeds that were run until it was found, itself included.
    pub found_after: u64,
    /// How often it was run again in this process; all of these runs were the same.
    pub replays: u32,
    /// Whether it ran the same way in a fresh process too, or why that was not tried.
    pub in_fresh: Result<(), String>,
    /// How it was made smaller; none if it was replayed only.
    pub shrunk: Option<Shrunk>,
    /// How ready tasks were chosen.
    pub scheduling: Scheduling,
    /// The file that its plan was saved in.
    pub script: PathBuf,
    /// The page that shows it, if one was written.
    pub page: Option<PathBuf>,
    /// The command that shows it again.
    pub command: String,
    /// Other seeds whose smallest script is the same but for its numbers.
    pub alike: Vec<u64>,
    /// The run, made as small as it got, with its whole journal.
    pub run: Box<Run>,
}

impl Failure {
    /// What it has in common with failures of the same cause.
    #[must_use]
    pub fn signature(&self) -> Signature {
        Signature::of(&self.property, &self.run.plan)
    }
}

/// A seed that does not replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nondeterminism {
    /// The seed.
    pub seed: u64,
    /// The property that one of its runs violated, if any.
    pub property: Option<String>,
    /// The first event in which two runs differ, what led there, and where its task was spawned.
    pub text: String,
}

/// What a search found.
#[derive(Clone, Debug)]
pub struct SearchReport {
    /// The world's name.
    pub sim: String,
    /// Its variant; empty for a world without variants.
    pub variant: String,
    /// How ready tasks were chosen.
    pub strategy: Strategy,
    /// The seeds that were asked for.
    pub seeds: Range<u64>,
    /// Which part of them: the `i`-th of `n`.
    pub shard: (u64, u64),
    /// The number of seeds of that part.
    pub planned: u64,
    /// Seeds that were done before, by a search that this one resumes.
    pub resumed: u64,
    /// True if one run was replayed instead of a search.
    pub replayed: bool,
    /// True if that run was asked for with a plan, which must then strike.
    pub plan_given: bool,
    /// What the runs have seen.
    pub coverage: Coverage,
    /// Of a replayed plan, each fault that never struck, with what is known of why.
    pub idle: Vec<String>,
    /// Seeds that were run twice and compared.
    pub sampled: u64,
    /// Failures with different causes, each with its lowest seed.
    pub failures: Vec<Failure>,
    /// Failures that were collected and not looked into, with the property that was violated.
    pub unshrunk: Vec<(u64, String)>,
    /// Seeds that do not replay.
    pub nondeterminism: Vec<Nondeterminism>,
    /// True if std's clock, entropy and hash keys were those of the world.
    pub sealed: bool,
    /// Wall time, in which no two searches agree.
    pub elapsed: Duration,
}

impl SearchReport {
    pub(super) fn new(search: &Search, hunt: &Hunt, resumed: u64) -> SearchReport {
        SearchReport {
            sim: search.world.name.clone(),
            variant: search.variant.clone(),
            strategy: search.strategy,
            seeds: search.seeds.clone(),
            shard: search.shard,
            planned: search.total(),
            resumed,
            replayed: false,
            plan_given: false,
            coverage: hunt.coverage.clone(),
            idle: Vec::new(),
            sampled: hunt.sampled,
            failures: Vec::new(),
            unshrunk: Vec::new(),
            nondeterminism: Vec::new(),
            sealed: cfg!(madsim),
            elapsed: Duration::ZERO,
        }
    }

    /// Holds, violated or unknown; see [`crate::explore`] for what each means.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let coverage = &self.coverage;
        if let Some(failure) = self.failures.first() {
            let witness = Violation::new(failure.outcome.verdict.text());
            return witness.of(&failure.property).into();
        }
        if let Some((_, property)) = self.unshrunk.first() {
            return Verdict::violated(property.clone());
        }
        if let Some(first) = self.nondeterminism.first() {
            return Verdict::Unknown(format!("seed {} does not replay", first.seed));
        }
        if coverage.runs == 0 {
            return Verdict::Unknown("no seed was run".to_owned());
        }
        if let Some(first) = &coverage.first_unknown {
            let reason = match coverage.unknown {
                1 => format!("seed {} has no verdict", first.seed),
                many => format!("{many} seeds without a verdict, the first of them {}", first.seed),
            };
            return Verdict::Unknown(format!("{reason}: {}", first.reason));
        }
        // One seed whose drawn faults are idle is no search: only a plan that was given must strike.
        if coverage.is_vacuous() && (!self.replayed || self.plan_given) {
            let (planned, _) = coverage.struck();
            return vacuous(planned);
        }
        if self.replayed {
            return Verdict::Holds;
        }
        match coverage.unseen().first() {
            Some(name) => Verdict::Unknown(format!("blind: no seed ever saw \"{name}\"")),
            None => Verdict::Holds,
        }
    }
}
