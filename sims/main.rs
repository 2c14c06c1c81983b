//! The gallery: classic failures of distributed systems, each broken, seen, and repaired.
//!
//! `cargo run --release -- list` shows it; each page says what to run.

mod amnesia_ack;
mod drifting_lease;
mod duplicate_charge;
mod half_saga;
#[cfg(test)]
mod trial;

use std::process::ExitCode;

use stormglass::explore::World;

/// The table of contents: name, world, variants, and the failure in one line.
fn worlds() -> Vec<World> {
    let broken_and_fixed = ["broken", "fixed"];
    vec![
        World::new("duplicate_charge", duplicate_charge::world)
            .variants(broken_and_fixed)
            .about("an answer is lost, the question is asked again, the card is charged twice"),
        World::new("amnesia_ack", amnesia_ack::world)
            .variants(broken_and_fixed)
            .about("an entry is acknowledged before it is synced, and forgotten with the power"),
        World::new("half_saga", half_saga::world)
            .variants(broken_and_fixed)
            .about("an orchestrator dies in the middle of an order, and nobody takes it back"),
        World::new("drifting_lease", drifting_lease::world)
            .variants(broken_and_fixed)
            .about("a lease ends while its holder's clock says that it does not"),
    ]
}

fn main() -> ExitCode {
    stormglass::cli::main(worlds())
}
