//! A node's disk: made when it is first used, struck by the plan's disk faults, told of in the
//! journal.
//!
//! The disk itself knows no world. What ties it to one is an observer that turns operations into
//! events and counts for each fault of the plan what it could have struck and did, and the node's
//! life: a crash, a power loss, a wipe and a start are done to the disk before they are done to the
//! node's tasks, so that no destructor writes what a dead process could not have written.

mod watch;

use std::rc::Rc;
use std::time::Duration;

use super::life::{forget, set_life, tell_keeper};
use super::{Life, Node, with_node};
use crate::chaos::{self, Fault};
use crate::disk::{Disk, DiskFault, DiskFaults, DiskOperation, DiskOperationKind, IoErrors};
use crate::journal::{Entry, Kind, NodeId};
use crate::kernel::{Home, Kernel, Target, current};
use crate::net::Tally;
use watch::Watch;

/// A disk and the faults of the plan that concern it.
pub(super) struct Storage {
    disk: Disk,
    /// In force, in the order in which they began.
    faults: Vec<Active>,
    ended: Vec<(u32, Tally)>,
    /// Power was lost within an operation: the tasks stand still and are to be dropped.
    dying: bool,
}

/// A disk fault that is in force.
struct Active {
    number: u32,
    effect: Effect,
    tally: Tally,
}

enum Effect {
    /// Power is lost at the operation of that number; then the target is told.
    PowerLoss {
        at: u64,
        then: Rc<dyn Target>,
        token: u64,
    },
    Full,
    Slow(Duration),
    Errors(IoErrors),
    FsyncLies,
    Corrupt(f64),
}

/// The disk of a node.
pub(crate) fn disk(id: NodeId) -> Disk {
    with_node(id, |node| storage(id, node).disk.clone())
}

fn storage(id: NodeId, node: &mut Node) -> &mut Storage {
    node.storage.get_or_insert_with(|| {
        let disk = Disk::new(current::with(|k| k.seed().named_stream("disk", &k.node_name(id))));
        disk.set_observer(Watch { home: Home::of(id) });
        if !super::life(id).is_up() {
            disk.crash();
        }
        Box::new(Storage { disk, faults: Vec::new(), ended: Vec::new(), dying: false })
    })
}

/// Calls `f` with the disk of a node that has used it.
fn with_used<R>(id: NodeId, f: impl FnOnce(&mut Storage) -> R) -> Option<R> {
    with_node(id, |node| node.storage.as_deref_mut().map(f))
}

/// The node's process or machine is going down: from now on its disk refuses.
pub(super) fn go_down(id: NodeId, life: Life) {
    with_used(id, |storage| match life {
        Life::Off => drop(storage.disk.power_loss()),
        _ => storage.disk.crash(),
    });
}

/// The disk is gone with all that was on it.
pub(super) fn wipe(id: NodeId) {
    with_used(id, |storage| storage.disk.wipe());
}

/// The node is about to start. What is left of the life before goes first.
pub(super) fn start(kernel: &Kernel, id: NodeId) {
    end_power_loss(kernel, id);
    with_used(id, |storage| storage.disk.start());
}

/// Drops the tasks of a node that lost its power within a disk operation; false if there is none.
///
/// This cannot be done within the operation: the destructors of other tasks might wait for locks
/// that the operation's own task holds.
pub(crate) fn end_power_loss(kernel: &Kernel, id: NodeId) -> bool {
    let dying = with_used(id, |storage| std::mem::take(&mut storage.dying)) == Some(true);
    if dying {
        forget(kernel, id);
        tell_keeper(kernel, id, true);
    }
    dying
}

/// Begins a disk fault. `then` is fired with `token` if it makes the node lose its power.
pub(crate) fn begin_disk_fault(
    id: NodeId,
    number: u32,
    fault: &Fault,
    (then, token): (Rc<dyn Target>, u64),
) {
    with_node(id, |node| {
        let storage = storage(id, node);
        let Some(effect) = effect(&storage.disk, fault, then, token) else { return };
        storage.faults.push(Active { number, effect, tally: Tally::default() });
        storage.apply();
    });
}

/// Ends a disk fault.
pub(crate) fn end_disk_fault(id: NodeId, number: u32) {
    with_used(id, |storage| storage.end(|active| active.number == number));
}

/// The disk is sound again, and keeps what it has.
pub(crate) fn heal_disk(id: NodeId) {
    with_used(id, |storage| storage.end(|_| true));
}

/// How often each disk fault could have struck, and did; by number.
pub(crate) fn disk_tallies() -> Vec<(u32, Tally)> {
    super::with(|nodes| {
        let list = nodes.list.borrow();
        let used = list.iter().flatten().filter_map(|node| node.storage.as_deref());
        used.flat_map(|storage| {
            let active = storage.faults.iter().map(|active| (active.number, active.tally));
            storage.ended.iter().copied().chain(active)
        })
        .collect()
    })
}

