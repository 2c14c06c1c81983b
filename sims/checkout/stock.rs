//! What the stock of one item may answer: the model of the linearizability check.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use stormglass::consistency::Model;

/// What is asked of the stock of an item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Call {
    Take(u32),
    PutBack(u32),
    Read,
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Reply {
    Done,
    SoldOut,
    TooLate,
    Left(i64),
}

/// So much is there in the beginning.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stock(pub(super) i64);

/// The orders that have a piece, and those that will never have one.
type State = (BTreeSet<u32>, BTreeSet<u32>);

impl Model for Stock {
    type State = State;
    type Input = Call;
    type Output = Reply;

    fn init(&self) -> State {
        State::default()
    }

    fn step(&self, state: &State, call: &Call, reply: Option<&Reply>) -> Option<State> {
        let (mut taken, mut given_up) = state.clone();
        let left = self.0 - taken.len() as i64;
        let answer = match call {
            Call::Read => Reply::Left(left),
            Call::Take(order) if given_up.contains(order) => Reply::TooLate,
            Call::Take(order) if left <= 0 && !taken.contains(order) => Reply::SoldOut,
            Call::Take(order) => {
                taken.insert(*order);
                Reply::Done
            }
            Call::PutBack(order) => {
                taken.remove(order);
                given_up.insert(*order);
                Reply::Done
            }
        };
        reply.is_none_or(|reply| *reply == answer).then_some((taken, given_up))
    }

    fn only_reads(&self, call: &Call, _: Option<&Reply>) -> bool {
        *call == Call::Read
    }
}
