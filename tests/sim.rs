//! Worlds and their runs: properties, probes, workloads, the end of chaos.
#![allow(clippy::unwrap_used, reason = "a test's helpers are tests, too")]

mod properties;
mod storm;

use std::future::pending;
use std::time::Duration;

use expect_test::{Expect, expect};
use stormglass::journal::{Kind, Recording};
use stormglass::net::LinkProfile;
use stormglass::prelude::*;
use stormglass::sim::End;

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

/// Runs a world in which nothing goes wrong by itself.
fn calm(world: impl Fn(&mut Sim)) -> Run {
    let world = |sim: &mut Sim| {
        sim.chaos(Chaos::none());
        world(sim);
    };
    run(&world, &RunConfig::seed(1))
}

/// What each property came to, and when it was decided.
fn outcomes(run: &Run) -> String {
    let line = |o: &stormglass::sim::Outcome| {
        let at = run.journal.get(o.event).map(|e| format!(" at {}", e.at())).unwrap_or_default();
        format!("{} {:?}: {}{at}\n", o.kind, o.property, o.verdict)
    };
    run.outcomes.iter().map(line).collect()
}

#[track_caller]
fn check(world: impl Fn(&mut Sim), expect: Expect) -> Run {
    let run = calm(world);
    expect.assert_eq(&format!("{}{}\n", outcomes(&run), run.verdict()));
    run
}
