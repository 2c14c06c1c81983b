//! The vocabulary of faults, what a system tolerates of it, and who draws and shrinks it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use expect_test::{Expect, expect};
use proptest::prelude::*;
use proptest::test_runner::{TestError, TestRunner};
use stormglass::chaos::strategies::{fault_plans, seeds, workloads};
use stormglass::chaos::{Chaos, Effect, Fault, FaultKind, FaultPlan, Leg, Script, Tolerance, text};
use stormglass::seed::Seed;
use stormglass::topology::{Member, Role, Topology};

const MS: Duration = Duration::from_millis(1);

fn member(name: &str, replicas: u32, role: Role, calls: &[&str]) -> Member {
    let calls = calls.iter().map(ToString::to_string).collect();
    Member { name: name.to_owned(), replicas, replicas_max: replicas, role, calls }
}

fn shop() -> Topology {
    Topology {
        members: vec![
            member("inventory", 3, Role::Service, &[]),
            member("payment", 1, Role::Service, &[]),
            member("checkout", 1, Role::Service, &["inventory", "payment"]),
            member("shopper", 1, Role::Client, &[]),
        ],
    }
}

/// From nobody to many: `services` with up to 4 replicas, and `clients` that call all of them.
fn some_topology(services: u32, clients: u32) -> Topology {
    let service = |i| member(&format!("s{i}"), 1 + i % 4, Role::Service, &[]);
    let client = |i| member(&format!("c{i}"), 1, Role::Client, &[]);
    Topology { members: (0..services).map(service).chain((0..clients).map(client)).collect() }
}

/// Faults as a script has them, after `format = 1`; nothing is checked but their form.
fn faults(script: &str) -> Vec<Fault> {
    let script = script.replace(';', "\n").replace("- ", "[[fault]]\n");
    toml::from_str::<FaultPlan>(&script).expect("the script of a test").faults
}

/// One of each kind, and then some.
fn examples() -> Vec<Fault> {
    faults(
        r#"
- kind="message"; from="checkout"; to="payment"; label="POST /charge"; n=1; leg="reply"; effect="drop"
- kind="message"; from="checkout"; to="payment"; n=3; leg="reply"; effect="delay 2s"
- kind="partition"; at="1s"; for="2s"; a=["checkout"]; b=["payment"]
- kind="partition"; at="1s"; a=["checkout", "shopper"]; b=["payment"]; one-way=true
- kind="loss"; from="checkout"; to="payment"; percent=10; at="1ms"
- kind="loss"; from="checkout"; to="payment"; percent=12.5; burst=4; at="1ms"
- kind="delay"; from="checkout"; to="payment"; delay="20ms"; at="0s"; for="1m"
- kind="delay"; from="checkout"; to="payment"; delay="20ms"; jitter="5ms"
- kind="duplicate"; from="checkout"; to="payment"; percent=1
- kind="reorder"; from="checkout"; to="payment"; percent=1; by="250us"
- kind="corrupt"; from="checkout"; to="payment"; percent=1
- kind="bandwidth"; from="checkout"; to="payment"; rate=64_000; queue=16_000
- kind="crash"; node="payment"; at="120ms"; for="300ms"
- kind="power-loss"; node="payment"; at="120ms"; for="300ms"
- kind="power-loss"; node="payment"; disk-op=17; for="300ms"
- kind="power-loss"; node="payment"; disk-op=17
- kind="pause"; node="payment"; at="1500ms"
- kind="stop"; node="payment"; at="1500us"
- kind="wipe"; node="payment"; at="1h"; for="90s"
- kind="slow"; node="payment"; factor=2.5
- kind="clock-step"; node="payment"; at="1s"; by="-200ms"
- kind="clock-drift"; node="payment"; ppm=-500
- kind="clock-freeze"; node="payment"; for="1s"
- kind="disk-full"; node="inventory-0"
- kind="disk-slow"; node="inventory-0"; latency="20ms"
- kind="disk-error"; node="inventory-0"; operation="any"
- kind="disk-error"; node="inventory-0"; operation="write"; percent=10
- kind="disk-error"; node="inventory-0"; operation="sync"; n=3
- kind="fsync-lies"; node="inventory"
- kind="disk-corrupt"; node="inventory-0"; percent=0.1
"#,
    )
}

/// The single place that renders a plan.
#[track_caller]
fn check(plan: &FaultPlan, expect: Expect) {
    expect.assert_eq(&plan.to_string());
}

