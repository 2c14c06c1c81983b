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
mod log;
mod member;
mod outcome;
mod property;
mod run;
mod storm;

pub(crate) use board::{count, publish, reach};
pub use member::MemberBuilder;
pub use outcome::{End, Run};
pub use property::{Outcome, PropertyKind, View};
pub use run::{RunConfig, describe, run};

use std::collections::BTreeSet;
use std::fmt::Display;
use std::future::Future;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use crate::chaos::{Chaos, FaultPlan};
use crate::journal::Journal;
use crate::net::LinkProfile;
use crate::node::Boot;
use crate::seed::{Seed, Stream};
use crate::service::{Ctx, ServiceFactory, install_host};
use crate::topology::{Role, Topology};
use crate::verdict::Verdict;
use member::{Spec, Start};
use property::{Decide, Property};

/// The description of a world, for one seed.
///
/// A world function is called anew for every run, so what it captures is made anew too.
pub struct Sim {
    seed: Seed,
    variant: String,
    members: Vec<Spec>,
    properties: Vec<Property>,
    chaos: Chaos,
    profile: LinkProfile,
    links: Vec<(String, String, LinkProfile)>,
    limit: Duration,
    settle: Duration,
    events_max: u64,
    may_panic: bool,
    points: BTreeSet<String>,
    plan: Option<FaultPlan>,
    /// The number of operations of each workload, kept or not.
    operations: Vec<(String, usize)>,
}

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
            members: Vec::new(),
            properties: Vec::new(),
            chaos: Chaos::default(),
            profile: LinkProfile::default(),
            links: Vec::new(),
            limit: Duration::from_secs(60),
            settle: Duration::from_secs(30),
            events_max: 50_000_000,
            may_panic: false,
            points: BTreeSet::new(),
            plan,
            operations: Vec::new(),
        }
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
        &self.variant
    }

    /// Adds an HTTP service. The factory, `fn() -> S` or `fn(Ctx) -> S`, is called at every start of
    /// each of its nodes; `S` is any tower service of `http::Request<Body>`, such as an axum
    /// `Router`.
    ///
    /// # Panics
    ///
    /// If the world has a member of that name.
    #[track_caller]
    pub fn service<Args: 'static>(
        &mut self,
        name: &str,
        factory: impl ServiceFactory<Args>,
    ) -> MemberBuilder<'_> {
        let factory = Rc::new(factory);
        let start = Start::Service(Rc::new(move |limit| {
            let factory = factory.clone();
            Rc::new(move |ctx: Ctx| {
                install_host(ctx.node(), factory.make(ctx), limit);
                None
            }) as Boot
        }));
        self.add(name, Role::Service, start, Location::caller())
    }

    /// Adds a process: an async function that is called at every start of each of its nodes, and
    /// may run for ever. A world without clients is healed when its storm is over.
    ///
    /// # Panics
    ///
    /// If the world has a member of that name.
    #[track_caller]
    pub fn process<F>(&mut self, name: &str, body: impl Fn(Ctx) -> F + 'static) -> MemberBuilder<'_>
    where
        F: Future<Output = ()> + 'static,
    {
        let location = Location::caller();
        let boot: Boot = Rc::new(move |ctx| Some(Box::pin(body(ctx))));
        self.add(name, Role::Service, Start::Process(boot), location)
    }

    /// Adds a client: an async function that drives the world. The world ends when all clients
    /// have ended and its `eventually` properties hold. A client's error is recorded; it violates
    /// nothing by itself.
    ///
    /// # Panics
    ///
    /// If the world has a member of that name.
    #[track_caller]
    pub fn client<F, E>(
        &mut self,
        name: &str,
        body: impl Fn(Ctx) -> F + 'static,
    ) -> MemberBuilder<'_>
    where
        F: Future<Output = Result<(), E>> + 'static,
        E: Display,
    {
        let location = Location::caller();
        let boot: Boot = Rc::new(move |ctx| {
            let body = body(ctx);
            Some(Box::pin(async move {
                if let Err(error) = body.await {
                    ctx.record(format_args!("gives up: {error}"));
                }
                run::client_ended();
            }))
        });
        self.add(name, Role::Client, Start::Client(boot), location)
    }

    /// Adds a client that does a list of operations, one after the other. A failing run is shrunk
    /// by leaving operations out, so draw the list from [`Sim::stream`] and keep the operations
    /// independent of each other. An operation's error is recorded, and the next one follows.
    ///
    /// # Panics
    ///
    /// If the world has a member of that name.
    #[track_caller]
    pub fn workload<O, F, E>(
        &mut self,
        name: &str,
        operations: Vec<O>,
        body: impl Fn(Ctx, O) -> F + 'static,
    ) -> MemberBuilder<'_>
    where
        O: Clone + std::fmt::Debug + 'static,
        F: Future<Output = Result<(), E>> + 'static,
        E: Display,
    {
        self.operations.push((name.to_owned(), operations.len()));
        let kept: Vec<(usize, O)> = operations
            .into_iter()
            .enumerate()
            .filter(|(i, _)| self.plan.as_ref().is_none_or(|plan| plan.keeps(name, *i)))
            .collect();
        let (kept, body) = (Rc::new(kept), Rc::new(body));
        self.client(name, move |ctx| {
            let (kept, body) = (kept.clone(), body.clone());
            async move {
                for (index, operation) in kept.iter() {
                    run::record_operation(ctx, *index, "invoke", format!("{operation:?}"));
                    let result = body(ctx, operation.clone()).await;
                    let (what, text) = match result {
                        Ok(()) => ("ok", String::new()),
                        Err(error) => ("failed", error.to_string()),
                    };
                    run::record_operation(ctx, *index, what, text);
                }
                Ok::<(), E>(())
            }
        })
    }

    #[track_caller]
    fn add(
        &mut self,
        name: &str,
        role: Role,
        start: Start,
        declared_at: &'static Location<'static>,
    ) -> MemberBuilder<'_> {
        let taken = self.members.iter().any(|member| member.name == name);
        assert!(!taken, "the world has a member `{name}` already");
        assert!(
            !name.is_empty() && name != "world" && name != "localhost",
            "`{name}` cannot be the name of a member"
        );
        self.members.push(Spec::new(name, role, start, declared_at));
        MemberBuilder(self.members.last_mut().expect("pushed above"))
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

    /// Must hold at every moment. The closure returns a `bool`, a `Result<(), impl Display>` whose
    /// error is the witness, or a [`Verdict`]; it is called whenever a service has published or
    /// recorded something.
    pub fn always<V: Into<Verdict>>(
        &mut self,
        name: &str,
        property: impl Fn(&View<'_>) -> V + 'static,
    ) -> &mut Self {
        self.property(name, PropertyKind::Always, property)
    }

    /// Must hold at no moment: the closure says `true` for what must not be.
    pub fn never(
        &mut self,
        name: &str,
        property: impl Fn(&View<'_>) -> bool + 'static,
    ) -> &mut Self {
        self.property(name, PropertyKind::Never, move |view| !property(view))
    }

    /// Must hold within the settling time after chaos has ended, and at the end.
    pub fn eventually<V: Into<Verdict>>(
        &mut self,
        name: &str,
        property: impl Fn(&View<'_>) -> V + 'static,
    ) -> &mut Self {
        self.property(name, PropertyKind::Eventually, property)
    }

    /// Must hold at some moment of some seed; a search that never sees it is called blind.
    pub fn sometimes(
        &mut self,
        name: &str,
        property: impl Fn(&View<'_>) -> bool + 'static,
    ) -> &mut Self {
        self.property(name, PropertyKind::Sometimes, property)
    }

    /// Must hold of the whole journal, once the world has ended.
    pub fn check<V: Into<Verdict>>(
        &mut self,
        name: &str,
        property: impl Fn(&Journal) -> V + 'static,
    ) -> &mut Self {
        let decide = Decide::Journal(Rc::new(move |journal| property(journal).into()));
        self.properties.push(Property { name: name.to_owned(), kind: PropertyKind::Check, decide });
        self
    }

    fn property<V: Into<Verdict>>(
        &mut self,
        name: &str,
        kind: PropertyKind,
        property: impl Fn(&View<'_>) -> V + 'static,
    ) -> &mut Self {
        let decide = Decide::View(Rc::new(move |view| property(view).into()));
        self.properties.push(Property { name: name.to_owned(), kind, decide });
        self
    }

    /// Who is in this world, and who calls whom.
    #[must_use]
    pub fn topology(&self) -> Topology {
        Topology { members: self.members.iter().map(Spec::member).collect() }
    }
}
