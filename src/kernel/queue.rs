//! The one queue of future events: a 4-ary heap whose entries can be taken out again.
//!
//! Each entry knows its place in the heap, so a cancelled timer leaves at once and leaves nothing
//! behind. Entries of the same instant come out in the order in which they went in.

/// A handle to an entry that may still be in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    slot: u32,
    generation: u32,
}

#[derive(Clone, Copy)]
struct Item {
    at: u64,
    /// Breaks ties of the same instant: first in, first out.
    sequence: u64,
    slot: u32,
}

struct Slot<A> {
    /// Where the entry is in the heap.
    place: u32,
    /// Counts the entries that this slot has held, so that an old key finds nothing.
    generation: u32,
    action: Option<A>,
}

/// Actions ordered by time.
pub(crate) struct Queue<A> {
    heap: Vec<Item>,
    slots: Vec<Slot<A>>,
    free: Vec<u32>,
    sequence: u64,
}

const ARITY: usize = 4;

impl<A> Queue<A> {
    pub(crate) fn new() -> Queue<A> {
        Queue { heap: Vec::new(), slots: Vec::new(), free: Vec::new(), sequence: 0 }
    }

    /// The time of the next entry.
    #[inline]
    pub(crate) fn next_at(&self) -> Option<u64> {
        self.heap.first().map(|item| item.at)
    }

    /// Puts `action` in, to come out at `at`.
    #[inline]
    pub(crate) fn push(&mut self, at: u64, action: A) -> Key {
        self.sequence += 1;
        let place = self.heap.len();
        let slot = if let Some(slot) = self.free.pop() {
            self.slots[slot as usize].action = Some(action);
            slot
        } else {
            self.slots.push(Slot { place: 0, generation: 0, action: Some(action) });
            u32::try_from(self.slots.len() - 1).expect("fewer than 2^32 entries wait at once")
        };
        self.heap.push(Item { at, sequence: self.sequence, slot });
        self.rise(place);
        Key { slot, generation: self.slots[slot as usize].generation }
    }

    /// Takes the earliest entry out.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<(u64, A)> {
        let first = *self.heap.first()?;
        Some((first.at, self.take_out(0)))
    }

    /// Takes an entry out before its time; none if it has come out already.
    pub(crate) fn cancel(&mut self, key: Key) -> Option<A> {
        let slot = self.slots.get(key.slot as usize)?;
        if slot.generation != key.generation || slot.action.is_none() {
            return None;
        }
        Some(self.take_out(slot.place as usize))
    }

    /// The action of an entry that still waits.
    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut A> {
        let slot = self.slots.get_mut(key.slot as usize)?;
        if slot.generation == key.generation { slot.action.as_mut() } else { None }
    }

    /// The keys of the entries whose action `chosen` accepts, in no particular order of time.
    pub(crate) fn keys_where(&self, chosen: impl Fn(&A) -> bool) -> Vec<Key> {
        let slots = self.slots.iter().enumerate();
        slots
            .filter(|(_, slot)| slot.action.as_ref().is_some_and(&chosen))
            .map(|(index, slot)| Key { slot: index as u32, generation: slot.generation })
            .collect()
    }

    fn take_out(&mut self, place: usize) -> A {
        let item = self.heap.swap_remove(place);
        if place < self.heap.len() {
            self.sink(place);
            self.rise(place);
        }
        let slot = &mut self.slots[item.slot as usize];
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(item.slot);
        slot.action.take().expect("an entry of the heap has its action")
    }

    #[inline]
    fn rise(&mut self, mut place: usize) {
        let item = self.heap[place];
        while place > 0 {
            let parent = (place - 1) / ARITY;
            if earlier(self.heap[parent], item) {
                break;
            }
            self.put(place, self.heap[parent]);
            place = parent;
        }
        self.put(place, item);
    }

    #[inline]
    fn sink(&mut self, mut place: usize) {
        let item = self.heap[place];
        loop {
            let first = place * ARITY + 1;
            let Some(children) = self.heap.get(first..self.heap.len().min(first + ARITY)) else {
                break;
            };
            let mut least = 0;
            for child in 1..children.len() {
                if earlier(children[child], children[least]) {
                    least = child;
                }
            }
            let Some(child) = children.get(least).copied().filter(|c| earlier(*c, item)) else {
                break;
            };
            self.put(place, child);
            place = first + least;
        }
        self.put(place, item);
    }

    #[inline]
    fn put(&mut self, place: usize, item: Item) {
        self.heap[place] = item;
        self.slots[item.slot as usize].place = place as u32;
    }
}

#[inline]
fn earlier(a: Item, b: Item) -> bool {
    (a.at, a.sequence) < (b.at, b.sequence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    /// Against a sorted list: any mix of pushes, pops and cancels gives the same order.
    #[test]
    fn it_behaves_like_a_sorted_list() {
        for seed in 0..200 {
            let mut stream = Seed(seed).stream("queue test", 0);
            let mut queue = Queue::new();
            let mut model: Vec<(u64, u64, Key)> = Vec::new();
            for step in 0..400 {
                match stream.below(4) {
                    0 | 1 => {
                        let at = stream.below(50);
                        model.push((at, step, queue.push(at, step)));
                        model.sort_by_key(|(at, step, _)| (*at, *step));
                    }
                    2 if !model.is_empty() => {
                        let index = stream.below(model.len() as u64) as usize;
                        let (_, value, key) = model.remove(index);
                        assert_eq!(queue.cancel(key), Some(value));
                        assert_eq!(queue.cancel(key), None);
                    }
                    _ => {
                        let expected = (!model.is_empty()).then(|| model.remove(0));
                        assert_eq!(queue.pop(), expected.map(|(at, value, _)| (at, value)));
                    }
                }
                assert_eq!(queue.heap.len(), model.len());
                assert_eq!(queue.next_at(), model.first().map(|m| m.0));
            }
        }
    }

    #[test]
    fn cancelled_entries_leave_nothing_behind() {
        let mut queue = Queue::new();
        for round in 0..100_000 {
            let key = queue.push(round, ());
            queue.cancel(key);
        }
        assert_eq!((queue.heap.len(), queue.slots.len(), queue.free.len()), (0, 1, 1));
    }
}
