//! Connections that a fault has silenced or will break: from which byte on, for how long.

use super::stream::{EndId, Segment};
use crate::time::Time;

/// From a byte of one direction of a connection on, nothing gets through.
#[derive(Clone, Copy, Debug)]
struct Barrier {
    from: EndId,
    /// The first byte that does not arrive.
    byte: u64,
    /// The fault's number in the plan.
    number: u32,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// All of that direction is lost, until that time.
    Stall(Time),
    /// When the last byte before it has arrived, both ends see a reset.
    Break { has_struck: bool },
}

/// A message whose body is to be cut.
#[derive(Clone, Copy, Debug)]
struct Cut {
    from: EndId,
    message: u32,
    /// Bytes of its body that still get through.
    left: u64,
    number: u32,
}

/// What becomes of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passage {
    Free,
    /// It does not arrive, by that fault.
    Held(u32),
    /// So many of its bytes arrive, the others do not; then the connection breaks, or does not.
    Cut {
        length: usize,
        number: u32,
        breaks: bool,
    },
}

/// The barriers of a world.
#[derive(Debug, Default)]
pub(super) struct Barriers {
    barriers: Vec<Barrier>,
    cuts: Vec<Cut>,
}

impl Barriers {
    /// Nothing gets through from a byte on, until then.
    pub(super) fn stall(&mut self, from: EndId, byte: u64, number: u32, until: Time) {
        self.barriers.push(Barrier { from, byte, number, kind: Kind::Stall(until) });
    }

    /// The connection breaks at a byte.
    pub(super) fn break_at(&mut self, from: EndId, byte: u64, number: u32) {
        let kind = Kind::Break { has_struck: false };
        self.barriers.push(Barrier { from, byte, number, kind });
    }

    /// The connection breaks after so many bytes of the body of the message that begins in a segment.
    pub(super) fn cut_body(&mut self, segment: &Segment, number: u32, left: u64) {
        let (from, message) = (segment.from(), segment.place().message);
        self.cuts.push(Cut { from, message, left, number });
    }

    /// Looks whether a segment that is sent for the first time has the byte at which a body is cut.
    pub(super) fn follow_bodies(&mut self, segment: &Segment) {
        let mut found = Vec::new();
        self.cuts.retain_mut(|cut| {
            let bodies = segment.place().bodies.iter();
            for body in
                bodies.filter(|body| cut.from == segment.from() && cut.message == body.message)
            {
                if (body.length as u64) > cut.left {
                    let byte = segment.bytes().start + body.at as u64 + cut.left;
                    found.push((cut.from, byte, cut.number));
                    return false;
                }
                cut.left -= body.length as u64;
            }
            true
        });
        for (from, byte, number) in found {
            self.break_at(from, byte, number);
        }
    }

    /// What becomes of a segment now. Its fault strikes where it cuts a segment for a break.
    pub(super) fn passage(&mut self, now: Time, segment: &Segment) -> Passage {
        self.barriers.retain(|barrier| !matches!(barrier.kind, Kind::Stall(until) if now >= until));
        let same = self.barriers.iter_mut().filter(|barrier| barrier.from == segment.from());
        let Some(barrier) = same.min_by_key(|barrier| barrier.byte) else { return Passage::Free };
        let Barrier { byte, number, ref mut kind, .. } = *barrier;
        let bytes = segment.bytes();
        let length = byte.saturating_sub(bytes.start) as usize;
        match kind {
            // An acknowledgement has no bytes that could have come before.
            Kind::Stall(_) if segment.end() == bytes.start => Passage::Held(number),
            Kind::Stall(_) if segment.end() <= byte => Passage::Free,
            Kind::Break { .. } if bytes.end <= byte => Passage::Free,
            Kind::Stall(_) if length == 0 => Passage::Held(number),
            Kind::Stall(_) => Passage::Cut { length, number, breaks: false },
            Kind::Break { has_struck: true } => Passage::Held(number),
            Kind::Break { has_struck } => {
                *has_struck = true;
                Passage::Cut { length, number, breaks: true }
            }
        }
    }
}
