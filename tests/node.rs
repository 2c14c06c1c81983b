//! Nodes: their lives, their names, their processors.
#![allow(clippy::unwrap_used, reason = "a test's helpers are tests, too")]

mod life;
mod names;
mod scale;
mod work;

use std::future::pending;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use expect_test::{Expect, expect};
use stormglass::journal::Kind;
use stormglass::net::LinkProfile;
use stormglass::prelude::*;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn client<F: Future<Output = ()> + 'static>(sim: &mut Sim, body: impl Fn(Ctx) -> F + 'static) {
    sim.client("client", move |ctx| {
        let body = body(ctx);
        async move {
            body.await;
            Ok::<(), String>(())
        }
    });
}

/// Runs a world with links of 1 ms and these faults; it must hold.
#[track_caller]
fn run_with(faults: impl IntoIterator<Item = Fault>, world: impl Fn(&mut Sim)) -> Run {
    let world = |sim: &mut Sim| {
        sim.links(LinkProfile::with_delay(ms(1)));
        world(sim);
    };
    let run = run(&world, &RunConfig::seed(1).plan(FaultPlan::new(faults)));
    assert!(run.verdict().holds(), "{}", run.verdict());
    run
}

/// What the nodes record.
#[track_caller]
fn check(faults: impl IntoIterator<Item = Fault>, world: impl Fn(&mut Sim), expect: Expect) {
    let run = run_with(faults, world);
    let line = |e: stormglass::journal::Event<'_>| {
        format!("{}  {}: {}\n", e.at(), e.node_name(), e.text().unwrap_or_default())
    };
    expect.assert_eq(&run.journal.of_kind(Kind::Note).map(line).collect::<String>());
}
