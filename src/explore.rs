//! Many runs of one world: finds the seed that fails, proves that it replays, makes it small.
//!
//! ```
//! use stormglass::prelude::*;
//!
//! fn world(sim: &mut Sim) {
//!     sim.client("shopper", |ctx| async move { Ok::<(), String>(ctx.publish("charges", 1u32)) });
//!     sim.always("no order is charged twice", |view: &View<'_>| {
//!         view.probe::<u32>("shopper", "charges").is_none_or(|charges| *charges < 2)
//!     });
//! }
//!
//! explore(world).seeds(0..20).check();
//! ```
//!
//! A search ends with a verdict of three values. It *holds* if every seed held, every `sometimes`
//! property was seen by some seed, and some fault struck if any was planned. It is *violated* if a
//! seed fails and replays. All else is *unknown*, and does not pass: a seed that does not replay, a
//! run that was stopped, a search that is blind or vacuous, no seed at all.
//!
//! What a search reports does not depend on the number of jobs: the failure is that of the lowest
//! seed, and what faster workers have seen behind it is not counted. A time budget is the exception,
//! by its nature.
//!
//! Environment: `STORMGLASS_REPLAY=FILE` makes a search of the script's world run that script alone.
//! `STORMGLASS_FRESH` is how a search asks a fresh process of the same test binary for one run.

mod compare;
mod coverage;
mod fresh;
mod hunt;
mod prove;
mod report;
mod state;
mod strategy;
mod wall;
mod world;

pub use coverage::{Coverage, KindCount, UnknownRun};
pub(crate) use fresh::Fresh;
pub(crate) use prove::parting;
pub use report::{Failure, Nondeterminism, Progress, SearchReport};
pub use strategy::Strategy;
pub(crate) use wall::Stopwatch;
pub use world::World;

use std::env;
use std::fmt;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::chaos::{Replay, Script};
use crate::error::Result;
use crate::report::html;
use crate::seed::Seed;
use crate::sim::{RunConfig, Sim};
use hunt::Hunt;
use state::State;
use world::Sounding;

/// Names the script that a search is to replay instead.
const REPLAY: &str = "STORMGLASS_REPLAY";

/// Begins a search of `world` over the seeds 0 to 1,000.
///
/// The world is called by the name of its function; if that is `world`, by its module's. Which
/// variants a function knows cannot be seen: [`Search::variants`] says it, and then a name is checked.
#[track_caller]
pub fn explore<F: Fn(&mut Sim) + Send + Sync + 'static>(world: F) -> Search {
    let name = world::name_of::<F>();
    let mut search = Search::new(World::new(&name, world));
    search.fresh = Fresh::of_this_test(std::panic::Location::caller());
    search
}

type OnProgress = Arc<dyn Fn(&Progress) + Send + Sync>;

/// A search: which seeds, how, and until when. Made by [`explore()`] or [`Search::new`].
#[derive(Clone)]
pub struct Search {
    pub(crate) world: World,
    pub(crate) variant: String,
    seeds: Range<u64>,
    shard: (u64, u64),
    jobs: usize,
    time: Option<Duration>,
    pub(crate) strategy: Strategy,
    collect: bool,
    sample: u64,
    shrink_runs: usize,
    state: Option<PathBuf>,
    out: PathBuf,
    /// The one file for the script, instead of one of its own for each.
    script_file: Option<PathBuf>,
    /// The script that was given, which is not written anew.
    given: Option<PathBuf>,
    progress: Option<OnProgress>,
    pub(crate) fresh: Fresh,
}

impl fmt::Debug for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Search")
            .field("world", &self.world.name)
            .field("seeds", &self.seeds)
            .finish_non_exhaustive()
    }
}

impl Search {
    /// A search of the default variant of `world`.
    #[must_use]
    pub fn new(world: World) -> Search {
        Search {
            variant: world.variants.first().cloned().unwrap_or_default(),
            world,
            seeds: 0..1_000,
            shard: (0, 1),
            jobs: thread::available_parallelism().map_or(1, usize::from),
            time: None,
            strategy: Strategy::default(),
            collect: false,
            sample: 50,
            shrink_runs: 2_000,
            state: None,
            out: PathBuf::from("target/stormglass"),
            script_file: None,
            given: None,
            progress: None,
            fresh: Fresh::No("the search was not started by a test or by the command line"),
        }
    }

    /// Searches this variant of the world. The default is the first of those that it names, else the
    /// empty name. The search ends with an error if the world names its variants and this is none of
    /// them, or if it names none and never asks for [`Sim::variant`].
    #[must_use]
    pub fn variant(self, variant: &str) -> Search {
        Search { variant: variant.to_owned(), ..self }
    }

