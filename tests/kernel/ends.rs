//! How a world ends: with everything dropped, and with a report if it had to be ended.

use stormglass::chaos::{Effect, Leg};
use stormglass::kernel::Stop;

use super::*;

/// The report of a run that did not end by itself.
fn report(run: &Run) -> String {
    let (how, waiting) = match &run.end {
        End::Deadlock(waiting) => ("deadlock".to_owned(), waiting),
        End::Stopped(stop, waiting) => (format!("stopped: {stop:?}"), waiting),
        end => return format!("{end:?}\n"),
    };
    let line = |w: &stormglass::kernel::Waiting| {
        let file = w.spawned_at.split(':').next().unwrap_or_default();
        format!("{} ({file}) waits for {} since {}\n", w.node, w.waits_for, w.since)
    };
    let lines: String = waiting.iter().map(line).collect();
    format!("{how}\n{lines}{}\n", run.verdict())
}

#[test]
fn a_deadlock_is_reported_with_who_waits_for_what_since_when() {
    let run = calm(|sim| {
        sim.process("server", |ctx| async move {
            let socket = ctx.bind(7).unwrap();
            ctx.sleep(ms(5)).await;
            _ = socket.receive().await;
        });
        sim.service("mute", || {
            axum::Router::new().route("/", axum::routing::get(pending::<String>))
        });
        client(sim, "client", |ctx| async move {
            ctx.sleep(ms(1)).await;
            _ = ctx.http().get("http://mute/").send().await;
        });
    });
    expect![[r#"
        deadlock
        client (tests/kernel.rs) waits for an answer to GET / of mute since 1.000 ms
        mute (tests/kernel/ends.rs) waits for something that no event of the world will wake since 1.210 ms
        server (tests/kernel/ends.rs) waits for a datagram at server:7 since 5.000 ms
        violated: every client ends: client waits for an answer to GET / of mute since 1.000 ms; mute waits for something that no event of the world will wake since 1.210 ms; server waits for a datagram at server:7 since 5.000 ms
    "#]].assert_eq(&report(&run));
}

#[test]
fn work_that_no_processor_is_free_for_says_so() {
    let run = calm(|sim| {
        sim.time_limit(ms(100)).settle(ms(50));
        client(sim, "client", |ctx| async move {
            let mut held = ctx.work(Duration::from_secs(3600));
            _ = ctx.timeout(ms(1), &mut held).await;
            ctx.work(ms(1)).await;
        });
    });
    expect![[r#"
        stopped: Limit
        client (tests/kernel.rs) waits for a processor since 1.000 ms
        violated: every client ends: client waits for a processor since 1.000 ms
    "#]]
    .assert_eq(&report(&run));
}

/// However many others wait, the client that does not end is named.
#[test]
fn idle_services_do_not_hide_the_client_that_hangs() {
    let run = calm(|sim| {
        for n in 0..9 {
            sim.process(&format!("idle{n}"), |ctx| async move {
                _ = ctx.bind(7).unwrap().receive().await;
            });
        }
        client(sim, "client", |ctx| async move {
            ctx.sleep(ms(1)).await;
            _ = ctx.bind(9).unwrap().receive().await;
        });
    });
    expect!["violated: every client ends: client waits for a datagram at client:9 since 1.000 ms; idle0 waits for a datagram at idle0:7 since 0.000 ms; idle1 waits for a datagram at idle1:7 since 0.000 ms; idle2 waits for a datagram at idle2:7 since 0.000 ms; idle3 waits for a datagram at idle3:7 since 0.000 ms; and 5 more"].assert_eq(&run.verdict().to_string());
}

#[test]
fn a_client_that_never_ends_violates_at_the_limit() {
    let run = calm(|sim| {
        sim.time_limit(ms(100)).settle(ms(50));
        client(sim, "client", |ctx| async move {
            loop {
                ctx.sleep(ms(40)).await;
            }
        });
    });
    expect![[r#"
        stopped: Limit
        client (tests/kernel.rs) waits for a timer at 160.000 ms since 120.000 ms
        violated: every client ends: client waits for a timer at 160.000 ms since 120.000 ms
    "#]]
    .assert_eq(&report(&run));
    assert_eq!(run.duration, ms(150).into());
}

#[test]
fn two_tasks_that_wake_each_other_for_ever_are_a_livelock() {
    let run = calm(|sim| {
        for n in 0..6 {
            sim.process(&format!("idle{n}"), |_| pending());
        }
        client(sim, "client", |ctx| async move {
            ctx.sleep(ms(1)).await;
            let spin = || {
                ctx.spawn(async move {
                    while ctx.clock().now() < ms(2).into() {
                        ctx.yield_now().await;
                    }
                })
            };
            let (a, b) = (spin(), spin());
            a.await.unwrap();
            b.await.unwrap();
        });
    });
    let End::Stopped(Stop::Livelock, waiting) = &run.end else { panic!("{:?}", run.end) };
    let busy = waiting.iter().filter(|w| w.polls > 400_000).count();
    assert_eq!(busy, 2, "{waiting:?}");
    expect!["violated: every client ends: client waits for its turn since 1.000 ms; client waits for its turn since 1.000 ms; client waits for something that no event of the world will wake since 1.000 ms; idle0 waits for something that no event of the world will wake since 0.000 ms; idle1 waits for something that no event of the world will wake since 0.000 ms; and 4 more"].assert_eq(&run.verdict().to_string());
}

/// Ping-pong over time, for ever.
fn busy(sim: &mut Sim) {
    client(sim, "client", |ctx| async move {
        loop {
            ctx.sleep(Duration::from_micros(1)).await;
        }
    });
}

#[test]
fn a_budget_of_events_leaves_the_verdict_unknown() {
    let run = calm(|sim| {
        sim.events_max(5_000);
        busy(sim);
    });
    assert!((5_000..8_000).contains(&run.journal.total()), "{}", run.journal.total());
    expect![[r#"
        stopped: Events
        client (tests/kernel.rs) waits for its turn since 5.119 ms
        unknown: every client ends: the run was stopped: Events
    "#]]
    .assert_eq(&report(&run));
}

#[test]
fn an_interrupt_leaves_the_verdict_unknown() {
    let config = RunConfig::seed(1).plan(FaultPlan::default());
    config.interrupt.store(true, Ordering::Relaxed);
    let run = run(&busy, &config);
    expect!["unknown: every client ends: the run was stopped: Interrupted"]
        .assert_eq(&run.verdict().to_string());
}

/// It had no time to become true: that says nothing.
#[test]
fn what_was_not_yet_true_when_the_run_was_stopped_is_unknown() {
    let run = calm(|sim| {
        sim.events_max(5_000);
        sim.process("ticker", |ctx| async move {
            loop {
                ctx.sleep(Duration::from_micros(10)).await;
                ctx.publish("tick", ());
            }
        });
        client(sim, "client", |_| async {});
        sim.eventually("pigs fly", |view| view.recorded("a pig flies") > 0);
    });
    assert!(matches!(run.end, End::Stopped(Stop::Events, _)), "{:?}", run.end);
    assert!(matches!(run.verdict(), Verdict::Unknown(_)), "{}", run.verdict());
}

#[test]
fn the_end_drops_every_task_and_its_timers() {
    let drops = Drops::default();
    let shared = drops.clone();
    let run = calm(move |sim| {
        let drops = shared.clone();
        sim.process("server", move |ctx| {
            let (guard, inner) = (drops.guard(), drops.guard());
            async move {
                let _guard = guard;
                ctx.spawn(async move {
                    let _guard = inner;
                    ctx.sleep(Duration::from_secs(3600)).await;
                });
                pending::<()>().await;
            }
        });
        client(sim, "client", |ctx| async move { ctx.sleep(ms(1)).await });
    });
    assert_eq!(run.end, End::Finished);
    assert_eq!(drops.count(), 2);
}

#[test]
fn a_crash_drops_the_tasks_of_its_node_alone() {
    let drops = Drops::default();
    let shared = drops.clone();
    let world = move |sim: &mut Sim| {
        for name in ["dies", "lives"] {
            let drops = shared.clone();
            sim.process(name, move |_| {
                let guard = drops.guard();
                async move {
                    let _guard = guard;
                    pending::<()>().await;
                }
            });
        }
        let drops = shared.clone();
        client(sim, "client", move |ctx| {
            let drops = drops.clone();
            async move {
                ctx.sleep(ms(1)).await;
                assert_eq!(drops.count(), 0);
                ctx.sleep(ms(2)).await;
                assert_eq!(drops.count(), 1);
            }
        });
    };
    let crash = Fault::Crash { node: "dies".into(), at: ms(2), lasts: None };
    let run = run(&world, &RunConfig::seed(1).plan(FaultPlan::new([crash])));
    assert!(run.verdict().holds(), "{}", run.verdict());
    assert_eq!(drops.count(), 3);
}

/// At the end, and when its node crashes, a destructor may do what other code may.
#[test]
fn a_destructor_may_use_its_context() {
    let drops = Drops::default();
    let shared = drops.clone();
    let world = move |sim: &mut Sim| {
        let drops = shared.clone();
        sim.process("server", move |ctx| {
            let drops = drops.clone();
            async move {
                let _last = Defer(move || {
                    ctx.record(format_args!("{} ends", ctx.name()));
                    ctx.publish("open", 0);
                    ctx.reachable("the end");
                    _ = ctx.bind(0).map(|socket| socket.send("client", 7, "bye"));
                    let guard = drops.guard();
                    ctx.spawn(async move {
                        let _guard = guard;
                        ctx.record("a zombie");
                        pending::<()>().await;
                    });
                });
                pending::<()>().await;
            }
        });
        client(sim, "client", |ctx| async move { ctx.sleep(ms(4)).await });
    };
    let crash = Fault::Crash { node: "server".into(), at: ms(2), lasts: Some(ms(1)) };
    let run = run(&world, &RunConfig::seed(1).plan(FaultPlan::new([crash])));
    assert!(run.verdict().holds(), "{}", run.verdict());
    assert_eq!(drops.count(), 2, "what a destructor spawned is dropped, too");
    expect![""].assert_eq(&notes(&run));
}

/// The request is open, and the fault that would strike its answer has a label, when it ends.
#[test]
fn a_violation_may_end_the_world_while_a_faulty_request_is_open() {
    let world = |sim: &mut Sim| {
        sim.service("mute", || {
            axum::Router::new().route("/", axum::routing::get(pending::<String>))
        });
        client(sim, "client", |ctx| async move {
            _ = ctx.timeout(ms(5), ctx.http().get("http://mute/").send()).await;
            ctx.record("tired");
        });
        sim.process("asks too", |ctx| async move {
            _ = ctx.http().get("http://mute/").send().await;
        });
        sim.never("somebody is tired", |view| view.recorded("tired") > 0);
    };
    let fault = Fault::Message {
        from: "asks too".into(),
        to: "mute".into(),
        label: Some("GET /".into()),
        n: 1,
        leg: Leg::Reply,
        effect: Effect::Drop,
    };
    let run = run(&world, &RunConfig::seed(1).plan(FaultPlan::new([fault])));
    assert_eq!(run.end, End::Violated);
    assert_eq!(run.tallies[0].opportunities, 0);
}
