//! The state of a replica at one moment, as others may compare it.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// A state as JSON. Shown, it is one line of JSON: so the journal keeps it.
#[derive(Clone, PartialEq, Eq)]
pub struct Snapshot(pub Value);

impl Snapshot {
    /// The snapshot of a state.
    ///
    /// # Panics
    ///
    /// If it cannot be written as JSON: a map with keys that are no texts.
    #[track_caller]
    pub fn of(state: &impl Serialize) -> Snapshot {
        match serde_json::to_value(state) {
            Ok(value) => Snapshot(value),
            Err(error) => panic!("a state is kept as JSON, and this is none: {error}"),
        }
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
