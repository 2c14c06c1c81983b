//! The gallery is in good order: each sim is a page that says what it is about, and is listed.
#![allow(clippy::unwrap_used, reason = "a test's helpers are tests, too")]

use std::fs;
use std::path::Path;

const WORDS: [&str; 6] = ["Story", "Defect", "Invariant", "Repair", "Run", "Expect"];

/// Files of the gallery that are no sims.
const OTHERS: [&str; 2] = ["main", "trial"];

/// The sims, by name, with their text.
fn sims() -> Vec<(String, String)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("sims");
    let mut sims: Vec<(String, String)> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .filter(|(name, _)| !OTHERS.contains(&name.as_str()))
        .collect();
    sims.sort();
    assert!(sims.len() >= 4, "the gallery is elsewhere");
    sims
}

#[test]
fn each_header_has_its_six_words_in_order() {
    for (name, text) in sims() {
        let header: String = text.lines().take_while(|line| line.starts_with("//!")).collect();
        let places = WORDS.map(|word| header.find(&format!("**{word}**:")));
        assert!(places.iter().all(Option::is_some), "{name} does not say all of {WORDS:?}");
        assert!(places.is_sorted(), "{name} has them in another order than {WORDS:?}");
        assert!(header.contains(&format!("explore {name}`")), "{name} says how to run another sim");
    }
}

#[test]
fn each_is_a_page() {
    for (name, text) in sims() {
        let tests = text.lines().skip_while(|line| *line != "#[cfg(test)]").count();
        let page = text.lines().count() - tests;
        assert!((60..=160).contains(&page), "{name} has {page} lines before its tests");
        assert!(text.contains("pub(crate) fn world(sim: &mut Sim)"));
    }
}

/// The tests are the pages' own; what each must have is held here.
#[test]
fn each_runs_every_seed_twice() {
    for (name, text) in sims() {
        let replays =
            text.contains("same_trace(&world);") || text.contains("same_trace_of(&world, ");
        assert!(replays, "{name} does not show that it replays");
    }
}

#[test]
fn each_is_in_the_table() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("sims/README.md");
    let readme = fs::read_to_string(readme).unwrap();
    for (name, _) in sims() {
        assert!(readme.contains(&format!("| [`{name}`]({name}.rs) |")), "{name} is not listed");
    }
}
