//! The house rules, held by a test: layers, sizes, words, and what is forbidden where.
//!
//! That no function is longer than 70 lines is clippy's business (`too_many_lines`, `clippy.toml`).

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms of ARCHITECTURE.md, from the ground up, and the modules that live in each. A module
/// may import from its own room and from those before it; words import words alone.
const ROOMS: [(&str, &[&str]); 4] = [
    (
        "words",
        &[
            "seed", "time", "error", "document", "verdict", "topology", "journal", "history",
            "ddmin", "contract", "trace",
        ],
    ),
    (
        "world",
        &[
            "kernel",
            "clock",
            "disk",
            "net",
            "audit",
            "os",
            "node",
            "service",
            "mesh",
            "mock",
            "events",
            "saga",
            "sim",
            "chaos",
            "orchestrator",
        ],
    ),
    ("oracles", &["consistency", "convergence", "tenancy"]),
    ("search", &["explore", "shrink", "report", "cli"]),
];

/// What may not be written, where it may be all the same, and what to do instead.
const FORBIDDEN: &[(&str, &[&str], &str)] = &[
    (
        "madsim",
        &[
            "src/kernel/seal.rs",
            "src/explore",
            "src/os",
            "src/lib.rs",
            // They say what to write for it.
            "src/audit.rs",
            "src/cli/init.rs",
        ],
        "only the seal names it",
    ),
    ("unsafe ", &["src/os"], "the crate is safe Rust"),
    ("HashMap", &["FxHashMap"], "use BTreeMap, or FxHashMap where nothing iterates"),
    ("HashSet", &["FxHashSet"], "use BTreeSet"),
    ("Instant::now", &["src/kernel/", "src/explore"], "use ctx.clock(), or Timer in the kernel"),
    ("SystemTime::now", &["src/kernel/", "src/explore"], "use ctx.clock()"),
    ("thread::spawn", &["src/kernel/", "src/explore"], "only explore makes threads"),
    ("todo!", &[], "do it, or say in an error what is not supported"),
    ("unimplemented!", &[], "do it, or say in an error what is not supported"),
    ("dbg!", &[], "take it out"),
];

const LINES_MAX: usize = 600;

struct Source {
    path: String,
    text: String,
}

