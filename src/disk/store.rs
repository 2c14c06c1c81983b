//! A `redb` database that outlives the errors of its disk.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use redb::{Database, ReadTransaction, ReadableDatabase, WriteTransaction};

use super::NodeDisk;

/// A `redb` database on a node's disk, from [`NodeDisk::store`]: opened when it is first used, and
/// opened anew after an error, since `redb` refuses a database whose disk has failed once.
///
/// A clone is the same database. What belongs into one transaction (a state and the event that tells
/// of it) must go to clones of one store.
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
    database: Arc<Mutex<Option<Database>>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.path).finish()
    }
}

impl NodeDisk {
    /// The `redb` database at `path`. Opens nothing yet.
    #[must_use]
    pub fn store(&self, path: &str) -> Store {
        Store { disk: self.clone(), path: path.into(), database: Arc::default() }
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
        let mut slot = self.database.lock().unwrap_or_else(PoisonError::into_inner);
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
