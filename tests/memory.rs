//! Nothing grows with the length of a run, or with the number of runs.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use stormglass::journal::Recording;
use stormglass::prelude::*;

use crate::child::is_own_process;

/// Pages of this process that are in memory.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux says what we use");
    statm.split(' ').nth(1).and_then(|n| n.parse().ok()).expect("the second number is the pages")
}

/// In a release build so many that a leak of one byte a request would show; in a debug one, what the
/// whole suite has room for. `cargo test --release --test main memory::` passes in 1.5 minutes of
/// CPU time, 58 s of them for ten million requests one after the other (one core of AMD EPYC).
const REQUESTS: u64 = if cfg!(debug_assertions) { 40_000 } else { 10_000_000 };
const WORLDS: u64 = if cfg!(debug_assertions) { 5_000 } else { 100_000 };

/// Growth that means nothing, in pages of 4 KB: 2 MB. In a release build a leak of one byte a request
/// shows, in a debug one that of 57 bytes, about one small allocation.
const NOISE: u64 = 500;

fn digest() -> RunConfig {
    let config = RunConfig { recording: Recording::Digest, ..RunConfig::seed(1) };
    config.plan(FaultPlan::default())
}

/// Checks that a run of `step` repeated `times` over is no larger at its end than after a tenth.
#[track_caller]
fn check<F: Future<Output = ()> + 'static>(times: u64, step: impl Fn(Ctx) -> F + Clone + 'static) {
    let world = move |sim: &mut Sim| {
        sim.events_max(u64::MAX).time_limit(Duration::from_secs(1_000_000));
        sim.service("server", |ctx: Ctx| {
            let answer = move || async move {
                // A handler that would finish early if its node were asked to stop.
                let work = std::pin::pin!(ctx.work(Duration::from_micros(1)));
                futures::future::select(ctx.stopping(), work).await;
                "done"
            };
            Router::new().route("/", get(answer))
        });
        let step = step.clone();
        sim.client("client", move |ctx| {
            let step = step.clone();
            async move {
                let mut warm = 0;
                for n in 0..times {
                    if n == times / 10 {
                        warm = resident();
                    }
                    step(ctx).await;
                }
                let grown = resident().saturating_sub(warm);
                assert!(grown < NOISE, "{grown} pages more after {times} times");
                Ok::<(), String>(())
            }
        });
    };
    let run = run(&world, &digest());
    assert!(run.verdict().holds(), "{}", run.verdict());
    assert!(run.journal.total() > times);
}

#[test]
fn requests_leave_nothing_behind() {
    if is_own_process("memory::requests_leave_nothing_behind") {
        check(REQUESTS, |ctx| async move {
            let call = ctx.http().get("http://server/").timeout(Duration::from_secs(100));
            assert_eq!(call.send().await.unwrap().status(), 200);
        });
    }
}

/// Given up before they are answered, with a timer that is dropped before it fires.
#[test]
fn abandoned_requests_leave_nothing_behind() {
    if is_own_process("memory::abandoned_requests_leave_nothing_behind") {
        check(REQUESTS, |ctx| async move {
            let call = ctx.http().get("http://server/").timeout(Duration::from_micros(160));
            call.send().await.unwrap_err();
        });
    }
}

#[test]
fn tasks_and_timers_leave_nothing_behind() {
    if is_own_process("memory::tasks_and_timers_leave_nothing_behind") {
        check(REQUESTS, |ctx| async move {
            let hour = ctx.sleep(Duration::from_secs(3600));
            let short = ctx.spawn(async move { ctx.timeout(Duration::from_nanos(1), hour).await });
            short.await.unwrap().unwrap_err();
            ctx.spawn(std::future::pending::<()>()).abort();
        });
    }
}

#[test]
fn worlds_leave_nothing_behind() {
    if !is_own_process("memory::worlds_leave_nothing_behind") {
        return;
    }
    let world = |sim: &mut Sim| {
        sim.service("server", || Router::new().route("/", get(|| async { "done" })));
        sim.process("sleeper", |ctx| async move {
            ctx.spawn(std::future::pending::<()>());
            ctx.sleep(Duration::from_secs(3600)).await;
        });
        sim.client("client", |ctx| async move {
            ctx.http().get("http://server/").send().await?.error_for_status().map(|_| ())
        });
    };
    let drift =
        Fault::ClockDrift { node: "sleeper".into(), ppm: 50, at: Duration::ZERO, lasts: None };
    let config = digest().plan(FaultPlan::new([drift]));
    let mut warm = 0;
    for n in 0..WORLDS {
        if n == WORLDS / 10 {
            warm = resident();
        }
        assert!(run(&world, &config).verdict().holds());
    }
    let grown = resident().saturating_sub(warm);
    assert!(grown < NOISE, "{grown} pages more after {WORLDS} worlds");
}
