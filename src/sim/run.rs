//! One run: builds the world, lets chaos loose, heals, waits, judges.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::board::{self, Board};
use super::outcome::{End, Run};
use super::property::{Decide, Outcome, Property, PropertyKind, View};
use super::storm::Storm;
use super::{Sim, log};
use crate::chaos::{Fault, FaultPlan};
use crate::error::nearest;
use crate::journal::{Entry, EventId, Kind, NodeId, Recording};
use crate::kernel::current::{self, Part};
use crate::kernel::{Kernel, Scheduling, Settings, Stop, Waiting, seal, silence};
use crate::seed::Seed;
use crate::service::Ctx;
use crate::time::Time;
use crate::topology::{Role, Topology};
use crate::verdict::Verdict;
use crate::{clock, net, node, service};

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

/// Clients that have not ended.
struct Clients(Cell<usize>);

thread_local! {
    static CLIENTS: Part<Clients> = const { Part::empty() };
}

pub(super) fn client_ended() {
    current::part(&CLIENTS, |clients| clients.0.set(clients.0.get() - 1));
    current::with(Kernel::touch);
}

pub(super) fn record_operation(ctx: Ctx, index: usize, what: &str, text: String) {
    current::with(|kernel| {
        let entry = Entry::new(Kind::Operation, ctx.node()).symbol(kernel.symbol(what));
        let id = kernel.record(entry.value(index as u64));
        kernel.attach_text(id, || text);
    });
}

/// The topology of a world, without running it.
#[must_use]
pub fn describe(world: &(impl Fn(&mut Sim) + ?Sized), seed: Seed, variant: &str) -> Topology {
    let mut sim = Sim::new(seed, variant, None);
    world(&mut sim);
    sim.topology()
}

/// Runs a world.
///
/// A sealed run (`--cfg madsim`) must have a thread of its own if its services use std's
/// `HashMap`, whose keys belong to the thread: [`explore`](crate::explore::explore) and the CLI see to that.
///
/// # Panics
///
/// If the world function panics, or a plan names what the world does not have. A panic of a
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
    let _quiet = silence();
    let _kernel = current::enter(kernel.clone());
    let _clocks = clock::install(&kernel);
    let _net = net::install(&kernel, sim.profile.clone());
    let _services = service::install(&kernel);
    let _nodes = node::install();
    let (board, _board) = board::install();
    let clients = sim.members.iter().filter(|m| m.role == Role::Client);
    let clients = Rc::new(Clients(Cell::new(clients.map(|m| m.replicas as usize).sum())));
    let _clients = current::install(&CLIENTS, clients.clone());

    let topology = sim.topology();
    let plan = sim.plan.take().unwrap_or_else(|| sim.chaos.draw(config.seed, &topology));
    populate(&kernel, &sim);
    let storm = Storm::schedule(&kernel, &plan);
    let judge = Judge::new(&sim, board.clone());
    let storm_ends = plan.faults.iter().filter_map(Fault::window);
    let storm_ends = storm_ends.map(|(at, lasts)| at + lasts.unwrap_or_default());
    let storm_ends = storm_ends.fold(sim.chaos.length, Duration::max);
    let mut course =
        Course { sim: &sim, kernel: &kernel, storm: &storm, clients, judge, storm_ends };
    let end = log::capture(|| course.take());
    let outcomes = course.judge.finish(&kernel, &end);
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
    let mut run = Run {
        seed: config.seed,
        variant: config.variant.clone(),
        topology,
        plan,
        tallies,
        journal,
        outcomes,
        end,
        duration: kernel.now(),
        reached: board.reached(),
        points: sim.points.clone(),
        operations: sim.operations.clone(),
        polls: kernel.polls(),
        sealed: kernel.sealed(),
    };
    check_journal(&sim.properties, &mut run);
    run
}

