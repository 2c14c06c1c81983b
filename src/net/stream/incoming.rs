//! The receiving half of a connection: puts segments in order, and says how much more it takes.

use std::collections::{BTreeMap, VecDeque};

use bytes::{Buf, Bytes};

use crate::time::Time;

/// So many bytes are acknowledged at once, fewer after a while: two full frames (RFC 1122,
/// 4.2.3.2, and Linux).
const ACK_AT: u64 = 2 * 1460;

/// Bytes that have arrived and were not read.
#[derive(Debug)]
pub(super) struct Incoming {
    /// In order, to be read.
    ready: VecDeque<Bytes>,
    unread: usize,
    /// Everything before this number has arrived.
    next: u64,
    /// What overtook something that is missing, by its number; with the end of the stream.
    held: BTreeMap<u64, (Bytes, bool)>,
    finished: bool,
    capacity: usize,
    /// Bytes that were read.
    read: u64,
    /// What the other end was told: acknowledged, and taken at most.
    told: (u64, u64),
    /// Since when there is something to acknowledge.
    since: Time,
}

impl Incoming {
    pub(super) fn new(capacity: usize) -> Incoming {
        Incoming {
            ready: VecDeque::new(),
            unread: 0,
            next: 0,
            held: BTreeMap::new(),
            finished: false,
            capacity,
            read: 0,
            told: (0, 0),
            since: Time::ZERO,
        }
    }

    pub(super) fn set_capacity(&mut self, capacity: usize) {
        self.capacity = capacity;
    }

    /// A segment is there; true if there is now more to read, or the end of it.
    pub(super) fn take(&mut self, now: Time, seq: u64, bytes: Bytes, fin: bool) -> bool {
        if seq > self.next {
            self.held.entry(seq).or_insert((bytes, fin));
            return false;
        }
        if seq < self.next || self.finished || (bytes.is_empty() && !fin) {
            return false;
        }
        if self.next == self.told.0 {
            self.since = now;
        }
        self.append(bytes, fin);
        while let Some(entry) = self.held.first_entry() {
            if *entry.key() > self.next {
                break;
            }
            let (seq, (bytes, fin)) = entry.remove_entry();
            if seq == self.next {
                self.append(bytes, fin);
            }
        }
        true
    }

    fn append(&mut self, bytes: Bytes, fin: bool) {
        self.next += bytes.len() as u64 + u64::from(fin);
        self.finished |= fin;
        self.unread += bytes.len();
        if !bytes.is_empty() {
            self.ready.push_back(bytes);
        }
    }

