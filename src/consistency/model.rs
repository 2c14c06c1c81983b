//! What an object is supposed to do, one operation at a time.

use std::fmt::Debug;
use std::hash::Hash;

use crate::history::Operation;

/// The sequential behaviour of an object: what operations answer, and what they change, when nothing
/// happens at the same time. A history is judged against it.
///
/// A model of your own is an enum of inputs, an output, and two functions:
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use stormglass::consistency::Model;
///
/// /// A lock that one holder has at a time.
/// struct Lock;
///
/// #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
/// enum Call { Acquire, Release }
///
/// impl Model for Lock {
///     type State = bool;
///     type Input = Call;
///     type Output = ();
///     fn init(&self) -> bool { false }
///     fn step(&self, held: &bool, call: &Call, _: Option<&()>) -> Option<bool> {
///         let takes = *call == Call::Acquire;
///         (takes != *held).then_some(takes)
///     }
/// }
///
/// assert_eq!(Lock.step(&true, &Call::Acquire, Some(&())), None, "it is held");
/// ```
pub trait Model {
    /// What the object remembers. States that are equal must behave alike.
    type State: Clone + Eq + Hash;
    /// What can be asked of it.
    type Input: Clone + PartialEq + Debug;
    /// What it answers.
    type Output: Clone + Debug;

    /// The state before the first operation.
    fn init(&self) -> Self::State;

    /// The state after `input`, if `output` is an answer that it may give in `state`; none if it is
    /// not. Without an `output` nobody knows what it answered: give the state that it leaves.
    ///
    /// It must depend on its arguments alone. If there is more than one state to give, see
    /// [`Nondeterministic`].
    fn step(
        &self,
        state: &Self::State,
        input: &Self::Input,
        output: Option<&Self::Output>,
    ) -> Option<Self::State>;

    /// The part of the object that an operation concerns. Parts are judged one by one, which is much
    /// faster, and sound if no operation concerns two of them (Herlihy and Wing 1990: linearizability
    /// is local). The default is the operation's key.
    fn part<'a>(&self, operation: &'a Operation<Self::Input, Self::Output>) -> &'a str {
        &operation.key
    }

    /// True if the operation changes nothing, whatever the state; `output` is none if nobody knows what
    /// it answered. To say so of reads makes checks of histories with many of them faster; it never
    /// changes a verdict. The default says it of none.
    fn only_reads(&self, input: &Self::Input, output: Option<&Self::Output>) -> bool {
        let _ = (input, output);
        false
    }

    /// An operation in words, for witnesses.
    fn describe(&self, input: &Self::Input, output: Option<&Self::Output>) -> String {
        match output {
            Some(output) => format!("{input:?} -> {output:?}"),
            None => format!("{input:?}"),
        }
    }
}

/// A model whose operations may leave one of several states: a queue that may lose what is sent, a
/// cache that may forget.
pub trait NondeterministicModel {
    /// What the object remembers.
    type State: Clone + Ord + Hash;
    /// What can be asked of it.
    type Input: Clone + PartialEq + Debug;
    /// What it answers.
    type Output: Clone + Debug;

    /// The states that it may be in before the first operation.
    fn init(&self) -> Vec<Self::State>;

    /// As [`Model::step`], with all states that it may leave; none if `output` is no answer.
    fn step(
        &self,
        state: &Self::State,
        input: &Self::Input,
        output: Option<&Self::Output>,
    ) -> Vec<Self::State>;
}

/// Makes a [`Model`] of a [`NondeterministicModel`]: its state is the set of states that it may be in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nondeterministic<M>(pub M);

impl<M: NondeterministicModel> Model for Nondeterministic<M> {
    type State = Vec<M::State>;
    type Input = M::Input;
    type Output = M::Output;

    fn init(&self) -> Self::State {
        as_set(self.0.init())
    }

    fn step(
        &self,
        states: &Self::State,
        input: &Self::Input,
        output: Option<&Self::Output>,
    ) -> Option<Self::State> {
        let next = states.iter().flat_map(|state| self.0.step(state, input, output));
        let next = as_set(next.collect());
        (!next.is_empty()).then_some(next)
    }
}

/// Sorted, each once: equal sets are equal lists.
fn as_set<T: Ord>(mut states: Vec<T>) -> Vec<T> {
    states.sort();
    states.dedup();
    states
}
