//! Nodes: simulated machines, the process on each, and their lives.
//!
//! A node has two layers that fail apart. The *process* can crash: its memory is gone, the machine
//! answers for it with resets, the disk is as it was. The *machine* can lose power: nothing
//! answers, and what the disk had not synced may be lost. Starting a node again calls its factory
//! again.

mod cpu;
mod storage;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::panic::Location;
use std::rc::Rc;
use std::task::Waker;

use futures::future::LocalBoxFuture;
use rustc_hash::FxHashMap;

pub use cpu::Work;
pub(crate) use cpu::{set_slow, work};
pub(crate) use storage::{
    begin_disk_fault, disk, disk_tallies, end_disk_fault, end_power_loss, heal_disk,
};

use crate::journal::{Entry, EventId, Kind, NodeId};
use crate::kernel::Kernel;
use crate::kernel::current::{self, Installed, Part};
use crate::net;
use crate::seed::Stream;
use crate::service::{self, Ctx};
use cpu::Cpu;
use storage::Storage;

/// Whether a node's process runs, and its machine has power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// The process runs.
    Up,
    /// The process runs, takes nothing new, and will soon end.
    Stopping,
    /// The machine runs without the process.
    Down,
    /// The machine has no power.
    Off,
}

impl Life {
    pub(crate) fn is_up(self) -> bool {
        matches!(self, Life::Up | Life::Stopping)
    }

    pub(crate) fn machine_is_on(self) -> bool {
        self != Life::Off
    }
}

/// What starts a node's process: calls the factory, and installs what it made or gives the future
/// that the process is.
pub(crate) type Boot = Rc<dyn Fn(Ctx) -> Option<LocalBoxFuture<'static, ()>>>;

/// What a node is made of.
pub(crate) struct Plan {
    /// Requests that its processors work on at a time.
    pub processors: u32,
    pub boot: Boot,
    pub declared_at: &'static Location<'static>,
}

struct Node {
    plan: Plan,
    cpu: Cpu,
    rng: Option<Box<Stream>>,
    /// Tasks that wait to be asked to stop, by ticket.
    stop_waiters: BTreeMap<u64, Waker>,
    next_ticket: u64,
    /// The last event before the machine last lost its power.
    dark: EventId,
    /// Made when the node's disk is first used.
    storage: Option<Box<Storage>>,
}

/// All nodes of a world. Index 0 is the world itself and stays empty.
#[derive(Default)]
pub(crate) struct Nodes {
    list: RefCell<Vec<Option<Node>>>,
    /// The replicas of each member.
    members: RefCell<BTreeMap<String, Vec<NodeId>>>,
    /// Whose turn it is, by caller and service: plain round robin, as a name server does it.
    turns: RefCell<FxHashMap<(NodeId, NodeId), u32>>,
}

thread_local! {
    static NODES: Part<Nodes> = const { Part::empty() };
}

pub(crate) fn install() -> Installed<Nodes> {
    current::install(&NODES, Rc::new(Nodes::default()))
}

fn with<R>(f: impl FnOnce(&Nodes) -> R) -> R {
    current::part(&NODES, |nodes| f(nodes))
}

fn with_node<R>(id: NodeId, f: impl FnOnce(&mut Node) -> R) -> R {
    with(|nodes| {
        let mut list = nodes.list.borrow_mut();
        let node = list.get_mut(id.0 as usize).and_then(Option::as_mut);
        f(node.expect("node numbers come from the world's own table"))
    })
}

/// Adds the next replica of `member`; it is down until [`start`].
pub(crate) fn add(kernel: &Kernel, member: &str, name: &str, plan: Plan) -> NodeId {
    let id = kernel.add_node(name);
    with(|nodes| {
        let mut members = nodes.members.borrow_mut();
        match members.get_mut(member) {
            Some(replicas) => replicas.push(id),
            None => _ = members.insert(member.to_owned(), vec![id]),
        }
        let cpu = Cpu::new(plan.processors);
        let mut list = nodes.list.borrow_mut();
        list.resize_with(id.0 as usize, || None);
        list.push(Some(Node {
            plan,
            cpu,
            rng: None,
            stop_waiters: BTreeMap::new(),
            next_ticket: 0,
            dark: EventId::NONE,
            storage: None,
        }));
        net::with(|net| net.set_life(id, Life::Down));
    });
    id
}

