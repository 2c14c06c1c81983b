//! What connections say to each other: handshake, data, acknowledgements, resets.

use std::ops::Range;

use bytes::{Buf, Bytes};

use super::wire::Body;
use super::{Addr, EndId, Numbers};
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
    pub(super) place: Place,
}

/// Where a segment with data stands in its connection: what a fault names it by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    /// The connection's number among those from the one node to the other.
    pub(crate) conn: u64,
    /// True if whoever opened the connection has sent it.
    pub(crate) of_opener: bool,
    /// Its number among the segments of its direction, from 1.
    pub(crate) segment: u64,
    /// The number of the message that begins in it.
    pub(crate) message: u32,
    /// The bodies in it, where a fault asks for them.
    pub(crate) bodies: Vec<Body>,
    /// The connection breaks when it has arrived.
    pub(crate) breaks: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    /// Asks for a connection.
    Syn { from: Addr, to: Addr, numbers: Numbers },
    /// Grants it.
    SynAck,
    /// Bytes, the end of them, or both. An empty one asks whether the other end is still there.
    Data { seq: u64, bytes: Bytes, fin: bool },
    /// Nothing but the numbers that every segment has.
    Ack,
    /// Asks an end that has been silent whether it is still there.
    Probe,
    /// It is.
    Alive,
    /// There is no such connection, or no more.
    Reset { refused: bool },
}

impl Segment {
    /// The number after its last byte; a FIN counts as one.
    pub(in crate::net) fn end(&self) -> u64 {
        match &self.content {
            Content::Data { seq, bytes, fin } => seq + bytes.len() as u64 + u64::from(*fin),
            _ => 0,
        }
    }

    /// The numbers of its bytes; none if it carries no data.
    pub(in crate::net) fn bytes(&self) -> Range<u64> {
        match &self.content {
            Content::Data { seq, bytes, .. } => *seq..*seq + bytes.len() as u64,
            _ => 0..0,
        }
    }

    pub(in crate::net) fn from(&self) -> EndId {
        self.from
    }

    pub(in crate::net) fn place(&self) -> &Place {
        &self.place
    }

    /// Keeps so many of its bytes, and returns a segment with the others. With `breaks` its
    /// connection breaks once it has arrived.
    fn cut(&mut self, length: usize, breaks: bool) -> Segment {
        let mut rest = self.clone();
        self.place.breaks = breaks;
        if let Content::Data { bytes, fin, .. } = &mut self.content {
            bytes.truncate(length);
            *fin = false;
        }
        if let Content::Data { seq, bytes, .. } = &mut rest.content {
            *seq += length as u64;
            bytes.advance(length);
        }
        rest
    }

    fn size(&self) -> usize {
        match &self.content {
            Content::Data { bytes, .. } => {
                bytes.len() + HEADERS * bytes.len().div_ceil(FRAME).max(1)
            }
            _ => HEADERS,
        }
    }

    /// The packet that carries it. Resets and keep-alive probes are sent once, as the answers to these
    /// are; all others until they arrive.
    pub(super) fn packet(self, from: Addr, to: Addr, label: Symbol, sent: EventId) -> Packet {
        Packet {
            from: from.node,
            to: to.node,
            label,
            leg: Leg::Message,
            size: self.size() as u32,
            reliable: !matches!(
                self.content,
                Content::Reset { .. } | Content::Probe | Content::Alive
            ),
            attempts: 0,
            sent,
            hit: EventId::NONE,
            payload: Payload::Stream(Box::new(self)),
        }
    }
}

/// Cuts the segment of a packet ([`Segment::cut`]); the packet with the rest.
pub(in crate::net) fn cut(packet: &mut Packet, length: usize, breaks: bool) -> Option<Packet> {
    let Payload::Stream(segment) = &mut packet.payload else { return None };
    let rest = Box::new(segment.cut(length, breaks));
    packet.size = segment.size() as u32;
    let rest = Packet { size: rest.size() as u32, payload: Payload::Stream(rest), ..*packet };
    Some(rest)
}
