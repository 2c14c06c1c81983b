//! The work, said once for all contenders: what is sent, to whom, when, and what the right answer is.
//!
//! A contender adds only its own way to make nodes, send bytes and sleep. It draws latencies from its own generator;
//! everything else that a run decides comes from the functions here.

use std::{net::Ipv4Addr, time::Duration};

/// What a message carries: 16 bytes, in a request and in its reply.
pub type Payload = [u8; 16];

/// Nodes that send requests to each other and wait for each reply before the next request.
///
/// Every node serves; the first `clients` nodes also send.
#[derive(Clone, Copy, Debug)]
pub struct Traffic {
    /// The seed of the world.
    pub seed: u64,
    /// How many nodes there are.
    pub nodes: u32,
    /// How many of them send requests, `0..clients`.
    pub clients: u32,
    /// How many requests each client sends.
    pub requests: u32,
    /// How long a client sleeps before each request.
    pub pause: Duration,
    /// The shortest delay of a message, one way.
    pub latency_min: Duration,
    /// The longest delay of a message, one way; drawn uniformly from `latency_min..=latency_max`.
    pub latency_max: Duration,
    /// The world lives at least this long in virtual time, though its clients may be done before.
    pub length: Duration,
}

impl Traffic {
    /// One client, one server, 1 ms each way.
    pub fn echo(requests: u32) -> Self {
        Self {
            seed: 1,
            nodes: 2,
            clients: 1,
            requests,
            pause: Duration::ZERO,
            latency_min: Duration::from_millis(1),
            latency_max: Duration::from_millis(1),
            length: Duration::ZERO,
        }
    }

    /// 100 nodes that all serve and all send to random others, 1 to 10 ms each way.
    pub fn peers(requests: u32) -> Self {
        Self {
            nodes: 100,
            clients: 100,
            latency_max: Duration::from_millis(10),
            ..Self::echo(requests)
        }
    }

    /// One seed of a small world: 5 nodes, 50 requests, 200 ms.
    pub fn small_world(seed: u64) -> Self {
        Self {
            seed,
            nodes: 5,
            clients: 5,
            requests: 10,
            pause: Duration::from_millis(10),
            length: Duration::from_millis(200),
            ..Self::echo(0)
        }
    }

    /// The node that `client`'s `request` goes to: any but itself.
    pub fn peer(&self, client: u32, request: u32) -> u32 {
        let others = u64::from(self.nodes) - 1;
        let pick = mix(self.seed ^ (u64::from(client) << 32 | u64::from(request))) % others;
        (client + 1 + pick as u32) % self.nodes
    }

    /// What `client`'s `request` carries: distinct for each request.
    pub fn payload(&self, client: u32, request: u32) -> Payload {
        (u128::from(client) << 64 | u128::from(request)).to_le_bytes()
    }

    /// How many messages the run delivers: a request and a reply each.
    pub fn messages(&self) -> u64 {
        2 * u64::from(self.clients) * u64::from(self.requests)
    }

    /// The address of a node.
    pub fn ip(node: u32) -> Ipv4Addr {
        Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 1).to_bits() + node)
    }
}

/// What a server replies to a request: its number plus one.
pub fn answer(request: Payload) -> Payload {
    u128::from_le_bytes(request).wrapping_add(1).to_le_bytes()
}

/// Tasks that do nothing but sleep.
#[derive(Clone, Copy, Debug)]
pub struct Timers {
    /// How many tasks sleep at the same time.
    pub tasks: u32,
    /// How many times each task sleeps.
    pub sleeps: u32,
}

impl Timers {
    /// 1,000 tasks.
    pub fn new(sleeps: u32) -> Self {
        Self { tasks: 1_000, sleeps }
    }

    /// How long `task`'s `sleep` takes: 1 to 100 ms, in whole microseconds.
    pub fn nap(task: u32, sleep: u32) -> Duration {
        Duration::from_micros(1_000 + mix(u64::from(task) << 32 | u64::from(sleep)) % 99_001)
    }

    /// How many sleeps there are.
    pub fn total(&self) -> u64 {
        u64::from(self.tasks) * u64::from(self.sleeps)
    }
}

/// Nodes that bind one socket each and wait on it.
#[derive(Clone, Copy, Debug)]
pub struct Idle {
    /// How many nodes there are.
    pub nodes: u32,
}

/// HTTP calls with a JSON body and a JSON reply.
#[derive(Clone, Copy, Debug)]
pub struct Posts {
    /// How many calls are made, one after the other.
    pub calls: u32,
}

/// What a run did. It has checked every reply itself.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// Messages, worlds, sleeps, nodes or calls, as the case counts.
    pub units: u64,
    /// How much virtual time passed in the world.
    pub virtual_time: Duration,
}

/// A bijective hash of 64 bits (the finaliser of SplitMix64).
pub fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}
