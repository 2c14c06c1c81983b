//! What CI systems read: a suite a search or a run, a case a property.

use expect_test::expect;
use stormglass::explore::World;
use stormglass::report::junit::{run_junit, search_junit};

use super::*;

/// One property holds, one does not (with a witness that XML cannot hold as it is), one is not seen.
fn mixed(sim: &mut Sim) {
    sim.client("shopper", |ctx| async move {
        ctx.publish("n", 7u32);
        Ok::<(), String>(())
    });
    sim.always("n is a number", |_: &View<'_>| true);
    sim.always("n < 5 & so on", |view: &View<'_>| match view.probe::<u32>("shopper", "n") {
        Some(n) if *n >= 5 => Err(format!("n is <{n}>\u{0}")),
        _ => Ok(()),
    });
    sim.sometimes("n is 8", |view| view.probe::<u32>("shopper", "n").is_some_and(|n| *n == 8));
}

#[test]
fn a_run_is_a_suite() {
    let run = run(&mixed, &RunConfig::seed(4).plan(FaultPlan::default()));
    expect![[r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="mixed" tests="3" skipped="1" failures="1" errors="0">
            <testsuite name="mixed seed 4" tests="3" skipped="1" errors="0" failures="1" time="0.000">
                <testcase name="n is a number" classname="mixed"/>
                <testcase name="n &lt; 5 &amp; so on" classname="mixed">
                    <failure message="n is &lt;7&gt;">n is &lt;7&gt;

        seed 4</failure>
                </testcase>
                <testcase name="n is 8" classname="mixed">
                    <skipped message="it was not seen"/>
                </testcase>
            </testsuite>
        </testsuites>
    "#]].assert_eq(&run_junit("mixed", &run));
}

#[test]
fn a_search_is_a_suite() {
    let folder = tempfile::tempdir().unwrap();
    let mut report = explore(mixed).seeds(0..3).out(folder.path()).find();
    for failure in &mut report.failures {
        failure.command = "see it again".to_owned();
    }
    let text = search_junit(&report);
    let kept = |line: &&str| {
        line.contains("<test") || line.contains("<failure") || line.contains("replay:")
    };
    let lines = text.lines().filter(kept);
    let lines: Vec<&str> = lines.filter_map(|line| line.split(", found").next()).collect();
    expect![[r#"
        <testsuites name="mixed" tests="3" skipped="1" failures="1" errors="0">
            <testsuite name="mixed" tests="3" skipped="1" errors="0" failures="1">
                <testcase name="n &lt; 5 &amp; so on" classname="mixed">
                    <failure message="n is &lt;7&gt;">violated: n &lt; 5 &amp; so on        seed 0
        replay:  see it again
                <testcase name="n is a number" classname="mixed"/>
                <testcase name="n is 8" classname="mixed">"#]]
    .assert_eq(&lines.join("\n"));
    let mut holds =
        explore(|sim: &mut Sim| _ = sim.always("all", |_: &View<'_>| true)).seeds(0..3).find();
    assert!(!search_junit(&holds).contains("<failure"));
    holds.coverage.runs = 0;
    assert!(search_junit(&holds).contains("<error message=\"no seed was run\""));
}

#[test]
fn explore_writes_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("junit.xml");
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let (file, scripts) = (path.to_str().unwrap(), folder.path().to_str().unwrap());
    let args =
        ["stormglass", "explore", "mixed", "--seeds", "0..3", "--junit", file, "--out", scripts];
    let code = stormglass::cli::run(&[World::new("mixed", mixed)], args, &mut out, &mut err);
    assert_eq!(code, 1, "{}", String::from_utf8_lossy(&err));
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("name=\"n &lt; 5 &amp; so on\""), "{text}");
    let nowhere = folder.path().join("none/junit.xml");
    let args =
        ["stormglass", "explore", "mixed", "--seeds", "0..3", "--junit", nowhere.to_str().unwrap()];
    assert_eq!(stormglass::cli::run(&[World::new("mixed", mixed)], args, &mut out, &mut err), 2);
}
