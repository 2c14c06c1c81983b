//! Histories in a journal: what a client's call and return are written as, and how they are read.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{History, Moment, Operation, Outcome, Recorded};
use crate::error::{Error, Result, hint};
use crate::journal::{Event, Journal, Kind};

/// The text of a call. What goes without saying is left out, since people read it in stories.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    /// None if it is the node's own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    process: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    key: String,
    input: Value,
}

/// The text that the journal has of a call.
pub(crate) fn call_text(process: Option<String>, key: String, input: Value) -> String {
    serde_json::to_string(&Call { process, key, input }).expect("texts and values are JSON")
}

/// The symbol that the journal has for an outcome.
pub(crate) fn symbol<O>(outcome: &Outcome<O>) -> &'static str {
    match outcome {
        Outcome::Ok(_) => "ok",
        Outcome::Fail => "fail",
        Outcome::Info => "info",
    }
}

/// The objects of which operations were recorded.
#[must_use]
pub fn objects(journal: &Journal) -> BTreeSet<&str> {
    journal.of_kind(Kind::Invoke).map(|event| event.symbol()).collect()
}

impl<I: DeserializeOwned, O: DeserializeOwned> History<I, O> {
    /// The operations on `object` that a run recorded
    /// ([`Ctx::invoke`](crate::service::Ctx::invoke)).
    ///
    /// # Errors
    ///
    /// If nothing was ever called on an object of that name, or an input or output is not of its
    /// type, or the journal was written by something else.
    pub fn of(journal: &Journal, object: &str) -> Result<History<I, O>> {
        let named = |error| match error {
            Error::History { operation, reason, .. } => {
                Error::History { object: object.to_owned(), operation, reason }
            }
            other => other,
        };
        read(journal, object)?.decode().map_err(named)
    }
}

fn read(journal: &Journal, object: &str) -> Result<Recorded> {
    let wrong = |operation, reason| Error::History { object: object.to_owned(), operation, reason };
    let mut operations: Vec<Operation<Value, Value>> = Vec::new();
    let mut open: BTreeMap<u32, usize> = BTreeMap::new();
    for event in journal.events() {
        match event.kind() {
            Kind::Invoke if event.symbol() == object => {
                let number = operations.len() + 1;
                let text = event.text().ok_or_else(|| wrong(number, "its text is lost".into()))?;
                let call: Call = serde_json::from_str(text)
                    .map_err(|e| wrong(number, format!("{text} is not the text of a call: {e}")))?;
                open.insert(event.id().0, operations.len());
                operations.push(called(&event, call));
            }
            Kind::Return => {
                let Some(index) = open.remove(&event.extra()) else { continue };
                operations[index].outcome =
                    outcome(&event).map_err(|reason| wrong(index + 1, reason))?;
                operations[index].returned = Some(moment(&event));
            }
            _ => {}
        }
    }
    if operations.is_empty() {
        let hint = hint(object, objects(journal));
        return Err(Error::World(format!("no operation on `{object}` was recorded{hint}")));
    }
    Ok(History { operations })
}

fn called(event: &Event<'_>, call: Call) -> Operation<Value, Value> {
    let node = event.node_name().to_owned();
    Operation {
        process: call.process.unwrap_or_else(|| node.clone()),
        node,
        key: call.key,
        input: call.input,
        outcome: Outcome::Info,
        call: moment(event),
        returned: None,
    }
}

fn outcome(event: &Event<'_>) -> std::result::Result<Outcome<Value>, String> {
    match event.symbol() {
        "ok" => {
            let text = event.text().unwrap_or("null");
            let output = serde_json::from_str(text);
            Ok(Outcome::Ok(output.map_err(|e| format!("its output {text} is not JSON: {e}"))?))
        }
        "fail" => Ok(Outcome::Fail),
        "info" => Ok(Outcome::Info),
        other => Err(format!("it returned `{other}`; ok, fail or info was expected")),
    }
}

fn moment(event: &Event<'_>) -> Moment {
    Moment { order: u64::from(event.id().0), at: event.at() }
}
