//! The search for a linearization: Wing and Gong 1993, with the memory of Lowe 2017 ("Testing for
//! linearizability", CPE 29(4)).
//!
//! Calls and returns lie in one list, by time. What is called before the first return may be next; it
//! is taken out of the list, and put back when nothing comes of it. A pair of (operations that are
//! done, state) that was seen before is not tried again. Three things are added to that:
//!
//! - An operation that is *open* (it may happen at any time after its call, or never) need not be done.
//!   It is not tried where it changes nothing, nor before an earlier one with the same input. Having
//!   spent fewer open operations is better than having spent more, all else equal: of two such pairs
//!   the second one is not tried.
//! - An operation that changes nothing whatever the state, and gives the right answer now, is done at
//!   once: whatever can be done without it can be done after it.
//! - States have numbers, so that they are compared and hashed once ([`Memo`]).

use super::Model;
use super::memo::{Memo, StateId};

/// What the search is to make of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It happens between its call and its return, with its answer.
    Held,
    /// It may happen at any time after its call, with any answer.
    Open,
    /// It does not happen.
    Absent,
}

/// What a search came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The operations in an order that explains every answer.
    Order(Vec<usize>),
    /// There is no such order.
    Nothing,
    /// The steps were used up.
    Unknown,
}

/// Searches for an order of the operations in at most `budget` steps. The second result is how many
/// it took.
pub(super) fn search<M: Model>(
    memo: &mut Memo<'_, M>,
    roles: &[Role],
    budget: u64,
) -> (Found, u64) {
    let mut search = Search::new(memo, roles);
    let found = search.run(budget);
    (found, search.steps)
}

const HEAD: usize = 0;
const END: u32 = u32::MAX;

/// A move that can be taken back.
struct Move {
    node: u32,
    state: StateId,
    /// There is no other move that need be tried instead.
    forced: bool,
}

struct Search<'m, 'a, M: Model> {
    memo: &'m mut Memo<'a, M>,
    list: List,
    /// For each operation: whether it is held, whether it only reads, its bit in the set of its role.
    places: Vec<Place>,
    twins: Vec<Option<u32>>,
    held: Vec<u64>,
    open: Vec<u64>,
    hash: u64,
    left: usize,
    /// How many of those left only read.
    reads_left: usize,
    cache: Cache,
    steps: u64,
}

#[derive(Clone, Copy)]
struct Place {
    held: bool,
    reads: bool,
    bit: u32,
}

impl<'m, 'a, M: Model> Search<'m, 'a, M> {
    fn new(memo: &'m mut Memo<'a, M>, roles: &[Role]) -> Search<'m, 'a, M> {
        let (mut held, mut open, mut reads_left) = (0, 0, 0);
        let mut roles = roles.to_vec();
        let mut places = Vec::with_capacity(roles.len());
        for (index, role) in roles.iter_mut().enumerate() {
            let is_held = *role == Role::Held;
            let reads = *role != Role::Absent && memo.reads(index, is_held);
            if reads && !is_held {
                *role = Role::Absent;
            }
            let count = if is_held { &mut held } else { &mut open };
            places.push(Place { held: is_held, reads, bit: *count });
            *count += u32::from(*role != Role::Absent);
            reads_left += usize::from(reads && is_held);
        }
        let mut twins = memo.twins.clone();
        for index in 0..roles.len() {
            // The nearest one before it that is open, too.
            let mut twin = memo.twins[index];
            while let Some(before) = twin.filter(|twin| roles[*twin as usize] != Role::Open) {
                twin = twins[before as usize];
            }
            twins[index] = twin;
        }
        let list = List::new(memo, &roles);
        let words = |bits: u32| bits.div_ceil(64) as usize;
        let cache = Cache::new(words(held), words(open));
        let (held_set, open_set) = (vec![0; words(held)], vec![0; words(open)]);
        Search {
            memo,
            list,
            places,
            twins,
            held: held_set,
            open: open_set,
            hash: 0,
            left: held as usize,
            reads_left,
            cache,
            steps: 0,
        }
    }

