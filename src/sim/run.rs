//! One run: builds the world, lets chaos loose, heals, waits, judges.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::course::{self, Course};
use super::judge::{self, Judge};
use super::outcome::{End, Run};
use super::storm::Storm;
use super::{Sim, board, log};
use crate::chaos::FaultPlan;
use crate::error::hint;
use crate::journal::{Entry, Kind, NodeId, Recording};
use crate::kernel::current;
use crate::kernel::{Kernel, Scheduling, Settings, seal, silence};
use crate::seed::Seed;
use crate::topology::{Member, Topology};
use crate::{clock, events, net, node, os, saga, service};

/// What one run is asked to be.
#[derive(Clone, Debug)]
pub struct RunConfig {
    /// The seed.
    pub seed: Seed,
    /// The variant of the world; empty for its default.
    pub variant: String,
    /// The faults; none lets the world's chaos draw them from the seed.
    pub plan: Option<FaultPlan>,
    /// How ready tasks are chosen.
    pub scheduling: Scheduling,
    /// How much is kept.
    pub recording: Recording,
    /// False runs without the seal even where it is compiled in.
    pub sealed: bool,
    /// Set it from another thread to stop the run; its verdict is then unknown.
    pub interrupt: Arc<AtomicBool>,
}

impl RunConfig {
    /// A run of `seed` with everything else as usual.
    #[must_use]
    pub fn seed(seed: u64) -> RunConfig {
        RunConfig {
            seed: Seed(seed),
            variant: String::new(),
            plan: None,
            scheduling: Scheduling::Fifo,
            recording: Recording::Full,
            sealed: true,
            interrupt: Arc::default(),
        }
    }

    /// The same with another variant.
    #[must_use]
    pub fn variant(self, variant: &str) -> RunConfig {
        RunConfig { variant: variant.to_owned(), ..self }
    }

    /// The same with these faults instead of drawn ones.
    #[must_use]
    pub fn plan(self, plan: FaultPlan) -> RunConfig {
        RunConfig { plan: Some(plan), ..self }
    }
}

/// The topology of a world, without running it.
#[must_use]
pub fn describe(world: &(impl Fn(&mut Sim) + ?Sized), seed: Seed, variant: &str) -> Topology {
    let mut sim = Sim::new(seed, variant, None);
    world(&mut sim);
    sim.topology()
}

/// True if the world asks which variant it is to be.
pub(crate) fn has_variants(world: &(impl Fn(&mut Sim) + ?Sized), variant: &str) -> bool {
    let mut sim = Sim::new(Seed(0), variant, None);
    world(&mut sim);
    sim.asked_variant.get()
}

/// Runs a world.
///
/// A sealed run (`--cfg madsim`) must have a thread of its own if its services use std's
/// `HashMap`, whose keys belong to the thread: [`explore`](crate::explore::explore) and the CLI see to that.
///
/// # Panics
///
/// If the world function panics, a plan names what the world does not have, or the world has programs
/// and nothing to run them on ([`Sim::program`]). A panic of a
/// service does not come out: it is part of the run.
pub fn run(world: &(impl Fn(&mut Sim) + ?Sized), config: &RunConfig) -> Run {
    if config.sealed {
        seal(config.seed, || run_world(world, config))
    } else {
        run_world(world, config)
    }
}

