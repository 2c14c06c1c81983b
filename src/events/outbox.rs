//! The transactional outbox: a state and the event that tells of it, written together.

use std::fmt;
use std::time::Duration;

use redb::{ReadableTable, TableDefinition, TableError, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::Events;
use crate::disk::Store;
use crate::kernel::current;
use crate::service::{TRACEPARENT, traceparent};

/// Events that wait to be published, by number.
const EVENTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("stormglass-outbox");
/// The number of the next event.
const NEXT: TableDefinition<'_, (), u64> = TableDefinition::new("stormglass-outbox-next");

/// How often the relay looks for events.
const PAUSE: Duration = Duration::from_millis(20);

/// An event as it waits.
#[derive(Debug, Serialize, Deserialize)]
struct Waiting {
    topic: String,
    key: String,
    payload: Vec<u8>,
    traceparent: Option<String>,
}

/// Events that are written in the transaction of the state that they tell of, and published by a relay
/// until the broker has them: at least once, and in the order in which they were written. Neither is
/// there without the other, whenever the power is lost.
///
/// An event's id is its number and the name of its node: the same in each try.
///
/// ```no_run
/// # use stormglass::disk::Store;
/// # use stormglass::redb::{self, TableDefinition};
/// # use stormglass::events::Outbox;
/// # use stormglass::prelude::*;
/// const ORDERS: TableDefinition<u32, &str> = TableDefinition::new("orders");
///
/// // Once at the start, for the router's state.
/// fn open(ctx: Ctx) -> (Store, Outbox) {
///     let store = ctx.disk().store("orders.redb");
///     let outbox = Outbox::new(ctx.events(), store.clone());
///     outbox.relay();
///     (store, outbox)
/// }
///
/// async fn place((store, outbox): &(Store, Outbox), order: u32) -> Result<(), redb::Error> {
///     store
///         .write(|tx| {
///             tx.open_table(ORDERS)?.insert(order, "placed")?;
///             outbox.put(tx, "OrderPlaced", &order.to_string(), b"one lamp")
///         })
///         .await
/// }
/// ```
#[derive(Clone)]
pub struct Outbox {
    events: Events,
    store: Store,
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Outbox").field(&self.events).field(&self.store).finish()
    }
}

impl Outbox {
    /// The outbox of a store. It adds two tables to it, whose names begin with `stormglass-`.
    #[must_use]
    pub fn new(events: Events, store: Store) -> Outbox {
        Outbox { events, store }
    }

    /// Adds an event to a transaction of the store.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn put(
        &self,
        transaction: &WriteTransaction,
        topic: &str,
        key: &str,
        payload: &[u8],
    ) -> Result<(), redb::Error> {
        let waiting = Waiting {
            topic: topic.to_owned(),
            key: key.to_owned(),
            payload: payload.to_vec(),
            traceparent: running_trace(),
        };
        let waiting = postcard::to_stdvec(&waiting).expect("it is plain data");
        let mut next = transaction.open_table(NEXT)?;
        let number = next.get(())?.map_or(0, |number| number.value());
        next.insert((), number + 1)?;
        transaction.open_table(EVENTS)?.insert(number, &waiting[..])?;
        Ok(())
    }

    /// Publishes what is in the outbox, and takes it out once the broker has it, for as long as the
    /// process runs. Call it once at the start of each.
    pub fn relay(&self) {
        let outbox = self.clone();
        self.events.ctx.spawn(async move {
            loop {
                // The disk or the broker failed, or there was nothing: all will be tried again.
                let idle = !matches!(outbox.publish_first().await, Ok(true));
                if idle {
                    outbox.events.ctx.sleep(PAUSE).await;
                }
            }
        });
    }

    /// How many events wait.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn waiting(&self) -> Result<u64, redb::Error> {
        let count = |tx: &redb::ReadTransaction| match tx.open_table(EVENTS) {
            Ok(events) => Ok(redb::ReadableTableMetadata::len(&events)?),
            Err(TableError::TableDoesNotExist(_)) => Ok(0),
            Err(error) => Err(error.into()),
        };
        self.store.read(count).await
    }

    /// Publishes the first event; false if there is none, or the broker has not got it.
    async fn publish_first(&self) -> Result<bool, redb::Error> {
        let first = |tx: &redb::ReadTransaction| match tx.open_table(EVENTS) {
            Ok(events) => Ok(events.first()?.map(|(n, event)| (n.value(), event.value().to_vec()))),
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(error.into()),
        };
        let Some((number, waiting)) = self.store.read(first).await? else { return Ok(false) };
        let Ok(waiting) = postcard::from_bytes::<Waiting>(&waiting) else {
            let ctx = self.events.ctx;
            ctx.record(format_args!(
                "event {number} of the outbox cannot be read, and stays there"
            ));
            return Ok(false);
        };
        let Waiting { topic, key, payload, traceparent } = waiting;
        let id = format!("{}/{number}", self.events.ctx.name());
        let mut publish = self.events.publish(&topic, &key, payload).id(id);
        if let Some(traceparent) = traceparent {
            publish = publish.header(TRACEPARENT, &traceparent);
        }
        if publish.await.is_err() {
            return Ok(false);
        }
        self.store.write(|tx| Ok(tx.open_table(EVENTS)?.remove(number).map(drop)?)).await?;
        Ok(true)
    }
}

/// The trace of whoever runs now, as a header's value.
fn running_trace() -> Option<String> {
    let trace = current::try_with(crate::kernel::Kernel::trace)?;
    (trace.id != 0 && trace.span != 0).then(|| traceparent(trace))
}
