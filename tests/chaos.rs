//! The vocabulary of faults, what a system tolerates of it, and who draws and shrinks it.

mod nemesis;
mod simpler;
mod strategies;
mod tolerance;
mod vocabulary;

use std::time::Duration;

use expect_test::{Expect, expect};
use stormglass::chaos::{Chaos, Fault, FaultKind, FaultPlan, Tolerance};
use stormglass::seed::Seed;
use stormglass::topology::{Member, Role, Topology};

const MS: Duration = Duration::from_millis(1);

fn member(name: &str, replicas: u32, role: Role, calls: &[&str]) -> Member {
    let calls = calls.iter().map(ToString::to_string).collect();
    let operations = (role == Role::Client).then_some(10);
    Member { name: name.to_owned(), replicas, replicas_max: replicas, role, calls, operations }
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
- kind="message"; from="checkout"; to="payment"; n=3; leg="reply"; effect="drop bytes after 100"
- kind="connection"; from="checkout"; to="payment"; conn=3; leg="reply"; effect="stall"
- kind="connection"; from="checkout"; to="payment"; conn=1; leg="request"; segment=2; effect="stall 30s"
- kind="connection"; from="checkout"; to="payment"; conn=1; leg="request"; byte=500; effect="reset"
"#,
    )
}

/// The single place that renders a plan.
#[track_caller]
fn check(plan: &FaultPlan, expect: Expect) {
    expect.assert_eq(&plan.to_string());
}
