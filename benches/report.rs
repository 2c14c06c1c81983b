//! Pages of reports.

use divan::Bencher;
use divan::counter::ItemsCount;
use stormglass::explore::World;
use stormglass::kernel::Scheduling;
use stormglass::net::LinkProfile;
use stormglass::prelude::*;
use stormglass::report::html;

const MESSAGES: u64 = 10_000;

/// Half of them there, half of them back.
fn echo(sim: &mut Sim) {
    sim.links(LinkProfile::with_delay(std::time::Duration::from_millis(1)));
    sim.process("server", |ctx| async move {
        let endpoint = ctx.bind(7).expect("the port is free");
        while let Ok((bytes, from)) = endpoint.receive().await {
            endpoint.send_to(from, bytes);
        }
    });
    sim.client("client", |ctx| async move {
        let endpoint = ctx.bind(8)?;
        for n in 0..MESSAGES / 2 {
            endpoint.send("server", 7, n.to_le_bytes().to_vec())?;
            endpoint.receive().await?;
        }
        Ok::<(), std::io::Error>(())
    });
}

#[divan::bench]
fn report_of_10_000_messages(bencher: Bencher<'_, '_>) {
    let run = super::run_quietly(echo);
    let world = World::new("echo", echo);
    bencher.counter(ItemsCount::new(MESSAGES)).bench(|| html::run(&world, &run, Scheduling::Fifo));
}
