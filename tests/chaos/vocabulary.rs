//! What a fault is: one line, one name, a window, exact durations.

use std::collections::BTreeSet;

use stormglass::chaos::text;

use super::*;

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
        checkout -> payment * #3 reply: drop bytes after 100
        checkout -> payment conn #3 reply: stall
        checkout -> payment conn #1 segment #2 request: stall 30s
        checkout -> payment conn #1 byte 500 request: reset
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
        no fault kind `weather`; the kinds are message, partition, loss, delay, duplicate, reorder, corrupt, bandwidth, crash, power-loss, pause, stop, wipe, slow, clock-step, clock-drift, clock-freeze, disk-full, disk-slow, disk-error, fsync-lies, disk-corrupt, connection
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
