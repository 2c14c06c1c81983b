//! Systems from compose files: who is in them, in which order they start, how they are looked after.
//!
//! ```
//! use std::time::Duration;
//! use stormglass::orchestrator::compose::{Project, Variables};
//! use stormglass::orchestrator::{ServiceTestOrchestrator, all_healthy};
//! use stormglass::prelude::*;
//!
//! const FILE: &str = "
//! services:
//!   stock:
//!     restart: always
//!     healthcheck: { test: curl -f http://localhost/health, interval: 100ms, timeout: 50ms }
//!   orders:
//!     depends_on: { stock: { condition: service_healthy } }
//! ";
//!
//! fn shop() -> axum::Router {
//!     axum::Router::new().route("/health", axum::routing::get(|| async { "fine" }))
//! }
//!
//! fn world(sim: &mut Sim) {
//!     let project = Project::parse("compose.yml", FILE, &Variables::new()).expect("it is valid");
//!     let mut system = ServiceTestOrchestrator::new(project);
//!     system.service("stock", shop).expect("the file has it");
//!     system.service("orders", shop).expect("the file has it");
//!     system.install(sim).expect("nothing is missing");
//!     sim.client("shopper", |ctx| async move {
//!         ctx.http().get("http://orders/health").send().await.map(|_| ())
//!     });
//!     sim.eventually("all is well", all_healthy);
//! }
//!
//! let run = run(&world, &RunConfig::seed(1));
//! assert!(run.verdict().holds(), "{}", run.verdict());
//! ```
//!
//! # What happens when a process ends
//!
//! | how | what starts it again |
//! |---|---|
//! | it returns, or panics | its `restart` policy, after Docker's backoff: 100 ms, doubled up to 1 min, anew after 10 s of running |
//! | a crash by a fault without an end | the same |
//! | a crash, power loss, wipe or stop by a fault with an end | that fault, at its end, whatever the policy: until then nobody does |
//! | power loss, wipe, stop by a fault without an end; scaling down | the end of chaos, or scaling up: a machine without power has no daemon, and what is stopped stays so |
//! | it has returned without an error, and its policy leaves it there | nobody: it has done what it had to do |
//! | it stays down under its policy otherwise | the end of chaos, which starts everything, as an operator would |
//!
//! A container that waits for its dependencies is not there: faults of its node do not strike it, those of
//! its links and its disk wait for it.
//!
//! # What differs from Docker Compose
//!
//! `docker compose up` gives up when a dependency is unhealthy or has failed. Here its dependents wait
//! for it up to a deadline of the whole start, since a restart or the end of chaos may bring it; then
//! the property "all services start in time" is violated, and says who waits for whom. As there,
//! dependencies matter at the first start alone: a container that starts again waits for nobody.
//!
//! Networks part who can be found by name, as Docker's name server does it; an address that was got
//! otherwise is not cut off.

pub mod compose;
mod health;
mod load;
mod plan;
mod probe;
mod restart;
mod start;
mod supervisor;

pub use health::{ContainerHealth, Health, HealthReport, all_healthy, recovers_within};
pub use load::{Arrivals, Load, LoadReport};
pub use plan::Plan;
pub use restart::{BACKOFF_FIRST, BACKOFF_LONGEST, BACKOFF_RESET, RestartPolicy, Restarts};
pub use start::{ServiceStart, StartError, StartReport, Wait};

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::Location;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use indexmap::IndexMap;

use crate::error::{Error, Result, hint};
use crate::node;
use crate::service::{Ctx, ServiceFactory};
use crate::sim::{MemberBuilder, ProgramOutput, Sim};
use compose::{Healthcheck, Project, Service, Test, Variables, Warning};
use probe::Asked;
use supervisor::{Probe, Supervisor, Unit};

/// How long a system may take to start, as Testcontainers has it.
const START_DEADLINE: Duration = Duration::from_secs(60);

