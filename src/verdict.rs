//! What a check answers: it holds, it is violated (with a witness), or it is unknown.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::journal::EventId;

/// The answer of a check. Unknown never passes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The property held on everything that was seen.
    Holds,
    /// The property does not hold, as its witness shows.
    Violated(Violation),
    /// Nothing can be said, and why.
    Unknown(String),
}

/// The witness of a violation: a text that a reader can verify, and the events that it speaks of. In
/// JSON it is the text alone.
///
/// ```
/// use stormglass::journal::{Journal, Kind};
/// use stormglass::verdict::{Verdict, Violation};
///
/// fn no_disk_fails(journal: &Journal) -> Verdict {
///     let failures: Vec<_> = journal.of_kind(Kind::DiskFail).map(|event| event.id()).collect();
///     match failures.len() {
///         0 => Verdict::Holds,
///         n => Violation::new(format!("{n} operations of disks failed")).with_events(failures).into(),
///     }
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Violation {
    text: String,
    events: Vec<EventId>,
}

impl Violation {
    /// A witness in words.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Violation {
        Violation { text: text.into(), events: Vec::new() }
    }

    /// The same with the events of the journal that it speaks of: the story of a failure is then what
    /// they rest on, and what else happened in their traces.
    #[must_use]
    pub fn with_events(self, events: impl IntoIterator<Item = EventId>) -> Violation {
        let mut events: Vec<EventId> = self.events.into_iter().chain(events).collect();
        events.retain(|event| *event != EventId::NONE);
        events.sort_unstable();
        events.dedup();
        Violation { events, ..self }
    }

    /// The same, said of something that has a name: `name: text`.
    #[must_use]
    pub fn of(self, name: &str) -> Violation {
        let text =
            if self.text.is_empty() { name.into() } else { format!("{name}: {}", self.text) };
        Violation { text, ..self }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The events, in their order; none if nobody said which.
    #[must_use]
    pub fn events(&self) -> &[EventId] {
        &self.events
    }
}

impl From<String> for Violation {
    fn from(text: String) -> Violation {
        Violation::new(text)
    }
}

impl From<Violation> for String {
    fn from(violation: Violation) -> String {
        violation.text
    }
}

/// As its text: the events are numbers that tell a reader nothing.
impl fmt::Debug for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Verdict {
    /// Violated, with a witness in words.
    #[must_use]
    pub fn violated(witness: impl Into<String>) -> Verdict {
        Verdict::Violated(Violation::new(witness))
    }

    /// True only for [`Verdict::Holds`].
    #[must_use]
    pub fn holds(&self) -> bool {
        matches!(self, Verdict::Holds)
    }

    /// True only for [`Verdict::Violated`].
    #[must_use]
    pub fn is_violated(&self) -> bool {
        matches!(self, Verdict::Violated(_))
    }

    /// `holds`, `violated` or `unknown`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Holds => "holds",
            Verdict::Violated(_) => "violated",
            Verdict::Unknown(_) => "unknown",
        }
    }

    /// The witness of a violation or the reason why nothing can be said; empty if it holds.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Verdict::Holds => "",
            Verdict::Violated(violation) => violation.text(),
            Verdict::Unknown(reason) => reason,
        }
    }

    /// Of two verdicts the graver: violated before unknown before holds.
    #[must_use]
    pub fn and(self, other: Verdict) -> Verdict {
        let gravity = |v: &Verdict| match v {
            Verdict::Holds => 0,
            Verdict::Unknown(_) => 1,
            Verdict::Violated(_) => 2,
        };
        if gravity(&other) > gravity(&self) { other } else { self }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Holds => f.write_str("holds"),
            Verdict::Violated(witness) => write!(f, "violated: {witness}"),
            Verdict::Unknown(reason) => write!(f, "unknown: {reason}"),
        }
    }
}

/// `true` holds; `false` is violated without further witness.
impl From<bool> for Verdict {
    fn from(holds: bool) -> Verdict {
        if holds { Verdict::Holds } else { Verdict::violated("") }
    }
}

/// `Ok` holds; `Err` is violated, and its text is the witness.
impl<E: fmt::Display> From<Result<(), E>> for Verdict {
    fn from(result: Result<(), E>) -> Verdict {
        match result {
            Ok(()) => Verdict::Holds,
            Err(witness) => Verdict::violated(witness.to_string()),
        }
    }
}

/// Violated, with that witness.
impl From<Violation> for Verdict {
    fn from(violation: Violation) -> Verdict {
        Verdict::Violated(violation)
    }
}
