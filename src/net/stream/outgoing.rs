//! The sending half of a connection: a buffer, and how far the other end has got.

use bytes::{Bytes, BytesMut};

/// The longest segment: what Linux hands to a network card at once.
const SEGMENT: usize = 64 << 10;

/// Bytes are allocated in blocks of at least so many: short writes share them.
const BLOCK: usize = 1 << 10;

/// A segment's worth of data.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) seq: u64,
    pub(super) bytes: Bytes,
    pub(super) fin: bool,
}

/// Bytes that were written and have not arrived.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// Written, not sent.
    queue: BytesMut,
    capacity: usize,
    sent: u64,
    acked: u64,
    /// The other end takes nothing from this number on.
    limit: u64,
    /// What is before this number was lost once: nothing new goes out until it has arrived.
    lost_to: u64,
    shut: bool,
    fin_sent: bool,
}

impl Outgoing {
    pub(super) fn new(capacity: usize) -> Outgoing {
        Outgoing {
            queue: BytesMut::new(),
            capacity,
            sent: 0,
            acked: 0,
            limit: 0,
            lost_to: 0,
            shut: false,
            fin_sent: false,
        }
    }

    pub(super) fn set_capacity(&mut self, capacity: usize) {
        self.capacity = capacity;
    }

    /// Bytes that can be written now.
    pub(super) fn room(&self) -> usize {
        let on_their_way = (self.sent - self.acked) as usize;
        self.capacity.saturating_sub(self.queue.len() + on_their_way)
    }

    /// Takes as many bytes as there is room for.
    pub(super) fn write(&mut self, bytes: &[u8]) -> usize {
        let taken = bytes.len().min(self.room());
        if self.queue.capacity() == 0 {
            self.queue.reserve(taken.max(BLOCK));
        }
        self.queue.extend_from_slice(&bytes[..taken]);
        taken
    }

    /// Ends the stream after what was written; false if it had ended.
    pub(super) fn shut(&mut self) -> bool {
        !std::mem::replace(&mut self.shut, true)
    }

    pub(super) fn is_shut(&self) -> bool {
        self.shut
    }

    /// What is to be sent next, if anything may be.
    ///
    /// After a loss nothing new goes out until what was lost has arrived: the congestion window
    /// of one segment that RFC 5681 (3.1) prescribes after a timeout. What is written meanwhile
    /// gathers, and goes out in long segments.
    pub(super) fn next(&mut self) -> Option<Piece> {
        if self.acked < self.lost_to {
            return None;
        }
        let open = self.limit.saturating_sub(self.sent) as usize;
        let length = self.queue.len().min(open).min(SEGMENT);
        let fin = self.shut && !self.fin_sent && length == self.queue.len();
        if length == 0 && !fin {
            return None;
        }
        let seq = self.sent;
        let bytes = self.queue.split_to(length).freeze();
        self.sent += length as u64 + u64::from(fin);
        self.fin_sent |= fin;
        Some(Piece { seq, bytes, fin })
    }

    /// The other end has everything before `ack`, and room up to `limit`. True if that is news
    /// about what was sent.
    pub(super) fn acknowledge(&mut self, ack: u64, limit: u64) -> bool {
        self.limit = self.limit.max(limit);
        let news = ack > self.acked && ack <= self.sent;
        if news {
            self.acked = ack;
        }
        news
    }

    /// A segment that ends before `end` was lost.
    pub(super) fn note_loss(&mut self, end: u64) {
        self.lost_to = self.lost_to.max(end);
    }

    /// Everything before this number has arrived.
    pub(super) fn acked(&self) -> u64 {
        self.acked
    }

    /// True if something is on its way, as far as this end knows.
    pub(super) fn is_unacked(&self) -> bool {
        self.sent > self.acked
    }

    /// True if everything that was written has arrived, the end of it too if there is one.
    pub(super) fn is_drained(&self) -> bool {
        self.queue.is_empty() && !self.is_unacked() && self.shut == self.fin_sent
    }

    /// Forgets everything: nothing more will be sent.
    pub(super) fn abandon(&mut self) {
        self.queue = BytesMut::new();
        self.acked = self.sent;
        self.shut = true;
        self.fin_sent = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_limit(capacity: usize, limit: u64) -> Outgoing {
        let mut out = Outgoing::new(capacity);
        out.acknowledge(0, limit);
        out
    }

    #[track_caller]
    fn check(out: &mut Outgoing, expected: Option<(u64, &[u8], bool)>) {
        let next = out.next();
        let next = next.as_ref().map(|piece| (piece.seq, &piece.bytes[..], piece.fin));
        assert_eq!(next, expected);
    }

    #[test]
    fn the_buffer_and_the_window_are_two_limits() {
        let mut out = with_limit(4, 3);
        assert_eq!(out.write(b"abcdef"), 4);
        assert_eq!(out.room(), 0);
        check(&mut out, Some((0, b"abc", false)));
        check(&mut out, None);
        assert!(out.acknowledge(2, 3));
        assert_eq!(out.room(), 2);
        check(&mut out, None);
        assert!(!out.acknowledge(2, 9), "nothing new has arrived");
        check(&mut out, Some((3, b"d", false)));
    }

    #[test]
    fn the_end_goes_with_the_last_bytes_and_counts_as_one() {
        let mut out = with_limit(10, 10);
        out.write(b"ab");
        assert!(out.shut() && !out.shut());
        check(&mut out, Some((0, b"ab", true)));
        check(&mut out, None);
        assert!(out.acknowledge(2, 10) && !out.is_drained());
        assert!(out.acknowledge(3, 10) && out.is_drained());
    }

    #[test]
    fn the_end_needs_no_window() {
        let mut out = with_limit(10, 0);
        out.shut();
        check(&mut out, Some((0, b"", true)));
    }

    #[test]
    fn after_a_loss_new_data_gathers() {
        let mut out = with_limit(100, 100);
        out.write(b"a");
        check(&mut out, Some((0, b"a", false)));
        out.note_loss(1);
        out.write(b"b");
        check(&mut out, None);
        out.write(b"c");
        out.acknowledge(1, 100);
        check(&mut out, Some((1, b"bc", false)));
    }

    #[test]
    fn a_segment_has_a_greatest_length() {
        let mut out = with_limit(1 << 20, 1 << 20);
        out.write(&vec![7; SEGMENT + 1]);
        assert_eq!(out.next().map(|p| p.bytes.len()), Some(SEGMENT));
        assert_eq!(out.next().map(|p| p.bytes.len()), Some(1));
    }
}
