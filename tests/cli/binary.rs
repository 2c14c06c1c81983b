//! The binary itself: the gallery, fresh processes, and exit codes as a shell sees them.

use std::process::{Command, Output};

use super::*;

fn gallery(directory: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stormglass"));
    command.current_dir(directory).args(args).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn the_gallery_fails_replays_and_is_repaired() {
    let directory = tempfile::tempdir().unwrap();
    let found = gallery(directory.path(), &["explore", "duplicate_charge", "--json"]);
    assert_eq!(found.status.code(), Some(1), "{}", out(&found));
    let failure: Value = serde_json::from_str(out(&found).lines().next().unwrap()).unwrap();
    assert_eq!(failure["fresh_process"], true, "{failure}");
    assert_eq!(failure["faults"].as_array().map(Vec::len), Some(1));

    // The command that is printed is the command that replays.
    let command = failure["command"].as_str().unwrap();
    let args: Vec<&str> =
        command.strip_prefix("cargo run --release -- ").unwrap().split(' ').collect();
    let replayed = gallery(directory.path(), &args);
    assert_eq!(replayed.status.code(), Some(1), "{}", out(&replayed));
    let text = out(&replayed);
    assert!(text.contains("replayed 3/3 identical, also in a fresh process"), "{text}");

    let fixed = ["explore", "duplicate_charge", "--variant", "fixed", "--seeds", "0..200"];
    let held = gallery(directory.path(), &fixed);
    assert_eq!(held.status.code(), Some(0), "{}", out(&held));
}

#[test]
fn every_seed_is_the_same_in_two_processes() {
    let directory = tempfile::tempdir().unwrap();
    let determinism = ["determinism", "--seeds", "0..30", "--json"];
    let compared = gallery(directory.path(), &determinism);
    assert_eq!(compared.status.code(), Some(0), "{}", out(&compared));
    for line in out(&compared).lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!((&line["type"], &line["differences"]), (&"determinism".into(), &0.into()));
        assert_eq!((&line["runs"], &line["verdict"]), (&90.into(), &"holds".into()));
    }
    let none = gallery(directory.path(), &["determinism", "--seeds", "3..3"]);
    assert_eq!(none.status.code(), Some(3));
}

#[test]
fn misuse_is_two() {
    let directory = tempfile::tempdir().unwrap();
    let ended = gallery(directory.path(), &["run", "duplicate"]);
    assert_eq!(ended.status.code(), Some(2));
    let error = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(error, "error: no sim `duplicate`; did you mean `duplicate_charge`?\n");
    assert_eq!(gallery(directory.path(), &[]).status.code(), Some(2));
}

/// What a search or a person wrote is not written anew by who looks at it.
#[test]
fn scripts_stay_as_they_are() {
    let directory = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        let ended = gallery(directory.path(), args);
        assert_eq!(ended.status.code(), Some(1), "{args:?}: {}", out(&ended));
        out(&ended)
    };
    run(&["explore", "duplicate_charge", "--seeds", "0..9", "--sample", "0"]);
    let plan = "target/stormglass/duplicate_charge-4.toml";
    let small = directory.path().join(plan);
    let text = std::fs::read_to_string(&small).unwrap() + "# mine\n";
    std::fs::write(&small, &text).unwrap();
    for (command, plan, named) in [
        ("replay", None, "duplicate_charge-4-drawn.toml"),
        ("replay", Some(plan), plan),
        ("shrink", Some(plan), "duplicate_charge-4-smaller.toml"),
    ] {
        let plan = plan.map_or(vec![], |plan| vec!["--plan", plan]);
        let told = run(&[&[command, "duplicate_charge", "--seed", "4"], &plan[..]].concat());
        assert!(told.contains(named), "{command}: {told}");
        assert_eq!(std::fs::read_to_string(&small).unwrap(), text, "{command} {plan:?}");
    }
}
