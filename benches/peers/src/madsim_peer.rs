//! madsim: one `Endpoint` a node, requests by its RPC (`call`), messages passed as values (it serialises nothing).

#![allow(
    clippy::disallowed_methods,
    reason = "inside a runtime `Instant` is virtual; a thread a seed is madsim's way"
)]

use std::{net::SocketAddr, thread, time::Duration};

use madsim::{
    Config,
    net::{
        Endpoint,
        rpc::{Deserialize, Request, Serialize},
    },
    runtime::{Handle, NodeHandle, Runtime},
    time,
};

use crate::{
    contender::{Build, Contender},
    work::{Idle, Outcome, Payload, Timers, Traffic, answer},
};

/// madsim with a thread a seed, as `#[madsim::test]` has it.
pub const CONTENDER: Contender = Contender {
    traffic: Some(traffic),
    seed: Some(seed_in_its_own_thread),
    timers: Some(timers),
    idle: Some(idle),
    ..Contender::new("madsim", "madsim", Build::Sealed)
};

/// Not how madsim is meant to be used (std's `HashMap` keys then differ between seeds), but its fastest way.
pub const ONE_THREAD: Contender = Contender {
    seed: Some(traffic),
    ..Contender::new("madsim, one thread", "madsim", Build::Sealed)
};

const PORT: u16 = 9000;

#[derive(Serialize, Deserialize)]
struct Ask(Payload);

impl Request for Ask {
    type Response = Payload;
    const ID: u64 = 1;
}

fn traffic(work: &Traffic) -> Outcome {
    let work = *work;
    let mut config = Config::default();
    // The range is half open, and an empty one panics.
    config.net.send_latency = work.latency_min..work.latency_max + Duration::from_nanos(1);
    let virtual_time = Runtime::with_seed_and_config(work.seed, config).block_on(async move {
        let start = time::Instant::now();
        let nodes: Vec<NodeHandle> = (0..work.nodes).map(add_node).collect();
        let endpoints = bind_all(&nodes).await;
        let clients = nodes.iter().zip(endpoints).zip(0..work.clients);
        let busy: Vec<_> = clients
            .map(|((node, endpoint), client)| node.spawn(request_all(endpoint, work, client)))
            .collect();
        for client in busy {
            client.await.expect("a client ends well");
        }
        time::sleep_until(start + work.length).await;
        start.elapsed()
    });
    Outcome { units: work.messages(), virtual_time }
}

fn seed_in_its_own_thread(work: &Traffic) -> Outcome {
    let work = *work;
    thread::spawn(move || traffic(&work)).join().expect("a seed ends well")
}

fn add_node(node: u32) -> NodeHandle {
    Handle::current().create_node().ip(Traffic::ip(node).into()).build()
}

async fn bind_all(nodes: &[NodeHandle]) -> Vec<Endpoint> {
    let binding: Vec<_> = nodes.iter().map(|node| node.spawn(bind_and_serve())).collect();
    let mut endpoints = Vec::with_capacity(binding.len());
    for endpoint in binding {
        endpoints.push(endpoint.await.expect("a node can bind"));
    }
    endpoints
}

async fn bind_and_serve() -> Endpoint {
    let endpoint = Endpoint::bind(("0.0.0.0", PORT)).await.expect("the port is free");
    endpoint.add_rpc_handler(|Ask(payload)| async move { answer(payload) });
    endpoint
}

async fn request_all(endpoint: Endpoint, work: Traffic, client: u32) {
    for request in 0..work.requests {
        if !work.pause.is_zero() {
            time::sleep(work.pause).await;
        }
        let payload = work.payload(client, request);
        let peer = SocketAddr::from((Traffic::ip(work.peer(client, request)), PORT));
        let reply = endpoint.call(peer, Ask(payload)).await.expect("nothing is lost");
        assert_eq!(reply, answer(payload));
    }
}

fn timers(work: &Timers) -> Outcome {
    let work = *work;
    let virtual_time = Runtime::with_seed_and_config(1, Config::default()).block_on(async move {
        let start = time::Instant::now();
        let sleepers: Vec<_> = (0..work.tasks)
            .map(|task| {
                madsim::task::spawn(async move {
                    for nap in 0..work.sleeps {
                        time::sleep(Timers::nap(task, nap)).await;
                    }
                })
            })
            .collect();
        for sleeper in sleepers {
            sleeper.await.expect("a sleeper ends well");
        }
        start.elapsed()
    });
    Outcome { units: work.total(), virtual_time }
}

fn idle(work: &Idle, ready: &mut dyn FnMut()) -> Outcome {
    let nodes = work.nodes;
    let virtual_time = Runtime::with_seed_and_config(1, Config::default()).block_on(async move {
        let start = time::Instant::now();
        let nodes: Vec<NodeHandle> = (0..nodes).map(add_node).collect();
        let endpoints = bind_all(&nodes).await;
        ready();
        drop(endpoints);
        start.elapsed()
    });
    Outcome { units: u64::from(nodes), virtual_time }
}
