//! The gallery.
mod duplicate_charge;
use stormglass::prelude::*;
fn main() {
    for variant in ["broken", "fixed"] {
        let mut bad = 0;
        let mut first = None;
        for seed in 0..1000 {
            let run = std::thread::scope(|s| {
                s.spawn(|| run(&duplicate_charge::world, &RunConfig::seed(seed).variant(variant)))
                    .join()
                    .unwrap()
            });
            if let Some(v) = run.violated() {
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
        println!("{variant}: {bad} of 1000");
    }
}
