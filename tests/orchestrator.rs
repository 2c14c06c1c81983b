//! Systems from compose files: what is read of them, how they start, how they are looked after.

mod bad_input;
mod compose;
mod health;
mod junit;
mod load;
mod networks;
mod restarts;
mod start;

use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use expect_test::Expect;
use stormglass::journal::Kind;
use stormglass::net::LinkProfile;
use stormglass::orchestrator::ServiceTestOrchestrator;
use stormglass::orchestrator::compose::{Project, Variables};
use stormglass::prelude::*;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A handler that is healthy.
fn healthy() -> Router {
    Router::new().route("/health", get(|| async { "fine" }))
}

/// A handler that is healthy from that time on.
fn healthy_after(time: Duration) -> impl Fn(Ctx) -> Router {
    move |ctx| {
        let started = ctx.clock().now();
        let answer = move || async move {
            match ctx.clock().now().since(started) >= time {
                true => StatusCode::OK,
                false => StatusCode::SERVICE_UNAVAILABLE,
            }
        };
        Router::new().route("/health", get(answer))
    }
}

/// The services of a text, of which nothing is said yet.
#[track_caller]
fn system(text: &str) -> ServiceTestOrchestrator {
    ServiceTestOrchestrator::new(Project::parse("compose.yml", text, &Variables::new()).unwrap())
}

/// A world of a system, with links of 1 ms.
fn world(
    text: &'static str,
    describe: impl Fn(&mut ServiceTestOrchestrator, &mut Sim),
) -> impl Fn(&mut Sim) {
    move |sim| {
        sim.links(LinkProfile::with_delay(ms(1)));
        let mut system = system(text);
        describe(&mut system, sim);
        system.install(sim).unwrap();
    }
}

/// A client that does nothing for so long.
fn waits(sim: &mut Sim, time_ms: u64) {
    sim.client("waits", move |ctx| async move {
        ctx.sleep(ms(time_ms)).await;
        Ok::<(), String>(())
    });
}

/// What was recorded of containers, starts and notes, without the ends of health checks.
fn told(run: &Run) -> String {
    let kinds = [Kind::Container, Kind::Start, Kind::Crash, Kind::Note, Kind::FaultEnd, Kind::Heal];
    let events = run.journal.events().filter(|event| kinds.contains(&event.kind()));
    let lines = events.map(|event| {
        let what = match event.kind() {
            Kind::Container => event.symbol(),
            kind => kind.name(),
        };
        let text = match event.kind() {
            Kind::FaultEnd => "",
            _ => event.text().unwrap_or_default(),
        };
        let gap = if text.is_empty() { "" } else { ": " };
        format!("{}  {} {what}{gap}{text}\n", event.at(), event.node_name())
    });
    lines.collect()
}

#[track_caller]
fn check(world: &dyn Fn(&mut Sim), faults: impl IntoIterator<Item = Fault>, expect: Expect) -> Run {
    let plan = FaultPlan { faults: faults.into_iter().collect(), ..FaultPlan::default() };
    let run = run(world, &RunConfig::seed(7).plan(plan));
    expect.assert_eq(&told(&run));
    run
}
