//! Every command over worlds of our own, within this process.

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

#[test]
fn list_is_a_table_of_contents() {
    check(
        &["list"],
        0,
        expect![[r#"
        shop   three orders  [broken, fixed]
        calm
        blind  sees nothing
    "#]],
    );
    let (code, lines) = json(&["list"]);
    assert_eq!((code, lines.len()), (0, 3));
    assert_eq!(lines[0]["type"], "sim");
    assert_eq!(lines[0]["name"], "shop");
    assert_eq!(lines[0]["variants"], serde_json::json!(["broken", "fixed"]));
}

#[test]
fn run_tells_one_run() {
    let ended = stormglass(&["run", "calm", "--seed", "7"]);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
    assert!(ended.out.starts_with("calm seed 7: holds\n"), "{}", ended.out);
    let (code, lines) = json(&["run", "shop", "--variant", "fixed"]);
    assert_eq!((code, lines.len()), (0, 1));
    let line = &lines[0];
    assert_eq!((line["type"].as_str(), line["verdict"].as_str()), (Some("run"), Some("holds")));
    assert_eq!((line["variant"].as_str(), line["seed"].as_u64()), (Some("fixed"), Some(0)));
    assert_eq!(line["fingerprint"].as_str().map(str::len), Some(16));
    assert!(line["faults"][0]["opportunities"].is_u64());
    assert_eq!(line["outcomes"][1]["property"], "no order is charged twice");
}

#[test]
fn a_story_is_told_on_demand() {
    let short = stormglass(&["run", "calm", "--story"]);
    let long = stormglass(&["run", "calm", "--all-events"]);
    assert!(short.out.contains("the world ends: finished"), "{}", short.out);
    assert!(!short.out.contains("spawns a task"), "{}", short.out);
    assert!(long.out.contains("spawns a task"), "{}", long.out);
}

#[test]
fn a_failure_is_found_replayed_and_shrunk() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().display().to_string();
    let explore = ["explore", "shop", "--seeds", "0..500", "--sample", "0", "--out", &out];
    let (code, lines) = json(&explore);
    assert_eq!(code, 1);
    let (failure, search) = (&lines[0], &lines[1]);
    assert_eq!((&failure["type"], &search["type"]), (&"failure".into(), &"search".into()));
    assert_eq!(failure["property"], "no order is charged twice");
    assert_eq!(failure["faults"].as_array().map(Vec::len), Some(1));
    assert_eq!(failure["shrunk"]["without"], serde_json::json!(["holds"]));
    assert!(search["verdict"]["violated"].is_string(), "{search}");
    assert!(search["coverage"]["runs"].is_u64());

    let (script, seed) = (failure["script"].as_str().unwrap(), failure["seed"].to_string());
    let (code, replayed) = json(&["replay", "shop", "--seed", &seed, "--plan", script]);
    assert_eq!(code, 1);
    assert_eq!(replayed[0]["fingerprint"], failure["fingerprint"]);
    assert_eq!(replayed[0]["shrunk"], Value::Null);

    let small = file(directory.path(), "small.toml");
    let (code, shrunk) = json(&["shrink", "shop", "--seed", &seed, "--out", &small]);
    assert_eq!(code, 1);
    assert_eq!(shrunk[0]["fingerprint"], failure["fingerprint"]);
    assert_eq!(std::fs::read_to_string(&small).unwrap(), std::fs::read_to_string(script).unwrap());

    let held = stormglass(&["replay", "shop", "--plan", script, "--variant", "fixed"]);
    assert_eq!(held.code, 0, "{}", held.out);
}

#[test]
fn the_lines_of_a_search_are_the_same_for_any_number_of_jobs() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().display().to_string();
    let with = |jobs| json(&["explore", "shop", "--jobs", jobs, "--out", &out]);
    assert_eq!(with("1"), with("3"));
}

#[test]
fn a_search_ends_with_its_verdict() {
    assert_eq!(stormglass(&["explore", "calm", "--seeds", "0..10"]).code, 0);
    assert_eq!(stormglass(&["explore", "blind", "--seeds", "0..10"]).code, 3);
    assert_eq!(stormglass(&["explore", "calm", "--seeds", "5..5"]).code, 3);
    let fixed = stormglass(&["explore", "shop", "--variant", "fixed", "--seeds", "0..50"]);
    assert_eq!(fixed.code, 0, "{}", fixed.out);
    assert!(fixed.out.starts_with("shop (fixed): holds\n"), "{}", fixed.out);
}

#[test]
fn shards_time_and_state_are_arguments() {
    let directory = tempfile::tempdir().unwrap();
    let state = file(directory.path(), "state.json");
    let common = ["explore", "shop", "--variant", "fixed", "--shard", "1/3", "--time", "60s"];
    let with = |seeds| json(&[&common[..], &["--resume", &state, "--seeds", seeds]].concat());
    assert_eq!(with("0..30").1[0]["seeds_run"], 10);
    let (code, lines) = with("0..60");
    assert_eq!((code, &lines[0]["seeds_run"]), (0, &20.into()));
    assert_eq!(lines[0]["shard"], serde_json::json!([1, 3]));
}

