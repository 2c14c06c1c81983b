//! A world with a name, and how one run of it is made: on a thread of its own if it is sealed.

use std::fmt;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use crate::chaos::{Replay, Script};
use crate::error::{Error, Result, nearest};
use crate::journal::Recording;
use crate::kernel::Scheduling;
use crate::seed::Seed;
use crate::sim::{PropertyKind, Run, RunConfig, Sim, describe, has_variants, run};
use crate::topology::Topology;

/// A world that can be searched: its function, the name that commands call it by, and its variants.
///
/// ```
/// use stormglass::explore::World;
/// use stormglass::prelude::*;
///
/// let world = World::new("shop", |sim: &mut Sim| {
///     sim.client("shopper", |ctx| async move { Ok::<(), String>(ctx.record("looks around")) });
/// })
/// .about("one shopper, nothing to buy")
/// .variants(["broken", "fixed"]);
/// assert_eq!(world.variant(None).unwrap(), "broken");
/// assert!(world.variant(Some("fixd")).unwrap_err().to_string().contains("did you mean `fixed`"));
/// ```
#[derive(Clone)]
pub struct World {
    /// The name that commands, scripts and reports use.
    pub name: String,
    /// One line on what it shows.
    pub about: String,
    /// The variants that it knows; the first is its default. None at all: they are not known, and the
    /// default is the empty name.
    pub variants: Vec<String>,
    build: Arc<dyn Fn(&mut Sim) + Send + Sync>,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What the throw-away run before a search tells of a world.
#[derive(Clone, Debug)]
pub(crate) struct Sounding {
    /// The polls of a FIFO run, rounded up to a power of two, so that it seldom changes.
    pub(crate) steps: u32,
    /// What runs need to keep: everything, if a property reads the journal.
    pub(crate) recording: Recording,
}

impl World {
    /// A world of that name.
    pub fn new(name: &str, build: impl Fn(&mut Sim) + Send + Sync + 'static) -> World {
        World {
            name: name.to_owned(),
            about: String::new(),
            variants: Vec::new(),
            build: Arc::new(build),
        }
    }

    /// The same with one line on what it shows.
    #[must_use]
    pub fn about(self, about: &str) -> World {
        World { about: about.to_owned(), ..self }
    }

    /// The same with these variants; the first is its default.
    #[must_use]
    pub fn variants<'n>(self, names: impl IntoIterator<Item = &'n str>) -> World {
        World { variants: names.into_iter().map(str::to_owned).collect(), ..self }
    }

    /// The variant of that name; without a name, the default one.
    ///
    /// # Errors
    ///
    /// [`Error::World`] with a suggestion, if the world names its variants and that one is not
    /// among them; also if it names none and its function never asks for [`Sim::variant`], so that
    /// every name would be the same world.
    pub fn variant(&self, name: Option<&str>) -> Result<String> {
        let default = self.variants.first().map_or("", String::as_str);
        let name = name.filter(|name| !name.is_empty()).unwrap_or(default);
        if name == default || self.variants.iter().any(|known| known == name) {
            return Ok(name.to_owned());
        }
        if self.variants.is_empty() {
            let reason = "it never asks for `sim.variant()`";
            let has = has_variants(&*self.build, name);
            let wrong = || Error::World(format!("`{}` has no variants: {reason}", self.name));
            return has.then(|| name.to_owned()).ok_or_else(wrong);
        }
        let known = self.variants.iter().map(String::as_str);
        let hint = match nearest(name, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there is {}", self.variants.join(", ")),
        };
        Err(Error::World(format!("`{}` has no variant `{name}`; {hint}", self.name)))
    }

    /// Runs it once, in its default variant if `config` names none. A sealed run gets a thread of its own, because std keeps the keys of its hash
    /// maps per thread.
    ///
    /// # Panics
    ///
    /// As [`crate::sim::run`], and if the variant is none of those that the world names.
    #[must_use]
    pub fn run(&self, config: &RunConfig) -> Run {
        let variant = self.named(&config.variant);
        let config = &RunConfig { variant, ..config.clone() };
        if !(cfg!(madsim) && config.sealed) {
            return run(&*self.build, config);
        }
        thread::scope(|scope| {
            let run = named_thread()
                .spawn_scoped(scope, || run(&*self.build, config))
                .expect("the operating system gives a thread");
            run.join().unwrap_or_else(|panic| resume_unwind(panic))
        })
    }

    /// Who is in it. Its shape may depend on the seed.
    ///
    /// # Panics
    ///
    /// If the world names its variants and that one is not among them.
    #[must_use]
    pub fn topology(&self, seed: Seed, variant: &str) -> Topology {
        describe(&*self.build, seed, &self.named(variant))
    }

    /// The variant of that name or the default one, where no error can be given back. Without declared
    /// variants the name is taken as it is: this is asked for every run.
    fn named(&self, name: &str) -> String {
        if self.variants.is_empty() {
            return name.to_owned();
        }
        self.variant(Some(name)).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The script at `path`, checked against the world of its seed.
    pub(crate) fn script(&self, path: &Path, variant: &str) -> Result<Script> {
        let seed = Replay::load(path)?.seed.unwrap_or(Seed(0));
        Script::load(path, &self.topology(seed, variant))
    }

    /// One run that nobody looks at: what a process makes once is made in it, and it tells how long
    /// runs are.
    pub(crate) fn sound(&self, variant: &str) -> Sounding {
        let config = RunConfig { recording: Recording::Digest, ..RunConfig::seed(0) };
        let run = self.run(&RunConfig { scheduling: Scheduling::Fifo, ..config }.variant(variant));
        let reads_journal = run.outcomes.iter().any(|o| o.kind == PropertyKind::Check);
        Sounding {
            steps: u32::try_from(run.polls.next_power_of_two()).unwrap_or(1 << 31),
            recording: if reads_journal { Recording::Full } else { Recording::Digest },
        }
    }
}

/// A thread that calls itself as this one does, so that a panic names the test.
pub(super) fn named_thread() -> thread::Builder {
    let name = thread::current().name().unwrap_or("stormglass").to_owned();
    thread::Builder::new().name(name)
}

/// The name of a world function: its own, or its module's if it is called `world`.
pub(super) fn name_of<F>() -> String {
    let path = std::any::type_name::<F>();
    let mut words = path.rsplit("::").filter(|word| !word.contains(['{', '<', '>', '&']));
    let last = words.next().unwrap_or("world");
    let name = if last == "world" { words.next().unwrap_or(last) } else { last };
    name.to_owned()
}
