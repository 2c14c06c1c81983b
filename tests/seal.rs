//! The seal: std's clock, OS entropy and hash keys belong to the world, threads are refused.
//!
//! Without `--cfg madsim` there is no seal, and none of these tests; the rest of the suite is the same.
#![cfg(madsim)]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "what the seal is for")]
#![allow(clippy::unwrap_used, reason = "a test's helpers are tests, too")]

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use stormglass::journal::Kind;
use stormglass::prelude::*;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// What std shows a node: a reading an instant.
#[derive(Clone, Debug, PartialEq)]
struct Reading {
    node: String,
    at: Duration,
    instant: Instant,
    date: SystemTime,
    wall: SystemTime,
    entropy: u64,
    order: Vec<u32>,
}

fn read(ctx: Ctx) -> Reading {
    let map: HashMap<u32, ()> = (0..20).map(|n| (n, ())).collect();
    Reading {
        node: ctx.name(),
        at: Duration::from_nanos(ctx.clock().now().as_nanos()),
        instant: Instant::now(),
        date: SystemTime::now(),
        wall: ctx.clock().wall(),
        entropy: os_entropy(),
        order: map.into_keys().collect(),
    }
}

/// A number from the operating system, by way of `getrandom`.
fn os_entropy() -> u64 {
    use rand::TryRng;
    rand::rngs::SysRng.try_next_u64().unwrap()
}

/// Two nodes read their clocks every 10 ms, five times, on a thread of its own.
fn readings(seed: u64, faults: Vec<Fault>) -> Vec<Reading> {
    let shelf = Arc::new(Mutex::new(Vec::new()));
    let shared = shelf.clone();
    let one = move || {
        let world = move |sim: &mut Sim| {
            for name in ["a", "b"] {
                let shelf = shared.clone();
                sim.client(name, move |ctx| {
                    let shelf = shelf.clone();
                    async move {
                        for _ in 0..5 {
                            shelf.lock().unwrap().push(read(ctx));
                            ctx.sleep(ms(10)).await;
                        }
                        Ok::<(), String>(())
                    }
                });
            }
            let shelf = shared.clone();
            sim.process("struck", move |ctx| {
                let shelf = shelf.clone();
                async move {
                    for _ in 0..5 {
                        shelf.lock().unwrap().push(read(ctx));
                        ctx.sleep(ms(10)).await;
                    }
                }
            });
        };
        let run = run(&world, &RunConfig::seed(seed).plan(FaultPlan::new(faults)));
        assert!(run.sealed);
        assert!(run.verdict().holds(), "{}", run.verdict());
    };
    std::thread::scope(|scope| scope.spawn(one).join().unwrap());
    let readings = shelf.lock().unwrap();
    readings.clone()
}

fn of<'a>(readings: &'a [Reading], node: &str) -> Vec<&'a Reading> {
    readings.iter().filter(|r| r.node == node).collect()
}

#[test]
fn std_clocks_follow_virtual_time_exactly() {
    let readings = readings(1, vec![]);
    for node in ["a", "b", "struck"] {
        let own = of(&readings, node);
        assert_eq!(own.len(), 5);
        for pair in own.windows(2) {
            assert_eq!(pair[1].instant - pair[0].instant, ms(10));
            assert_eq!(pair[1].date.duration_since(pair[0].date).unwrap(), ms(10));
        }
        assert!(own.iter().all(|r| r.date == r.wall), "{own:?}");
    }
    assert_eq!(of(&readings, "a")[3].instant, of(&readings, "b")[3].instant, "one clock");
}

#[test]
fn equal_seeds_see_equal_entropy_hash_orders_and_dates() {
    let (one, again, other) = (readings(1, vec![]), readings(1, vec![]), readings(2, vec![]));
    assert_eq!(one, again);
    assert_ne!(one[0].order, other[0].order);
    assert_ne!(one[0].date, other[0].date);
    assert_ne!(one[0].entropy, other[0].entropy);
    let entropy: BTreeSet<u64> = one.iter().map(|r| r.entropy).collect();
    assert_eq!(entropy.len(), one.len(), "each draw is another");
}

fn drift() -> Fault {
    Fault::ClockDrift { node: "struck".into(), ppm: 250_000, at: ms(15), lasts: None }
}

/// A skewed node's std clock shows its wall clock, and goes on from where it was.
#[test]
fn a_skewed_node_has_a_std_clock_of_its_own() {
    let readings = readings(1, vec![drift()]);
    let struck = of(&readings, "struck");
    for pair in struck.windows(2) {
        let (instant, date) = (pair[1].instant - pair[0].instant, pair[1].date);
        assert_eq!(instant, ms(10), "10 ms of its own: {pair:?}");
        assert_eq!(date.duration_since(pair[0].date).unwrap(), ms(10));
        assert_eq!(date, pair[1].wall);
    }
    for pair in of(&readings, "a").windows(2) {
        assert_eq!(pair[1].instant - pair[0].instant, ms(10));
    }
    assert!(struck[4].date > of(&readings, "a")[4].date - ms(10));
}

#[test]
fn a_step_forwards_is_seen_by_std_and_one_back_stands_still() {
    let step = |by: i64| {
        let by_ns = by * 1_000_000;
        readings(1, vec![Fault::ClockStep { node: "struck".into(), at: ms(15), by_ns }])
    };
    let forwards = step(1_000);
    let struck = of(&forwards, "struck");
    assert_eq!(struck[2].date.duration_since(struck[1].date).unwrap(), ms(1_010));
    let back = step(-1_000);
    let struck = of(&back, "struck");
    assert!(struck[2].wall < struck[1].wall);
    assert!(struck[2].date >= struck[1].date, "std never goes back");
    assert!(struck[3].date.duration_since(struck[2].date).unwrap() < ms(1));
}

#[test]
fn a_skewed_node_has_entropy_of_its_own() {
    let (plain, skewed) = (readings(1, vec![]), readings(1, vec![drift()]));
    assert_eq!(skewed, readings(1, vec![drift()]), "it replays");
    let drawn: BTreeSet<u64> = skewed.iter().map(|r| r.entropy).collect();
    assert_eq!(drawn.len(), skewed.len(), "no draw twice");
    assert_eq!(of(&plain, "a")[0], of(&skewed, "a")[0]);
}

#[test]
fn threads_are_refused() {
    let world = |sim: &mut Sim| {
        sim.chaos(Chaos::none());
        sim.client("client", |_| async {
            std::thread::spawn(|| ()).join().unwrap();
            Ok::<(), String>(())
        });
    };
    let run = run(&world, &RunConfig::seed(1));
    assert!(run.verdict().is_violated());
    assert_eq!(run.journal.of_kind(Kind::Panic).count(), 1);
}

/// Hash keys are the thread's: a run on a thread that has some already is sealed all the same.
#[test]
fn a_run_may_be_unsealed_on_request() {
    let _ = RandomState::new().hash_one(1);
    let world = |sim: &mut Sim| {
        sim.chaos(Chaos::none());
        sim.client("client", |ctx| async move {
            let before = Instant::now();
            ctx.sleep(Duration::from_secs(50)).await;
            assert!(before.elapsed() < Duration::from_secs(50), "real time");
            Ok::<(), String>(())
        });
    };
    let run = run(&world, &RunConfig { sealed: false, ..RunConfig::seed(1) });
    assert!(!run.sealed);
    assert!(run.verdict().holds(), "{}", run.verdict());
}
