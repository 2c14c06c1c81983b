//! Whether what clients saw is what an object may do: linearizability, and the guarantees of sessions.
//!
//! Everything here is a function of a [`History`]: recorded by clients with
//! [`Ctx::invoke`](crate::service::Ctx::invoke), or imported. A history is *linearizable* (Herlihy and
//! Wing 1990) if each operation can be taken to happen at one instant between its call and its return,
//! so that the answers are those of a [`Model`]. Models are at hand for a [`register`], a key-value
//! store ([`kv`]) and a [`counter`]; one of your own is 15 lines.
//!
//! ```
//! use stormglass::consistency::{Verdict, check, register};
//! use stormglass::history::import_edn;
//!
//! // The second read is stale.
//! let recorded = import_edn("stale.edn", "
//!     {:process 0, :type :invoke, :f :write, :value 1}
//!     {:process 0, :type :ok,     :f :write, :value 1}
//!     {:process 0, :type :invoke, :f :write, :value 2}
//!     {:process 0, :type :ok,     :f :write, :value 2}
//!     {:process 1, :type :invoke, :f :read,  :value nil}
//!     {:process 1, :type :ok,     :f :read,  :value 1}")?;
//! let history = register::of_jepsen(&recorded, register::Nil::Value)?;
//! let answer = check(&register::Register::new(), &history, 1_000_000);
//! let verdict = Verdict::from(&answer);
//! assert!(verdict.text().starts_with("3 of its 3 operations contradict each other"), "{verdict}");
//! # Ok::<(), stormglass::error::Error>(())
//! ```
//!
//! In a world it is one line: `sim.check("prices are linearizable",
//! consistency::linearizable("price", Register::<u32>::new()))`.
//!
//! The search is bounded in steps, not in time: a history has the same verdict on every machine. What
//! is not decided within them is unknown, which never passes.

pub mod counter;
pub mod kv;
pub mod register;
pub mod sessions;

mod memo;
mod model;
mod search;
mod witness;

pub use crate::verdict::{Verdict, Violation};
pub use model::{Model, Nondeterministic, NondeterministicModel};
pub use witness::Witness;

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::history::{History, Operation, Outcome};
use crate::journal::Journal;
use memo::{Called, Memo};
use search::{Found, Role, search};

/// The budget of [`linearizable`]: steps for each part of an object. They take less than a second and
/// a few hundred megabytes at worst.
pub const STEPS: u64 = 4_000_000;

/// What a history came to.
#[derive(Clone, Debug)]
pub enum Answer<I, O> {
    /// It is linearizable.
    Linearizable {
        /// The steps that it took.
        steps: u64,
    },
    /// It is not.
    Illegal {
        /// The steps that it took to know it; the witness took more.
        steps: u64,
        /// The few operations that contradict each other.
        witness: Witness<I, O>,
    },
    /// The budget was too small to know.
    Unknown {
        /// The steps that were used.
        steps: u64,
        /// The part of the object that is not decided.
        part: String,
    },
}

impl<I, O> From<&Answer<I, O>> for Verdict {
    fn from(answer: &Answer<I, O>) -> Verdict {
        match answer {
            Answer::Linearizable { .. } => Verdict::Holds,
            Answer::Illegal { witness, .. } => Verdict::violated(witness.to_string()),
            Answer::Unknown { steps, part } => {
                let of = if part.is_empty() { String::new() } else { format!(" of `{part}`") };
                Verdict::Unknown(format!("after {steps} steps the history{of} is not decided"))
            }
        }
    }
}

/// Whether a history is linearizable, without a witness: for those who only want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is, as these operations of each part show, in this order: places in
    /// [`History::operations`].
    Linearizable {
        /// The steps that it took.
        steps: u64,
        /// The order by part. Operations that need not have happened are not in it.
        orders: BTreeMap<String, Vec<usize>>,
    },
    /// It is not.
    Illegal {
        /// The steps that it took.
        steps: u64,
        /// The first part, by name, that is not.
        part: String,
    },
    /// The budget was too small to know.
    Unknown {
        /// The steps that were used.
        steps: u64,
        /// The first part, by name, that is not decided.
        part: String,
    },
}

