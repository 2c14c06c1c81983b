//! Replicas that come to agree, or do not: who differs, in what, and how long it took.
#![allow(clippy::unwrap_used, reason = "a test's helpers are tests, too")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use stormglass::convergence::{Convergence, differences, strong};
use stormglass::journal::{Entry, EventId, Journal, Kind, NodeId, Recorder, Recording};
use stormglass::prelude::*;

/// A journal in which replicas show states at these milliseconds; `heal` ends chaos.
fn journal(events: &[(u64, &str, Value)]) -> Journal {
    let mut recorder = Recorder::new(Recording::Full);
    let mut nodes: BTreeMap<&str, NodeId> = BTreeMap::new();
    let symbol = recorder.symbol("state");
    for (at, name, state) in events {
        let (kind, node) = match *name {
            "heal" => (Kind::Heal, NodeId::WORLD),
            name => (Kind::Probe, *nodes.entry(name).or_insert_with(|| recorder.add_node(name))),
        };
        let entry = Entry::new(kind, node).symbol(symbol);
        let id = recorder.append(at * 1_000_000, entry, EventId::NONE, EventId::NONE);
        if kind == Kind::Probe {
            recorder.attach_text(id, state.to_string());
        }
    }
    recorder.finish()
}

#[track_caller]
fn check(convergence: Convergence, events: &[(u64, &str, Value)], expect: Expect) {
    let report = convergence.report(&journal(events));
    expect.assert_eq(&report.to_string());
    assert_eq!(convergence.check()(&journal(events)), report.verdict);
}

fn state() -> Convergence {
    Convergence::of("state")
}

#[test]
fn the_time_is_counted_from_the_end_of_chaos() {
    let events = [
        (1, "a", json!({"x": 1})),
        (1, "b", json!({"x": 2})),
        (10, "heal", json!(null)),
        (12, "b", json!({"x": 1})),
        (30, "a", json!({"x": 1})),
    ];
    check(state(), &events, expect!["converged 2.000 ms after healing, b last"]);
    let bound = state().within(Duration::from_millis(1));
    check(
        bound,
        &events,
        expect![
            "violated: the replicas agreed 2.000 ms after chaos had ended, b last; 1.000 ms was the bound"
        ],
    );
    let early = [&events[..2], &[(5, "b", json!({"x": 1}))], &events[2..3]].concat();
    check(state(), &early, expect!["converged 0.000 ms after healing, b last"]);
    check(
        state().within(Duration::from_millis(1)),
        &early[..3],
        expect!["unknown: the world ended before it was healed"],
    );
}

/// To agree once is not enough.
#[test]
fn what_is_lost_again_counts_for_nothing() {
    let events = [
        (1, "a", json!(1)),
        (2, "b", json!(1)),
        (3, "heal", json!(null)),
        (4, "a", json!(2)),
        (9, "b", json!(2)),
    ];
    check(state(), &events, expect!["converged 6.000 ms after healing, b last"]);
    check(state(), &events[..4], expect!["violated: the state: a has 2, b has 1"]);
}

#[test]
fn who_differs_in_which_keys_is_said() {
    let events = [
        (1, "a", json!({"apple": 1, "pear": {"red": 1, "green/2": [1]}, "same": {"x": 1}})),
        (1, "b", json!({"apple": 2, "pear": {"red": 1, "green/2": [2]}, "same": {"x": 1}})),
        (1, "c", json!({"apple": 1, "pear": {"red": 1}, "same": {"x": 1}})),
    ];
    check(
        state(),
        &events,
        expect![
            "violated: /apple: a and c have 1, b has 2; /pear/green~12: a has [1], b has [2], c has nothing"
        ],
    );
    let many = |value: i32| -> Value { (0..9).map(|n| (n.to_string(), json!(value))).collect() };
    check(
        state(),
        &[(1, "a", many(1)), (1, "b", many(2))],
        expect![
            "violated: /0: a has 1, b has 2; /1: a has 1, b has 2; /2: a has 1, b has 2; /3: a has 1, b has 2; /4: a has 1, b has 2; 4 keys more"
        ],
    );
}

