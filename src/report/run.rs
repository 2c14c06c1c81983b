//! One run in a few lines.

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
    line(format_args!("{}{variant} seed {}: {}", world.name, run.seed, run.verdict()));
    line(format_args!(
        "    {}, {}, tasks {scheduling}, {sealed}, fingerprint {}",
        run.duration,
        count(run.journal.total(), "event"),
        run.fingerprint()
    ));
    for (fault, tally) in run.plan.faults.iter().zip(&run.tallies) {
        let struck = match tally.hits {
            0 => "never struck".to_owned(),
            hits => format!("struck {hits} of {}", tally.opportunities),
        };
        line(format_args!("    fault: {fault}  ({struck})"));
    }
    for outcome in &run.outcomes {
        line(format_args!("    {} \"{}\": {}", outcome.kind, outcome.property, outcome.verdict));
    }
    out
}
