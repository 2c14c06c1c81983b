//! What must be true, when it is looked at, and what comes of it.

use super::*;

/// Counts 1, 2, 3 ... up to `to`, every 10 ms.
fn counter(sim: &mut Sim, to: u32) {
    client(sim, move |ctx| async move {
        for n in 1..=to {
            ctx.sleep(ms(10)).await;
            ctx.publish("count", n);
        }
    });
}

fn count(view: &View<'_>) -> u32 {
    view.probe::<u32>("client", "count").map_or(0, |n| *n)
}

#[test]
fn a_violated_always_ends_the_run_with_its_witness() {
    let world = |sim: &mut Sim| {
        counter(sim, 5);
        sim.always("below three", |view| match count(view) {
            n if n < 3 => Ok(()),
            n => Err(format!("it is {n}")),
        });
        sim.eventually("it is five", |view| count(view) == 5);
    };
    let run = check(
        world,
        expect![[r#"
        always "below three": violated: it is 3 at 30.000 ms
        eventually "it is five": unknown: the run ended at the violation
        violated: below three: it is 3
    "#]],
    );
    assert_eq!((run.end, run.duration), (End::Violated, ms(30).into()));
}

#[test]
fn never_is_the_opposite() {
    let world = |sim: &mut Sim| {
        counter(sim, 5);
        sim.never("three", |view| count(view) == 3);
    };
    check(
        world,
        expect![[r#"
        never "three": violated:  at 30.000 ms
        violated: three
    "#]],
    );
}

/// A state that lasts for one step of one task, and is gone in the same instant.
#[test]
fn a_moment_is_enough() {
    let world = |sim: &mut Sim| {
        client(sim, |ctx| async move {
            ctx.publish("balance", -1);
            ctx.yield_now().await;
            ctx.publish("balance", 1);
        });
        sim.always("the balance is not negative", |view| {
            view.probe::<i32>("client", "balance").is_none_or(|b| *b >= 0)
        });
    };
    check(
        world,
        expect![[r#"
        always "the balance is not negative": violated:  at 0.000 ms
        violated: the balance is not negative
    "#]],
    );
}

#[test]
fn eventually_has_time_after_chaos_and_may_use_it_up() {
    let world = |at: u64| {
        move |sim: &mut Sim| {
            sim.settle(ms(100));
            sim.process("slow", move |ctx| async move {
                ctx.sleep(ms(at)).await;
                ctx.record("done");
                pending::<()>().await;
            });
            client(sim, |ctx| async move { ctx.sleep(ms(50)).await });
            sim.eventually("it is done", |view| view.recorded("done") > 0);
        }
    };
    assert_eq!(
        check(
            world(149),
            expect![[r#"
        eventually "it is done": holds
        holds
    "#]]
        )
        .duration,
        ms(149).into()
    );
    check(
        world(151),
        expect![[r#"
        eventually "it is done": violated:  at 150.000 ms
        violated: it is done
    "#]],
    );
}

/// True for a while is not true in the end.
#[test]
fn eventually_is_judged_as_it_is_last_seen() {
    let world = |sim: &mut Sim| {
        sim.settle(ms(100));
        sim.process("flag", |ctx| async move {
            for n in 0.. {
                ctx.sleep(ms(30)).await;
                ctx.publish("up", n % 2 == 0);
            }
        });
        client(sim, |_| async {});
        sim.eventually("up", |view| view.probe::<bool>("flag", "up").is_some_and(|up| *up));
        sim.eventually("down", |view| view.probe::<bool>("flag", "up").is_some_and(|up| !*up));
    };
    check(
        world,
        expect![[r#"
        eventually "up": holds
        eventually "down": violated:  at 100.000 ms
        violated: down
    "#]],
    );
}

#[test]
fn sometimes_needs_one_moment_and_fails_no_run() {
    let world = |sim: &mut Sim| {
        counter(sim, 3);
        sim.sometimes("two", |view| count(view) == 2);
        sim.sometimes("nine", |view| count(view) == 9);
    };
    check(
        world,
        expect![[r#"
        sometimes "two": holds
        sometimes "nine": unknown: it was not seen
        holds
    "#]],
    );
}

#[test]
fn check_judges_the_whole_journal() {
    let world = |sim: &mut Sim| {
        counter(sim, 3);
        sim.check("three probes", |journal| journal.of_kind(Kind::Probe).count() == 3);
        sim.check("no timers", |journal| match journal.of_kind(Kind::Timer).count() {
            0 => Ok(()),
            n => Err(format!("{n} timers")),
        });
    };
    check(
        world,
        expect![[r#"
        check "three probes": holds
        check "no timers": violated: 3 timers at 30.000 ms
        violated: no timers: 3 timers
    "#]],
    );
    let config = RunConfig { recording: Recording::Digest, ..RunConfig::seed(1) };
    let digest = run(&world, &config.plan(FaultPlan::default()));
    expect!["unknown: three probes: the journal was not kept"]
        .assert_eq(&digest.verdict().to_string());
}

#[test]
fn verdicts_have_three_values_and_unknown_does_not_pass() {
    let world = |sim: &mut Sim| {
        counter(sim, 1);
        sim.always("who knows", |_| Verdict::Unknown("nobody has looked".to_owned()));
        sim.always("sure", |_| true);
    };
    assert!(
        !check(
            world,
            expect![[r#"
        always "who knows": unknown: nobody has looked
        always "sure": holds
        unknown: who knows: nobody has looked
    "#]]
        )
        .verdict()
        .holds()
    );
}

#[test]
fn a_property_that_panics_is_violated() {
    let world = |sim: &mut Sim| {
        counter(sim, 1);
        sim.always("assertions count", |view| {
            assert_eq!(count(view), 0, "it counted");
            true
        });
    };
    let run = calm(world);
    assert!(run.verdict().to_string().contains("it counted"), "{}", run.verdict());
}

/// A probe is of one type; what a node showed outlives its crash.
#[test]
fn probes_are_typed_and_by_node() {
    let world = |sim: &mut Sim| {
        sim.process("pair", |ctx| async move {
            ctx.publish("name", ctx.name());
            pending::<()>().await;
        })
        .replicas(2);
        client(sim, |ctx| async move {
            ctx.sleep(ms(1)).await;
            ctx.publish("name", 7);
            ctx.record("hello");
            ctx.record("hello");
        });
        sim.eventually("as published", |view| {
            assert_eq!(view.probe::<u32>("pair-0", "name"), None);
            assert_eq!(view.probe::<String>("nobody", "name"), None);
            assert_eq!(*view.probe::<i32>("client", "name").unwrap(), 7);
            let names: Vec<String> = view
                .probes::<String>("name")
                .into_iter()
                .map(|(n, v)| format!("{n}={v}"))
                .collect();
            assert_eq!(names, ["pair-0=pair-0", "pair-1=pair-1"]);
            assert_eq!((view.recorded("hello"), view.recorded("bye")), (2, 0));
            view.after_chaos()
        });
    };
    check(
        world,
        expect![[r#"
        eventually "as published": holds
        holds
    "#]],
    );
}

#[test]
fn points_that_were_reached_are_listed() {
    let run = calm(|sim| {
        sim.points(["fast path", "slow path"]);
        client(sim, |ctx| async move {
            ctx.reachable("fast path");
            ctx.reachable("fast path");
            ctx.reachable("not announced");
        });
    });
    assert_eq!(run.points.difference(&run.reached).collect::<Vec<_>>(), ["slow path"]);
    assert_eq!(run.reached.len(), 2);
    assert_eq!(run.journal.of_kind(Kind::Reach).count(), 2, "the first time only");
}

#[test]
fn a_client_that_hangs_violates_and_says_on_what() {
    let world = |sim: &mut Sim| {
        sim.settle(ms(10)).time_limit(ms(10));
        client(sim, |ctx| async move {
            _ = ctx.bind(7).unwrap().receive().await;
        });
    };
    check(
        world,
        expect![[r#"
        eventually "every client ends": violated: client waits for a datagram at client:7 since 0.000 ms at 0.000 ms
        violated: every client ends: client waits for a datagram at client:7 since 0.000 ms
    "#]],
    );
}

#[test]
fn an_error_of_a_client_is_recorded_and_violates_nothing() {
    let world = |sim: &mut Sim| {
        sim.client("client", |_| async { Err::<(), _>("no tea") });
    };
    let run = check(
        world,
        expect![[r#"
        holds
    "#]],
    );
    assert_eq!(run.journal.of_kind(Kind::Note).next().unwrap().text(), Some("gives up: no tea"));
}

#[track_caller]
fn check_workload(kept: Option<Vec<usize>>, expect: Expect) {
    let world = |sim: &mut Sim| {
        sim.workload("client", vec!["a", "b", "c", "d"], |ctx, operation| async move {
            ctx.sleep(ms(1)).await;
            if operation == "b" { Err("no b") } else { Ok(()) }
        });
    };
    let workload = kept.map(|kept| ("client".to_owned(), kept)).into_iter().collect();
    let plan = FaultPlan { faults: vec![], workload };
    let run = run(&world, &RunConfig::seed(1).plan(plan));
    let line = |e: stormglass::journal::Event<'_>| {
        format!("{} #{} {} {}\n", e.at(), e.value(), e.symbol(), e.text().unwrap_or_default())
    };
    assert_eq!(run.operations, [("client".to_owned(), 4)]);
    expect.assert_eq(&run.journal.of_kind(Kind::Operation).map(line).collect::<String>());
}

#[test]
fn a_workload_goes_on_after_an_error() {
    check_workload(
        None,
        expect![[r#"
        0.000 ms #0 invoke "a"
        1.000 ms #0 ok 
        1.000 ms #1 invoke "b"
        2.000 ms #1 failed no b
        2.000 ms #2 invoke "c"
        3.000 ms #2 ok 
        3.000 ms #3 invoke "d"
        4.000 ms #3 ok 
    "#]],
    );
}

#[test]
fn a_plan_keeps_some_operations_of_a_workload() {
    check_workload(
        Some(vec![1, 3]),
        expect![[r#"
        0.000 ms #1 invoke "b"
        1.000 ms #1 failed no b
        1.000 ms #3 invoke "d"
        2.000 ms #3 ok 
    "#]],
    );
    check_workload(Some(vec![]), expect![[""]]);
}

#[test]
#[should_panic = "no operation 4 of `client`; there are 0 to 3"]
fn a_plan_that_keeps_an_operation_that_there_is_not_is_refused() {
    check_workload(Some(vec![1, 4]), expect![[""]]);
}