#[test]
fn replicas_that_are_missing_are_named() {
    let events = [(1, "a", json!(1)), (2, "z", json!(9))];
    check(state().replicas(["a", "b", "c"]), &events, expect!["violated: b, c showed no `state`"]);
    check(
        state(),
        &events[..1],
        expect!["unknown: only one replica has published a state `state`"],
    );
    check(state(), &[], expect!["unknown: nobody has published a state `state`"]);
    let others =
        [(1, "a", json!(1)), (2, "z", json!(9)), (3, "b", json!(1)), (3, "heal", json!(0))];
    check(
        state().replicas(["a", "b"]),
        &others,
        expect!["converged 0.000 ms after healing, b last"],
    );
}

/// A probe of another kind is told apart from a state.
#[test]
fn probes_that_are_no_states_are_unknown() {
    let mut recorder = Recorder::new(Recording::Full);
    let (node, symbol) = (recorder.add_node("a"), recorder.symbol("state"));
    let entry = Entry::new(Kind::Probe, node).symbol(symbol);
    let id = recorder.append(1, entry, EventId::NONE, EventId::NONE);
    recorder.attach_text(id, "Some(3)".to_owned());
    let journal = recorder.finish();
    expect!["unknown: `state` is no state: Some(3); publish_state writes one"]
        .assert_eq(&state().check()(&journal).to_string());
    expect!["unknown: `state` has no `delivered` and `state`: Some(3)"]
        .assert_eq(&strong("state")(&journal).to_string());
}

#[test]
fn equal_updates_give_equal_states() {
    let set =
        |delivered: &[u8], state: u8| json!({"delivered": delivered, "state": {"sum": state}});
    let says = |events: &[(u64, &str, Value)]| strong("state")(&journal(events)).to_string();
    assert_eq!(says(&[(1, "a", set(&[1, 2], 3)), (5, "b", set(&[2, 1], 3))]), "holds");
    expect![
        "violated: the same updates, another state: /sum: a at 1.000 ms has 3, b at 5.000 ms has 4"
    ]
    .assert_eq(&says(&[(1, "a", set(&[1, 2], 3)), (5, "b", set(&[2, 1], 4))]));
    expect!["unknown: no two replicas were ever given the same updates"]
        .assert_eq(&says(&[(1, "a", set(&[1], 1)), (5, "b", set(&[2], 2))]));
}

/// Differences are none exactly if all are equal, and name what differs: against a plain look-up.
#[test]
fn differences_are_where_look_ups_differ() {
    let all: Vec<Value> = [
        json!(1),
        json!({}),
        json!({"x": 1}),
        json!({"x": {"y": 1}}),
        json!({"x": {"y": 2}, "z": []}),
        json!([1]),
    ]
    .into();
    for first in &all {
        for second in &all {
            let states =
                BTreeMap::from([("a".to_owned(), first.clone()), ("b".to_owned(), second.clone())]);
            let found = differences(&states);
            assert_eq!(found.is_empty(), first == second, "{first} {second}");
            for difference in found {
                let at = |state: &Value| state.pointer(&difference.key).cloned();
                assert_eq!(difference.values["a"], at(first));
                assert_eq!(difference.values["b"], at(second));
                assert_ne!(at(first), at(second));
            }
        }
    }
}

/// The definitions of Shapiro et al. 2011 ("Conflict-free replicated data types", 2.2 and 2.3): replicas
/// with the same updates come to agree in the end, or, strongly, agree at once.
#[test]
fn what_agrees_late_is_eventual_and_not_strong() {
    let shown = |delivered: &[&str], state: Value| json!({"delivered": delivered, "state": state});
    let journal = |events: &[(u64, &str, Value)]| journal(events);
    let strongly = |events: &[(u64, &str, Value)]| strong("state")(&journal(events));
    let eventually = |events: &[(u64, &str, Value)]| {
        let states = events.iter().map(|(at, who, shown)| (*at, *who, shown["state"].clone()));
        state().check()(&journal(&states.collect::<Vec<_>>()))
    };
    // A counter: increments commute, so it does not matter which comes first.
    let counter = [
        (1, "a", shown(&["inc 1"], json!(1))),
        (2, "b", shown(&["inc 2"], json!(2))),
        (3, "a", shown(&["inc 1", "inc 2"], json!(3))),
        (4, "b", shown(&["inc 2", "inc 1"], json!(3))),
    ];
    assert!(strongly(&counter).holds() && eventually(&counter).holds());
    // A plain set: an add and a remove of one element do not.
    let set = [
        (1, "a", shown(&["add x"], json!(["x"]))),
        (2, "b", shown(&["remove x"], json!([]))),
        (3, "a", shown(&["add x", "remove x"], json!([]))),
        (4, "b", shown(&["remove x", "add x"], json!(["x"]))),
    ];
    assert!(strongly(&set).is_violated() && eventually(&set).is_violated());
    // Who settles it afterwards, by a round of consensus, agrees in the end.
    let settled = [&set[..], &[(5, "b", shown(&["remove x", "add x"], json!([])))]].concat();
    assert!(strongly(&settled).is_violated() && eventually(&settled).holds());
}

