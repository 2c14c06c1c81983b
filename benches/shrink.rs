//! Making a failing plan small.

use std::time::Duration;

use stormglass::explore::World;
use stormglass::prelude::*;
use stormglass::shrink::shrink;

/// Two starts of the server are one too many; half of the faults do nothing about it.
fn restarted(sim: &mut Sim) {
    sim.process("server", |ctx| async move {
        ctx.record("starts");
        ctx.stopping().await;
    });
    sim.client("client", |ctx| async move {
        ctx.sleep(Duration::from_secs(1)).await;
        Ok::<(), String>(())
    });
    sim.always("the server starts once", |view: &View<'_>| view.recorded("starts") <= 1);
}

fn plan() -> FaultPlan {
    let at = |n: u64| Duration::from_millis(100 * n + 33);
    let crash = |n| Fault::Crash {
        node: "server".into(),
        at: at(n),
        lasts: Some(Duration::from_millis(37)),
    };
    let slow = |n| Fault::Slow {
        node: "server".into(),
        factor: 2.5,
        at: at(n),
        lasts: Some(Duration::from_millis(10)),
    };
    FaultPlan::new((0..8).flat_map(|n| [crash(n), slow(n)]))
}

/// From 16 faults to one with round numbers.
#[divan::bench]
fn sixteen_faults() {
    let world = World::new("restarted", restarted);
    let config = RunConfig::seed(1).plan(plan());
    let shrunk = shrink(&world, &config, "the server starts once", 500);
    assert_eq!(shrunk.plan.faults.len(), 1);
}
