//! Consumer groups: who gets what, and what happens when members come and go.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::time::Duration;

use stormglass::chaos::Fault;
use stormglass::journal::Kind;
use stormglass::prelude::*;

use super::{MS, consumer, drained, notes, publish, run_with};

const AT: Duration = Duration::from_millis(500);
const LASTS: Option<Duration> = Some(Duration::from_secs(1));

fn b() -> String {
    "shipping-b".to_owned()
}

/// Publishes one event for each of `keys`, and again every 100 ms, `rounds` times.
fn publisher(sim: &mut Sim, keys: u32, rounds: u32) {
    sim.client("shop", move |ctx| async move {
        for round in 0..rounds {
            for key in 0..keys {
                publish(ctx, "placed", &key.to_string(), &round.to_string()).await;
            }
            ctx.sleep(100 * MS).await;
        }
        drained(ctx, "shipping", "placed").await;
        Ok::<(), Infallible>(())
    });
}

/// Which keys each replica of `shipping` has handled in a span of milliseconds.
fn shares(run: &Run, from: u64, until: u64) -> BTreeMap<String, BTreeSet<String>> {
    let mut shares: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for event in run.journal.of_kind(Kind::Note) {
        let millis = event.at().as_nanos() / 1_000_000;
        let words: Vec<&str> = event.text().unwrap_or_default().split(' ').collect();
        if let (["handles", key, _], true) = (&words[..], (from..until).contains(&millis)) {
            shares.entry(event.node_name().to_owned()).or_default().insert((*key).to_owned());
        }
    }
    shares
}

fn three(sim: &mut Sim) {
    sim.broker("events").topic("placed", 6).session_timeout(300 * MS);
    consumer(sim, "shipping-a", "shipping", "placed");
    consumer(sim, "shipping-b", "shipping", "placed");
    consumer(sim, "shipping-c", "shipping", "placed");
    publisher(sim, 30, 20);
}

#[test]
fn members_share_the_partitions_and_no_key_is_shared() {
    let run = run_with(&three, []);
    assert!(run.verdict().holds(), "{}", run.verdict());
    let shares = shares(&run, 200, u64::MAX);
    assert_eq!(shares.len(), 3, "{shares:?}");
    assert!(shares.values().all(|keys| keys.len() >= 4), "{shares:?}");
    let all: usize = shares.values().map(BTreeSet::len).sum();
    assert_eq!(all, 30, "each key has one member: {shares:?}");
}

#[test]
fn every_group_gets_every_event() {
    let world = |sim: &mut Sim| {
        sim.broker("events");
        consumer(sim, "shipping", "shipping", "placed");
        consumer(sim, "mail", "mail", "placed");
        sim.client("shop", |ctx| async move {
            for payload in ["a", "b"] {
                publish(ctx, "placed", "7", payload).await;
            }
            drained(ctx, "shipping", "placed").await;
            drained(ctx, "mail", "placed").await;
            Ok::<(), Infallible>(())
        });
    };
    let run = run_with(&world, []);
    assert_eq!(notes(&run, "shipping"), ["handles 7 a", "handles 7 b"]);
    assert_eq!(notes(&run, "mail"), ["handles 7 a", "handles 7 b"]);
}

/// A member dies without a word: the others get its partitions when its session is over, and it gets them back
/// when it returns.
#[test]
fn the_partitions_of_a_dead_member_go_to_the_others() {
    let run = run_with(&three, [Fault::Crash { node: b(), at: AT, lasts: LASTS }]);
    assert!(run.verdict().holds(), "{}", run.verdict());
    let (before, during, after) =
        (shares(&run, 200, 480), shares(&run, 1_000, 1_480), shares(&run, 1_900, u64::MAX));
    assert_eq!((before.len(), during.len(), after.len()), (3, 2, 3));
    assert_eq!(during.values().map(BTreeSet::len).sum::<usize>(), 30, "{during:?}");
    let broker = notes(&run, "events");
    assert!(broker.contains(&"group shipping: shipping-b.1 is silent for too long".to_owned()));
    assert!(broker.contains(&"group shipping: shipping-b.2 joins".to_owned()), "{broker:?}");
}

/// A member that is asked to stop leaves, so nobody waits for its session.
#[test]
fn the_partitions_of_a_stopped_member_go_to_the_others_at_once() {
    let run = run_with(&three, [Fault::Stop { node: b(), at: AT, lasts: LASTS }]);
    assert!(run.verdict().holds(), "{}", run.verdict());
    let broker = notes(&run, "events");
    assert!(broker.contains(&"group shipping: shipping-b.1 leaves".to_owned()), "{broker:?}");
    assert!(!broker.iter().any(|note| note.contains("silent")), "{broker:?}");
    assert_eq!(shares(&run, 600, 1_400).len(), 2);
}

/// A paused member was taken for dead; what it had not answered is another's, and it joins again.
#[test]
fn a_member_that_was_paused_joins_again() {
    let run = run_with(&three, [Fault::Pause { node: b(), at: AT, lasts: LASTS }]);
    assert!(run.verdict().holds(), "{}", run.verdict());
    let broker = notes(&run, "events");
    let count = |what: &str| broker.iter().filter(|note| note.contains(what)).count();
    assert_eq!((count("silent"), count("joins")), (1, 4), "{broker:?}");
    assert_eq!(shares(&run, 1_900, u64::MAX).len(), 3);
}

/// The members are known to the broker's memory alone; where the group is, to its disk.
#[test]
fn a_group_outlives_its_broker() {
    let node = "events".to_owned();
    let fault = Fault::PowerLoss { node, at: Some(AT), disk_op: None, lasts: Some(200 * MS) };
    let run = run_with(&three, [fault]);
    assert!(run.verdict().holds(), "{}", run.verdict());
    let handled = |node| notes(&run, node).len();
    let all: usize = ["shipping-a", "shipping-b", "shipping-c"].map(handled).iter().sum();
    assert!((600..620).contains(&all), "only what was on its way comes again: {all}");
    assert_eq!(shares(&run, 1_200, u64::MAX).len(), 3);
}

#[test]
fn who_leaves_gets_no_more() {
    let world = |sim: &mut Sim| {
        sim.broker("events");
        sim.process("shipping", |ctx| async move {
            let consumer = ctx.events().consume("shipping", ["placed"], move |event| async move {
                ctx.record(event.text());
                Ok::<(), Infallible>(())
            });
            ctx.sleep(250 * MS).await;
            consumer.leave().await;
            ctx.record("left");
            ctx.sleep(200 * MS).await;
            ctx.events().consume("shipping", ["placed"], move |event| async move {
                ctx.record(format_args!("again: {}", event.text()));
                Ok::<(), Infallible>(())
            });
            ctx.stopping().await;
        });
        sim.client("shop", |ctx| async move {
            for (wait, payload) in [(100, "a"), (300, "b"), (0, "c")] {
                ctx.sleep(wait * MS).await;
                publish(ctx, "placed", "7", payload).await;
            }
            drained(ctx, "shipping", "placed").await;
            Ok::<(), Infallible>(())
        });
    };
    let run = run_with(&world, []);
    assert_eq!(notes(&run, "shipping"), ["a", "left", "again: b", "again: c"]);
}