    fn run(&mut self, budget: u64) -> Found {
        let mut state = self.memo.initial();
        let mut moves: Vec<Move> = Vec::new();
        let mut node = self.first_move(state);
        loop {
            if self.left == 0 {
                let order = moves.iter().map(|m| self.list.operation(m.node));
                return Found::Order(order.collect());
            }
            if self.steps > budget {
                return Found::Unknown;
            }
            if self.list.is_call(node) {
                if let Some(after) = self.next_state(node, state) {
                    let forced = self.toggle(node);
                    if forced || self.is_new(after) {
                        self.list.lift(node as usize);
                        moves.push(Move { node, state, forced });
                        state = after;
                        node = self.first_move(state);
                        continue;
                    }
                    self.toggle(node);
                }
                node = self.list.next[node as usize];
                continue;
            }
            // Something returns that is not done: one of the moves before was wrong.
            loop {
                let Some(last) = moves.pop() else { return Found::Nothing };
                self.list.unlift(last.node as usize);
                self.toggle(last.node);
                state = last.state;
                node = self.list.next[last.node as usize];
                if !last.forced {
                    break;
                }
            }
        }
    }

    /// Where to begin in this state: at an operation that only reads, and reads the right thing, if
    /// there is one; else at the first call.
    fn first_move(&mut self, state: StateId) -> u32 {
        let first = self.list.next[HEAD];
        let mut node = first;
        while self.reads_left > 0 && self.list.is_call(node) {
            let operation = self.list.operation(node);
            if self.places[operation].reads {
                self.steps += 1;
                if self.memo.step(state, operation, true).is_some() {
                    return node;
                }
            }
            node = self.list.next[node as usize];
        }
        first
    }

    /// The state after the operation that is called here, if it may be the next one.
    fn next_state(&mut self, node: u32, state: StateId) -> Option<StateId> {
        self.steps += 1;
        let operation = self.list.operation(node);
        let place = self.places[operation];
        if place.held {
            return self.memo.step(state, operation, true);
        }
        let spent = |twin: u32| {
            let bit = self.places[twin as usize].bit as usize;
            self.open[bit / 64] >> (bit % 64) & 1 == 1
        };
        if self.twins[operation].is_some_and(|twin| !spent(twin)) {
            return None;
        }
        self.memo.step(state, operation, false).filter(|after| *after != state)
    }

    /// Marks the operation as done, or as not done; true if it only reads.
    fn toggle(&mut self, node: u32) -> bool {
        let operation = self.list.operation(node);
        let Place { held, reads, bit } = self.places[operation];
        let (word, bit) = (bit as usize / 64, 1 << (bit % 64));
        if !held {
            self.open[word] ^= bit;
            return false;
        }
        self.held[word] ^= bit;
        self.hash ^= mix(operation as u64);
        let done = self.held[word] & bit != 0;
        self.left = if done { self.left - 1 } else { self.left + 1 };
        if reads {
            self.reads_left = if done { self.reads_left - 1 } else { self.reads_left + 1 };
        }
        reads
    }

    fn is_new(&mut self, state: StateId) -> bool {
        let hash = self.hash ^ mix(!u64::from(state));
        self.cache.insert(hash, state, &self.held, &self.open, &mut self.steps)
    }
}

/// The finalizer of SplitMix64: a random word for each operation and state (Zobrist 1970).
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Calls and returns, by time, in a list from which calls can be taken with their returns. Node 0 is
/// before them all; node 1 + i is the call of operation i, node 1 + n + i its return.
struct List {
    count: usize,
    next: Vec<u32>,
    prev: Vec<u32>,
}

