//! The gallery.
mod amnesia_ack;
mod drifting_lease;
mod duplicate_charge;
mod half_saga;
#[cfg(test)]
mod trial;

use stormglass::prelude::*;
const WORLDS: [(&str, fn(&mut Sim)); 4] = [
    ("amnesia_ack", amnesia_ack::world),
    ("drifting_lease", drifting_lease::world),
    ("duplicate_charge", duplicate_charge::world),
    ("half_saga", half_saga::world),
];
fn main() {
    let name = std::env::args().nth(1).unwrap_or_default();
    let seeds = std::env::args().nth(2).and_then(|n| n.parse().ok()).unwrap_or(1000);
    let world = WORLDS.iter().find(|w| w.0 == name).map_or(WORLDS[2].1, |w| w.1);
    for variant in ["broken", "fixed"] {
        let mut bad = 0;
        let mut first = None;
        for seed in 0..seeds {
            let run = std::thread::scope(|s| {
                s.spawn(|| run(&world, &RunConfig::seed(seed).variant(variant))).join().unwrap()
            });
            let v = run.verdict();
            if !v.holds() {
                bad += 1;
                if first.is_none() {
                    println!("{variant} seed {seed}: {v:?}\n{}", run.plan);
                    first = Some(seed);
                    for e in run.journal.events() {
                        if false {
                            println!(
                                "{:>14} {:<10} {:<12} {:<10} {:<20} v={} x={} prev={} cause={} {}",
                                e.at().to_string(),
                                e.node_name(),
                                e.kind().name(),
                                e.peer_name(),
                                e.symbol(),
                                e.value() % 1000,
                                e.extra(),
                                e.prev().0,
                                e.cause().0,
                                e.text().unwrap_or("")
                            );
                        }
                    }
                    println!("{}", run.journal.story());
                }
            }
        }
        println!("{variant}: {bad} of {seeds}");
    }
}
