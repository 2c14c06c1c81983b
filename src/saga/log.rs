//! The orchestrator's log: one row a saga, replaced at each step.

use std::time::Duration;

use redb::{ReadableTable, TableDefinition, TableError};
use serde::{Deserialize, Serialize};

use crate::disk::Store;
use crate::journal::Trace;
use crate::service::Ctx;

const SAGAS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("sagas");

/// How long until a disk that failed is asked again.
const PAUSE: Duration = Duration::from_millis(20);

/// Where a saga is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Phase {
    Forwards,
    Backwards,
    Completed,
    Compensated,
    Escalated,
}

/// Where a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Progress {
    Waiting,
    /// It is being asked for, or was when the process died.
    Begun,
    Done,
    Refused,
    /// It may be done or not.
    Unknown,
    Undoing,
    Undone,
}

/// A saga as the log keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Row {
    /// As JSON.
    pub(super) input: Vec<u8>,
    pub(super) phase: Phase,
    pub(super) steps: Vec<Progress>,
    /// Why it turned back or was escalated.
    pub(super) reason: String,
    /// The trace that it was begun in: what a later life does for it belongs there too.
    pub(super) trace: Trace,
}

/// The log.
#[derive(Clone, Debug)]
pub(super) struct Log {
    ctx: Ctx,
    store: Store,
}

impl Log {
    pub(super) fn new(ctx: Ctx, path: &str) -> Log {
        Log { ctx, store: ctx.disk().store(path) }
    }

    /// Writes a row, durably, however often the disk fails.
    pub(super) async fn save(&self, id: &str, row: &Row) {
        let bytes = postcard::to_stdvec(row).expect("a row is plain data");
        while let Err(error) =
            self.store.write(|tx| Ok(tx.open_table(SAGAS)?.insert(id, &bytes[..]).map(drop)?)).await
        {
            self.complain(&error).await;
        }
    }

    /// The row of a saga, if there is one.
    pub(super) async fn row(&self, id: &str) -> Option<Row> {
        loop {
            let read = |tx: &redb::ReadTransaction| match tx.open_table(SAGAS) {
                Ok(sagas) => {
                    Ok(sagas.get(id)?.and_then(|row| postcard::from_bytes(row.value()).ok()))
                }
                Err(TableError::TableDoesNotExist(_)) => Ok(None),
                Err(error) => Err(error.into()),
            };
            match self.store.read(read).await {
                Ok(row) => return row,
                Err(error) => self.complain(&error).await,
            }
        }
    }

    /// All rows, by the sagas' ids.
    pub(super) async fn rows(&self) -> Vec<(String, Row)> {
        loop {
            let read = |tx: &redb::ReadTransaction| {
                let sagas = match tx.open_table(SAGAS) {
                    Ok(sagas) => sagas,
                    Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
                    Err(error) => return Err(error.into()),
                };
                let mut rows = Vec::new();
                for row in sagas.iter()? {
                    let (id, row) = row?;
                    if let Ok(row) = postcard::from_bytes(row.value()) {
                        rows.push((id.value().to_owned(), row));
                    }
                }
                Ok(rows)
            };
            match self.store.read(read).await {
                Ok(rows) => return rows,
                Err(error) => self.complain(&error).await,
            }
        }
    }

    async fn complain(&self, error: &redb::Error) {
        self.ctx.record(format_args!("the log of sagas: {error}"));
        self.ctx.sleep(PAUSE).await;
    }
}
