//! Makes a failing run small: fewer faults, then fewer operations, then simpler values.
//!
//! Delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input",
//! TSE 2002) over the faults of the plan, then over the operations of the workload; then every value
//! is tried at rounder ones. A candidate counts only if the *same* property is violated. A fault of
//! a link that matters because of one message becomes a fault of that message, by its name, because
//! that is what people read. It starts over until nothing changes, or the runs are used up.

mod lab;
mod naming;
mod signature;

pub use signature::Signature;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::chaos::FaultPlan;
use crate::ddmin::minimal;
use crate::explore::World;
use crate::kernel::Scheduling;
use crate::sim::RunConfig;
use crate::verdict::Verdict;
use lab::Lab;

/// A failing run made small.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The property that is violated before and after.
    pub property: String,
    /// What is left of the plan: every fault is needed, every value as simple as it gets.
    pub plan: FaultPlan,
    /// First ready, first run if that fails too, else as it was.
    pub scheduling: Scheduling,
    /// The number of faults before.
    pub faults_before: usize,
    /// The number of those that never struck.
    pub idle_before: usize,
    /// Operations of all workloads, kept and before.
    pub operations: (usize, usize),
    /// The runs that it took.
    pub runs: usize,
    /// True if the runs were used up: it may get smaller still.
    pub cut_short: bool,
    /// For each fault that is left, in order, what happens without it.
    pub without: Vec<Without>,
}

/// What happens without one of the faults that are left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Without {
    /// That property holds, and no other is violated. One of which nothing can be said has no part in it.
    Holds,
    /// The same property is violated: shrinking was cut short.
    Same,
    /// This other property is violated.
    Other(String),
    /// Nothing can be said of that property, and why.
    Unknown(String),
}

impl Shrunk {
    /// What it has in common with failures of the same cause.
    #[must_use]
    pub fn signature(&self) -> Signature {
        Signature::of(&self.property, &self.plan)
    }
}

/// Makes the run that `config` asks for small, in at most `runs` runs and a few to begin with.
/// If the run does not violate `property`, it stays as it is.
///
/// ```
/// use std::time::Duration;
/// use stormglass::chaos::{Fault, FaultPlan};
/// use stormglass::explore::World;
/// use stormglass::prelude::*;
/// use stormglass::shrink::shrink;
///
/// let world = World::new("clock", |sim: &mut Sim| {
///     sim.process("server", |ctx| async move { ctx.publish("up", ctx.clock().now().as_nanos()) });
///     sim.client("watcher", |ctx| async move {
///         Ok::<(), String>(ctx.sleep(Duration::from_secs(1)).await)
///     });
///     sim.never("the server starts again", |view: &View<'_>| {
///         view.probe::<u64>("server", "up").is_some_and(|at| *at > 0)
///     });
/// });
/// let crash = |at| Fault::Crash {
///     node: "server".into(),
///     at: Duration::from_millis(at),
///     lasts: Some(Duration::from_millis(37)),
/// };
/// let config = RunConfig::seed(1).plan(FaultPlan::new([crash(133), crash(429)]));
/// let shrunk = shrink(&world, &config, "the server starts again", 500);
/// assert_eq!(shrunk.plan.faults.len(), 1);
/// ```
#[must_use]
pub fn shrink(world: &World, config: &RunConfig, property: &str, runs: usize) -> Shrunk {
    let mut lab = Lab::new(world, config, property, runs);
    let before = lab.found.plan.clone();
    let idle_before = lab.found.idle_faults().len();
    let all = all_operations(&lab);
    let mut plan = before.clone();
    if lab.runs_max > 0 && lab.found.outcomes.iter().any(|outcome| lab.is_it(outcome)) {
        plan = shrink_in_rounds(&mut lab, plan, &all);
    }
    let without = without_each(&mut lab, &plan);
    let kept = all.iter().filter(|(client, index)| plan.keeps(client, *index)).count();
    Shrunk {
        property: property.to_owned(),
        scheduling: lab.config.scheduling,
        faults_before: before.faults.len(),
        idle_before,
        operations: (kept, all.len()),
        runs: lab.runs,
        cut_short: lab.is_used_up(),
        without,
        plan,
    }
}

