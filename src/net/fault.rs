//! The faults of links and messages that are in force.

use std::time::Duration;

use super::barrier::Barriers;
use super::link::{Fate, Link};
use super::{Loss, Packet, Payload, Reasons};
use crate::chaos::{Effect, Leg};
use crate::journal::{EventId, NodeId};
use crate::kernel::Kernel;
use crate::seed::Stream;
use crate::time::nanos;

/// How often a fault could have struck, and how often it did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Tally {
    /// Messages, operations or instants that it was asked about.
    pub opportunities: u64,
    /// Times that it changed something.
    pub hits: u64,
}

/// A fault of the plan, as the events that it causes name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FaultRef {
    /// Its number in the plan.
    pub number: u32,
    /// The event of its beginning; none if it was there from the start.
    pub begun: EventId,
}

impl FaultRef {
    /// A fault that was armed before the world began.
    pub(super) fn armed(number: u32) -> FaultRef {
        FaultRef { number, begun: EventId::NONE }
    }
}

/// What a fault does to a link while it lasts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum LinkEffect {
    /// Nothing gets through.
    Cut,
    Loss(Loss),
    /// Longer by `delay` and up to `jitter` more.
    Delay {
        delay: Duration,
        jitter: Duration,
    },
    Duplicate(f64),
    Reorder {
        p: f64,
        by: Duration,
    },
    Corrupt(f64),
    Bandwidth {
        rate: u64,
        queue: u64,
    },
}

/// A fault of all links from one group of nodes to another.
#[derive(Clone, Debug)]
pub(crate) struct LinkFault {
    pub fault: FaultRef,
    /// Names its stream: what it does and to whom. Its number would move when another is left out.
    pub key: String,
    /// Sorted, as `to` is.
    pub from: Vec<NodeId>,
    pub to: Vec<NodeId>,
    pub effect: LinkEffect,
}

/// A fault that strikes one message.
#[derive(Clone, Debug)]
pub(crate) struct MessageFault {
    /// Its number in the plan.
    pub number: u32,
    /// Sorted, as `to` is.
    pub from: Vec<NodeId>,
    pub to: Vec<NodeId>,
    pub leg: Leg,
    pub which: Which,
    pub effect: Effect,
}

/// Which of the messages that go from one node to the other.
#[derive(Clone, Debug)]
pub(crate) enum Which {
    /// The n-th, from 1, with that label; none fits every label.
    Labelled { label: Option<String>, n: u64 },
    /// The segment of that connection, from 1.
    Segment { conn: u64, segment: u64 },
    /// The segment of that connection in which that byte is, from 0.
    Byte { conn: u64, byte: u64 },
}

/// A message fault whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Struck {
    pub(super) number: u32,
    pub(super) effect: Effect,
    /// The byte of the segment with which it begins.
    pub(super) at: u64,
    /// True if the fault names a message, whose body is known; else all that follows is the body.
    pub(super) has_body: bool,
}

#[derive(Default)]
pub(super) struct Faults {
    links: Vec<Active<LinkFault>>,
    messages: Vec<Active<MessageFault>>,
    pub(super) barriers: Barriers,
    /// The tallies of link faults that have ended.
    ended: Vec<(u32, Tally)>,
}

struct Active<F> {
    fault: F,
    tally: Tally,
    /// The bad state of a loss in bursts.
    bad: bool,
    /// The fault's own stream, made on the first draw.
    stream: Option<Box<Stream>>,
}

impl<F> Active<F> {
    fn new(fault: F) -> Active<F> {
        Active { fault, tally: Tally::default(), bad: false, stream: None }
    }
}

impl Active<LinkFault> {
    fn concerns(&self, packet: &Packet) -> bool {
        contains(&self.fault.from, packet.from) && contains(&self.fault.to, packet.to)
    }

