//! Stormglass: a member with a replica a node, requests as datagrams, the journal on and kept whole.

#![allow(
    clippy::disallowed_methods,
    reason = "a thread a seed is the way of a sealed run, and these threads are outside of it"
)]

use std::{sync::mpsc, thread, time::Duration};

use bytes::Bytes;
use stormglass::{
    chaos::Chaos,
    net::{Addr, Delay, Endpoint, LinkProfile},
    service::Ctx,
    sim::{Run, RunConfig, Sim, run},
};

use crate::{
    axum_peer::{Order, Receipt, router},
    contender::{Build, Contender},
    work::{Idle, Outcome, Payload, Posts, Timers, Traffic, answer},
};

/// Without the seal, all seeds on one thread.
pub const UNSEALED: Contender = Contender {
    traffic: Some(traffic),
    seed: Some(traffic),
    timers: Some(timers),
    idle: Some(idle),
    posts: Some(posts),
    ..Contender::new("stormglass", "stormglass", Build::Plain)
};

/// Inside of madsim's runtime, a thread a seed, as `explore` does it.
pub const SEALED: Contender = Contender {
    traffic: Some(traffic),
    seed: Some(seed_in_its_own_thread),
    timers: Some(timers),
    idle: Some(idle),
    posts: Some(posts),
    ..Contender::new("stormglass sealed", "stormglass", Build::Sealed)
};

/// The same with the service on a tokio runtime.
#[cfg(madsim)]
pub const ON_TOKIO: Contender = Contender {
    posts: Some(posts_on_tokio),
    ..Contender::new("stormglass sealed, on tokio", "stormglass", Build::Sealed)
};

const PORT: u16 = 9000;

fn traffic(work: &Traffic) -> Outcome {
    let work = *work;
    let world = move |sim: &mut Sim| {
        quiet(sim);
        let delay = if work.latency_min == work.latency_max {
            Delay::Fixed(work.latency_min)
        } else {
            Delay::Uniform(work.latency_min, work.latency_max)
        };
        sim.links(LinkProfile::with_delay(delay));
        for node in 0..work.nodes {
            let is_client = node < work.clients;
            let name = format!("n{node}");
            if is_client {
                sim.client(&name, move |ctx| async move {
                    let server = ctx.bind(PORT)?;
                    ctx.spawn(serve(server));
                    request_all(ctx, work, node).await
                });
            } else {
                sim.process(&name, |ctx| async move {
                    if let Ok(server) = ctx.bind(PORT) {
                        serve(server).await;
                    }
                });
            }
        }
    };
    let run = finished(run(&world, &RunConfig::seed(work.seed)));
    Outcome { units: work.messages(), virtual_time: run.duration.since(Default::default()) }
}

fn seed_in_its_own_thread(work: &Traffic) -> Outcome {
    let work = *work;
    thread::spawn(move || traffic(&work)).join().expect("a seed ends well")
}

/// No chaos, and as much virtual time as the work takes.
fn quiet(sim: &mut Sim) {
    sim.chaos(Chaos::none());
    sim.time_limit(Duration::from_secs(1_000_000));
}

fn finished(run: Run) -> Run {
    assert!(run.verdict().holds(), "{}", run.verdict());
    run
}

async fn serve(endpoint: Endpoint) {
    while let Ok((bytes, from)) = endpoint.receive().await {
        let payload = Payload::try_from(&bytes[..]).expect("a request has 16 bytes");
        endpoint.send_to(from, Bytes::copy_from_slice(&answer(payload)));
    }
}

async fn request_all(ctx: Ctx, work: Traffic, client: u32) -> std::io::Result<()> {
    let endpoint = ctx.bind(0)?;
    let mut peers = Vec::new();
    for node in 0..work.nodes {
        peers.push(ctx.lookup(&format!("n{node}"), PORT)?);
    }
    for request in 0..work.requests {
        if !work.pause.is_zero() {
            ctx.sleep(work.pause).await;
        }
        let payload = work.payload(client, request);
        let peer: Addr = peers[work.peer(client, request) as usize];
        endpoint.send_to(peer, Bytes::copy_from_slice(&payload));
        let (reply, _) = endpoint.receive().await?;
        assert_eq!(reply[..], answer(payload));
    }
    let rest = work.length.saturating_sub(ctx.clock().now().since(Default::default()));
    ctx.sleep(rest).await;
    Ok(())
}

fn timers(work: &Timers) -> Outcome {
    let work = *work;
    let world = move |sim: &mut Sim| {
        quiet(sim);
        sim.client("sleepers", move |ctx| async move {
            let sleepers: Vec<_> = (0..work.tasks)
                .map(|task| {
                    ctx.spawn(async move {
                        for nap in 0..work.sleeps {
                            ctx.sleep(Timers::nap(task, nap)).await;
                        }
                    })
                })
                .collect();
            for sleeper in sleepers {
                sleeper.await?;
            }
            Ok::<(), stormglass::kernel::JoinError>(())
        });
    };
    let run = finished(run(&world, &RunConfig::seed(1)));
    Outcome { units: work.total(), virtual_time: run.duration.since(Default::default()) }
}

/// The world lives on a thread of its own and waits there while `ready` looks at the process.
fn idle(work: &Idle, ready: &mut dyn FnMut()) -> Outcome {
    let nodes = work.nodes;
    let (up, is_up) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel();
    let wait = std::sync::Arc::new(std::sync::Mutex::new((up, may_go_on)));
    let world = thread::spawn(move || {
        let world = move |sim: &mut Sim| {
            quiet(sim);
            let server = |ctx: Ctx| async move {
                if let Ok(server) = ctx.bind(PORT) {
                    serve(server).await;
                }
            };
            sim.process("n", server).replicas(nodes);
            let wait = wait.clone();
            sim.client("observer", move |_| {
                let wait = wait.clone();
                async move {
                    let (up, may_go_on) = &*wait.lock().expect("one thread");
                    up.send(()).expect("somebody waits");
                    may_go_on.recv().map_err(|e| e.to_string())
                }
            });
        };
        finished(run(&world, &RunConfig::seed(1)));
    });
    is_up.recv().expect("the world comes up");
    ready();
    go_on.send(()).expect("the world waits");
    world.join().expect("the world ends well");
    Outcome { units: u64::from(nodes), virtual_time: Duration::ZERO }
}

fn posts(work: &Posts) -> Outcome {
    post_to(work, |sim| {
        sim.service("shop", router);
    })
}

#[cfg(madsim)]
fn posts_on_tokio(work: &Posts) -> Outcome {
    post_to(work, |sim| {
        sim.service("shop", router).on_tokio();
    })
}

fn post_to(work: &Posts, shop: impl Fn(&mut Sim)) -> Outcome {
    let calls = u64::from(work.calls);
    let world = move |sim: &mut Sim| {
        quiet(sim);
        shop(sim);
        sim.client("shopper", move |ctx| async move {
            for id in 0..calls {
                let order = Order { id, item: "lamp".to_owned() };
                let reply = ctx.http().post("http://shop/orders").json(&order).send().await?;
                assert_eq!(reply.status().as_u16(), 201);
                assert_eq!(reply.json::<Receipt>()?.id, id);
            }
            Ok::<(), stormglass::service::HttpError>(())
        });
    };
    let run = finished(run(&world, &RunConfig::seed(1)));
    Outcome { units: calls, virtual_time: run.duration.since(Default::default()) }
}
