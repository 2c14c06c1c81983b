//! Events through a broker.

use std::cell::Cell;
use std::convert::Infallible;
use std::rc::Rc;

use divan::Bencher;
use divan::counter::ItemsCount;
use stormglass::events::EventError;

use crate::run_quietly;

const MANY: u32 = 1_000;

/// Published, synced, delivered and acknowledged, one after the other.
#[divan::bench]
fn publish_and_deliver(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(MANY)).bench(|| {
        let handled = Rc::new(Cell::new(0));
        let shared = handled.clone();
        let run = run_quietly(move |sim| {
            let handled = shared.clone();
            sim.broker("events");
            sim.process("shipping", move |ctx| {
                let handled = handled.clone();
                async move {
                    ctx.events().consume("shipping", ["placed"], move |_| {
                        handled.set(handled.get() + 1);
                        async { Ok::<(), Infallible>(()) }
                    });
                    ctx.stopping().await;
                }
            });
            sim.client("shop", |ctx| async move {
                ctx.sleep(std::time::Duration::from_millis(10)).await;
                for number in 0..MANY {
                    ctx.events().publish("placed", &number.to_string(), "one lamp").await?;
                }
                while ctx.events().lag("shipping", &["placed"]).await? > 0 {}
                Ok::<(), EventError>(())
            });
        });
        assert_eq!(handled.get(), MANY);
        run
    });
}
