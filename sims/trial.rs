//! What every sim's own tests do with its world.

use std::thread;

use stormglass::journal::Fingerprint;
use stormglass::sim::{Run, RunConfig, Sim, run};

/// A sealed run has a thread of its own.
pub(crate) fn run_alone(world: &(impl Fn(&mut Sim) + Sync), config: &RunConfig) -> Run {
    let alone = thread::scope(|scope| scope.spawn(|| run(world, config)).join());
    alone.expect("a run catches the panics of its services")
}

/// The first seed whose broken variant fails.
#[track_caller]
pub(crate) fn first_failure(world: &(impl Fn(&mut Sim) + Sync), seeds: u64) -> Run {
    first_failure_of(world, "broken", seeds)
}

/// The first seed whose run of that variant fails.
#[track_caller]
pub(crate) fn first_failure_of(
    world: &(impl Fn(&mut Sim) + Sync),
    variant: &str,
    seeds: u64,
) -> Run {
    let mut runs = (0..seeds).map(|seed| run_alone(world, &RunConfig::seed(seed).variant(variant)));
    let failure = runs.find(|run| run.verdict().is_violated());
    failure.unwrap_or_else(|| panic!("{variant}: the defect shows in none of {seeds} seeds"))
}

/// No seed's fixed variant fails.
#[track_caller]
pub(crate) fn holds(world: &(impl Fn(&mut Sim) + Sync), seeds: u64) {
    for seed in 0..seeds {
        let run = run_alone(world, &RunConfig::seed(seed).variant("fixed"));
        assert!(run.verdict().holds(), "seed {seed}: {:?}\n{}", run.verdict(), run.plan);
    }
}

/// Each of 50 seeds makes the same run twice, in both variants.
#[track_caller]
pub(crate) fn same_trace(world: &(impl Fn(&mut Sim) + Sync)) {
    for variant in ["broken", "fixed"] {
        same_trace_of(world, variant, 50);
    }
}

/// Each of so many seeds makes the same run twice.
#[track_caller]
pub(crate) fn same_trace_of(world: &(impl Fn(&mut Sim) + Sync), variant: &str, seeds: u64) {
    let config = |seed| RunConfig::seed(seed).variant(variant);
    let prints = |seed| -> Fingerprint { run_alone(world, &config(seed)).fingerprint() };
    for seed in 0..seeds {
        assert_eq!(prints(seed), prints(seed), "seed {seed}, {variant}");
    }
}

/// The first failure without the faults that it does not need, and the last lines of its
/// story.
#[track_caller]
pub(crate) fn story(world: &(impl Fn(&mut Sim) + Sync), seeds: u64) -> String {
    let failure = smaller(world, "broken", first_failure(world, seeds));
    let outcome = failure.violated().expect("it is a failure");
    let story = failure.journal.story().mark(outcome.event, "<- violated").to_string();
    let lines: Vec<&str> = story.lines().filter(|line| !line.contains(" syncs ")).collect();
    let last = lines[lines.len().saturating_sub(9)..].join("\n");
    format!("seed {}: {:?}\n{}\n{last}\n", failure.seed, outcome.verdict, failure.plan)
}

/// The failure without the faults that it does not need; at most three are left.
#[track_caller]
pub(crate) fn smaller(world: &(impl Fn(&mut Sim) + Sync), variant: &str, mut failure: Run) -> Run {
    let property = |run: &Run| run.violated().map(|outcome| outcome.property.clone());
    let mut index = 0;
    while index < failure.plan.faults.len() {
        let mut plan = failure.plan.clone();
        plan.faults.remove(index);
        let config = RunConfig::seed(failure.seed.0).variant(variant).plan(plan);
        let without = run_alone(world, &config);
        if property(&without) == property(&failure) {
            failure = without;
        } else {
            index += 1;
        }
    }
    assert!(failure.plan.faults.len() <= 3, "it needs no more than three faults");
    failure
}
