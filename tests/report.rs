//! What people and machines read of a search, in all its forms.
#![allow(clippy::unwrap_used, reason = "a test's helpers are tests, too")]

mod diagram;
mod generated;
mod html;
mod map;
mod story;
mod waterfall;

use std::time::Duration;

use expect_test::{Expect, expect};
use stormglass::chaos::{Effect, Leg};
use stormglass::explore::{Failure, Nondeterminism, SearchReport, UnknownRun, World};
use stormglass::kernel::Scheduling;
use stormglass::net::{LinkProfile, Tally};
use stormglass::prelude::*;
use stormglass::report::{json, run_text};
use stormglass::shrink::Without;

use crate::explore::{ms, shop};

/// What a search of the shop found, with everything in it that depends on where it ran made equal.
fn found() -> SearchReport {
    let directory = tempfile::tempdir().unwrap();
    let mut report = explore(shop).out(directory.path()).find();
    report.sealed = true;
    report.elapsed = Duration::from_millis(1_250);
    for failure in &mut report.failures {
        failure.script = "shop-4.toml".into();
        failure.page = Some("shop-4.html".into());
        failure.command = "see it again".to_owned();
    }
    report
}

/// The lines of a failure but for its story.
fn around(failure: &Failure) -> String {
    let text = failure.to_string();
    let (before, rest) = text.split_once("story:\n").unwrap();
    // The lines of the story and of the diagram begin with a time.
    let is_story = |line: &&str| {
        line.starts_with(' ') || ["time ", "diagram:"].iter().any(|w| line.starts_with(w))
    };
    let after = rest.lines().skip_while(is_story).collect::<Vec<_>>().join("\n");
    format!("{before}{after}\n")
}

#[track_caller]
fn check(change: impl Fn(&mut Failure), expect: Expect) {
    let mut failure = found().failures.remove(0);
    change(&mut failure);
    expect.assert_eq(&around(&failure));
}

