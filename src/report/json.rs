//! The machine's view: one JSON object a line.
//!
//! Every line has `schema` (the number [`SCHEMA`], raised when a field changes its meaning or goes;
//! new fields may come) and `type`. The same search makes the same lines; no wall time is in them.
//!
//! | `type` | one for each | fields |
//! |---|---|---|
//! | `sim` | world, by `list` | `name`, `about`, `variants` |
//! | `run` | run, by `run` | `sim`, `variant`, `seed`, `scheduling`, `verdict`, `fingerprint`, `events`, `end_ns`, `sealed`, `faults`, `outcomes` |
//! | `failure` | cause, by `explore`, `replay`, `shrink` | `sim`, `variant`, `seed`, `property`, `witness`, `found_after`, `replays`, `fresh_process`, `scheduling`, `faults`, `workload`, `shrunk`, `alike`, `fingerprint`, `script`, `page`, `command` |
//! | `nondeterminism` | seed that does not replay | `sim`, `variant`, `seed`, `property`, `text` |
//! | `search` | search or replay, last | `sim`, `variant`, `strategy`, `seeds`, `shard`, `seeds_run`, `sampled`, `verdict`, `coverage`, `unshrunk`, `idle` (faults of a given plan that never struck), `sealed` |
//! | `diff` | comparison, by `diff` | `same`, `index`, `left`, `right`, `text` |
//! | `determinism` | world, by `determinism` | `sim`, `variant`, `seeds`, `runs`, `differences`, `first`, `verdict` |
//!
//! A `verdict` is `"holds"`, `{"violated": witness}` or `{"unknown": reason}`. Times are virtual, in
//! nanoseconds; fingerprints are 16 hexadecimal digits.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::explore::{Failure, SearchReport, World};
use crate::kernel::Scheduling;
use crate::sim::Run;

/// The version of the lines.
pub const SCHEMA: u32 = 1;

/// The lines of a search: failures, then seeds that do not replay, then the search itself.
#[must_use]
pub fn search(report: &SearchReport) -> Vec<Value> {
    let failures = report.failures.iter().map(|found| failure(report, found));
    let differing = report.nondeterminism.iter().map(|found| {
        json!({
            "schema": SCHEMA, "type": "nondeterminism", "sim": report.sim,
            "variant": report.variant, "seed": found.seed, "property": found.property,
            "text": found.text,
        })
    });
    let whole = json!({
        "schema": SCHEMA, "type": "search", "sim": report.sim, "variant": report.variant,
        "strategy": report.strategy, "seeds": [report.seeds.start, report.seeds.end],
        "shard": [report.shard.0, report.shard.1], "seeds_run": report.coverage.runs,
        "sampled": report.sampled, "verdict": report.verdict(), "coverage": report.coverage,
        "unshrunk": report.unshrunk, "idle": report.idle, "sealed": report.sealed,
    });
    failures.chain(differing).chain([whole]).collect()
}

fn failure(report: &SearchReport, found: &Failure) -> Value {
    let shrunk = found.shrunk.as_ref().map(|shrunk| {
        json!({
            "faults_before": shrunk.faults_before, "idle_before": shrunk.idle_before,
            "operations": shrunk.operations.0, "operations_before": shrunk.operations.1,
            "runs": shrunk.runs, "cut_short": shrunk.cut_short, "without": shrunk.without,
        })
    });
    let witness = found.outcome.verdict.text();
    json!({
        "schema": SCHEMA, "type": "failure", "sim": report.sim, "variant": report.variant,
        "seed": found.run.seed, "property": found.property, "witness": witness,
        "found_after": found.found_after, "replays": found.replays,
        "fresh_process": found.in_fresh.is_ok(), "scheduling": found.scheduling.to_string(),
        "faults": faults(&found.run), "workload": found.run.plan.workload, "shrunk": shrunk,
        "alike": found.alike, "fingerprint": found.run.fingerprint().to_string(),
        "script": found.script.display().to_string(),
        "page": found.page.as_ref().map(|page| page.display().to_string()),
        "command": found.command,
    })
}

/// The line of one run.
#[must_use]
pub fn run(world: &World, run: &Run, scheduling: Scheduling) -> Value {
    let outcomes: Vec<Value> = run
        .outcomes
        .iter()
        .map(|o| json!({ "property": o.property, "kind": o.kind, "verdict": o.verdict }))
        .collect();
    json!({
        "schema": SCHEMA, "type": "run", "sim": world.name, "variant": run.variant,
        "seed": run.seed, "scheduling": scheduling.to_string(), "verdict": run.verdict_of_plan(),
        "fingerprint": run.fingerprint().to_string(), "events": run.journal.total(),
        "end_ns": run.duration.as_nanos(), "sealed": run.sealed, "faults": faults(run),
        "outcomes": outcomes,
    })
}

/// The line of one world.
#[must_use]
pub fn sim(world: &World) -> Value {
    json!({
        "schema": SCHEMA, "type": "sim", "name": world.name, "about": world.about,
        "variants": world.variants,
    })
}

fn faults(run: &Run) -> Vec<Value> {
    let idle: BTreeMap<usize, String> = run.idle_reasons().into_iter().collect();
    let faults = run.plan.faults.iter().zip(&run.tallies).enumerate();
    let line = |(index, (fault, tally)): (usize, (&crate::chaos::Fault, &crate::net::Tally))| {
        json!({
            "text": fault.to_string(), "kind": fault.kind(),
            "opportunities": tally.opportunities, "hits": tally.hits, "idle": idle.get(&index),
        })
    };
    faults.map(line).collect()
}
