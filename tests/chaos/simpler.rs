//! What shrinking tries: rounder, smaller, fewer.

use std::collections::BTreeSet;

use super::*;

/// What the fault may shrink to, a line each.
fn of(script: &str) -> String {
    let fault = faults(script).remove(0);
    let lines: Vec<String> = fault.simpler().iter().map(|f| format!("{f}\n")).collect();
    lines.concat()
}

#[test]
fn effects_shrink_too() {
    expect![[r#"
        checkout -> payment * #1 reply: drop
        checkout -> payment * #1 reply: stall
        checkout -> payment * #1 reply: stall 2ms
        checkout -> payment * #1 reply: stall 200ms
        checkout -> payment * #1 reply: stall 1s
        checkout -> payment * #1 reply: stall 2s
        checkout -> payment * #1 reply: stall 1200ms
        checkout -> payment * #1 reply: stall 1230ms
    "#]].assert_eq(&of(
        r#"- kind="message"; from="checkout"; to="payment"; n=1; leg="reply"; effect="stall 1234ms""#,
    ));
    expect![[r#"
        a -> b conn #3 byte 0 reply: drop bytes after 120
        a -> b conn #3 byte 1 reply: drop bytes after 120
        a -> b conn #3 byte 100 reply: drop bytes after 120
        a -> b conn #3 byte 512 reply: drop
        a -> b conn #3 byte 512 reply: drop bytes after 0
        a -> b conn #3 byte 500 reply: drop bytes after 120
        a -> b conn #3 byte 1000 reply: drop bytes after 120
        a -> b conn #3 byte 512 reply: drop bytes after 20
        a -> b conn #3 byte 512 reply: drop bytes after 100
        a -> b conn #3 byte 512 reply: drop bytes after 200
        a -> b conn #3 byte 510 reply: drop bytes after 120
        a -> b conn #1 byte 512 reply: drop bytes after 120
        a -> b conn #2 byte 512 reply: drop bytes after 120
    "#]].assert_eq(&of(
        r#"- kind="connection"; from="a"; to="b"; conn=3; leg="reply"; byte=512; effect="drop bytes after 120""#,
    ));
}

#[test]
fn simpler_is_rounder_and_smaller() {
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
