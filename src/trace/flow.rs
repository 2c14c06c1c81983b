//! What must be true of how work flows: checks over spans, as data.
//!
//! ```
//! use std::time::Duration;
//! use stormglass::trace::{Flow, Pattern};
//!
//! let charge = Pattern::operation("POST /charge").service("payment").server();
//! let flow = Flow::new()
//!     .exactly_once_per_key("one charge an order", charge.clone(), "sim.request.body:/order")
//!     .deadline("charges are quick", charge, Duration::from_millis(500));
//! assert_eq!(flow.checks.len(), 2);
//! ```

mod file;
mod judge;
mod pattern;

use std::path::Path;
use std::time::Duration;

pub use pattern::{Outcome, Pattern};

use super::set::{SpanIndex, SpanSet};
use crate::document;
use crate::error::Result;
use crate::verdict::Verdict;

/// What a check asks.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// At least so many spans match.
    Exists {
        /// Which spans.
        span: Pattern,
        /// How many, from 1.
        at_least: usize,
    },
    /// No span matches.
    Never {
        /// Which spans.
        span: Pattern,
    },
    /// In its trace, each span that matches `then` starts when one that matches `first` has ended.
    Before {
        /// What comes first.
        first: Pattern,
        /// What comes then.
        then: Pattern,
    },
    /// Of the spans that match, exactly one has each key; with `of`, each key that a span of those
    /// has is one that exactly one span has.
    ExactlyOncePerKey {
        /// Which spans.
        span: Pattern,
        /// An attribute; with `:/pointer`, what is there (RFC 6901) in the JSON that it holds.
        key: String,
        /// Where the keys come from; without it, from the spans themselves.
        of: Option<Pattern>,
    },
    /// Each span that matches takes at most so long.
    Deadline {
        /// Which spans.
        span: Pattern,
        /// How long.
        within: Duration,
    },
}

/// A question with a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// The name, for reports.
    pub name: String,
    /// What is asked.
    pub question: Question,
}

/// Checks over spans.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flow {
    /// The checks, in their order.
    pub checks: Vec<Check>,
}

/// What a check came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The check's name.
    pub name: String,
    /// Whether it holds. A check that no span of the set could break is unknown: it is vacuous.
    pub verdict: Verdict,
    /// The spans that show that it is violated.
    pub witnesses: Vec<SpanIndex>,
    /// How many spans it was about.
    pub matched: usize,
}

impl Flow {
    /// No checks.
    #[must_use]
    pub fn new() -> Flow {
        Flow::default()
    }

    fn with(mut self, name: &str, question: Question) -> Flow {
        self.checks.push(Check { name: name.to_owned(), question });
        self
    }

    /// Some span matches.
    #[must_use]
    pub fn exists(self, name: &str, span: Pattern) -> Flow {
        self.with(name, Question::Exists { span, at_least: 1 })
    }

    /// No span matches.
    #[must_use]
    pub fn never(self, name: &str, span: Pattern) -> Flow {
        self.with(name, Question::Never { span })
    }

    /// In its trace, `then` starts when one of `first` has ended.
    #[must_use]
    pub fn before(self, name: &str, first: Pattern, then: Pattern) -> Flow {
        self.with(name, Question::Before { first, then })
    }

    /// Exactly one of the spans that match has each key: see [`Question::ExactlyOncePerKey`].
    #[must_use]
    pub fn exactly_once_per_key(self, name: &str, span: Pattern, key: &str) -> Flow {
        self.with(name, Question::ExactlyOncePerKey { span, key: key.to_owned(), of: None })
    }

    /// The same for the keys of the spans that match `of`: one that no span has is a violation too.
    #[must_use]
    pub fn exactly_once_per_key_of(
        self,
        name: &str,
        span: Pattern,
        key: &str,
        of: Pattern,
    ) -> Flow {
        self.with(name, Question::ExactlyOncePerKey { span, key: key.to_owned(), of: Some(of) })
    }

    /// Each span that matches takes at most so long.
    #[must_use]
    pub fn deadline(self, name: &str, span: Pattern, within: Duration) -> Flow {
        self.with(name, Question::Deadline { span, within })
    }

    /// Reads checks from a TOML file.
    ///
    /// ```toml
    /// format = 1
    ///
    /// [[check]]
    /// name = "one charge an order"
    /// kind = "exactly_once_per_key"
    /// span = { service = "payment", operation = "POST /charge", kind = "server", status = "ok" }
    /// key = "sim.request.body:/order"
    ///
    /// [[check]]
    /// name = "orders are quick"
    /// kind = "deadline"
    /// span = { operation = "POST /orders*", kind = "client" }
    /// within = "500ms"
    /// ```
    ///
    /// # Errors
    ///
    /// As [`document::read`] and [`Flow::parse`].
    pub fn load(path: impl AsRef<Path>) -> Result<Flow> {
        let path = path.as_ref();
        let text = document::read(path)?;
        Flow::parse(&text, &path.display().to_string())
    }

    /// Reads checks from a TOML text; `file` is what errors call it.
    ///
    /// # Errors
    ///
    /// [`Error::Script`](crate::error::Error::Script) with the line, what is wrong there, and where it
    /// can what was meant; [`Error::Document`](crate::error::Error::Document) if the text is larger than
    /// [`document::LARGEST`].
    pub fn parse(text: &str, file: &str) -> Result<Flow> {
        file::read(text, file)
    }

    /// What each check comes to.
    #[must_use]
    pub fn check(&self, set: &SpanSet) -> Vec<Checked> {
        self.checks.iter().map(|check| judge::judge(check, set)).collect()
    }

    /// What all of them come to: the gravest verdict, with the check's name. No checks are unknown.
    #[must_use]
    pub fn verdict(&self, set: &SpanSet) -> Verdict {
        let named = |checked: Checked| match checked.verdict {
            Verdict::Violated(violation) => Verdict::Violated(violation.of(&checked.name)),
            Verdict::Unknown(text) => Verdict::Unknown(format!("{}: {text}", checked.name)),
            Verdict::Holds => Verdict::Holds,
        };
        let verdicts = self.check(set).into_iter().map(named);
        verdicts.reduce(Verdict::and).unwrap_or(Verdict::Unknown("there is no check".into()))
    }
}