fn run_world(world: &(impl Fn(&mut Sim) + ?Sized), config: &RunConfig) -> Run {
    let mut sim = Sim::new(config.seed, &config.variant, config.plan.clone());
    world(&mut sim);
    refuse_unknown_names(&sim, config.plan.as_ref());
    let kernel = Kernel::new(Settings {
        seed: config.seed,
        scheduling: config.scheduling,
        recording: config.recording,
        events_max: sim.events_max,
        interrupt: config.interrupt.clone(),
    });
    let uses_sockets = sim.uses_sockets();
    let notices = match uses_sockets {
        true => os::check(kernel.sealed(), &sim.allowed),
        false => Vec::new(),
    };
    let _quiet = silence();
    let _kernel = current::enter(kernel.clone());
    let _clocks = clock::install(&kernel);
    let _net = net::install(&kernel, sim.profile.clone());
    let _services = service::install(&kernel, uses_sockets);
    let _nodes = node::install();
    let _events = events::install();
    let _sagas = saga::install();
    let _programs = os::install();
    for notice in notices {
        kernel.record_text(Entry::new(Kind::Note, NodeId::WORLD), notice);
    }
    let (board, _board) = board::install();
    let (clients, _clients) = course::install(&sim);

    let topology = sim.topology();
    let plan = sim.plan.take().unwrap_or_else(|| sim.chaos.draw(config.seed, &topology));
    populate(&kernel, &sim);
    let storm = Storm::schedule(&kernel, &plan);
    let mut judge = Judge::new(&sim, board.clone());
    let course = Course { sim: &sim, kernel: &kernel, plan: &plan, storm: &storm, clients };
    let end = log::capture(sim.log_level, || course.take(&mut judge));
    let outcomes = judge.finish(&kernel, &end);
    let symbol = kernel.symbol(match &end {
        End::Finished => "finished",
        End::Violated => "violated",
        End::Deadlock(_) => "deadlock",
        End::Stopped(..) => "stopped",
    });
    kernel.record(Entry::new(Kind::End, NodeId::WORLD).symbol(symbol));
    let tallies = storm.tallies();
    kernel.end();
    let journal = kernel.take_journal().finish();
    let of_member = |member: &Member| Some((member.name.clone(), member.operations?));
    let operations = topology.members.iter().filter_map(of_member).collect();
    let mut run = Run {
        seed: config.seed,
        variant: config.variant.clone(),
        topology,
        plan,
        plan_given: config.plan.is_some(),
        tallies,
        journal,
        outcomes,
        end,
        duration: kernel.now(),
        reached: board.reached(),
        points: sim.points.clone(),
        operations,
        polls: kernel.polls(),
        sealed: kernel.sealed(),
    };
    judge::check_journal(&sim.properties, &mut run);
    run
}

/// A call, link or fault that names nobody would do nothing, and nobody would know.
fn refuse_unknown_names(sim: &Sim, plan: Option<&FaultPlan>) {
    let topology = sim.topology();
    let check = |what: String, name: &str| {
        if !topology.knows(name) {
            let known: Vec<String> = topology.names().collect();
            let hint = hint(name, known.iter().map(String::as_str));
            panic!("{what} `{name}`, which is not in this world{hint}");
        }
    };
    for member in &topology.members {
        for name in &member.calls {
            check(format!("`{}` calls", member.name), name);
        }
    }
    for (from, to, _) in &sim.links {
        check("a link begins at".to_owned(), from);
        check("a link leads to".to_owned(), to);
    }
    if let Some(Err(error)) = plan.map(|plan| plan.check(&topology)) {
        panic!("{error}");
    }
}

/// Adds every member's nodes and starts them.
fn populate(kernel: &Kernel, sim: &Sim) {
    for spec in &sim.members {
        let boot = spec.boot();
        for (ordinal, name) in (0..).zip(spec.member().nodes()) {
            let plan = node::Plan {
                role: spec.role,
                lane: spec.lane,
                wanted: ordinal < spec.replicas,
                processors: spec.processors,
                boot: boot.clone(),
                declared_at: spec.declared_at,
            };
            node::add(kernel, &spec.name, &name, plan);
        }
    }
    for (from, to, profile) in &sim.links {
        let profile = Rc::new(net::Weather::new(profile.clone()));
        for from in node::named(from) {
            for to in node::named(to) {
                net::set_profile(from, to, profile.clone());
            }
        }
    }
    for spec in &sim.members {
        if let Some(place) = &spec.place {
            node::set_place(&spec.name, place);
        }
    }
    let begin = sim.keeper.as_ref().map(|keeper| keeper(kernel));
    for id in node::all() {
        node::start(kernel, id);
    }
    if let Some(begin) = begin {
        begin(kernel);
    }
}
