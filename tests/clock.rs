//! Clocks that are off: what `ctx.clock()` shows, and when sleeps end.
#![allow(clippy::unwrap_used, reason = "a test's helpers are tests, too")]

use std::time::{Duration, SystemTime};

use expect_test::{Expect, expect};
use stormglass::journal::Kind;
use stormglass::prelude::*;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn drift(ppm: i64, at: u64, lasts: Option<u64>) -> Fault {
    Fault::ClockDrift { node: "node".into(), ppm, at: ms(at), lasts: lasts.map(ms) }
}

fn step(by_ms: i64, at: u64) -> Fault {
    Fault::ClockStep { node: "node".into(), at: ms(at), by_ns: by_ms * 1_000_000 }
}

fn freeze(at: u64, lasts: Option<u64>) -> Fault {
    Fault::ClockFreeze { node: "node".into(), at: ms(at), lasts: lasts.map(ms) }
}

/// Runs `body` on a node whose clock is struck by `faults`, until `end`; then chaos ends.
fn run_node<F: Future<Output = ()> + 'static>(
    faults: impl IntoIterator<Item = Fault>,
    end: Duration,
    body: impl Fn(Ctx) -> F + Clone + 'static,
) -> Run {
    let world = |sim: &mut Sim| {
        sim.process("node", body.clone());
        sim.client("true", move |ctx| async move {
            ctx.sleep(end).await;
            Ok::<(), String>(())
        });
        sim.settle(ms(1_000));
        sim.eventually("the node has seen the end", |view| view.recorded("end") > 0);
    };
    let run = run(&world, &RunConfig::seed(3).plan(FaultPlan::new(faults)));
    assert!(run.verdict().holds(), "{}", run.verdict());
    run
}

/// What the node records, and when in true milliseconds.
fn told(run: &Run) -> String {
    let line = |e: stormglass::journal::Event<'_>| {
        format!("{}  {}\n", e.at(), e.text().unwrap_or_default())
    };
    run.journal.of_kind(Kind::Note).map(line).collect()
}

/// The node reads its clocks every 10 ms of its own time, `times` times.
#[track_caller]
fn check(faults: impl IntoIterator<Item = Fault>, times: u32, expect: Expect) {
    let run = run_node(faults, ms(u64::from(times) * 10 - 5), move |ctx| async move {
        let clock = ctx.clock();
        let start = clock.wall();
        for _ in 0..times {
            ctx.sleep(ms(10)).await;
            let ahead = |t: SystemTime| match t.duration_since(start) {
                Ok(after) => after.as_secs_f64() * 1e3,
                Err(before) => before.duration().as_secs_f64() * -1e3,
            };
            let wall = ahead(clock.wall());
            ctx.record(format_args!("monotonic {}, wall {wall:.3} ms", clock.now()));
        }
        ctx.record("end");
    });
    expect.assert_eq(&told(&run));
}

