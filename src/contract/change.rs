//! What differs between two versions of a contract, and what follows from it.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// What a comparison of two contracts comes to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Compatibility {
    /// Proven: nothing that was promised is broken.
    Compatible,
    /// These changes break a promise: a message is proven to be refused, or a rule of interfaces
    /// names what breaks those who use them (a removed answer, another type of generated code).
    Breaking(Vec<Change>),
    /// Neither could be proven, for these reasons. It never passes a gate.
    Unknown(Vec<String>),
}

impl Compatibility {
    /// True only for [`Compatibility::Compatible`].
    #[must_use]
    pub fn is_compatible(&self) -> bool {
        matches!(self, Compatibility::Compatible)
    }

    /// True only for [`Compatibility::Breaking`].
    #[must_use]
    pub fn is_breaking(&self) -> bool {
        matches!(self, Compatibility::Breaking(_))
    }

    /// Its name, as machine output writes it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Compatibility::Compatible => "compatible",
            Compatibility::Breaking(_) => "breaking",
            Compatibility::Unknown(_) => "unknown",
        }
    }
}

/// Who reads what is sent, and so which of two versions has to accept more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Sent by those who know the old version: the new one must take what the old one took.
    Request,
    /// Sent by the new version: those who know the old one must be able to read it.
    Response,
    /// As a response: published by the new version, read by those who know the old one.
    Event,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Direction::Request => "request",
            Direction::Response => "response",
            Direction::Event => "event",
        })
    }
}

/// The part of a version that has to be raised (semver 2.0.0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Bump {
    /// Nothing changed.
    None,
    /// Only what nobody can observe on the wire changed.
    Patch,
    /// Something was added; nothing that was promised broke.
    Minor,
    /// A promise broke, or could not be shown to hold.
    Major,
}

impl fmt::Display for Bump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Bump::None => "none",
            Bump::Patch => "patch",
            Bump::Minor => "minor",
            Bump::Major => "major",
        })
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// The rule that names it: `request-narrowed`, `operation-removed`, ...
    pub rule: &'static str,
    /// Where: an endpoint, or a JSON pointer into the file (of the new version, if it is there).
    pub at: String,
    /// Which way the messages that it concerns go.
    pub direction: Direction,
    /// What it asks of the version.
    pub bump: Bump,
    /// What it means, in words.
    pub text: String,
    /// A message that shows it: valid for who sends it, invalid for who reads it. Both validators
    /// have been asked. None where the rule needs none, or where none was found.
    pub witness: Option<Value>,
}

impl Change {
    pub(super) fn new(
        rule: &'static str,
        at: impl Into<String>,
        direction: Direction,
        bump: Bump,
        text: impl Into<String>,
    ) -> Change {
        Change { rule, at: at.into(), direction, bump, text: text.into(), witness: None }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({}): {}", self.bump, self.at, self.rule, self.text)?;
        match &self.witness {
            Some(witness) => write!(f, "\n    for example {witness}"),
            None => Ok(()),
        }
    }
}

/// All differences between two versions of a contract.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Diff {
    /// What differs, in the order of the file.
    pub changes: Vec<Change>,
    /// What could not be decided, and why.
    pub unknown: Vec<String>,
    /// What a consumer expects anew of a provider. Only the provider can say whether it is kept; the
    /// consumer's own version promises nothing by it.
    pub unverified: Vec<String>,
    /// True if the texts differ, whatever that means.
    pub touched: bool,
}

impl Diff {
    /// What the differences come to.
    #[must_use]
    pub fn compatibility(&self) -> Compatibility {
        let broken: Vec<Change> =
            self.changes.iter().filter(|change| change.bump == Bump::Major).cloned().collect();
        if !broken.is_empty() {
            return Compatibility::Breaking(broken);
        }
        let open: Vec<String> = self.unknown.iter().chain(&self.unverified).cloned().collect();
        match open.is_empty() {
            true => Compatibility::Compatible,
            false => Compatibility::Unknown(open),
        }
    }

    /// The part of the version that has to be raised. What could not be decided asks for a major
    /// version: nobody can rely on it. What is expected anew of a provider is an addition.
    #[must_use]
    pub fn required_bump(&self) -> Bump {
        let changes = self.changes.iter().map(|change| change.bump).max();
        let unknown = (!self.unknown.is_empty()).then_some(Bump::Major);
        let unverified = (!self.unverified.is_empty()).then_some(Bump::Minor);
        let touched = self.touched.then_some(Bump::Patch);
        [changes, unknown, unverified, touched].into_iter().flatten().max().unwrap_or(Bump::None)
    }

    pub(super) fn extend(&mut self, other: Diff) {
        self.changes.extend(other.changes);
        self.unknown.extend(other.unknown);
        self.unverified.extend(other.unverified);
        self.touched |= other.touched;
    }
}
