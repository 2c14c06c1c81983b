//! Applies a fault plan to a running world, and heals it in the end.

mod links;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::chaos::{Fault, FaultPlan};
use crate::clock::{self, Change};
use crate::journal::{Entry, EventId, Kind, NodeId};
use crate::kernel::{Kernel, Target};
use crate::net::{self, FaultRef, LinkEffect, LinkFault, MessageFault, Tally, Which};
use crate::node;
use crate::time::Time;
use links::link_effect;

/// The plan of one run while it is being carried out.
pub(super) struct Storm {
    faults: Vec<Fault>,
    /// Faults that have begun and not ended, by number.
    active: RefCell<BTreeMap<u32, ()>>,
    /// Of faults that the network does not count itself.
    tallies: RefCell<BTreeMap<u32, Tally>>,
    over: Cell<bool>,
}

#[derive(Clone, Copy)]
enum Phase {
    Begin = 0,
    End = 1,
    /// The end of a graceful stop's grace period.
    Grace = 2,
    /// One node, whose number is above the fault's, lost its power within a disk operation; and
    /// later: has it back.
    Power = 3,
}

/// The bits of a token that hold a fault's number and its phase.
const NUMBER_AND_PHASE: u32 = 34;

impl Storm {
    /// Puts the begin and end of every fault into the kernel's queue.
    pub(super) fn schedule(kernel: &Kernel, plan: &FaultPlan) -> Rc<Storm> {
        let storm = Rc::new(Storm {
            faults: plan.faults.clone(),
            active: RefCell::default(),
            tallies: RefCell::default(),
            over: Cell::new(false),
        });
        for (number, fault) in (0u32..).zip(&plan.faults) {
            match fault.window() {
                // Message faults and strikes at a disk operation are armed from the start.
                None => storm.begin(kernel, number),
                Some((at, lasts)) => {
                    storm.at(kernel, Time::from(at), number, Phase::Begin);
                    if let Some(lasts) = lasts {
                        storm.at(kernel, Time::from(at) + lasts, number, Phase::End);
                    }
                }
            }
        }
        storm
    }

    fn at(self: &Rc<Self>, kernel: &Kernel, at: Time, number: u32, phase: Phase) {
        kernel.schedule(at, self.clone(), u64::from(number) << 2 | phase as u64);
    }

    fn begin(self: &Rc<Self>, kernel: &Kernel, number: u32) {
        let fault = &self.faults[number as usize];
        let armed = fault.window().is_none();
        let mut begun = EventId::NONE;
        if !armed {
            let entry = Entry::new(Kind::FaultBegin, NodeId::WORLD).value(u64::from(number));
            begun = kernel.record(entry);
            kernel.attach_text(begun, || fault.to_string());
        }
        self.active.borrow_mut().insert(number, ());
        self.strike(kernel, FaultRef { number, begun }, fault);
    }

    fn strike(self: &Rc<Self>, kernel: &Kernel, by: FaultRef, fault: &Fault) {
        let number = by.number;
        match fault {
            Fault::Message { from, to, label, n, leg, effect } => {
                let which = Which::Labelled { label: label.clone(), n: *n };
                let (from, to, leg, effect) = (nodes([from]), nodes([to]), *leg, *effect);
                net::add_message_fault(MessageFault { number, from, to, leg, which, effect });
            }
            Fault::Connection { from, to, conn, leg, segment, byte, effect } => {
                let conn = *conn;
                let which = match (*byte, *segment) {
                    (Some(byte), _) => Which::Byte { conn, byte },
                    (None, segment) => Which::Segment { conn, segment: segment.unwrap_or(1) },
                };
                let (from, to, leg, effect) = (nodes([from]), nodes([to]), *leg, *effect);
                net::add_message_fault(MessageFault { number, from, to, leg, which, effect });
            }
            Fault::Partition { a, b, one_way, .. } => {
                self.link(by, nodes(a), nodes(b), LinkEffect::Cut);
                if !one_way {
                    self.link(by, nodes(b), nodes(a), LinkEffect::Cut);
                }
            }
            _ => match link_effect(fault) {
                Some((from, to, effect)) => {
                    self.link(by, nodes([from]), nodes([to]), effect);
                }
                None => self.strike_nodes(kernel, number, fault),
            },
        }
    }

    fn link(&self, by: FaultRef, from: Vec<NodeId>, to: Vec<NodeId>, effect: LinkEffect) {
        let fault = &self.faults[by.number as usize];
        let key = format!("{} {}", fault.kind().name(), fault.targets().join(" "));
        net::begin_link_fault(LinkFault { fault: by, key, from, to, effect });
    }