type Declare = Box<dyn for<'s> Fn(&'s mut Sim, &str) -> MemberBuilder<'s>>;
type Configure = Box<dyn Fn(&mut MemberBuilder<'_>)>;

/// What stands in for the image of a service.
struct Implementation {
    declare: Declare,
    declared_at: &'static Location<'static>,
    kind: Asked,
}

/// Puts the services of a compose file into a world: in the order of their dependencies, with their
/// replicas, networks, environment, health checks and restarts.
///
/// Clients that the world declares beside them start when all services are ready.
pub struct ServiceTestOrchestrator {
    project: Project,
    profiles: Vec<String>,
    implementations: BTreeMap<String, Implementation>,
    probes: BTreeMap<String, Probe>,
    configured: IndexMap<String, Vec<Configure>>,
    deadline: Duration,
    holds_clients: bool,
    warnings: Vec<Warning>,
}

impl std::fmt::Debug for ServiceTestOrchestrator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceTestOrchestrator")
            .field("file", &self.project.file)
            .finish_non_exhaustive()
    }
}

/// What a system is made of.
impl ServiceTestOrchestrator {
    /// The system of a compose file, without variables but those of the file `.env` beside it.
    ///
    /// # Errors
    ///
    /// As [`Project::open`], and if a file of `env_file` cannot be read.
    pub fn from_compose(path: impl AsRef<Path>) -> Result<ServiceTestOrchestrator> {
        let project = Project::open(path, &Variables::new())?.with_env_files()?;
        Ok(ServiceTestOrchestrator::new(project))
    }

    /// The system of a project that was read before: a world function is called for every run, and a
    /// file need not be. What `env_file` names is there if [`Project::with_env_files`] has read it.
    #[must_use]
    pub fn new(project: Project) -> ServiceTestOrchestrator {
        ServiceTestOrchestrator {
            warnings: project.warnings.clone(),
            project,
            profiles: Vec::new(),
            implementations: BTreeMap::new(),
            probes: BTreeMap::new(),
            configured: IndexMap::new(),
            deadline: START_DEADLINE,
            holds_clients: true,
        }
    }

