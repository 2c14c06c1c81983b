//! The gallery: classic failures of distributed systems, each broken, seen, and repaired.
//!
//! `cargo run --release -- list` shows it; each page says what to run.

mod amnesia_ack;
#[cfg(all(madsim, target_os = "linux", target_env = "gnu"))]
mod checkout;
mod drifting_lease;
mod duplicate_charge;
mod half_saga;
#[cfg(all(madsim, target_os = "linux", target_env = "gnu"))]
mod lost_reply;
#[cfg(all(madsim, target_os = "linux", target_env = "gnu"))]
mod retry_without_deadline;
#[cfg(test)]
mod trial;

use std::process::ExitCode;

use stormglass::explore::World;

/// The table of contents: name, world, variants, and the failure in one line.
fn worlds() -> Vec<World> {
    let broken_and_fixed = ["broken", "fixed"];
    let page = |world: World| world.variants(broken_and_fixed);
    vec![
        page(World::new("duplicate_charge", duplicate_charge::world))
            .about("an answer is lost, the question is asked again, the card is charged twice"),
        page(World::new("half_saga", half_saga::world))
            .about("the orchestrator dies between two steps, and nobody undoes the first"),
        page(World::new("drifting_lease", drifting_lease::world))
            .about("a slow clock believes in a lease that another node holds by now"),
        page(World::new("amnesia_ack", amnesia_ack::world))
            .about("a write is acknowledged before it is synced, and the power goes"),
        #[cfg(all(madsim, target_os = "linux", target_env = "gnu"))]
        page(World::new("retry_without_deadline", retry_without_deadline::world)).about(
            "a client that retries every error waits for ever for an answer that never comes",
        ),
        #[cfg(all(madsim, target_os = "linux", target_env = "gnu"))]
        page(World::new("lost_reply", lost_reply::world))
            .about("the reply to a write is lost, and the write is done a second time"),
        #[cfg(all(madsim, target_os = "linux", target_env = "gnu"))]
        World::new("checkout", checkout::world)
            .variants(checkout::VARIANTS)
            .about("a whole shop from a team's own files, with six defects to choose from"),
    ]
}

fn main() -> ExitCode {
    stormglass::cli::main(worlds())
}
