//! Redelivery, dead letters, headers, and what fault scripts strike.

use std::cell::Cell;
use std::convert::Infallible;
use std::rc::Rc;

use expect_test::expect;
use stormglass::chaos::{Effect, Fault, Leg};
use stormglass::events::DEAD;
use stormglass::journal::Kind;
use stormglass::prelude::*;

use super::{MS, consumer, drained, message, notes, publish, run_with, sent};

/// Three events with one key, and a consumer that notes them.
fn world(sim: &mut Sim) {
    sim.broker("events").ack_timeout(100 * MS);
    consumer(sim, "shipping", "shipping", "placed");
    sim.client("shop", |ctx| async move {
        for payload in ["a", "b", "c"] {
            publish(ctx, "placed", "7", payload).await;
        }
        drained(ctx, "shipping", "placed").await;
        Ok::<(), Infallible>(())
    });
}

#[track_caller]
fn check(faults: &[Fault], expected: &[&str]) {
    let run = run_with(&world, faults.iter().cloned());
    assert!(run.verdict().holds(), "{}", run.verdict());
    let expected: Vec<String> = expected.iter().map(|p| format!("handles 7 {p}")).collect();
    assert_eq!(notes(&run, "shipping"), expected);
    for tally in &run.tallies {
        assert!(tally.hits > 0, "the fault strikes");
    }
}

const DELIVERY: (&str, &str) = ("events", "shipping");
const PUBLICATION: (&str, &str) = ("shop", "events");

fn deliver(n: u64, leg: Leg, effect: Effect) -> Fault {
    message(DELIVERY, "deliver placed", n, leg, effect)
}

fn published(leg: Leg, effect: Effect) -> Fault {
    message(PUBLICATION, "publish placed", 1, leg, effect)
}

#[test]
fn in_calm_each_event_comes_once() {
    check(&[], &["a", "b", "c"]);
}

#[test]
fn a_lost_delivery_comes_again() {
    check(&[deliver(2, Leg::Request, Effect::Drop)], &["a", "b", "c"]);
}

#[test]
fn a_lost_acknowledgement_makes_the_event_come_again() {
    check(&[deliver(2, Leg::Reply, Effect::Drop)], &["a", "b", "b", "c"]);
}

#[test]
fn a_doubled_delivery_is_handled_twice() {
    check(&[deliver(1, Leg::Request, Effect::Duplicate)], &["a", "a", "b", "c"]);
}

#[test]
fn a_lost_publication_comes_again() {
    check(&[published(Leg::Request, Effect::Drop)], &["a", "b", "c"]);
}

#[test]
fn a_lost_receipt_makes_two_events() {
    check(&[published(Leg::Reply, Effect::Drop)], &["a", "a", "b", "c"]);
}

/// The same with an id that the broker keeps once, in retries of one call.
#[test]
fn what_is_published_once_is_there_once() {
    let world = |sim: &mut Sim| {
        sim.broker("events");
        consumer(sim, "shipping", "shipping", "placed");
        sim.client("shop", |ctx| async move {
            let publish = |payload: &'static str| {
                let retry = Retry::times(3);
                ctx.events().publish("placed", "7", payload).timeout(100 * MS).retry(retry).once()
            };
            let first = publish("a").await?;
            let second = publish("b").id("7").await?;
            let again = publish("c").id("7").await?;
            ctx.record(format_args!("{first} {second} {again}"));
            drained(ctx, "shipping", "placed").await;
            Ok::<(), stormglass::events::EventError>(())
        });
    };
    let run = run_with(&world, [published(Leg::Reply, Effect::Drop)]);
    assert_eq!(notes(&run, "shipping"), ["handles 7 a", "handles 7 b"]);
    let places = notes(&run, "shop").pop().unwrap();
    let places: Vec<&str> = places.split(' ').collect();
    assert!(places[0].ends_with("@0") && places[1].ends_with("@1"), "{places:?}");
    assert_eq!(places[1], places[2]);
}

/// A consumer that refuses one event; another group reads the dead letters.
fn poisoned(sim: &mut Sim) {
    sim.broker("events").deliveries_max(3);
    sim.process("shipping", |ctx| async move {
        ctx.events().consume("shipping", ["placed"], move |event| async move {
            let (text, delivery) = (event.text(), event.delivery());
            ctx.record(format_args!("{text}, delivery {delivery}"));
            if text == "poison" { Err("it is poison") } else { Ok(()) }
        });
        ctx.stopping().await;
    });
    sim.process("clerk", |ctx| async move {
        let dead = format!("placed{DEAD}");
        ctx.events().consume("clerk", [&*dead], move |event| async move {
            let header = |name| event.header(name).unwrap().to_owned();
            let about = ["dead-group", "dead-deliveries", "dead-reason"].map(header);
            ctx.record(format_args!("{} of {}: {about:?}", event.text(), event.topic()));
            Ok::<(), Infallible>(())
        });
        ctx.stopping().await;
    });
    sim.client("shop", |ctx| async move {
        for payload in ["a", "poison", "b"] {
            let once = || ctx.events().publish("placed", "7", payload).id(payload).once();
            while once().await.is_err() {
                ctx.sleep(20 * MS).await;
            }
        }
        drained(ctx, "shipping", "placed").await;
        drained(ctx, "clerk", "placed.dead").await;
        let dead = ctx.events().len("placed.dead").await?;
        ctx.record(format_args!("{dead} dead"));
        Ok::<(), stormglass::events::EventError>(())
    });
}

