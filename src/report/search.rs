//! A whole search: its failures, or what it has seen while everything held.

use std::fmt::{Result, Write};

use super::{count, failure};
use crate::explore::{Coverage, SearchReport};

pub(super) fn write(report: &SearchReport, times: bool, out: &mut String) -> Result {
    let elapsed = (times && report.failures.len() == 1).then_some(report.elapsed);
    for found in &report.failures {
        failure::write(found, elapsed, out)?;
        out.push('\n');
    }
    if !report.unshrunk.is_empty() {
        let shown = report
            .unshrunk
            .iter()
            .take(10)
            .map(|(seed, property)| format!("    seed {seed}: {property}\n"));
        let shown: String = shown.collect();
        let more = report.unshrunk.len().saturating_sub(10);
        writeln!(out, "{} that nothing was made of:", count(report.unshrunk.len(), "failure"))?;
        out.push_str(&shown);
        if more > 0 {
            writeln!(out, "    and {more} more")?;
        }
    }
    for found in &report.nondeterminism {
        let violated = found.property.as_ref().map(|p| format!(" (one run violates `{p}`)"));
        let seed = found.seed;
        writeln!(
            out,
            "not reproducible: seed {seed} does not replay{}",
            violated.unwrap_or_default()
        )?;
        out.push_str(&found.text);
        out.push('\n');
    }
    summary(report, times, out)
}

fn summary(report: &SearchReport, times: bool, out: &mut String) -> Result {
    let variant = match report.variant.as_str() {
        "" => String::new(),
        variant => format!(" ({variant})"),
    };
    writeln!(out, "{}{variant}: {}", report.sim, report.verdict())?;
    let coverage = &report.coverage;
    write!(out, "    {}", count(coverage.runs, "seed"))?;
    if !report.replayed {
        let searched = &report.seeds;
        write!(out, " of {}..{}", searched.start, searched.end)?;
        if report.shard.1 > 1 {
            write!(out, ", shard {}/{}", report.shard.0, report.shard.1)?;
        }
        if report.resumed > 0 {
            write!(out, ", {} of them earlier", report.resumed)?;
        }
        write!(out, ", {}, {} run twice", report.strategy, report.sampled)?;
        let ended = report.failures.is_empty() && report.nondeterminism.is_empty();
        if ended && coverage.runs < report.planned {
            write!(out, "; {} not run", report.planned - coverage.runs)?;
        }
    }
    out.push_str(if report.sealed { ", sealed" } else { ", not sealed" });
    if times {
        write!(out, ", {:.1} s", report.elapsed.as_secs_f64())?;
    }
    out.push('\n');
    // A failure tells its own.
    let told = report.failures.is_empty();
    for line in report.idle.iter().filter(|_| told) {
        writeln!(out, "    {line}")?;
    }
    if report.replayed { Ok(()) } else { seen(coverage, out) }
}

fn seen(coverage: &Coverage, out: &mut String) -> Result {
    let (planned, struck) = coverage.struck();
    if planned > 0 {
        write!(out, "    faults: {struck} of {planned} struck")?;
        let idle: Vec<&str> = coverage.idle_kinds().iter().map(|kind| kind.name()).collect();
        if !idle.is_empty() {
            write!(out, "; never: {}", idle.join(", "))?;
        }
        out.push('\n');
    }
    for (name, seeds) in &coverage.sometimes {
        writeln!(out, "    sometimes \"{name}\": {}", times_seen(*seeds))?;
    }
    let unreached = coverage.unreached();
    if !coverage.points.is_empty() {
        let reached = coverage.points.len() - unreached.len();
        write!(out, "    points: {reached} of {} reached", coverage.points.len())?;
        if !unreached.is_empty() {
            write!(out, "; never: {}", unreached.join(", "))?;
        }
        out.push('\n');
    }
    Ok(())
}

fn times_seen(seeds: u64) -> String {
    match seeds {
        0 => "never".to_owned(),
        seeds => format!("in {}", count(seeds, "seed")),
    }
}
