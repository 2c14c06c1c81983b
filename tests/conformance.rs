//! Public test data with verdicts that others recorded: where we agree, and where not.
//!
//! The data is not part of this repository. It is read from `$STORMGLASS_CORPORA`, by default from
//! `../shared/corpora`; a set that is not there is skipped by name.

#![allow(clippy::print_stdout, reason = "the lines are what the tests are for")]

mod histories;
#[cfg(feature = "wiremock")]
mod wiremock;
mod compose;
mod traces;
#[cfg(feature = "contracts")]
mod contract;

use std::env;
use std::path::{Path, PathBuf};

/// The folder of a set; says that it is skipped, and returns none, where the set is missing.
pub(crate) fn set(name: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora");
    let all = env::var_os("STORMGLASS_CORPORA").map_or_else(beside, PathBuf::from);
    let folder = all.join(name);
    if folder.exists() {
        return Some(folder);
    }
    println!("{name}: skipped, there is no such folder in the corpora");
    None
}

/// All files below a folder whose names end in one of `endings`, in order of their names.
pub(crate) fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut open = vec![folder.to_owned()];
    let mut files = Vec::new();
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).expect("the folder can be read").flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if endings.iter().any(|end| path.to_string_lossy().ends_with(end)) {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// How often we agree with a set, and where not.
#[derive(Debug)]
pub(crate) struct Tally {
    set: String,
    agree: usize,
    disagree: Vec<String>,
}

impl Tally {
    /// Nothing counted yet.
    pub(crate) fn new(set: &str) -> Tally {
        Tally { set: set.to_owned(), agree: 0, disagree: Vec::new() }
    }

    /// Counts one case; `why` is asked for where we disagree: the case, and what we say of it.
    pub(crate) fn count(&mut self, agrees: bool, why: impl FnOnce() -> String) {
        match agrees {
            true => self.agree += 1,
            false => self.disagree.push(why()),
        }
    }

    /// Prints the set's line and every disagreement.
    ///
    /// # Panics
    ///
    /// If fewer than `percent` of the cases agree, or there are none.
    #[track_caller]
    pub(crate) fn at_least(self, percent: usize) {
        let total = self.agree + self.disagree.len();
        println!("{}: {}/{total}", self.set, self.agree);
        for case in &self.disagree {
            println!("  {case}");
        }
        assert!(total > 0, "{}: the set is empty", self.set);
        let enough = self.agree * 100 >= percent * total;
        assert!(enough, "{}: {}/{total}, {percent} % expected", self.set, self.agree);
    }
}
