//! Failures made small: one fault out of seventeen, one operation out of many, round values.
#![allow(clippy::unwrap_used, reason = "a test's helpers are tests, too")]
#![allow(clippy::unit_arg, reason = "a client of one line is easier to read")]

mod budget;
mod faults;
mod naming;
mod signatures;

use std::time::Duration;

use expect_test::{Expect, expect};
use stormglass::chaos::{Effect, Leg, Script};
use stormglass::explore::World;
use stormglass::journal::Kind;
use stormglass::kernel::Scheduling;
use stormglass::net::LinkProfile;
use stormglass::prelude::*;
use stormglass::shrink::{Shrunk, Signature, Without, shrink};

use crate::explore::{ms, shop};

const TWICE: &str = "no order is charged twice";

fn message(n: u64, leg: Leg, effect: Effect) -> Fault {
    let label = Some("POST /charge".to_owned());
    Fault::Message { from: "shopper".into(), to: "payment".into(), label, n, leg, effect }
}

/// The run of the shop under these faults, made small.
#[track_caller]
fn shrunk(faults: impl IntoIterator<Item = Fault>) -> Shrunk {
    let config = RunConfig::seed(1).plan(FaultPlan::new(faults));
    let world = World::new("shop", shop);
    let run = world.run(&config);
    assert_eq!(run.violated().map(|o| o.property.as_str()), Some(TWICE), "{}", run.verdict());
    let shrunk = shrink(&world, &config, TWICE, 2_000);
    let again =
        world.run(&RunConfig { scheduling: shrunk.scheduling, ..config }.plan(shrunk.plan.clone()));
    assert_eq!(again.violated().map(|o| o.property.as_str()), Some(TWICE), "{:?}", shrunk.plan);
    shrunk
}

/// What is left, and what happens without each of it.
fn text(shrunk: &Shrunk) -> String {
    let mut text = shrunk.plan.to_string();
    for (client, kept) in &shrunk.plan.workload {
        text.push_str(&format!("{client} keeps {kept:?}\n"));
    }
    for (number, without) in (1..).zip(&shrunk.without) {
        text.push_str(&format!("without {number}: {without:?}\n"));
    }
    text
}

#[track_caller]
fn check(faults: impl IntoIterator<Item = Fault>, expect: Expect) -> Shrunk {
    let shrunk = shrunk(faults);
    expect.assert_eq(&text(&shrunk));
    shrunk
}