    /// The project.
    #[must_use]
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// What in the file is not as it should be, or means less here than there.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Switches profiles of the file on; `*` is all of them.
    pub fn profiles<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) -> &mut Self {
        self.profiles.extend(names.into_iter().map(str::to_owned));
        self
    }

    /// How long the start of all services may take. The default is 60 s of virtual time.
    pub fn start_deadline(&mut self, deadline: Duration) -> &mut Self {
        self.deadline = deadline;
        self
    }

    /// Lets clients of the world start with it, not when all services are ready.
    pub fn clients_start_at_once(&mut self) -> &mut Self {
        self.holds_clients = false;
        self
    }

    /// Says what a service of the file does: see [`Sim::service`].
    ///
    /// # Errors
    ///
    /// If the file has no service of that name, or it has been said before.
    #[track_caller]
    pub fn service<Args: 'static>(
        &mut self,
        name: &str,
        factory: impl ServiceFactory<Args>,
    ) -> Result<&mut Self> {
        let factory = Rc::new(factory);
        let declare: Declare = Box::new(move |sim, name| {
            let factory = factory.clone();
            sim.hosted(name, move |ctx| factory.make(ctx))
        });
        self.implement(name, declare, Asked::Handler)
    }

    /// Says that a service of the file is an unmodified program: see [`Sim::program`]. Its environment
    /// is that of the file. When it returns, its container has ended: with a failure, if that is an
    /// error.
    ///
    /// # Errors
    ///
    /// As [`ServiceTestOrchestrator::service`].
    #[track_caller]
    pub fn program<F>(&mut self, name: &str, main: impl Fn() -> F + 'static) -> Result<&mut Self>
    where
        F: Future + 'static,
        F::Output: ProgramOutput,
    {
        let main = Rc::new(main);
        let declare: Declare = Box::new(move |sim, name| {
            let main = main.clone();
            sim.program(name, move || main())
        });
        self.implement(name, declare, Asked::Sockets)
    }

    /// Says that a service of the file is a process: see [`Sim::process`]. When it returns, its
    /// container has ended: with a failure, if that is an error.
    ///
    /// # Errors
    ///
    /// As [`ServiceTestOrchestrator::service`].
    #[track_caller]
    pub fn process<F>(&mut self, name: &str, body: impl Fn(Ctx) -> F + 'static) -> Result<&mut Self>
    where
        F: Future + 'static,
        F::Output: ProgramOutput,
    {
        let body = Rc::new(body);
        let declare: Declare = Box::new(move |sim, name| {
            let body = body.clone();
            sim.process(name, move |ctx| {
                let body = body(ctx);
                async move {
                    if let Some(error) = body.await.error() {
                        ctx.record(format_args!("exits: {error}"));
                        node::fail(ctx.node());
                    }
                }
            })
        });
        self.implement(name, declare, Asked::Sockets)
    }

    /// Says that a service of the file is a broker of events: see [`Sim::broker`].
    ///
    /// # Errors
    ///
    /// As [`ServiceTestOrchestrator::service`].
    #[track_caller]
    pub fn broker(&mut self, name: &str) -> Result<&mut Self> {
        let declare: Declare = Box::new(|sim, name| sim.broker(name).into_member());
        self.implement(name, declare, Asked::Handler)
    }

    /// Says how the health of a service is asked for, instead of by its health check's command. It is
    /// called on the service's node, with the times of the file, or Docker's where it has none.
    ///
    /// # Errors
    ///
    /// If the file has no service of that name.
    pub fn probe<F, E>(
        &mut self,
        name: &str,
        probe: impl Fn(Ctx) -> F + 'static,
    ) -> Result<&mut Self>
    where
        F: Future<Output = std::result::Result<(), E>> + 'static,
        E: std::fmt::Display,
    {
        self.known(name)?;
        let probe: Probe = Rc::new(move |ctx| {
            let asked = probe(ctx);
            Box::pin(async move { asked.await.map_err(|error| error.to_string()) })
        });
        self.probes.insert(name.to_owned(), probe);
        Ok(self)
    }

    /// Describes the member that a service becomes further: its queue, the files that it reads.
    ///
    /// # Errors
    ///
    /// If the file has no service of that name.
    pub fn configure(
        &mut self,
        name: &str,
        configure: impl Fn(&mut MemberBuilder<'_>) + 'static,
    ) -> Result<&mut Self> {
        self.known(name)?;
        self.configured.entry(name.to_owned()).or_default().push(Box::new(configure));
        Ok(self)
    }

    /// The environment of a service, for handlers: programs ask `std::env::var`.
    ///
    /// # Errors
    ///
    /// If the file has no service of that name.
    pub fn environment(&self, name: &str) -> Result<&BTreeMap<String, String>> {
        self.known(name).map(|service| &service.environment)
    }

    fn known(&self, name: &str) -> Result<&Service> {
        self.project.services.get(name).ok_or_else(|| {
            let hint = hint(name, self.project.services.keys().map(String::as_str));
            Error::World(format!("{} has no service `{name}`{hint}", self.project.file))
        })
    }

    #[track_caller]
    fn implement(&mut self, name: &str, declare: Declare, kind: Asked) -> Result<&mut Self> {
        self.known(name)?;
        let implementation = Implementation { declare, declared_at: Location::caller(), kind };
        if self.implementations.insert(name.to_owned(), implementation).is_some() {
            return Err(Error::World(format!("`{name}` has been said twice what it does")));
        }
        Ok(self)
    }
}

/// Into a world.
impl ServiceTestOrchestrator {
    /// Puts the system into a world, with the property "all services start in time". The warnings
    /// that the world's own meaning of the file adds are given back with those of the file.
    ///
    /// # Errors
    ///
    /// If services wait for each other in a circle; if nobody has said what one does: all of them are
    /// named with their lines; if the world has an orchestrator.
    ///
    /// # Panics
    ///
    /// If the world has a member of a service's name.
    pub fn install(mut self, sim: &mut Sim) -> Result<Vec<Warning>> {
        let plan = Plan::of(&self.project, &self.profiles)?;
        let services: Vec<Service> = self.project.active(&self.profiles).cloned().collect();
        self.check_complete(&services)?;
        let services: Vec<Service> = services.into_iter().filter(|s| s.replicas > 0).collect();
        let parts = services.iter().any(is_apart);
        let mut units = Vec::new();
        for service in &services {
            self.declare(sim, service, parts);
            units.push(self.unit(service, &services, &plan));
        }
        sim.always("all services start in time", start::in_time);
        let (deadline, holds) = (self.deadline, self.holds_clients);
        // A world function describes one run: what it made is used up by it.
        let units = std::cell::RefCell::new(Some(units));
        let is_first = sim.set_keeper(Box::new(move |_| {
            let units = units.take().expect("a world is populated once");
            let supervisor = Supervisor::new(units, deadline, holds);
            node::set_keeper(supervisor.clone());
            Box::new(move |kernel| supervisor.begin(kernel))
        }));
        match is_first {
            true => Ok(self.warnings),
            false => Err(Error::World("the world has an orchestrator already".to_owned())),
        }
    }

    fn check_complete(&self, services: &[Service]) -> Result {
        let missing = services.iter().filter(|s| !self.implementations.contains_key(&s.name));
        let missing: Vec<&Service> = missing.collect();
        let Some(first) = missing.first() else { return Ok(()) };
        let names: Vec<String> =
            missing.iter().map(|s| format!("`{}` (line {})", s.name, s.place.line)).collect();
        let names = names.join(", ");
        Err(first.place.error(format!("nobody has said what these services do: {names}")))
    }

    fn declare(&self, sim: &mut Sim, service: &Service, parts: bool) {
        let implementation = &self.implementations[&service.name];
        let mut member = (implementation.declare)(sim, &service.name);
        member.declared_at(implementation.declared_at).replicas(service.replicas);
        if let Some(port) = service.ports.first() {
            member.port(*port);
        }
        for (name, value) in &service.environment {
            member.env(name, value);
        }
        if parts {
            let with_own = |aliases: &std::collections::BTreeSet<String>| {
                aliases.union(&service.aliases).cloned().collect()
            };
            let networks = service.networks.iter();
            let networks = networks.map(|(name, aliases)| (name.clone(), with_own(aliases)));
            member.place(node::Place { networks: networks.collect() });
        }
        for configure in self.configured.get(&service.name).into_iter().flatten() {
            configure(&mut member);
        }
    }

    fn unit(&mut self, service: &Service, all: &[Service], plan: &Plan) -> Unit {
        let number = |name: &str| all.iter().position(|other| other.name == name);
        let needs = service.depends_on.iter();
        let needs = needs.filter_map(|d| Some((number(&d.service)?, d.condition))).collect();
        let implementation = &self.implementations[&service.name];
        let check = match (&service.healthcheck, self.probes.get(&service.name)) {
            (check, Some(probe)) => {
                let docker = || Healthcheck::new(Test::Command { text: String::new() });
                Some((check.clone().unwrap_or_else(docker), probe.clone()))
            }
            (Some(check), None) => {
                let (probe, warning) = probe::of(&check.test, service, implementation.kind);
                self.warnings.extend(warning);
                Some((check.clone(), probe))
            }
            (None, None) => None,
        };
        Unit {
            name: service.name.clone(),
            level: plan.level(&service.name).unwrap_or(0),
            needs,
            policy: service.restart,
            check,
            declared_at: implementation.declared_at,
        }
    }
}

/// True if the file says more of the service's networks than that it is on the default one.
fn is_apart(service: &Service) -> bool {
    let plain = |(name, aliases): (&String, &std::collections::BTreeSet<String>)| {
        name == "default" && aliases.is_empty()
    };
    service.networks.is_empty()
        || !service.networks.iter().all(plain)
        || !service.aliases.is_empty()
}
