//! What a system promises to survive. A plan beyond that proves nothing, so none is drawn.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::chaos::check::{Window, member_of, overlap};
use crate::chaos::text::{self, show};
use crate::chaos::{Effect, Fault, FaultPlan};
use crate::time::nanos;
use crate::topology::{Member, Topology};

/// Longer than anything that can be written down.
const FOREVER: Duration = Duration::from_nanos(u64::MAX);

/// What a system promises to survive.
///
/// The default is what a careful system promises: one replica of a service may be down or paused
/// at a time; a service may be gone as a whole for up to 3 s; its disks keep what was synced, but
/// may be full, slow or fail; clocks are within 200 ms of true time; partitions heal within 10 s;
/// messages are lost, late, doubled and reordered, but not forged.
///
/// ```
/// use std::time::Duration;
/// use stormglass::chaos::Tolerance;
///
/// let quorum = Tolerance::default().down_replicas(2).clock_error(Duration::from_millis(5));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Tolerance {
    /// How many replicas of one service may be down or paused at the same time.
    pub down_replicas: u32,
    /// How long a service may be without any replica.
    #[serde(with = "text::duration")]
    pub downtime: Duration,
    /// How far a clock may be from true time, either way.
    #[serde(with = "text::duration")]
    pub clock_error: Duration,
    /// How long a partition, or a stall of one connection, may last.
    #[serde(with = "text::duration")]
    pub partition: Duration,
    /// Whether disks may lose everything ([`Fault::Wipe`]).
    pub lost_disks: bool,
    /// Whether disks may lose what they said was synced ([`Fault::FsyncLies`]).
    pub lying_disks: bool,
    /// Whether disks may give back other data than was written ([`Fault::DiskCorrupt`]).
    pub corrupt_disks: bool,
    /// Whether messages may arrive with flipped bits ([`Fault::Corrupt`], [`Effect::Corrupt`]).
    pub corrupt_messages: bool,
}

impl Default for Tolerance {
    fn default() -> Tolerance {
        Tolerance {
            down_replicas: 1,
            downtime: Duration::from_secs(3),
            clock_error: Duration::from_millis(200),
            partition: Duration::from_secs(10),
            lost_disks: false,
            lying_disks: false,
            corrupt_disks: false,
            corrupt_messages: false,
        }
    }
}

impl Tolerance {
    /// No bound at all: everything that can be written down is permitted.
    #[must_use]
    pub fn everything() -> Tolerance {
        Tolerance {
            down_replicas: u32::MAX,
            downtime: FOREVER,
            clock_error: FOREVER,
            partition: FOREVER,
            lost_disks: true,
            lying_disks: true,
            corrupt_disks: true,
            corrupt_messages: true,
        }
    }

    /// Sets how many replicas of one service may be down or paused at the same time.
    #[must_use]
    pub fn down_replicas(self, down_replicas: u32) -> Tolerance {
        Tolerance { down_replicas, ..self }
    }

    /// Sets how long a service may be without any replica.
    #[must_use]
    pub fn downtime(self, downtime: Duration) -> Tolerance {
        Tolerance { downtime, ..self }
    }

    /// Sets how far a clock may be from true time, either way.
    #[must_use]
    pub fn clock_error(self, clock_error: Duration) -> Tolerance {
        Tolerance { clock_error, ..self }
    }

    /// Sets how long a partition may last.
    #[must_use]
    pub fn partition(self, partition: Duration) -> Tolerance {
        Tolerance { partition, ..self }
    }

    /// Disks may lose everything.
    #[must_use]
    pub fn lost_disks(self) -> Tolerance {
        Tolerance { lost_disks: true, ..self }
    }

    /// Disks may lose what they said was synced.
    #[must_use]
    pub fn lying_disks(self) -> Tolerance {
        Tolerance { lying_disks: true, ..self }
    }

    /// Disks may give back other data than was written.
    #[must_use]
    pub fn corrupt_disks(self) -> Tolerance {
        Tolerance { corrupt_disks: true, ..self }
    }

    /// Messages may arrive with flipped bits.
    #[must_use]
    pub fn corrupt_messages(self) -> Tolerance {
        Tolerance { corrupt_messages: true, ..self }
    }

    /// Whether the system promises to survive `plan`.
    ///
    /// A power loss at a disk operation has no time that is known before the run: it counts as if
    /// the node might be down at any time. A service has the replicas with which it begins: how it will
    /// be scaled is not known either.
    ///
    /// # Errors
    ///
    /// The first fault that goes beyond the promise, and which promise that is.
    pub fn permits(&self, plan: &FaultPlan, topology: &Topology) -> Result<(), String> {
        let faults = || plan.faults.iter().enumerate();
        let alone = faults().find_map(|(index, fault)| Some((index, self.beyond(fault)?)));
        let problem = alone
            .or_else(|| self.too_much_down(plan, topology))
            .or_else(|| self.clock_too_far(plan, topology));
        problem.map_or(Ok(()), |(index, why)| {
            Err(format!("fault {} ({}): {why}", index + 1, plan.faults[index]))
        })
    }

