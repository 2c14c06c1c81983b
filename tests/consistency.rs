//! Linearizability against a brute-force twin, witnesses, the guarantees of sessions, and a replicated
//! register in a world.
#![allow(clippy::unwrap_used, reason = "a test's helpers are tests, too")]

mod models;
mod sessions;
mod twin;
mod witness;
mod world;

use stormglass::consistency::register::{self, Call, Reply};
use stormglass::consistency::{Decision, Model, Verdict, check, decide};
use stormglass::history::{History, Moment, Operation, Outcome, import_edn};
use stormglass::time::Time;

/// Enough for everything here.
pub(crate) const BUDGET: u64 = 1_000_000;

/// An operation from one place of a history to another; without an end it never returns.
pub(crate) fn operation<I, O>(
    process: &str,
    (call, end): (u64, Option<u64>),
    input: I,
    outcome: Outcome<O>,
) -> Operation<I, O> {
    let moment = |order| Moment { order, at: Time(order * 1_000_000) };
    Operation {
        process: process.to_owned(),
        node: String::new(),
        key: String::new(),
        input,
        outcome,
        call: moment(call),
        returned: end.map(moment),
    }
}

/// Whether a history is linearizable; it must be decided.
#[track_caller]
pub(crate) fn holds<M: Model>(model: &M, history: &History<M::Input, M::Output>) -> bool {
    match decide(model, history, BUDGET) {
        Decision::Linearizable { .. } => true,
        Decision::Illegal { .. } => false,
        Decision::Unknown { steps, .. } => panic!("not decided after {steps} steps"),
    }
}

/// The history of a register in shorthand: a line an operation, `process from to call`, where `to` is
/// `-` for one that never returns, and the call `w3`, `r3`, `r` (nil), `c34+`, `c34-`, or `w3?`.
pub(crate) fn register(text: &str) -> History<Call, Reply> {
    let parse = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [process, from, to, call] = words[..] else { panic!("{line}") };
        let digit = |at: usize| call[at..=at].parse::<i64>().unwrap();
        let unknown = call.ends_with('?') || to == "-";
        let (input, reply) = match (&call[..1], call.len()) {
            ("w", _) => (Call::Write(digit(1)), Reply::Done),
            ("r", 1) => (Call::Read, Reply::Value(None)),
            ("r", _) => (Call::Read, Reply::Value(Some(digit(1)))),
            ("c", _) => (Call::Cas(digit(1), digit(2)), Reply::Swapped(call.ends_with('+'))),
            _ => panic!("{line}"),
        };
        let outcome = if unknown { Outcome::Info } else { Outcome::Ok(reply) };
        operation(process, (from.parse().unwrap(), to.parse().ok()), input, outcome)
    };
    text.lines().filter(|line| !line.trim().is_empty()).map(parse).collect()
}