/// A call, link or fault that names nobody would do nothing, and nobody would know.
fn refuse_unknown_names(sim: &Sim, plan: Option<&FaultPlan>) {
    let topology = sim.topology();
    let check = |what: String, name: &str| {
        if !topology.knows(name) {
            let known: Vec<String> = topology.names().collect();
            let near = nearest(name, known.iter().map(String::as_str));
            let hint = near.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
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
    for id in node::all() {
        node::start(kernel, id);
    }
}

/// The way of one run from its start to its end.
struct Course<'a> {
    sim: &'a Sim,
    kernel: &'a Kernel,
    storm: &'a Rc<Storm>,
    clients: Rc<Clients>,
    judge: Judge,
    /// When the last fault of the plan ends by itself.
    storm_ends: Duration,
}

impl Course<'_> {
    fn take(&mut self) -> End {
        // Without clients nobody says when the world has been tried enough: the storm does.
        let driven = self.clients.0.get() > 0;
        let limit = if driven { self.sim.limit } else { self.sim.limit.min(self.storm_ends) };
        let stop = self.run_until(Time::from(limit), !driven, false);
        if let Some(end) = self.end_of(stop, true) {
            return end;
        }
        self.judge.after_chaos = true;
        self.storm.heal(self.kernel);
        let stop = self.run_until(self.kernel.now() + self.sim.settle, false, true);
        self.end_of(stop, false).unwrap_or(End::Finished)
    }

    /// Runs until the clients have ended, and `settled` asks for the eventual properties as well;
    /// until the limit if it is to be `used_up`.
    fn run_until(&mut self, limit: Time, used_up: bool, settled: bool) -> Stop {
        let (judge, clients) = (&mut self.judge, &self.clients);
        let may_panic = self.sim.may_panic;
        self.kernel.run(limit, &mut |kernel| {
            for panic in kernel.take_panicked() {
                // What runs on within the step in which its machine lost power may do what it likes.
                if !node::life(panic.node).is_up() {
                    continue;
                }
                node::crash(kernel, panic.node);
                if !may_panic {
                    let node = kernel.node_name(panic.node);
                    judge.panicked(kernel, format!("{node}: {}", panic.message));
                }
            }
            judge.look(kernel);
            let done = !used_up && clients.0.get() == 0 && (!settled || judge.is_settled());
            // What is ready has its turn before the end: a node that was started again boots.
            let go_on = done && !judge.violated && !kernel.is_at_rest();
            if go_on {
                kernel.touch();
            }
            let ends = judge.violated || done && !go_on;
            if ends { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
    }

    /// How the world ends now, if it does.
    fn end_of(&mut self, stop: Stop, before_heal: bool) -> Option<End> {
        if self.judge.violated {
            return Some(End::Violated);
        }
        let waiting = self.clients.0.get() > 0;
        match stop {
            Stop::Livelock | Stop::Events | Stop::Interrupted => {
                let waiting = self.waiting(&stop);
                Some(End::Stopped(stop, waiting))
            }
            // Before chaos ends, an idle world may be waiting for a node that comes back.
            _ if before_heal => None,
            Stop::Idle if waiting => Some(End::Deadlock(self.waiting(&stop))),
            Stop::Limit if waiting => {
                let waiting = self.waiting(&stop);
                Some(End::Stopped(stop, waiting))
            }
            _ => None,
        }
    }

    /// Who waits: clients first, since the world ends with them, then the longest first. Of a
    /// livelock the busiest come first.
    fn waiting(&self, stop: &Stop) -> Vec<Waiting> {
        let mut waiting = self.kernel.waiting();
        let is_client = |w: &Waiting| {
            let clients = self.sim.members.iter().filter(|m| m.role == Role::Client);
            clients.into_iter().any(|m| m.member().nodes().contains(&w.node))
        };
        match stop {
            Stop::Livelock => waiting.sort_by_key(|w| std::cmp::Reverse(w.polls)),
            _ => waiting.sort_by_cached_key(|w| !is_client(w)),
        }
        waiting
    }
}

/// Looks at the properties while the world runs.
struct Judge {
    board: Rc<Board>,
    properties: Vec<Property>,
    outcomes: Vec<Outcome>,
    panic: Option<Outcome>,
    violated: bool,
    after_chaos: bool,
}

impl Judge {
    fn new(sim: &Sim, board: Rc<Board>) -> Judge {
        let outcomes = sim.properties.iter().map(|p| Outcome {
            property: p.name.clone(),
            kind: p.kind,
            verdict: match p.kind {
                PropertyKind::Always | PropertyKind::Never => Verdict::Holds,
                PropertyKind::Eventually => Verdict::Unknown("it was not looked at".to_owned()),
                PropertyKind::Sometimes => Verdict::Unknown("it was not seen".to_owned()),
                PropertyKind::Check => Verdict::Unknown("the world has not ended".to_owned()),
            },
            event: EventId::NONE,
        });
        Judge {
            board,
            outcomes: outcomes.collect(),
            properties: sim.properties.clone(),
            panic: None,
            violated: false,
            after_chaos: false,
        }
    }

    fn panicked(&mut self, kernel: &Kernel, message: String) {
        self.violated = true;
        self.panic.get_or_insert_with(|| Outcome {
            property: "no service panics".to_owned(),
            kind: PropertyKind::Always,
            verdict: Verdict::Violated(message),
            event: EventId(kernel.events() as u32),
        });
    }

    /// Asks every property that this moment concerns.
    fn look(&mut self, kernel: &Kernel) {
        let view = View { board: &self.board, now: kernel.now(), after_chaos: self.after_chaos };
        for (property, outcome) in self.properties.iter().zip(&mut self.outcomes) {
            let Decide::View(decide) = &property.decide else { continue };
            let open = match property.kind {
                PropertyKind::Always | PropertyKind::Never => true,
                PropertyKind::Eventually => self.after_chaos,
                PropertyKind::Sometimes => !outcome.verdict.holds(),
                PropertyKind::Check => false,
            };
            if !open {
                continue;
            }
            let verdict = guarded(|| decide(&view));
            match property.kind {
                PropertyKind::Eventually => outcome.verdict = verdict,
                PropertyKind::Sometimes if verdict.holds() => outcome.verdict = Verdict::Holds,
                PropertyKind::Always | PropertyKind::Never if verdict.is_violated() => {
                    let cause = EventId(kernel.events() as u32);
                    let entry = Entry::new(Kind::Property, NodeId::WORLD);
                    let entry = entry.symbol(kernel.symbol(&property.name));
                    outcome.event = kernel.record_caused(entry, cause);
                    outcome.verdict = verdict;
                    self.violated = true;
                    return;
                }
                PropertyKind::Always | PropertyKind::Never => outcome.verdict = verdict,
                _ => {}
            }
        }
    }

    fn is_settled(&self) -> bool {
        let eventual = |o: &&Outcome| o.kind == PropertyKind::Eventually;
        self.outcomes.iter().filter(eventual).all(|o| o.verdict.holds())
    }

    /// The outcomes, with what the end itself says.
    fn finish(&mut self, kernel: &Kernel, end: &End) -> Vec<Outcome> {
        let mut outcomes: Vec<Outcome> = self.panic.take().into_iter().collect();
        let event = EventId(kernel.events() as u32);
        let built_in = |property: &str, verdict| Outcome {
            property: property.to_owned(),
            kind: PropertyKind::Eventually,
            verdict,
            event,
        };
        match end {
            End::Finished => {}
            End::Violated => {
                for outcome in &mut self.outcomes {
                    if outcome.kind == PropertyKind::Eventually {
                        let reason = "the run ended at the violation";
                        outcome.verdict = Verdict::Unknown(reason.to_owned());
                    }
                }
            }
            End::Deadlock(waiting) | End::Stopped(Stop::Limit | Stop::Livelock, waiting) => {
                let text = tell(waiting);
                outcomes.push(built_in("every client ends", Verdict::Violated(text)));
            }
            End::Stopped(stop, _) => {
                let text = format!("the run was stopped: {stop:?}");
                for outcome in &mut self.outcomes {
                    if outcome.kind == PropertyKind::Eventually && !outcome.verdict.holds() {
                        outcome.verdict = Verdict::Unknown(text.clone());
                    }
                }
                outcomes.push(built_in("every client ends", Verdict::Unknown(text)));
            }
        }
        for outcome in &mut self.outcomes {
            let eventual = outcome.kind == PropertyKind::Eventually;
            if eventual && outcome.verdict.is_violated() {
                let entry = Entry::new(Kind::Property, NodeId::WORLD);
                let entry = entry.symbol(kernel.symbol(&outcome.property));
                outcome.event = kernel.record_caused(entry, event);
            }
        }
        outcomes.append(&mut self.outcomes);
        outcomes
    }
}

/// The first five that wait.
fn tell(waiting: &[Waiting]) -> String {
    let line = |w: &Waiting| format!("{} waits for {} since {}", w.node, w.waits_for, w.since);
    waiting.iter().map(line).take(5).collect::<Vec<_>>().join("; ")
}

/// Decides the properties of the whole journal.
fn check_journal(properties: &[Property], run: &mut Run) {
    let built_in = run.outcomes.len() - properties.len();
    for (index, property) in properties.iter().enumerate() {
        let Decide::Journal(decide) = &property.decide else { continue };
        let verdict = if run.journal.is_empty() {
            Verdict::Unknown("the journal was not kept".to_owned())
        } else {
            guarded(|| decide(&run.journal))
        };
        let last = EventId(run.journal.total() as u32);
        let outcome = &mut run.outcomes[built_in + index];
        outcome.event = if verdict.is_violated() { last } else { EventId::NONE };
        outcome.verdict = verdict;
    }
}

/// A property that panics is violated: an assertion in it is as good as an error.
fn guarded(decide: impl FnOnce() -> Verdict) -> Verdict {
    catch_unwind(AssertUnwindSafe(decide)).unwrap_or_else(|payload| {
        let text = crate::kernel::panic_message(payload.as_ref());
        Verdict::Violated(text)
    })
}
