//! Datagrams over plain, lossy and distant links.

use std::time::Duration;

use divan::Bencher;
use divan::counter::ItemsCount;
use stormglass::net::{LinkProfile, Loss};

use crate::run_quietly;

const MANY: u32 = 10_000;

fn links() -> [(&'static str, LinkProfile); 4] {
    let fixed = LinkProfile::with_delay(Duration::from_millis(1));
    let lossy = LinkProfile { loss: Loss::Bernoulli(0.05), duplicate: 0.05, ..fixed.clone() };
    [
        ("fixed", fixed),
        ("data_centre", LinkProfile::default()),
        ("lossy", lossy),
        ("mobile", LinkProfile::mobile()),
    ]
}

/// One way, one sender, one receiver that takes what comes.
#[divan::bench(args = ["fixed", "data_centre", "lossy", "mobile"])]
fn datagrams(bencher: Bencher<'_, '_>, link: &str) {
    let link = links().into_iter().find(|(name, _)| *name == link).map(|(_, link)| link);
    let link = link.expect("the arguments name links of the list");
    bencher.counter(ItemsCount::new(MANY)).bench(|| {
        run_quietly(|sim| {
            sim.links(link.clone());
            sim.process("sink", |ctx| async move {
                let Ok(endpoint) = ctx.bind(7) else { return };
                while endpoint.receive().await.is_ok() {}
            });
            sim.client("source", |ctx| async move {
                let endpoint = ctx.bind(0)?;
                let sink = ctx.lookup("sink", 7)?;
                for _ in 0..MANY {
                    endpoint.send_to(sink, &b"0123456789abcdef"[..]);
                    ctx.sleep(Duration::from_micros(10)).await;
                }
                ctx.sleep(Duration::from_secs(1)).await;
                Ok::<(), std::io::Error>(())
            });
        })
    });
}
