//! A number to which others are added.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Model, imported};
use crate::error::Result;
use crate::history::{History, Outcome, Recorded};

/// A whole number. An addition beyond 64 bits is no answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counter {
    initial: i64,
    smallest: Option<i64>,
}

/// What is asked of a [`Counter`]. As JSON it is `{"f": "add", "value": -1}`.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "f", content = "value", rename_all = "lowercase")]
pub enum Call {
    /// What is the number?
    Read,
    /// Let this be added.
    Add(i64),
}

/// What a [`Counter`] answers.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reply {
    /// To a read, or to an addition that tells it: the number, afterwards.
    Value(i64),
    /// To an addition: it is done.
    Done,
    /// To an addition: it is not done, as the number would be too small.
    Refused,
}

impl Counter {
    /// A counter that begins at 0 and takes every addition.
    #[must_use]
    pub fn new() -> Counter {
        Counter::default()
    }

    /// A counter that begins at this number.
    #[must_use]
    pub fn starting_at(initial: i64) -> Counter {
        Counter { initial, smallest: None }
    }

    /// The same, but it refuses what would make it smaller than `smallest`: a stock, an account.
    #[must_use]
    pub fn at_least(self, smallest: i64) -> Counter {
        Counter { smallest: Some(smallest), ..self }
    }
}

impl Model for Counter {
    type State = i64;
    type Input = Call;
    type Output = Reply;

    fn init(&self) -> i64 {
        self.initial
    }

    fn step(&self, state: &i64, call: &Call, reply: Option<&Reply>) -> Option<i64> {
        let Call::Add(number) = call else {
            return match reply {
                None => Some(*state),
                Some(Reply::Value(read)) => (read == state).then_some(*state),
                Some(Reply::Done | Reply::Refused) => None,
            };
        };
        let enough = |sum: &i64| self.smallest.is_none_or(|smallest| *sum >= smallest);
        let sum = state.checked_add(*number).filter(enough);
        match reply {
            None => Some(sum.unwrap_or(*state)),
            Some(Reply::Done) => sum,
            Some(Reply::Value(told)) => sum.filter(|sum| sum == told),
            Some(Reply::Refused) => sum.is_none().then_some(*state),
        }
    }

    fn only_reads(&self, call: &Call, reply: Option<&Reply>) -> bool {
        *call == Call::Read || reply == Some(&Reply::Refused)
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Call::Read => f.write_str("read"),
            Call::Add(number) => write!(f, "add {number}"),
        }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reply::Value(number) => write!(f, "{number}"),
            Reply::Done => f.write_str("ok"),
            Reply::Refused => f.write_str("refused"),
        }
    }
}

/// The calls of a counter in a history that was imported from Jepsen: `:add` and `:read` of whole
/// numbers.
///
/// # Errors
///
/// If an operation is something else.
pub fn of_jepsen(history: &Recorded) -> Result<History<Call, Reply>> {
    history.translate(|operation| {
        let call: Call = imported(&operation.input, "read")?;
        let outcome = match (&call, &operation.outcome) {
            (_, Outcome::Fail) => Outcome::Fail,
            (_, Outcome::Info) => Outcome::Info,
            (Call::Add(_), Outcome::Ok(_)) => Outcome::Ok(Reply::Done),
            (Call::Read, Outcome::Ok(read)) => match read.as_i64() {
                Some(number) => Outcome::Ok(Reply::Value(number)),
                None => return Err(format!("read gives {read}; a whole number was expected")),
            },
        };
        Ok(Some((call, outcome)))
    })
}
