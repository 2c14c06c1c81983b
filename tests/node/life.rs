//! Start, stop, crash, power loss, pause, wipe: what the node itself sees, and what its peers see.

use super::*;

/// A server that says what happens to it, and counts its ticks of 10 ms.
async fn server(ctx: Ctx) {
    ctx.record("starts");
    for tick in 1.. {
        ctx.sleep(ms(10)).await;
        ctx.record(tick);
    }
}

/// A server that ticks, and a client that waits for 35 ms; then chaos ends.
#[track_caller]
fn check_server(fault: Fault, expect: Expect) {
    let world = |sim: &mut Sim| {
        sim.process("server", server);
        client(sim, |ctx| async move { ctx.sleep(ms(35)).await });
    };
    check([fault], world, expect);
}

#[test]
fn a_crashed_process_starts_from_nothing() {
    let fault = Fault::Crash { node: "server".into(), at: ms(15), lasts: Some(ms(5)) };
    check_server(
        fault,
        expect![[r#"
        0.000 ms  server: starts
        10.000 ms  server: 1
        20.000 ms  server: starts
        30.000 ms  server: 1
    "#]],
    );
}

#[test]
fn so_does_one_that_lost_its_power() {
    let lasts = Some(ms(5));
    let fault = Fault::PowerLoss { node: "server".into(), at: Some(ms(15)), disk_op: None, lasts };
    check_server(
        fault,
        expect![[r#"
        0.000 ms  server: starts
        10.000 ms  server: 1
        20.000 ms  server: starts
        30.000 ms  server: 1
    "#]],
    );
}

#[test]
fn and_one_whose_machine_was_replaced() {
    let fault = Fault::Wipe { node: "server".into(), at: ms(15), lasts: Some(ms(5)) };
    check_server(
        fault,
        expect![[r#"
        0.000 ms  server: starts
        10.000 ms  server: 1
        20.000 ms  server: starts
        30.000 ms  server: 1
    "#]],
    );
}

/// Its timers go on and fire late, all at once.
#[test]
fn a_paused_process_keeps_its_memory_and_wakes_late() {
    let fault = Fault::Pause { node: "server".into(), at: ms(15), lasts: Some(ms(13)) };
    check_server(
        fault,
        expect![[r#"
        0.000 ms  server: starts
        10.000 ms  server: 1
        28.000 ms  server: 2
    "#]],
    );
}

#[test]
fn what_is_down_when_chaos_ends_starts_again() {
    let fault = Fault::Crash { node: "server".into(), at: ms(15), lasts: None };
    check_server(
        fault,
        expect![[r#"
        0.000 ms  server: starts
        10.000 ms  server: 1
        35.000 ms  server: starts
    "#]],
    );
}

#[test]
fn a_crash_in_a_pause_ends_the_pause() {
    let faults = [
        Fault::Pause { node: "server".into(), at: ms(5), lasts: Some(ms(40)) },
        Fault::Crash { node: "server".into(), at: ms(10), lasts: Some(ms(1)) },
    ];
    let world = |sim: &mut Sim| {
        sim.process("server", server);
        client(sim, |ctx| async move { ctx.sleep(ms(25)).await });
    };
    let world = |sim: &mut Sim| {
        sim.links(LinkProfile::with_delay(ms(1)));
        world(sim);
    };
    let run = run(&world, &RunConfig::seed(1).plan(FaultPlan::new(faults)));
    assert!(run.verdict().holds(), "{}", run.verdict());
    let notes: Vec<&str> = run.journal.of_kind(Kind::Note).filter_map(|e| e.text()).collect();
    assert_eq!(notes, ["starts", "starts", "1"]);
}

/// It is told, takes nothing new, finishes what is open within the grace period, and ends.
#[test]
fn a_graceful_stop_lets_open_requests_finish() {
    let slow = |ctx: Ctx| {
        ctx.spawn(async move {
            ctx.stopping().await;
            ctx.record("is asked to stop");
            ctx.sleep(ms(600)).await;
            ctx.record("not reached: the grace period is over");
        });
        Router::new().route(
            "/",
            get(move || async move {
                ctx.sleep(ms(20)).await;
                ctx.record("finishes");
                "done"
            }),
        )
    };
    let world = move |sim: &mut Sim| {
        sim.service("server", slow);
        client(sim, |ctx| async move {
            ctx.sleep(ms(1)).await;
            let open = ctx.spawn(async move { ctx.http().get("http://server/").send().await });
            ctx.sleep(ms(10)).await;
            let late = ctx.http().get("http://server/").send().await;
            ctx.record(format_args!("late: {}", late.unwrap_err()));
            let open = open.await.unwrap();
            ctx.record(format_args!("open: {}", open.unwrap().text()));
            ctx.sleep(ms(1_200)).await;
            let again = ctx.http().get("http://server/").send().await;
            ctx.record(format_args!("restarted: {}", again.unwrap().text()));
        });
    };
    let stop = Fault::Stop { node: "server".into(), at: ms(5), lasts: Some(ms(1_000)) };
    check(
        [stop],
        world,
        expect![[r#"
        5.000 ms  server: is asked to stop
        13.000 ms  client: late: connection refused
        22.000 ms  server: finishes
        23.000 ms  client: open: done
        1244.000 ms  server: finishes
        1245.000 ms  client: restarted: done
    "#]],
    );
}

/// The calls of a node that died are not heard of again, and neither are its timers.
#[test]
fn an_answer_to_a_dead_caller_wakes_nobody() {
    let world = |sim: &mut Sim| {
        sim.service("slow", |ctx: Ctx| {
            Router::new().route("/", get(move || async move { ctx.sleep(ms(10)).await }))
        });
        sim.process("caller", |ctx| async move {
            ctx.record("calls");
            _ = ctx.http().get("http://slow/").send().await;
            ctx.record("has its answer");
            pending::<()>().await;
        });
        client(sim, |ctx| async move { ctx.sleep(ms(30)).await });
    };
    let crash = Fault::Crash { node: "caller".into(), at: ms(5), lasts: Some(ms(1)) };
    check(
        [crash],
        world,
        expect![[r#"
        0.000 ms  caller: calls
        6.000 ms  caller: calls
        18.000 ms  caller: has its answer
    "#]],
    );
}

/// A machine without power cannot send again what was lost before.
#[test]
fn a_machine_without_power_retransmits_nothing() {
    let world = |sim: &mut Sim| {
        sim.service("server", |ctx: Ctx| {
            Router::new().route("/", get(move || async move { ctx.record("is asked") }))
        });
        sim.process("caller", |ctx| async move {
            if ctx.clock().now() < ms(5).into() {
                _ = ctx.http().get("http://server/").send().await;
            }
        });
        client(sim, |ctx| async move { ctx.sleep(ms(2_000)).await });
    };
    let cut = Fault::Partition {
        a: vec!["caller".into()],
        b: vec!["server".into()],
        one_way: false,
        at: ms(0),
        lasts: Some(ms(100)),
    };
    let (at, lasts) = (Some(ms(50)), Some(ms(50)));
    let dark = Fault::PowerLoss { node: "caller".into(), at, disk_op: None, lasts };
    check([cut.clone(), dark], world, expect![""]);
    check(
        [cut],
        world,
        expect![[r#"
        202.000 ms  server: is asked
    "#]],
    );
}
