//! The executor, the clock of true time, the event queue and the journal of one world.
//!
//! One thread, no I/O. A world is a set of tasks, each belonging to a node, and a queue of future
//! actions. The kernel polls every ready task, then takes the earliest action, moves time there,
//! acts, and so on. What *happens* between nodes (messages, faults, disks) is not its business:
//! the parts above put actions into its queue and tasks into its table.

mod action;
pub(crate) mod current;
mod home;
mod join;
mod panics;
mod queue;
mod record;
mod run;
mod scheduler;
mod seal;
mod task;
mod timer;
mod watchdog;

pub(crate) use action::{Action, Target};
pub(crate) use home::{Home, WorldId};
pub(crate) use join::completion;
pub use join::{JoinError, JoinHandle};
#[cfg(all(madsim, target_os = "linux", target_env = "gnu"))]
pub(crate) use panics::{CLOCKS, silence_thread_of};
pub(crate) use panics::{message as panic_message, silence};
pub(crate) use queue::Key;
pub use run::{Stop, Waiting};
pub use scheduler::Scheduling;
#[cfg(madsim)]
pub(crate) use seal::ThreadSeal;
pub(crate) use seal::{is_of_seal, seal};
pub(crate) use task::{TaskKey, Wait};
pub(crate) use timer::Timer;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustc_hash::FxHashMap;
use slab::Slab;

use crate::journal::{Entry, EventId, Kind, NodeId, Recorder, Recording, Symbol, Trace};
use crate::seed::Seed;
use crate::time::Time;
use queue::Queue;
use scheduler::Ready;
use task::Task;

/// A node as the kernel sees it: the owner of tasks.
#[derive(Default)]
struct Owner {
    paused: bool,
    /// Tasks that became ready while the node was paused.
    parked: Vec<TaskKey>,
    /// Set where the node's clock is not the true one: its tasks see this std clock.
    skewed: bool,
    /// Its tasks run inside of this.
    surroundings: Option<Rc<dyn Surroundings>>,
}

/// What a node's code runs inside of.
pub(crate) trait Surroundings {
    /// Calls `f`, once, which polls that task.
    fn poll(&self, task: TaskKey, f: &mut dyn FnMut());

    /// Calls `f`, once, which drops something.
    fn end(&self, f: &mut dyn FnMut());
}

/// A panic of a task, to be dealt with by whoever runs the kernel.
#[derive(Clone, Debug)]
pub(crate) struct Panicked {
    pub node: NodeId,
    pub message: String,
}

/// How a kernel is set up.
pub(crate) struct Settings {
    pub seed: Seed,
    pub scheduling: Scheduling,
    pub recording: Recording,
    /// Events, recorded or not, after which the run is stopped.
    pub events_max: u64,
    /// Set from outside when the run has used up its wall time.
    pub interrupt: Arc<AtomicBool>,
}

/// One world's executor, queue and journal.
pub(crate) struct Kernel {
    world: u64,
    seed: Seed,
    now: Cell<u64>,
    queue: RefCell<Queue<Action>>,
    /// Actions of the queue that do not keep the world going.
    in_background: Cell<usize>,
    tasks: RefCell<Slab<Task>>,
    generations: Cell<u32>,
    ready: RefCell<Ready>,
    owners: RefCell<Vec<Owner>>,
    any_skewed: Cell<bool>,
    journal: RefCell<Recorder>,
    /// The symbols of places in the source, by the address of their constant.
    places: RefCell<FxHashMap<usize, Symbol>>,
    /// The last event of the running task or action, and the one that led to it from elsewhere.
    prev: Cell<EventId>,
    cause: Cell<EventId>,
    running: Cell<Option<TaskKey>>,
    /// What tells the running task's waker from others: where its data is.
    waker: Cell<*const ()>,
    node: Cell<NodeId>,
    wait: Cell<Wait>,
    trace: Cell<Trace>,
    /// Set when something changed that a property may look at.
    touched: Cell<bool>,
    panicked: RefCell<Vec<Panicked>>,
    /// Set once the world has ended: destructors still run, but nothing is recorded or made.
    over: Cell<bool>,
    polls: Cell<u64>,
    pulse: watchdog::Beat,
    events_max: u64,
    interrupt: Arc<AtomicBool>,
    seal: seal::Seal,
    local_clock: RefCell<Option<Rc<dyn LocalClock>>>,
}

/// What a node's own std clock shows, for the seal.
pub(crate) trait LocalClock {
    /// Nanoseconds since the start of the world on the node's wall clock.
    fn local_nanos(&self, node: NodeId, now: Time) -> u64;
}

/// Tells the wakers of one world from those of another. It never enters a run.
static WORLDS: AtomicU64 = AtomicU64::new(1);

