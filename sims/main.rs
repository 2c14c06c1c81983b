//! The gallery: classic failures of distributed systems, each broken, seen, and repaired.
//!
//! `cargo run --release -- list` shows it; each page says what to run.

mod duplicate_charge;

use std::process::ExitCode;

use stormglass::explore::World;

/// The table of contents: name, world, variants, and the failure in one line.
fn worlds() -> Vec<World> {
    let broken_and_fixed = ["broken", "fixed"];
    vec![
        World::new("duplicate_charge", duplicate_charge::world)
            .variants(broken_and_fixed)
            .about("an answer is lost, the question is asked again, the card is charged twice"),
    ]
}

fn main() -> ExitCode {
    stormglass::cli::main(worlds())
}
