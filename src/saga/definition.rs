//! What a saga consists of, as far as the oracle has to know.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::event::check_name;

/// A step, for the oracle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) compensated: bool,
}

/// The name and the steps of a saga. [`Saga::definition`](super::Saga::definition) gives the one of a
/// [`Saga`](super::Saga); for sagas that are written by hand it is made here.
///
/// ```
/// use stormglass::saga::Definition;
///
/// let order = Definition::new("place_order")
///     .without_compensation("check_credit")
///     .step("reserve")
///     .step("charge");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    pub(super) name: String,
    pub(super) steps: Vec<Rule>,
    pub(super) within: Duration,
}

impl Definition {
    /// A saga without steps.
    ///
    /// # Panics
    ///
    /// If the name is empty, is `-`, or has a space in it.
    #[must_use]
    #[track_caller]
    pub fn new(name: &str) -> Definition {
        check_name(name);
        Definition { name: name.to_owned(), steps: Vec::new(), within: Duration::from_secs(30) }
    }

    /// Adds a step that can be undone.
    ///
    /// # Panics
    ///
    /// If the name is none, as for the saga, or is taken.
    #[must_use]
    #[track_caller]
    pub fn step(self, name: &str) -> Definition {
        self.with(name, true)
    }

    /// Adds a step that has nothing to be undone.
    ///
    /// # Panics
    ///
    /// As [`Definition::step`].
    #[must_use]
    #[track_caller]
    pub fn without_compensation(self, name: &str) -> Definition {
        self.with(name, false)
    }

    #[track_caller]
    fn with(mut self, name: &str, compensated: bool) -> Definition {
        check_name(name);
        let taken = self.steps.iter().any(|step| step.name == name);
        assert!(!taken, "the saga `{}` has a step `{name}` already", self.name);
        self.steps.push(Rule { name: name.to_owned(), compensated });
        self
    }

    /// Within what time after healing every saga has to end. The default is 30 s.
    #[must_use]
    pub fn within(self, within: Duration) -> Definition {
        Definition { within, ..self }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The names of its steps, in their order.
    pub fn steps(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().map(|step| step.name.as_str())
    }
}
