//! Tasks, timers, and the cost of a world.

use std::time::Duration;

use divan::Bencher;
use divan::counter::ItemsCount;
use stormglass::kernel::JoinError;

use crate::run_quietly;

const MANY: u32 = 10_000;

/// A world with one client that does nothing.
#[divan::bench]
fn empty_world() {
    run_quietly(|sim| {
        sim.client("client", |_| async { Ok::<(), String>(()) });
    });
}

#[divan::bench]
fn spawn_and_join(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(MANY)).bench(|| {
        run_quietly(|sim| {
            sim.client("client", |ctx| async move {
                for n in 0..MANY {
                    ctx.spawn(async move { n }).await?;
                }
                Ok::<(), JoinError>(())
            });
        })
    });
}

#[divan::bench]
fn yield_to_another_task(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(2 * MANY)).bench(|| {
        run_quietly(|sim| {
            for name in ["a", "b"] {
                sim.client(name, |ctx| async move {
                    for _ in 0..MANY {
                        ctx.yield_now().await;
                    }
                    Ok::<(), String>(())
                });
            }
        })
    });
}

#[divan::bench]
fn sleep(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(MANY)).bench(|| {
        run_quietly(|sim| {
            sim.client("client", |ctx| async move {
                for n in 0..MANY {
                    ctx.sleep(Duration::from_nanos(u64::from(n % 7) + 1)).await;
                }
                Ok::<(), String>(())
            });
        })
    });
}

/// A limit that is never reached: the timer is taken out of the queue again.
#[divan::bench]
fn timeout_not_reached(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(MANY)).bench(|| {
        run_quietly(|sim| {
            sim.client("client", |ctx| async move {
                for _ in 0..MANY {
                    let short = ctx.sleep(Duration::from_nanos(1));
                    ctx.timeout(Duration::from_secs(1), short).await?;
                }
                Ok::<(), stormglass::clock::Elapsed>(())
            });
        })
    });
}