    /// Copies what there is, up to the length of `buffer`.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> usize {
        let mut copied = 0;
        while copied < buffer.len() {
            let Some(front) = self.ready.front_mut() else { break };
            let length = front.len().min(buffer.len() - copied);
            front.copy_to_slice(&mut buffer[copied..copied + length]);
            copied += length;
            if front.is_empty() {
                self.ready.pop_front();
            }
        }
        self.unread -= copied;
        self.read += copied as u64;
        copied
    }

    /// Copies what there is, up to the length of `buffer`, and leaves it there.
    pub(super) fn peek(&self, buffer: &mut [u8]) -> usize {
        let mut copied = 0;
        for piece in &self.ready {
            let length = piece.len().min(buffer.len() - copied);
            buffer[copied..copied + length].copy_from_slice(&piece[..length]);
            copied += length;
        }
        copied
    }

    /// Bytes that can be read now.
    pub(super) fn unread(&self) -> usize {
        self.unread
    }

    /// True if the other end has sent its last byte, and all have arrived.
    pub(super) fn is_finished(&self) -> bool {
        self.finished
    }

    /// Everything before this number has arrived.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// The acknowledgement and the limit that a segment tells the other end.
    pub(super) fn tell(&mut self) -> (u64, u64) {
        self.told = (self.next, self.limit());
        self.told
    }

    /// What the last segment told.
    pub(super) fn told(&self) -> (u64, u64) {
        self.told
    }

    /// The limit is never taken back, as RFC 9293 (3.8.6) asks.
    fn limit(&self) -> u64 {
        self.told.1.max(self.read + self.capacity as u64)
    }

    /// Since when something waits to be acknowledged.
    pub(super) fn unacked_since(&self) -> Option<Time> {
        (self.next > self.told.0).then_some(self.since)
    }

    /// True if that should not wait.
    pub(super) fn must_ack(&self) -> bool {
        self.next - self.told.0 >= ACK_AT || (self.finished && self.next > self.told.0)
    }

    /// True if reading has made so much room that the other end should hear of it: half of the
    /// buffer (RFC 1122, 4.2.3.3, against silly windows).
    pub(super) fn must_open(&self) -> bool {
        !self.finished && self.limit() - self.told.1 >= (self.capacity as u64).div_ceil(2).max(1)
    }

    /// Forgets what overtook something that will not come any more.
    pub(super) fn abandon(&mut self) {
        self.held.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    fn take(incoming: &mut Incoming, seq: u64, bytes: &'static [u8], fin: bool) -> bool {
        incoming.take(Time::ZERO, seq, Bytes::from_static(bytes), fin)
    }

    #[track_caller]
    fn check(incoming: &mut Incoming, expected: &[u8]) {
        let mut buffer = [0; 64];
        let length = incoming.read(&mut buffer);
        assert_eq!(&buffer[..length], expected);
    }

    #[test]
    fn what_overtakes_waits() {
        let mut incoming = Incoming::new(64);
        assert!(!take(&mut incoming, 2, b"cd", false));
        assert!(!take(&mut incoming, 4, b"", true));
        check(&mut incoming, b"");
        assert!(take(&mut incoming, 0, b"ab", false));
        assert!(incoming.is_finished());
        check(&mut incoming, b"abcd");
        assert_eq!(incoming.tell().0, 5, "the end counts as one");
    }

    #[test]
    fn what_comes_twice_counts_once() {
        let mut incoming = Incoming::new(64);
        take(&mut incoming, 2, b"cd", false);
        take(&mut incoming, 2, b"cd", false);
        take(&mut incoming, 0, b"ab", false);
        assert!(!take(&mut incoming, 0, b"ab", false));
        assert!(!take(&mut incoming, 2, b"cd", true));
        check(&mut incoming, b"abcd");
    }

    #[test]
    fn the_window_opens_by_halves_and_never_closes() {
        let mut incoming = Incoming::new(8);
        assert_eq!(incoming.tell(), (0, 8));
        take(&mut incoming, 0, b"abcdefgh", false);
        assert_eq!(incoming.tell(), (8, 8));
        incoming.read(&mut [0; 3]);
        assert!(!incoming.must_open());
        incoming.read(&mut [0; 1]);
        assert!(incoming.must_open());
        assert_eq!(incoming.tell(), (8, 12));
        incoming.set_capacity(2);
        assert_eq!(incoming.tell(), (8, 12));
    }

    /// Any order of segments, some of them twice, reads as it was cut.
    #[test]
    fn every_order_reads_the_same() {
        for seed in 0..300 {
            let mut stream = Seed(seed).stream("incoming test", 0);
            let text: Vec<u8> = (0..=255).collect();
            let mut pieces = Vec::new();
            let mut at = 0;
            while at < text.len() {
                let length = (1 + stream.below(40) as usize).min(text.len() - at);
                pieces.push((at as u64, Bytes::copy_from_slice(&text[at..at + length])));
                at += length;
            }
            let twice = stream.pick(&pieces).cloned();
            pieces.extend(twice);
            stream.shuffle(&mut pieces);
            let mut incoming = Incoming::new(1000);
            for (seq, bytes) in pieces {
                let last = seq as usize + bytes.len() == text.len();
                incoming.take(Time::ZERO, seq, bytes, last);
            }
            let mut whole = vec![0; 1000];
            let length = incoming.read(&mut whole);
            assert_eq!(whole[..length], text[..]);
            assert!(incoming.is_finished() && incoming.held.is_empty());
        }
    }
}
