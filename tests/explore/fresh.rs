//! A failure is run in a fresh process too, and a script is replayed by the environment.

use std::process::Command;

use super::*;

/// Runs this test binary's test of that name in a process of its own; true if it passes.
fn passes(test: &str, variables: &[(&str, &str)]) -> bool {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact"]).envs(variables.iter().copied());
    command.output().unwrap().status.success()
}

#[test]
fn the_second_search_of_a_test_is_verified_too() {
    let directory = tempfile::tempdir().unwrap();
    let reports: Vec<_> = (0..2).map(|_| in_shop(directory.path()).find()).collect();
    for report in reports {
        assert_eq!(report.failures[0].in_fresh, Ok(()));
    }
}

#[test]
fn where_no_fresh_process_is_possible_it_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let search = Search::new(World::new("shop", shop)).out(directory.path());
    let report = search.find();
    let reason = "the search was not started by a test or by the command line";
    assert_eq!(report.failures[0].in_fresh, Err(reason.to_owned()));
    let script = report.failures[0].script.display().to_string();
    let command = format!("STORMGLASS_REPLAY={script}, then the same program");
    assert_eq!(report.failures[0].command, command);
    let text = report.to_string();
    assert!(text.contains(&format!("identical (in this process only: {reason})")), "{text}");
    let nameless = std::thread::scope(|scope| {
        scope.spawn(|| in_shop(directory.path()).find()).join().unwrap()
    });
    let reason = "the name of the test is not known";
    assert_eq!(nameless.failures[0].in_fresh, Err(reason.to_owned()));
}

#[test]
fn a_thread_that_is_no_test_is_found_out() {
    let directory = tempfile::tempdir().unwrap();
    let report = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("no::test::of::ours".to_owned());
        thread.spawn_scoped(scope, || in_shop(directory.path()).find()).unwrap().join().unwrap()
    });
    let reason = "the fresh process did not come to the search";
    assert_eq!(report.failures[0].in_fresh, Err(reason.to_owned()));
}

#[test]
fn a_script_is_replayed_by_the_environment() {
    const SCRIPT: &str = "STORMGLASS_TEST_REPLAYED";
    if std::env::var_os(SCRIPT).is_some() {
        // In the child: the search runs the script alone, though its seeds are none.
        explore(shop).variant("fixed").seeds(0..1).check();
        explore(shop).seeds(7..7).check();
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let report = in_shop(directory.path()).find();
    let failure = &report.failures[0];
    let test = std::thread::current().name().unwrap().to_owned();
    let script = failure.script.to_str().unwrap();
    let command = format!("STORMGLASS_REPLAY={script} cargo test {test} -- --exact");
    assert_eq!(failure.command, command);
    assert!(!passes(&test, &[("STORMGLASS_REPLAY", script), (SCRIPT, "1")]));

    // A request may be lost. A fault that never strikes proves nothing, and so does not pass.
    let text = std::fs::read_to_string(script).unwrap();
    for (change, passed) in [(("\"reply\"", "\"request\""), true), (("n = 1", "n = 1000"), false)] {
        let changed = directory.path().join("changed.toml");
        std::fs::write(&changed, text.replace(change.0, change.1)).unwrap();
        let changed = changed.to_str().unwrap();
        let passes = passes(&test, &[("STORMGLASS_REPLAY", changed), (SCRIPT, "1")]);
        assert_eq!(passes, passed, "{change:?}");
    }
}

/// A test binary has searches of many worlds: a script is for one of them, and names what it has.
#[test]
fn a_script_of_another_world_does_not_concern_a_search() {
    const CHILD: &str = "STORMGLASS_TEST_NOT_REPLAYED";
    if std::env::var_os(CHILD).is_some() {
        let report = explore(shop).variant("fixed").seeds(0..3).find();
        assert!(!report.replayed && report.coverage.runs == 3, "{report}");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("script.toml");
    let fault = "[[fault]]\nkind = \"crash\"\nnode = \"sky\"\n";
    std::fs::write(&script, format!("format = 1\n[replay]\nsim = \"weather\"\n{fault}")).unwrap();
    let test = std::thread::current().name().unwrap().to_owned();
    let script = script.to_str().unwrap();
    assert!(passes(&test, &[("STORMGLASS_REPLAY", script), (CHILD, "1")]));
    // One that nobody can read is an error all the same.
    let nowhere = directory.path().join("nowhere.toml").display().to_string();
    assert!(!passes(&test, &[("STORMGLASS_REPLAY", &nowhere), (CHILD, "1")]));
}

#[test]
fn a_replay_is_proven_like_a_failure_that_was_found() {
    let directory = tempfile::tempdir().unwrap();
    let found = in_shop(directory.path()).find();
    let script = Script::load(&found.failures[0].script, &found.failures[0].run.topology).unwrap();
    let search = in_shop(directory.path());
    let report = search.replay(&script).unwrap();
    assert!(report.replayed);
    let failure = &report.failures[0];
    assert_eq!(failure.run.fingerprint(), found.failures[0].run.fingerprint());
    assert_eq!((failure.replays, &failure.in_fresh), (3, &Ok(())));
    let mut nobody = script.clone();
    nobody.replay.seed = None;
    let error = search.replay(&nobody).unwrap_err().to_string();
    let expected = "the script does not say which seed of `shop`; give it a section `[replay]` with \
                    `seed = 0`";
    assert_eq!(error, expected);
    let mut elsewhere = script;
    elsewhere.plan.faults = vec![Fault::Crash { node: "paymnt".into(), at: ms(1), lasts: None }];
    let error = search.replay(&elsewhere).unwrap_err().to_string();
    assert!(error.contains("did you mean `payment`?"), "{error}");
}
