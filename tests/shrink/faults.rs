//! Fewer faults, fewer operations, simpler values.

use super::*;

/// Sixteen faults that change nothing that matters.
fn noise() -> Vec<Fault> {
    let faults = (0..16).map(|i| match i % 4 {
        0 => message(40 + i, Leg::Request, Effect::Drop),
        1 => Fault::Slow { node: "payment".into(), factor: 1.5, at: ms(13 * i), lasts: None },
        2 => {
            let (node, at) = ("payment".into(), ms(300 + i));
            Fault::ClockStep { node, at, by_ns: 1_000_003 }
        }
        _ => Fault::Delay {
            from: "payment".into(),
            to: "shopper".into(),
            delay: Duration::from_micros(37),
            jitter: Duration::ZERO,
            at: ms(7 * i),
            lasts: Some(ms(5)),
        },
    });
    faults.collect()
}

#[test]
fn one_fault_out_of_seventeen_is_found() {
    let mut faults = noise();
    faults.insert(11, message(1, Leg::Reply, Effect::Drop));
    let shrunk = check(
        faults,
        expect![[r#"
        shopper -> payment "POST /charge" #1 reply: drop
        shopper keeps [0]
        without 1: Holds
    "#]],
    );
    assert_eq!((shrunk.faults_before, shrunk.plan.faults.len()), (17, 1));
    assert!(shrunk.idle_before > 0);
    assert!(shrunk.runs < 100, "{} runs", shrunk.runs);
    assert!(!shrunk.cut_short);
}

#[test]
fn a_late_operation_becomes_the_only_one() {
    let shrunk = check(
        [message(3, Leg::Reply, Effect::Drop)],
        expect![[r#"
        shopper -> payment "POST /charge" #1 reply: drop
        shopper keeps [0]
        without 1: Holds
    "#]],
    );
    assert_eq!(shrunk.operations, (1, 3));
}

#[test]
fn odd_values_become_round() {
    let pause = Fault::Pause {
        node: "payment".into(),
        at: Duration::from_nanos(123_457),
        lasts: Some(Duration::from_nanos(217_456_789)),
    };
    check(
        [pause],
        expect![[r#"
        from 0s: pause payment
        shopper keeps [0]
        without 1: Holds
    "#]],
    );
    check(
        [message(2, Leg::Reply, Effect::Delay(Duration::from_nanos(187_654_321)))],
        expect![[r#"
            shopper -> payment "POST /charge" #1 reply: drop
            shopper keeps [0]
            without 1: Holds
        "#]],
    );
}

/// Two faults, each of which is needed: the till must be open, and the clerk must be asleep.
fn two_keys(sim: &mut Sim) {
    sim.links(LinkProfile::with_delay(ms(1)));
    for name in ["left", "right"] {
        sim.process(name, |ctx| async move { ctx.publish("up", ctx.clock().now().as_nanos()) });
    }
    sim.client("watcher", |ctx| async move {
        ctx.sleep(ms(500)).await;
        Ok::<(), String>(())
    });
    let later =
        |view: &View<'_>, node: &str| view.probe::<u64>(node, "up").is_some_and(|at| *at > 0);
    sim.never("both start again", move |view| later(view, "left") && later(view, "right"));
    sim.never("the left one starts again late", |view| {
        view.probe::<u64>("left", "up").is_some_and(|at| *at > 400_000_000)
    });
}

fn crash(node: &str, at: u64) -> Fault {
    Fault::Crash { node: node.into(), at: ms(at), lasts: Some(ms(20)) }
}

#[test]
fn what_happens_without_each_fault_is_told() {
    let world = World::new("two_keys", two_keys);
    let faults = [crash("left", 50), crash("right", 100), crash("right", 200)];
    let config = RunConfig::seed(1).plan(FaultPlan::new(faults));
    let shrunk = shrink(&world, &config, "both start again", 500);
    assert_eq!(shrunk.plan.faults.len(), 2);
    assert!(!shrunk.without.contains(&Without::Same), "{}", text(&shrunk));
    assert!(shrunk.without.contains(&Without::Holds), "{}", text(&shrunk));

    // Only the same property counts: the other one must not take over.
    let faults = [crash("left", 50), crash("right", 100), crash("left", 450)];
    let config = RunConfig::seed(1).plan(FaultPlan::new(faults));
    let run = world.run(&config);
    assert_eq!(run.violated().unwrap().property, "both start again");
    let shrunk = shrink(&world, &config, "both start again", 500);
    let nodes: Vec<_> = shrunk.plan.faults.iter().filter_map(Fault::node).collect();
    assert_eq!(nodes, ["left", "right"], "{}", shrunk.plan);
}

/// Of another property nothing can be said, with the fault and without: that says nothing of this one.
#[test]
fn an_unknown_of_another_property_has_no_part_in_it() {
    let world = World::new("one_key", |sim: &mut Sim| {
        sim.check("nobody knows", |_| Verdict::Unknown("no operation was recorded".into()));
        two_keys(sim);
        sim.check("somebody knows", |journal| match journal.of_kind(Kind::Start).count() {
            3 => Verdict::Unknown("it was too quiet".into()),
            _ => Verdict::violated("a node started again"),
        });
    });
    let config = RunConfig::seed(1).plan(FaultPlan::new([crash("left", 450)]));
    let without = |property: &str| shrink(&world, &config, property, 500).without;
    assert_eq!(without("the left one starts again late"), [Without::Holds]);
    assert_eq!(without("somebody knows"), [Without::Unknown("it was too quiet".into())]);
}

#[test]
fn a_failure_without_faults_needs_none() {
    let world = World::new("broken", |sim: &mut Sim| {
        two_keys(sim);
        sim.never("time passes", |view| view.now().as_nanos() > 0);
    });
    let config = RunConfig::seed(1).plan(FaultPlan::new([crash("left", 50)]));
    let shrunk = shrink(&world, &config, "time passes", 500);
    assert_eq!((shrunk.plan.faults.len(), shrunk.without.len()), (0, 0));
}

#[test]
fn tasks_run_in_turn_where_that_fails_too() {
    let world = World::new("shop", shop);
    let plan = FaultPlan::new([message(1, Leg::Reply, Effect::Drop)]);
    let scheduling = Scheduling::Pct { depth: 3, steps: 64 };
    let config = RunConfig { scheduling, ..RunConfig::seed(1) }.plan(plan);
    assert_eq!(shrink(&world, &config, TWICE, 500).scheduling, Scheduling::Fifo);
}

/// What another check needs to have something to look at stays, so that the script holds once the
/// defect is repaired.
#[test]
fn no_check_loses_what_it_looks_at() {
    let looks = |sim: &mut Sim| {
        shop(sim);
        let look = |ctx: Ctx, _: u32| async move { Ok::<(), String>(ctx.record("looks")) };
        sim.workload("looker", (0..5).collect(), look);
        sim.check("somebody looks", |journal| {
            let looked = journal.of_kind(Kind::Note).any(|note| note.text() == Some("looks"));
            if looked { Verdict::Holds } else { Verdict::Unknown("nobody looked".into()) }
        });
    };
    let world = World::new("looks", looks);
    let plan = FaultPlan::new([message(1, Leg::Reply, Effect::Drop)]);
    let shrunk = shrink(&world, &RunConfig::seed(1).plan(plan), TWICE, 500);
    assert_eq!(shrunk.plan.workload["looker"].len(), 1, "{}", text(&shrunk));
    assert_eq!(shrunk.plan.workload["shopper"].len(), 1, "{}", text(&shrunk));
}
