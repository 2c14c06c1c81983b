//! The notation itself.

use proptest::prelude::*;
use serde_json::json;
use stormglass::history::{DEPTH_MAX, Edn};

use super::*;

fn read(text: &str) -> Result<Vec<Edn>, Error> {
    Edn::read_all("x.edn", text)
}

#[test]
fn values_become_json() {
    let text = r#"
        nil true -7 +3 1.5 2e3 12N 1.25M "a\n\"b\" \u00e9" :keyword sym/bol \a \newline \u0041
        [1, (2 #{3})] {:a 1, "b" [], 3 4} #inst "2026" #jepsen.history.Op{:f :read}
        ; a comment
        #_ #_ gone too last"#;
    let values: Vec<_> = read(text).unwrap().into_iter().map(|form| form.value).collect();
    assert_eq!(
        json!(values),
        json!([
            null, true, -7, 3, 1.5, 2000.0, 12, 1.25, "a\n\"b\" é", "keyword", "sym/bol", "a",
            "\n", "A", [1, [2, [3]]], {"a": 1, "b": [], "3": 4}, "2026", {"f": "read"}, "last"
        ])
    );
}

#[test]
fn forms_know_their_lines() {
    let lines = |forms: Vec<Edn>| forms.iter().map(|form| form.line).collect::<Vec<_>>();
    assert_eq!(lines(read("1\n\n[\n2]\n3").unwrap()), [1, 3, 5]);
    let elements = Edn::read_elements("x.edn", "; head\n[{:a 1}\n {:a 2}]\n").unwrap();
    assert_eq!(lines(elements), [2, 3]);
}

#[test]
fn what_is_wrong_is_refused_with_its_line() {
    refused(
        read("[1\n2"),
        expect!["x.edn:2: the text ends before the `]` for what begins in line 1"],
    );
    refused(
        read("[1\n)"),
        expect!["x.edn:2: `)` where `]` was expected, for what begins in line 1"],
    );
    refused(read("1\n}"), expect!["x.edn:2: `}` closes nothing"]);
    refused(read("\n\"a"), expect!["x.edn:2: the text that begins in line 2 does not end"]);
    refused(read("{:a}"), expect!["x.edn:1: `a` has no value in its map"]);
    refused(read("{:a 1 :a 2}"), expect!["x.edn:1: `a` is twice in one map"]);
    refused(read("1/2"), expect!["x.edn:1: `1/2` is no number of at most 64 bits"]);
    refused(
        read("99999999999999999999"),
        expect!["x.edn:1: `99999999999999999999` is no number of at most 64 bits"],
    );
    refused(read("##NaN"), expect!["x.edn:1: `#` is followed by neither a set nor a tag"]);
    refused(read("\"\\q\""), expect!["x.edn:1: `\\q` is no escape of EDN"]);
    refused(read("\"\\ud800\""), expect!["x.edn:1: `\\ud800` is no character"]);
    refused(read("\\nope"), expect!["x.edn:1: `\\nope` is no character"]);
    refused(read(":"), expect!["x.edn:1: `:` is no value of EDN"]);
    refused(read("#tag"), expect!["x.edn:1: the text ends where a value was expected"]);
    refused(
        Edn::read_elements("x.edn", "[1] 2"),
        expect!["x.edn:1: the text goes on behind its vector of operations"],
    );
}

/// Neither brackets, nor tags, nor discards can be so deep that the stack ends.
#[test]
fn depth_is_bounded() {
    let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    assert!(read(&nested(DEPTH_MAX)).is_ok());
    refused(read(&nested(1_000_000)), expect!["x.edn:1: nested more than 100 deep"]);
    refused(read(&"#a ".repeat(1_000_000)), expect!["x.edn:1: nested more than 100 deep"]);
    refused(read(&"#_ ".repeat(1_000_000)), expect!["x.edn:1: nested more than 100 deep"]);
    refused(read(&"{:a ".repeat(1_000_000)), expect!["x.edn:1: nested more than 100 deep"]);
}

proptest! {
    #![proptest_config(stormglass::regressions!("history/edn"))]

    #[test]
    fn nothing_panics(text in "[\\[\\](){}#_:\"\\\\ \\n0-9a-z.+-]{0,40}") {
        let _ = read(&text);
        let _ = Edn::read_elements("x.edn", &text);
        let _ = stormglass::history::import_edn("x.edn", &text);
        let _ = stormglass::history::import_jepsen_log("x.log", &text);
    }
}
