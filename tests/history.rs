//! Histories: imported from Jepsen, exported, recorded in a world and rebuilt from its journal.
#![allow(clippy::unwrap_used, reason = "a test's helpers are tests, too")]

mod edn;
mod jepsen;
mod recorded;

use expect_test::{Expect, expect};
use stormglass::error::Error;
use stormglass::history::{History, Outcome, Recorded};

/// A history in words, one operation a line.
fn told(history: &Recorded) -> String {
    let line = |o: &stormglass::history::Operation<_, _>| {
        let outcome = match &o.outcome {
            Outcome::Ok(output) => format!("ok {output}"),
            Outcome::Fail => "fail".to_owned(),
            Outcome::Info => "info".to_owned(),
        };
        let returned = o.returned.map_or("never".to_owned(), |m| m.order.to_string());
        let key = if o.key.is_empty() { String::new() } else { format!("[{}]", o.key) };
        format!("{}{key} {} {outcome} ({}..{returned})\n", o.process, o.input, o.call.order)
    };
    history.operations().iter().map(line).collect()
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, Error>, expect: Expect) {
    expect.assert_eq(&result.expect_err("it is wrong").to_string());
}
