//! What people see of a search: a page of text with a diagram, a page of HTML with a picture, and one
//! JSON object a line for machines.
//!
//! Nothing in the text depends on the number of jobs, and without times it is the same for every
//! search of the same seeds: tests can expect it word for word.

mod diagram;
mod failure;
pub mod html;
pub mod json;
pub mod junit;
mod run;
mod search;
mod story;

pub use diagram::Diagram;
pub use run::run_text;

use std::fmt;

use crate::explore::{Failure, SearchReport};

impl SearchReport {
    /// The report as text; with `times`, how much wall time it took as well.
    #[must_use]
    pub fn render(&self, times: bool) -> String {
        let mut text = String::new();
        search::write(self, times, &mut text).expect("a String takes all text");
        text
    }
}

/// The report without wall times.
impl fmt::Display for SearchReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

/// The failure as a page of text, without wall times.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        failure::write(self, None, f)
    }
}

/// `1 fault`, `3 faults`.
pub(crate) fn count(n: impl TryInto<u64>, what: &str) -> String {
    let n = n.try_into().unwrap_or(u64::MAX);
    let s = if n == 1 { "" } else { "s" };
    format!("{n} {what}{s}")
}
