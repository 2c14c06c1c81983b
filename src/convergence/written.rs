//! Values that nobody wrote.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::Result;
use crate::history::{Outcome, Recorded};
use crate::journal::Journal;
use crate::verdict::Verdict;

/// What may be found under each key.
pub(super) struct Written<'a> {
    values: BTreeMap<String, Vec<Value>>,
    initial: &'a Value,
}

impl Written<'_> {
    /// What was written to `object`, by operations that did not fail: it may be there.
    pub(super) fn to<'a>(
        journal: &Journal,
        object: &str,
        initial: &'a Value,
    ) -> Result<Written<'a>> {
        let mut values: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for operation in Recorded::of(journal, object)?.operations() {
            let argument = &operation.input["value"];
            let value = match operation.input["f"].as_str() {
                _ if operation.outcome == Outcome::Fail => continue,
                Some("write" | "put") => argument,
                Some("cas") => &argument[1],
                _ => continue,
            };
            values.entry(operation.key.clone()).or_default().push(value.clone());
        }
        Ok(Written { values, initial })
    }

    /// Violated by the first key of the first replica that has something else.
    pub(super) fn judge(&self, states: &BTreeMap<String, Value>) -> Verdict {
        for (replica, state) in states {
            for (key, value) in state.as_object().into_iter().flatten() {
                let written = self.values.get(key).is_some_and(|values| values.contains(value));
                if !written && self.initial.get(key) != Some(value) {
                    let text = format!("{replica} has {value} under `{key}`, which nobody wrote");
                    return Verdict::violated(text);
                }
            }
        }
        Verdict::Holds
    }
}
