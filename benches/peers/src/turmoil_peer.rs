//! turmoil: one host a node, its default tick of 1 ms, requests as UDP datagrams (its TCP is about as fast with two
//! hosts, slower with many).
//!
//! Its latencies are exponential between the bounds and whole milliseconds; the others draw uniformly.

use std::{cell::Cell, net::SocketAddr, rc::Rc, time::Duration};

use tokio::{task::spawn_local, time::sleep};
use turmoil::{Builder, Sim, net::UdpSocket};

use crate::{
    contender::{Build, Case, Contender},
    work::{Idle, Outcome, Timers, Traffic, answer},
};

/// turmoil. It looks at every link of every host at every tick, so that large worlds must be cut.
pub const CONTENDER: Contender = Contender {
    traffic: Some(traffic),
    seed: Some(traffic),
    timers: Some(timers),
    idle: Some(idle),
    cut: &[(Case::Peers, 100), (Case::Seeds, 200), (Case::Idle, 300)],
    ..Contender::new("turmoil", "turmoil", Build::Plain)
};

const PORT: u16 = 9000;
const ANY: &str = "0.0.0.0";

fn traffic(work: &Traffic) -> Outcome {
    let work = *work;
    let mut sim = world(&work);
    let busy = Rc::new(Cell::new(work.clients));
    let hosts: Rc<[SocketAddr]> =
        (0..work.nodes).map(|node| SocketAddr::from((sim.lookup(name(node)), PORT))).collect();
    for node in 0..work.nodes {
        let (busy, hosts) = (busy.clone(), hosts.clone());
        sim.host(name(node), move || host(work, node, busy.clone(), hosts.clone()));
    }
    while busy.get() > 0 || sim.elapsed() < work.length {
        sim.step().expect("no host fails");
    }
    Outcome { units: work.messages(), virtual_time: sim.elapsed() }
}

fn world(work: &Traffic) -> Sim<'static> {
    Builder::new()
        .rng_seed(work.seed)
        .simulation_duration(Duration::MAX)
        .min_message_latency(work.latency_min)
        .max_message_latency(work.latency_max)
        // A server may hold a request of every client.
        .udp_capacity(1024)
        .build()
}

fn name(node: u32) -> String {
    format!("node-{node}")
}

async fn host(
    work: Traffic,
    node: u32,
    busy: Rc<Cell<u32>>,
    hosts: Rc<[SocketAddr]>,
) -> turmoil::Result {
    let server = UdpSocket::bind((ANY, PORT)).await?;
    if node < work.clients {
        let client = UdpSocket::bind((ANY, 0)).await?;
        spawn_local(async move {
            request_all(&work, node, &client, &hosts).await;
            busy.set(busy.get() - 1);
        });
    }
    serve(server).await
}

async fn serve(socket: UdpSocket) -> turmoil::Result {
    let mut payload = [0; 16];
    loop {
        let (_, from) = socket.recv_from(&mut payload).await?;
        socket.send_to(&answer(payload), from).await?;
    }
}

async fn request_all(work: &Traffic, client: u32, socket: &UdpSocket, hosts: &[SocketAddr]) {
    let mut reply = [0; 16];
    for request in 0..work.requests {
        if !work.pause.is_zero() {
            sleep(work.pause).await;
        }
        let payload = work.payload(client, request);
        let peer = hosts[work.peer(client, request) as usize];
        socket.send_to(&payload, peer).await.expect("the link is up");
        socket.recv_from(&mut reply).await.expect("nothing is lost");
        assert_eq!(reply, answer(payload));
    }
}

fn timers(work: &Timers) -> Outcome {
    let work = *work;
    let mut sim = world(&Traffic::echo(0));
    sim.client("sleepers", async move {
        let sleepers: Vec<_> = (0..work.tasks)
            .map(|task| {
                spawn_local(async move {
                    for nap in 0..work.sleeps {
                        sleep(Timers::nap(task, nap)).await;
                    }
                })
            })
            .collect();
        for sleeper in sleepers {
            sleeper.await?;
        }
        Ok(())
    });
    sim.run().expect("no sleeper fails");
    Outcome { units: work.total(), virtual_time: sim.elapsed() }
}

fn idle(work: &Idle, ready: &mut dyn FnMut()) -> Outcome {
    let mut sim = world(&Traffic::echo(0));
    for node in 0..work.nodes {
        sim.host(name(node), || async { serve(UdpSocket::bind((ANY, PORT)).await?).await });
    }
    // Hosts run, and bind, in the first tick.
    sim.step().expect("no host fails");
    ready();
    Outcome { units: u64::from(work.nodes), virtual_time: sim.elapsed() }
}
