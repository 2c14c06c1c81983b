//! The workers: many runs at once, and an outcome that does not depend on how many.
//!
//! Workers take the seeds in order. Their records are merged in order, and merging ends at the first
//! finding, so what lies behind it counts for nothing, whoever was fast enough to run it.

use std::any::Any;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Search;
use super::coverage::Coverage;
use super::world::{Sounding, named_thread};
use crate::journal::Fingerprint;
use crate::kernel::Stop;
use crate::seed::Seed;
use crate::sim::{End, Run, RunConfig};

/// How often the one who waits looks up: for progress, the time budget and the saved state.
const TICK: Duration = Duration::from_millis(100);

/// Why a seed is of interest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Sign {
    /// This property was violated.
    Violated(String),
    /// Two runs of the seed were not the same.
    Differs,
}

/// A seed of interest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Finding {
    /// Its place in the search, from 0.
    pub(super) index: u64,
    pub(super) seed: u64,
    pub(super) fingerprint: Fingerprint,
    pub(super) sign: Sign,
}

/// What one seed came to.
struct Record {
    coverage: Coverage,
    sampled: bool,
    finding: Option<Finding>,
}

/// What all seeds before `next` came to. Saved, it lets a search go on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hunt {
    /// The first index that is not merged.
    pub(super) next: u64,
    pub(super) coverage: Coverage,
    /// Seeds that were run twice and compared.
    pub(super) sampled: u64,
    pub(super) findings: Vec<Finding>,
}

impl Hunt {
    fn merge(&mut self, record: Record) {
        self.next += 1;
        self.coverage.add(&record.coverage);
        self.sampled += u64::from(record.sampled);
        self.findings.extend(record.finding);
    }
}

/// What the workers share.
struct Shared<'a> {
    search: &'a Search,
    sounding: &'a Sounding,
    /// The index that the next free worker takes.
    next: AtomicU64,
    /// No index from here on is of interest.
    end: AtomicU64,
    /// The time is up: runs are broken off, and no new one begins.
    interrupt: Arc<AtomicBool>,
    merged: Mutex<Merged>,
    done: Condvar,
}

struct Merged {
    hunt: Hunt,
    /// Records that came before their turn.
    early: BTreeMap<u64, Record>,
    working: usize,
    panic: Option<Box<dyn Any + Send>>,
}

impl Search {
    /// Runs the seeds from `hunt.next` on. `tick` is called now and then with what is merged so far,
    /// and may break off.
    pub(super) fn hunt(
        &self,
        hunt: Hunt,
        sounding: &Sounding,
        tick: &mut dyn FnMut(&Hunt) -> ControlFlow<()>,
    ) -> Hunt {
        let total = self.total();
        let over = !self.collect && !hunt.findings.is_empty();
        let jobs = self.jobs.clamp(1, usize::try_from(total).unwrap_or(usize::MAX).max(1));
        let shared = Shared {
            search: self,
            sounding,
            next: AtomicU64::new(hunt.next),
            end: AtomicU64::new(if over { 0 } else { total }),
            interrupt: Arc::default(),
            merged: Mutex::new(Merged { hunt, early: BTreeMap::new(), working: jobs, panic: None }),
            done: Condvar::new(),
        };
        thread::scope(|scope| {
            for _ in 0..jobs {
                let worker = named_thread().spawn_scoped(scope, || shared.work());
                worker.expect("the operating system gives a thread");
            }
            shared.watch(tick);
        });
        let merged = shared.merged.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(panic) = merged.panic {
            resume_unwind(panic);
        }
        merged.hunt
    }
}

impl Shared<'_> {
    fn lock(&self) -> MutexGuard<'_, Merged> {
        self.merged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let result = catch_unwind(AssertUnwindSafe(|| self.take_seeds()));
        let mut merged = self.lock();
        if let Err(panic) = result {
            self.interrupt.store(true, Ordering::Relaxed);
            merged.panic.get_or_insert(panic);
        }
        merged.working -= 1;
        self.done.notify_all();
    }

    fn take_seeds(&self) {
        while !self.interrupt.load(Ordering::Relaxed) {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            if index >= self.end.load(Ordering::Relaxed) {
                return;
            }
            // What was broken off was not run.
            let Some(record) = self.record(index) else { return };
            self.hand_in(index, record);
        }
    }

    /// Runs one seed; twice, if it is one of the sample. None if it was broken off.
    fn record(&self, index: u64) -> Option<Record> {
        let seed = self.search.seed_at(index);
        let sampled = self.search.sample > 0 && index.is_multiple_of(self.search.sample);
        let config = RunConfig {
            recording: self.sounding.recording,
            interrupt: self.interrupt.clone(),
            ..self.search.config(Seed(seed), self.sounding)
        };
        let run = self.run(&config)?;
        let fingerprint = run.fingerprint();
        let violated = run.violated().map(|outcome| Sign::Violated(outcome.property.clone()));
        let again = if sampled { Some(self.run(&config)?.fingerprint()) } else { None };
        let differs = again.is_some_and(|again| again != fingerprint).then_some(Sign::Differs);
        let sign = differs.or(violated);
        Some(Record {
            coverage: Coverage::of(&run),
            sampled,
            finding: sign.map(|sign| Finding { index, seed, fingerprint, sign }),
        })
    }

    fn run(&self, config: &RunConfig) -> Option<Run> {
        let run = self.search.world.run(config);
        let broken_off = matches!(run.end, End::Stopped(Stop::Interrupted, _));
        (!broken_off).then_some(run)
    }

    fn hand_in(&self, index: u64, record: Record) {
        let mut merged = self.lock();
        if record.finding.is_some() && !self.search.collect {
            self.end.fetch_min(index + 1, Ordering::Relaxed);
        }
        merged.early.insert(index, record);
        let end = self.end.load(Ordering::Relaxed);
        while merged.hunt.next < end {
            let next = merged.hunt.next;
            let Some(record) = merged.early.remove(&next) else { break };
            merged.hunt.merge(record);
        }
    }

    /// Waits until the workers have ended.
    fn watch(&self, tick: &mut dyn FnMut(&Hunt) -> ControlFlow<()>) {
        let mut merged = self.lock();
        loop {
            if tick(&merged.hunt).is_break() {
                self.interrupt.store(true, Ordering::Relaxed);
            }
            if merged.working == 0 {
                return;
            }
            let waited = self.done.wait_timeout(merged, TICK);
            merged = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
