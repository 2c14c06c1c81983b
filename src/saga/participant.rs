//! A service's side of a step: done once, undone once, and never done after it was undone.

use std::fmt;
use std::sync::Arc;

use http::StatusCode;
use redb::{ReadableTable, TableDefinition, WriteTransaction};

use super::event::{Effect, effect, found};
use crate::disk::Store;
use crate::service::Ctx;

/// The state of each step by saga, step and id.
const STEPS: TableDefinition<'_, (&str, &str, &str), u8> = TableDefinition::new("stormglass-saga");

const DONE: u8 = 1;
const UNDONE: u8 = 2;
const BARRED: u8 = 3;

/// What came of a request to do a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acted {
    /// It is done now, or was before.
    Done,
    /// It is refused.
    Refused,
    /// It comes too late: the step was undone.
    TooLate,
}

impl Acted {
    /// 200, 409 or 410: what [`accepted`](super::accepted) takes for done and refused.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Acted::Done => StatusCode::OK,
            Acted::Refused => StatusCode::CONFLICT,
            Acted::TooLate => StatusCode::GONE,
        }
    }
}

/// One step of a saga in the service that does it. In the transaction of the step's own changes it writes
/// that they are made, so a request that comes again changes nothing (S5); and a compensation that finds
/// nothing to undo bars the step, so a request that it has overtaken is refused (S7). It tells the
/// oracle of each effect.
///
/// ```no_run
/// # use stormglass::redb::{self, ReadableTable, TableDefinition};
/// # use stormglass::prelude::*;
/// # use stormglass::saga::{Acted, Participant};
/// const STOCK: TableDefinition<&str, u32> = TableDefinition::new("stock");
///
/// // Made once, for the router's state: both handlers have clones of it.
/// fn step(ctx: Ctx) -> Participant {
///     Participant::new(ctx, ctx.disk().store("stock.redb"), "place_order", "reserve")
/// }
///
/// async fn reserve(step: Participant, order: &str) -> Result<Acted, redb::Error> {
///     step.act(order, |tx| {
///         let mut stock = tx.open_table(STOCK)?;
///         let lamps = stock.get("lamp")?.map_or(0, |n| n.value());
///         if lamps > 0 {
///             stock.insert("lamp", lamps - 1)?;
///         }
///         Ok(lamps > 0)
///     })
///     .await
/// }
/// ```
#[derive(Clone)]
pub struct Participant {
    ctx: Ctx,
    store: Store,
    saga: Arc<str>,
    step: Arc<str>,
}

impl fmt::Debug for Participant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Participant").field(&self.saga).field(&self.step).finish()
    }
}

impl Participant {
    /// A step of a saga, on the store that its changes are made in. It adds a table to it, whose name begins
    /// with `stormglass-`.
    #[must_use]
    pub fn new(ctx: Ctx, store: Store, saga: &str, step: &str) -> Participant {
        Participant { ctx, store, saga: saga.into(), step: step.into() }
    }

    /// Does the step of saga `id`, unless it was done or undone before: `change` makes the service's own
    /// changes, or makes none and returns `false` to refuse.
    ///
    /// # Errors
    ///
    /// Those of the store and of `change`. The caller then does not know whether it is done; a further
    /// request will find out.
    pub async fn act(
        &self,
        id: &str,
        change: impl FnOnce(&WriteTransaction) -> Result<bool, redb::Error>,
    ) -> Result<Acted, redb::Error> {
        let transaction = |tx: &WriteTransaction| {
            let before = self.state(tx, id)?;
            let done = before.is_none() && change(tx)?;
            if done {
                tx.open_table(STEPS)?.insert(self.key(id), DONE)?;
            }
            Ok((before, done))
        };
        let tell = |(before, done): &(Option<u8>, bool)| {
            self.tell_found(id, *before);
            if *done {
                effect(self.ctx, &self.saga, id, &self.step, Effect::Done);
            }
        };
        Ok(match self.store.write_then(transaction, tell).await? {
            (_, true) | (Some(DONE), _) => Acted::Done,
            (None, false) => Acted::Refused,
            (Some(_), false) => Acted::TooLate,
        })
    }

    /// Undoes the step of saga `id`: if it was done, `change` takes the service's own changes back; if not, it is
    /// barred. Nothing is changed if it was undone before.
    ///
    /// # Errors
    ///
    /// As [`Participant::act`].
    pub async fn undo(
        &self,
        id: &str,
        change: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<(), redb::Error> {
        let transaction = |tx: &WriteTransaction| {
            let before = self.state(tx, id)?;
            let after = match before {
                None => BARRED,
                Some(DONE) => UNDONE,
                Some(_) => return Ok((before, None)),
            };
            if after == UNDONE {
                change(tx)?;
            }
            tx.open_table(STEPS)?.insert(self.key(id), after)?;
            Ok((before, Some(after)))
        };
        let tell = |(before, after): &(Option<u8>, Option<u8>)| {
            self.tell_found(id, *before);
            if let Some(after) = after {
                effect(self.ctx, &self.saga, id, &self.step, effect_of(*after));
            }
        };
        self.store.write_then(transaction, tell).await.map(drop)
    }

    fn key<'a>(&'a self, id: &'a str) -> (&'a str, &'a str, &'a str) {
        (&self.saga, &self.step, id)
    }

    fn state(&self, tx: &WriteTransaction, id: &str) -> Result<Option<u8>, redb::Error> {
        Ok(tx.open_table(STEPS)?.get(self.key(id))?.map(|state| state.value()))
    }

    /// The power may have been lost between a change and the word about it.
    fn tell_found(&self, id: &str, state: Option<u8>) {
        if let Some(state) = state {
            found(self.ctx, &self.saga, id, &self.step, effect_of(state));
        }
    }
}

fn effect_of(state: u8) -> Effect {
    match state {
        DONE => Effect::Done,
        UNDONE => Effect::Undone,
        _ => Effect::Barred,
    }
}
