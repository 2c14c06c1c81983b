//! The bytes of messages beside a journal's rows.

use bytes::Bytes;

use super::EventId;
use super::buffer::Buffer;

/// Up to this length a payload is copied into one long piece of memory: cheaper than to keep the
/// message's own small allocation alive.
const COPIED: usize = 1024;

/// Payloads by event, in the order of the events.
#[derive(Clone, Debug)]
pub(super) struct Payloads {
    marks: Buffer<Mark>,
    copies: Buffer<u8>,
    kept: Vec<Bytes>,
}

/// Where one event's payload lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    id: EventId,
    /// Where its copy begins, up to where the next one does; or, with [`KEPT`], its place in the
    /// list of kept ones.
    at: u32,
}

/// Marks a payload that was not copied.
const KEPT: u32 = 1 << 31;

impl Payloads {
    pub(super) fn new() -> Payloads {
        Payloads { marks: Buffer::new(), copies: Buffer::new(), kept: Vec::new() }
    }

    #[inline]
    pub(super) fn push(&mut self, id: EventId, payload: &Bytes) {
        let start = self.copies.len();
        let at = if payload.len() <= COPIED && start < KEPT as usize {
            self.copies.extend_from_slice(payload);
            start as u32
        } else {
            self.kept.push(payload.clone());
            (self.kept.len() - 1) as u32 | KEPT
        };
        self.marks.push(Mark { id, at });
    }

    pub(super) fn get(&self, id: EventId) -> Option<&[u8]> {
        let index = self.marks.binary_search_by_key(&id, |mark| mark.id).ok()?;
        Some(self.at(index))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (EventId, &[u8])> {
        self.marks.iter().enumerate().map(|(index, mark)| (mark.id, self.at(index)))
    }

    fn at(&self, index: usize) -> &[u8] {
        let at = self.marks[index].at;
        if at & KEPT != 0 {
            return &self.kept[(at & !KEPT) as usize];
        }
        let next = self.marks[index + 1..].iter().find(|mark| mark.at & KEPT == 0);
        let end = next.map_or(self.copies.len(), |mark| mark.at as usize);
        &self.copies[at as usize..end]
    }
}

impl<'a> FromIterator<(EventId, &'a [u8])> for Payloads {
    fn from_iter<I: IntoIterator<Item = (EventId, &'a [u8])>>(list: I) -> Payloads {
        let mut payloads = Payloads::new();
        for (id, payload) in list {
            payloads.push(id, &Bytes::copy_from_slice(payload));
        }
        payloads
    }
}

/// Equal content, wherever it lies.
impl PartialEq for Payloads {
    fn eq(&self, other: &Payloads) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Payloads {}
