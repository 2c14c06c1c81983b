//! From a finding to a failure that can be shown: it replays here and in a fresh process, and it is
//! as small as it gets. What does not replay is nondeterminism, and is reported as that.

use super::fresh::config_of;
use super::hunt::{Finding, Hunt, Sign};
use super::report::{Failure, Nondeterminism, SearchReport};
use super::world::Sounding;
use super::{Coverage, Search};
use crate::chaos::{Replay, Script};
use crate::error::{Error, Result};
use crate::journal::{Event, EventId, Fingerprint, Journal, Kind, first_divergence};
use crate::report::html;
use crate::shrink::{Shrunk, shrink};
use crate::sim::{Run, RunConfig};

/// How often a failure is run again before it is shown.
const REPLAYS: u32 = 3;
/// What is said of a failure that is none the next time.
const FAILED_BEFORE: &str = "it failed several times, and then no longer: something outside of the \
                             world decides";
/// All failures of a search together may use so many times the runs of one.
const SHRINK_SHARE: usize = 10;

impl Search {
    /// Makes failures of the findings, lowest seed first.
    pub(super) fn explain(
        &self,
        hunt: &Hunt,
        sounding: &Sounding,
        report: &mut SearchReport,
    ) -> Result {
        let mut left = self.shrink_runs.saturating_mul(SHRINK_SHARE);
        for finding in &hunt.findings {
            let Sign::Violated(property) = &finding.sign else {
                report.nondeterminism.push(self.differing(finding, sounding));
                continue;
            };
            if left == 0 && self.shrink_runs > 0 {
                report.unshrunk.push((finding.seed, property.clone()));
                continue;
            }
            match self.prove(finding, property, sounding, report)? {
                Ok(runs) => left = left.saturating_sub(runs),
                Err(nondeterminism) => report.nondeterminism.push(nondeterminism),
            }
        }
        Ok(())
    }

    /// Adds one failure to the report, or says why it is none; the number of runs spent on it.
    fn prove(
        &self,
        finding: &Finding,
        property: &str,
        sounding: &Sounding,
        report: &mut SearchReport,
    ) -> Result<std::result::Result<usize, Nondeterminism>> {
        let config = self.config(crate::seed::Seed(finding.seed), sounding);
        let found = match self.replays(&config, Some(finding.fingerprint)) {
            Ok(run) => run,
            Err(text) => return Ok(Err(self.nondeterminism(finding, text))),
        };
        let config = RunConfig { plan: Some(found.plan.clone()), ..config };
        let shrunk = shrink(&self.world, &config, property, self.shrink_runs);
        let signature = shrunk.signature();
        let runs = shrunk.runs;
        if let Some(known) = report.failures.iter_mut().find(|f| f.signature() == signature) {
            known.alike.push(finding.seed);
            return Ok(Ok(runs));
        }
        let config =
            RunConfig { plan: Some(shrunk.plan.clone()), scheduling: shrunk.scheduling, ..config };
        let failure = self.confirm(&config, finding.index + 1, Some(shrunk))?;
        Ok(match failure {
            Ok(Some(failure)) => {
                report.failures.push(failure);
                Ok(runs)
            }
            Ok(None) => Err(self.nondeterminism(finding, FAILED_BEFORE.to_owned())),
            Err(text) => Err(self.nondeterminism(finding, text)),
        })
    }

