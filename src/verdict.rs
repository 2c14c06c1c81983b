//! What a check answers: it holds, it is violated (with a witness), or it is unknown.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The answer of a check. Unknown never passes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The property held on everything that was seen.
    Holds,
    /// The property does not hold; the text is the witness a reader can verify.
    Violated(String),
    /// Nothing can be said, and why.
    Unknown(String),
}

impl Verdict {
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
        if holds { Verdict::Holds } else { Verdict::Violated(String::new()) }
    }
}

/// `Ok` holds; `Err` is violated, and its text is the witness.
impl<E: fmt::Display> From<Result<(), E>> for Verdict {
    fn from(result: Result<(), E>) -> Verdict {
        match result {
            Ok(()) => Verdict::Holds,
            Err(witness) => Verdict::Violated(witness.to_string()),
        }
    }
}
