//! Faults that cannot be: where nothing can be struck, and two that exclude each other.

use super::*;

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