#[test]
fn a_true_clock_shows_true_time() {
    check(
        [],
        2,
        expect![[r#"
        10.000 ms  monotonic 10.000 ms, wall 10.000 ms
        20.000 ms  monotonic 20.000 ms, wall 20.000 ms
        20.000 ms  end
    "#]],
    );
}

#[test]
fn a_fast_clock_wakes_early_and_both_readings_gain() {
    check(
        [drift(250_000, 0, None)],
        3,
        expect![[r#"
        8.000 ms  monotonic 10.000 ms, wall 10.000 ms
        16.000 ms  monotonic 20.000 ms, wall 20.000 ms
        24.000 ms  monotonic 30.000 ms, wall 30.000 ms
        24.000 ms  end
    "#]],
    );
}

#[test]
fn a_slow_clock_wakes_late() {
    check(
        [drift(-500_000, 0, None)],
        2,
        expect![[r#"
        17.500 ms  monotonic 10.000 ms, wall 17.500 ms
        27.500 ms  monotonic 20.000 ms, wall 27.500 ms
        27.500 ms  end
    "#]],
    );
}

/// From 5 ms the clock is fast by 60 %: the other 5 ms of the first sleep take 3.125.
#[test]
fn a_change_in_the_middle_of_a_sleep_counts_from_there() {
    check(
        [drift(600_000, 5, Some(10))],
        4,
        expect![[r#"
            8.125 ms  monotonic 10.000 ms, wall 10.000 ms
            14.375 ms  monotonic 20.000 ms, wall 20.000 ms
            24.000 ms  monotonic 30.000 ms, wall 30.000 ms
            34.000 ms  monotonic 40.000 ms, wall 40.000 ms
            34.000 ms  end
        "#]],
    );
}

#[test]
fn a_step_moves_the_wall_clock_alone_until_chaos_ends() {
    check(
        [step(-3_000, 15)],
        4,
        expect![[r#"
        10.000 ms  monotonic 10.000 ms, wall 10.000 ms
        20.000 ms  monotonic 20.000 ms, wall -2980.000 ms
        30.000 ms  monotonic 30.000 ms, wall -2970.000 ms
        40.000 ms  monotonic 40.000 ms, wall 40.000 ms
        40.000 ms  end
    "#]],
    );
    check(
        [step(100, 15)],
        4,
        expect![[r#"
        10.000 ms  monotonic 10.000 ms, wall 10.000 ms
        20.000 ms  monotonic 20.000 ms, wall 120.000 ms
        30.000 ms  monotonic 30.000 ms, wall 130.000 ms
        40.000 ms  monotonic 40.000 ms, wall 40.000 ms
        40.000 ms  end
    "#]],
    );
}

#[test]
fn a_frozen_wall_clock_stands_still_and_stays_behind() {
    check(
        [freeze(5, Some(20))],
        5,
        expect![[r#"
            10.000 ms  monotonic 10.000 ms, wall 5.000 ms
            20.000 ms  monotonic 20.000 ms, wall 5.000 ms
            30.000 ms  monotonic 30.000 ms, wall 10.000 ms
            40.000 ms  monotonic 40.000 ms, wall 20.000 ms
            50.000 ms  monotonic 50.000 ms, wall 50.000 ms
            50.000 ms  end
        "#]],
    );
}

#[test]
fn a_step_moves_a_frozen_clock_too() {
    check(
        [freeze(5, Some(20)), step(1_000, 15)],
        4,
        expect![[r#"
            10.000 ms  monotonic 10.000 ms, wall 5.000 ms
            20.000 ms  monotonic 20.000 ms, wall 1005.000 ms
            30.000 ms  monotonic 30.000 ms, wall 1010.000 ms
            40.000 ms  monotonic 40.000 ms, wall 40.000 ms
            40.000 ms  end
        "#]],
    );
}

#[test]
fn monotonic_never_goes_back_and_no_sleep_ends_too_early() {
    let drifts = [(900_000, 11), (-900_000, 23), (3, 37), (-3, 41), (500_000, 59)];
    let drifts = drifts.into_iter().map(|(ppm, at)| drift(ppm, at, Some(3)));
    let steps = [(-50, 17), (70, 29), (-1_000, 53)].into_iter().map(|(by, at)| step(by, at));
    let faults: Vec<Fault> = drifts.chain(steps).collect();
    run_node(faults, ms(100), |ctx| async move {
        let clock = ctx.clock();
        let mut last = clock.now();
        for nanos in (1..).step_by(7_777) {
            ctx.sleep(Duration::from_nanos(nanos)).await;
            let now = clock.now();
            assert!(now - last >= Duration::from_nanos(nanos), "{now:?} {last:?} {nanos}");
            last = now;
            if now > ms(200).into() {
                break;
            }
        }
        ctx.record("end");
    });
}

#[test]
fn ntp_slews_an_offset_away() {
    let run = run_node([step(1, 0)], ms(3_000), |ctx| async move {
        ctx.sleep(ms(1)).await;
        let clock = ctx.clock();
        let start = clock.wall();
        clock.slew();
        for _ in 0..3 {
            ctx.sleep(ms(1_000)).await;
            let shown = clock.wall().duration_since(start).unwrap_or_default();
            ctx.record(format_args!("{:.3} ms", shown.as_secs_f64() * 1e3));
        }
        ctx.record("end");
    });
    expect![[r#"
        1001.000 ms  999.500 ms
        2001.000 ms  1999.000 ms
        3001.000 ms  2999.000 ms
        3001.000 ms  end
    "#]]
    .assert_eq(&told(&run));
}

/// A timeout, a retry's pause and work are on the node's own clock, too.
#[test]
fn limits_follow_the_nodes_clock() {
    let run = run_node([drift(600_000, 0, None)], ms(100), |ctx| async move {
        ctx.timeout(ms(10), std::future::pending::<()>()).await.unwrap_err();
        ctx.record("timed out");
        ctx.work(ms(10)).await;
        ctx.record("worked");
        let call = ctx.http().get("http://localhost/").timeout(ms(10));
        let retry = stormglass::service::Retry::times(2).backoff(ms(10));
        call.retry(retry).send().await.unwrap_err();
        ctx.record("was refused three times, with pauses of 10 and 20 ms");
        ctx.record("end");
    });
    expect![[r#"
        6.250 ms  timed out
        12.500 ms  worked
        31.370 ms  was refused three times, with pauses of 10 and 20 ms
        31.370 ms  end
    "#]]
    .assert_eq(&told(&run));
}

#[test]
fn other_nodes_keep_true_time() {
    let world = |sim: &mut Sim| {
        sim.process("node", |_| std::future::pending());
        sim.client("other", |ctx| async move {
            let before = ctx.clock().wall();
            ctx.sleep(ms(10)).await;
            assert_eq!(ctx.clock().wall(), before + ms(10));
            assert_eq!(ctx.clock().now(), ms(10).into());
            Ok::<(), String>(())
        });
    };
    let plan = FaultPlan::new([drift(500_000, 1, None), step(77, 2)]);
    let run = run(&world, &RunConfig::seed(1).plan(plan));
    assert!(run.verdict().holds(), "{}", run.verdict());
    assert_eq!(run.duration, ms(10).into());
}