    /// Runs `config` three times here and once in a fresh process; the failure, if it fails, or how
    /// the runs differ.
    fn confirm(
        &self,
        config: &RunConfig,
        found_after: u64,
        shrunk: Option<Shrunk>,
    ) -> Result<std::result::Result<Option<Failure>, String>> {
        let run = match self.replays(config, None) {
            Ok(run) => run,
            Err(text) => return Ok(Err(text)),
        };
        let property = shrunk.as_ref().map(|shrunk| shrunk.property.clone());
        let violated = run.outcomes.iter().find(|outcome| match &property {
            Some(property) => outcome.property == *property && outcome.verdict.is_violated(),
            None => run.violated().is_some_and(|first| first == *outcome),
        });
        let Some(outcome) = violated.cloned() else { return Ok(Ok(None)) };
        let script = Script {
            replay: Replay {
                sim: Some(self.world.name.clone()),
                variant: Some(self.variant.clone()).filter(|variant| !variant.is_empty()),
                seed: Some(config.seed),
                scheduling: Some(config.scheduling),
            },
            plan: run.plan.clone(),
        };
        let in_fresh = match self.fresh.journal(self, &script) {
            Ok(journal) if journal.fingerprint() == run.fingerprint() => Ok(()),
            Ok(journal) => {
                let parted = parting(&run.journal, &journal);
                return Ok(Err(format!("a fresh process (B) ran another way\n{parted}")));
            }
            Err(reason) => Err(reason),
        };
        let path = match (&shrunk, &self.given) {
            (None, Some(given)) => given.clone(),
            (None, None) => self.drawn_path(config.seed),
            (Some(_), _) => self.script_path(config.seed),
        };
        if self.given.as_ref() != Some(&path) {
            script.save(&path)?;
        }
        Ok(Ok(Some(Failure {
            property: outcome.property.clone(),
            outcome,
            found_after,
            replays: REPLAYS,
            in_fresh,
            shrunk,
            scheduling: config.scheduling,
            command: self.fresh.command(self, config.seed, &path),
            script: path,
            page: None,
            alike: Vec::new(),
            run: Box::new(run),
        })))
    }

    /// Runs the script's run, in the variant that it names, as often as a failure that was found,
    /// and makes nothing smaller.
    ///
    /// # Errors
    ///
    /// [`Error::World`] if the script does not say which seed, is of another world, or names what
    /// the world does not have; [`Error::Io`] if a file cannot be written.
    pub fn replay(&self, script: &Script) -> Result<SearchReport> {
        let Replay { sim, variant, seed, .. } = &script.replay;
        let name = &self.world.name;
        if let Some(other) = sim.as_ref().filter(|sim| *sim != name) {
            return Err(Error::World(format!("the script is of `{other}`, not of `{name}`")));
        }
        let no_seed = || {
            let hint = "give it a section `[replay]` with `seed = 0`";
            Error::World(format!("the script does not say which seed of `{name}`; {hint}"))
        };
        let seed = seed.ok_or_else(no_seed)?;
        let search = self.clone().variant(match variant {
            Some(variant) => variant,
            None => &self.variant,
        });
        let search = search.in_known_variant()?;
        script.plan.check(&search.world.topology(seed, &search.variant))?;
        search.replay_run(&config_of(&search, script))
    }

    /// As [`Search::replay`], of the run that `config` asks for.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if a file cannot be written, [`Error::World`] if the world has no such variant.
    pub fn replay_run(&self, config: &RunConfig) -> Result<SearchReport> {
        self.in_known_variant()?.one_run(config, 0)
    }

    /// Makes the run that `config` asks for as small as it gets, if it fails.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if a file cannot be written, [`Error::World`] if the world has no such variant.
    pub fn shrink(&self, config: &RunConfig) -> Result<SearchReport> {
        self.in_known_variant()?.one_run(config, self.shrink_runs)
    }

