//! Where errors come from, and where they end.

use serde::Serialize;

use super::set::{SpanIndex, SpanRef, Trace};

/// What a span has to do with an error, as CRISP (Uber, 2022) has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ErrorRole {
    /// It failed, and none of its children did: the error comes from here.
    Originated,
    /// It failed, and so did a child.
    Propagated,
    /// It did not fail, though a child did: the error ends here.
    Stopped,
}

impl ErrorRole {
    /// The role's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ErrorRole::Originated => "originated",
            ErrorRole::Propagated => "propagated",
            ErrorRole::Stopped => "stopped",
        }
    }

    /// What a span has to do with an error; none if neither it nor a child failed.
    #[must_use]
    pub fn of(span: SpanRef<'_>) -> Option<ErrorRole> {
        let below = span.children().any(|child| child.is_error());
        match (span.is_error(), below) {
            (true, false) => Some(ErrorRole::Originated),
            (true, true) => Some(ErrorRole::Propagated),
            (false, true) => Some(ErrorRole::Stopped),
            (false, false) => None,
        }
    }
}

/// A span and what it has to do with an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorSpan {
    /// The span.
    pub span: SpanIndex,
    /// What it has to do with an error.
    pub role: ErrorRole,
}

/// The spans of a trace that have to do with errors, in the order in which they began to be known.
#[must_use]
pub fn errors(trace: Trace<'_>) -> Vec<ErrorSpan> {
    let with_role =
        |span: SpanRef<'_>| ErrorRole::of(span).map(|role| ErrorSpan { span: span.index(), role });
    trace.spans().filter_map(with_role).collect()
}