/// Whether a node is up.
#[inline]
pub(crate) fn life(id: NodeId) -> Life {
    net::with(|net| net.life(id))
}

fn set_life(id: NodeId, life: Life) {
    net::with(|net| net.set_life(id, life));
    if life == Life::Off {
        let last = EventId(current::with(Kernel::events) as u32);
        with_node(id, |node| node.dark = last);
    }
}

/// The nodes that a name stands for: a service's replicas, or one node.
pub(crate) fn named(name: &str) -> Vec<NodeId> {
    with(|nodes| find(&nodes.members.borrow(), name).map(<[_]>::to_vec).unwrap_or_default())
}

/// A member's replicas, or the one that has that name.
fn find<'a>(members: &'a BTreeMap<String, Vec<NodeId>>, name: &str) -> Option<&'a [NodeId]> {
    if let Some(replicas) = members.get(name) {
        return Some(replicas);
    }
    let (member, index) = name.rsplit_once('-')?;
    let replica = members.get(member)?.get(index.parse::<usize>().ok()?)?;
    let is_it = current::with(|kernel| kernel.with_recorder(|r| r.node_name(*replica) == name));
    is_it.then(|| std::slice::from_ref(replica))
}

/// What a caller is told that looks for somebody whom the world does not have.
fn not_found(members: &BTreeMap<String, Vec<NodeId>>, name: &str) -> io::Error {
    let replicas = members.values().flatten().map(|id| current::with(|k| k.node_name(*id)));
    let known: Vec<String> = members.keys().cloned().chain(replicas).collect();
    let near = crate::error::nearest(name, known.iter().map(String::as_str));
    let hint = near.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
    let text = format!("no service or node `{name}` in this world{hint}");
    io::Error::new(io::ErrorKind::NotFound, text)
}

/// Where `caller` finds `name`: replicas in turn.
pub(crate) fn resolve(caller: NodeId, name: &str) -> io::Result<NodeId> {
    if name == "localhost" {
        return Ok(caller);
    }
    with(|nodes| {
        let members = nodes.members.borrow();
        let replicas = find(&members, name).ok_or_else(|| not_found(&members, name))?;
        if let [only] = replicas[..] {
            return Ok(only);
        }
        let mut turns = nodes.turns.borrow_mut();
        let turn = turns.entry((caller, replicas[0])).or_insert(0);
        let chosen = replicas[*turn as usize % replicas.len()];
        *turn = turn.wrapping_add(1);
        Ok(chosen)
    })
}

/// Draws from the node's own stream.
pub(crate) fn with_rng<R>(id: NodeId, f: impl FnOnce(&mut Stream) -> R) -> R {
    with_node(id, |node| {
        let rng = node.rng.get_or_insert_with(|| {
            Box::new(current::with(|k| k.seed().named_stream("node", &k.node_name(id))))
        });
        f(rng)
    })
}

/// Starts a node's process, unless it runs.
pub(crate) fn start(kernel: &Kernel, id: NodeId) {
    if life(id).is_up() {
        return;
    }
    storage::start(kernel, id);
    set_life(id, Life::Up);
    let (boot, declared_at) = with_node(id, |node| (node.plan.boot.clone(), node.plan.declared_at));
    let started = kernel.record(Entry::new(Kind::Start, id));
    kernel.acting(id, started, || {
        kernel.spawn(id, Some(declared_at), async move {
            if let Some(process) = boot(Ctx::of(id)) {
                process.await;
            }
        });
    });
}

/// The process dies at once: its peers see resets.
pub(crate) fn crash(kernel: &Kernel, id: NodeId) {
    go_down(kernel, id, Life::Down, Kind::Crash);
}

/// The machine loses power: its peers hear nothing, what was not synced may be lost.
/// True if it had any, which a machine without a running process has, too.
pub(crate) fn power_loss(kernel: &Kernel, id: NodeId) -> bool {
    go_down(kernel, id, Life::Off, Kind::PowerLoss)
}

