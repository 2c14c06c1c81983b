//! What every sim's own tests do with its world.

use std::thread;

use stormglass::journal::Fingerprint;
use stormglass::sim::{Run, RunConfig, Sim, run};

/// A sealed run has a thread of its own.
fn run_alone(world: &(impl Fn(&mut Sim) + Sync), config: &RunConfig) -> Run {
    let alone = thread::scope(|scope| scope.spawn(|| run(world, config)).join());
    alone.expect("a run catches the panics of its services")
}

/// The first seed whose broken variant fails.
#[track_caller]
pub(crate) fn first_failure(world: &(impl Fn(&mut Sim) + Sync), seeds: u64) -> Run {
    let runs = (0..seeds).map(|seed| run_alone(world, &RunConfig::seed(seed).variant("broken")));
    let failure = runs.into_iter().find(|run| run.verdict().is_violated());
    failure.expect("the defect shows in one of the seeds")
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
        let config = |seed| RunConfig::seed(seed).variant(variant);
        let prints = |seed| -> Fingerprint { run_alone(world, &config(seed)).fingerprint() };
        for seed in 0..50 {
            assert_eq!(prints(seed), prints(seed), "seed {seed}, {variant}");
        }
    }
}

/// The first failure without the faults that it does not need, and the last lines of its
/// story.
#[track_caller]
pub(crate) fn story(world: &(impl Fn(&mut Sim) + Sync), seeds: u64) -> String {
    let mut failure = first_failure(world, seeds);
    let property = |run: &Run| run.violated().map(|outcome| outcome.property.clone());
    let mut index = 0;
    while index < failure.plan.faults.len() {
        let mut plan = failure.plan.clone();
        plan.faults.remove(index);
        let config = RunConfig::seed(failure.seed.0).variant("broken").plan(plan);
        let without = run_alone(world, &config);
        if property(&without) == property(&failure) {
            failure = without;
        } else {
            index += 1;
        }
    }
    assert!(failure.plan.faults.len() <= 3, "it needs no more than three faults");
    let outcome = failure.violated().expect("it is a failure");
    let story = failure.journal.story().mark(outcome.event, "<- violated").to_string();
    let lines: Vec<&str> = story.lines().filter(|line| !line.contains(" syncs ")).collect();
    let last = lines[lines.len().saturating_sub(9)..].join("\n");
    format!("seed {}: {:?}\n{}\n{last}\n", failure.seed, outcome.verdict, failure.plan)
}
