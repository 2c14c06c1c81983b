//! A world and its run: who is in it, what must be true of it, and what one seed makes of it.
//!
//! A world is a function that describes itself to a [`Sim`]:
//!
//! ```
//! use std::time::Duration;
//! use stormglass::prelude::*;
//!
//! fn world(sim: &mut Sim) {
//!     sim.process("counter", |ctx| async move {
//!         for n in 1..=3u32 {
//!             ctx.sleep(Duration::from_millis(10)).await;
//!             ctx.publish("count", n);
//!         }
//!     });
//!     sim.eventually("it counts to three", |view: &View<'_>| {
//!         view.probe::<u32>("counter", "count").is_some_and(|n| *n == 3)
//!     });
//! }
//!
//! let run = run(&world, &RunConfig::seed(1));
//! assert!(run.verdict().holds());
//! ```

mod board;
mod course;
mod idle;
mod judge;
mod log;
mod member;
mod outcome;
mod program;
mod property;
mod run;
mod storm;

pub(crate) use board::{count, publish, reach};
pub(crate) use idle::vacuous;
pub(crate) use judge::CLIENTS_END;
pub use member::MemberBuilder;
pub use outcome::{End, Run};
pub use program::ProgramOutput;
pub use property::{Outcome, PropertyKind, View};
pub(crate) use run::has_variants;
pub use run::{RunConfig, describe, run};

use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::Duration;

use tracing::level_filters::LevelFilter;

use crate::chaos::{Chaos, FaultPlan};
use crate::kernel::Kernel;
use crate::net::LinkProfile;
use crate::seed::{Seed, Stream};
use crate::topology::Topology;
use member::Spec;
use property::Property;

/// The description of a world, for one seed.
///
/// A world function is called anew for every run, so what it captures is made anew too.
pub struct Sim {
    seed: Seed,
    variant: String,
    /// True once the world has asked which variant it is.
    asked_variant: Cell<bool>,
    members: Vec<Spec>,
    properties: Vec<Property>,
    chaos: Chaos,
    profile: LinkProfile,
    links: Vec<(String, String, LinkProfile)>,
    limit: Duration,
    settle: Duration,
    events_max: u64,
    may_panic: bool,
    log_level: LevelFilter,
    points: BTreeSet<String>,
    plan: Option<FaultPlan>,
    keeper: Option<MakeKeeper>,
    /// Functions of the C library, and libraries, that programs may call though nobody knows them.
    allowed: BTreeSet<String>,
}

/// Sets up who looks after the nodes, once they are there and before they start; what it gives is
/// called when those that are not held have started.
pub(crate) type MakeKeeper = Box<dyn Fn(&Kernel) -> Box<dyn FnOnce(&Kernel)>>;

impl std::fmt::Debug for Sim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sim").field("topology", &self.topology()).finish_non_exhaustive()
    }
}

impl Sim {
    fn new(seed: Seed, variant: &str, plan: Option<FaultPlan>) -> Sim {
        Sim {
            seed,
            variant: variant.to_owned(),
            asked_variant: Cell::new(false),
            members: Vec::new(),
            properties: Vec::new(),
            chaos: Chaos::default(),
            profile: LinkProfile::default(),
            links: Vec::new(),
            limit: Duration::from_secs(60),
            settle: Duration::from_secs(30),
            events_max: 50_000_000,
            may_panic: false,
            log_level: LevelFilter::INFO,
            points: BTreeSet::new(),
            plan,
            keeper: None,
            allowed: BTreeSet::new(),
        }
    }

    /// Sets who looks after the nodes; false if somebody does already.
    pub(crate) fn set_keeper(&mut self, keeper: MakeKeeper) -> bool {
        self.keeper.replace(keeper).is_none()
    }

    /// The seed of this run, for worlds that draw their own shape.
    #[must_use]
    pub fn seed(&self) -> Seed {
        self.seed
    }

    /// A stream of this run's seed, for workloads that are drawn.
    #[must_use]
    pub fn stream(&self, name: &str) -> Stream {
        self.seed.named_stream("world", name)
    }

    /// Which variant of the world was asked for: `broken`, `fixed`, or what a sim defines.
    #[must_use]
    pub fn variant(&self) -> &str {
        self.asked_variant.set(true);
        &self.variant
    }

    /// Sets what goes wrong in this world. The default is [`Chaos::default`]; a plan that is given
    /// to the run takes its place.
    pub fn chaos(&mut self, chaos: Chaos) -> &mut Self {
        self.chaos = chaos;
        self
    }

    /// Sets what every link is like. The default is one data centre.
    pub fn links(&mut self, profile: LinkProfile) -> &mut Self {
        self.profile = profile;
        self
    }

    /// Sets what the links from one member to another are like, in that direction.
    pub fn link(&mut self, from: &str, to: &str, profile: LinkProfile) -> &mut Self {
        self.links.push((from.to_owned(), to.to_owned(), profile));
        self
    }

    /// Ends chaos at the latest after that time. The default is 60 s of virtual time.
    pub fn time_limit(&mut self, limit: Duration) -> &mut Self {
        self.limit = limit;
        self
    }

    /// The time that clients and `eventually` properties have after chaos has ended. The default
    /// is 30 s of virtual time.
    pub fn settle(&mut self, settle: Duration) -> &mut Self {
        self.settle = settle;
        self
    }

    /// Stops a run after so many events; its verdict is then unknown. The default is 50 million.
    pub fn events_max(&mut self, events: u64) -> &mut Self {
        self.events_max = events;
        self
    }

    /// Sets which `tracing` events and spans of services and programs enter the journal. The default
    /// is `INFO` and above: HTTP libraries say much below it, and each word of it takes time.
    pub fn log_level(&mut self, level: impl Into<LevelFilter>) -> &mut Self {
        self.log_level = level.into();
        self
    }

    /// Says that a panic of a service is its way to crash: it violates nothing.
    pub fn may_panic(&mut self) -> &mut Self {
        self.may_panic = true;
        self
    }

    /// Names points (`ctx.reachable`) that some seed should reach; a search lists those that none
    /// did.
    pub fn points<'n>(&mut self, points: impl IntoIterator<Item = &'n str>) -> &mut Self {
        self.points.extend(points.into_iter().map(str::to_owned));
        self
    }

    /// True if some member has sockets of the operating system.
    fn uses_sockets(&self) -> bool {
        self.members.iter().any(|member| member.settings.on_tokio)
    }

    /// Who is in this world, and who calls whom.
    #[must_use]
    pub fn topology(&self) -> Topology {
        Topology { members: self.members.iter().map(Spec::member).collect() }
    }
}