/// Decides whether `history` is one of an object that does what `model` says, in at most `budget`
/// steps for each of its parts.
///
/// Operations that failed did not happen. Those that returned *info*, or never, may happen at any time
/// after their calls, or not at all.
pub fn decide<M: Model>(
    model: &M,
    history: &History<M::Input, M::Output>,
    budget: u64,
) -> Decision {
    let (mut total, mut undecided, mut orders) = (0, None, BTreeMap::new());
    for (part, places) in parts(model, history) {
        let mut memo = Memo::new(model, at::<M>(history, &places));
        let roles = roles(&memo);
        let (found, steps) = search(&mut memo, &roles, budget);
        total += steps;
        match found {
            Found::Order(order) => {
                orders.insert(part.to_owned(), order.into_iter().map(|i| places[i]).collect());
            }
            Found::Nothing => {
                return Decision::Illegal { steps: total, part: part.to_owned() };
            }
            Found::Unknown => {
                undecided.get_or_insert(part.to_owned());
            }
        }
    }
    match undecided {
        Some(part) => Decision::Unknown { steps: total, part },
        None => Decision::Linearizable { steps: total, orders },
    }
}

/// As [`decide`], with a witness of few operations if the history is not linearizable. To find it takes
/// at most `budget` steps more.
pub fn check<M: Model>(
    model: &M,
    history: &History<M::Input, M::Output>,
    budget: u64,
) -> Answer<M::Input, M::Output> {
    match decide(model, history, budget) {
        Decision::Linearizable { steps, .. } => Answer::Linearizable { steps },
        Decision::Unknown { steps, part } => Answer::Unknown { steps, part },
        Decision::Illegal { steps, part } => {
            let places = parts(model, history).remove(part.as_str()).unwrap_or_default();
            let mut memo = Memo::new(model, at::<M>(history, &places));
            let witness = witness::of(&mut memo, part, budget);
            Answer::Illegal { steps, witness }
        }
    }
}

/// The property that the operations recorded on `object` are linearizable, for
/// [`Sim::check`](crate::sim::Sim::check). Its witness is a small timeline. It is unknown if nothing
/// was recorded, or [`STEPS`] are not enough for a part.
pub fn linearizable<M>(object: &str, model: M) -> impl Fn(&Journal) -> Verdict + 'static
where
    M: Model + 'static,
    M::Input: DeserializeOwned,
    M::Output: DeserializeOwned,
{
    let object = object.to_owned();
    move |journal| match History::of(journal, &object) {
        Ok(history) => match check(&model, &history, STEPS) {
            Answer::Illegal { witness, .. } => {
                let violation = Violation::new(witness.to_string());
                violation.with_events(witness.operations.iter().flat_map(Operation::events)).into()
            }
            answer => Verdict::from(&answer),
        },
        Err(error) => Verdict::Unknown(error.to_string()),
    }
}

/// The call in an imported operation. A read has no argument, but some histories give one at its call:
/// what it will read.
fn imported<C: DeserializeOwned>(input: &Value, read: &str) -> Result<C, String> {
    let is_read = input["f"] == read;
    let call = if is_read { C::deserialize(json!({ "f": read })) } else { C::deserialize(input) };
    call.map_err(|error| format!("{input} is no call of the model: {error}"))
}

/// The places of the operations of each part; what failed is left out.
fn parts<'h, M: Model>(
    model: &M,
    history: &'h History<M::Input, M::Output>,
) -> BTreeMap<&'h str, Vec<usize>> {
    let mut parts: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, operation) in history.operations().iter().enumerate() {
        if !matches!(operation.outcome, Outcome::Fail) {
            parts.entry(model.part(operation)).or_default().push(place);
        }
    }
    parts
}

fn at<'h, M: Model>(
    history: &'h History<M::Input, M::Output>,
    places: &[usize],
) -> Vec<Called<'h, M>> {
    places.iter().map(|place| &history.operations()[*place]).collect()
}

fn roles<M: Model>(memo: &Memo<'_, M>) -> Vec<Role> {
    let role = |operation: &Called<'_, M>| match (operation.output(), operation.returned) {
        (Some(_), Some(_)) => Role::Held,
        _ => Role::Open,
    };
    memo.operations.iter().map(role).collect()
}
