//! The network: links, datagrams, and the faults of both. Rates and distributions are compared
//! with what they should be at fixed seeds, so a test cannot fail by chance.
#![allow(clippy::unwrap_used, reason = "a test's helpers are tests, too")]

mod delays;
mod faults;
mod links;

use std::time::Duration;

use stormglass::chaos::{Chaos, Effect, Fault, FaultPlan, Leg};
use stormglass::journal::{Event, Journal, Kind};
use stormglass::net::LinkProfile;
use stormglass::prelude::*;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn micros(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

/// What one sender says to one receiver.
#[derive(Clone)]
struct Flow {
    seed: u64,
    profile: LinkProfile,
    count: u32,
    gap: Duration,
    /// At least 4: the first four are the datagram's number.
    size: usize,
    faults: Vec<Fault>,
    /// Whether a second receiver is told as much.
    bystander: bool,
}

/// 10,000 datagrams of 100 bytes, one every 100 us, over links of 1 ms.
fn flow() -> Flow {
    Flow {
        seed: 1,
        profile: LinkProfile::with_delay(ms(1)),
        count: 10_000,
        gap: micros(100),
        size: 100,
        faults: vec![],
        bystander: false,
    }
}

/// One datagram that arrived: its number, how long it took, and when it was there, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Arrival {
    number: u32,
    took: u64,
    at: u64,
}

impl Flow {
    fn over(profile: LinkProfile) -> Flow {
        Flow { profile, ..flow() }
    }

    fn under(faults: Vec<Fault>) -> Flow {
        Flow { faults, ..flow() }
    }

    #[track_caller]
    fn run(&self) -> Run {
        let flow = self.clone();
        let world = move |sim: &mut Sim| {
            sim.chaos(Chaos::none()).links(flow.profile.clone());
            for name in ["there", "elsewhere"] {
                sim.process(name, |ctx| async move {
                    let endpoint = ctx.bind(7).unwrap();
                    while let Ok((bytes, _)) = endpoint.receive().await {
                        if bytes[4..].iter().any(|byte| *byte != 0xaa) {
                            ctx.record("corrupt");
                        }
                    }
                });
            }
            let flow = flow.clone();
            sim.client("here", move |ctx| {
                let flow = flow.clone();
                async move {
                    let endpoint = ctx.bind(0)?;
                    let there = ctx.lookup("there", 7)?;
                    ctx.sleep(ms(1)).await;
                    for number in 0..flow.count {
                        let mut bytes = vec![0xaa; flow.size];
                        bytes[..4].copy_from_slice(&number.to_le_bytes());
                        endpoint.send_as("tick", there, bytes.clone());
                        if flow.bystander {
                            endpoint.send("elsewhere", 7, bytes)?;
                        }
                        ctx.sleep(flow.gap).await;
                    }
                    ctx.sleep(Duration::from_secs(5)).await;
                    std::io::Result::Ok(())
                }
            });
        };
        let plan = FaultPlan::new(self.faults.clone());
        let run = run(&world, &RunConfig::seed(self.seed).plan(plan));
        assert!(run.verdict().holds(), "{:?}", run.verdict());
        run
    }

    #[track_caller]
    fn arrivals(&self) -> Vec<Arrival> {
        arrivals(&self.run(), "there")
    }
}

/// What arrived at a node, in that order.
fn arrivals(run: &Run, node: &str) -> Vec<Arrival> {
    let delivered = run.journal.of_kind(Kind::Deliver).filter(|e| e.node_name() == node);
    let arrival = |event: Event<'_>| {
        let send = send_of(&run.journal, event);
        let number = u32::from_le_bytes(send.payload().unwrap()[..4].try_into().unwrap());
        let (at, sent) = (event.at().as_nanos(), send.at().as_nanos());
        Arrival { number, took: at - sent, at }
    };
    delivered.map(arrival).collect()
}

/// The sending that a delivery, or a copy, goes back to.
fn send_of<'a>(journal: &'a Journal, event: Event<'a>) -> Event<'a> {
    let mut event = event;
    while event.kind() != Kind::Send {
        event = journal.get(event.cause().max(event.prev())).unwrap();
    }
    event
}

/// The reasons for which packets were lost, each with its number.
fn losses(run: &Run) -> Vec<(String, usize)> {
    let mut losses = std::collections::BTreeMap::new();
    for event in run.journal.of_kind(Kind::Drop) {
        *losses.entry(event.symbol().to_owned()).or_default() += 1;
    }
    losses.into_iter().collect()
}

/// Within four standard deviations of a binomial.
#[track_caller]
fn check_share(hits: usize, of: usize, p: f64) {
    let (mean, deviation) = (of as f64 * p, (of as f64 * p * (1.0 - p)).sqrt());
    let off = (hits as f64 - mean).abs();
    assert!(off <= 4.0 * deviation + 1e-9, "{hits} of {of} where {mean:.0} were expected");
}

/// A fault of the link from `here` to `there`, for the whole run.
fn on_link(make: impl FnOnce(String, String, Duration, Option<Duration>) -> Fault) -> Fault {
    make("here".to_owned(), "there".to_owned(), Duration::ZERO, None)
}