#[test]
fn each_fault_is_one_line() {
    check(
        &FaultPlan::new(examples()),
        expect![[r#"
        checkout -> payment "POST /charge" #1 reply: drop
        checkout -> payment * #3 reply: delay 2s
        at 1s for 2s: partition checkout | payment
        from 1s: partition one way checkout, shopper -> payment
        from 1ms: lose 10% of checkout -> payment
        from 1ms: lose 12.5% of checkout -> payment in bursts of 4
        at 0s for 1m: delay checkout -> payment by 20ms
        from 0s: delay checkout -> payment by 20ms to 25ms
        from 0s: duplicate 1% of checkout -> payment
        from 0s: reorder 1% of checkout -> payment by 250us
        from 0s: corrupt 1% of checkout -> payment
        from 0s: limit checkout -> payment to 64000 B/s with a queue of 16000 B
        at 120ms for 300ms: crash payment
        at 120ms for 300ms: power loss of payment
        payment disk operation #17: power loss for 300ms
        payment disk operation #17: power loss
        from 1500ms: pause payment
        from 1500us: stop payment
        at 1h for 90s: wipe payment
        from 0s: slow payment 2.5 times
        at 1s: step the clock of payment by -200ms
        from 0s: drift the clock of payment by -500 ppm
        at 0s for 1s: freeze the clock of payment
        from 0s: fill the disk of inventory-0
        from 0s: slow the disk of inventory-0 by 20ms
        from 0s: fail 100% of disk operations of inventory-0
        from 0s: fail 10% of disk writes of inventory-0
        from 0s: fail disk sync #3 of inventory-0
        from 0s: fsync lies on inventory
        from 0s: corrupt 0.1% of disk reads of inventory-0
    "#]],
    );
}

#[test]
fn a_plan_survives_toml_and_json() {
    let plan = FaultPlan::new(examples());
    assert_eq!(toml::from_str::<Sections>(&plan.to_toml()).unwrap().fault, plan.faults);
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<FaultPlan>(&json).unwrap(), plan);
}

#[derive(serde::Deserialize)]
struct Sections {
    fault: Vec<Fault>,
}

#[test]
fn every_kind_has_one_name() {
    let seen: BTreeSet<FaultKind> = examples().iter().map(Fault::kind).collect();
    assert!(seen.iter().eq(FaultKind::ALL.iter()), "examples of all kinds, in their order");
    for kind in FaultKind::ALL {
        assert_eq!(kind.name().parse(), Ok(kind));
        assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
    }
    for fault in examples() {
        assert_eq!(serde_json::to_value(&fault).unwrap()["kind"], fault.kind().name());
    }
    expect![[r#"
        no fault kind `weather`; the kinds are message, partition, loss, delay, duplicate, reorder, corrupt, bandwidth, crash, power-loss, pause, stop, wipe, slow, clock-step, clock-drift, clock-freeze, disk-full, disk-slow, disk-error, fsync-lies, disk-corrupt
    "#]].assert_eq(&("weather".parse::<FaultKind>().unwrap_err() + "\n"));
}

#[test]
fn a_fault_knows_its_window_and_targets() {
    let all = examples();
    assert_eq!(all[0].window(), None);
    assert_eq!(all[2].window(), Some((1_000 * MS, Some(2_000 * MS))));
    assert_eq!(all[3].window(), Some((1_000 * MS, None)));
    assert_eq!(all[14].window(), None, "a disk operation is no time");
    assert_eq!(all[20].window(), Some((1_000 * MS, None)), "a step stays");
    assert_eq!(all[0].targets(), ["checkout", "payment"]);
    assert_eq!(all[3].targets(), ["checkout", "shopper", "payment"]);
    assert_eq!(all[28].targets(), ["inventory"]);
    assert_eq!(all[28].node(), Some("inventory"));
    assert_eq!(all[4].link(), Some(("checkout", "payment")));
}

#[test]
fn durations_are_exact() {
    let read = |text: &str| match text::parse(text) {
        Ok(duration) => text::show(duration),
        Err(error) => error,
    };
    let texts = [
        "120ms",
        "2s",
        "1h",
        "250us",
        "250 µs",
        "0s",
        "0ms",
        "1.5s",
        "0.25ms",
        "90s",
        "60m",
        "1d",
        "36h",
        "18446744073709551615ns",
        "18446744073709551616ns",
        "300000d",
        "0.5ns",
        "1.5.5s",
        "12",
        "ms",
        "",
        "1 fortnight",
        "-5ms",
        "1s 5ms",
        "+1s",
    ];
    let lines: Vec<String> =
        texts.iter().map(|text| format!("{text} = {}\n", read(text))).collect();
    expect![[r#"
        120ms = 120ms
        2s = 2s
        1h = 1h
        250us = 250us
        250 µs = 250us
        0s = 0s
        0ms = 0s
        1.5s = 1500ms
        0.25ms = 250us
        90s = 90s
        60m = 1h
        1d = 1d
        36h = 36h
        18446744073709551615ns = 18446744073709551615ns
        18446744073709551616ns = `18446744073709551616ns` is not a whole number of nanoseconds below 584 years
        300000d = `300000d` is not a whole number of nanoseconds below 584 years
        0.5ns = `0.5ns` is not a whole number of nanoseconds below 584 years
        1.5.5s = `1.5.5s` is not a whole number of nanoseconds below 584 years
        12 = `12` has no unit; the units are ns, us, ms, s, m, h, d
        ms = `ms` is not a duration: write a number and a unit, like `120ms`
         = `` is not a duration: write a number and a unit, like `120ms`
        1 fortnight = `1 fortnight` has an unknown unit `fortnight`; the units are ns, us, ms, s, m, h, d
        -5ms = `-5ms` is negative; only the step of a clock may be
        1s 5ms = `1s 5ms` has an unknown unit `s 5ms`; the units are ns, us, ms, s, m, h, d
        +1s = `+1s` is not a duration: write a number and a unit, like `120ms`
    "#]].assert_eq(&lines.concat());
    assert_eq!(text::parse_signed("-200ms"), Ok(-200_000_000));
    assert_eq!(text::show_signed(-200_000_000), "-200ms");
    assert!(text::parse_signed("--2s").is_err());
    assert!(text::parse_signed("200000d").unwrap_err().contains("292 years"));
}

/// Whether a tolerance permits the faults of a script in the shop.
#[track_caller]
fn check_tolerance(tolerance: &Tolerance, script: &str, expect: Expect) {
    let plan = FaultPlan::new(faults(script));
    assert!(plan.check(&shop()).is_ok(), "{:?}", plan.check(&shop()));
    expect.assert_eq(
        &tolerance.permits(&plan, &shop()).map_or_else(|why| why + "\n", |()| "yes".into()),
    );
}

#[test]
fn one_replica_may_be_down() {
    let check = |script: &str, expect| check_tolerance(&Tolerance::default(), script, expect);
    let two = r#"- kind="crash"; node="inventory-0"; for="1s"
        - kind="pause"; node="inventory-1"; at="999ms"; for="1s""#;
    check(
        two,
        expect![[r#"
        fault 2 (at 999ms for 1s: pause inventory-1): at most 1 of `inventory` may be down at a time
    "#]],
    );
    check(&two.replace("999ms", "1s"), expect!["yes"]);
    check(&two.replace("-1", "-0").replace("999ms", "1s"), expect!["yes"]);
    check(&two.replace("inventory-1", "payment"), expect!["yes"]);
    check(
        r#"- kind="stop"; node="inventory"; for="1ms""#,
        expect![[r#"
        fault 1 (at 0s for 1ms: stop inventory): at most 1 of `inventory` may be down at a time
    "#]],
    );
    check(
        r#"- kind="power-loss"; node="inventory-0"; disk-op=3; for="1s"
        - kind="crash"; node="inventory-1"; at="1h"; for="1s""#,
        expect![[r#"
            fault 2 (at 1h for 1s: crash inventory-1): at most 1 of `inventory` may be down at a time
        "#]],
    );
    check_tolerance(&Tolerance::default().down_replicas(2), two, expect!["yes"]);
}

#[test]
fn a_service_may_be_gone_for_a_while() {
    let check = |script: &str, expect| check_tolerance(&Tolerance::default(), script, expect);
    check(r#"- kind="crash"; node="payment"; for="3s""#, expect!["yes"]);
    check(
        r#"- kind="crash"; node="payment"; for="3001ms""#,
        expect![[r#"
        fault 1 (at 0s for 3001ms: crash payment): `payment` may be gone for 3s
    "#]],
    );
    check(
        r#"- kind="crash"; node="payment""#,
        expect![[r#"
        fault 1 (from 0s: crash payment): `payment` may be gone for 3s
    "#]],
    );
    check(r#"- kind="crash"; node="inventory-2""#, expect!["yes"]);
    check(r#"- kind="power-loss"; node="payment"; disk-op=3; for="3s""#, expect!["yes"]);
    check(
        r#"- kind="power-loss"; node="payment"; disk-op=3"#,
        expect![[r#"
        fault 1 (payment disk operation #3: power loss): `payment` may be gone for 3s
    "#]],
    );
    let all = r#"- kind="crash"; node="inventory"; for="3s"
        - kind="pause"; node="inventory-0"; at="4s"; for="1h"
        - kind="pause"; node="inventory-1"; at="5s"; for="1h"
        - kind="pause"; node="inventory-2"; at="3604s"; for="1s""#;
    let three = Tolerance::default().down_replicas(3);
    check_tolerance(&three, all, expect!["yes"]);
    check_tolerance(&three, &all.replace("3604s", "10s"), expect!["yes"]);
    check_tolerance(
        &three,
        &all.replace("3604s", "10s").replace("1s\"", "4s\""),
        expect![[r#"
        fault 4 (at 10s for 4s: pause inventory-2): `inventory` may be gone for 3s
    "#]],
    );
}

#[test]
fn disks_keep_what_was_synced_and_messages_are_not_forged() {
    let scripts = [
        r#"- kind="fsync-lies"; node="payment""#,
        r#"- kind="disk-corrupt"; node="payment"; percent=1"#,
        r#"- kind="wipe"; node="payment"; for="1s""#,
        r#"- kind="corrupt"; from="checkout"; to="payment"; percent=1"#,
        r#"- kind="message"; from="checkout"; to="payment"; n=1; leg="reply"; effect="corrupt""#,
    ];
    let refused: Vec<String> = scripts
        .iter()
        .map(|script| {
            let plan = FaultPlan::new(faults(script));
            let bold = Tolerance::default().lying_disks().corrupt_disks().lost_disks();
            bold.corrupt_messages().permits(&plan, &shop()).unwrap();
            Tolerance::default().permits(&plan, &shop()).unwrap_err() + "\n"
        })
        .collect();
    expect![[r#"
        fault 1 (from 0s: fsync lies on payment): disks keep what was synced
        fault 1 (from 0s: corrupt 1% of disk reads of payment): disks give back what was written
        fault 1 (at 0s for 1s: wipe payment): disks are not lost
        fault 1 (from 0s: corrupt 1% of checkout -> payment): messages arrive as they were sent
        fault 1 (checkout -> payment * #1 reply: corrupt): messages arrive as they were sent
    "#]]
    .assert_eq(&refused.concat());
}

#[test]
fn clocks_are_nearly_right_and_partitions_heal() {
    let check = |script: &str, expect| check_tolerance(&Tolerance::default(), script, expect);
    check(r#"- kind="clock-step"; node="payment"; by="-200ms""#, expect!["yes"]);
    check(
        r#"- kind="clock-step"; node="payment"; by="201ms""#,
        expect![[r#"
        fault 1 (at 0s: step the clock of payment by 201ms): clocks are within 200ms of true time
    "#]],
    );
    check(r#"- kind="clock-drift"; node="payment"; ppm=-100_000; for="2s""#, expect!["yes"]);
    check(
        r#"- kind="clock-drift"; node="payment"; ppm=-100_000; for="2s"
        - kind="clock-step"; node="payment"; by="1ns""#,
        expect![[r#"
            fault 2 (at 0s: step the clock of payment by 1ns): clocks are within 200ms of true time
        "#]],
    );
    check(
        r#"- kind="clock-drift"; node="payment"; ppm=1"#,
        expect![[r#"
        fault 1 (from 0s: drift the clock of payment by 1 ppm): clocks are within 200ms of true time
    "#]],
    );
    check(
        r#"- kind="clock-freeze"; node="payment"; for="201ms""#,
        expect![[r#"
        fault 1 (at 0s for 201ms: freeze the clock of payment): clocks are within 200ms of true time
    "#]],
    );
    check(r#"- kind="partition"; a=["payment"]; b=["checkout"]; for="10s""#, expect!["yes"]);
    check(
        r#"- kind="partition"; a=["payment"]; b=["checkout"]"#,
        expect![[r#"
        fault 1 (from 0s: partition payment | checkout): a partition heals within 10s
    "#]],
    );
}

#[test]
fn everything_can_be_tolerated() {
    for fault in examples() {
        assert_eq!(Tolerance::everything().permits(&FaultPlan::new([fault]), &shop()), Ok(()));
    }
    for tolerance in [Tolerance::default(), Tolerance::everything().down_replicas(7)] {
        let text = toml::to_string(&tolerance).unwrap();
        assert_eq!(toml::from_str::<Tolerance>(&text).unwrap(), tolerance);
    }
}

/// Fails unless the plan can be and is tolerated, and the storm is over in time.
fn sound(chaos: &Chaos, plan: &FaultPlan, topology: &Topology) -> Result<(), String> {
    plan.check(topology).map_err(|error| error.to_string())?;
    chaos.tolerance.permits(plan, topology)?;
    for fault in &plan.faults {
        let (at, lasts) = fault.window().unwrap_or_default();
        let end = at + lasts.unwrap_or_default();
        if end > chaos.length || !chaos.kinds.contains(&fault.kind()) {
            return Err(format!("beyond the storm: {fault}"));
        }
    }
    Ok(())
}

#[test]
fn ten_thousand_plans_are_within_the_tolerance() {
    let bold = Chaos::default().tolerance(Tolerance::everything()).intensity(3.0);
    let strict = Tolerance::default().down_replicas(0).clock_error(Duration::ZERO);
    let quick = Chaos::default().for_(5 * MS).tolerance(strict.downtime(Duration::ZERO));
    let storms =
        [Chaos::default(), bold, quick, Chaos::none(), Chaos::default().for_(3_600_000 * MS)];
    for seed in 0..10_000 {
        let chaos = &storms[usize::try_from(seed % 5).unwrap()];
        let number = u32::try_from(seed / 5).unwrap();
        let topology = some_topology(number % 7, number % 3);
        let plan = chaos.draw(Seed(seed), &topology);
        assert_eq!(sound(chaos, &plan, &topology), Ok(()), "seed {seed}:\n{plan}");
        assert_eq!(chaos.draw(Seed(seed), &topology), plan);
    }
}

fn plans(chaos: &Chaos, seeds: u64) -> Vec<FaultPlan> {
    (0..seeds).map(|seed| chaos.draw(Seed(seed), &shop())).collect()
}

#[test]
fn a_swarm_draws_few_and_many_of_all_that_is_tolerated() {
    let chaos = Chaos::default();
    let plans = plans(&chaos, 2_000);
    let share = |sizes: std::ops::RangeInclusive<usize>| {
        plans.iter().filter(|plan| sizes.contains(&plan.faults.len())).count()
    };
    expect!["none 0, 1 to 3 1005, 4 to 8 680, 9 and more 315"].assert_eq(&format!(
        "none {}, 1 to 3 {}, 4 to 8 {}, 9 and more {}",
        share(0..=0),
        share(1..=3),
        share(4..=8),
        share(9..=99)
    ));
    let mut counts: BTreeMap<FaultKind, usize> = BTreeMap::new();
    for fault in plans.iter().flat_map(|plan| &plan.faults) {
        *counts.entry(fault.kind()).or_default() += 1;
    }
    let lines: Vec<String> = counts.iter().map(|(kind, n)| format!("{kind} {n}\n")).collect();
    expect![[r#"
        message 2084
        partition 661
        loss 456
        delay 428
        duplicate 235
        reorder 258
        bandwidth 289
        crash 1324
        power-loss 688
        pause 686
        stop 209
        slow 241
        clock-step 224
        clock-drift 521
        clock-freeze 221
        disk-full 244
        disk-slow 234
        disk-error 235
    "#]]
    .assert_eq(&lines.concat());
    let bold = plans_of(&Chaos::default().tolerance(Tolerance::everything()));
    assert!(bold.iter().eq(FaultKind::ALL.iter()));
}

fn plans_of(chaos: &Chaos) -> BTreeSet<FaultKind> {
    plans(chaos, 2_000).iter().flat_map(|plan| &plan.faults).map(Fault::kind).collect()
}

#[test]
fn a_seed_draws_this() {
    check(
        &Chaos::default().draw(Seed(1), &shop()),
        expect![[r#"
            at 280ms for 440ms: slow the disk of inventory-2 by 2300us
            at 1800ms for 19ms: slow the disk of checkout by 6800us
        "#]],
    );
    check(
        &Chaos::default().draw(Seed(4), &shop()),
        expect![[r#"
            shopper -> checkout * #1 reply: drop
            checkout -> inventory * #1 reply: drop
            at 430ms for 2ms: crash payment
        "#]],
    );
    check(
        &Chaos::default().draw(Seed(7), &shop()),
        expect![[r#"
            at 100ms for 11ms: pause payment
            at 980us for 470ms: pause inventory-0
            at 510us for 18ms: pause payment
        "#]],
    );
}

#[test]
fn no_kind_moves_another() {
    for seed in (0..500).map(Seed) {
        let all = Chaos::default().draw(seed, &shop());
        let calm = Chaos::default().without([FaultKind::Crash, FaultKind::Partition]);
        let fewer = calm.draw(seed, &shop());
        assert!(fewer.faults.iter().all(|fault| calm.kinds.contains(&fault.kind())));
        // Without an outage before it, a fault may fit at its first try instead of its second.
        let links = |plan: &FaultPlan, kind| {
            plan.faults.iter().filter(|f| f.kind() == kind).cloned().collect::<Vec<_>>()
        };
        for kind in [FaultKind::Loss, FaultKind::Delay, FaultKind::Bandwidth, FaultKind::DiskSlow] {
            let (before, after) = (links(&all, kind), links(&fewer, kind));
            assert!(after.starts_with(&before), "seed {seed}: {before:?} became {after:?}");
        }
    }
}

#[test]
fn chaos_is_what_it_is_told_to_be() {
    assert!(plans(&Chaos::none(), 100).iter().all(|plan| plan.faults.is_empty()));
    assert!(plans(&Chaos::default().intensity(0.0), 100).iter().all(|p| p.faults.is_empty()));
    let crashes = Chaos::default().only([FaultKind::Crash]);
    assert_eq!(plans_of(&crashes), [FaultKind::Crash].into());
    let wild: usize =
        plans(&Chaos::default().intensity(4.0), 200).iter().map(|p| p.faults.len()).sum();
    let calm: usize = plans(&Chaos::default(), 200).iter().map(|p| p.faults.len()).sum();
    assert!(wild > 2 * calm, "{wild} and {calm}");
    let text = toml::to_string(&crashes).unwrap();
    assert_eq!(toml::from_str::<Chaos>(&text).unwrap(), crashes);
}

/// How many of 200 seeds have a fault of which `strikes` is true.
fn hits(strikes: impl Fn(&Fault) -> bool) -> usize {
    plans(&Chaos::default(), 200).iter().filter(|plan| plan.faults.iter().any(&strikes)).count()
}

#[test]
fn the_classics_are_found_in_200_seeds() {
    let in_ms = |window: Option<(Duration, Option<Duration>)>, range: std::ops::Range<u32>| {
        window.is_some_and(|(at, _)| (range.start * MS..range.end * MS).contains(&at))
    };
    let lost_reply = |fault: &Fault| {
        matches!(fault, Fault::Message { to, leg: Leg::Reply, n: 1..=2, effect, .. }
        if to == "payment" && match effect {
            Effect::Drop => true,
            Effect::Delay(by) => *by > 100 * MS,
            _ => false,
        })
    };
    let crash = |fault: &Fault| {
        fault.kind() == FaultKind::Crash
            && fault.node() == Some("checkout")
            && in_ms(fault.window(), 1..10)
    };
    let late_clock = |fault: &Fault| {
        fault.node() == Some("payment")
            && match fault {
                Fault::ClockDrift { ppm, .. } => ppm.abs() > 10_000,
                Fault::ClockStep { by_ns, .. } => by_ns.abs() > 50_000_000,
                Fault::Pause { lasts, .. } => lasts.is_none_or(|lasts| lasts > 100 * MS),
                _ => false,
            }
    };
    let power_loss = |fault: &Fault| {
        matches!(fault, Fault::PowerLoss { node, disk_op, .. } if node == "payment"
            && (disk_op.is_some_and(|n| n < 10) || in_ms(fault.window(), 1..20)))
    };
    let found = [
        ("the reply of payment lost or late", hits(lost_reply)),
        ("checkout crashes in its first ms", hits(crash)),
        ("payment's clock is wrong, or it pauses", hits(late_clock)),
        ("payment loses power after its first writes", hits(power_loss)),
    ];
    let lines: Vec<String> = found.iter().map(|(what, n)| format!("{what}: {n}\n")).collect();
    assert!(found.iter().all(|(_, n)| *n >= 4), "{lines:?}");
    expect![[r#"
        the reply of payment lost or late: 7
        checkout crashes in its first ms: 5
        payment's clock is wrong, or it pauses: 23
        payment loses power after its first writes: 15
    "#]]
    .assert_eq(&lines.concat());
}

#[test]
fn who_does_not_say_whom_it_calls_may_call_any_other() {
    let mut shop = shop();
    shop.members[0].calls.insert("inventory".to_owned());
    let edges: Vec<String> =
        shop.edges().iter().map(|(from, to)| format!("{from} -> {to}\n")).collect();
    expect![[r#"
        inventory -> inventory
        payment -> inventory
        payment -> checkout
        checkout -> inventory
        checkout -> payment
        shopper -> inventory
        shopper -> payment
        shopper -> checkout
    "#]]
    .assert_eq(&edges.concat());
}

#[test]
fn simpler_is_rounder_and_smaller() {
    let of = |script| {
        let fault = faults(script).remove(0);
        let lines: Vec<String> = fault.simpler().iter().map(|f| format!("{f}\n")).collect();
        lines.concat()
    };
    expect![[r#"
        at 0s for 300ms: crash payment
        at 1ms for 300ms: crash payment
        at 20ms for 300ms: crash payment
        at 100ms for 300ms: crash payment
        at 200ms for 300ms: crash payment
        from 137ms: crash payment
        at 137ms for 1ms: crash payment
        at 137ms for 50ms: crash payment
        at 137ms for 200ms: crash payment
        at 130ms for 300ms: crash payment
        at 137ms for 500ms: crash payment
    "#]]
    .assert_eq(&of(r#"- kind="crash"; node="payment"; at="137ms"; for="300ms""#));
    expect![[r#"
        checkout -> payment * #7 reply: drop
        checkout -> payment * #7 reply: delay 2ms
        checkout -> payment * #7 reply: delay 200ms
        checkout -> payment * #7 reply: delay 1s
        checkout -> payment * #7 reply: delay 2s
        checkout -> payment * #7 reply: delay 1200ms
        checkout -> payment * #7 reply: delay 1230ms
        checkout -> payment * #1 reply: delay 1234ms
        checkout -> payment * #3 reply: delay 1234ms
        checkout -> payment * #6 reply: delay 1234ms
    "#]].assert_eq(&of(
        r#"- kind="message"; from="checkout"; to="payment"; n=7; leg="reply"; effect="delay 1234ms""#,
    ));
    expect![[r#"
        from 0s: lose 100% of checkout -> payment in bursts of 4
        from 0s: lose 50% of checkout -> payment in bursts of 4
        from 0s: lose 12.5% of checkout -> payment
        from 0s: lose 10% of checkout -> payment in bursts of 4
        from 0s: lose 12.5% of checkout -> payment in bursts of 10
        from 0s: lose 1% of checkout -> payment in bursts of 4
        from 0s: lose 12.5% of checkout -> payment in bursts of 2
        from 0s: lose 13% of checkout -> payment in bursts of 4
        from 0s: lose 12.5% of checkout -> payment in bursts of 100
    "#]]
    .assert_eq(&of(r#"- kind="loss"; from="checkout"; to="payment"; percent=12.5; burst=4"#));
    expect![[r#"
        from 0s: partition one way checkout, shopper -> payment
        at 0s for 1ms: partition one way checkout, shopper -> payment
        at 0s for 100ms: partition one way checkout, shopper -> payment
        at 0s for 500ms: partition one way checkout, shopper -> payment
        at 0s for 1s: partition one way shopper -> payment
        at 0s for 1s: partition one way checkout -> payment
        at 0s for 1s: partition checkout, shopper | payment
    "#]]
    .assert_eq(&of(
        r#"- kind="partition"; a=["checkout", "shopper"]; b=["payment"]; one-way=true; for="1s""#,
    ));
    expect![[r#"
        at 0s: step the clock of payment by -1ms
        at 0s: step the clock of payment by -20ms
        at 0s: step the clock of payment by -100ms
    "#]]
    .assert_eq(&of(r#"- kind="clock-step"; node="payment"; by="-200ms""#));
}

/// People think in milliseconds; what is shorter was so before.
#[test]
fn no_time_gets_shorter_than_a_millisecond() {
    let shrunk = |of: Duration| {
        let mut fault = Fault::Crash { node: "payment".into(), at: of, lasts: Some(of) };
        let mut seen = BTreeSet::new();
        // Every way down, without the steps that leave a value out.
        let mut open = vec![fault.clone()];
        while let Some(next) = open.pop() {
            fault = next;
            let window = fault.window().map(|(at, lasts)| (at, lasts.unwrap_or_default()));
            if seen.insert(window.unwrap_or_default()) {
                open.extend(fault.simpler());
            }
        }
        let times = seen.into_iter().flat_map(|(at, lasts)| [at, lasts]);
        times.filter(|time| !time.is_zero()).min().unwrap_or_default()
    };
    assert_eq!(shrunk(137 * MS), MS);
    assert_eq!(shrunk(MS), MS);
    assert_eq!(shrunk(Duration::from_micros(700)), Duration::from_micros(1));
    assert_eq!(shrunk(Duration::from_nanos(700)), Duration::from_nanos(1));
}

#[test]
fn simpler_never_goes_in_circles() {
    let bold = Chaos::default().tolerance(Tolerance::everything());
    let drawn = (0..50).flat_map(|seed| bold.draw(Seed(seed), &shop()).faults);
    for mut fault in drawn.chain(examples()) {
        for step in 0.. {
            let candidates = fault.simpler();
            assert!(candidates.len() < 64 && step < 500, "{fault} goes on and on");
            assert!(candidates.iter().all(|c| c.weight() < fault.weight()), "{fault}");
            assert!(candidates.is_sorted_by_key(Fault::weight), "{fault}");
            assert!(candidates.iter().all(|c| c.kind() == fault.kind()), "{fault}");
            // The least simple one makes the longest way.
            let Some(next) = candidates.into_iter().next_back() else { break };
            fault = next;
        }
    }
}

#[test]
fn a_simpler_plan_has_fewer_faults_first() {
    let crash = |at: u32| Fault::Crash { node: "payment".into(), at: at * MS, lasts: None };
    let plan = FaultPlan::new([crash(0), crash(10), crash(20), crash(37)]);
    let starts = |plan: &FaultPlan| {
        let ms = plan.faults.iter().map(|f| f.window().unwrap_or_default().0.as_millis());
        ms.map(|ms| ms.to_string()).collect::<Vec<_>>().join(" ")
    };
    let lines: Vec<String> = plan.simpler().iter().map(|p| starts(p) + "\n").collect();
    expect![[r#"

        20 37
        0 10
        10 20 37
        0 20 37
        0 10 37
        0 10 20
        0 0 20 37
        0 1 20 37
        0 5 20 37
        0 10 0 37
        0 10 1 37
        0 10 2 37
        0 10 10 37
        0 10 20 0
        0 10 20 1
        0 10 20 5
        0 10 20 20
        0 10 20 50
        0 10 20 30
    "#]]
    .assert_eq(&lines.concat());
}

fn runner() -> TestRunner {
    TestRunner::new_with_rng(
        ProptestConfig { failure_persistence: None, ..ProptestConfig::default() },
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    )
}

/// Shrinks until `fails` no longer holds of anything simpler.
#[track_caller]
fn check_shrunk(chaos: &Chaos, fails: impl Fn(&FaultPlan) -> bool, expect: Expect) {
    let strategy = fault_plans(&shop(), chaos);
    let result = runner().run(&strategy, |plan| {
        sound(&Chaos { length: Duration::MAX, ..chaos.clone() }, &plan, &shop())
            .map_err(TestCaseError::fail)?;
        prop_assert!(!fails(&plan));
        Ok(())
    });
    let Err(TestError::Fail(why, plan)) = result else { panic!("no plan fails: {result:?}") };
    assert!(why.message().contains("fails"), "{why}");
    let dir = tempfile::tempdir().expect("a directory for the script");
    let path = dir.path().join("shrunk.toml");
    Script { plan: plan.clone(), ..Script::default() }.save(&path).expect("it can be written");
    assert_eq!(FaultPlan::load(&path, &shop()).expect("it can be read"), plan);
    check(&plan, expect);
}

#[test]
fn a_failing_plan_shrinks_to_what_matters() {
    let charged_twice = |plan: &FaultPlan| {
        plan.faults.iter().any(|fault| {
            matches!(fault, Fault::Message { to, leg: Leg::Reply, effect: Effect::Delay(by), .. }
                if to == "payment" && *by > 100 * MS)
        })
    };
    check_shrunk(
        &Chaos::default().intensity(3.0),
        charged_twice,
        expect![[r#"
            checkout -> payment * #1 reply: delay 200ms
        "#]],
    );
    let down_for_long = |plan: &FaultPlan| {
        let lasts = plan.faults.iter().filter(|f| f.kind() == FaultKind::Crash);
        lasts.filter_map(|f| f.window()?.1).sum::<Duration>() > 137 * MS
    };
    check_shrunk(
        &Chaos::default().intensity(3.0),
        down_for_long,
        expect![[r#"
            at 0s for 100ms: crash checkout
            at 0s for 50ms: crash payment
        "#]],
    );
}

proptest! {
    #![proptest_config(stormglass::regressions!("chaos"))]

    #[test]
    fn a_script_reads_back_what_was_drawn(
        seed in seeds(),
        plan in fault_plans(
            &shop(),
            &Chaos::default().tolerance(Tolerance::everything()).intensity(2.0),
        ),
        kept in workloads(0..10_usize, 5),
    ) {
        let replay = stormglass::chaos::Replay { seed: Some(seed), ..Default::default() };
        let plan = FaultPlan { workload: [("shopper".to_owned(), kept)].into(), ..plan };
        let script = Script { replay, plan };
        let read = Script::parse(&script.to_toml(), "drawn", &shop());
        prop_assert_eq!(read.map_err(|error| error.to_string()), Ok(script));
    }

    #[test]
    fn every_plan_of_the_strategy_is_sound(plan in fault_plans(&shop(), &Chaos::default())) {
        sound(&Chaos::default(), &plan, &shop()).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn every_duration_is_read_back(nanos in any::<u64>(), signed in any::<i64>()) {
        let duration = Duration::from_nanos(nanos);
        prop_assert_eq!(text::parse(&text::show(duration)), Ok(duration));
        let signed = signed.max(-i64::MAX);
        prop_assert_eq!(text::parse_signed(&text::show_signed(signed)), Ok(signed));
    }
}

#[test]
fn seeds_do_not_shrink() {
    let result = runner().run(&seeds(), |seed| {
        prop_assert!(seed.0 < 1_000);
        Ok(())
    });
    let Err(TestError::Fail(_, seed)) = result else { panic!("{result:?}") };
    assert!(seed.0 > 1_000_000, "seed {seed} has shrunk");
}

#[test]
fn regressions_are_kept_beside_the_manifest() {
    let config = stormglass::regressions!("chaos");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/chaos.txt");
    let direct = format!("Some(Direct({path:?}))");
    assert_eq!(format!("{:?}", config.failure_persistence), direct);
}

#[test]
fn a_failure_is_kept_and_tried_first() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("proptest-regressions/shop.txt").display().to_string();
    // Proptest wants a path that lives as long as the program.
    let path: &'static str = Box::leak(path.into_boxed_str());
    let run = |fails: &dyn Fn(&FaultPlan) -> bool| {
        let strategy = fault_plans(&shop(), &Chaos::default());
        let config = ProptestConfig { cases: 50, ..stormglass::chaos::strategies::config(path) };
        TestRunner::new(config).run(&strategy, |plan| {
            prop_assert!(!fails(&plan));
            Ok(())
        })
    };
    let drawn = std::cell::RefCell::new(None);
    let fails = |plan: &FaultPlan| {
        drawn.borrow_mut().get_or_insert(plan.clone());
        !plan.faults.is_empty()
    };
    let Err(TestError::Fail(_, shrunk)) = run(&fails) else { panic!("there are faults") };
    assert_eq!(shrunk.faults.len(), 1);
    assert!(std::fs::read_to_string(path).unwrap().contains("\ncc "));
    // The second run begins with the plan that failed first, as it was before it shrank.
    let first = std::cell::RefCell::new(None);
    let keep = |plan: &FaultPlan| {
        let is_first = first.borrow().is_none();
        first.borrow_mut().get_or_insert(plan.clone());
        is_first
    };
    assert!(run(&keep).is_err());
    assert_eq!(first.take(), drawn.take());
}
