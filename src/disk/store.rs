//! A `redb` database that outlives the errors of its disk.

use std::fmt;
use std::sync::{Arc, PoisonError};

use redb::{Database, ReadTransaction, ReadableDatabase, WriteTransaction};

use super::databases::Slot;
use super::{NodeDisk, names};

/// A `redb` database on a node's disk, from [`NodeDisk::store`]: opened when it is first used, and
/// opened anew after an error, since `redb` refuses a database whose disk has failed once.
///
/// Stores of one path on one node are the same database, whoever asked for them, until the process or the
/// power of the node is gone; it is closed with the last of them. Keep one, rather than to ask for it in each
/// call: opening reads and closing writes.
///
/// ```
/// use stormglass::redb::{self, TableDefinition};
/// use stormglass::prelude::*;
///
/// const COUNTS: TableDefinition<&str, u64> = TableDefinition::new("counts");
///
/// fn world(sim: &mut Sim) {
///     sim.chaos(Chaos::none());
///     sim.client("writer", |ctx| async move {
///         let store = ctx.disk().store("book.redb");
///         store.write(|tx| Ok(tx.open_table(COUNTS)?.insert("orders", 7).map(drop)?)).await?;
///         let read = |tx: &redb::ReadTransaction| Ok(tx.open_table(COUNTS)?.get("orders")?.map(|n| n.value()));
///         assert_eq!(store.read(read).await?, Some(7));
///         Ok::<(), redb::Error>(())
///     });
/// }
///
/// assert!(run(&world, &RunConfig::seed(1)).verdict().holds());
/// ```
#[derive(Clone)]
pub struct Store {
    disk: NodeDisk,
    path: Arc<str>,
    /// Its own, or that of the store which was there before.
    slot: Slot,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.path).finish()
    }
}

impl NodeDisk {
    /// The `redb` database at `path`, the same for all who ask for it in this life of the node. Opens nothing
    /// yet.
    #[must_use]
    pub fn store(&self, path: &str) -> Store {
        // What cannot be a path is refused when it is opened.
        let path = names::normal(path).unwrap_or_else(|_| path.to_owned());
        let slot = self.slot(&path, &Slot::default());
        Store { disk: self.clone(), path: path.into(), slot }
    }

    fn slot(&self, path: &str, own: &Slot) -> Slot {
        self.disk.lock().databases.slot(path, own)
    }
}

impl Store {
    /// Does `change` in one transaction and commits it, durably; an error of either undoes all.
    /// Waits for as long as the disk took.
    ///
    /// # Errors
    ///
    /// Those of `change`, and those of opening and committing. After an error of the commit itself
    /// the change may have happened or not, as with every database.
    pub async fn write<T>(
        &self,
        change: impl FnOnce(&WriteTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, redb::Error> {
        self.write_then(change, |_| {}).await
    }

    /// As [`Store::write`], and calls `then` at the moment of the commit, before the disk's time has
    /// passed: nobody sees the change before `then` has said so.
    ///
    /// # Errors
    ///
    /// As [`Store::write`]; `then` is not called.
    pub async fn write_then<T>(
        &self,
        change: impl FnOnce(&WriteTransaction) -> Result<T, redb::Error>,
        then: impl FnOnce(&T),
    ) -> Result<T, redb::Error> {
        let work = |database: &Database| {
            let transaction = database.begin_write()?;
            let result = change(&transaction)?;
            transaction.commit()?;
            then(&result);
            Ok(result)
        };
        self.disk.blocking(|| self.with(work)).await
    }

    /// Reads from one snapshot.
    ///
    /// # Errors
    ///
    /// Those of `look` and of opening. A table that nobody has written yet is not there.
    pub async fn read<T>(
        &self,
        look: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, redb::Error> {
        self.disk.blocking(|| self.with(|database| look(&database.begin_read()?))).await
    }

    fn with<T>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, redb::Error>,
    ) -> Result<T, redb::Error> {
        // A store that somebody kept over a restart meets those of the new life here.
        let slot = self.disk.slot(&self.path, &self.slot);
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let database = match slot.take() {
            Some(database) => database,
            None => self.disk.redb(&self.path)?,
        };
        let result = work(&database);
        if result.is_ok() {
            *slot = Some(database);
        }
        result
    }
}
