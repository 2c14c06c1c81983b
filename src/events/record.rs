//! What the log of a broker is made of: records in frames, each frame whole or not there.
//!
//! A frame is a length (4 bytes, little-endian), a checksum (8 bytes) and the records in postcard. The
//! checksum is the xxh3 of the records, seeded with the checksum of the frame before: what an
//! abandoned write left behind the end of a later, shorter one does not continue the chain, so it
//! is not taken for records.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Bytes before the records of a frame.
const HEAD: usize = 12;

/// One change of a broker's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Record {
    /// An event is appended to its partition.
    Event { topic: String, partition: u32, event: Stored, once: bool },
    /// Where a consumer group is in a partition: the next offset, and how often that one was
    /// delivered in vain.
    Progress { group: String, topic: String, partition: u32, next: u64, failed: u32 },
}

/// An event as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) id: String,
    pub(super) key: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) payload: Vec<u8>,
}

/// Puts records that belong together into one frame, and gives its checksum.
pub(super) fn encode(records: &[Record], before: u64, into: &mut Vec<u8>) -> u64 {
    let body = postcard::to_stdvec(records).expect("records are plain data");
    let length = u32::try_from(body.len()).expect("a frame is far below 4 GB");
    let checksum = xxh3_64_with_seed(&body, before);
    into.extend_from_slice(&length.to_le_bytes());
    into.extend_from_slice(&checksum.to_le_bytes());
    into.extend_from_slice(&body);
    checksum
}

/// The frame at the start of `bytes`, if it is whole: its records, its length and its checksum.
pub(super) fn decode(bytes: &[u8], before: u64) -> Option<(Vec<Record>, usize, u64)> {
    let length = u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
    let checksum = u64::from_le_bytes(bytes.get(4..HEAD)?.try_into().ok()?);
    let body = bytes.get(HEAD..HEAD.checked_add(length)?)?;
    if xxh3_64_with_seed(body, before) != checksum {
        return None;
    }
    Some((postcard::from_bytes(body).ok()?, HEAD + length, checksum))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(next: u64) -> Record {
        let group = "g".repeat(usize::try_from(next).unwrap());
        Record::Progress { group, topic: "t".to_owned(), partition: 0, next, failed: 0 }
    }

    #[test]
    fn frames_follow_each_other() {
        let mut bytes = Vec::new();
        let first = encode(&[progress(1), progress(2)], 0, &mut bytes);
        let second = encode(&[progress(3)], first, &mut bytes);
        let (records, length, sum) = decode(&bytes, 0).unwrap();
        assert_eq!((records.len(), sum), (2, first));
        let (records, rest, sum) = decode(&bytes[length..], sum).unwrap();
        assert_eq!((records, length + rest, sum), (vec![progress(3)], bytes.len(), second));
    }

    #[test]
    fn no_cut_and_no_flipped_bit_passes() {
        let mut bytes = Vec::new();
        encode(&[progress(1)], 7, &mut bytes);
        for cut in 0..bytes.len() {
            assert_eq!(decode(&bytes[..cut], 7), None);
        }
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&bytes, 7), None, "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        assert_eq!(decode(&bytes, 8), None, "it follows another frame");
    }

    /// A write of two frames is given up, and a shorter one takes its place: the rest of the first
    /// is whole, but does not continue it.
    #[test]
    fn what_an_abandoned_write_left_is_no_record() {
        let mut abandoned = Vec::new();
        let sum = encode(&[progress(5)], 0, &mut abandoned);
        let length = abandoned.len();
        encode(&[progress(6)], sum, &mut abandoned);
        let mut later = Vec::new();
        let Record::Progress { topic, partition, .. } = progress(5) else { unreachable!() };
        let same_size =
            Record::Progress { group: "other".to_owned(), topic, partition, next: 5, failed: 0 };
        encode(&[same_size], 0, &mut later);
        assert_eq!(later.len(), length);
        abandoned[..length].copy_from_slice(&later);
        let (_, length, sum) = decode(&abandoned, 0).unwrap();
        assert_eq!(decode(&abandoned[length..], sum), None);
    }
}
