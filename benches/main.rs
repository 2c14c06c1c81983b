//! Micro-benchmarks of the parts: `cargo bench`. Wall time of one thread, unsealed runs.
//!
//! Figures that are compared with other simulators come from `benches/peers`, by CPU time.

#[cfg(all(feature = "contracts", feature = "pact"))]
mod checks;
mod events;
mod histories;
#[cfg(all(feature = "contracts", feature = "pact"))]
mod contract;
mod http;
mod journal;
mod kernel;
#[cfg(feature = "wiremock")]
mod mock;
mod network;
mod report;
mod shrink;
mod trace;

use std::time::Duration;

use stormglass::prelude::*;

fn main() {
    divan::main();
}

/// One run of `world` without chaos and without the seal; it must hold.
fn run_quietly(world: impl Fn(&mut Sim)) -> Run {
    let quiet = |sim: &mut Sim| {
        world(sim);
        sim.chaos(Chaos::none()).time_limit(Duration::from_secs(1_000_000));
    };
    let run = run(&quiet, &RunConfig { sealed: false, ..RunConfig::seed(1) });
    assert!(run.verdict().holds(), "{}", run.verdict());
    run
}