#[test]
fn all_failures_are_collected() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().display().to_string();
    let all =
        ["explore", "shop", "--all", "--seeds", "0..100", "--strategy", "fifo", "--out", &out];
    let (code, lines) = json(&all);
    assert_eq!(code, 1);
    assert_eq!(lines.last().unwrap()["seeds_run"], 100);
}

#[test]
fn two_journals_are_compared() {
    let directory = tempfile::tempdir().unwrap();
    let (a, b) = (file(directory.path(), "a"), file(directory.path(), "b"));
    for (seed, path) in [("1", &a), ("2", &b)] {
        let run = ["run", "shop", "--variant", "fixed", "--seed", seed, "--journal", path];
        assert_eq!(stormglass(&run).code, 0);
    }
    check(&["diff", &a, &a], 0, expect!["the runs are the same\n"]);
    let ended = stormglass(&["diff", &a, &b]);
    assert_eq!(ended.code, 1);
    assert!(ended.out.starts_with("the runs part after "), "{}", ended.out);
    let (code, lines) = json(&["diff", &a, &b]);
    assert_eq!((code, &lines[0]["same"]), (1, &false.into()));
    assert!(lines[0]["index"].is_u64());
}

/// A script that strikes `label`, and its path as an argument.
fn script_of(directory: &Path, labels: &[&str]) -> String {
    let mut text = "format = 1\n[replay]\nseed = 1\n".to_owned();
    for label in labels {
        text += &format!(
            "[[fault]]\nkind = \"message\"\nfrom = \"shopper\"\nto = \"payment\"\n\
             label = \"{label}\"\nn = 1\nleg = \"request\"\neffect = \"drop\"\n"
        );
    }
    let path = file(directory, "plan.toml");
    std::fs::write(&path, text).unwrap();
    path
}

/// A script is there to strike: one that never does proves nothing.
#[test]
fn a_script_that_never_strikes_is_vacuous() {
    let directory = tempfile::tempdir().unwrap();
    let plan = script_of(directory.path(), &["POST /chrge"]);
    for command in ["run", "replay", "shrink"] {
        let ended = stormglass(&[command, "shop", "--variant", "fixed", "--plan", &plan]);
        assert_eq!(ended.code, 3, "{command}: {}", ended.out);
        for part in [
            "unknown: vacuous: the only fault never struck\n",
            "\"POST /chrge\" #1 request: drop",
            "never struck: no message was called that; did you mean \"POST /charge\"?",
        ] {
            assert!(ended.out.contains(part), "{command}: {part}: {}", ended.out);
        }
        let args = [command, "shop", "--variant", "fixed", "--plan", &plan];
        let (code, lines) = json(&args);
        assert_eq!(code, 3);
        assert_eq!(lines[0]["verdict"]["unknown"], "vacuous: the only fault never struck");
    }
}

#[test]
fn a_script_that_strikes_in_part_says_what_was_idle() {
    let directory = tempfile::tempdir().unwrap();
    let plan = script_of(directory.path(), &["POST /charge", "GET /status"]);
    for command in ["run", "replay", "shrink"] {
        let ended = stormglass(&[command, "shop", "--variant", "fixed", "--plan", &plan]);
        assert_eq!(ended.code, 0, "{command}: {}", ended.out);
        let idle = "never struck: no message was called that; seen: \"POST /charge\"";
        assert_eq!(ended.out.matches("never struck").count(), 1, "{command}: {}", ended.out);
        assert!(ended.out.contains(idle), "{command}: {}", ended.out);
    }
}

/// What does not replay is neither a success nor a failure.
#[test]
fn what_does_not_replay_is_three() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let forgetful = |sim: &mut Sim| {
        sim.chaos(Chaos::none());
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        sim.client("client", move |ctx| async move { Ok::<(), String>(ctx.record(run)) });
        sim.never("it has run before", move |_| run > 2);
    };
    let worlds = [World::new("forgetful", forgetful)];
    for command in [["explore", "--seeds", "0..9"], ["replay", "--seed", "5"]] {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let args = ["stormglass", command[0], "forgetful", command[1], command[2]];
        let code = cli::run(&worlds, args, &mut out, &mut err);
        let text = String::from_utf8([out, err].concat()).unwrap();
        assert_eq!(code, cli::UNKNOWN, "{text}");
        assert!(text.contains("not reproducible"), "{text}");
    }
}

#[test]
fn no_seeds_at_once_and_a_story_as_json_are_refused() {
    let ended = stormglass(&["explore", "calm", "--jobs", "0"]);
    assert_eq!(ended.code, cli::MISUSED);
    assert!(ended.err.contains("the least is 1"), "{}", ended.err);
    let ended = stormglass(&["run", "calm", "--json", "--story"]);
    assert_eq!(ended.code, cli::MISUSED);
    assert!(ended.err.contains("cannot be used with"), "{}", ended.err);
}

/// A script that does not say how ready tasks are chosen leaves it to the command.
#[test]
fn a_strategy_is_heeded_where_no_script_says_one() {
    let directory = tempfile::tempdir().unwrap();
    let plan = script_of(directory.path(), &["POST /charge"]);
    let run = |more: &[&str]| {
        let args = [&["run", "shop", "--plan", plan.as_str()], more].concat();
        stormglass(&args).out
    };
    assert!(run(&[]).contains("tasks fifo"), "{}", run(&[]));
    assert!(run(&["--strategy", "random"]).contains("tasks random"));
}
