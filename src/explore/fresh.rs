//! One run in a fresh process: what a process gathers in its life must not matter to a seed.
//!
//! The command line calls itself with `run ... --journal FILE`. A test calls its own binary with its
//! own name and a job in the environment: the search that meets its job runs it, writes the journal
//! and ends the process. Where neither is possible, that is said, not hidden.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::env;
use std::ffi::OsStr;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Search, Stopwatch};
use crate::chaos::Script;
use crate::journal::Journal;
use crate::sim::RunConfig;

/// Holds the [`Job`] of a fresh process.
const FRESH: &str = "STORMGLASS_FRESH";
/// A run that was found takes a fraction of a second; a process that never answers is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a search gets a fresh process.
#[derive(Clone, Debug)]
pub(crate) enum Fresh {
    /// By the command line of this program.
    #[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "only the command line asks"))]
    Cli,
    /// By the test of that name, at the search that was begun there for the `ordinal`-th time.
    Test { test: String, place: String, ordinal: u32 },
    /// Not at all, and why.
    No(&'static str),
}

/// What a fresh process of a test binary is asked to do.
#[derive(Debug, Serialize, Deserialize)]
struct Job {
    place: String,
    ordinal: u32,
    script: PathBuf,
    journal: PathBuf,
}

thread_local! {
    /// How many searches this test has begun at each place.
    static BEGUN: RefCell<BTreeMap<String, u32>> = const { RefCell::new(BTreeMap::new()) };
}

impl Fresh {
    /// The test that this thread runs, if it is one: libtest names its threads after their tests.
    pub(super) fn of_this_test(place: &'static Location<'static>) -> Fresh {
        let place = place.to_string();
        let ordinal = BEGUN.with_borrow_mut(|begun| {
            let count = begun.entry(place.clone()).or_default();
            *count += 1;
            *count
        });
        let thread = thread::current();
        let in_test_binary = env::current_exe()
            .is_ok_and(|exe| exe.parent().and_then(Path::file_name) == Some(OsStr::new("deps")));
        match thread.name() {
            Some(test) if in_test_binary && test != "main" => {
                Fresh::Test { test: test.to_owned(), place, ordinal }
            }
            _ => Fresh::No("the name of the test is not known"),
        }
    }

    /// In a fresh process, does its job and ends the process, if `search` is the one that is meant.
    pub(super) fn serve(&self, search: &Search) {
        let (Fresh::Test { place, ordinal, .. }, Some(job)) = (self, job()) else { return };
        if *place != job.place || *ordinal != job.ordinal {
            return;
        }
        let done = search.world.script(&job.script, &search.variant).and_then(|script| {
            let config = config_of(search, &script);
            // A process-wide lazy value is made before the run that counts.
            search.world.sound(&search.variant);
            search.world.run(&config).journal.save(&job.journal)
        });
        std::process::exit(i32::from(done.is_err()));
    }

    /// True if this process is there for one run only: it starts no further ones.
    fn is_asked() -> bool {
        env::var_os(FRESH).is_some()
    }

    /// The journal of the script's run, as a fresh process records it.
    pub(super) fn journal(&self, search: &Search, script: &Script) -> Result<Journal, String> {
        if Fresh::is_asked() {
            return Err("this is a fresh process itself".to_owned());
        }
        if let Fresh::No(reason) = self {
            return Err((*reason).to_owned());
        }
        let files = Files::new();
        script.save(&files.script).map_err(|error| error.to_string())?;
        let program = env::current_exe().map_err(|error| error.to_string())?;
        let mut command = Command::new(program);
        match self {
            Fresh::Cli => {
                command.args(["run", &search.world.name, "--json", "--plan"]);
                command.arg(&files.script).arg("--journal").arg(&files.journal);
            }
            Fresh::Test { test, place, ordinal } => {
                let job = Job {
                    place: place.clone(),
                    ordinal: *ordinal,
                    script: files.script.clone(),
                    journal: files.journal.clone(),
                };
                let job = serde_json::to_string(&job).map_err(|error| error.to_string())?;
                command.args([test, "--exact", "--include-ignored"]).env(FRESH, job);
            }
            Fresh::No(_) => {}
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().map_err(|error| error.to_string())?;
        wait(child)?;
        Journal::load(&files.journal)
            .map_err(|_| "the fresh process did not come to the search".to_owned())
    }
}

fn job() -> Option<Job> {
    serde_json::from_str(&env::var(FRESH).ok()?).ok()
}

/// The run that a script stands for.
pub(super) fn config_of(search: &Search, script: &Script) -> RunConfig {
    RunConfig {
        scheduling: script.replay.scheduling.unwrap_or_default(),
        ..RunConfig::seed(script.replay.seed.map_or(0, |seed| seed.0))
            .variant(script.replay.variant.as_deref().unwrap_or(&search.variant))
            .plan(script.plan.clone())
    }
}

#[expect(clippy::disallowed_methods, reason = "a child process lives in wall time")]
fn wait(mut child: Child) -> Result<(), String> {
    let watch = Stopwatch::start();
    loop {
        match child.try_wait() {
            Ok(Some(_)) => return Ok(()),
            Ok(None) if watch.elapsed() < PATIENCE => thread::sleep(Duration::from_millis(2)),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("the fresh process did not end within {PATIENCE:?}"));
            }
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// The files of one job; removed in the end.
struct Files {
    script: PathBuf,
    journal: PathBuf,
}

impl Files {
    fn new() -> Files {
        static JOBS: AtomicU64 = AtomicU64::new(0);
        let job = JOBS.fetch_add(1, Ordering::Relaxed);
        let stem = env::temp_dir().join(format!("stormglass-{}-{job}", std::process::id()));
        Files { script: stem.with_extension("toml"), journal: stem.with_extension("journal") }
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.script);
        let _ = std::fs::remove_file(&self.journal);
    }
}

impl Fresh {
    /// The command that replays the script at `path`.
    pub(super) fn command(&self, search: &Search, seed: crate::seed::Seed, path: &Path) -> String {
        let (sim, path) = (&search.world.name, path.display());
        match self {
            Fresh::Cli => {
                format!("cargo run --release -- replay {sim} --seed {seed} --plan {path}")
            }
            Fresh::Test { test, .. } => {
                format!("STORMGLASS_REPLAY={path} cargo test {test} -- --exact")
            }
            Fresh::No(_) => format!("STORMGLASS_REPLAY={path}, then the same program"),
        }
    }
}
