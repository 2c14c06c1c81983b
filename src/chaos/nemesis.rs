//! Who draws the faults: a swarm. Each seed switches other kinds on, and draws how much of each.
//!
//! Swarm testing (Groce et al., ISSTA 2012) beats drawing everything all the time, because faults
//! hide each other: where everything is partitioned, no reply is ever lost.

use std::collections::BTreeSet;
use std::time::Duration;

use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::chaos::draw::Scene;
use crate::chaos::text;
use crate::chaos::{FaultKind, FaultPlan, Tolerance};
use crate::seed::{Seed, Stream};
use crate::topology::Topology;

/// How many tries a fault has to fit to those before it.
const TRIES: usize = 4;
/// The kinds that are drawn: all but [`FaultKind::Connection`], the last one. The number of
/// a connection moves with all that a plan does before it is opened, so one that was drawn would
/// strike other bytes at each step of shrinking.
const DRAWN: [FaultKind; 22] = *FaultKind::ALL.first_chunk().expect("there is one more");
/// The most faults of one kind in a plan.
const MOST: u64 = 6;

/// What goes wrong, in general; [`Chaos::draw`] makes a plan of it for one seed.
///
/// ```
/// use std::time::Duration;
/// use stormglass::chaos::{Chaos, FaultKind, Tolerance};
///
/// let chaos = Chaos::default()
///     .without([FaultKind::Bandwidth])
///     .tolerance(Tolerance::default().lying_disks())
///     .for_(Duration::from_secs(5));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Chaos {
    /// The kinds of faults that may be drawn.
    pub kinds: BTreeSet<FaultKind>,
    /// What the system promises to survive.
    pub tolerance: Tolerance,
    /// The length of the storm; then the core heals. No window ends later.
    #[serde(with = "text::duration")]
    pub length: Duration,
    /// How many faults, relative to the default of 1; at 0 there are none.
    pub intensity: f64,
}

impl Default for Chaos {
    /// All kinds, a careful system's tolerance, a storm of 2 s.
    fn default() -> Chaos {
        Chaos {
            kinds: FaultKind::ALL.into(),
            tolerance: Tolerance::default(),
            length: Duration::from_secs(2),
            intensity: 1.0,
        }
    }
}

impl Chaos {
    /// Nothing goes wrong.
    #[must_use]
    pub fn none() -> Chaos {
        Chaos { kinds: BTreeSet::new(), length: Duration::ZERO, ..Chaos::default() }
    }

    /// Draws only these kinds.
    #[must_use]
    pub fn only(self, kinds: impl IntoIterator<Item = FaultKind>) -> Chaos {
        Chaos { kinds: kinds.into_iter().collect(), ..self }
    }

    /// Draws none of these kinds. The other faults of a seed stay as they were; where none are
    /// left, and where one was in the way of another, others may join.
    #[must_use]
    pub fn without(mut self, kinds: impl IntoIterator<Item = FaultKind>) -> Chaos {
        for kind in kinds {
            self.kinds.remove(&kind);
        }
        self
    }

    /// Sets what the system promises to survive.
    #[must_use]
    pub fn tolerance(self, tolerance: Tolerance) -> Chaos {
        Chaos { tolerance, ..self }
    }

    /// Sets the length of the storm, in virtual time.
    #[must_use]
    pub fn for_(self, length: Duration) -> Chaos {
        Chaos { length, ..self }
    }

    /// Sets how many faults are drawn, relative to the default of 1; at 0 there are none.
    #[must_use]
    pub fn intensity(self, intensity: f64) -> Chaos {
        Chaos { intensity, ..self }
    }

