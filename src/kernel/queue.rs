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

/// What the heap sorts, in 16 bytes: the time in the high half, then a sequence number that breaks
/// ties of the same instant (first in, first out), then the slot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Item(u128);

impl Item {
    fn new(at: u64, sequence: u32, slot: u32) -> Item {
        Item(u128::from(at) << 64 | u128::from(sequence) << 32 | u128::from(slot))
    }

    fn at(self) -> u64 {
        (self.0 >> 64) as u64
    }

    fn slot(self) -> usize {
        self.0 as u32 as usize
    }
}

struct Slot<A> {
    /// Counts the entries that this slot has held, so that an old key finds nothing.
    generation: u32,
    action: Option<A>,
}

/// Actions ordered by time.
pub(crate) struct Queue<A> {
    heap: Vec<Item>,
    /// Where each slot's entry is in the heap; apart from the slots, since sorting writes it.
    places: Vec<u32>,
    slots: Vec<Slot<A>>,
    free: Vec<u32>,
    sequence: u32,
}

const ARITY: usize = 4;

impl<A> Queue<A> {
    pub(crate) fn new() -> Queue<A> {
        Queue {
            heap: Vec::new(),
            places: Vec::new(),
            slots: Vec::new(),
            free: Vec::new(),
            sequence: 0,
        }
    }

    /// The time of the next entry.
    #[inline]
    pub(crate) fn next_at(&self) -> Option<u64> {
        self.heap.first().map(|item| item.at())
    }

    /// The number of entries.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    /// True if `f` is true of every action, asked in no particular order.
    pub(crate) fn all(&self, f: impl FnMut(&A) -> bool) -> bool {
        self.slots.iter().filter_map(|slot| slot.action.as_ref()).all(f)
    }

    /// Puts `action` in, to come out at `at`.
    #[inline]
    pub(crate) fn push(&mut self, at: u64, action: A) -> Key {
        if self.sequence == u32::MAX {
            self.renumber();
        }
        self.sequence += 1;
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize].action = Some(action);
                slot
            }
            None => self.add_slot(action),
        };
        let item = Item::new(at, self.sequence, slot);
        self.heap.push(item);
        self.rise(self.heap.len() - 1, item);
        Key { slot, generation: self.slots[slot as usize].generation }
    }

    /// Sequence numbers start again, in the same order.
    #[cold]
    fn renumber(&mut self) {
        self.heap.sort_unstable();
        for place in 0..self.heap.len() {
            let item = self.heap[place];
            self.put(place, Item::new(item.at(), place as u32, item.slot() as u32));
        }
        self.sequence = self.heap.len() as u32;
    }

    fn add_slot(&mut self, action: A) -> u32 {
        self.slots.push(Slot { generation: 0, action: Some(action) });
        self.places.push(0);
        u32::try_from(self.slots.len() - 1).expect("fewer than 2^32 entries wait at once")
    }

    /// Takes the earliest entry out.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<(u64, A)> {
        let first = *self.heap.first()?;
        Some((first.at(), self.take_out(0)))
    }

    /// Takes an entry out before its time; none if it has come out already.
    pub(crate) fn cancel(&mut self, key: Key) -> Option<A> {
        let slot = self.slots.get(key.slot as usize)?;
        if slot.generation != key.generation || slot.action.is_none() {
            return None;
        }
        Some(self.take_out(self.places[key.slot as usize] as usize))
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
        let taken = self.heap[place];
        let last = self.heap.pop().expect("the place is in the heap");
        if place < self.heap.len() {
            self.fill(place, last);
        }
        let slot = &mut self.slots[taken.slot()];
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(taken.slot() as u32);
        slot.action.take().expect("an entry of the heap has its action")
    }

    /// Fills a hole with `item`: the hole goes down to a leaf first, since an item from the end of
    /// the heap belongs near the leaves, then the item rises from there.
    #[inline]
    fn fill(&mut self, mut place: usize, item: Item) {
        loop {
            let first = place * ARITY + 1;
            let last = self.heap.len().min(first + ARITY);
            let Some((least, children)) = self.heap.get(first..last).and_then(<[_]>::split_first)
            else {
                break;
            };
            let mut least = (first, *least);
            for (child, item) in (first + 1..).zip(children) {
                if *item < least.1 {
                    least = (child, *item);
                }
            }
            self.put(place, least.1);
            place = least.0;
        }
        self.rise(place, item);
    }

    /// Puts `item` at `place` or, while its parents are later, higher up.
    #[inline]
    fn rise(&mut self, mut place: usize, item: Item) {
        while place > 0 {
            let parent = (place - 1) / ARITY;
            let above = self.heap[parent];
            if above < item {
                break;
            }
            self.put(place, above);
            place = parent;
        }
        self.put(place, item);
    }

    #[inline]
    fn put(&mut self, place: usize, item: Item) {
        self.heap[place] = item;
        self.places[item.slot()] = place as u32;
    }
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
                        if stream.chance(0.01) {
                            queue.renumber();
                        }
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