    /// Names the variants of the world, as [`World::variants`] does; the first is the default.
    #[must_use]
    pub fn variants<'n>(self, names: impl IntoIterator<Item = &'n str>) -> Search {
        Search { world: self.world.variants(names), ..self }
    }

    /// The same with its variant looked up among those of the world.
    pub(crate) fn in_known_variant(&self) -> Result<Search> {
        let variant = self.world.variant(Some(&self.variant))?;
        Ok(Search { variant, ..self.clone() })
    }

    /// Runs these seeds. The default is 0 to 1,000.
    #[must_use]
    pub fn seeds(self, seeds: Range<u64>) -> Search {
        Search { seeds, ..self }
    }

    /// Runs that many seeds at once. The default is the number of cores.
    #[must_use]
    pub fn jobs(self, jobs: usize) -> Search {
        Search { jobs, ..self }
    }

    /// Starts no new run after that much wall time, and breaks off those that are under way.
    #[must_use]
    pub fn time(self, time: Duration) -> Search {
        Search { time: Some(time), ..self }
    }

    /// Sets how ready tasks are chosen. The default is [`Strategy::Swarm`].
    #[must_use]
    pub fn strategy(self, strategy: Strategy) -> Search {
        Search { strategy, ..self }
    }

    /// Runs all seeds and collects the failures, instead of ending at the first.
    #[must_use]
    pub fn collect_all(self) -> Search {
        Search { collect: true, ..self }
    }

    /// Runs one seed of every `n` twice and compares, to find nondeterminism where nothing fails;
    /// 0 compares none. The default is 50.
    #[must_use]
    pub fn verify_sample(self, n: u64) -> Search {
        Search { sample: n, ..self }
    }

    /// Runs only the seeds whose place in the range is `i` modulo `n`: the `i`-th of `n` machines.
    ///
    /// # Panics
    ///
    /// If `i` is not below `n`.
    #[must_use]
    pub fn shard(self, i: u64, n: u64) -> Search {
        assert!(i < n, "shard {i} of {n}: shards are numbered from 0 to {}", n.saturating_sub(1));
        Search { shard: (i, n), ..self }
    }

    /// Spends at most so many runs on making a failure smaller. The default is 2,000; 0 leaves it as
    /// it was found.
    #[must_use]
    pub fn shrink_runs(self, runs: usize) -> Search {
        Search { shrink_runs: runs, ..self }
    }

    /// Keeps what is done in that file, and goes on from there if it exists.
    #[must_use]
    pub fn resume(self, file: impl Into<PathBuf>) -> Search {
        Search { state: Some(file.into()), ..self }
    }

    /// Writes the scripts of failures into that directory. The default is `target/stormglass`.
    #[must_use]
    pub fn out(self, directory: impl Into<PathBuf>) -> Search {
        Search { out: directory.into(), ..self }
    }

    /// Writes the script of the failure into that file.
    #[must_use]
    pub fn script_file(self, file: impl Into<PathBuf>) -> Search {
        Search { script_file: Some(file.into()), ..self }
    }

    /// Calls `see` about ten times a second while the search runs, and once at its end.
    #[must_use]
    pub fn on_progress(self, see: impl Fn(&Progress) + Send + Sync + 'static) -> Search {
        Search { progress: Some(Arc::new(see)), ..self }
    }

    /// Searches, and panics with the report unless the verdict is *holds*.
    ///
    /// # Panics
    ///
    /// If the verdict is violated or unknown, or as [`Search::find`].
    #[track_caller]
    pub fn check(self) {
        let report = self.find();
        assert!(report.verdict().holds(), "\n{}", report.render(true));
    }

    /// Searches, and says what was found.
    ///
    /// # Panics
    ///
    /// If a file cannot be read or written; see [`Search::try_find`].
    #[track_caller]
    #[must_use]
    pub fn find(self) -> SearchReport {
        match self.try_find() {
            Ok(report) => report,
            Err(error) => panic!("{error}"),
        }
    }

    /// Searches, and says what was found.
    ///
    /// # Errors
    ///
    /// [`crate::error::Error::Io`] if a script or the state cannot be written,
    /// [`crate::error::Error::World`] if the state is of another search or of more seeds, or the
    /// world has no such variant, and as [`Script::load`] for `STORMGLASS_REPLAY`.
    pub fn try_find(&self) -> Result<SearchReport> {
        self.in_known_variant()?.find_known()
    }

    fn find_known(&self) -> Result<SearchReport> {
        self.fresh.serve(self);
        if let Some(file) = env::var_os(REPLAY).filter(|file| !file.is_empty())
            && let Some(script) = self.script_of_this_world(Path::new(&file))?
        {
            return self.clone().under(Path::new(&file)).replay(&script);
        }
        let watch = Stopwatch::start();
        let sounding = self.world.sound(&self.variant);
        let hunt = State::load(self)?.unwrap_or_default();
        let resumed = hunt.next;
        // Not after hours, if it cannot be written.
        State::save(self, &hunt)?;
        let mut saved = Ok(());
        let mut last_saved = Duration::ZERO;
        let hunt = self.hunt(hunt, &sounding, &mut |hunt| {
            let elapsed = watch.elapsed();
            self.see(hunt, elapsed);
            if elapsed - last_saved > Duration::from_secs(1) && saved.is_ok() {
                last_saved = elapsed;
                saved = State::save(self, hunt);
            }
            let late = self.time.is_some_and(|time| elapsed >= time);
            if late { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        saved.and_then(|()| State::save(self, &hunt))?;
        let mut report = SearchReport::new(self, &hunt, resumed);
        self.explain(&hunt, &sounding, &mut report)?;
        html::save_failures(&mut report, |script| self.page_path(script))?;
        report.elapsed = watch.elapsed();
        Ok(report)
    }

    fn see(&self, hunt: &Hunt, elapsed: Duration) {
        if let Some(see) = &self.progress {
            let findings = hunt.findings.len() as u64;
            see(&Progress { done: hunt.next, total: self.total(), findings, elapsed });
        }
    }

    /// The script, if it is of this world and variant.
    fn script_of_this_world(&self, file: &Path) -> Result<Option<Script>> {
        let Replay { sim, variant, .. } = Replay::load(file)?;
        let here = sim.is_none_or(|sim| sim == self.world.name)
            && variant.is_none_or(|variant| variant == self.variant);
        if here { self.world.script(file, &self.variant).map(Some) } else { Ok(None) }
    }

    /// How the run of `seed` is asked for in this search.
    pub(crate) fn config(&self, seed: Seed, sounding: &Sounding) -> RunConfig {
        RunConfig {
            scheduling: self.strategy.scheduling(seed, sounding.steps),
            ..RunConfig::seed(seed.0).variant(&self.variant)
        }
    }

    /// As [`Search::config`], after a sounding of its own.
    pub(crate) fn config_of_seed(&self, seed: Seed) -> RunConfig {
        self.config(seed, &self.world.sound(&self.variant))
    }

    /// The number of seeds of this shard.
    fn total(&self) -> u64 {
        let (i, n) = self.shard;
        let seeds = self.seeds.end.saturating_sub(self.seeds.start);
        seeds.saturating_sub(i).div_ceil(n)
    }

    /// The seed at that place in this shard.
    fn seed_at(&self, index: u64) -> u64 {
        let (i, n) = self.shard;
        self.seeds.start + i + index * n
    }

    /// The same, whose one run is that of the script in this file.
    pub(crate) fn under(self, script: &Path) -> Search {
        Search { given: Some(script.to_owned()), ..self }
    }

    /// Where the script of a failure of `seed` is kept, once it is small.
    fn script_path(&self, seed: Seed) -> PathBuf {
        if let Some(file) = &self.script_file {
            return file.clone();
        }
        let path = self.out.join(format!("{}-{seed}.toml", self.name()));
        let is_given = |given: &PathBuf| match (given.canonicalize(), path.canonicalize()) {
            (Ok(given), Ok(path)) => given == path,
            _ => *given == path,
        };
        match self.given.as_ref().is_some_and(is_given) {
            true => self.out.join(format!("{}-{seed}-smaller.toml", self.name())),
            false => path,
        }
    }

    /// Where the script of a failure is kept that was replayed as it is: that of a search stays there.
    fn drawn_path(&self, seed: Seed) -> PathBuf {
        self.out.join(format!("{}-{seed}-drawn.toml", self.name()))
    }

    /// Where the page of a failure is kept: beside its script. That of a script that was given is another
    /// one than that of the search which found it, which knows more.
    fn page_path(&self, script: &Path) -> PathBuf {
        match (self.given.as_deref() == Some(script), script.file_stem()) {
            (true, Some(name)) => self.out.join(format!("{}-replayed.html", name.display())),
            _ => script.with_extension("html"),
        }
    }

    /// Where the page of the whole search is kept.
    #[cfg(feature = "cli")]
    pub(crate) fn summary_path(&self) -> PathBuf {
        self.out.join(format!("{}.html", self.name()))
    }

    /// What its files are called: the world, and its variant if that is not the default.
    fn name(&self) -> String {
        let by_default =
            self.variant.is_empty() || self.world.variants.first() == Some(&self.variant);
        let variant = if by_default { String::new() } else { format!("-{}", self.variant) };
        format!("{}{variant}", self.world.name)
    }
}