    /// What goes wrong in the run of `seed`: the same for the same seed, topology and settings.
    ///
    /// The plan is within the tolerance. It has at least one fault if any can be drawn at all;
    /// every other plan or so has one to three.
    #[must_use]
    pub fn draw(&self, seed: Seed, topology: &Topology) -> FaultPlan {
        let scene = Scene::new(topology, &self.tolerance, self.length);
        let mut plan = FaultPlan::default();
        // Every kind has its draws here, used or not, so that none moves another.
        let mut swarm = seed.named_stream("nemesis", "swarm");
        // Log-uniform: as many calm seeds as wild ones.
        let density = self.intensity * 0.5 * 16_f64.powf(swarm.random::<f64>());
        let total: f64 = DRAWN.iter().map(|kind| weight(*kind, &self.tolerance)).sum();
        let on = DRAWN.map(|kind| {
            let chance = 0.9_f64.min(density * weight(kind, &self.tolerance) / total);
            (kind, swarm.random::<f64>() < chance)
        });
        for (kind, _) in on.into_iter().filter(|(kind, on)| *on && self.kinds.contains(kind)) {
            add_some(&mut plan, &scene, seed, kind);
        }
        if plan.faults.is_empty() && self.intensity > 0.0 {
            self.add_any(&mut plan, &scene, seed, &mut swarm);
        }
        plan
    }

    /// A seed without faults would be wasted: one kind goes on, every other time that of messages.
    fn add_any(&self, plan: &mut FaultPlan, scene: &Scene<'_>, seed: Seed, swarm: &mut Stream) {
        let message_first = swarm.chance(0.5);
        let mut order = DRAWN;
        swarm.shuffle(&mut order);
        order.sort_by_key(|kind| !message_first || *kind != FaultKind::Message);
        for kind in order.into_iter().filter(|kind| self.kinds.contains(kind)) {
            add_some(plan, scene, seed, kind);
            if !plan.faults.is_empty() {
                return;
            }
        }
    }
}

/// How often a kind is on, relative to the others.
fn weight(kind: FaultKind, tolerance: &Tolerance) -> f64 {
    let permitted = |permitted: bool, weight: f64| if permitted { weight } else { 0.0 };
    match kind {
        FaultKind::Message => 5.0,
        FaultKind::Crash => 3.0,
        FaultKind::Partition | FaultKind::PowerLoss | FaultKind::Pause => 1.5,
        FaultKind::Loss | FaultKind::Delay | FaultKind::ClockDrift => 1.0,
        FaultKind::Wipe => permitted(tolerance.lost_disks, 1.0),
        FaultKind::FsyncLies => permitted(tolerance.lying_disks, 1.5),
        FaultKind::DiskCorrupt => permitted(tolerance.corrupt_disks, 1.0),
        FaultKind::Corrupt => permitted(tolerance.corrupt_messages, 1.0),
        _ => 0.5,
    }
}

/// Adds one fault of that kind or a few, each from its own stream.
fn add_some(plan: &mut FaultPlan, scene: &Scene<'_>, seed: Seed, kind: FaultKind) {
    if weight(kind, scene.tolerance) == 0.0 {
        return;
    }
    for ordinal in 0..MOST {
        let mut stream = seed.stream(&format!("nemesis {kind}"), ordinal);
        let more = stream.chance(0.4);
        add(plan, scene, kind, &mut stream);
        if !more {
            return;
        }
    }
}

/// Adds a fault that fits to those in the plan, if it finds one.
fn add(plan: &mut FaultPlan, scene: &Scene<'_>, kind: FaultKind, stream: &mut Stream) {
    for _ in 0..TRIES {
        let Some(fault) = scene.draw(kind, stream) else { continue };
        if plan.faults.iter().any(|other| other.excludes(&fault, scene.topology).is_some()) {
            continue;
        }
        // Only faults of nodes add up to more than is tolerated.
        let alone = fault.node().is_none();
        let refused = scene.tolerance.beyond(&fault).is_some();
        plan.faults.push(fault);
        if !refused && (alone || scene.tolerance.permits(plan, scene.topology).is_ok()) {
            return;
        }
        plan.faults.pop();
    }
}
