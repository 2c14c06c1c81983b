//! What connections say to each other: handshake, data, acknowledgements, resets.

use bytes::Bytes;

use super::{Addr, EndId};
use crate::chaos::Leg;
use crate::journal::{EventId, Symbol};
use crate::net::{Packet, Payload};

/// Bytes of IPv4 and TCP headers around a segment.
const HEADERS: usize = 40;
/// Bytes of data that an Ethernet frame carries: a larger segment counts as several frames.
const FRAME: usize = 1460;

/// One segment of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    /// The end that sent it. A machine that answers for an end which it does not have names the
    /// one that it was asked for.
    pub(super) from: EndId,
    /// The end that it is for; unknown in a SYN.
    pub(super) to: EndId,
    pub(super) content: Content,
    /// Everything before this number has arrived at the sender.
    pub(super) ack: u64,
    /// The sender takes nothing from this number on.
    pub(super) limit: u64,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    /// Asks for a connection.
    Syn { from: Addr, to: Addr, number: u64 },
    /// Grants it.
    SynAck,
    /// Bytes, the end of them, or both. An empty one asks whether the other end is still there.
    Data { seq: u64, bytes: Bytes, fin: bool },
    /// Nothing but the numbers that every segment has.
    Ack,
    /// There is no such connection, or no more.
    Reset { refused: bool },
}

impl Segment {
    /// The number after its last byte; a FIN counts as one.
    pub(super) fn end(&self) -> u64 {
        match &self.content {
            Content::Data { seq, bytes, fin } => seq + bytes.len() as u64 + u64::from(*fin),
            _ => 0,
        }
    }

    fn size(&self) -> usize {
        match &self.content {
            Content::Data { bytes, .. } => {
                bytes.len() + HEADERS * bytes.len().div_ceil(FRAME).max(1)
            }
            _ => HEADERS,
        }
    }

    /// The packet that carries it. Resets are sent once; all others until they arrive.
    pub(super) fn packet(self, from: Addr, to: Addr, label: Symbol, sent: EventId) -> Packet {
        Packet {
            from: from.node,
            to: to.node,
            label,
            leg: Leg::Message,
            size: self.size() as u32,
            reliable: !matches!(self.content, Content::Reset { .. }),
            attempts: 0,
            sent,
            payload: Payload::Stream(Box::new(self)),
        }
    }
}