fn effect(disk: &Disk, fault: &Fault, then: Rc<dyn Target>, token: u64) -> Option<Effect> {
    let share = |percent: f64| percent / 100.0;
    Some(match fault {
        Fault::PowerLoss { disk_op: Some(n), .. } => {
            Effect::PowerLoss { at: disk.stats().operations() + n, then, token }
        }
        Fault::DiskFull { .. } => Effect::Full,
        Fault::DiskSlow { latency, .. } => Effect::Slow(*latency),
        Fault::DiskError { operation, percent, n, .. } => {
            let kind = match operation {
                chaos::DiskOperation::Read => Some(DiskOperationKind::Read),
                chaos::DiskOperation::Write => Some(DiskOperationKind::Write),
                chaos::DiskOperation::Sync => Some(DiskOperationKind::Sync),
                chaos::DiskOperation::Any => None,
            };
            let stats = disk.stats();
            let before = kind.map_or(stats.operations(), |kind| stats.of(kind));
            let every = if n.is_some() { 0.0 } else { 1.0 };
            let at = n.map(|n| before + n);
            Effect::Errors(IoErrors { kind, rate: percent.map_or(every, share), at })
        }
        Fault::FsyncLies { .. } => Effect::FsyncLies,
        Fault::DiskCorrupt { percent, .. } => Effect::Corrupt(share(*percent)),
        _ => return None,
    })
}

impl Storage {
    /// Makes the disk behave as the faults in force say together.
    fn apply(&self) {
        let mut faults = DiskFaults::default();
        let done = self.disk.stats().operations();
        for active in &self.faults {
            match &active.effect {
                Effect::PowerLoss { at, .. } if *at > done => {
                    let first = faults.power_loss_at.map_or(*at, |other| other.min(*at));
                    faults.power_loss_at = Some(first);
                }
                Effect::PowerLoss { .. } => {}
                Effect::Full => faults.capacity = Some(0),
                Effect::Slow(latency) => faults.latency += *latency,
                Effect::Errors(rule) => faults.io_errors.push(*rule),
                Effect::FsyncLies => faults.lost_sync = 1.0,
                Effect::Corrupt(rate) => {
                    faults.corruption = 1.0 - (1.0 - faults.corruption) * (1.0 - rate);
                }
            }
        }
        self.disk.set_faults(faults);
    }

    fn end(&mut self, which: impl Fn(&Active) -> bool) {
        let ended = self.faults.extract_if(.., |active| which(active));
        self.ended.extend(ended.map(|active| (active.number, active.tally)));
        self.apply();
    }

    /// Counts an operation for every fault that might have struck it; the numbers of those that did.
    fn count(&mut self, operation: &DiskOperation<'_>) -> Vec<u32> {
        let mut struck = Vec::new();
        let mut open = operation.fault;
        for active in &mut self.faults {
            let Some(fault) = active.effect.concerns(operation) else { continue };
            active.tally.opportunities += 1;
            // Of two that could have done it the first one did.
            if fault == DiskFault::Latency {
                active.tally.hits += 1;
            } else if open == Some(fault) && active.effect.may_have_struck(operation) {
                open = None;
                active.tally.hits += 1;
                struck.push(active.number);
            }
        }
        struck
    }
}

impl Effect {
    /// What it does to such an operation when it strikes; none if it never strikes such a one.
    fn concerns(&self, operation: &DiskOperation<'_>) -> Option<DiskFault> {
        let kind = operation.kind;
        let (fault, concerned) = match self {
            Effect::PowerLoss { at, .. } => (DiskFault::PowerLoss, *at >= operation.number),
            Effect::Full => (DiskFault::Full, kind == DiskOperationKind::Write),
            Effect::Slow(_) => (DiskFault::Latency, true),
            Effect::Errors(rule) => {
                (DiskFault::IoError, rule.kind.is_none_or(|wanted| wanted == kind))
            }
            Effect::FsyncLies => (DiskFault::LostSync, kind == DiskOperationKind::Sync),
            Effect::Corrupt(_) => (DiskFault::Corruption, kind == DiskOperationKind::Read),
        };
        concerned.then_some(fault)
    }

    fn may_have_struck(&self, operation: &DiskOperation<'_>) -> bool {
        match self {
            Effect::PowerLoss { at, .. } => *at == operation.number,
            Effect::Errors(rule) => rule.rate > 0.0 || operation.fault == Some(DiskFault::IoError),
            _ => true,
        }
    }
}

/// The machine is off at once: nothing of it is heard any more. Its tasks stand still, the one that
/// runs goes on until it waits, and all are dropped before time moves on.
fn power_lost(kernel: &Kernel, id: NodeId) {
    kernel.record(Entry::new(Kind::PowerLoss, id));
    set_life(id, Life::Off);
    let struck = with_node(id, |node| {
        let storage = storage(id, node);
        storage.dying = true;
        storage.apply();
        let done = storage.disk.stats().operations();
        storage.faults.iter().find_map(|active| match &active.effect {
            Effect::PowerLoss { at, then, token } if *at == done => Some((then.clone(), *token)),
            _ => None,
        })
    });
    kernel.pause(id);
    if let Some((then, token)) = struck {
        kernel.schedule(kernel.now(), then, token);
    }
    kernel.touch();
}