#[test]
fn a_failure_that_is_replayed_was_not_shrunk() {
    check(
        |failure| {
            failure.shrunk = None;
            failure.in_fresh = Err("there is no room".to_owned());
            failure.scheduling = Scheduling::Pct { depth: 3, steps: 64 };
            failure.run.plan.workload.clear();
        },
        expect![[r#"
            violated: no order is charged twice        seed 4, replayed 3/3 identical (in this process only: there is no room)
            with 1 fault:
                shopper -> payment "POST /charge" #1 reply: drop
                ready tasks run in another order: pct depth 3 steps 64
            replay:  see it again
            report:  shop-4.html
        "#]],
    );
    check(
        |failure| {
            failure.shrunk = None;
            failure.run.plan = FaultPlan::default();
            failure.run.tallies.clear();
        },
        expect![[r#"
            violated: no order is charged twice        seed 4, replayed 3/3 identical, also in a fresh process
            with 0 faults
            replay:  see it again
            report:  shop-4.html
        "#]],
    );
}

/// A fault whose absence changes nothing, one that hides another failure, one that says nothing.
#[test]
fn what_happens_without_each_fault_is_told() {
    check(
        |failure| {
            let crash = Fault::Crash { node: "payment".into(), at: ms(7), lasts: None };
            failure.run.plan.faults.extend([crash.clone(), crash]);
            failure.run.tallies = vec![Tally { opportunities: 1, hits: 1 }; 2];
            failure.run.tallies.push(Tally { opportunities: 3, hits: 0 });
            let shrunk = failure.shrunk.as_mut().unwrap();
            shrunk.without = vec![
                Without::Same,
                Without::Other("every client ends".to_owned()),
                Without::Unknown("it was stopped".to_owned()),
            ];
            shrunk.idle_before = 0;
            shrunk.runs = 1;
            shrunk.cut_short = true;
            failure.found_after = 1;
        },
        expect![[r#"
            violated: no order is charged twice        seed 4, found after 1 seed, replayed 3/3 identical, also in a fresh process
            shrunk to 3 faults from 3 (1 run, all that it was allowed):
                shopper -> payment "POST /charge" #1 reply: drop
                from 7ms: crash payment
                from 7ms: crash payment
                shopper does only operation 0 of 3
            without fault 1 it fails all the same.
            without fault 2 `every client ends` is violated instead.
            without fault 3 nothing can be said: it was stopped
            fault 3 never struck.
            replay:  see it again
            report:  shop-4.html
        "#]],
    );
}

#[test]
fn workloads_and_seeds_of_the_same_cause_are_counted() {
    check(
        |failure| {
            let kept = [("shopper", vec![0, 2]), ("thief", vec![])];
            failure.run.plan.workload =
                kept.map(|(client, kept)| (client.to_owned(), kept)).into_iter().collect();
            failure.run.operations.push(("thief".to_owned(), 5));
            failure.alike = (20..33).collect();
        },
        expect![[r#"
            violated: no order is charged twice        seed 4, found after 5 seeds, replayed 3/3 identical, also in a fresh process
            shrunk to 1 fault from 3, of which 2 never struck (11 runs):
                shopper -> payment "POST /charge" #1 reply: drop
                shopper does operations 0, 2 of 3
                thief does none of its 5 operations
            without fault 1 it holds.
            13 other seeds failed alike: 20, 21, 22, 23, 24, 25, 26, 27, 28, 29 ...
            replay:  see it again
            report:  shop-4.html
        "#]],
    );
}

/// Everything at once that a search may say besides its failures.
#[test]
fn what_was_not_looked_into_is_listed() {
    let mut report = found();
    report.failures.clear();
    report.unshrunk = (100..112).map(|seed| (seed, "nobody is late".to_owned())).collect();
    let differs = |seed, property: Option<&str>| Nondeterminism {
        seed,
        property: property.map(str::to_owned),
        text: "the runs part\n".to_owned(),
    };
    report.nondeterminism = vec![differs(7, None), differs(8, Some("nobody is late"))];
    (report.shard, report.resumed, report.sealed) = ((2, 8), 3, false);
    expect![[r#"
        12 failures that nothing was made of:
            seed 100: nobody is late
            seed 101: nobody is late
            seed 102: nobody is late
            seed 103: nobody is late
            seed 104: nobody is late
            seed 105: nobody is late
            seed 106: nobody is late
            seed 107: nobody is late
            seed 108: nobody is late
            seed 109: nobody is late
            and 2 more
        not reproducible: seed 7 does not replay
        the runs part

        not reproducible: seed 8 does not replay (one run violates `nobody is late`)
        the runs part

        shop: violated: nobody is late
            5 seeds of 0..1000, shard 2/8, 3 of them earlier, swarm, 1 run twice, not sealed, 1.2 s
            faults: 4 of 11 struck; never: crash, clock-step, disk-slow
            sometimes "an order is charged": in 5 seeds
            points: 0 of 1 reached; never: the till is full
    "#]]
    .assert_eq(&report.render(true));
}

#[test]
fn the_gravest_comes_first() {
    let mut report = found();
    let verdict = |report: &SearchReport| report.verdict().to_string();
    let failures = std::mem::take(&mut report.failures);
    assert_eq!(verdict(&report), "holds");
    report.coverage.sometimes.insert("it snows".to_owned(), 0);
    assert_eq!(verdict(&report), "unknown: blind: no seed ever saw \"it snows\"");
    report.coverage.faults.values_mut().for_each(|count| count.struck = 0);
    assert_eq!(verdict(&report), "unknown: vacuous: none of 11 faults ever struck");
    report.replayed = true;
    assert_eq!(verdict(&report), "holds", "one run need not see anything");
    report.coverage.first_unknown = Some(UnknownRun { seed: 3, reason: "stopped".to_owned() });
    report.coverage.unknown = 1;
    assert_eq!(verdict(&report), "unknown: seed 3 has no verdict: stopped");
    report.coverage.runs = 0;
    assert_eq!(verdict(&report), "unknown: no seed was run");
    let differs = Nondeterminism { seed: 9, property: None, text: String::new() };
    report.nondeterminism.push(differs);
    assert_eq!(verdict(&report), "unknown: seed 9 does not replay");
    report.unshrunk.push((2, "nobody is late".to_owned()));
    assert_eq!(verdict(&report), "violated: nobody is late");
    report.failures = failures;
    let expected = "violated: no order is charged twice: order 1 was charged 2 times";
    assert_eq!(verdict(&report), expected);
}

/// Machines read the same as people do.
#[test]
fn each_finding_is_a_line_of_json() {
    let mut report = found();
    let differs = Nondeterminism { seed: 9, property: Some("p".to_owned()), text: "t".to_owned() };
    report.nondeterminism.push(differs);
    report.unshrunk.push((2, "q".to_owned()));
    report.failures[0].in_fresh = Err("no".to_owned());
    report.failures[0].shrunk = None;
    let lines = json::search(&report);
    let types: Vec<&str> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["failure", "nondeterminism", "search"]);
    assert_eq!(lines[0]["fresh_process"], false);
    assert_eq!(lines[0]["shrunk"], serde_json::Value::Null);
    assert_eq!(lines[0]["witness"], "order 1 was charged 2 times");
    assert_eq!(lines[0]["workload"], serde_json::json!({ "shopper": [0] }));
    assert_eq!((&lines[1]["seed"], &lines[1]["property"]), (&9.into(), &"p".into()));
    assert_eq!(lines[2]["unshrunk"], serde_json::json!([[2, "q"]]));
    assert_eq!(lines[2]["seeds_run"], 5);
    // The coverage is the report's own, and can be read back.
    let coverage = serde_json::from_value(lines[2]["coverage"].clone());
    assert_eq!(Some(report.coverage), coverage.ok());
}

#[test]
fn one_run_is_told_with_what_struck_it() {
    let world = World::new("shop", shop);
    let lost = |n| Fault::Message {
        from: "shopper".into(),
        to: "payment".into(),
        label: None,
        n,
        leg: Leg::Request,
        effect: Effect::Drop,
    };
    let config = RunConfig::seed(1).variant("fixed").plan(FaultPlan::new([lost(1), lost(99)]));
    let mut run = world.run(&config);
    run.sealed = false;
    let text = run_text(&world, &run, Scheduling::Random);
    let text = text.replace(&run.fingerprint().to_string(), "FINGERPRINT");
    expect![[r#"
        shop (fixed) seed 1: holds
            106.000 ms, 34 events, tasks random, not sealed, fingerprint FINGERPRINT
            fault: shopper -> payment * #1 request: drop  (struck 1 of 4)
            fault: shopper -> payment * #99 request: drop  (never struck: only 4 messages are such ones)
            sometimes "an order is charged": holds
            always "no order is charged twice": holds
    "#]]
    .assert_eq(&text);
}

/// A text of several lines is one event; the gaps of a long story are then told at its end.
#[test]
fn a_long_story_of_long_texts_says_what_it_leaves_out() {
    let world = |sim: &mut Sim| {
        sim.chaos(Chaos::none());
        sim.client("poet", |ctx| async move {
            for verse in 0..60 {
                ctx.record(format_args!("verse {verse}\nand its second line"));
            }
            Ok::<(), String>(())
        });
        sim.eventually("somebody listens", |_: &View<'_>| false);
    };
    let directory = tempfile::tempdir().unwrap();
    let report = explore(world).seeds(0..1).out(directory.path()).find();
    let text = report.failures[0].to_string();
    assert!(text.contains("verse 0\n") && text.contains("verse 59\n"), "{text}");
    assert!(!text.contains("verse 20\n"), "{text}");
    assert!(text.contains(" lines left out in between\n"), "{text}");
    assert!(text.contains("<- here"), "{text}");
}
