//! The broker of events: delivery, groups, durability, outbox and inbox.
#![allow(clippy::unwrap_used, reason = "a test's helpers are tests, too")]

mod bad_input;
mod delivery;
mod durability;
mod groups;
mod outbox;
mod storm;

use std::convert::Infallible;
use std::time::Duration;

use stormglass::chaos::{Effect, Fault, FaultPlan, Leg};
use stormglass::journal::Kind;
use stormglass::prelude::*;

const MS: Duration = Duration::from_millis(1);
/// Outlasts what default chaos does to a broker.
const PATIENT: u32 = 200;

/// One run on a thread of its own, as a sealed world that uses std's `HashMap` needs it.
fn run_alone(world: &(dyn Fn(&mut Sim) + Sync), config: &RunConfig) -> Run {
    std::thread::scope(|scope| scope.spawn(|| run(world, config)).join().unwrap())
}

/// A run with exactly these faults.
fn run_with(world: &(dyn Fn(&mut Sim) + Sync), faults: impl IntoIterator<Item = Fault>) -> Run {
    let plan = FaultPlan { faults: faults.into_iter().collect(), ..FaultPlan::default() };
    run_alone(world, &RunConfig::seed(1).plan(plan))
}

/// A fault of the n-th message with that label from one node to another, or of its reply.
fn message((from, to): (&str, &str), label: &str, n: u64, leg: Leg, effect: Effect) -> Fault {
    let (from, to) = (from.to_owned(), to.to_owned());
    Fault::Message { from, to, label: Some(label.to_owned()), n, leg, effect }
}

/// The notes of a node.
fn notes(run: &Run, node: &str) -> Vec<String> {
    let notes = run.journal.of_kind(Kind::Note).filter(|e| e.node_name() == node);
    notes.filter_map(|e| e.text()).map(str::to_owned).collect()
}

/// The labels of the messages from one node to another, requests and replies.
fn sent<'r>(run: &'r Run, from: &str, to: &str) -> Vec<&'r str> {
    let sends = run.journal.of_kind(Kind::Send);
    let between = sends.filter(|e| e.node_name() == from && e.peer_name() == to);
    between.map(|e| e.symbol()).collect()
}

/// Publishes until the broker has it.
async fn publish(ctx: Ctx, topic: &str, key: &str, payload: &str) {
    let publish = || ctx.events().publish(topic, key, payload.to_owned()).timeout(200 * MS);
    for _ in 0..PATIENT {
        if publish().await.is_ok() {
            return;
        }
        ctx.sleep(100 * MS).await;
    }
    panic!("the broker does not take `{payload}`");
}

/// Waits until a group has finished all events of a topic.
async fn drained(ctx: Ctx, group: &str, topic: &str) {
    for _ in 0..1_000 {
        if ctx.events().lag(group, &[topic]).await == Ok(0) {
            return;
        }
        ctx.sleep(100 * MS).await;
    }
}

/// A process that notes what it consumes: `handles KEY PAYLOAD`.
fn consumer(sim: &mut Sim, name: &'static str, group: &'static str, topic: &'static str) {
    sim.process(name, move |ctx| async move {
        ctx.events().consume(group, [topic], move |event| async move {
            ctx.record(format_args!("handles {} {}", event.key(), event.text()));
            Ok::<(), Infallible>(())
        });
        ctx.stopping().await;
    })
    .calls(["events"]);
}
