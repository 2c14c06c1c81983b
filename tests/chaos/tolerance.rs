//! What a system promises to survive, and what goes beyond it.

use super::*;

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
