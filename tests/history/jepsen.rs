//! Jepsen's two forms, and what is no history.

use stormglass::history::{export_edn, import_edn, import_jepsen_log};

use super::*;

const REGISTER: &str = "
{:process 0, :type :invoke, :f :write, :value 3, :time 10}
{:process :nemesis, :type :info, :f :start, :value nil}
{:process 1, :type :invoke, :f :cas, :key \"x\", :value [3 4], :time 20}
{:process 0, :type :ok, :f :write, :value 3, :time 30}
{:process 1, :type :info, :f :cas, :value [3 4], :time 40}
{:process 2, :type :invoke, :f :read, :value nil, :time 50}
{:process 0, :type :invoke, :f :read, :value nil, :time 60}
{:process 2, :type :fail, :f :read, :value nil, :time 70}
";

#[test]
fn edn_is_read() {
    let history = import_edn("r.edn", REGISTER).unwrap();
    expect![[r#"
        0 {"f":"write","value":3} ok 3 (1..4)
        1[x] {"f":"cas","value":[3,4]} info (3..5)
        2 {"f":"read","value":null} fail (6..8)
        0 {"f":"read","value":null} info (7..never)
    "#]]
    .assert_eq(&told(&history));
    assert_eq!(history.operations()[0].call.at.as_nanos(), 10);
    assert_eq!(history, import_edn("r.edn", &format!("[{REGISTER}]")).unwrap(), "in a vector");
}

#[test]
fn what_is_exported_is_read_back() {
    let history = import_edn("r.edn", REGISTER).unwrap();
    let text = export_edn(&history);
    expect![[r#"
        {:process 0, :type :invoke, :f :write, :value 3, :time 10}
        {:process 1, :type :invoke, :f :cas, :key "x", :value [3 4], :time 20}
        {:process 0, :type :ok, :f :write, :value 3, :time 30}
        {:process 1, :type :info, :f :cas, :key "x", :value [3 4], :time 40}
        {:process 2, :type :invoke, :f :read, :value nil, :time 50}
        {:process 0, :type :invoke, :f :read, :value nil, :time 60}
        {:process 2, :type :fail, :f :read, :value nil, :time 70}
    "#]]
    .assert_eq(&text);
    assert_eq!(export_edn(&import_edn("again.edn", &text).unwrap()), text);
}

/// After an operation that is open for ever a process goes on under a new number.
#[test]
fn crashed_processes_get_new_numbers() {
    let text =
        "{:process 7 :type :invoke :f :inc :value \"a\\\"b\"} {:process 7 :type :info :f :inc}
        {:process 7 :type :invoke :f :inc :value {:odd-key [1 \"x y\"]}}";
    expect![[r#"
        {:process 0, :type :invoke, :f :inc, :value "a\"b", :time 1}
        {:process 0, :type :info, :f :inc, :value "a\"b", :time 2}
        {:process 1, :type :invoke, :f :inc, :value {:odd-key [1 "x y"]}, :time 3}
    "#]]
    .assert_eq(&export_edn(&import_edn("p.edn", text).unwrap()));
}

#[test]
fn logs_are_read() {
    let log = "INFO  jepsen.util - 4\t:invoke\t:read\tnil
INFO  jepsen.core - something else
INFO  jepsen.util - 1\t:invoke\t:cas\t[1 2]
INFO  jepsen.util - :nemesis\t:info\t:start\tnil

INFO  jepsen.util - 1\t:fail\t:cas\t[1 2]
INFO  jepsen.util - 4\t:fail\t:read\t:timed-out
INFO  jepsen.util - 1\t:invoke\t:write\t5
INFO  jepsen.util - 1\t:info\t:write\t:timed-out";
    expect![[r#"
        4 {"f":"read","value":null} fail (1..7)
        1 {"f":"cas","value":[1,2]} ok false (3..6)
        1 {"f":"write","value":5} info (8..9)
    "#]]
    .assert_eq(&told(&import_jepsen_log("e.log", log).unwrap()));
}

#[test]
fn what_is_no_history_is_refused_with_its_line() {
    let edn = |text: &str| import_edn("h.edn", text);
    refused(edn("\n3"), expect!["h.edn:2: a map `{:process ...}` was expected"]);
    refused(edn("{:type :ok}"), expect!["h.edn:1: a :process was expected, a number"]);
    refused(edn("{:process 1}"), expect!["h.edn:1: a :type was expected"]);
    refused(
        edn("{:process 1 :type :okay}"),
        expect!["h.edn:1: type `okay`; invoke, ok, fail or info was expected"],
    );
    refused(
        edn("{:process 1 :type :ok :f :read}"),
        expect!["h.edn:1: process 1 has called nothing"],
    );
    refused(
        edn("{:process 1 :type :invoke :f :read :time -4}"),
        expect!["h.edn:1: :time is -4; nanoseconds were expected"],
    );
    let call = "{:process 1 :type :invoke :f :read}\n";
    refused(
        edn(&format!("{call}{call}")),
        expect!["h.edn:2: process 1 calls, and its call in line 1 has not returned"],
    );
    refused(
        edn(&format!("{call}{{:process 1 :type :ok :f :write}}")),
        expect![[r#"h.edn:2: process 1 called "read" in line 1, and "write" returns"#]],
    );
    let log = |text: &str| import_jepsen_log("h.log", text);
    refused(log("\nhello"), expect!["h.log:2: a line `LEVEL  LOGGER - MESSAGE` was expected"]);
    refused(
        log("INFO  jepsen.util - 4\t:ok"),
        expect!["h.log:1: `PROCESS :TYPE :F VALUE` was expected"],
    );
    refused(
        log("\nINFO  jepsen.util - 4\t:invoke\t:cas\t[1"),
        expect!["h.log:2: the text ends before the `]` for what begins in line 1"],
    );
    refused(
        log("INFO  jepsen.util - 4\t:invoke\t:cas\t1 2"),
        expect!["h.log:1: one value was expected behind the function"],
    );
}
