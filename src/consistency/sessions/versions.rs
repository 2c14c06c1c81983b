//! Which versions of one key came before which, as far as reads tell; and the cycles in that.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;

use super::Guarantee;
use crate::time::Time;

/// Who did what with the later of two versions, and when: `read` or `wrote`.
pub(super) type By<'h> = (&'static str, &'h str, Time);

/// Why one version came before another.
struct Why<'h> {
    guarantee: Guarantee,
    by: By<'h>,
}

/// The order of the versions of one key: for each the ones after it.
pub(super) struct Versions<'h, V>(BTreeMap<&'h V, BTreeMap<&'h V, Why<'h>>>);

impl<V> Default for Versions<'_, V> {
    fn default() -> Self {
        Versions(BTreeMap::new())
    }
}

impl<'h, V: Ord + Debug> Versions<'h, V> {
    /// Notes that a guarantee puts `before` before `after`; the first reason stays.
    pub(super) fn add(&mut self, before: &'h V, after: &'h V, guarantee: Guarantee, by: By<'h>) {
        let why = Why { guarantee, by };
        self.0.entry(before).or_default().entry(after).or_insert(why);
    }

    /// A shortest cycle, told step by step; none if some order fits.
    pub(super) fn cycle(&self) -> Option<String> {
        let cyclic = self.in_cycles();
        let cycles = cyclic.iter().filter_map(|version| self.around(version));
        let shortest = cycles.min_by_key(Vec::len)?;
        let steps = shortest.iter().zip(shortest.iter().cycle().skip(1)).map(|(before, after)| {
            let Why { guarantee, by: (did, process, at) } = &self.0[before][after];
            format!("{before:?} before {after:?} ({guarantee}: {process} {did} {after:?} at {at})")
        });
        Some(steps.collect::<Vec<_>>().join(", "))
    }

    /// The versions that are left when those are taken away that have none before them, again and
    /// again: those in cycles, and behind them.
    fn in_cycles(&self) -> Vec<&'h V> {
        let mut before: BTreeMap<&V, usize> = BTreeMap::new();
        for (version, after) in &self.0 {
            before.entry(version).or_default();
            for later in after.keys() {
                *before.entry(later).or_default() += 1;
            }
        }
        let mut free: Vec<&V> = before.iter().filter(|(_, n)| **n == 0).map(|(v, _)| *v).collect();
        while let Some(version) = free.pop() {
            before.remove(version);
            for later in self.0.get(version).into_iter().flat_map(BTreeMap::keys) {
                let count = before.get_mut(later).expect("it has one before it until now");
                *count -= 1;
                if *count == 0 {
                    free.push(later);
                }
            }
        }
        before.into_keys().collect()
    }

    /// The shortest way from a version back to it, by breadth first.
    fn around(&self, start: &'h V) -> Option<Vec<&'h V>> {
        let mut from: BTreeMap<&V, &V> = BTreeMap::new();
        let mut open = VecDeque::from([start]);
        while let Some(version) = open.pop_front() {
            for later in self.0.get(version).into_iter().flat_map(BTreeMap::keys) {
                if *later == start {
                    let mut cycle = vec![version];
                    while let Some(before) = from.get(cycle[cycle.len() - 1]) {
                        cycle.push(before);
                    }
                    cycle.reverse();
                    return Some(cycle);
                }
                if !from.contains_key(later) {
                    from.insert(later, version);
                    open.push_back(later);
                }
            }
        }
        None
    }
}
