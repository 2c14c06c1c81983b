//! Remembers what a model said: states become numbers, and each step is asked for once.

use indexmap::IndexSet;
use rustc_hash::{FxBuildHasher, FxHashMap};

use super::Model;
use crate::history::Operation;

/// A state's number.
pub(super) type StateId = u32;

/// The answer is none.
const REFUSED: u32 = u32::MAX;
/// It was not asked for.
const OPEN: u32 = u32::MAX - 1;
/// Answers that are kept in a table, 4 bytes each; what does not fit is kept in a map.
const CELLS_MAX: usize = 4 << 20;

/// An operation, and what the search knows of it.
pub(super) type Called<'a, M> = &'a Operation<<M as Model>::Input, <M as Model>::Output>;

/// A model's answers for the operations of one part of a history.
pub(super) struct Memo<'a, M: Model> {
    pub(super) model: &'a M,
    /// In the order of their calls; none has failed.
    pub(super) operations: Vec<Called<'a, M>>,
    states: IndexSet<M::State, FxBuildHasher>,
    table: Vec<u32>,
    beyond: FxHashMap<(StateId, u32), u32>,
    /// For each operation the one before it with the same input.
    pub(super) twins: Vec<Option<u32>>,
}

/// Above this many operations nobody looks for twins: that takes the square of it.
const TWINS_MAX: usize = 4096;

impl<'a, M: Model> Memo<'a, M> {
    pub(super) fn new(model: &'a M, operations: Vec<Called<'a, M>>) -> Memo<'a, M> {
        let mut twins = vec![None; operations.len()];
        if operations.len() <= TWINS_MAX {
            let mut last_of_class: Vec<usize> = Vec::new();
            for (index, operation) in operations.iter().enumerate() {
                let alike = |last: &&mut usize| operations[**last].input == operation.input;
                match last_of_class.iter_mut().find(alike) {
                    Some(last) => {
                        let before = std::mem::replace(last, index);
                        twins[index] = u32::try_from(before).ok();
                    }
                    None => last_of_class.push(index),
                }
            }
        }
        let states = IndexSet::default();
        let (table, beyond) = (Vec::new(), FxHashMap::default());
        Memo { model, operations, states, table, beyond, twins }
    }

    pub(super) fn initial(&mut self) -> StateId {
        let state = self.model.init();
        self.number(state)
    }

    fn number(&mut self, state: M::State) -> StateId {
        let (index, _) = self.states.insert_full(state);
        u32::try_from(index)
            .expect("fewer states than steps, which are below 2^32 of them in memory")
    }

    /// The state after an operation, with the answer that it gave or (not `held` to it) with any.
    #[inline]
    pub(super) fn step(&mut self, state: StateId, operation: usize, held: bool) -> Option<StateId> {
        let row = self.operations.len() * 2;
        let column = operation * 2 + usize::from(held);
        let cell = state as usize * row + column;
        let known = match self.table.get(cell) {
            Some(known) => *known,
            None if cell < CELLS_MAX => {
                self.table.resize((state as usize + 1) * row, OPEN);
                OPEN
            }
            None => self.beyond.get(&(state, column as u32)).copied().unwrap_or(OPEN),
        };
        let answer = if known == OPEN { self.ask(state, operation, held, cell) } else { known };
        (answer != REFUSED).then_some(answer)
    }

    #[cold]
    fn ask(&mut self, state: StateId, operation: usize, held: bool, cell: usize) -> u32 {
        let called = self.operations[operation];
        let output = if held { called.output() } else { None };
        let next = self.model.step(&self.states[state as usize], &called.input, output);
        let answer = next.map_or(REFUSED, |next| self.number(next));
        match self.table.get_mut(cell) {
            Some(known) => *known = answer,
            None => {
                let column = operation * 2 + usize::from(held);
                self.beyond.insert((state, column as u32), answer);
            }
        }
        answer
    }

    /// True if the operation changes nothing, whatever the state, given what is known of its answer.
    pub(super) fn reads(&self, operation: usize, held: bool) -> bool {
        let called = self.operations[operation];
        let output = if held { called.output() } else { None };
        self.model.only_reads(&called.input, output)
    }
}
