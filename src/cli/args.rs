//! The arguments, and what they teach.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as Group, Parser, Subcommand};

use super::compose::Compose;
use crate::chaos::text;
use crate::explore::Strategy;
use crate::seed::Seed;

const EXAMPLES: &str = "\
Examples, in the order in which you would use them:
  stormglass list                                        what there is
  stormglass explore duplicate_charge                    find a seed that fails, make it small
  stormglass replay duplicate_charge --seed 4 --plan target/stormglass/duplicate_charge-4.toml
                                                         see it again, as it was printed
  stormglass explore duplicate_charge --variant fixed --seeds 0..100000
                                                         see that the repair holds
  stormglass run duplicate_charge --seed 4 --story       one run, told from start to end
  stormglass run duplicate_charge --seed 4 --report four.html
                                                         one run as a page with a picture
  stormglass init --check                                is this crate sealed, for programs?
  stormglass audit                                       what programs could ask of the host

Exit codes: 0 it holds, 1 it is violated, 2 wrong use, 3 unknown or not reproducible.
With --json every command but init writes one JSON object a line.";

/// Shakes whole systems in one process with a seed, plays the failure back, and explains it.
#[derive(Debug, Parser)]
#[command(name = "stormglass", version, after_help = EXAMPLES, disable_help_subcommand = true)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Lists the sims.
    List {
        /// Write JSON, one object a line.
        #[arg(long)]
        json: bool,
    },
    /// Runs one seed once.
    #[command(after_help = "Example:\n  stormglass run duplicate_charge --seed 4 --story")]
    Run {
        #[command(flatten)]
        asked: Asked,
        #[command(flatten)]
        look: Look,
    },
    /// Runs many seeds; a failure is made small, proven to replay, and told.
    #[command(after_help = "Examples:\n  \
        stormglass explore duplicate_charge --seeds 0..100000 --time 5m\n  \
        stormglass explore duplicate_charge --all --resume night.json\n  \
        stormglass explore duplicate_charge --shard 2/8      the third of eight machines")]
    Explore {
        #[command(flatten)]
        search: SearchArgs,
        /// Stop after that much wall time: 30s, 5m, 8h.
        #[arg(long, value_name = "DURATION", value_parser = duration)]
        time: Option<Duration>,
        /// Run all seeds and collect the failures, grouped by their cause.
        #[arg(long)]
        all: bool,
        /// Take the I-th of N parts of the seeds, from 0.
        #[arg(long, value_name = "I/N", value_parser = shard)]
        shard: Option<(u64, u64)>,
        /// Keep what is done in that file, and go on from there if it exists.
        #[arg(long, value_name = "FILE")]
        resume: Option<PathBuf>,
        /// Runs that may be spent on making a failure small.
        #[arg(long, value_name = "RUNS", default_value_t = 2_000)]
        shrink_runs: usize,
        /// Write what it came to as JUnit XML, for CI systems.
        #[arg(long, value_name = "FILE")]
        junit: Option<PathBuf>,
        /// Where the scripts and pages of failures are written.
        #[arg(long, value_name = "DIRECTORY", default_value = "target/stormglass")]
        out: PathBuf,
        /// The page of the failure, or of the search if none is found. Every failure has one beside
        /// its script, too.
        #[arg(long, value_name = "FILE.html")]
        report: Option<PathBuf>,
        /// The page of the search. Default: under --out, with the name of the sim.
        #[arg(long, value_name = "FILE.html")]
        summary: Option<PathBuf>,
        /// Save the traces of the first failure, or of the last seed, as OTLP/JSON.
        #[arg(long, value_name = "FILE")]
        otlp: Option<PathBuf>,
    },
    /// Runs one seed again and again, here and in a fresh process, and tells how it fails.
    #[command(after_help = "Example:\n  stormglass replay duplicate_charge --seed 4 \
        --plan target/stormglass/duplicate_charge-4.toml")]
    Replay {
        #[command(flatten)]
        asked: Asked,
        #[command(flatten)]
        look: Look,
    },
    /// Makes a failing seed, or a failing script, as small as it gets.
    #[command(
        after_help = "Example:\n  stormglass shrink duplicate_charge --seed 4 --out four.toml"
    )]
    Shrink {
        #[command(flatten)]
        asked: Asked,
        /// The file for the small script; under target/stormglass if none is given.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Runs that may be spent on it.
        #[arg(long, value_name = "RUNS", default_value_t = 2_000)]
        runs: usize,
        /// The page of what is left of it.
        #[arg(long, value_name = "FILE.html")]
        report: Option<PathBuf>,
    },
    /// Shows the first event in which two saved journals differ, and what led there.
    #[command(after_help = "Example:\n  stormglass run duplicate_charge --seed 1 --journal a\n  \
        stormglass run duplicate_charge --seed 2 --journal b\n  stormglass diff a b")]
    Diff {
        /// A journal that `run --journal` saved.
        a: PathBuf,
        /// Another one.
        b: PathBuf,
        /// Write JSON, one object a line.
        #[arg(long)]
        json: bool,
    },
    /// Runs every seed twice here and once in another process: all must be the same.
    #[command(after_help = "Examples:\n  stormglass determinism\n  \
        stormglass determinism duplicate_charge --seeds 0..1000")]
    Determinism {
        /// The sim; all of them, in all variants, if none is given.
        sim: Option<String>,
        /// Its variant; all of them if none is given.
        #[arg(long)]
        variant: Option<String>,
        #[command(flatten)]
        pace: Pace,
        /// The seeds, the last one not included.
        #[arg(long, value_name = "A..B", default_value = "0..10000", value_parser = seeds)]
        seeds: Range<u64>,
    },
    /// Seals a crate: writes `--cfg madsim` and `--cfg tokio_unstable` into its .cargo/config.toml.
    ///
    /// What is there stays there. Worlds then have the clock, entropy and hash keys of std from the
    /// seed, programs run, and their `tokio::select!` draws from the seed as well.
    #[command(after_help = "Examples:\n  stormglass init\n  \
        stormglass init services/shop --check      1 if something is missing; writes nothing")]
    Init {
        /// The folder of a crate or a workspace.
        #[arg(default_value = ".")]
        folder: PathBuf,
        /// Write nothing; end with 1 if the seal is missing or replaced.
        #[arg(long)]
        check: bool,
    },
    /// Compares contracts, and asks who may be deployed with whom.
    #[cfg(feature = "contracts")]
    Contract {
        #[command(subcommand)]
        asked: super::contract::Asked,
    },
    /// Shows what becomes of every call of the C library in an executable with programs.
    ///
    /// A call is simulated (it acts on the world), refused (it fails with the node and what to do),
    /// harmless, or it reaches the host: then no seed replays what depends on it. What is unknown, or
    /// should be answered by the world and is not, ends the command with 1.
    #[command(after_help = "Examples:\n  stormglass audit                              itself\n  \
        stormglass audit target/debug/deps/main-1234  a test\n  \
        stormglass audit /usr/lib/libssl.so.3         a library")]
    Audit {
        /// An ELF executable or library, linked with glibc. Default: this program.
        executable: Option<PathBuf>,
        /// Write JSON, one object a line.
        #[arg(long)]
        json: bool,
    },
    /// Checks compose files for what they mean in a simulation.
    Compose {
        #[command(subcommand)]
        action: Compose,
    },
    /// Analyses, exports and checks the traces of a journal, or of a file of another tool.
    #[command(subcommand)]
    Trace(super::trace::Command),
    /// Prints the fingerprint of every seed: what `determinism` asks the other process for.
    #[command(hide = true)]
    Fingerprints {
        sim: String,
        #[arg(long, default_value = "")]
        variant: String,
        #[command(flatten)]
        pace: Pace,
        #[arg(long, value_parser = seeds)]
        seeds: Range<u64>,
    },
}

