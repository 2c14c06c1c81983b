//! Same seed, same run: the tripwire. Random worlds run twice; each sim of the gallery does the same
//! with its own world in its test `same_seed_same_trace`.

mod random;

use std::collections::BTreeSet;
use std::time::Duration;

use rand::Rng;
use stormglass::journal::{Kind, Recording, first_divergence};
use stormglass::kernel::Scheduling;
use stormglass::prelude::*;

use random::random_world;

/// Seeds of each random topology.
const SEEDS: u64 = 50;

/// One seed of so many is run a third time, without keeping the journal.
const DIGEST_EVERY: u64 = 5;

/// Runs on a thread of its own, as hash keys ask for.
fn run_apart(world: &(dyn Fn(&mut Sim) + Sync), config: &RunConfig) -> Run {
    std::thread::scope(|scope| {
        let run = scope.spawn(|| run(&world, config));
        run.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Runs it twice, and some seeds once more without keeping the journal; gives the first run.
#[track_caller]
fn check(name: &str, world: &(dyn Fn(&mut Sim) + Sync), config: &RunConfig) -> Run {
    let (one, again) = (run_apart(world, config), run_apart(world, config));
    if let Some(parting) = first_divergence(&one.journal, &again.journal) {
        let shown = parting.render(&one.journal, &again.journal);
        panic!("{name}, seed {}: two runs differ\n{}\n{shown}", config.seed, one.plan);
    }
    assert_eq!(one.fingerprint(), again.fingerprint(), "{name}, seed {}", config.seed);
    assert_eq!(one.outcomes, again.outcomes);
    assert_eq!((&one.end, one.polls, &one.tallies), (&again.end, again.polls, &again.tallies));
    if config.seed.0.is_multiple_of(DIGEST_EVERY) {
        let digest = RunConfig { recording: Recording::Digest, ..config.clone() };
        let digest = run_apart(world, &digest);
        assert_eq!(one.fingerprint(), digest.fingerprint(), "{name}, seed {}: digest", config.seed);
        assert_eq!(one.journal.total(), digest.journal.total());
    }
    one
}

/// Random shapes in four parts, so that they run beside each other: together some 20 s of two
/// processors in a debug build.
#[track_caller]
fn check_shapes(shapes: std::ops::Range<u64>) {
    let mut seen = BTreeSet::new();
    let mut disk_faults = 0;
    for shape in shapes {
        let world = random_world(shape);
        for seed in 0..SEEDS {
            let run = check(&format!("shape {shape}"), &world, &RunConfig::seed(seed));
            seen.extend(run.journal.events().map(|e| e.kind()));
            let hits = run.plan.faults.iter().zip(&run.tallies).filter(|(_, tally)| tally.hits > 0);
            disk_faults +=
                hits.filter(|(fault, _)| fault.kind().name().starts_with("disk")).count();
        }
    }
    let network =
        [Kind::Send, Kind::Deliver, Kind::Timer, Kind::FaultBegin, Kind::Note, Kind::Drop];
    let disk = [Kind::DiskWrite, Kind::DiskSync, Kind::DiskOp, Kind::DiskFail, Kind::PowerLoss];
    for kind in network.into_iter().chain(disk) {
        assert!(seen.contains(&kind), "{kind:?} never happened: {seen:?}");
    }
    assert!(disk_faults > 0, "no disk fault struck");
}

#[test]
fn random_topologies_0_to_4() {
    check_shapes(0..5);
}

#[test]
fn random_topologies_5_to_9() {
    check_shapes(5..10);
}

#[test]
fn random_topologies_10_to_14() {
    check_shapes(10..15);
}

#[test]
fn random_topologies_15_to_19() {
    check_shapes(15..20);
}

#[test]
fn other_schedulers_replay_too() {
    let world = random_world(3);
    for scheduling in [Scheduling::Random, Scheduling::Pct { depth: 3, steps: 500 }] {
        for seed in 0..10 {
            check("schedulers", &world, &RunConfig { scheduling, ..RunConfig::seed(seed) });
        }
    }
}

/// The tripwire itself: two different runs are told apart, at their first difference.
#[test]
fn different_seeds_differ() {
    let world = random_world(1);
    let (one, other) =
        (run_apart(&world, &RunConfig::seed(1)), run_apart(&world, &RunConfig::seed(2)));
    assert_ne!(one.fingerprint(), other.fingerprint());
    let parting = first_divergence(&one.journal, &other.journal).unwrap();
    assert!(parting.render(&one.journal, &other.journal).starts_with("the runs "));
}

/// A draw more in one node moves nothing in another: the other's own stream stays.
#[test]
fn streams_are_apart() {
    let draws = |more: bool| {
        let world = move |sim: &mut Sim| {
            sim.chaos(Chaos::none());
            sim.process("greedy", move |ctx| async move {
                (0..if more { 9 } else { 1 }).for_each(|_| _ = ctx.rng().next_u64());
            });
            sim.client("client", |ctx| async move {
                ctx.sleep(Duration::from_millis(1)).await;
                ctx.record(ctx.rng().next_u64());
                Ok::<(), String>(())
            });
        };
        let run = run_apart(&world, &RunConfig::seed(1));
        let note = run.journal.of_kind(Kind::Note).next().unwrap();
        note.text().unwrap().to_owned()
    };
    assert_eq!(draws(false), draws(true));
}
