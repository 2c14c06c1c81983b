//! Fault scripts: what is written is read back, and what is wrong is named with its line.

use expect_test::{Expect, expect};
use stormglass::chaos::{Fault, FaultPlan, Replay, Script};
use stormglass::error::Error;
use stormglass::seed::Seed;
use stormglass::topology::{Member, Role, Topology};

fn shop() -> Topology {
    let member = |name: &str, replicas, role, calls: &[&str]| Member {
        name: name.to_owned(),
        replicas,
        replicas_max: replicas,
        role,
        calls: calls.iter().map(ToString::to_string).collect(),
    };
    Topology {
        members: vec![
            member("inventory", 2, Role::Service, &["payment"]),
            member("payment", 1, Role::Service, &["payment"]),
            member("checkout", 1, Role::Service, &["inventory", "payment"]),
            member("shopper", 1, Role::Client, &["checkout"]),
        ],
    }
}

const LABELS: [(&str, &str, &str); 2] =
    [("checkout", "payment", "POST /charge"), ("checkout", "inventory", "POST /reserve")];

/// Reads the faults in a script whose `format = 1` is line 1, and says what comes of it.
#[track_caller]
fn check(script: &str, expect: Expect) {
    let text = format!("format = 1\n{script}");
    let result = Script::parse_with_labels(&text, "storm.toml", &shop(), &LABELS);
    expect.assert_eq(&match result {
        Ok(script) => script.plan.to_string(),
        Err(error) => format!("{error}\n"),
    });
}