impl Kernel {
    pub(crate) fn new(settings: Settings) -> Rc<Kernel> {
        Rc::new(Kernel {
            world: WORLDS.fetch_add(1, Ordering::Relaxed),
            seed: settings.seed,
            now: Cell::new(0),
            queue: RefCell::new(Queue::new()),
            in_background: Cell::new(0),
            tasks: RefCell::new(Slab::new()),
            generations: Cell::new(0),
            ready: RefCell::new(Ready::new(settings.scheduling, settings.seed)),
            owners: RefCell::new(vec![Owner::default()]),
            any_skewed: Cell::new(false),
            journal: RefCell::new(Recorder::new(settings.recording)),
            places: RefCell::default(),
            prev: Cell::default(),
            cause: Cell::default(),
            running: Cell::new(None),
            waker: Cell::new(std::ptr::null()),
            node: Cell::default(),
            wait: Cell::default(),
            trace: Cell::default(),
            touched: Cell::new(false),
            panicked: RefCell::default(),
            over: Cell::new(false),
            polls: Cell::new(0),
            pulse: watchdog::Pulse::watched(settings.seed),
            events_max: settings.events_max,
            interrupt: settings.interrupt,
            seal: seal::Seal::new(),
            local_clock: RefCell::new(None),
        })
    }

    pub(crate) fn seed(&self) -> Seed {
        self.seed
    }

    /// True time.
    #[inline]
    pub(crate) fn now(&self) -> Time {
        Time(self.now.get())
    }

    /// The node whose task runs; the world outside of tasks.
    #[inline]
    pub(crate) fn node(&self) -> NodeId {
        self.node.get()
    }

    /// Tells this world's wakers from those of others.
    fn world(&self) -> u64 {
        self.world
    }

    /// The task that runs.
    #[cfg(all(madsim, target_os = "linux", target_env = "gnu"))]
    pub(crate) fn running(&self) -> Option<TaskKey> {
        self.running.get()
    }

    /// Polls so far.
    pub(crate) fn polls(&self) -> u64 {
        self.polls.get()
    }

    /// Adds a node to the journal and the table of owners.
    pub(crate) fn add_node(&self, name: &str) -> NodeId {
        self.owners.borrow_mut().push(Owner::default());
        self.journal.borrow_mut().add_node(name)
    }

    /// The number of nodes, the world itself among them.
    pub(crate) fn nodes(&self) -> usize {
        self.owners.borrow().len()
    }

    /// Makes property checks run after the current action.
    pub(crate) fn touch(&self) {
        self.touched.set(true);
    }

    /// True while the world's tasks are dropped, and after.
    pub(crate) fn has_ended(&self) -> bool {
        self.over.get()
    }

    /// Notes what the running task waits for.
    #[inline]
    pub(crate) fn waits_for(&self, wait: Wait) {
        self.wait.set(wait);
    }

    /// The panics since the last call.
    pub(crate) fn take_panicked(&self) -> Vec<Panicked> {
        self.panicked.take()
    }

    /// True if the std clock, OS entropy and hash keys are this world's own.
    pub(crate) fn sealed(&self) -> bool {
        self.seal.is_closed()
    }

    /// The date of the std clock at the start, where it is this world's own.
    pub(crate) fn start_date(&self) -> Option<u64> {
        self.seal.start_date()
    }

    /// The seal of a program's thread.
    #[cfg(madsim)]
    pub(crate) fn thread_seal(&self, number: u64) -> ThreadSeal {
        ThreadSeal::new(self.seed, number)
    }

    /// The trace context of the running task.
    pub(crate) fn trace(&self) -> Trace {
        self.trace.get()
    }

    /// Sets the trace context of the running task, and of the tasks that it will make.
    pub(crate) fn set_trace(&self, trace: Trace) {
        self.trace.set(trace);
    }

    /// Sets whose clock a skewed node's std clock follows.
    pub(crate) fn set_local_clock(&self, clock: Rc<dyn LocalClock>) {
        *self.local_clock.borrow_mut() = Some(clock);
    }

    /// Says that `node` sees another std clock than the true one, from now on.
    pub(crate) fn set_skewed(&self, node: NodeId) {
        self.owners.borrow_mut()[node.0 as usize].skewed = true;
        self.any_skewed.set(true);
        self.seal.part(self.seed, node);
    }

    /// Sets what the code of a node runs inside of, destructors included, until the node goes down.
    #[cfg(all(madsim, target_os = "linux", target_env = "gnu"))]
    pub(crate) fn set_surroundings(&self, node: NodeId, surroundings: Rc<dyn Surroundings>) {
        self.owners.borrow_mut()[node.0 as usize].surroundings = Some(surroundings);
    }

    fn surroundings(&self, node: NodeId) -> Option<Rc<dyn Surroundings>> {
        self.owners.borrow()[node.0 as usize].surroundings.clone()
    }

    /// True once some node's clock is not the true one: most worlds never ask a clock.
    #[inline]
    pub(crate) fn any_skewed(&self) -> bool {
        self.any_skewed.get()
    }
}

