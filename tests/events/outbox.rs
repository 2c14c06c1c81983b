//! The outbox and the inbox: a state and its event, an event and its effect, both or neither.

use std::collections::BTreeMap;
use std::convert::Infallible;

use redb::{ReadableTable, TableDefinition};
use stormglass::disk::Store;
use stormglass::events::{Inbox, Outbox};
use stormglass::prelude::*;

use super::{MS, notes, run_alone};

const ORDERS: TableDefinition<'_, u32, &str> = TableDefinition::new("orders");
const SHIPPED: TableDefinition<'_, &str, u32> = TableDefinition::new("shipped");

type Shipped = BTreeMap<String, u32>;

/// Orders are placed and told of in one transaction; shipping counts how often each is shipped. With
/// `inbox` it knows what it has seen.
fn shop(sim: &mut Sim) {
    let inbox = sim.variant() != "forgetful";
    sim.broker("events").delivers_to(["shipping"]);
    sim.process("orders", |ctx| async move {
        let store = ctx.disk().store("orders.redb");
        let outbox = Outbox::new(ctx.events(), store.clone());
        outbox.relay();
        for order in 0..3 {
            while place(&store, &outbox, order).await.is_err() {
                ctx.sleep(20 * MS).await;
            }
        }
        loop {
            if let Ok(placed) = placed(&store).await {
                ctx.publish("placed", placed);
            }
            if matches!(outbox.waiting().await, Ok(0)) {
                ctx.publish("told", true);
            }
            ctx.sleep(50 * MS).await;
        }
    })
    .calls(["events"]);
    sim.process("shipping", move |ctx| async move {
        let store = ctx.disk().store("shipping.redb");
        let shared = store.clone();
        ctx.events().consume("shipping", ["placed"], move |event| {
            let store = shared.clone();
            async move {
                store
                    .write(|tx| {
                        let mut shipped = tx.open_table(SHIPPED)?;
                        if !inbox || Inbox::is_new(tx, "shipping", &event)? {
                            let count = shipped.get(event.key())?.map_or(0, |n| n.value());
                            shipped.insert(event.key(), count + 1)?;
                        }
                        Ok(())
                    })
                    .await
            }
        });
        loop {
            let shipped = |tx: &redb::WriteTransaction| -> Result<Shipped, redb::Error> {
                let table = tx.open_table(SHIPPED)?;
                let rows =
                    table.iter()?.map(|row| row.map(|(k, n)| (k.value().to_owned(), n.value())));
                Ok(rows.collect::<Result<_, _>>()?)
            };
            if let Ok(shipped) = store.write(shipped).await {
                ctx.publish("shipped", shipped);
            }
            ctx.sleep(50 * MS).await;
        }
    })
    .calls(["events"]);
    sim.client("clock", |ctx| async move {
        ctx.sleep(1_000 * MS).await;
        Ok::<(), Infallible>(())
    });
    promises(sim);
}

fn promises(sim: &mut Sim) {
    sim.always("nothing is shipped twice", |view: &View<'_>| {
        let shipped = view.probe::<Shipped>("shipping", "shipped").unwrap_or_default();
        match shipped.iter().find(|(_, count)| **count > 1) {
            None => Ok(()),
            Some((order, count)) => Err(format!("order {order} is shipped {count} times")),
        }
    });
    sim.eventually("what is placed is shipped", |view: &View<'_>| {
        let placed = view.probe::<u32>("orders", "placed").map_or(0, |n| *n);
        let shipped = view.probe::<Shipped>("shipping", "shipped").unwrap_or_default();
        placed == 3 && shipped.len() == 3
    });
}

async fn place(store: &Store, outbox: &Outbox, order: u32) -> Result<(), redb::Error> {
    store
        .write(|tx| {
            let before = tx.open_table(ORDERS)?.insert(order, "placed")?.is_some();
            if !before {
                outbox.put(tx, "placed", &order.to_string(), b"one lamp")?;
            }
            Ok(())
        })
        .await
}

/// How many orders there are.
async fn placed(store: &Store) -> Result<u32, redb::Error> {
    let count = |tx: &redb::ReadTransaction| {
        tx.open_table(ORDERS)?.iter()?.count().try_into().map_err(|_| unreachable!())
    };
    store.read(|tx| count(tx)).await
}

/// Power is lost at each operation of the disk with the outbox, which is within each commit, too.
#[test]
fn a_power_loss_at_any_operation_parts_no_order_from_its_event() {
    let mut struck = 0;
    for operation in 1..130 {
        let lasts = Some(50 * MS);
        let node = "orders".to_owned();
        let fault = Fault::PowerLoss { node, at: None, disk_op: Some(operation), lasts };
        let config = RunConfig::seed(operation).plan(FaultPlan::new([fault]));
        let run = run_alone(&shop, &config);
        assert!(run.verdict().holds(), "operation {operation}: {}", run.verdict());
        struck += run.tallies[0].hits;
    }
    assert!(struck > 90, "{struck}");
}

#[test]
fn under_chaos_each_order_is_shipped_once() {
    for seed in 0..100 {
        let run = run_alone(&shop, &RunConfig::seed(seed));
        assert!(run.verdict().holds(), "seed {seed}: {}\n{}", run.verdict(), run.plan);
    }
}

/// The test above can fail: without an inbox some seed ships twice.
#[test]
fn without_an_inbox_some_order_is_shipped_twice() {
    let twice = |seed| {
        let run = run_alone(&shop, &RunConfig::seed(seed).variant("forgetful"));
        run.verdict().to_string().contains("times")
    };
    assert!((0..100).any(twice));
}

/// The two writes that an outbox makes one: a state, and then its event. A crash between them loses the
/// event.
#[test]
fn without_an_outbox_a_crash_loses_the_event() {
    let world = |sim: &mut Sim| {
        sim.broker("events");
        super::consumer(sim, "shipping", "shipping", "placed");
        sim.process("orders", |ctx| async move {
            let store = ctx.disk().store("orders.redb");
            let place = |tx: &redb::WriteTransaction| {
                Ok(tx.open_table(ORDERS)?.insert(7, "placed")?.is_none())
            };
            if matches!(store.write(place).await, Ok(true)) {
                super::publish(ctx, "placed", "7", "a").await;
            }
        });
        sim.client("clock", |ctx| async move {
            ctx.sleep(500 * MS).await;
            Ok::<(), Infallible>(())
        });
    };
    let lost = (0..60).any(|n| {
        let fault =
            Fault::Crash { node: "orders".to_owned(), at: MS * n / 20, lasts: Some(50 * MS) };
        let run = super::run_with(&world, [fault]);
        notes(&run, "shipping").is_empty()
    });
    assert!(lost, "some crash is between the two");
}