/// An operation of a workload: the client, and its index.
type Operation = (String, usize);

/// The operations that the run had before shrinking.
fn all_operations(lab: &Lab<'_>) -> Vec<Operation> {
    let clients = lab.found.operations.iter();
    let all = clients.flat_map(|(client, count)| (0..*count).map(|i| (client.clone(), i)));
    all.filter(|(client, index)| lab.found.plan.keeps(client, *index)).collect()
}

fn shrink_in_rounds(lab: &mut Lab<'_>, mut plan: FaultPlan, all: &[Operation]) -> FaultPlan {
    let mut operations = all.to_vec();
    loop {
        let (before, scheduling) = (plan.clone(), lab.config.scheduling);
        lab.prefer_fifo(&plan);
        plan = fewer_faults(lab, plan);
        plan = naming::name_messages(lab, plan);
        plan = fewer_operations(lab, plan, &mut operations, all);
        plan = simpler_values(lab, plan);
        let settled = plan == before && lab.config.scheduling == scheduling;
        if settled || lab.is_used_up() {
            return plan;
        }
    }
}

fn fewer_faults(lab: &mut Lab<'_>, plan: FaultPlan) -> FaultPlan {
    let workload = plan.workload;
    let with = |faults: &[_]| FaultPlan { faults: faults.to_vec(), workload: workload.clone() };
    let faults = minimal(plan.faults, &mut |faults| lab.fails(&with(faults)));
    FaultPlan { faults, workload }
}

/// Operations without which a check would have nothing to look at stay: else the script could never hold,
/// when what is wrong is repaired.
fn fewer_operations(
    lab: &mut Lab<'_>,
    plan: FaultPlan,
    operations: &mut Vec<Operation>,
    all: &[Operation],
) -> FaultPlan {
    let unknown = lab.try_out(&plan).unknown;
    let kept = minimal(std::mem::take(operations), &mut |kept| {
        let (faults, workload) = (plan.faults.clone(), workload(kept, all));
        let tried = lab.try_out(&FaultPlan { faults, workload });
        tried.fails && tried.unknown.iter().all(|property| unknown.contains(property))
    });
    // What every client keeps in full need not be said.
    let workload = if kept.len() == all.len() { plan.workload } else { workload(&kept, all) };
    *operations = kept;
    FaultPlan { faults: plan.faults, workload }
}

/// The workload that keeps these operations.
fn workload(kept: &[Operation], all: &[Operation]) -> BTreeMap<String, Vec<usize>> {
    let mut by_client: BTreeMap<String, Vec<usize>> =
        all.iter().map(|(client, _)| (client.clone(), Vec::new())).collect();
    for (client, index) in kept {
        by_client.entry(client.clone()).or_default().push(*index);
    }
    by_client
}

fn simpler_values(lab: &mut Lab<'_>, mut plan: FaultPlan) -> FaultPlan {
    let mut index = 0;
    while index < plan.faults.len() {
        let simpler = plan.faults[index].simpler().into_iter().find_map(|fault| {
            let mut candidate = plan.clone();
            candidate.faults[index] = fault;
            lab.fails(&candidate).then_some(candidate)
        });
        match simpler {
            Some(simpler) => plan = simpler,
            None => index += 1,
        }
    }
    plan
}

/// What happens without each fault. These runs are few, and not bounded.
fn without_each(lab: &mut Lab<'_>, plan: &FaultPlan) -> Vec<Without> {
    let without = |index: usize| {
        let mut plan = plan.clone();
        plan.faults.remove(index);
        let run = lab.run(&plan);
        let same = run.outcomes.iter().any(|o| lab.is_it(o));
        match (run.violated(), lab.verdict(&run)) {
            _ if same => Without::Same,
            (Some(other), _) => Without::Other(other.property.clone()),
            (None, Verdict::Unknown(reason)) => Without::Unknown(reason),
            (None, _) => Without::Holds,
        }
    };
    (0..plan.faults.len()).map(without).collect()
}
