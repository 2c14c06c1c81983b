//! Random worlds: members, links, disks and work are drawn from a number.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use rand::{Rng, RngExt};
use stormglass::disk::OpenOptions;
use stormglass::net::{Delay, LinkProfile, Loss};
use stormglass::prelude::*;
use stormglass::seed::{Seed, Stream};

/// A world whose members, links and work are drawn from `shape`, whatever the seed of the run.
pub(super) fn random_world(shape: u64) -> impl Fn(&mut Sim) + Sync {
    move |sim: &mut Sim| {
        let mut draw = Seed(shape).stream("shape", 0);
        sim.may_panic().time_limit(Duration::from_secs(5)).settle(Duration::from_secs(10));
        sim.links(profile(&mut draw));
        let names: Vec<String> = (0..draw.random_range(1..=4)).map(|n| format!("s{n}")).collect();
        for (n, name) in names.iter().enumerate() {
            let next = names.get(n + 1).filter(|_| draw.chance(0.7)).cloned();
            let replicas = draw.random_range(1..=3);
            let processors = draw.random_range(1..=2);
            let limit = draw.random_range(1..=8);
            let called = next.clone();
            let storage = Storage::draw(&mut draw);
            let mut builder =
                sim.service(name, move |ctx: Ctx| service(ctx, next.clone(), storage));
            builder.replicas(replicas).replicas_max(3).processors(processors).queue_limit(limit);
            builder.calls(called.as_deref());
        }
        let gossips = draw.random_range(0..=3);
        if gossips > 1 {
            sim.process("gossip", move |ctx| gossip(ctx, gossips)).replicas(gossips);
        }
        if draw.chance(0.5) {
            let counts: Vec<u32> = (0..4).map(|_| draw.random_range(0..=3)).collect();
            sim.workload("operator", counts, move |ctx, replicas| async move {
                ctx.sleep(Duration::from_millis(40)).await;
                ctx.scale("s0", replicas)
            });
        }
        for n in 0..draw.random_range(1..=3) {
            let paths: Vec<u32> = (0..draw.random_range(1..=12)).collect();
            let pause = Duration::from_micros(draw.below(30_000));
            sim.workload(&format!("client{n}"), paths, move |ctx, path| async move {
                ctx.sleep(pause + Duration::from_micros(ctx.rng().random_range(0..500))).await;
                let call = ctx.http().get(&format!("http://s0/{path}"));
                let call = call.timeout(Duration::from_millis(40)).retry(Retry::times(2));
                call.send().await.map(|answer| ctx.record(answer.status()))
            });
        }
        sim.sometimes("a request is answered", |view| view.recorded("200 OK") > 0);
    }
}

fn profile(draw: &mut Stream) -> LinkProfile {
    let micros = Duration::from_micros;
    let delay = match draw.below(5) {
        0 => Delay::Fixed(micros(500)),
        1 => Delay::Normal { mean: micros(900), deviation: micros(300) },
        2 => Delay::LogNormal { median: micros(700), sigma: 0.5 },
        3 => Delay::Pareto { least: micros(300), shape: 1.5 },
        _ => Delay::Uniform(micros(100), micros(2_000)),
    };
    LinkProfile {
        loss: Loss::Bernoulli(draw.below(3) as f64 * 0.02),
        duplicate: draw.below(2) as f64 * 0.1,
        reorder: draw.below(2) as f64 * 0.1,
        corrupt: draw.below(2) as f64 * 0.05,
        correlation: draw.below(2) as f64 * 0.3,
        rate: draw.chance(0.3).then_some(1_000_000),
        ..LinkProfile::with_delay(delay)
    }
}

/// What a service does with its disk.
#[derive(Clone, Copy)]
enum Storage {
    Unused,
    /// Waits for every operation.
    Awaits,
    /// Does them all at once, as a database does, and waits for their time afterwards.
    Blocks,
}

impl Storage {
    fn draw(draw: &mut Stream) -> Storage {
        match draw.below(4) {
            0 => Storage::Unused,
            1 => Storage::Blocks,
            _ => Storage::Awaits,
        }
    }

    /// Appends to a log, syncs most of the time, and reads all of it back; its length.
    async fn append(self, ctx: Ctx, path: u32) -> io::Result<usize> {
        let options = OpenOptions::new().read(true).write(true).create(true);
        let line = format!("{path} at {}\n", ctx.clock().unix_millis());
        let synced = !ctx.rng().next_u32().is_multiple_of(4);
        let disk = ctx.disk();
        match self {
            Storage::Unused => Ok(0),
            Storage::Awaits => {
                let log = disk.open("log", options).await?;
                log.write_all_at(line.as_bytes(), log.len().await?).await?;
                if synced {
                    log.sync().await?;
                    disk.sync_dir("").await?;
                }
                disk.read("log").await.map(|bytes| bytes.len())
            }
            Storage::Blocks => {
                let handle = disk.handle();
                let work = move || {
                    let log = handle.open("log", options)?;
                    log.write_all_at(line.as_bytes(), log.len()?)?;
                    if synced {
                        log.sync()?;
                        handle.sync_dir("")?;
                    }
                    handle.read("log").map(|bytes| bytes.len())
                };
                disk.blocking(work).await
            }
        }
    }
}

/// Works, writes, asks the next one, panics now and then, and says what it does.
fn service(ctx: Ctx, next: Option<String>, storage: Storage) -> Router {
    let mut table = std::collections::BTreeMap::new();
    let handler = move |Path(path): Path<u32>| async move {
        let span = tracing::info_span!("request", path);
        ctx.work(Duration::from_micros(ctx.rng().random_range(100..3_000))).await;
        drop(span);
        table.insert(path, ());
        ctx.publish("seen", table.len());
        assert!(!ctx.rng().next_u32().is_multiple_of(97), "an unlucky request");
        match storage.append(ctx, path).await {
            Ok(length) => ctx.publish("log", length),
            Err(error) => {
                ctx.record(format_args!("cannot write: {error}"));
                return StatusCode::INSUFFICIENT_STORAGE;
            }
        }
        let Some(next) = next else { return StatusCode::OK };
        let limit = Duration::from_millis(15);
        let helper = ctx.spawn(async move {
            let call = ctx.http().get(&format!("http://{next}/{path}")).timeout(limit);
            call.send().await.map(|answer| answer.status())
        });
        match ctx.timeout(limit / 2, helper).await {
            Ok(Ok(Ok(status))) => status,
            _ => StatusCode::BAD_GATEWAY,
        }
    };
    Router::new().route("/{path}", get(handler))
}

/// Tells a peer every 7 ms how often it was told.
async fn gossip(ctx: Ctx, peers: u32) {
    let Ok(socket) = ctx.bind(7) else { return };
    let mut told = 0u32;
    loop {
        let peer = format!("gossip-{}", ctx.rng().random_range(0..peers));
        let _ = socket.send(&peer, 7, told.to_le_bytes().to_vec());
        let limit = ctx.timeout(Duration::from_millis(7), socket.receive());
        if let Ok(Ok((bytes, from))) = limit.await {
            told += 1;
            ctx.record(format_args!("told by {} in {} bytes", from.node.0, bytes.len()));
        }
        tokens(ctx, told).await;
    }
}

/// Several timers at once, most of them dropped.
async fn tokens(ctx: Ctx, told: u32) {
    let sleeps =
        (0..=told % 4).map(|n| ctx.sleep(Duration::from_micros(u64::from(n) * 300 + 2_000)));
    futures::future::select_all(sleeps).await;
}