/// Every sequence of `0..=most` out of `choices`.
fn sequences(choices: usize, most: u32, visit: &mut dyn FnMut(&[usize])) {
    for length in 0..=most {
        for number in 0..choices.pow(length) {
            let digit = |at| number / choices.pow(at) % choices;
            visit(&(0..length).map(digit).collect::<Vec<_>>());
        }
    }
}

/// All that two replicas can show in six moments, of which one may be the end of chaos: the twin looks
/// at every moment on its own.
#[test]
fn small_histories_converge_as_a_look_at_every_moment_says() {
    let choices = [("a", 0), ("a", 1), ("b", 0), ("b", 1), ("heal", 0)];
    sequences(choices.len(), 6, &mut |sequence| {
        if sequence.iter().filter(|choice| **choice == 4).count() > 1 {
            return;
        }
        let event =
            |(at, choice): (u64, &usize)| (at, choices[*choice].0, json!(choices[*choice].1));
        let events: Vec<_> = (1..).zip(sequence).map(event).collect();
        let last = |moment: usize, who: &str| {
            events[..moment].iter().rfind(|event| event.1 == who).map(|event| &event.2)
        };
        let agree = |moment: usize| {
            let (a, b) = (last(moment, "a"), last(moment, "b"));
            a.is_some() && a == b
        };
        let all = events.len();
        let report = state().report(&journal(&events));
        let expected = match (last(all, "a"), last(all, "b")) {
            (Some(a), Some(b)) if a == b => "holds",
            (Some(_), Some(_)) => "violated",
            _ => "unknown",
        };
        assert_eq!(report.verdict.word(), expected, "{events:?}");
        let healed = events.iter().find(|event| event.1 == "heal").map(|event| event.0);
        let since = (1..=all).find(|from| (*from..=all).all(agree)).map(|from| events[from - 1].0);
        let took = since.zip(healed).map(|(since, healed)| since.saturating_sub(healed));
        let took = took.map(Duration::from_millis);
        assert_eq!(report.time_to_converge(), took, "{events:?}");
    });
}

/// All that two replicas can show in three moments: the twin compares each two of them.
#[test]
fn small_histories_are_strong_as_a_look_at_every_two_says() {
    let delivered: [&[u8]; 4] = [&[], &[1], &[1, 2], &[2, 1]];
    let show = |choice: usize| {
        let (who, shown) = (["a", "b"][choice % 2], choice / 2);
        (who, BTreeSet::from_iter(delivered[shown % 4]), delivered[shown % 4], shown / 4)
    };
    sequences(16, 3, &mut |sequence| {
        let shown: Vec<_> = sequence.iter().map(|choice| show(*choice)).collect();
        let events = (1..).zip(&shown).map(|(at, (who, _, delivered, state))| {
            (at, *who, json!({"delivered": delivered, "state": state}))
        });
        let verdict = strong("state")(&journal(&events.collect::<Vec<_>>()));
        let equal = |one: usize, two: usize| shown[one].1 == shown[two].1;
        let all = shown.len();
        let pairs = || (0..all).flat_map(move |one| (0..one).map(move |two| (one, two)));
        let differ = |(one, two): (usize, usize)| equal(one, two) && shown[one].3 != shown[two].3;
        let meet = |(one, two): (usize, usize)| equal(one, two) && shown[one].0 != shown[two].0;
        let expected = match (pairs().any(differ), pairs().any(meet)) {
            (true, _) => "violated",
            (false, true) => "holds",
            (false, false) => "unknown",
        };
        assert_eq!(verdict.word(), expected, "{shown:?}");
    });
}

