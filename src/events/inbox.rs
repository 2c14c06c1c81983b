//! The ids of events that have had their effect.

use redb::{TableDefinition, WriteTransaction};

/// By consumer and id.
const SEEN: TableDefinition<'_, (&str, &str), ()> = TableDefinition::new("stormglass-inbox");

/// Makes the effect of an event happen once although it is delivered more often: the event's id is
/// written in the transaction of the effect, so both are there or neither.
///
/// ```no_run
/// # use stormglass::redb::{self, ReadableTable, TableDefinition};
/// # use stormglass::disk::Store;
/// # use stormglass::events::{Event, Inbox};
/// const SHIPPED: TableDefinition<&str, u32> = TableDefinition::new("shipped");
///
/// async fn ship(store: Store, event: Event) -> Result<(), redb::Error> {
///     store
///         .write(|tx| {
///             if Inbox::is_new(tx, "shipping", &event)? {
///                 let mut shipped = tx.open_table(SHIPPED)?;
///                 let before = shipped.get(event.key())?.map_or(0, |count| count.value());
///                 shipped.insert(event.key(), before + 1)?;
///             }
///             Ok(())
///         })
///         .await
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Inbox;

impl Inbox {
    /// True the first time that `consumer` sees the event, if the transaction is committed. It adds a
    /// table to the store, whose name begins with `stormglass-`.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn is_new(
        transaction: &WriteTransaction,
        consumer: &str,
        event: &super::Event,
    ) -> Result<bool, redb::Error> {
        let mut seen = transaction.open_table(SEEN)?;
        let before = seen.insert((consumer, event.id()), ())?;
        Ok(before.is_none())
    }
}
