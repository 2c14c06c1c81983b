//! Few operations that contradict each other, out of many: found by delta debugging, shown as a
//! timeline.

use std::fmt;

use super::Model;
use super::memo::Memo;
use super::roles;
use super::search::{Found, Role, search};
use crate::ddmin::minimal;
use crate::history::Operation;

/// Operations that cannot all have happened as their callers saw them, *whatever became of the
/// others*: each of those may have happened at any time after its call, or not at all. With any single
/// one of them counted among those others there is no contradiction any more, unless the steps were
/// used up before that was known.
#[derive(Clone, Debug)]
pub struct Witness<I, O> {
    /// The part of the object.
    pub part: String,
    /// The operations, in the order of their calls.
    pub operations: Vec<Operation<I, O>>,
    /// The number of operations on that part, failed ones left out.
    pub among: usize,
    /// True if none of them can be left out.
    pub is_minimal: bool,
    /// Each in words, as the model has it.
    words: Vec<String>,
}

/// One of the few searches for the shortest beginning may use this part of the steps, and one of the
/// many for the operations that matter in it that part.
const SHARES: (u64, u64) = (4, 50);
/// The least for a search.
const STEPS_MIN: u64 = 1000;

/// The witness of a part that is known not to be linearizable.
pub(super) fn of<M: Model>(
    memo: &mut Memo<'_, M>,
    part: String,
    budget: u64,
) -> Witness<M::Input, M::Output> {
    let all = roles(memo);
    let share = |share: u64| (budget / share).max(STEPS_MIN);
    let mut lab = Lab { memo, left: budget, most: share(SHARES.0), short: false };
    let held = lab.shortest(&all);
    lab.most = share(SHARES.1);
    let last = held.last().copied();
    let before = held.split_last().map_or(&[][..], |(_, before)| before);
    let mut kept = minimal(before.to_vec(), &mut |kept| {
        let held: Vec<usize> = kept.iter().copied().chain(last).collect();
        lab.contradict(&held)
    });
    kept.extend(last);
    let is_minimal = !lab.short;
    kept.sort_unstable();
    let operations = kept.iter().map(|index| memo.operations[*index]);
    Witness {
        part,
        among: memo.operations.len(),
        is_minimal,
        words: operations.clone().map(|o| memo.model.describe(&o.input, o.output())).collect(),
        operations: operations.cloned().collect(),
    }
}

/// Tries which operations are enough.
struct Lab<'m, 'a, M: Model> {
    memo: &'m mut Memo<'a, M>,
    /// Steps for all searches to come, and for one of them.
    left: u64,
    most: u64,
    /// Some search had too few.
    short: bool,
}

impl<M: Model> Lab<'_, '_, M> {
    /// The held operations, by their returns, of the shortest beginning of the history that is not
    /// linearizable: all that returned up to some moment. The last one is what cannot be explained.
    fn shortest(&mut self, all: &[Role]) -> Vec<usize> {
        let mut held: Vec<usize> =
            (0..all.len()).filter(|index| all[*index] == Role::Held).collect();
        held.sort_by_key(|index| self.memo.operations[*index].returned);
        // Linearizability is a safety property: once lost, it is lost. So halve.
        let (mut fine, mut lost) = (0, held.len());
        while lost - fine > 1 {
            let middle = fine.midpoint(lost);
            match self.contradict(&held[..middle]) {
                true => lost = middle,
                false => fine = middle,
            }
        }
        held.truncate(lost);
        held
    }

    /// True if these operations contradict each other, whatever became of the others.
    fn contradict(&mut self, held: &[usize]) -> bool {
        let end = held.iter().filter_map(|index| self.memo.operations[*index].returned).max();
        let among = |index: usize| match end {
            Some(end) if self.memo.operations[index].call < end => Role::Open,
            _ => Role::Absent,
        };
        let mut roles: Vec<Role> = (0..self.memo.operations.len()).map(among).collect();
        for index in held {
            roles[*index] = Role::Held;
        }
        let (found, steps) = search(self.memo, &roles, self.most.min(self.left));
        self.left = self.left.saturating_sub(steps);
        self.short |= found == Found::Unknown;
        found == Found::Nothing
    }
}

/// Above this many operations a timeline is no picture any more.
const LINES_MAX: usize = 24;
/// Above this many it has no bars.
const BARS_MAX: usize = 12;

impl<I, O> fmt::Display for Witness<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = if self.part.is_empty() { "its".to_owned() } else { format!("`{}`'s", self.part) };
        let (few, among) = (self.operations.len(), self.among);
        match few {
            1 => write!(f, "1 of {of} {among} operations cannot be")?,
            _ => write!(f, "{few} of {of} {among} operations contradict each other")?,
        }
        if few < among {
            f.write_str(", whatever became of the others")?;
        }
        let skipped = few.saturating_sub(LINES_MAX);
        if skipped > 0 {
            write!(f, "\n  ... {skipped} earlier ones")?;
        }
        let bars = self.bars();
        let shown = || self.operations.iter().zip(&self.words).skip(skipped);
        let process_width = shown().map(|(o, _)| o.process.chars().count()).max().unwrap_or(0);
        let words_width =
            shown().map(|(_, words)| words.chars().count()).max().unwrap_or(0).min(40);
        for (index, (operation, words)) in shown().enumerate() {
            let at = operation.call.at.to_string();
            let process = &operation.process;
            write!(f, "\n  {at:>15}  {process:<process_width$}  ")?;
            match bars.get(index) {
                Some(bar) => write!(f, "{words:<words_width$}  {bar}")?,
                None => f.write_str(words)?,
            }
        }
        Ok(())
    }
}

impl<I, O> Witness<I, O> {
    /// A bar for each operation, from its call to its return, in the order of these moments.
    fn bars(&self) -> Vec<String> {
        if self.operations.len() > BARS_MAX {
            return Vec::new();
        }
        let mut moments: Vec<_> =
            self.operations.iter().flat_map(|o| [Some(o.call), o.returned]).flatten().collect();
        moments.sort_unstable();
        let column = |moment| 3 * moments.partition_point(|m| *m < moment);
        let bar = |operation: &Operation<I, O>| {
            let from = column(operation.call);
            let to = operation.returned.map_or(3 * moments.len(), column);
            format!("{:from$}|{:-<2$}|", "", "", to.saturating_sub(from + 1))
        };
        self.operations.iter().map(bar).collect()
    }
}