/// Three stocks that tell each other what is new: the broken ones once, so that a lost message is lost
/// for ever, the fixed ones all that they know, again and again.
fn stocks(sim: &mut Sim) {
    const NAMES: [&str; 3] = ["stock-0", "stock-1", "stock-2"];
    let fixed = sim.variant() == "fixed";
    sim.process("stock", move |ctx| async move {
        // By key: a stamp, and the number in stock.
        let mut state: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        let mut fresh = BTreeMap::new();
        let Ok(endpoint) = ctx.bind(7) else { return };
        loop {
            let shown: BTreeMap<_, _> = state.iter().map(|(key, (_, n))| (key, n)).collect();
            ctx.publish_state("stock", shown);
            let heard = ctx.timeout(Duration::from_millis(100), endpoint.receive()).await;
            if let Ok(Ok((bytes, _))) = heard {
                let news: BTreeMap<String, (u64, u64)> = serde_json::from_slice(&bytes).unwrap();
                for (key, new) in news {
                    let old = state.entry(key.clone()).or_default();
                    if new > *old {
                        *old = new;
                        fresh.insert(key, new);
                    }
                }
                continue;
            }
            let news = std::mem::take(&mut fresh);
            let told = if fixed { &state } else { &news };
            for peer in NAMES.into_iter().filter(|peer| *peer != ctx.name()) {
                let _ = endpoint.send(peer, 7, serde_json::to_vec(told).unwrap());
            }
        }
    })
    .replicas(3);
    sim.client("clerk", |ctx| async move {
        let endpoint = ctx.bind(0)?;
        for n in 1..=20u64 {
            ctx.sleep(Duration::from_millis(130)).await;
            let key = format!("item-{n}");
            let put = ctx.invoke("counts", &key, json!({"f": "put", "value": n}));
            let news = BTreeMap::from([(key, (n, n))]);
            endpoint.send(NAMES[n as usize % 3], 7, serde_json::to_vec(&news)?)?;
            put.info();
        }
        Ok::<(), std::io::Error>(())
    });
    let agree = || Convergence::of("stock").replicas(NAMES);
    sim.eventually("the stocks agree", agree().eventually());
    sim.check(
        "soon, on what was counted",
        agree().within(Duration::from_secs(5)).written_to("counts", json!({})).check(),
    );
}

#[test]
fn who_says_it_once_does_not_converge() {
    let failed = (0..50).map(|seed| run(&stocks, &RunConfig::seed(seed)));
    let mut failed = failed.filter(|run| run.verdict().is_violated());
    let run = failed.next().expect("some seed fails");
    let text = run.verdict().to_string();
    assert!(text.contains("the stocks agree: /") && text.contains(" has "), "{text}");
}

#[test]
fn who_says_it_again_converges() {
    let mut took = BTreeSet::new();
    for seed in 0..100 {
        let run = run(&stocks, &RunConfig::seed(seed).variant("fixed"));
        assert!(run.verdict().holds(), "seed {seed}: {}", run.verdict());
        let report = Convergence::of("stock").report(&run.journal);
        took.insert(report.time_to_converge().unwrap());
    }
    assert!(took.len() > 10 && took.last() > Some(&Duration::from_millis(50)), "{took:?}");
}

#[test]
fn a_value_that_nobody_wrote_is_invalid() {
    let world = |wrong: u64| {
        move |sim: &mut Sim| {
            sim.chaos(Chaos::none());
            sim.client("a", move |ctx| async move {
                ctx.invoke("counts", "apple", json!({"f": "put", "value": 3})).ok(json!(null));
                ctx.invoke("counts", "apple", json!({"f": "put", "value": 4})).fail();
                ctx.publish_state("stock", json!({"apple": wrong, "pear": 1}));
                Ok::<(), String>(())
            });
            sim.client("b", move |ctx| async move {
                ctx.publish_state("stock", json!({"apple": wrong, "pear": 1}));
                Ok::<(), String>(())
            });
            let valid = Convergence::of("stock").written_to("counts", json!({"pear": 1}));
            sim.check("valid", valid.check());
        }
    };
    let verdict = |wrong| run(&world(wrong), &RunConfig::seed(1)).verdict().to_string();
    assert_eq!(verdict(3), "holds");
    expect!["violated: valid: a has 4 under `apple`, which nobody wrote"].assert_eq(&verdict(4));
}