    /// What the fault breaks by itself.
    pub(crate) fn beyond(&self, fault: &Fault) -> Option<String> {
        let refused = match fault {
            Fault::Wipe { .. } if !self.lost_disks => "disks are not lost",
            Fault::FsyncLies { .. } if !self.lying_disks => "disks keep what was synced",
            Fault::DiskCorrupt { .. } if !self.corrupt_disks => "disks give back what was written",
            Fault::Corrupt { .. }
            | Fault::Message { effect: Effect::Corrupt, .. }
            | Fault::Connection { effect: Effect::Corrupt, .. }
                if !self.corrupt_messages =>
            {
                "messages arrive as they were sent"
            }
            Fault::Partition { lasts, .. } if longer(*lasts, self.partition) => {
                return Some(format!("a partition heals within {}", show(self.partition)));
            }
            Fault::Message { effect: Effect::Stall(lasts), .. }
            | Fault::Connection { effect: Effect::Stall(lasts), .. }
                if longer(*lasts, self.partition) =>
            {
                return Some(format!("a path is dead for up to {}", show(self.partition)));
            }
            _ => return None,
        };
        Some(refused.to_owned())
    }

    /// The fault at whose start too much of a service is down, or all of it for too long.
    fn too_much_down(&self, plan: &FaultPlan, topology: &Topology) -> Option<(usize, String)> {
        let faults = plan.faults.iter().enumerate();
        let outages: Vec<Outage<'_>> =
            faults.filter_map(|(index, fault)| Outage::of(index, fault, topology)).collect();
        outages.iter().find_map(|outage| {
            let (now, Member { name, replicas, .. }) = (outage.window.0, outage.member);
            let at_once = || {
                let same = outages.iter().filter(|other| other.member.name == *name);
                same.filter(|other| overlap(other.window, (now, Some(Duration::ZERO))))
            };
            let down: BTreeSet<&String> = at_once().flat_map(|other| &other.nodes).collect();
            if down.len() > self.down_replicas as usize {
                let limit = self.down_replicas;
                let why = format!("at most {limit} of `{name}` may be down at a time");
                return Some((outage.fault, why));
            }
            let all = down.len() >= *replicas as usize;
            let gone = at_once().filter_map(|other| other.left(now)).min();
            let why = || format!("`{name}` may be gone for {}", show(self.downtime));
            (all && longer(gone, self.downtime)).then(|| (outage.fault, why()))
        })
    }

    /// The fault that may bring a clock too far from true time.
    fn clock_too_far(&self, plan: &FaultPlan, topology: &Topology) -> Option<(usize, String)> {
        let mut errors: BTreeMap<String, u64> = BTreeMap::new();
        for (index, fault) in plan.faults.iter().enumerate() {
            let by = offset(fault);
            let nodes = fault.node().filter(|_| by > 0).map(|node| topology.nodes(node));
            for node in nodes.into_iter().flatten() {
                let error = errors.entry(node).or_default();
                *error = error.saturating_add(by);
                if *error > nanos(self.clock_error) {
                    let limit = show(self.clock_error);
                    return Some((index, format!("clocks are within {limit} of true time")));
                }
            }
        }
        None
    }
}

/// Some nodes of one service that are down, or stand still, for a while.
struct Outage<'a> {
    fault: usize,
    member: &'a Member,
    nodes: Vec<String>,
    window: Window,
    /// Its length, also if its start is not known before the run.
    lasts: Option<Duration>,
}

impl<'a> Outage<'a> {
    fn of(index: usize, fault: &Fault, topology: &'a Topology) -> Option<Outage<'a>> {
        let node = fault.node().filter(|_| fault.stops())?;
        let lasts = match fault {
            Fault::PowerLoss { lasts, .. } => *lasts,
            _ => fault.window()?.1,
        };
        Some(Outage {
            fault: index,
            member: member_of(node, topology)?,
            nodes: topology.nodes(node),
            window: fault.window().unwrap_or((Duration::ZERO, None)),
            lasts,
        })
    }

    /// How long from `now` it still lasts; none if it does not end before chaos does.
    fn left(&self, now: Duration) -> Option<Duration> {
        let (at, bounded) = self.window;
        bounded.map(|lasts| (at + lasts).saturating_sub(now)).or(self.lasts)
    }
}

/// True if the window may be longer than `limit`; an open-ended one is longer than all but no limit.
fn longer(lasts: Option<Duration>, limit: Duration) -> bool {
    lasts.map_or(limit != FOREVER, |lasts| lasts > limit)
}

/// How far the fault moves a clock, in nanoseconds, at most.
fn offset(fault: &Fault) -> u64 {
    match fault {
        Fault::ClockStep { by_ns, .. } => by_ns.unsigned_abs(),
        Fault::ClockFreeze { lasts, .. } => lasts.map_or(u64::MAX, nanos),
        Fault::ClockDrift { ppm, lasts, .. } => lasts.map_or(u64::MAX, |lasts| {
            let gained = lasts.as_nanos() * u128::from(ppm.unsigned_abs()) / 1_000_000;
            u64::try_from(gained).unwrap_or(u64::MAX)
        }),
        _ => 0,
    }
}