    fn one_run(&self, config: &RunConfig, shrink_runs: usize) -> Result<SearchReport> {
        self.fresh.serve(self);
        let watch = super::Stopwatch::start();
        let seed = config.seed.0;
        let mut report = SearchReport::new(self, &Hunt::default(), 0);
        report.replayed = true;
        report.seeds = seed..seed.saturating_add(1);
        let first = self.world.run(config);
        report.coverage = Coverage::of(&first);
        report.plan_given = first.plan_given;
        report.idle = if first.plan_given { idle_lines(&first) } else { Vec::new() };
        let violated = first.violated().map(|outcome| outcome.property.clone());
        let sign = violated.map_or(Sign::Differs, Sign::Violated);
        let finding = Finding { index: 0, seed, fingerprint: first.fingerprint(), sign };
        let config = RunConfig { plan: Some(first.plan.clone()), ..config.clone() };
        let proven = match (&finding.sign, self.replays(&config, Some(finding.fingerprint))) {
            (_, Err(text)) => Err(text),
            (Sign::Violated(property), Ok(_)) if shrink_runs > 0 => {
                let shrunk = shrink(&self.world, &config, property, shrink_runs);
                let (plan, scheduling) = (Some(shrunk.plan.clone()), shrunk.scheduling);
                self.confirm(&RunConfig { plan, scheduling, ..config }, 1, Some(shrunk))?
            }
            (_, Ok(_)) => self.confirm(&config, 1, None)?,
        };
        let failed = matches!(finding.sign, Sign::Violated(_));
        match proven {
            Ok(None) if failed => {
                let text = FAILED_BEFORE.to_owned();
                report.nondeterminism.push(self.nondeterminism(&finding, text));
            }
            Ok(failure) => report.failures.extend(failure),
            Err(text) => report.nondeterminism.push(self.nondeterminism(&finding, text)),
        }
        html::save_failures(&mut report, |script| self.page_path(script))?;
        report.elapsed = watch.elapsed();
        Ok(report)
    }

    /// The run, if three of it are the same and have that fingerprint; else how they differ.
    fn replays(
        &self,
        config: &RunConfig,
        fingerprint: Option<Fingerprint>,
    ) -> std::result::Result<Run, String> {
        let first = self.world.run(config);
        for _ in 1..REPLAYS {
            let again = self.world.run(config);
            if again.fingerprint() != first.fingerprint() {
                return Err(parting(&first.journal, &again.journal));
            }
        }
        if fingerprint.is_some_and(|fingerprint| fingerprint != first.fingerprint()) {
            return Err(format!(
                "the first run differs from {REPLAYS} later ones, which are the same: something \
                 that one run leaves behind in the process reaches into the next"
            ));
        }
        Ok(first)
    }

    /// A seed of the sample that ran in two ways.
    fn differing(&self, finding: &Finding, sounding: &Sounding) -> Nondeterminism {
        let config = self.config(crate::seed::Seed(finding.seed), sounding);
        let text = self.replays(&config, Some(finding.fingerprint)).err();
        let text = text
            .unwrap_or_else(|| "two runs of it differed in the search; now they do not".to_owned());
        self.nondeterminism(finding, text)
    }

    fn nondeterminism(&self, finding: &Finding, text: String) -> Nondeterminism {
        let property = match &finding.sign {
            Sign::Violated(property) => Some(property.clone()),
            Sign::Differs => None,
        };
        Nondeterminism { seed: finding.seed, property, text }
    }
}

/// The first event in which two runs of one seed differ, as text, with the place where its task was
/// spawned.
pub(crate) fn parting(a: &Journal, b: &Journal) -> String {
    let Some(divergence) = first_divergence(a, b) else {
        return "their fingerprints differ, their events do not".to_owned();
    };
    let text = divergence.render(a, b);
    let left = divergence.left.and_then(|id| spawned_at(a, id));
    let place = left.or_else(|| divergence.right.and_then(|id| spawned_at(b, id)));
    match place {
        Some(place) if !text.contains(&place) => {
            format!("{text}its task was spawned at {place}\n")
        }
        _ => text,
    }
}

/// Where the nearest task in the past of `id`, its own as a rule, was spawned.
fn spawned_at(journal: &Journal, id: EventId) -> Option<String> {
    let node = journal.get(id)?.node();
    let before = |event: &Event<'_>| match event.prev() {
        EventId::NONE => journal.get(event.cause()),
        prev => journal.get(prev),
    };
    let mut past = std::iter::successors(journal.get(id), before);
    let spawn = past.find(|event| event.kind() == Kind::Spawn && event.node() == node)?;
    spawn.text().map(str::to_owned)
}

/// One line for each fault of the run that never struck.
fn idle_lines(run: &Run) -> Vec<String> {
    let line = |(index, why): (usize, String)| {
        let why = if why.is_empty() { why } else { format!(": {why}") };
        format!("fault {} ({}) never struck{why}", index + 1, run.plan.faults[index])
    };
    run.idle_reasons().into_iter().map(line).collect()
}