impl List {
    fn new<M: Model>(memo: &Memo<'_, M>, roles: &[Role]) -> List {
        let count = roles.len();
        let mut nodes = Vec::with_capacity(2 * count);
        for (index, role) in roles.iter().enumerate() {
            let called = memo.operations[index];
            if *role != Role::Absent {
                nodes.push((called.call, false, 1 + index));
            }
            if *role == Role::Held {
                let returned = called.returned.expect("what is held has returned");
                nodes.push((returned, true, 1 + count + index));
            }
        }
        // What is called in the moment of a return is called before it: the two overlap.
        nodes.sort_unstable();
        let (mut next, mut prev) = (vec![END; 1 + 2 * count], vec![END; 1 + 2 * count]);
        let mut last = HEAD;
        for (_, _, node) in nodes {
            next[last] = u32::try_from(node).expect("fewer than 2^31 operations");
            prev[node] = last as u32;
            last = node;
        }
        List { count, next, prev }
    }

    fn is_call(&self, node: u32) -> bool {
        node as usize <= self.count
    }

    fn operation(&self, node: u32) -> usize {
        node as usize - 1
    }

    /// Takes a call out, and its return, if it has one.
    fn lift(&mut self, call: usize) {
        self.unlink(call);
        if self.has_return(call) {
            self.unlink(call + self.count);
        }
    }

    /// Puts the call that was taken last back, and its return.
    fn unlift(&mut self, call: usize) {
        if self.has_return(call) {
            self.link(call + self.count);
        }
        self.link(call);
    }

    /// What was never linked has nothing before it, not even the head.
    fn has_return(&self, call: usize) -> bool {
        self.prev[call + self.count] != END
    }

    fn unlink(&mut self, node: usize) {
        let (next, prev) = (self.next[node], self.prev[node]);
        self.next[prev as usize] = next;
        if next != END {
            self.prev[next as usize] = prev;
        }
    }

    fn link(&mut self, node: usize) {
        let (next, prev) = (self.next[node], self.prev[node]);
        self.next[prev as usize] = node as u32;
        if next != END {
            self.prev[next as usize] = node as u32;
        }
    }
}

/// What was tried: sets of held and of open operations that are done, and the state.
struct Cache {
    held_words: usize,
    open_words: usize,
    /// By hash, the entry that came last; `END` for none.
    buckets: Vec<u32>,
    entries: Vec<Seen>,
    /// The sets of each entry, one after the other.
    sets: Vec<u64>,
}

struct Seen {
    hash: u64,
    state: StateId,
    /// The entry before it in its bucket.
    before: u32,
}

impl Cache {
    fn new(held_words: usize, open_words: usize) -> Cache {
        let buckets = vec![END; 1024];
        Cache { held_words, open_words, buckets, entries: Vec::new(), sets: Vec::new() }
    }

    /// Adds an entry; false if there is one that is as good. Each comparison is a step.
    fn insert(
        &mut self,
        hash: u64,
        state: StateId,
        held: &[u64],
        open: &[u64],
        steps: &mut u64,
    ) -> bool {
        let words = self.held_words + self.open_words;
        let mut at = self.buckets[self.bucket(hash)];
        while let Some(seen) = self.entries.get(at as usize) {
            if seen.hash == hash && seen.state == state {
                *steps += 1;
                let (its_held, its_open) =
                    self.sets[at as usize * words..][..words].split_at(self.held_words);
                let spent_less = || its_open.iter().zip(open).all(|(its, ours)| its & !ours == 0);
                if its_held == held && spent_less() {
                    return false;
                }
            }
            at = seen.before;
        }
        if self.entries.len() == self.buckets.len() {
            self.grow();
        }
        let bucket = self.bucket(hash);
        let number = u32::try_from(self.entries.len()).expect("memory ends before");
        let before = std::mem::replace(&mut self.buckets[bucket], number);
        self.entries.push(Seen { hash, state, before });
        self.sets.extend_from_slice(held);
        self.sets.extend_from_slice(open);
        true
    }

    fn bucket(&self, hash: u64) -> usize {
        hash as usize & (self.buckets.len() - 1)
    }

    fn grow(&mut self) {
        self.buckets = vec![END; self.buckets.len() * 4];
        for number in 0..self.entries.len() {
            let bucket = self.bucket(self.entries[number].hash);
            self.entries[number].before =
                std::mem::replace(&mut self.buckets[bucket], number as u32);
        }
    }
}
