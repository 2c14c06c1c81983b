//! The message lane of HTTP: unmodified services, their callers, and what goes wrong between them.
#![allow(clippy::unwrap_used, reason = "a test's helpers are tests, too")]

mod bodies;
mod calls;
mod faults;
mod messages;
mod services;
mod trace;

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use expect_test::{Expect, expect};
use http_body_util::BodyExt;
use stormglass::chaos::{Effect, Leg};
use stormglass::journal::{HttpMessage, Journal, Kind, message_ordinals};
use stormglass::net::LinkProfile;
use stormglass::prelude::*;
use stormglass::service::{Body, Label};
use tower::ServiceExt;

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

fn notes(run: &Run) -> String {
    let line = |e: stormglass::journal::Event<'_>| {
        format!("{}  {}: {}\n", e.at(), e.node_name(), e.text().unwrap_or_default())
    };
    run.journal.of_kind(Kind::Note).map(line).collect()
}

/// What the nodes record.
#[track_caller]
fn check(faults: impl IntoIterator<Item = Fault>, world: impl Fn(&mut Sim), expect: Expect) -> Run {
    let run = run_with(faults, world);
    expect.assert_eq(&notes(&run));
    run
}

/// A server that says when it is asked, and answers after 3 ms.
fn slow(ctx: Ctx) -> Router {
    let answer = move || async move {
        ctx.record("is asked");
        ctx.sleep(ms(3)).await;
        "done"
    };
    Router::new().route("/", get(answer))
}

/// The client asks it `times` times, each with a limit of 1 s, and says what it sees.
fn asks(times: u32) -> impl Fn(&mut Sim) {
    move |sim| {
        sim.service("server", slow);
        client(sim, move |ctx| async move {
            for _ in 0..times {
                let answer = ctx.http().get("http://server/").timeout(ms(1_000)).send().await;
                match answer {
                    Ok(answer) => ctx.record(format_args!("sees {}", answer.text())),
                    Err(error) => ctx.record(error),
                }
            }
        });
    }
}
