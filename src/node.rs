//! Nodes: simulated machines, the process on each, and their lives.
//!
//! A node has two layers that fail apart. The *process* can crash: its memory is gone, the machine
//! answers for it with resets, the disk is as it was. The *machine* can lose power: nothing
//! answers, and what the disk had not synced may be lost. Starting a node again calls its factory
//! again.

mod cpu;
mod keeper;
mod life;
mod names;
mod places;
mod rng;
mod scale;
mod stopping;
mod storage;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::Location;
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use futures::future::LocalBoxFuture;

pub use cpu::Work;
pub(crate) use cpu::{set_slow, work};
pub(crate) use keeper::{
    Keeper, clients, fail, hold, is_replica_wanted, release, run_time, set_keeper,
};
#[cfg(all(madsim, tokio_unstable, target_os = "linux", target_env = "gnu"))]
pub(crate) use life::starts;
pub(crate) use life::{
    Life, begin_stop, crash, end_process, end_stop, is_new_since, life, pause, power_loss, resume,
    start, went_dark_after, wipe,
};
pub(crate) use names::{Place, named, resolve, set_place};
pub use rng::NodeRng;
pub(crate) use scale::{is_absent, scale};
pub use stopping::Stopping;
pub(crate) use storage::{
    begin_disk_fault, disk, disk_tallies, end_disk_fault, end_power_loss, heal_disk,
};

use crate::journal::{EventId, NodeId};
use crate::kernel::Kernel;
use crate::kernel::current::{self, Installed, Part};
use crate::net;
use crate::seed::Stream;
use crate::service::Ctx;
use crate::time::Time;
use crate::topology::Role;
use cpu::Cpu;
use names::Names;
use storage::Storage;

/// How long a process that is asked to stop may take to finish.
pub(crate) const GRACE: Duration = Duration::from_secs(1);

/// What starts a node's process: calls the factory, and installs what it made or gives the future
/// that the process is.
pub(crate) type Boot = Rc<dyn Fn(Ctx) -> Option<LocalBoxFuture<'static, ()>>>;

/// How a node is called by HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// It has a handler: requests are handed to it as messages.
    Messages,
    /// It listens, or does not, at ports of its own.
    Sockets,
}

/// What a node is made of.
pub(crate) struct Plan {
    pub role: Role,
    pub lane: Lane,
    /// False for a replica that its service has to be scaled to.
    pub wanted: bool,
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
    /// Whether it is to run, as its member's group says of all together.
    wanted: bool,
    /// It is not to start before its keeper lets it.
    held: bool,
    /// When its process last started, and whether it has said since that it fails.
    started: Time,
    failed: bool,
    /// How often its process was started.
    starts: u32,
    /// The event of its last start.
    start: EventId,
    /// The last event before the machine last lost its power.
    dark: EventId,
    /// Made when the node's disk is first used.
    storage: Option<Box<Storage>>,
}

/// All nodes of a world. Index 0 is the world itself and stays empty.
#[derive(Default)]
pub(crate) struct Nodes {
    list: RefCell<Vec<Option<Node>>>,
    names: RefCell<Names>,
    keeper: RefCell<Option<Rc<dyn Keeper>>>,
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
        nodes.names.borrow_mut().add(member, plan.role, id, plan.wanted);
        let cpu = Cpu::new(plan.processors);
        let mut list = nodes.list.borrow_mut();
        list.resize_with(id.0 as usize, || None);
        list.push(Some(Node {
            wanted: plan.wanted,
            held: false,
            started: Time::ZERO,
            failed: false,
            starts: 0,
            plan,
            cpu,
            rng: None,
            stop_waiters: BTreeMap::new(),
            next_ticket: 0,
            start: EventId::NONE,
            dark: EventId::NONE,
            storage: None,
        }));
        net::with(|net| net.set_life(id, Life::Down));
    });
    id
}

/// Where the node's member was declared.
pub(crate) fn declared_at(id: NodeId) -> &'static Location<'static> {
    with_node(id, |node| node.plan.declared_at)
}

/// How the node is called by HTTP.
pub(crate) fn lane(id: NodeId) -> Lane {
    with_node(id, |node| node.plan.lane)
}

/// Every node, in the order in which they were added.
pub(crate) fn all() -> Vec<NodeId> {
    with(|nodes| {
        let list = nodes.list.borrow();
        (0..list.len()).filter(|i| list[*i].is_some()).map(|i| NodeId(i as u32)).collect()
    })
}