#[test]
fn after_the_last_delivery_in_vain_an_event_is_a_dead_letter() {
    let run = run_with(&poisoned, []);
    let said = [notes(&run, "shipping"), notes(&run, "clerk"), notes(&run, "shop")].concat();
    expect![[r#"
        a, delivery 1
        poison, delivery 1
        poison, delivery 2
        poison, delivery 3
        b, delivery 1
        poison of placed.dead: ["shipping", "3", "it is poison"]
        1 dead"#]]
    .assert_eq(&said.join("\n"));
}

/// The count of deliveries outlives the broker's power, and so does the dead letter.
#[test]
fn an_event_dies_once_though_the_broker_dies_too() {
    for operation in 1..60 {
        let node = "events".to_owned();
        let lasts = Some(50 * MS);
        let fault = Fault::PowerLoss { node, at: None, disk_op: Some(operation), lasts };
        let run = run_with(&poisoned, [fault]);
        assert!(run.verdict().holds(), "operation {operation}: {}", run.verdict());
        let poison = notes(&run, "shipping").iter().filter(|n| n.starts_with("poison")).count();
        assert!((3..=4).contains(&poison), "operation {operation}: {poison} deliveries");
        assert_eq!(notes(&run, "shop").last().unwrap(), "1 dead", "operation {operation}");
    }
}

#[test]
fn an_event_keeps_its_key_headers_and_trace() {
    let seen = Rc::new(Cell::new(false));
    let shared = seen.clone();
    let world = move |sim: &mut Sim| {
        let seen = shared.clone();
        sim.broker("events");
        sim.process("shipping", move |ctx| {
            let seen = seen.clone();
            async move {
                ctx.events().consume("shipping", ["placed"], move |event| {
                    assert_eq!(event.key(), "Käse 50 %");
                    assert_eq!(event.header("tenant"), Some("grün\n"));
                    assert_eq!(event.payload().as_ref(), [0, 255, 7]);
                    assert_eq!(event.id(), "shop-1");
                    assert!(event.header("traceparent").is_some());
                    seen.set(true);
                    async { Ok::<(), Infallible>(()) }
                });
                ctx.stopping().await;
            }
        });
        sim.chaos(Chaos::none()).client("shop", |ctx| async move {
            let publish = ctx.events().publish("placed", "Käse 50 %", vec![0, 255, 7]);
            publish.header("tenant", "grün\n").await?;
            drained(ctx, "shipping", "placed").await;
            Ok::<(), stormglass::events::EventError>(())
        });
    };
    let run = stormglass::sim::run(&world, &RunConfig::seed(1));
    assert!(run.verdict().holds(), "{}", run.verdict());
    assert!(seen.get());
    let of = |label: &str| {
        let mut sends = run.journal.of_kind(Kind::Send).filter(|e| e.symbol() == label);
        sends.find(|e| e.trace().is_some()).unwrap()
    };
    let (published, delivered) = (of("publish placed"), of("deliver placed"));
    assert_eq!(published.trace().unwrap().id, delivered.trace().unwrap().id);
    assert_ne!(published.trace().unwrap().span, delivered.trace().unwrap().span);
    assert_eq!(published.payload(), Some(&[0, 255, 7][..]));
    assert_eq!(delivered.payload(), Some(&[0, 255, 7][..]));
}

/// A loop that acknowledges for itself, and what it drops comes again.
#[test]
fn a_subscription_hands_out_events_one_by_one() {
    let world = |sim: &mut Sim| {
        sim.broker("events").backoff(MS);
        sim.process("shipping", |ctx| async move {
            let mut events = ctx.events().subscribe("shipping", ["placed"]);
            let mut count = 0;
            loop {
                let delivery = events.next().await;
                let event = delivery.event();
                ctx.record(format_args!("{} {}", event.text(), event.delivery()));
                count += 1;
                match count {
                    1 => drop(delivery),
                    2 => delivery.nack("later"),
                    _ => delivery.ack(),
                }
            }
        });
        sim.client("shop", |ctx| async move {
            publish(ctx, "placed", "7", "a").await;
            publish(ctx, "placed", "7", "b").await;
            drained(ctx, "shipping", "placed").await;
            Ok::<(), Infallible>(())
        });
    };
    let run = run_with(&world, []);
    assert_eq!(notes(&run, "shipping"), ["a 1", "a 2", "a 3", "b 1"]);
    assert_eq!(sent(&run, "shipping", "events")[0], "join shipping");
}

/// A program has no `ctx`: it publishes with an ordinary request.
#[cfg(all(madsim, target_os = "linux", target_env = "gnu"))]
#[test]
fn a_program_publishes_with_a_request() {
    let world = |sim: &mut Sim| {
        sim.chaos(Chaos::none()).broker("events");
        consumer(sim, "shipping", "shipping", "placed");
        sim.program("shop", || async {
            tokio::time::sleep(10 * MS).await;
            let client = reqwest::Client::new();
            let request = client.post("http://events/topics/placed").header("event-key", "7");
            let reply = request.body("one lamp").send().await?;
            assert_eq!(reply.status().as_u16(), 201);
            assert_eq!(reply.text().await?.matches(r#""offset":0"#).count(), 1);
            tokio::time::sleep(100 * MS).await;
            Ok::<_, reqwest::Error>(())
        })
        .drives();
    };
    let run = super::run_alone(&world, &RunConfig::seed(1));
    assert!(run.verdict().holds(), "{}", run.verdict());
    assert_eq!(notes(&run, "shipping"), ["handles 7 one lamp"]);
}