/// Tasks.
impl Kernel {
    /// Makes a task of `node`, and records that it was made. Once the world has ended there is nobody
    /// to poll it: `future` is dropped.
    pub(crate) fn spawn(
        &self,
        node: NodeId,
        location: &'static Location<'static>,
        future: impl Future<Output = ()> + 'static,
    ) -> TaskKey {
        if self.over.get() {
            return TaskKey::NONE;
        }
        let place = self.place(location);
        let made = self.record(Entry::new(Kind::Spawn, node).symbol(place));
        self.spawn_unrecorded(node, location, made, future)
    }

    /// The same without an event of its own: a task for each request would say nothing that `cause`,
    /// the request's own event, does not.
    pub(crate) fn spawn_unrecorded(
        &self,
        node: NodeId,
        location: &'static Location<'static>,
        cause: EventId,
        future: impl Future<Output = ()> + 'static,
    ) -> TaskKey {
        if self.over.get() {
            return TaskKey::NONE;
        }
        let generation = self.generations.get().wrapping_add(1);
        self.generations.set(generation);
        let mut tasks = self.tasks.borrow_mut();
        let entry = tasks.vacant_entry();
        let key = TaskKey { index: entry.key() as u32, generation };
        entry.insert(Task {
            body: Some((Box::pin(future), task::waker(self.world, key))),
            generation,
            node,
            queued: true,
            last: EventId::NONE,
            woken_by: cause,
            wait: Wait::Unknown,
            trace: self.trace.get(),
            since: self.now.get(),
            polls: 0,
            spawned_at: location,
        });
        drop(tasks);
        self.ready.borrow_mut().push(key);
        key
    }

    /// Puts a task into the ready queue, unless it is there or has ended.
    #[inline]
    fn make_ready(&self, key: TaskKey) {
        let mut tasks = self.tasks.borrow_mut();
        let Some(task) = tasks.get_mut(key.index as usize) else { return };
        if task.generation != key.generation || task.queued {
            return;
        }
        task.queued = true;
        if self.running.get() != Some(key) {
            task.woken_by = self.here();
        }
        drop(tasks);
        self.ready.borrow_mut().push(key);
    }

    /// Ends one task: its destructors run now.
    pub(crate) fn abort(&self, key: TaskKey) {
        let mut tasks = self.tasks.borrow_mut();
        let found = tasks.get(key.index as usize).is_some_and(|t| t.generation == key.generation);
        let ended = found.then(|| tasks.remove(key.index as usize));
        drop(tasks);
        if let Some(task) = ended {
            self.drop_inside(task.node, task);
        }
    }

    /// Drops what a node owned inside of what it runs in.
    fn drop_inside<T>(&self, node: NodeId, owned: T) {
        match self.surroundings(node) {
            Some(surroundings) => {
                let mut owned = Some(owned);
                surroundings.end(&mut || self.drop_quietly(node, owned.take()));
            }
            None => self.drop_quietly(node, owned),
        }
    }

    /// Drops what a node owned. A destructor that panics is a panic of the node, as any other.
    fn drop_quietly<T>(&self, node: NodeId, owned: T) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(owned))) {
            self.note_panic(node, &panics::message(payload.as_ref()));
        }
    }

    /// Ends all tasks of a node; their destructors run now, those of a task that is being polled
    /// when its poll returns.
    pub(crate) fn kill(&self, node: NodeId) {
        let mut tasks = self.tasks.borrow_mut();
        let keys: Vec<usize> =
            tasks.iter().filter(|(_, task)| task.node == node).map(|(key, _)| key).collect();
        let ended: Vec<Task> = keys.into_iter().map(|key| tasks.remove(key)).collect();
        drop(tasks);
        self.acting(node, self.here(), || {
            ended.into_iter().for_each(|task| self.drop_inside(node, task));
        });
        let mut owners = self.owners.borrow_mut();
        let owner = &mut owners[node.0 as usize];
        let before = std::mem::take(owner);
        owner.skewed = before.skewed;
        drop(owners);
        drop(before);
    }

    /// Stops polling a node's tasks.
    pub(crate) fn pause(&self, node: NodeId) {
        self.owners.borrow_mut()[node.0 as usize].paused = true;
    }

    /// Polls a paused node's tasks again.
    pub(crate) fn resume(&self, node: NodeId) {
        let mut owners = self.owners.borrow_mut();
        let owner = &mut owners[node.0 as usize];
        owner.paused = false;
        let mut ready = self.ready.borrow_mut();
        owner.parked.drain(..).for_each(|key| ready.push(key));
    }

    /// Ends the world: every task and every waiting action is dropped, destructors run. What they
    /// do is not recorded, and what they make is dropped at once.
    pub(crate) fn end(&self) {
        self.over.set(true);
        let owners = self.owners.borrow().len();
        for node in 0..owners {
            self.kill(NodeId(node as u32));
        }
        let queue = self.queue.replace(Queue::new());
        self.drop_quietly(NodeId::WORLD, queue);
        self.seal.end();
    }
}
