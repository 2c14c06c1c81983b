//! Load in virtual time.

use expect_test::expect;
use stormglass::orchestrator::{Arrivals, Load, LoadReport};

use super::*;

/// A service that takes 20 ms for each request, one at a time.
fn busy(ctx: Ctx) -> Router {
    let answer = move || async move {
        ctx.work(ms(20)).await;
        "done"
    };
    Router::new().route("/", get(answer))
}

fn report(load: Load) -> LoadReport {
    let seen = std::rc::Rc::new(std::cell::RefCell::new(LoadReport::default()));
    let copy = seen.clone();
    let world = move |sim: &mut Sim| {
        sim.links(LinkProfile::with_delay(ms(1)));
        sim.service("shop", busy);
        load.drive(sim, "shoppers", |ctx, _| async move {
            ctx.http().get("http://shop/").send().await.map(|_| ())
        });
        let copy = copy.clone();
        sim.eventually("it is seen", move |view: &View<'_>| {
            LoadReport::of(view, "shoppers").map(|report| copy.replace(report)).is_some()
        });
    };
    let run = run(&world, &RunConfig::seed(5).plan(FaultPlan::default()));
    assert!(run.verdict().holds(), "{}", run.verdict());
    seen.take()
}

/// Below what it can do, everybody waits 22 ms: there, work, back.
#[test]
fn an_open_loop_below_the_capacity() {
    let report = report(Load::open(40.0).arrivals(Arrivals::Even).lasting(ms(10_000)));
    expect!["load: 399 begun, 399 succeeded (39.9/s); p50 22.000 ms, p90 22.000 ms, p99 22.000 ms, max 22.000 ms"].assert_eq(&report.to_string());
}

/// Above it the queue grows, and the time since an operation was due with it.
#[test]
fn an_open_loop_above_the_capacity() {
    let report = report(Load::open(100.0).lasting(ms(2_000)).limit(ms(1_000)));
    assert!((150..250).contains(&report.begun), "{report}");
    assert!(report.failed() > 0 && report.max <= ms(1_000), "{report}");
    assert_eq!(report.begun, report.succeeded + report.failed());
}

/// Five users, each of whom waits for the four others.
#[test]
fn a_closed_loop_takes_what_there_is() {
    let report = report(Load::closed(5).lasting(ms(2_000)));
    assert!((45.0..=50.0).contains(&report.throughput), "{report}");
    assert!((ms(90)..ms(103)).contains(&report.p50), "{report}");
    let thinking = super::load::report(Load::closed(5).think(ms(480)).lasting(ms(2_000)));
    assert!(thinking.throughput < 11.0, "{thinking}");
}

/// One that takes no time does not hold time up.
#[test]
fn an_operation_without_time_ends() {
    let world = |sim: &mut Sim| {
        Load::closed(2).lasting(ms(1)).drive(sim, "users", |_, _| async { Ok::<(), String>(()) });
        sim.eventually("all were done", |view: &View<'_>| {
            LoadReport::of(view, "users").is_some_and(|report| report.succeeded == 2_000)
        });
    };
    let run = run(&world, &RunConfig::seed(5).plan(FaultPlan::default()));
    assert!(run.verdict().holds(), "{}", run.verdict());
}
