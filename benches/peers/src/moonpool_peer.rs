//! moonpool-sim: its `SimWorld` and `Executor`, driven as its own runner drives them, without the runner. Requests go
//! over its simulated TCP, the only transport it has, on connections that are made once and kept.
//!
//! All chaos is off and a message's delay is its write latency; bind, connect, accept and read take no virtual time.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures::io::{AsyncReadExt, AsyncWriteExt};
use moonpool_sim::{
    ChaosConfiguration, LatencyDistribution, NetworkConfiguration, NetworkProvider,
    SimNetworkProvider, SimWorld, TcpListenerTrait, TimeProvider,
    executor::{Executor, spawn, until_stalled},
};

use crate::{
    contender::{Build, Contender},
    work::{Idle, Outcome, Payload, Timers, Traffic, answer},
};

/// moonpool-sim, all seeds on one thread.
pub const CONTENDER: Contender = Contender {
    traffic: Some(traffic),
    seed: Some(traffic),
    timers: Some(timers),
    idle: Some(idle),
    ..Contender::new("moonpool", "moonpool-sim", Build::Plain)
};

type Stream = <SimNetworkProvider as NetworkProvider>::TcpStream;
type Listener = <SimNetworkProvider as NetworkProvider>::TcpListener;

fn traffic(work: &Traffic) -> Outcome {
    let work = *work;
    let mut sim = world(&work);
    let busy = Arc::new(AtomicU32::new(work.clients));
    Executor::new(work.seed).block_on(async {
        for node in 0..work.nodes {
            let network = sim.network_provider();
            let listener = network.bind(&address(node)).await.expect("the address is free");
            drop(spawn("server", serve(listener)));
        }
        for client in 0..work.clients {
            let streams = connect_to_peers(&sim.network_provider(), &work, client).await;
            let (time, busy) = (sim.time_provider(), busy.clone());
            drop(spawn("client", async move {
                request_all(&work, client, streams, &time).await;
                busy.fetch_sub(1, Ordering::Relaxed);
            }));
        }
        drive(&mut sim, &busy).await;
    });
    let virtual_time = sim.current_time().max(work.length);
    Outcome { units: work.messages(), virtual_time }
}

fn world(work: &Traffic) -> SimWorld {
    let uniform = |start, end| LatencyDistribution::Uniform { start, end };
    let instant = || uniform(Duration::ZERO, Duration::ZERO);
    let config = NetworkConfiguration {
        bind_latency: instant(),
        accept_latency: instant(),
        connect_latency: instant(),
        read_latency: instant(),
        write_latency: uniform(work.latency_min, work.latency_max),
        chaos: ChaosConfiguration::disabled(),
    };
    SimWorld::new_with_network_config_and_seed(config, work.seed)
}

/// Steps the world until nobody is busy, as moonpool's orchestrator does: one event, then every task that it woke.
async fn drive(sim: &mut SimWorld, busy: &AtomicU32) {
    until_stalled().await;
    while busy.load(Ordering::Relaxed) > 0 {
        assert!(sim.step() || sim.last_processed_event().is_some(), "all wait for ever");
        until_stalled().await;
    }
}

fn address(node: u32) -> String {
    format!("{}:9000", Traffic::ip(node))
}

async fn serve(listener: Listener) {
    while let Ok((stream, _)) = listener.accept().await {
        drop(spawn("connection", serve_connection(stream)));
    }
}

async fn serve_connection(mut stream: Stream) {
    let mut payload: Payload = [0; 16];
    while stream.read_exact(&mut payload).await.is_ok() {
        stream.write_all(&answer(payload)).await.expect("the client is still there");
    }
}

/// Connects to every node that `client` will send to, one after the other: a listener holds a single connection that
/// is not accepted yet, and a second one before that would take its place.
async fn connect_to_peers(
    network: &SimNetworkProvider,
    work: &Traffic,
    client: u32,
) -> BTreeMap<u32, Stream> {
    let mut streams = BTreeMap::new();
    for request in 0..work.requests {
        if let Entry::Vacant(none) = streams.entry(work.peer(client, request)) {
            let stream = network.connect(&address(*none.key())).await;
            none.insert(stream.expect("the server listens"));
            until_stalled().await;
        }
    }
    streams
}

async fn request_all(
    work: &Traffic,
    client: u32,
    mut streams: BTreeMap<u32, Stream>,
    time: &impl TimeProvider,
) {
    for request in 0..work.requests {
        if !work.pause.is_zero() {
            time.sleep(work.pause).await.expect("the world still runs");
        }
        let peer = work.peer(client, request);
        let stream = streams.get_mut(&peer).expect("connected before");
        let payload = work.payload(client, request);
        let mut reply: Payload = [0; 16];
        stream.write_all(&payload).await.expect("the link is up");
        stream.read_exact(&mut reply).await.expect("nothing is lost");
        assert_eq!(reply, answer(payload));
    }
}

fn timers(work: &Timers) -> Outcome {
    let work = *work;
    let mut sim = world(&Traffic::echo(0));
    let busy = Arc::new(AtomicU32::new(work.tasks));
    Executor::new(1).block_on(async {
        for task in 0..work.tasks {
            let (time, busy) = (sim.time_provider(), busy.clone());
            drop(spawn("sleeper", async move {
                for nap in 0..work.sleeps {
                    time.sleep(Timers::nap(task, nap)).await.expect("the world still runs");
                }
                busy.fetch_sub(1, Ordering::Relaxed);
            }));
        }
        drive(&mut sim, &busy).await;
    });
    Outcome { units: work.total(), virtual_time: sim.current_time() }
}

fn idle(work: &Idle, ready: &mut dyn FnMut()) -> Outcome {
    let mut sim = world(&Traffic::echo(0));
    Executor::new(1).block_on(async {
        for node in 0..work.nodes {
            let network = sim.network_provider();
            let listener = network.bind(&address(node)).await.expect("the address is free");
            drop(spawn("server", serve(listener)));
        }
        until_stalled().await;
        while sim.has_pending_events() {
            sim.step();
            until_stalled().await;
        }
        ready();
    });
    Outcome { units: u64::from(work.nodes), virtual_time: sim.current_time() }
}
