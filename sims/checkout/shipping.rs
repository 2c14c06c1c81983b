//! Shipping: consumes `OrderPlaced`, and sends each order out once.

use std::collections::BTreeMap;

use redb::{ReadableTable, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};
use stormglass::disk::Store;
use stormglass::events::{Event, Inbox};
use stormglass::prelude::*;

use super::Variant;

/// How often an order was sent out.
const PARCELS: TableDefinition<u32, u32> = TableDefinition::new("parcels");

/// The event that an order was placed: see `contracts/`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct OrderPlaced {
    pub(super) order: u32,
    pub(super) item: String,
    pub(super) amount: u32,
}

/// How many parcels each order was sent out in.
pub(super) type Parcels = BTreeMap<u32, u32>;

pub(super) async fn shipping(ctx: Ctx, variant: Variant) {
    let store = ctx.disk().store("parcels.redb");
    while show(ctx, &store).await.is_err() {
        ctx.sleep(super::PATIENCE).await;
    }
    ctx.events().consume("shipping", ["OrderPlaced"], move |event| {
        let store = store.clone();
        async move { ship(ctx, &store, &event, variant).await }
    });
    ctx.stopping().await;
}

async fn ship(ctx: Ctx, store: &Store, event: &Event, variant: Variant) -> Result<(), String> {
    let placed: OrderPlaced = event.json().map_err(|error| error.to_string())?;
    let send_out = |tx: &WriteTransaction| {
        // The defect: a broker delivers at least once, so an event may come again.
        if variant != Variant::ShippedTwice && !Inbox::is_new(tx, "shipping", event)? {
            return Ok(false);
        }
        let mut parcels = tx.open_table(PARCELS)?;
        let before = parcels.get(placed.order)?.map_or(0, |count| count.value());
        parcels.insert(placed.order, before + 1)?;
        Ok(true)
    };
    let is_sent = store.write(send_out).await.map_err(|error| error.to_string())?;
    if is_sent {
        ctx.record(format_args!("sends out order {}", placed.order));
    }
    show(ctx, store).await.map_err(|error| error.to_string())
}

/// Shows to the properties what was sent out.
async fn show(ctx: Ctx, store: &Store) -> Result<(), redb::Error> {
    let all = |tx: &WriteTransaction| {
        let mut all = Parcels::new();
        for row in tx.open_table(PARCELS)?.iter()? {
            let (order, count) = row?;
            all.insert(order.value(), count.value());
        }
        Ok(all)
    };
    ctx.publish("parcels", store.write(all).await?);
    Ok(())
}
