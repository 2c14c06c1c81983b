//! The disks of a running world: time, faults of a plan, power losses, and `redb` services.
#![allow(clippy::unwrap_used, reason = "a test's helpers are tests, too")]

mod faults;
mod power;
mod service;
mod stores;
mod time;

use stormglass::chaos::{Fault, FaultPlan};
use stormglass::journal::Kind;
use stormglass::net::Tally;
use stormglass::sim::{Run, RunConfig, Sim, run};

/// One run on a thread of its own, as a sealed world that uses std's `HashMap` needs it.
fn run_alone(world: &(dyn Fn(&mut Sim) + Sync), config: RunConfig) -> Run {
    std::thread::scope(|scope| scope.spawn(|| run(world, &config)).join().unwrap())
}

fn plan(faults: impl IntoIterator<Item = Fault>) -> FaultPlan {
    FaultPlan { faults: faults.into_iter().collect(), ..FaultPlan::default() }
}

/// A run with exactly these faults.
fn run_with(
    world: &(dyn Fn(&mut Sim) + Sync),
    seed: u64,
    faults: impl IntoIterator<Item = Fault>,
) -> Run {
    run_alone(world, RunConfig::seed(seed).plan(plan(faults)))
}

/// The notes of a run, a line each.
fn notes(run: &Run) -> Vec<&str> {
    run.journal.events().filter(|e| e.kind() == Kind::Note).filter_map(|e| e.text()).collect()
}

/// `hits of opportunities`
fn tally(tally: &Tally) -> String {
    format!("{} of {}", tally.hits, tally.opportunities)
}