/// Which run.
#[derive(Debug, Group)]
pub(super) struct Asked {
    /// The sim: see `list`.
    pub(super) sim: String,
    /// The seed: a number, or a commit's full hash. Default: that of the script, or 0.
    #[arg(long)]
    pub(super) seed: Option<Seed>,
    /// A fault script that takes the place of the faults that the seed draws.
    #[arg(long, value_name = "FILE")]
    pub(super) plan: Option<PathBuf>,
    /// Its variant. Default: that of the script, or the sim's first.
    #[arg(long)]
    pub(super) variant: Option<String>,
    /// How ready tasks are chosen, where no script says it: fifo, random, pct, swarm. Default: swarm, and
    /// fifo under a script.
    #[arg(long, value_parser = strategy)]
    pub(super) strategy: Option<Strategy>,
    /// Write JSON, one object a line.
    #[arg(long)]
    pub(super) json: bool,
}

/// What to see of a run.
#[derive(Debug, Group)]
pub(super) struct Look {
    /// Tell the run from start to end.
    #[arg(long, conflicts_with = "json")]
    pub(super) story: bool,
    /// Tell every event: tasks, timers and arrivals too.
    #[arg(long, conflicts_with = "json")]
    pub(super) all_events: bool,
    /// Save the journal, for `diff`.
    #[arg(long, value_name = "FILE")]
    pub(super) journal: Option<PathBuf>,
    /// Write the page of the run: verdict, story and picture.
    #[arg(long, value_name = "FILE.html")]
    pub(super) report: Option<PathBuf>,
    /// Save the run's traces as OTLP/JSON.
    #[arg(long, value_name = "FILE")]
    pub(super) otlp: Option<PathBuf>,
}

