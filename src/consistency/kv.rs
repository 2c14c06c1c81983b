//! A store of texts by key, with append: the object of the labs of MIT 6.824.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Model, imported};
use crate::error::Result;
use crate::history::{History, Outcome, Recorded};

/// A text for each key, in the beginning empty. Its parts are the keys of the operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kv;

/// What is asked of one key of a [`Kv`]. As JSON it is `{"f": "append", "value": "x"}`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "f", content = "value", rename_all = "lowercase")]
pub enum Call {
    /// What is the text?
    Get,
    /// Let this be the text.
    Put(String),
    /// Let this be added at the end of the text.
    Append(String),
}

/// What a [`Kv`] answers.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reply {
    /// To a get: the text.
    Value(String),
    /// To a put or append: it is done.
    Done,
}

impl Model for Kv {
    type State = String;
    type Input = Call;
    type Output = Reply;

    fn init(&self) -> String {
        String::new()
    }

    fn step(&self, state: &String, call: &Call, reply: Option<&Reply>) -> Option<String> {
        match (call, reply) {
            (Call::Get, None) => Some(state.clone()),
            (Call::Get, Some(Reply::Value(read))) => (read == state).then(|| state.clone()),
            (Call::Put(text), None | Some(Reply::Done)) => Some(text.clone()),
            (Call::Append(text), None | Some(Reply::Done)) => Some([&**state, &**text].concat()),
            _ => None,
        }
    }

    fn only_reads(&self, call: &Call, _: Option<&Reply>) -> bool {
        *call == Call::Get
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Call::Get => f.write_str("get"),
            Call::Put(text) => write!(f, "put {text:?}"),
            Call::Append(text) => write!(f, "append {text:?}"),
        }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reply::Value(text) => write!(f, "{text:?}"),
            Reply::Done => f.write_str("ok"),
        }
    }
}

/// The calls of a store in a history that was imported from EDN: `:get`, `:put`, `:append` of texts.
///
/// # Errors
///
/// If an operation is something else.
pub fn of_jepsen(history: &Recorded) -> Result<History<Call, Reply>> {
    history.translate(|operation| {
        let call: Call = imported(&operation.input, "get")?;
        let outcome = match (&call, &operation.outcome) {
            (_, Outcome::Fail) => Outcome::Fail,
            (_, Outcome::Info) => Outcome::Info,
            (Call::Get, Outcome::Ok(Value::String(text))) => {
                Outcome::Ok(Reply::Value(text.clone()))
            }
            (Call::Get, Outcome::Ok(other)) => {
                return Err(format!("get gives {other}; a text was expected"));
            }
            (Call::Put(_) | Call::Append(_), Outcome::Ok(_)) => Outcome::Ok(Reply::Done),
        };
        Ok(Some((call, outcome)))
    })
}
