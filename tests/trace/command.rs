//! The commands `trace analyze`, `trace export`, `trace check`, and `run --otlp`.

use std::fs;
use std::path::Path;

use stormglass::cli;
use stormglass::explore::World;

use super::*;

/// Runs a command in a folder; its exit code, what it wrote, and what went wrong.
fn stormglass(args: &[&str]) -> (u8, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let calm = |sim: &mut Sim| {
        shop(1)(sim);
        sim.chaos(Chaos::none());
    };
    let worlds = [World::new("shop", calm)];
    let all = ["stormglass"].iter().chain(args).copied();
    let code = cli::run(&worlds, all, &mut out, &mut err);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (code, text(out), text(err))
}

fn journal(folder: &Path) -> String {
    let path = folder.join("j").display().to_string();
    assert_eq!(stormglass(&["run", "shop", "--seed", "1", "--journal", &path]).0, 0);
    path
}

#[test]
fn analyze_tells_the_path_and_the_traffic() {
    let folder = tempfile::tempdir().unwrap();
    let (code, out, err) = stormglass(&["trace", "analyze", &journal(folder.path())]);
    assert_eq!((code, err.as_str()), (0, ""));
    expect![[r#"
        4 spans in 1 traces of 3 services

        trace 892d6ae346d9f759fb54cb6322be3888: [shopper] POST /orders in 7.000 ms, from 0.000 ms, 4 spans
          critical path:
                0.000 ms       1.000 ms  client [shopper] POST /orders
                1.000 ms       1.000 ms  client [checkout] POST /charge
                2.000 ms       3.000 ms  server [payment] POST /charge
                5.000 ms       1.000 ms  client [checkout] POST /charge
                6.000 ms       1.000 ms  client [shopper] POST /orders

        who calls whom:
          checkout -> payment  1 call; half within 5.000 ms, 99 % 5.000 ms, all 5.000 ms
          shopper -> checkout  1 call; half within 7.000 ms, 99 % 7.000 ms, all 7.000 ms
    "#]].assert_eq(&out);
}

#[test]
fn an_export_is_analyzed_like_its_journal() {
    let folder = tempfile::tempdir().unwrap();
    let journal = journal(folder.path());
    let lines = |file: &str| {
        let (code, out, err) = stormglass(&["trace", "analyze", file, "--json"]);
        assert_eq!((code, err.as_str()), (0, ""));
        let keys = ["latency_ns", "calls", "spans", "service", "operation", "caller", "callee"];
        let essence = |line: &str| {
            let json: serde_json::Value = serde_json::from_str(line).unwrap();
            keys.map(|key| json[key].to_string()).join(" ")
        };
        out.lines().map(essence).collect::<Vec<_>>()
    };
    for format in Format::ALL {
        let file = folder.path().join(format.name()).display().to_string();
        let args = ["trace", "export", &journal, "--format", format.name(), "--out", &file];
        assert_eq!(stormglass(&args).0, 0);
        assert_eq!(lines(&file), lines(&journal), "{format}");
        let (code, printed, _) = stormglass(&args[..5]);
        assert_eq!((code, printed), (0, fs::read_to_string(&file).unwrap()));
    }
}

#[test]
fn check_ends_as_the_checks_do() {
    let folder = tempfile::tempdir().unwrap();
    let journal = journal(folder.path());
    let flow = folder.path().join("f.toml");
    let check = |question: &str| {
        fs::write(&flow, format!("format = 1\n[[check]]\nname = \"it\"\n{question}\n")).unwrap();
        let (code, out, err) =
            stormglass(&["trace", "check", &journal, "--flow", &flow.display().to_string()]);
        let shown = if code == 2 { err } else { out };
        (code, shown.replace(&folder.path().display().to_string(), ""))
    };
    assert_eq!(check("kind = \"exists\"\nspan = {}"), (0, "it: holds\n".to_owned()));
    assert_eq!(check("kind = \"never\"\nspan = {}").0, 1);
    let vacuous = "kind = \"deadline\"\nwithin = \"1s\"\nspan = { service = \"x\" }";
    assert_eq!(check(vacuous), (3, "it: unknown: no span is [x]\n".to_owned()));
    let (code, err) = check("kind = \"sometimes\"");
    assert_eq!(code, 2);
    assert!(err.starts_with("error: /f.toml:4: no kind `sometimes`"), "{err}");
}

#[test]
fn run_and_explore_save_their_traces() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("o.json");
    let file = path.display().to_string();
    assert_eq!(stormglass(&["run", "shop", "--seed", "1", "--otlp", &file]).0, 0);
    let of_run = DistributedTracer::load(&path).unwrap();
    assert_eq!(of_run.spans().len(), 4);
    let out = folder.path().display().to_string();
    let search = ["explore", "shop", "--seeds", "0..2", "--sample", "0", "--out", &out];
    assert_eq!(stormglass(&[&search[..], &["--otlp", &file]].concat()).0, 0);
    assert_eq!(DistributedTracer::load(&path).unwrap().spans().len(), 4);
}

#[test]
fn what_is_no_trace_is_misuse() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    fs::write(&path, "{\"a\": 1}").unwrap();
    let (code, _, err) = stormglass(&["trace", "analyze", &path.display().to_string()]);
    assert_eq!(code, 2);
    assert!(err.contains("x:1: it holds something else, not spans"), "{err}");
    let reads = "a journal (`run --journal`), OTLP/JSON, or Jaeger's or Zipkin's JSON was expected";
    for alien in [&b"spans: []"[..], b"\x00\xff", b""] {
        fs::write(&path, alien).unwrap();
        let (code, _, err) = stormglass(&["trace", "analyze", &path.display().to_string()]);
        assert_eq!(code, 2);
        assert!(err.contains("x:1: ") && err.contains(reads), "{err}");
    }
    let (code, _, err) = stormglass(&["trace", "export", "x", "--format", "jager"]);
    assert_eq!(code, 2);
    assert!(err.contains("did you mean `jaeger`?"), "{err}");
}
