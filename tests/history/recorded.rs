//! What clients record in a world, and what is left of it in the journal.

use std::time::Duration;

use serde_json::{Value, json};
use stormglass::consistency::register::{Call, Reply};
use stormglass::history::{Snapshot, objects};
use stormglass::journal::{Journal, Kind, Recording};
use stormglass::prelude::*;

use super::*;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// One client that has calls of every outcome, and a second one that dies in the middle of its own.
fn world(sim: &mut Sim) {
    sim.chaos(Chaos::none());
    sim.client("shopper", |ctx| async move {
        let write = ctx.invoke("price", "apple", Call::Write(3));
        ctx.sleep(ms(1)).await;
        write.ok(Reply::<i64>::Done);
        ctx.invoke("price", "pear", Call::Write(4)).fail();
        ctx.invoke_as("late", "price", 7, Call::<i64>::Read).info();
        drop(ctx.invoke("price", "", Call::Cas(3, 4)));
        let read = ctx.invoke("price", "apple", Call::<i64>::Read);
        ctx.invoke("stock", "", json!({"any": [1, "thing"]})).ok(json!(null));
        ctx.sleep(ms(5)).await;
        read.ok(Reply::Value(Some(3)));
        Ok::<(), String>(())
    });
    sim.process("cleaner", |ctx| async move {
        let open = ctx.invoke("price", "apple", Call::Write(9));
        ctx.sleep(ms(1000)).await;
        open.ok(Reply::<i64>::Done);
    });
}

fn of(journal: &Journal, object: &str) -> Recorded {
    History::of(journal, object).unwrap()
}

#[test]
fn clients_record_what_they_ask_and_are_answered() {
    let crash = Fault::Crash { node: "cleaner".into(), at: ms(2), lasts: None };
    let plan = FaultPlan::new([crash]);
    let run = run(&world, &RunConfig::seed(1).plan(plan));
    let history = of(&run.journal, "price");
    let of_order = |o: &stormglass::history::Operation<Value, Value>| o.call.at.as_nanos();
    assert!(history.operations().iter().map(of_order).is_sorted());
    let ends: Vec<_> = history.operations().iter().map(|o| o.returned.map(|r| r.at)).collect();
    let words: Vec<String> =
        told(&history).lines().map(|line| line.rsplit_once(" (").unwrap().0.to_owned()).collect();
    expect![[r#"
        shopper[apple] {"f":"write","value":3} ok "done"
        cleaner[apple] {"f":"write","value":9} info
        shopper[pear] {"f":"write","value":4} fail
        late[7] {"f":"read"} info
        shopper {"f":"cas","value":[3,4]} info
        shopper[apple] {"f":"read"} ok {"value":3}
        cleaner[apple] {"f":"write","value":9} info"#]]
    .assert_eq(&words.join("\n"));
    assert_eq!(ends[1], None, "nobody hears what a dead process drops");
    assert_eq!(ends[0], Some(ms(1).into()));
    assert_eq!(history.operations()[3].node, "shopper");
    let typed: History<Call, Reply> = History::of(&run.journal, "price").unwrap();
    assert_eq!(typed.operations()[5].outcome, Outcome::Ok(Reply::Value(Some(3))));
    assert_eq!(objects(&run.journal).into_iter().collect::<Vec<_>>(), ["price", "stock"]);
}

/// A history is a function of the journal: it comes back with the file. Recording less changes
/// nothing of the run.
#[test]
fn the_journal_is_enough() {
    let full = run(&world, &RunConfig::seed(1));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.journal");
    full.journal.save(&path).unwrap();
    let loaded = Journal::load(&path).unwrap();
    assert_eq!(of(&loaded, "price"), of(&full.journal, "price"));
    let digest = RunConfig { recording: Recording::Digest, ..RunConfig::seed(1) };
    assert_eq!(run(&world, &digest).fingerprint(), full.fingerprint());
}

#[test]
fn stories_tell_of_calls() {
    let run = run(&world, &RunConfig::seed(1));
    let story = run.journal.story().of_nodes(["shopper"]).limit(4).to_string();
    expect![[r#"
        time             node     what
               0.000 ms  shopper  calls price: {"key":"apple","input":{"f":"write","value":3}}
               1.000 ms  shopper  returns ok: "done"
        ... 8 lines left out
               1.000 ms  shopper  returns ok: null
               6.000 ms  shopper  returns ok: {"value":3}
    "#]]
    .assert_eq(&story);
}

#[test]
fn what_was_not_recorded_is_said() {
    let run = run(&world, &RunConfig::seed(1));
    let journal = &run.journal;
    refused(
        Recorded::of(journal, "prices"),
        expect!["no operation on `prices` was recorded; did you mean `price`?"],
    );
    refused(
        History::<u8, Value>::of(journal, "price"),
        expect![[
            r#"`price`, operation 1: the input {"f":"write","value":3} cannot be read: invalid type: map, expected u8"#
        ]],
    );
    refused(
        History::<Value, u8>::of(journal, "price"),
        expect![[
            r#"`price`, operation 1: the output "done" cannot be read: invalid type: string "done", expected u8"#
        ]],
    );
}

#[test]
fn states_are_kept_as_json() {
    let world = |sim: &mut Sim| {
        sim.client("replica", |ctx| async move {
            ctx.publish_state("state", json!({"a": [1, null]}));
            Ok::<(), String>(())
        });
        sim.sometimes("properties see it", |view| {
            let seen = view.probe::<Snapshot>("replica", "state");
            seen.is_some_and(|state| state.0 == json!({"a": [1, null]}))
        });
    };
    let run = run(&world, &RunConfig::seed(1));
    assert!(run.outcomes.iter().all(|outcome| outcome.verdict.holds()));
    let probe = run.journal.of_kind(Kind::Probe).next().unwrap();
    assert_eq!(probe.text(), Some(r#"{"a":[1,null]}"#));
}
