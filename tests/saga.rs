//! Sagas: the oracle, and the orchestrator with its participants.
#![allow(clippy::unwrap_used, reason = "a test's helpers are tests, too")]

mod chaos;
mod crash;
mod histories;
mod invariants;
mod kit;
mod stores;
mod twin;

use std::time::Duration;

use stormglass::journal::EventId;
use stormglass::prelude::*;
use stormglass::saga::{Definition, Ended, SagaEvent, What, check_history};
use stormglass::time::Time;

const MS: Duration = Duration::from_millis(1);

/// One run on a thread of its own, as a sealed world that uses std's `HashMap` needs it.
fn run_alone(world: &(dyn Fn(&mut Sim) + Sync), config: &RunConfig) -> Run {
    std::thread::scope(|scope| scope.spawn(|| run(world, config)).join().unwrap())
}

/// The history that a text tells of saga 7, an event a line or between semicolons: `saga begins`, `step done
/// charge`. Each is a millisecond after the one before.
fn history(text: &str) -> Vec<SagaEvent> {
    let lines = text.split(['\n', ';']).map(str::trim).filter(|line| !line.is_empty());
    let read = |(number, line): (u64, &str)| {
        let what = What::ALL.iter().copied().find(|what| line.starts_with(what.name()));
        let what = what.unwrap_or_else(|| panic!("`{line}` is no event of a saga"));
        SagaEvent {
            event: EventId::NONE,
            at: Time(number * 1_000_000),
            node: "node".to_owned(),
            saga: "order".to_owned(),
            id: "7".to_owned(),
            what,
            step: line[what.name().len()..].trim().to_owned(),
        }
    };
    (1..).zip(lines).map(read).collect()
}

/// A saga with the steps that are named.
fn order(steps: &[&str]) -> Definition {
    steps.iter().fold(Definition::new("order"), |definition, step| definition.step(step))
}

/// Long after the end of every history here.
const LATER: Ended = Ended { healed: Some(Time(0)), ended: Time(100_000_000_000) };

fn judge(text: &str, steps: &[&str]) -> Verdict {
    check_history(&history(text), &order(steps), LATER)
}
