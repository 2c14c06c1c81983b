//! Fault scripts: what is written is read back, and what is wrong is named with its line.

mod clashes;
mod mistakes;

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
        operations: (name == "shopper").then_some(4),
    };
    Topology {
        members: vec![
            member("inventory", 2, Role::Service, &["payment"]),
            member("payment", 1, Role::Service, &["payment"]),
            member("checkout", 1, Role::Service, &["inventory", "payment"]),
            member("shopper", 1, Role::Client, &["checkout"]),
            member("watcher", 1, Role::Client, &["checkout"]),
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
