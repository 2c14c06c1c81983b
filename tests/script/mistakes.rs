//! What is written wrong is named with its line, and what to write instead.

use super::*;

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
            storm.toml:4: no service `warehouse-manager`; there is inventory, inventory-0, inventory-1, payment, checkout, shopper, watcher
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
        storm.toml:5: `120` has no unit; write "120ms", or another of ns, us, ms, s, m, h, d
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
            storm.toml:3: no client with a workload `shoper`; did you mean `shopper`?
        "#]],
    );
    check(
        "[workload]\nshopper = [-1]",
        expect![[r#"
        storm.toml:3: a whole number from 0 is expected, and this is integer `-1`
    "#]],
    );
    check("[workload]\nshopper = [0, 3]", expect![[""]]);
    check(
        "[workload]\n\nshopper = [0, 7]",
        expect![[r#"
            storm.toml:4: no operation 7 of `shopper`; there are 0 to 3
        "#]],
    );
    check(
        "[workload]\nwatcher = [0]",
        expect![[r#"
            storm.toml:3: no client with a workload `watcher`; there is shopper
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

/// A fault of the first connection to the payment service.
fn connection(effect: &str) -> String {
    format!(
        "[[fault]]\nkind = \"connection\"\nfrom = \"checkout\"\nto = \"payment\"\n\
         conn = 1\nleg = \"reply\"\neffect = \"{effect}\""
    )
}

#[test]
fn what_cannot_be_of_a_connection_is_said() {
    let sound = connection("stall 2s");
    check(
        &sound,
        expect![[r#"
        checkout -> payment conn #1 reply: stall 2s
    "#]],
    );
    check(
        &(sound.clone() + "\nsegment = 2\nbyte = 7"),
        expect![[r#"
        storm.toml:10: a fault has either `segment` or `byte`, not both
    "#]],
    );
    check(
        &(sound.clone() + "\nsegmnt = 2"),
        expect![[r#"
        storm.toml:9: no field `segmnt`; did you mean `segment`?
    "#]],
    );
    check(
        &(sound.clone() + "\nsegment = 0"),
        expect![[r#"
        storm.toml:9: segment is 0; counting starts from 1
    "#]],
    );
    check(
        &sound.replace("reply", "message"),
        expect![[r#"
        storm.toml:7: a connection has two directions: write `request` for what its opener sends, `reply` for what comes back
    "#]],
    );
    check(
        &sound.replace("conn = 1", "conn = 0"),
        expect![[r#"
        storm.toml:6: conn is 0; counting starts from 1
    "#]],
    );
    check(
        &sound.replace("checkout", "shopper"),
        expect![[r#"
        storm.toml:5: `shopper` does not call `payment`; `shopper` calls checkout
    "#]],
    );
    check(
        &format!("{sound}\n\n{}", connection("reset")),
        expect![[r#"
        storm.toml:10: excluded by fault 1 (checkout -> payment conn #1 reply: stall 2s): a segment is struck once
    "#]],
    );
}

#[test]
fn an_effect_that_is_none_is_said() {
    check(
        &connection("stal"),
        expect![[r#"
        storm.toml:8: no effect `stal`; did you mean `stall`?
    "#]],
    );
    check(
        &connection("stall 2"),
        expect![[r#"
        storm.toml:8: `2` has no unit; the units are ns, us, ms, s, m, h, d
    "#]],
    );
    check(
        &connection("drop bytes"),
        expect![[r#"
        storm.toml:8: `drop bytes` needs a number, like `drop bytes after 100`
    "#]],
    );
    check(
        &connection("drop bytes after many"),
        expect![[r#"
        storm.toml:8: `drop bytes` needs a number, like `drop bytes after 100`
    "#]],
    );
}

/// Serde's words are about types of Rust.
#[test]
fn what_is_of_another_type_is_said_for_people() {
    let crash = |field: &str| format!("[[fault]]\nkind = \"crash\"\nnode = \"payment\"\n{field}");
    check(
        &crash("at = 1.5"),
        expect![[r#"
            storm.toml:5: `1.5` has no unit; write "1.5ms", or another of ns, us, ms, s, m, h, d
        "#]],
    );
    check(
        &crash("for = true"),
        expect![[r#"
            storm.toml:5: a duration with its unit ("100ms") is expected, and this is boolean `true`
        "#]],
    );
    let loss = "[[fault]]\nkind = \"loss\"\nfrom = \"checkout\"\nto = \"payment\"\n";
    check(
        &format!("{loss}percent = \"5\""),
        expect![[r#"
            storm.toml:6: a number is expected, and this is string "5"
        "#]],
    );
    check(
        &format!("{loss}percent = 5\nat = \"1s\"\nburst = [1]"),
        expect![[r#"
            storm.toml:8: a number is expected, and this is a list
        "#]],
    );
    check(
        "[workload]\nshopper = 3",
        expect![[r#"
            storm.toml:3: a list in brackets is expected, and this is integer `3`
        "#]],
    );
}
