//! The gallery.

mod amnesia_ack;
mod drifting_lease;
mod duplicate_charge;
mod half_saga;
#[cfg(test)]
mod trial;

use stormglass::prelude::*;

/// `stormglass NAME VARIANT SEEDS` runs so many seeds, and tells the first failure and their number.
fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let argument = |n: usize| arguments.get(n).map_or("", String::as_str);
    let world: fn(&mut Sim) = match argument(1) {
        "amnesia_ack" => amnesia_ack::world,
        "drifting_lease" => drifting_lease::world,
        "half_saga" => half_saga::world,
        _ => duplicate_charge::world,
    };
    let seeds = argument(3).parse().unwrap_or(1000);
    let mut failures = 0;
    for seed in 0..seeds {
        let config = RunConfig::seed(seed).variant(argument(2));
        let alone = std::thread::scope(|scope| scope.spawn(|| run(&world, &config)).join());
        let run = alone.expect("a run catches the panics of its services");
        if !run.verdict().holds() {
            failures += 1;
            if failures == 1 {
                println!("seed {seed}: {:?}\n{}\n{}", run.verdict(), run.plan, run.journal.story());
            }
        }
    }
    println!("{failures} of {seeds}");
}