/// The machine is lost with its disk.
pub(crate) fn wipe(kernel: &Kernel, id: NodeId) -> bool {
    let struck = go_down(kernel, id, Life::Off, Kind::Wipe);
    storage::wipe(id);
    struck
}

/// Asks the process to end; what still runs at the end of the grace period is killed by
/// [`end_stop`].
pub(crate) fn begin_stop(kernel: &Kernel, id: NodeId) {
    if life(id) == Life::Up {
        set_life(id, Life::Stopping);
    }
    let waiters = with_node(id, |node| std::mem::take(&mut node.stop_waiters));
    kernel.record(Entry::new(Kind::Stop, id));
    waiters.into_values().for_each(Waker::wake);
}

/// Ends a graceful stop.
pub(crate) fn end_stop(kernel: &Kernel, id: NodeId) {
    if life(id) == Life::Stopping {
        set_life(id, Life::Down);
        storage::go_down(id, Life::Down);
        forget(kernel, id);
    }
}

/// True, now or later, once the node was asked to stop. Who waits has a ticket, and gives it back
/// with [`forget_stop`].
pub(crate) fn poll_stop(id: NodeId, ticket: &mut Option<u64>, waker: &Waker) -> bool {
    let stopping = life(id) != Life::Up;
    if !stopping {
        with_node(id, |node| {
            let mine = *ticket.get_or_insert(node.next_ticket);
            node.next_ticket = node.next_ticket.max(mine + 1);
            node.stop_waiters.insert(mine, waker.clone());
        });
    }
    stopping
}

/// Nobody waits with that ticket any more.
pub(crate) fn forget_stop(id: NodeId, ticket: u64) {
    let waker = exists(id).then(|| with_node(id, |node| node.stop_waiters.remove(&ticket)));
    drop(waker);
}

/// True if the machine has lost its power since `event`: what it had sent and not delivered by
/// then, it cannot send again.
pub(crate) fn went_dark_after(id: NodeId, event: EventId) -> bool {
    with_node(id, |node| node.dark != EventId::NONE && event <= node.dark)
}

/// Stops polling the node's tasks: a long garbage collection.
pub(crate) fn pause(kernel: &Kernel, id: NodeId) {
    if life(id).is_up() {
        kernel.record(Entry::new(Kind::Pause, id));
        kernel.pause(id);
    }
}

/// Goes on after [`pause`].
pub(crate) fn resume(kernel: &Kernel, id: NodeId) {
    if life(id).is_up() {
        kernel.record(Entry::new(Kind::Resume, id));
        kernel.resume(id);
    }
}

/// True if this changed the node's life: it was up, or its machine at least had power.
fn go_down(kernel: &Kernel, id: NodeId, next: Life, kind: Kind) -> bool {
    let before = life(id);
    let was_up = before.is_up();
    // A machine without power stays so when its process is said to crash.
    let struck = was_up || (next == Life::Off && before == Life::Down);
    if struck {
        set_life(id, next);
        let down = kernel.record(Entry::new(kind, id));
        storage::go_down(id, next);
        if was_up {
            kernel.acting(NodeId::WORLD, down, || forget(kernel, id));
        }
    }
    struck
}

/// Drops everything that lived in the process.
fn forget(kernel: &Kernel, id: NodeId) {
    kernel.kill(id);
    service::forget_node(id);
    net::forget_node(kernel, id);
    let cpu = with_node(id, |node| {
        node.stop_waiters.clear();
        node.cpu.restart()
    });
    drop(cpu);
    kernel.touch();
}

/// True while the world of that node runs on this thread.
fn exists(id: NodeId) -> bool {
    current::try_part(&NODES, |nodes| nodes.list.borrow().get(id.0 as usize).is_some())
        == Some(true)
}

/// Every node, in the order in which they were added.
pub(crate) fn all() -> Vec<NodeId> {
    with(|nodes| {
        let list = nodes.list.borrow();
        (0..list.len()).filter(|i| list[*i].is_some()).map(|i| NodeId(i as u32)).collect()
    })
}