    /// Draws for one packet; true if the fault changed something for it. One that is lost already is not
    /// changed, but drawn for: no fault's draws depend on another fault.
    fn strike(
        &mut self,
        kernel: &Kernel,
        packet: &Packet,
        link: &mut Link,
        fate: &mut Fate,
        reasons: &Reasons,
    ) -> bool {
        let key = &self.fault.key;
        let stream = self
            .stream
            .get_or_insert_with(|| Box::new(kernel.seed().named_stream("link fault", key)));
        let before = fate.lost;
        match self.fault.effect {
            LinkEffect::Cut => fate.lost = Some(reasons.partition),
            LinkEffect::Loss(loss) if loss.takes(&mut self.bad, stream) => {
                fate.lost = Some(reasons.loss);
            }
            LinkEffect::Delay { delay, jitter } => {
                let jitter = nanos(jitter);
                fate.delay += nanos(delay) + stream.below(jitter + 1);
            }
            LinkEffect::Duplicate(p) if !packet.reliable && stream.chance(p) => {
                fate.duplicate = true;
            }
            LinkEffect::Reorder { p, by } if stream.chance(p) => fate.delay += nanos(by),
            // A checksum finds it: the datagram's reader does not look, TCP sends again.
            LinkEffect::Corrupt(p) if stream.chance(p) => {
                if packet.reliable {
                    fate.lost = Some(reasons.loss);
                } else {
                    fate.corrupt = Some(stream.below(u64::MAX));
                    if !has_bits(packet) {
                        return false;
                    }
                }
            }
            LinkEffect::Bandwidth { rate, queue } => {
                link.queue_up(kernel.now(), packet.size, rate, queue, reasons, fate);
            }
            _ => return false,
        }
        if before.is_some() {
            fate.lost = before;
            return false;
        }
        match fate.lost {
            Some(_) => fate.fault = Some(self.fault.fault),
            None => fate.hits.push(self.fault.fault),
        }
        true
    }
}

impl Faults {
    pub(super) fn begin(&mut self, fault: LinkFault) {
        self.links.push(Active::new(fault));
    }

    pub(super) fn end(&mut self, number: u32) {
        let ended = self.links.extract_if(.., |active| active.fault.fault.number == number);
        self.ended.extend(ended.map(|active| (active.fault.fault.number, active.tally)));
    }

    pub(super) fn add_message(&mut self, fault: MessageFault) {
        self.messages.push(Active::new(fault));
    }

    pub(super) fn heal(&mut self) {
        let ended = self.links.drain(..).map(|a| (a.fault.fault.number, a.tally));
        self.ended.extend(ended);
        let ended = self.messages.drain(..).map(|a| (a.fault.number, a.tally));
        self.ended.extend(ended);
        self.barriers = Barriers::default();
    }

    /// True if a fault asks where in a segment bodies are.
    pub(super) fn want_bodies(&self) -> bool {
        let cuts = |fault: &MessageFault| matches!(fault.effect, Effect::DropBytes { .. });
        self.messages.iter().any(|active| cuts(&active.fault))
    }