#[test]
fn a_script_reads_as_it_is_written() {
    check(
        r#"
[[fault]]
kind = "message"
from = "checkout"
to = "payment"
label = "POST /charge"
n = 1
leg = "reply"
effect = "drop"

[[fault]]
kind = "partition"
at = "1s"
for = "2s"
a = ["checkout"]
b = ["payment", "inventory-0"]
"#,
        expect![[r#"
            checkout -> payment "POST /charge" #1 reply: drop
            at 1s for 2s: partition checkout | payment, inventory-0
        "#]],
    );
}

#[test]
fn no_faults_are_a_plan() {
    check("", expect![[""]]);
}

#[test]
fn an_unknown_service_has_its_line_and_a_suggestion() {
    check(
        "[[fault]]\nkind = \"crash\"\nat = \"1s\"\nnode = \"paymnt\"",
        expect![[r#"
        storm.toml:5: no service `paymnt`; did you mean `payment`?
    "#]],
    );
    check(
        "[[fault]]\nkind = \"partition\"\na = [\"shopper\"]\nb = [\"chekout\"]",
        expect![[r#"
        storm.toml:5: no service `chekout`; did you mean `checkout`?
    "#]],
    );
    check(
        "[[fault]]\nkind = \"crash\"\nnode = \"inventory-2\"",
        expect![[r#"
        storm.toml:4: no service `inventory-2`; did you mean `inventory-0`?
    "#]],
    );
    check(
        "[[fault]]\nkind = \"crash\"\nnode = \"warehouse-manager\"",
        expect![[r#"
        storm.toml:4: no service `warehouse-manager`; there is inventory, inventory-0, inventory-1, payment, checkout, shopper
    "#]],
    );
}

#[test]
fn an_unknown_message_has_a_suggestion() {
    let message = |label: &str| {
        format!(
            "[[fault]]\nkind = \"message\"\nfrom = \"checkout\"\nto = \"payment\"\nlabel = \"{label}\"\nn = 1\nleg = \"request\"\neffect = \"delay 2s\""
        )
    };
    check(
        &message("POST /charge"),
        expect![[r#"
        checkout -> payment "POST /charge" #1 request: delay 2s
    "#]],
    );
    check(
        &message("POST /chrge"),
        expect![[r#"
        storm.toml:6: no message from `checkout` to `payment` called `POST /chrge`; did you mean `POST /charge`?
    "#]],
    );
    check(
        &message("POST /reserve"),
        expect![[r#"
        storm.toml:6: no message from `checkout` to `payment` called `POST /reserve`; there is POST /charge
    "#]],
    );
}

#[test]
fn an_unknown_kind_field_value_or_unit_has_a_suggestion() {
    check(
        "[[fault]]\nkind = \"crsh\"",
        expect![[r#"
        storm.toml:3: no fault kind `crsh`; did you mean `crash`?
    "#]],
    );
    check(
        "[[fault]]\nnode = \"payment\"",
        expect![[r#"
        storm.toml:2: this fault has no `kind`
    "#]],
    );
    check(
        "[[fault]]\nkind = \"crash\"\nnode = \"payment\"\nfro = \"2s\"",
        expect![[r#"
        storm.toml:5: no field `fro`; did you mean `for`?
    "#]],
    );
    check(
        "[[fault]]\nkind = \"crash\"\nnode = \"payment\"\nlasts = \"2s\"\nat = \"1 parsec\"",
        expect![[r#"
            storm.toml:5: no field `lasts`; there is node, at, for
        "#]],
    );
    check(
        "[[fault]]\nkind = \"crash\"\nnode = \"payment\"\nat = \"1 parsec\"",
        expect![[r#"
        storm.toml:5: `1 parsec` has an unknown unit `parsec`; the units are ns, us, ms, s, m, h, d
    "#]],
    );
    check(
        "[[fault]]\nkind = \"crash\"\nnode = \"payment\"\nat = 120",
        expect![[r#"
        storm.toml:5: invalid type: integer `120`, expected a string
    "#]],
    );
    check(
        "[[fault]]\nkind = \"crash\"\nnode = \"payment\"\nat = \"-1s\"",
        expect![[r#"
        storm.toml:5: `-1s` is negative; only the step of a clock may be
    "#]],
    );
    check(
        "[[fault]]\nkind = \"crash\"\nat = \"1s\"",
        expect![[r#"
        storm.toml:2: `node` is missing
    "#]],
    );
    let message = "[[fault]]\nkind = \"message\"\nfrom = \"checkout\"\nto = \"payment\"\nn = 1\n";
    check(
        &format!("{message}leg = \"replay\"\neffect = \"drop\""),
        expect![[r#"
        storm.toml:7: no value `replay`; did you mean `reply`?
    "#]],
    );
    check(
        &format!("{message}leg = \"reply\"\neffect = \"dorp\""),
        expect![[r#"
        storm.toml:8: no effect `dorp`; did you mean `drop`?
    "#]],
    );
    check(
        &format!("{message}leg = \"reply\"\neffect = \"delay\""),
        expect![[r#"
        storm.toml:8: `delay` needs a duration, like `delay 2s`
    "#]],
    );
}

#[test]
fn numbers_stay_in_their_range() {
    let loss = "[[fault]]\nkind = \"loss\"\nfrom = \"checkout\"\nto = \"payment\"\n";
    check(
        &format!("{loss}percent = 120"),
        expect![[r#"
        storm.toml:6: percent is 120; it must be from 0 to 100
    "#]],
    );
    check(
        &format!("{loss}percent = nan"),
        expect![[r#"
        storm.toml:6: percent is NaN; it must be from 0 to 100
    "#]],
    );
    check(
        &format!("{loss}percent = 10\nburst = 0.5"),
        expect![[r#"
        storm.toml:7: burst is 0.5; it must be from 1 to 1000000000
    "#]],
    );
    check(
        "[[fault]]\nkind = \"message\"\nfrom = \"checkout\"\nto = \"payment\"\nn = 0\nleg = \"reply\"\neffect = \"drop\"",
        expect![[r#"
            storm.toml:6: n is 0; counting starts from 1
        "#]],
    );
    check(
        "[[fault]]\nkind = \"power-loss\"\nnode = \"payment\"",
        expect![[r#"
        storm.toml:2: a power loss needs `at` or `disk-op`
    "#]],
    );
    check(
        "[[fault]]\nkind = \"power-loss\"\nnode = \"payment\"\nat = \"1s\"\ndisk-op = 3",
        expect![[r#"
            storm.toml:6: a power loss has either `at` or `disk-op`, not both
        "#]],
    );
    check(
        "[[fault]]\nkind = \"disk-error\"\nnode = \"payment\"\noperation = \"write\"\npercent = 1\nn = 3",
        expect![[r#"
            storm.toml:7: a disk error has either `percent` or `n`, not both
        "#]],
    );
    check(
        "[[fault]]\nkind = \"clock-drift\"\nnode = \"payment\"\nppm = -1_000_000",
        expect![[r#"
        storm.toml:5: ppm is -1000000; a clock drifts by less than 1000000
    "#]],
    );
    check(
        "[[fault]]\nkind = \"partition\"\na = []\nb = [\"payment\"]",
        expect![[r#"
        storm.toml:4: a names nobody
    "#]],
    );
}

#[test]
fn faults_strike_where_they_can() {
    check(
        "[[fault]]\nkind = \"pause\"\nnode = \"shopper\"",
        expect![[r#"
        storm.toml:4: `shopper` is a client; faults of nodes strike services only
    "#]],
    );
    let message = |from: &str, to: &str, leg: &str| {
        format!(
            "[[fault]]\nkind = \"message\"\nfrom = \"{from}\"\nto = \"{to}\"\nn = 2\nleg = \"{leg}\"\neffect = \"reset\""
        )
    };
    check(
        &message("payment", "checkout", "reply"),
        expect![[r#"
        storm.toml:5: `payment` does not call `checkout`; did you mean `checkout` -> `payment`?
    "#]],
    );
    check(
        &message("shopper", "payment", "request"),
        expect![[r#"
        storm.toml:5: `shopper` does not call `payment`; `shopper` calls checkout
    "#]],
    );
    check(
        &message("checkout", "inventory-1", "request"),
        expect![[r#"
        checkout -> inventory-1 * #2 request: reset
    "#]],
    );
    check(
        &message("payment", "checkout", "message"),
        expect![[r#"
        payment -> checkout * #2 message: reset
    "#]],
    );
    check(
        "[[fault]]\nkind = \"partition\"\na = [\"inventory\"]\nb = [\"payment\", \"inventory-1\"]",
        expect![[r#"
            storm.toml:5: `inventory-1` is on both sides of the partition
        "#]],
    );
}

/// Two faults of nodes, each in one line.
fn two(one: &str, other: &str) -> String {
    let [one, other] = [one, other].map(|fields| fields.replace(';', "\n"));
    format!("[[fault]]\n{one}\n[[fault]]\n{other}\n")
}

#[test]
fn what_is_down_cannot_crash() {
    let crash = r#"kind = "crash"; node = "inventory-0"; at = "100ms"; for = "300ms""#;
    let again = crash.replace("100ms", "200ms");
    check(
        &two(crash, &again),
        expect![[r#"
        storm.toml:7: excluded by fault 1 (at 100ms for 300ms: crash inventory-0): `inventory-0` is down then
    "#]],
    );
    check(
        &two(crash, r#"kind = "wipe"; node = "inventory"; at = "399ms""#),
        expect![[r#"
        storm.toml:7: excluded by fault 1 (at 100ms for 300ms: crash inventory-0): `inventory-0` is down then
    "#]],
    );
    check(
        &two(r#"kind = "pause"; node = "inventory-0"; at = "399ms""#, crash),
        expect![[r#"
        storm.toml:6: excluded by fault 1 (from 399ms: pause inventory-0): `inventory-0` is down then
    "#]],
    );
    let (later, other) = (crash.replace("100ms", "400ms"), crash.replace("-0", "-1"));
    check(
        &two(crash, &later),
        expect![[r#"
        at 100ms for 300ms: crash inventory-0
        at 400ms for 300ms: crash inventory-0
    "#]],
    );
    check(
        &two(crash, &other),
        expect![[r#"
        at 100ms for 300ms: crash inventory-0
        at 100ms for 300ms: crash inventory-1
    "#]],
    );
    check(
        &two(r#"kind = "pause"; node = "inventory-0"; at = "50ms""#, crash),
        expect![[r#"
        from 50ms: pause inventory-0
        at 100ms for 300ms: crash inventory-0
    "#]],
    );
}

#[test]
fn a_clock_is_held_once() {
    let drift = r#"kind = "clock-drift"; node = "payment"; ppm = 500"#;
    check(
        &two(drift, r#"kind = "clock-freeze"; node = "payment"; at = "1h""#),
        expect![[r#"
        storm.toml:6: excluded by fault 1 (from 0s: drift the clock of payment by 500 ppm): the clock of `payment` is driven then
    "#]],
    );
    check(
        &two(drift, r#"kind = "clock-step"; node = "payment"; at = "1h"; by = "-200ms""#),
        expect![[r#"
        from 0s: drift the clock of payment by 500 ppm
        at 1h: step the clock of payment by -200ms
    "#]],
    );
}

#[test]
fn the_same_thing_happens_once() {
    let partition = r#"kind = "partition"; a = ["checkout"]; b = ["payment"]; for = "1s""#;
    check(
        &two(partition, partition),
        expect![[r#"
        storm.toml:7: excluded by fault 1 (at 0s for 1s: partition checkout | payment): it is the same partition
    "#]],
    );
    let message = r#"kind = "message"; from = "checkout"; to = "payment"; n = 1; leg = "reply"; effect = "drop""#;
    check(
        &two(message, &message.replace("drop", "reset")),
        expect![[r#"
        storm.toml:9: excluded by fault 1 (checkout -> payment * #1 reply: drop): a message is struck once
    "#]],
    );
}

#[test]
fn sections_and_workload_are_checked() {
    check(
        "[falut]\n",
        expect![[r#"
        storm.toml:2: no section `falut`; did you mean `fault`?
    "#]],
    );
    check(
        "[fault]\n",
        expect![[r#"
        storm.toml:2: write each fault as `[[fault]]`
    "#]],
    );
    check(
        "fault = [3]\n",
        expect![[r#"
        storm.toml:2: write each fault as `[[fault]]`
    "#]],
    );
    check(
        "[replay]\nseed = 1\nsead = 2",
        expect![[r#"
        storm.toml:4: no field `sead`; did you mean `seed`?
    "#]],
    );
    check(
        "[workload]\nshoper = [1]",
        expect![[r#"
        storm.toml:3: no client `shoper`; did you mean `shopper`?
    "#]],
    );
    check(
        "[workload]\nshopper = [-1]",
        expect![[r#"
        storm.toml:3: invalid value: integer `-1`, expected usize
    "#]],
    );
    check(
        "nonsense",
        expect![[r#"
        storm.toml:2: key with no value, expected `=`
    "#]],
    );
}

#[test]
fn a_script_needs_a_format_that_is_known() {
    let error = |text| format!("{}\n", FaultPlan::parse(text, "plan", &shop()).unwrap_err());
    expect![[r#"
        plan:1: no `format`; begin with `format = 1`
    "#]]
    .assert_eq(&error(""));
    let newer = "# from the future\nformat = 2";
    expect![[r#"
        plan:2: an unknown format; this version reads `format = 1`
    "#]]
    .assert_eq(&error(newer));
}

#[test]
fn a_plan_made_in_code_is_checked_too() {
    let crash = |node: &str| Fault::Crash {
        node: node.to_owned(),
        at: std::time::Duration::from_millis(3),
        lasts: None,
    };
    assert!(FaultPlan::new([crash("payment")]).check(&shop()).is_ok());
    let error = FaultPlan::new([crash("payment"), crash("pyment")]).check(&shop()).unwrap_err();
    assert!(matches!(error, Error::World(_)));
    expect![[r#"
        fault 2 (from 3ms: crash pyment): no service `pyment`; did you mean `payment`?
    "#]]
    .assert_eq(&format!("{error}\n"));
}

#[test]
fn a_script_says_where_it_comes_from() {
    let plan = FaultPlan {
        faults: vec![Fault::ClockStep {
            node: "payment".to_owned(),
            at: std::time::Duration::from_micros(1_500),
            by_ns: -200_000_000,
        }],
        workload: [("shopper".to_owned(), vec![0, 3])].into(),
    };
    assert!(plan.keeps("shopper", 3) && !plan.keeps("shopper", 1) && plan.keeps("other", 1));
    let replay =
        Replay { sim: Some("shop".to_owned()), seed: Some(Seed(u64::MAX)), ..Replay::default() };
    let script = Script { replay, plan };
    expect![[r##"
        # A fault script of Stormglass. Times are virtual, since the start of the world.
        format = 1

        [replay]
        sim = "shop"
        seed = 18446744073709551615

        [workload]
        shopper = [0, 3]

        # at 1500us: step the clock of payment by -200ms
        [[fault]]
        kind = "clock-step"
        node = "payment"
        at = "1500us"
        by = "-200ms"
    "##]]
    .assert_eq(&script.to_toml());

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deep/down/shop-4211.toml");
    script.save(&path).unwrap();
    assert_eq!(Script::load(&path, &shop()).unwrap(), script);
    assert_eq!(FaultPlan::load(&path, &shop()).unwrap(), script.plan);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = FaultPlan::load("no/such.toml", &shop()).unwrap_err();
    assert!(error.to_string().starts_with("no/such.toml: "), "{error}");
}
