//! A register that is read, written, and compared and set: the object of Jepsen's first tests.

use std::fmt::{self, Debug};
use std::hash::Hash;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Model, imported};
use crate::error::Result;
use crate::history::{History, Operation, Outcome, Recorded};

/// One value, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register<V = i64> {
    initial: Option<V>,
}

/// What is asked of a [`Register`]. As JSON it is Jepsen's `{"f": "cas", "value": [1, 2]}`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "f", content = "value", rename_all = "lowercase")]
pub enum Call<V = i64> {
    /// What is the value?
    Read,
    /// Let this be the value.
    Write(V),
    /// If the first is the value, let the second be it.
    Cas(V, V),
}

/// What a [`Register`] answers.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reply<V = i64> {
    /// To a read: this, or none if it was never written.
    Value(Option<V>),
    /// To a write: it is done.
    Done,
    /// To a compare and set: whether the value was the expected one, and is now the new one.
    Swapped(bool),
}

impl<V> Register<V> {
    /// A register that was never written.
    #[must_use]
    pub fn new() -> Register<V> {
        Register { initial: None }
    }

    /// A register that begins with a value.
    #[must_use]
    pub fn holding(value: V) -> Register<V> {
        Register { initial: Some(value) }
    }
}

impl<V> Default for Register<V> {
    fn default() -> Self {
        Register::new()
    }
}

impl<V: Clone + Eq + Hash + Debug> Model for Register<V> {
    type State = Option<V>;
    type Input = Call<V>;
    type Output = Reply<V>;

    fn init(&self) -> Option<V> {
        self.initial.clone()
    }

    fn step(
        &self,
        state: &Option<V>,
        call: &Call<V>,
        reply: Option<&Reply<V>>,
    ) -> Option<Option<V>> {
        let matches = |expected: &V| state.as_ref() == Some(expected);
        match (call, reply) {
            (Call::Read, None) => Some(state.clone()),
            (Call::Read, Some(Reply::Value(read))) => (read == state).then(|| state.clone()),
            (Call::Write(value), None | Some(Reply::Done)) => Some(Some(value.clone())),
            (Call::Cas(expected, new), None) => {
                Some(if matches(expected) { Some(new.clone()) } else { state.clone() })
            }
            (Call::Cas(expected, new), Some(Reply::Swapped(swapped))) => match swapped {
                true => matches(expected).then(|| Some(new.clone())),
                false => (!matches(expected)).then(|| state.clone()),
            },
            _ => None,
        }
    }

    fn only_reads(&self, call: &Call<V>, reply: Option<&Reply<V>>) -> bool {
        matches!((call, reply), (Call::Read, _) | (Call::Cas(..), Some(Reply::Swapped(false))))
    }
}

impl<V: Debug> Debug for Call<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Call::Read => f.write_str("read"),
            Call::Write(value) => write!(f, "write {value:?}"),
            Call::Cas(expected, new) => write!(f, "cas {expected:?} {new:?}"),
        }
    }
}

impl<V: Debug> Debug for Reply<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reply::Value(None) => f.write_str("nil"),
            Reply::Value(Some(value)) => write!(f, "{value:?}"),
            Reply::Done => f.write_str("ok"),
            Reply::Swapped(swapped) => write!(f, "{swapped}"),
        }
    }
}

/// What a read of `nil` means in a history of Jepsen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nil {
    /// The register has no value.
    Value,
    /// The client does not know what it read: so Knossos takes it.
    Unknown,
}

/// The calls of a register in a history that was imported from Jepsen.
///
/// # Errors
///
/// If an operation is no `read`, `write` or `cas` of whole numbers.
pub fn of_jepsen(history: &Recorded, nil: Nil) -> Result<History<Call, Reply>> {
    history.translate(|operation| {
        let call: Call = imported(&operation.input, "read")?;
        let outcome = match (&call, &operation.outcome) {
            (_, Outcome::Fail) => Outcome::Fail,
            (_, Outcome::Info) => Outcome::Info,
            (Call::Read, Outcome::Ok(Value::Null)) if nil == Nil::Unknown => Outcome::Info,
            (Call::Read, Outcome::Ok(read)) => Outcome::Ok(Reply::Value(number(operation, read)?)),
            (Call::Write(_), Outcome::Ok(_)) => Outcome::Ok(Reply::Done),
            (Call::Cas(..), Outcome::Ok(answer)) => {
                Outcome::Ok(Reply::Swapped(*answer != Value::Bool(false)))
            }
        };
        Ok(Some((call, outcome)))
    })
}

fn number(
    operation: &Operation<Value, Value>,
    read: &Value,
) -> std::result::Result<Option<i64>, String> {
    match read {
        Value::Null => Ok(None),
        other => match other.as_i64() {
            Some(number) => Ok(Some(number)),
            None => Err(format!("{} gives {other}; a whole number was expected", operation.input)),
        },
    }
}
