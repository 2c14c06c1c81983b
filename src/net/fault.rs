//! The faults of links and messages that are in force.

use std::time::Duration;

use super::link::{Fate, Link};
use super::{Loss, Packet, Payload, Reasons};
use crate::chaos::{Effect, Leg};
use crate::journal::NodeId;
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
    /// Its number in the plan.
    pub number: u32,
    /// Names its stream: what it does and to whom. Its number would move when another is left out.
    pub key: String,
    /// Sorted, as `to` is.
    pub from: Vec<NodeId>,
    pub to: Vec<NodeId>,
    pub effect: LinkEffect,
}

/// A fault that strikes the n-th message that fits.
#[derive(Clone, Debug)]
pub(crate) struct MessageFault {
    /// Its number in the plan.
    pub number: u32,
    /// Sorted, as `to` is.
    pub from: Vec<NodeId>,
    pub to: Vec<NodeId>,
    /// None fits every label.
    pub label: Option<String>,
    pub leg: Leg,
    /// From 1.
    pub n: u64,
    pub effect: Effect,
}

#[derive(Default)]
pub(super) struct Faults {
    links: Vec<Active<LinkFault>>,
    messages: Vec<Active<MessageFault>>,
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

    /// Draws for one packet; true if the fault did something to it.
    fn strike(
        &mut self,
        kernel: &Kernel,
        packet: &Packet,
        link: &mut Link,
        fate: &mut Fate,
        reasons: &Reasons,
    ) -> bool {
        let (number, key) = (self.fault.number, &self.fault.key);
        let stream = self
            .stream
            .get_or_insert_with(|| Box::new(kernel.seed().named_stream("link fault", key)));
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
                    return has_bits(packet);
                }
            }
            LinkEffect::Bandwidth { rate, queue } => {
                link.queue_up(kernel.now(), packet.size, rate, queue, reasons, fate);
            }
            _ => return false,
        }
        if fate.lost.is_some() {
            fate.fault = Some(number);
        }
        true
    }
}

impl Faults {
    pub(super) fn begin(&mut self, fault: LinkFault) {
        self.links.push(Active::new(fault));
    }

    pub(super) fn end(&mut self, number: u32) {
        let ended = self.links.extract_if(.., |active| active.fault.number == number);
        self.ended.extend(ended.map(|active| (active.fault.number, active.tally)));
    }

    pub(super) fn add_message(&mut self, fault: MessageFault) {
        self.messages.push(Active::new(fault));
    }

    pub(super) fn heal(&mut self) {
        let ended = self.links.drain(..).map(|a| (a.fault.number, a.tally));
        self.ended.extend(ended);
        let ended = self.messages.drain(..).map(|a| (a.fault.number, a.tally));
        self.ended.extend(ended);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.links.is_empty() && self.messages.is_empty()
    }

    /// The first message fault whose turn it is; all that fit count the message.
    pub(super) fn strike(&mut self, kernel: &Kernel, packet: &Packet) -> Option<(u32, Effect)> {
        let mut struck = None;
        for active in &mut self.messages {
            let fault = &active.fault;
            // A reply is named by its request: its `from` is the caller.
            let (from, to) = match packet.leg {
                Leg::Reply => (packet.to, packet.from),
                Leg::Request | Leg::Message => (packet.from, packet.to),
            };
            let fits = fault.leg == packet.leg
                && contains(&fault.from, from)
                && contains(&fault.to, to)
                && fault.label.as_ref().is_none_or(|label| {
                    kernel.with_recorder(|r| r.symbol_text(packet.label) == label)
                });
            if !fits {
                continue;
            }
            active.tally.opportunities += 1;
            let idle = fault.effect == Effect::Corrupt && !has_bits(packet);
            if active.tally.opportunities == fault.n && struck.is_none() && !idle {
                active.tally.hits += 1;
                struck = Some((fault.number, fault.effect));
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

    /// True if a packet that arrives now was cut off on its way.
    pub(super) fn is_cut(&mut self, packet: &Packet) -> bool {
        let cut = self
            .links
            .iter_mut()
            .find(|active| active.fault.effect == LinkEffect::Cut && active.concerns(packet));
        if let Some(active) = cut {
            active.tally.opportunities += 1;
            active.tally.hits += 1;
            return true;
        }
        false
    }

    pub(super) fn tallies(&self) -> Vec<(u32, Tally)> {
        let links = self.links.iter().map(|a| (a.fault.number, a.tally));
        let messages = self.messages.iter().map(|a| (a.fault.number, a.tally));
        self.ended.iter().copied().chain(links).chain(messages).collect()
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