/// Which search.
#[derive(Debug, Group)]
pub(super) struct SearchArgs {
    /// The sim: see `list`.
    pub(super) sim: String,
    /// Its variant. Default: the sim's first.
    #[arg(long)]
    pub(super) variant: Option<String>,
    /// The seeds, the last one not included.
    #[arg(long, value_name = "A..B", default_value = "0..10000", value_parser = seeds)]
    pub(super) seeds: Range<u64>,
    /// Run one seed of every N twice, and compare; 0: none.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(super) sample: u64,
    #[command(flatten)]
    pub(super) pace: Pace,
}

/// How fast, in which order, and in which form.
#[derive(Debug, Group)]
pub(super) struct Pace {
    /// Seeds that run at once. Default: the number of cores.
    #[arg(long, value_name = "N", value_parser = jobs)]
    pub(super) jobs: Option<usize>,
    /// How ready tasks are chosen: fifo, random, pct, or swarm: each seed draws one of these.
    #[arg(long, default_value_t, value_parser = strategy)]
    pub(super) strategy: Strategy,
    /// Write JSON, one object a line.
    #[arg(long)]
    pub(super) json: bool,
}

fn strategy(text: &str) -> Result<Strategy, String> {
    text.parse()
}

fn jobs(text: &str) -> Result<usize, String> {
    let jobs = text.parse().ok().filter(|jobs: &usize| *jobs > 0);
    jobs.ok_or_else(|| format!("`{text}` is no number of seeds that run at once; the least is 1"))
}

fn duration(text: &str) -> Result<Duration, String> {
    text::parse(text)
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let range = || {
        let (start, end) = text.split_once("..")?;
        let (start, end): (u64, u64) = (start.parse().ok()?, end.parse().ok()?);
        (start <= end).then_some(start..end)
    };
    range().ok_or_else(|| format!("`{text}` is no range of seeds; write 0..1000"))
}

fn shard(text: &str) -> Result<(u64, u64), String> {
    let shard = || {
        let (i, n) = text.split_once('/')?;
        let (i, n): (u64, u64) = (i.parse().ok()?, n.parse().ok()?);
        (i < n).then_some((i, n))
    };
    shard().ok_or_else(|| format!("`{text}` is no shard; the first of four is 0/4, the last 3/4"))
}
