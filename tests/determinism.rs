//! Same seed, same run: the tripwire. Random worlds run twice; each sim of the gallery does the same
//! with its own world in its test `same_seed_same_trace`.

use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use rand::{Rng, RngExt};
use stormglass::journal::{Kind, Recording, first_divergence};
use stormglass::kernel::Scheduling;
use stormglass::net::{Delay, LinkProfile, Loss};
use stormglass::prelude::*;
use stormglass::seed::{Seed, Stream};

/// Seeds of each random topology; a release build has time for all 50.
const SEEDS: u64 = if cfg!(debug_assertions) { 8 } else { 50 };

/// Runs on a thread of its own, as hash keys ask for.
fn run_apart(world: &(dyn Fn(&mut Sim) + Sync), config: &RunConfig) -> Run {
    std::thread::scope(|scope| {
        let run = scope.spawn(|| run(&world, config));
        run.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Runs it twice, and once more without keeping the journal; gives the first run.
#[track_caller]
fn check(name: &str, world: &(dyn Fn(&mut Sim) + Sync), config: &RunConfig) -> Run {
    let (one, again) = (run_apart(world, config), run_apart(world, config));
    if let Some(parting) = first_divergence(&one.journal, &again.journal) {
        let shown = parting.render(&one.journal, &again.journal);
        panic!("{name}, seed {}: two runs differ\n{}\n{shown}", config.seed, one.plan);
    }
    assert_eq!(one.fingerprint(), again.fingerprint(), "{name}, seed {}", config.seed);
    assert_eq!(one.outcomes, again.outcomes);
    assert_eq!((&one.end, one.polls, &one.tallies), (&again.end, again.polls, &again.tallies));
    let digest = RunConfig { recording: Recording::Digest, ..config.clone() };
    let digest = run_apart(world, &digest);
    assert_eq!(one.fingerprint(), digest.fingerprint(), "{name}, seed {}: digest", config.seed);
    assert_eq!(one.journal.total(), digest.journal.total());
    one
}

/// A world whose members, links and work are drawn from `shape`, whatever the seed of the run.
fn random_world(shape: u64) -> impl Fn(&mut Sim) + Sync {
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
            let mut builder = sim.service(name, move |ctx: Ctx| service(ctx, next.clone()));
            builder.replicas(replicas).processors(processors).queue_limit(limit);
            builder.calls(called.as_deref());
        }
        let gossips = draw.random_range(0..=3);
        if gossips > 1 {
            sim.process("gossip", move |ctx| gossip(ctx, gossips)).replicas(gossips);
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

/// Works, asks the next one, panics now and then, and says what it does.
fn service(ctx: Ctx, next: Option<String>) -> Router {
    let mut table = std::collections::BTreeMap::new();
    let handler = move |Path(path): Path<u32>| async move {
        let span = tracing::info_span!("request", path);
        ctx.work(Duration::from_micros(ctx.rng().random_range(100..3_000))).await;
        drop(span);
        table.insert(path, ());
        ctx.publish("seen", table.len());
        assert!(!ctx.rng().next_u32().is_multiple_of(97), "an unlucky request");
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

/// Random shapes in eight parts, so that they run beside each other.
#[track_caller]
fn check_shapes(shapes: std::ops::Range<u64>) {
    let mut seen = std::collections::BTreeSet::new();
    for shape in shapes {
        let world = random_world(shape);
        for seed in 0..SEEDS {
            let run = check(&format!("shape {shape}"), &world, &RunConfig::seed(seed));
            seen.extend(run.journal.events().map(|e| e.kind()));
        }
    }
    for kind in [Kind::Send, Kind::Deliver, Kind::Timer, Kind::FaultBegin, Kind::Note, Kind::Drop] {
        assert!(seen.contains(&kind), "{kind:?} never happened: {seen:?}");
    }
}

#[test]
fn random_topologies_0_to_4() {
    check_shapes(0..5);
}

#[test]
fn random_topologies_5_to_9() {
    check_shapes(5..10);
}

#[test]
fn random_topologies_10_to_14() {
    check_shapes(10..15);
}

#[test]
fn random_topologies_15_to_19() {
    check_shapes(15..20);
}

#[test]
fn other_schedulers_replay_too() {
    let world = random_world(3);
    for scheduling in [Scheduling::Random, Scheduling::Pct { depth: 3, steps: 500 }] {
        for seed in 0..10 {
            check("schedulers", &world, &RunConfig { scheduling, ..RunConfig::seed(seed) });
        }
    }
}

/// The tripwire itself: two different runs are told apart, at their first difference.
#[test]
fn different_seeds_differ() {
    let world = random_world(1);
    let (one, other) =
        (run_apart(&world, &RunConfig::seed(1)), run_apart(&world, &RunConfig::seed(2)));
    assert_ne!(one.fingerprint(), other.fingerprint());
    let parting = first_divergence(&one.journal, &other.journal).unwrap();
    assert!(parting.render(&one.journal, &other.journal).starts_with("the runs "));
}

/// A draw more in one node moves nothing in another: the other's own stream stays.
#[test]
fn streams_are_apart() {
    let draws = |more: bool| {
        let world = move |sim: &mut Sim| {
            sim.chaos(Chaos::none());
            sim.process("greedy", move |ctx| async move {
                (0..if more { 9 } else { 1 }).for_each(|_| _ = ctx.rng().next_u64());
            });
            sim.client("client", |ctx| async move {
                ctx.sleep(Duration::from_millis(1)).await;
                ctx.record(ctx.rng().next_u64());
                Ok::<(), String>(())
            });
        };
        let run = run_apart(&world, &RunConfig::seed(1));
        let note = run.journal.of_kind(Kind::Note).next().unwrap();
        note.text().unwrap().to_owned()
    };
    assert_eq!(draws(false), draws(true));
}
