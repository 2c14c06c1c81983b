//! One failure: what is violated, the few faults that it takes, the story, how to see it again.

use std::fmt::{Result, Write};
use std::time::Duration;

use super::{count, diagram, story};
use crate::chaos::FaultPlan;
use crate::explore::Failure;
use crate::kernel::Scheduling;
use crate::shrink::{Shrunk, Without};
use crate::sim::Run;

pub(super) fn write(failure: &Failure, elapsed: Option<Duration>, out: &mut dyn Write) -> Result {
    header(failure, elapsed, out)?;
    script(failure, out)?;
    out.write_str("story:\n")?;
    out.write_str(&story::text(failure))?;
    write!(out, "diagram:\n{}", diagram::of_failure(&failure.run, &failure.outcome))?;
    if let Some(shrunk) = &failure.shrunk {
        counterfactuals(shrunk, out)?;
    }
    for (index, why) in failure.run.idle_reasons() {
        let why = if why.is_empty() { ".".to_owned() } else { format!(": {why}") };
        writeln!(out, "fault {} never struck{why}", index + 1)?;
    }
    if !failure.alike.is_empty() {
        let seeds: Vec<String> = failure.alike.iter().take(10).map(u64::to_string).collect();
        let more = if failure.alike.len() > seeds.len() { " ..." } else { "" };
        let alike = count(failure.alike.len(), "other seed");
        writeln!(out, "{alike} failed alike: {}{more}", seeds.join(", "))?;
    }
    writeln!(out, "replay:  {}", failure.command)?;
    match &failure.page {
        Some(page) => writeln!(out, "report:  {}", page.display()),
        None => Ok(()),
    }
}

fn header(failure: &Failure, elapsed: Option<Duration>, out: &mut dyn Write) -> Result {
    write!(out, "violated: {}        seed {}", failure.property, failure.run.seed)?;
    if failure.shrunk.is_some() {
        write!(out, ", found after {}", count(failure.found_after, "seed"))?;
    }
    if let Some(elapsed) = elapsed {
        write!(out, " ({:.1} s)", elapsed.as_secs_f64())?;
    }
    let replays = failure.replays;
    write!(out, ", replayed {replays}/{replays} identical")?;
    match &failure.in_fresh {
        Ok(()) => writeln!(out, ", also in a fresh process"),
        Err(reason) => writeln!(out, " (in this process only: {reason})"),
    }
}

fn script(failure: &Failure, out: &mut dyn Write) -> Result {
    let plan = &failure.run.plan;
    let faults = count(plan.faults.len(), "fault");
    match &failure.shrunk {
        Some(Shrunk { faults_before, idle_before, runs, cut_short, .. }) => {
            write!(out, "shrunk to {faults} from {faults_before}")?;
            if *idle_before > 0 {
                write!(out, ", of which {idle_before} never struck")?;
            }
            let more = if *cut_short { ", all that it was allowed" } else { "" };
            let end = if plan == &FaultPlan::default() { "" } else { ":" };
            writeln!(out, " ({}{more}){end}", count(*runs, "run"))?;
        }
        None => writeln!(out, "with {faults}{}", if plan.faults.is_empty() { "" } else { ":" })?,
    }
    for fault in &plan.faults {
        writeln!(out, "    {fault}")?;
    }
    for line in workload(&failure.run) {
        writeln!(out, "    {line}")?;
    }
    match failure.scheduling {
        Scheduling::Fifo => Ok(()),
        other => writeln!(out, "    ready tasks run in another order: {other}"),
    }
}

/// One line for each client that does less than it could.
pub(super) fn workload(run: &Run) -> Vec<String> {
    let line = |(client, kept): (&String, &Vec<usize>)| {
        let total = run.operations.iter().find(|(name, _)| name == client);
        let kept_here: Vec<String> = kept.iter().map(ToString::to_string).collect();
        match (kept_here.as_slice(), total.map_or(0, |(_, total)| *total)) {
            ([], total) => format!("{client} does none of its {}", count(total, "operation")),
            ([one], total) => format!("{client} does only operation {one} of {total}"),
            (many, total) => format!("{client} does operations {} of {total}", many.join(", ")),
        }
    };
    run.plan.workload.iter().map(line).collect()
}

fn counterfactuals(shrunk: &Shrunk, out: &mut dyn Write) -> Result {
    for (number, without) in (1..).zip(&shrunk.without) {
        match without {
            Without::Holds => writeln!(out, "without fault {number} it holds.")?,
            Without::Same => writeln!(out, "without fault {number} it fails all the same.")?,
            Without::Other(property) => {
                writeln!(out, "without fault {number} `{property}` is violated instead.")?;
            }
            Without::Unknown(reason) => {
                writeln!(out, "without fault {number} nothing can be said: {reason}")?;
            }
        }
    }
    if shrunk.plan.faults.is_empty() {
        writeln!(out, "it takes no fault at all.")?;
    }
    Ok(())
}
