//! The bytes of messages beside a journal's rows.

use bytes::Bytes;

use super::EventId;

/// Up to this length a payload is copied into one long piece of memory: cheaper than to keep the
/// message's own small allocation alive.
const COPIED: usize = 1024;

/// Payloads by event, in the order of the events.
#[derive(Clone, Debug, Default)]
pub(super) struct Payloads {
    index: Vec<(EventId, Place)>,
    copies: Vec<u8>,
    kept: Vec<Bytes>,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Copied { start: u64, len: u32 },
    Kept(u32),
}

impl Payloads {
    pub(super) fn push(&mut self, id: EventId, payload: &Bytes) {
        let place = if payload.len() <= COPIED {
            self.copy(payload)
        } else {
            self.kept.push(payload.clone());
            Place::Kept((self.kept.len() - 1) as u32)
        };
        self.index.push((id, place));
    }

    fn copy(&mut self, payload: &[u8]) -> Place {
        let start = self.copies.len() as u64;
        self.copies.extend_from_slice(payload);
        Place::Copied { start, len: payload.len() as u32 }
    }

    pub(super) fn get(&self, id: EventId) -> Option<&[u8]> {
        super::beside(&self.index, id).map(|place| self.at(*place))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (EventId, &[u8])> {
        self.index.iter().map(|(id, place)| (*id, self.at(*place)))
    }

    fn at(&self, place: Place) -> &[u8] {
        match place {
            Place::Copied { start, len } => &self.copies[start as usize..][..len as usize],
            Place::Kept(index) => &self.kept[index as usize],
        }
    }
}

impl<'a> FromIterator<(EventId, &'a [u8])> for Payloads {
    fn from_iter<I: IntoIterator<Item = (EventId, &'a [u8])>>(list: I) -> Payloads {
        let mut payloads = Payloads::default();
        for (id, payload) in list {
            let place = payloads.copy(payload);
            payloads.index.push((id, place));
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