    /// A fault strikes that was only waiting for its byte.
    pub(super) fn count_hit(&mut self, number: u32) {
        let mut messages = self.messages.iter_mut();
        if let Some(active) = messages.find(|active| active.fault.number == number) {
            active.tally.hits += 1;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.links.is_empty() && self.messages.is_empty()
    }

    /// The first message fault whose turn it is; all that fit count the message.
    pub(super) fn strike(&mut self, kernel: &Kernel, packet: &Packet) -> Option<Struck> {
        let mut struck = None;
        for active in &mut self.messages {
            let fault = &active.fault;
            // A reply is named by its request: its `from` is the caller.
            let (from, to) = match fault.leg {
                Leg::Reply => (packet.to, packet.from),
                Leg::Request | Leg::Message => (packet.from, packet.to),
            };
            let ends = contains(&fault.from, from) && contains(&fault.to, to);
            if !ends || !fault.which.fits(kernel, fault.leg, packet) {
                continue;
            }
            active.tally.opportunities += 1;
            let place = fault.which.place(active.tally.opportunities, packet);
            let idle = fault.effect == Effect::Corrupt && !has_bits(packet);
            if let (Some(at), None, false) = (place, struck, idle) {
                // A break counts when its byte comes, which need not be.
                let breaks = match fault.effect {
                    Effect::DropBytes { .. } => true,
                    effect => effect == Effect::Reset && at > 0,
                };
                let waits = breaks && packet.payload.segment().is_some();
                active.tally.hits += u64::from(!waits);
                let has_body = matches!(fault.which, Which::Labelled { .. });
                let (number, effect) = (fault.number, fault.effect);
                struck = Some(Struck { number, effect, at, has_body });
            }
        }
        struck
    }

    /// Lets every link fault act on a packet's fate.
    pub(super) fn apply(
        &mut self,
        kernel: &Kernel,
        packet: &Packet,
        link: &mut Link,
        fate: &mut Fate,
        reasons: &Reasons,
    ) {
        for active in &mut self.links {
            if active.concerns(packet) {
                active.tally.opportunities += 1;
                let hit = active.strike(kernel, packet, link, fate, reasons);
                active.tally.hits += u64::from(hit);
            }
        }
    }

    /// The fault by which a packet that arrives now was cut off on its way.
    pub(super) fn cut(&mut self, packet: &Packet) -> Option<FaultRef> {
        let mut links = self.links.iter_mut();
        let active = links
            .find(|active| active.fault.effect == LinkEffect::Cut && active.concerns(packet))?;
        active.tally.opportunities += 1;
        active.tally.hits += 1;
        Some(active.fault.fault)
    }

    /// True if a fault of their link may keep what goes from one node to the other from arriving.
    pub(super) fn may_silence(&self, from: NodeId, to: NodeId) -> bool {
        let mut faults = self.links.iter().map(|active| &active.fault);
        faults.any(|fault| contains(&fault.from, from) && contains(&fault.to, to))
    }

    pub(super) fn tallies(&self) -> Vec<(u32, Tally)> {
        let links = self.links.iter().map(|a| (a.fault.fault.number, a.tally));
        let messages = self.messages.iter().map(|a| (a.fault.number, a.tally));
        self.ended.iter().copied().chain(links).chain(messages).collect()
    }
}

impl Which {
    /// True if a message is one of those that are counted.
    fn fits(&self, kernel: &Kernel, leg: Leg, packet: &Packet) -> bool {
        match self {
            Which::Labelled { label, .. } => {
                leg == packet.leg
                    && label.as_ref().is_none_or(|label| {
                        kernel.with_recorder(|r| r.symbol_text(packet.label) == label)
                    })
            }
            Which::Segment { conn, .. } | Which::Byte { conn, .. } => {
                packet.payload.segment().is_some_and(|segment| {
                    let place = segment.place();
                    place.conn == *conn && place.of_opener == (leg == Leg::Request)
                })
            }
        }
    }

    /// The byte of the message with which the fault begins, if it is this one's turn: the `count`-th
    /// that fits.
    fn place(&self, count: u64, packet: &Packet) -> Option<u64> {
        match self {
            Which::Labelled { n, .. } => (*n == count).then_some(0),
            Which::Segment { segment, .. } => {
                (packet.payload.segment()?.place().segment == *segment).then_some(0)
            }
            Which::Byte { byte, .. } => {
                let bytes = packet.payload.segment()?.bytes();
                bytes.contains(byte).then(|| byte - bytes.start)
            }
        }
    }
}

/// True if there is a bit to flip: headers are not corrupted.
fn has_bits(packet: &Packet) -> bool {
    match &packet.payload {
        Payload::Datagram(datagram) => !datagram.bytes().is_empty(),
        Payload::Http(envelope) => envelope.has_body(),
        // A segment's checksum is over its header, too.
        Payload::Stream(_) => true,
    }
}

fn contains(sorted: &[NodeId], node: NodeId) -> bool {
    sorted.binary_search(&node).is_ok()
}