impl Source {
    /// Code with its line numbers, without comments and texts of documentation.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = (1..).zip(self.text.lines());
        lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// The module of the crate that the file belongs to: `kernel` for `src/kernel/run.rs`.
    fn module(&self) -> &str {
        let inside = self.path.strip_prefix("src/").unwrap_or(&self.path);
        inside.split(['/', '.']).next().unwrap_or_default()
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below a folder, in the order of their names.
fn sources(folder: &str) -> Vec<Source> {
    let mut open = vec![root().join(folder)];
    let mut files = Vec::new();
    while let Some(next) = open.pop() {
        let entries = fs::read_dir(&next).map(|d| d.flatten().map(|e| e.path()).collect());
        for path in entries.unwrap_or_else(|_| Vec::<PathBuf>::new()) {
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path.strip_prefix(root()).expect("it is below the root");
                let text = fs::read_to_string(&path).expect("a source is text");
                files.push(Source { path: name.display().to_string(), text });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

#[track_caller]
fn check(problems: Vec<String>) {
    assert!(problems.is_empty(), "{} to mend:\n{}", problems.len(), problems.join("\n"));
}

fn room(module: &str) -> Option<usize> {
    ROOMS.iter().position(|(_, modules)| modules.contains(&module))
}

/// The modules of this crate that a line names: `crate::net::Delay`, `use crate::{net, node}`.
fn named(line: &str) -> Vec<&str> {
    let after = line.split("crate::").skip(1);
    let names = after.flat_map(|rest| match rest.strip_prefix('{') {
        Some(list) => list.split('}').next().unwrap_or_default().split(", ").collect(),
        None => vec![rest],
    });
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    names.map(|name| name.split(|c| !is_part(c)).next().unwrap_or_default()).collect()
}

#[test]
fn imports_go_up_the_rooms_only() {
    let mut problems = Vec::new();
    for source in sources("src") {
        let Some(own) = room(source.module()) else { continue };
        for (number, line) in source.code() {
            for module in named(line) {
                let Some(other) = room(module).filter(|other| *other > own) else { continue };
                let (own, other) = (ROOMS[own].0, ROOMS[other].0);
                problems.push(format!(
                    "{}:{number}: `{module}` is in the room {other}, and {own} comes before it: \
                     move what is needed down",
                    source.path
                ));
            }
        }
    }
    check(problems);
}

#[test]
fn every_module_has_a_room() {
    let lib = fs::read_to_string(root().join("src/lib.rs")).expect("there is a library");
    let modules = lib.lines().filter_map(|line| {
        let name = line.trim_start_matches("pub ").strip_prefix("mod ")?;
        name.strip_suffix(';')
    });
    let homeless = modules.filter(|name| room(name).is_none() && *name != "prelude");
    check(
        homeless.map(|name| format!("src/lib.rs: `{name}` is in none of the ROOMS here")).collect(),
    );
}

#[test]
fn what_is_forbidden_is_not_written() {
    let mut problems = Vec::new();
    for source in sources("src") {
        for (number, line) in source.code() {
            for (word, except, instead) in FORBIDDEN {
                let allowed = |place: &&str| match place.starts_with("src/") {
                    true => source.path.starts_with(*place),
                    false => line.replace(*place, "").find(word).is_none(),
                };
                let is_flag = ["cfg(madsim)", "cfg(not(madsim))", "(all(madsim, "]
                    .iter()
                    .any(|flag| line.contains(flag));
                if line.contains(word) && !is_flag && !except.iter().any(allowed) {
                    problems.push(format!("{}:{number}: `{word}`: {instead}", source.path));
                }
            }
        }
    }
    check(problems);
}

#[test]
fn tests_neither_sleep_nor_are_ignored() {
    let mut problems = Vec::new();
    for source in ["src", "tests", "sims"].into_iter().flat_map(sources) {
        // A search waits for its child processes in real time, and so does who looks on from outside;
        // programs sleep in virtual time.
        let waits = ["src/explore/", "src/kernel/watchdog.rs", "tests/programs/"];
        if source.path == "tests/tidy.rs" || waits.iter().any(|w| source.path.starts_with(w)) {
            continue;
        }
        for (number, line) in source.code() {
            for (word, instead) in [
                ("thread::sleep", "sleep in virtual time: ctx.sleep"),
                ("#[ignore", "a test runs, or it is none"),
                ("todo!()", "do it"),
            ] {
                if line.contains(word) {
                    problems.push(format!("{}:{number}: `{word}`: {instead}", source.path));
                }
            }
        }
    }
    check(problems);
}

#[test]
fn files_are_not_too_long() {
    let mut files: Vec<(usize, String)> = ["src", "tests", "sims", "benches"]
        .into_iter()
        .flat_map(sources)
        .map(|source| (source.text.lines().count(), source.path))
        .collect();
    files.sort();
    let long = files.iter().rev().filter(|(lines, _)| *lines > 300);
    let long: Vec<String> = long.map(|(lines, path)| format!("{path}: {lines} lines")).collect();
    println!("longer than 300 lines:\n{}", long.join("\n"));
    let most = files.last().map_or(0, |(lines, _)| *lines);
    assert!(most <= LINES_MAX, "split what is above {LINES_MAX} lines:\n{}", long.join("\n"));
}

/// A sim is a page with six words, each of which begins a paragraph.
#[test]
fn every_sim_has_its_six_words() {
    let mut problems = Vec::new();
    for sim in sources("sims")
        .iter()
        .filter(|s| !["sims/main.rs", "sims/trial.rs"].contains(&s.path.as_str()))
    {
        // The parts of a sim that has a folder are not pages themselves.
        if sim.path.matches('/').count() > 1 {
            continue;
        }
        for word in ["Story", "Defect", "Invariant", "Repair", "Run", "Expect"] {
            if !sim.text.lines().any(|line| line.starts_with(&format!("//! **{word}**"))) {
                problems.push(format!("{}:1: say the **{word}** in its head", sim.path));
            }
        }
    }
    check(problems);
}

#[test]
fn pages_for_people_are_short() {
    let mut problems = Vec::new();
    for (page, most) in [("ARCHITECTURE.md", 150), ("CONTRIBUTING.md", 60)] {
        let lines = fs::read_to_string(root().join(page)).map_or(0, |text| text.lines().count());
        if lines > most {
            problems.push(format!("{page}:{most}: it has {lines} lines: cut it to {most}"));
        }
    }
    check(problems);
}

/// The checks themselves see what they look for.
#[test]
fn imports_are_found() {
    assert_eq!(named("use crate::net::{self, Delay};"), ["net"]);
    assert_eq!(named("use crate::{clock, net, node};"), ["clock", "net", "node"]);
    assert_eq!(named("let x = crate::explore::run(crate::seed::Seed(1));"), ["explore", "seed"]);
    assert!(room("explore") > room("sim") && room("sim") > room("journal"));
}