    fn strike_nodes(self: &Rc<Self>, kernel: &Kernel, number: u32, fault: &Fault) {
        for id in nodes(fault.node()) {
            if is_of_disk(fault) {
                let token = u64::from(id.0) << NUMBER_AND_PHASE
                    | u64::from(number) << 2
                    | Phase::Power as u64;
                node::begin_disk_fault(id, number, fault, (self.clone(), token));
                continue;
            }
            if node::is_absent(id) {
                continue;
            }
            let was_up = node::life(id).is_up();
            let hit = match fault {
                Fault::Crash { lasts, .. } => {
                    node::crash(kernel, id, lasts.is_some());
                    was_up
                }
                Fault::PowerLoss { .. } => node::power_loss(kernel, id),
                Fault::Wipe { .. } => node::wipe(kernel, id),
                Fault::Pause { .. } => {
                    node::pause(kernel, id);
                    was_up
                }
                Fault::Stop { lasts, .. } => {
                    node::begin_stop(kernel, id);
                    let grace = lasts.map_or(node::GRACE, |l| (l / 2).min(node::GRACE));
                    self.at(kernel, kernel.now() + grace, number, Phase::Grace);
                    was_up
                }
                Fault::Slow { factor, .. } => {
                    node::set_slow(id, *factor);
                    true
                }
                Fault::ClockStep { by_ns, .. } => {
                    clock::change(kernel, id, Change::Step(*by_ns));
                    true
                }
                Fault::ClockDrift { ppm, .. } => {
                    clock::change(kernel, id, Change::Drift(*ppm));
                    true
                }
                Fault::ClockFreeze { .. } => {
                    clock::change(kernel, id, Change::Freeze(true));
                    true
                }
                _ => unreachable!("faults of messages, links and disks have been matched before"),
            };
            let mut tallies = self.tallies.borrow_mut();
            let tally = tallies.entry(number).or_default();
            tally.opportunities += 1;
            tally.hits += u64::from(hit);
        }
    }

    fn end(self: &Rc<Self>, kernel: &Kernel, number: u32) {
        if self.active.borrow_mut().remove(&number).is_none() {
            return;
        }
        let fault = &self.faults[number as usize];
        let entry = Entry::new(Kind::FaultEnd, NodeId::WORLD).value(u64::from(number));
        let id = kernel.record(entry);
        kernel.attach_text(id, || fault.to_string());
        net::end_link_fault(number);
        for id in nodes(fault.node()) {
            match fault {
                Fault::Crash { .. } | Fault::PowerLoss { .. } | Fault::Wipe { .. } => {
                    node::start(kernel, id);
                }
                Fault::Stop { .. } => {
                    node::end_stop(kernel, id);
                    node::start(kernel, id);
                }
                Fault::Pause { .. } => node::resume(kernel, id),
                Fault::Slow { .. } => node::set_slow(id, 1.0),
                Fault::ClockDrift { .. } if clock::was_changed(id) => {
                    clock::change(kernel, id, Change::Drift(0));
                }
                Fault::ClockFreeze { .. } if clock::was_changed(id) => {
                    clock::change(kernel, id, Change::Freeze(false));
                }
                _ if is_of_disk(fault) => node::end_disk_fault(id, number),
                // A step stays until chaos ends; a clock that was not struck is true.
                _ => {}
            }
        }
    }

    /// Ends chaos: every fault ends, nodes start, clocks are true. Nothing of the plan acts later.
    pub(super) fn heal(self: &Rc<Self>, kernel: &Kernel) {
        if self.over.replace(true) {
            return;
        }
        let healed = kernel.record(Entry::new(Kind::Heal, NodeId::WORLD));
        kernel.acting(NodeId::WORLD, healed, || {
            let active: Vec<u32> = self.active.borrow().keys().copied().collect();
            for number in active {
                if self.faults[number as usize].window().is_some() {
                    self.end(kernel, number);
                }
            }
            net::heal();
            for id in node::all() {
                node::heal_disk(id);
                node::start(kernel, id);
                if clock::was_changed(id) {
                    clock::change(kernel, id, Change::Heal);
                }
            }
        });
        kernel.touch();
    }

    /// A node's power was lost within a disk operation: what was its process goes, and it starts
    /// after the fault's time. Fired a second time, it starts.
    fn power(self: &Rc<Self>, kernel: &Kernel, token: u64) {
        let id = NodeId((token >> NUMBER_AND_PHASE) as u32);
        if !node::end_power_loss(kernel, id) {
            node::start(kernel, id);
        } else if let Fault::PowerLoss { lasts: Some(lasts), .. } = self.faults[number_of(token)] {
            kernel.schedule(kernel.now() + lasts, self.clone(), token);
        }
    }

    /// How often each fault of the plan could have struck, and did.
    pub(super) fn tallies(&self) -> Vec<Tally> {
        let mut tallies = vec![Tally::default(); self.faults.len()];
        let own = self.tallies.borrow();
        let own = own.iter().map(|(number, tally)| (*number, *tally));
        for (number, tally) in own.chain(net::tallies()).chain(node::disk_tallies()) {
            let sum = &mut tallies[number as usize];
            sum.opportunities += tally.opportunities;
            sum.hits += tally.hits;
        }
        tallies
    }
}

impl Target for Storm {
    fn fire(self: Rc<Self>, kernel: &Kernel, token: u64) {
        if self.over.get() {
            return;
        }
        let number = number_of(token) as u32;
        match token & 3 {
            0 => self.begin(kernel, number),
            1 => self.end(kernel, number),
            3 => self.power(kernel, token),
            _ => {
                for id in nodes(self.faults[number as usize].node()) {
                    node::end_stop(kernel, id);
                }
            }
        }
    }
}

/// The number of the fault that a token stands for.
fn number_of(token: u64) -> usize {
    (token >> 2) as u32 as usize
}

/// The nodes that the names stand for, sorted.
fn nodes<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> Vec<NodeId> {
    let mut ids: Vec<NodeId> =
        names.into_iter().flat_map(|name| node::named(name.as_ref())).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// True if the fault is one of the disk's, which outlives a replica that is scaled away: it is in
/// force for the next one.
fn is_of_disk(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::PowerLoss { disk_op: Some(_), .. }
            | Fault::DiskFull { .. }
            | Fault::DiskSlow { .. }
            | Fault::DiskError { .. }
            | Fault::FsyncLies { .. }
            | Fault::DiskCorrupt { .. }
    )
}
