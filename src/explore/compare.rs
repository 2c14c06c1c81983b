//! The fingerprints of many seeds, to be compared with those of other runs of them.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::world::named_thread;
use super::{Search, parting};
use crate::chaos::{Replay, Script};
use crate::journal::{Fingerprint, Recording};
use crate::seed::Seed;
use crate::sim::RunConfig;

impl Search {
    /// Runs every seed so many times; the fingerprints in the order of the seeds.
    ///
    /// # Panics
    ///
    /// If the world describes itself the wrong way.
    #[must_use]
    pub fn fingerprints(&self, times: usize) -> Vec<Vec<Fingerprint>> {
        let sounding = self.world.sound(&self.variant);
        let next = AtomicU64::new(0);
        let found: Mutex<Vec<(u64, Vec<Fingerprint>)>> = Mutex::default();
        let work = || loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= self.total() {
                return;
            }
            let config = self.config(Seed(self.seed_at(index)), &sounding);
            let config = RunConfig { recording: Recording::Digest, ..config };
            let prints = (0..times).map(|_| self.world.run(&config).fingerprint());
            let prints = prints.collect();
            found.lock().unwrap_or_else(PoisonError::into_inner).push((index, prints));
        };
        thread::scope(|scope| {
            let spawn = |_| named_thread().spawn_scoped(scope, work);
            let workers: Vec<_> = (0..self.jobs.max(1)).map(spawn).collect();
            for worker in workers {
                let worker = worker.expect("the operating system gives a thread");
                worker.join().unwrap_or_else(|panic| resume_unwind(panic));
            }
        });
        let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        found.sort_unstable_by_key(|(index, _)| *index);
        found.into_iter().map(|(_, prints)| prints).collect()
    }

    /// The first event in which runs of `seed` differ, here or in a fresh process, as text.
    #[must_use]
    pub fn how_it_differs(&self, seed: u64) -> String {
        self.fresh.serve(self);
        let config = self.config_of_seed(Seed(seed));
        let (first, second) = (self.world.run(&config), self.world.run(&config));
        if first.fingerprint() != second.fingerprint() {
            return parting(&first.journal, &second.journal);
        }
        let variant = Some(self.variant.clone()).filter(|variant| !variant.is_empty());
        let script = Script {
            replay: Replay {
                sim: Some(self.world.name.clone()),
                variant,
                seed: Some(config.seed),
                scheduling: Some(config.scheduling),
            },
            plan: first.plan.clone(),
        };
        match self.fresh.journal(self, &script) {
            Ok(journal) if journal.fingerprint() != first.fingerprint() => {
                format!(
                    "a fresh process (B) ran another way\n{}",
                    parting(&first.journal, &journal)
                )
            }
            Ok(_) => "now its runs are all the same".to_owned(),
            Err(reason) => format!("a fresh process could not be asked: {reason}"),
        }
    }
}
