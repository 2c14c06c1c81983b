//! One run in a few lines.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::count;
use crate::explore::World;
use crate::kernel::Scheduling;
use crate::sim::Run;

/// What one run came to, as text.
#[must_use]
pub fn run_text(world: &World, run: &Run, scheduling: Scheduling) -> String {
    let mut out = String::new();
    let variant =
        if run.variant.is_empty() { String::new() } else { format!(" ({})", run.variant) };
    let sealed = if run.sealed { "sealed" } else { "not sealed" };
    let mut line = |text: std::fmt::Arguments<'_>| {
        writeln!(out, "{text}").expect("a String takes all text");
    };
    line(format_args!("{}{variant} seed {}: {}", world.name, run.seed, run.verdict_of_plan()));
    let idle: BTreeMap<usize, String> = run.idle_reasons().into_iter().collect();
    line(format_args!(
        "    {}, {}, tasks {scheduling}, {sealed}, fingerprint {}",
        run.duration,
        count(run.journal.total(), "event"),
        run.fingerprint()
    ));
    for (index, (fault, tally)) in run.plan.faults.iter().zip(&run.tallies).enumerate() {
        let struck = match idle.get(&index).map(String::as_str) {
            Some("") => "never struck".to_owned(),
            Some(why) => format!("never struck: {why}"),
            None => format!("struck {} of {}", tally.hits, tally.opportunities),
        };
        line(format_args!("    fault: {fault}  ({struck})"));
    }
    for outcome in &run.outcomes {
        line(format_args!("    {} \"{}\": {}", outcome.kind, outcome.property, outcome.verdict));
    }
    out
}
