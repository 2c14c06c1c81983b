//! The executor: order, tasks, timers, panics, and how a world ends.
#![allow(clippy::unwrap_used, reason = "a test's helpers are tests, too")]

mod ends;
mod handles;
mod order;
mod panics;
mod tasks;

use std::future::{Future, pending};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use expect_test::{Expect, expect};
use stormglass::journal::Kind;
use stormglass::prelude::*;
use stormglass::sim::End;

/// Milliseconds.
fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Runs a world in which nothing goes wrong by itself.
fn calm(world: impl Fn(&mut Sim)) -> Run {
    let world = |sim: &mut Sim| {
        sim.chaos(Chaos::none());
        world(sim);
    };
    run(&world, &RunConfig::seed(1))
}

/// A world of one client.
fn alone<F: Future<Output = ()> + 'static>(body: impl Fn(Ctx) -> F + Clone + 'static) -> Run {
    calm(|sim| client(sim, "client", body.clone()))
}

fn client<F: Future<Output = ()> + 'static>(
    sim: &mut Sim,
    name: &str,
    body: impl Fn(Ctx) -> F + 'static,
) {
    sim.client(name, move |ctx| {
        let body = body(ctx);
        async move {
            body.await;
            Ok::<(), String>(())
        }
    });
}

/// What was recorded, and when in nanoseconds.
fn notes(run: &Run) -> String {
    let line = |e: stormglass::journal::Event<'_>| {
        format!("{} {} {}\n", e.at().as_nanos(), e.node_name(), e.text().unwrap_or_default())
    };
    run.journal.of_kind(Kind::Note).map(line).collect()
}

/// What a world of one client records.
#[track_caller]
fn check<F: Future<Output = ()> + 'static>(
    body: impl Fn(Ctx) -> F + Clone + 'static,
    expect: Expect,
) {
    let run = alone(body);
    assert!(run.verdict().holds(), "{}", run.verdict());
    expect.assert_eq(&notes(&run));
}

/// Counts how often it was dropped.
#[derive(Clone, Default)]
struct Drops(Arc<AtomicU32>);

impl Drops {
    fn guard(&self) -> Guard {
        Guard(self.0.clone())
    }

    fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

struct Guard(Arc<AtomicU32>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Runs its content when it is dropped.
struct Defer<F: FnMut()>(F);

impl<F: FnMut()> Drop for Defer<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
