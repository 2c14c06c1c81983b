//! What clients asked of an object, when, and what they were answered: the input of every consistency
//! check.
//!
//! A [`History`] is a list of operations, each with an interval of time: from its call to its return.
//! An operation that never returned, or whose answer does not say whether it took effect, stays open:
//! it may take effect at any time after its call, or never. The four words for this are Jepsen's:
//! an *invoke* is followed by *ok* (it happened), *fail* (it did not happen) or *info* (who knows).
//!
//! In a world, clients record with [`Ctx::invoke`](crate::service::Ctx::invoke), and
//! [`History::of`] rebuilds the history from the journal, be it of this run or loaded from a file.
//! Histories of Jepsen are read by [`import_edn`] and [`import_jepsen_log`], and written by
//! [`export_edn`], so that Knossos and Elle can judge ours.
//!
//! ```
//! use stormglass::history::{Outcome, import_edn};
//!
//! let history = import_edn("register.edn", r#"
//!     {:process 0, :type :invoke, :f :write, :value 3}
//!     {:process 1, :type :invoke, :f :read,  :value nil}
//!     {:process 0, :type :ok,     :f :write, :value 3}
//! "#)?;
//! let [write, read] = history.operations() else { panic!("two operations") };
//! assert_eq!(write.outcome, Outcome::Ok(3.into()));
//! assert_eq!(read.outcome, Outcome::Info);
//! # Ok::<(), stormglass::error::Error>(())
//! ```

mod edn;
mod jepsen;
mod journal;
mod snapshot;

pub use edn::{DEPTH_MAX, Edn};
pub use jepsen::{export_edn, import_edn, import_jepsen_log};
pub use journal::objects;
pub(crate) use journal::{call_text, symbol};
pub use snapshot::Snapshot;

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::journal::EventId;
use crate::time::Time;

/// A place in a history: events of one instant of virtual time still have an order.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Moment {
    /// The place among all events: the number in the journal, or the line of a file.
    pub order: u64,
    /// The virtual time. A file without times has the place here as well, in nanoseconds.
    pub at: Time,
}

/// What became of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome<O> {
    /// It took effect between its call and its return, and this is its answer.
    Ok(O),
    /// It took no effect, and never will.
    Fail,
    /// It may take effect at any time after its call, or never.
    Info,
}

/// One operation of a client on an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation<I, O> {
    /// Who called it: one operation after the other. Jepsen's process, a session of a client.
    pub process: String,
    /// The node that the caller ran on; empty if that is not known.
    pub node: String,
    /// The part of the object that it concerns; empty if the object has no parts.
    pub key: String,
    /// What was asked.
    pub input: I,
    /// What became of it.
    pub outcome: Outcome<O>,
    /// When it was called.
    pub call: Moment,
    /// When the caller heard of its outcome; none if it never did.
    pub returned: Option<Moment>,
}

impl<I, O> Operation<I, O> {
    /// Its answer, if it is known to have happened.
    pub fn output(&self) -> Option<&O> {
        match &self.outcome {
            Outcome::Ok(output) => Some(output),
            Outcome::Fail | Outcome::Info => None,
        }
    }

    /// The events of its call and its return, in a history that comes from a journal.
    pub(crate) fn events(&self) -> impl Iterator<Item = EventId> + use<I, O> {
        let moments = [Some(self.call), self.returned];
        moments
            .into_iter()
            .flatten()
            .map(|moment| EventId(u32::try_from(moment.order).unwrap_or(0)))
    }

    /// True if it returned before `other` was called.
    #[must_use]
    pub fn is_before<J, P>(&self, other: &Operation<J, P>) -> bool {
        self.returned.is_some_and(|returned| returned < other.call)
    }
}

/// The operations on one object, in the order of their calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct History<I, O> {
    operations: Vec<Operation<I, O>>,
}

/// A history as it is recorded and imported: inputs and outputs are JSON values. By convention an
/// input is `{"f": function, "value": argument}`, as in Jepsen; [`History::decode`] makes it typed.
pub type Recorded = History<Value, Value>;

impl<I, O> Default for History<I, O> {
    fn default() -> Self {
        History { operations: Vec::new() }
    }
}

impl<I, O> FromIterator<Operation<I, O>> for History<I, O> {
    /// Sorts the operations by their calls.
    fn from_iter<T: IntoIterator<Item = Operation<I, O>>>(operations: T) -> Self {
        let mut operations: Vec<Operation<I, O>> = operations.into_iter().collect();
        operations.sort_by_key(|operation| operation.call);
        History { operations }
    }
}

impl<I, O> History<I, O> {
    /// The operations, in the order of their calls.
    #[must_use]
    pub fn operations(&self) -> &[Operation<I, O>] {
        &self.operations
    }

    /// The number of operations.
    #[must_use]
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// True if nothing was called.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// The operations of each process, in the order of their calls.
    #[must_use]
    pub fn by_process(&self) -> BTreeMap<&str, Vec<&Operation<I, O>>> {
        let mut all: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for operation in &self.operations {
            all.entry(&operation.process).or_default().push(operation);
        }
        all
    }

    /// The same history in other words: `change` gives the input and the outcome of each operation,
    /// or none for one that is left out.
    ///
    /// # Errors
    ///
    /// The first reason that `change` gives, with the operation's number; the object is `history`.
    pub fn translate<J, P>(
        &self,
        mut change: impl FnMut(&Operation<I, O>) -> std::result::Result<Option<(J, Outcome<P>)>, String>,
    ) -> Result<History<J, P>> {
        let mut operations = Vec::with_capacity(self.len());
        for (number, operation) in (1..).zip(&self.operations) {
            let changed = change(operation).map_err(|reason| Error::History {
                object: "history".to_owned(),
                operation: number,
                reason,
            })?;
            operations.extend(changed.map(|(input, outcome)| Operation {
                process: operation.process.clone(),
                node: operation.node.clone(),
                key: operation.key.clone(),
                input,
                outcome,
                call: operation.call,
                returned: operation.returned,
            }));
        }
        Ok(History { operations })
    }
}

impl Recorded {
    /// The same history with inputs and outputs of a type.
    ///
    /// # Errors
    ///
    /// If a value is not of its type: which operation, and what was expected.
    pub fn decode<I: DeserializeOwned, O: DeserializeOwned>(&self) -> Result<History<I, O>> {
        self.translate(|operation| {
            let input = I::deserialize(&operation.input)
                .map_err(|e| format!("the input {} cannot be read: {e}", operation.input))?;
            let outcome = match &operation.outcome {
                Outcome::Ok(output) => Outcome::Ok(
                    O::deserialize(output)
                        .map_err(|e| format!("the output {output} cannot be read: {e}"))?,
                ),
                Outcome::Fail => Outcome::Fail,
                Outcome::Info => Outcome::Info,
            };
            Ok(Some((input, outcome)))
        })
    }
}
