//! The network: directed links between nodes, and what goes over them.
//!
//! Everything that travels is a packet: a datagram, a segment of a stream, an HTTP message.
//! `transmit` records the send, asks the faults and the link what becomes of it, and puts its
//! arrival into the kernel's queue; arriving, it is handed to its transport. A *reliable* packet
//! (streams, HTTP) that is lost or cut off is sent again with backoff, as TCP does it, so loss
//! costs time; an unreliable one (datagrams) is gone.

mod barrier;
mod datagram;
mod delay;
mod fault;
mod link;
mod links;
mod stream;
mod strike;

pub use datagram::{Addr, Endpoint};
pub use delay::Delay;
pub use fault::Tally;
pub(crate) use fault::{FaultRef, LinkEffect, LinkFault, MessageFault, Which};
pub(crate) use link::Weather;
pub use link::{LinkProfile, Loss};
pub use stream::{Connection, How, KeepAlive, Listener, Readiness};

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use slab::Slab;

use crate::chaos::Leg;
use crate::journal::{Entry, EventId, Kind, NodeId, Symbol};
use crate::kernel::current::{self, Installed, Part};
use crate::kernel::{Kernel, Target};
use crate::node::{self, Life};
use crate::service::Envelope;
use crate::time::Time;
use datagram::{Datagram, Sockets};
use fault::Faults;
use link::{Fate, LOOPBACK};
use links::Links;
use stream::{Segment, Streams};

/// The first wait before a lost reliable packet is sent again (Linux: `TCP_RTO_MIN` 200 ms);
/// it doubles each time.
const RETRANSMIT_FIRST: Duration = Duration::from_millis(200);
/// The longest wait (Linux: `TCP_RTO_MAX`).
const RETRANSMIT_LONGEST: Duration = Duration::from_secs(120);
/// Sent again so often, a reliable packet is given up after one more wait, 924.6 s after its
/// first loss (Linux: `tcp_retries2` 15).
const RETRANSMIT_MAX: u8 = 15;

/// What a packet carries.
#[derive(Clone)]
pub(crate) enum Payload {
    Datagram(Datagram),
    Http(Box<Envelope>),
    Stream(Box<Segment>),
}

/// One message on its way.
#[derive(Clone)]
pub(crate) struct Packet {
    pub from: NodeId,
    pub to: NodeId,
    pub label: Symbol,
    pub leg: Leg,
    /// Bytes on the wire.
    pub size: u32,
    pub reliable: bool,
    /// How often it was sent again.
    pub attempts: u8,
    /// The event of its sending.
    pub sent: EventId,
    /// The last event in which a fault of its link changed it; its arrival rests on that.
    pub hit: EventId,
    pub payload: Payload,
}

/// The links of a world and what is on them.
pub(crate) struct Net {
    links: RefCell<Links>,
    in_flight: RefCell<Slab<Packet>>,
    sockets: RefCell<Sockets>,
    streams: RefCell<Streams>,
    faults: RefCell<Faults>,
    /// True while no fault of links or messages is in force.
    calm: Cell<bool>,
    /// By node: every message asks for two of them.
    lives: RefCell<Vec<Life>>,
    /// Why packets are lost, as symbols of the journal.
    reasons: Reasons,
}

/// The reasons why a packet does not arrive.
pub(crate) struct Reasons {
    pub fault: Symbol,
    pub loss: Symbol,
    pub partition: Symbol,
    pub queue: Symbol,
    pub off: Symbol,
    pub down: Symbol,
    pub nobody: Symbol,
    pub too_long: Symbol,
    pub given_up: Symbol,
}

thread_local! {
    static NET: Part<Net> = const { Part::empty() };
}

pub(crate) fn install(kernel: &Kernel, profile: LinkProfile) -> Installed<Net> {
    let symbol = |text| kernel.symbol(text);
    let reasons = Reasons {
        fault: symbol("fault"),
        loss: symbol("loss"),
        partition: symbol("partition"),
        queue: symbol("queue full"),
        off: symbol("machine is off"),
        down: symbol("process is down"),
        nobody: symbol("nobody listens"),
        too_long: symbol("longer than the MTU"),
        given_up: symbol("given up"),
    };
    let net = Net {
        links: RefCell::new(Links::new(profile)),
        in_flight: RefCell::default(),
        sockets: RefCell::default(),
        streams: RefCell::default(),
        faults: RefCell::default(),
        calm: Cell::new(true),
        lives: RefCell::default(),
        reasons,
    };
    current::install(&NET, Rc::new(net))
}

/// Calls `f` with the running world's network.
pub(crate) fn with<R>(f: impl FnOnce(&Net) -> R) -> R {
    current::part(&NET, |net| f(net))
}

/// Gives the links from one node to another a profile of their own.
pub(crate) fn set_profile(from: NodeId, to: NodeId, profile: Rc<Weather>) {
    with(|net| net.links.borrow_mut().set_profile(from, to, profile));
}

/// Sends a packet; the event of its sending, or none if its sender is not up.
pub(crate) fn transmit(kernel: &Kernel, mut packet: Packet, entry: Entry) -> EventId {
    current::part(&NET, |net| {
        if !net.life(packet.from).is_up() {
            return EventId::NONE;
        }
        let sent = kernel.record(entry);
        packet.sent = sent;
        if let Payload::Datagram(datagram) = &packet.payload {
            kernel.attach_payload(sent, datagram.bytes());
        }
        net.send(kernel, packet);
        sent
    })
}

/// Sends what the machine itself answers when no process does: a reset. It is no message that has
/// a name, so message faults neither strike nor count it.
pub(crate) fn transmit_from_machine(kernel: &Kernel, packet: Packet) {
    current::part(&NET, |net| net.route(kernel, packet, 0));
}

/// A process or machine went down: its sockets and connections are gone.
pub(crate) fn forget_node(kernel: &Kernel, node: NodeId) {
    stream::forget_node(kernel, node);
    let gone = with(|net| net.sockets.borrow_mut().close_all(node));
    drop(gone);
}

/// Begins a fault of links.
pub(crate) fn begin_link_fault(fault: LinkFault) {
    with(|net| net.change_faults(|faults| faults.begin(fault)));
}

/// Ends the link faults of that number.
pub(crate) fn end_link_fault(number: u32) {
    with(|net| net.change_faults(|faults| faults.end(number)));
}

/// Adds a fault that strikes one message by its name.
pub(crate) fn add_message_fault(fault: MessageFault) {
    with(|net| net.change_faults(|faults| faults.add_message(fault)));
}

/// Ends all faults of links and messages.
pub(crate) fn heal() {
    with(|net| net.change_faults(Faults::heal));
}

/// How often each fault could have struck, and did; by number.
pub(crate) fn tallies() -> Vec<(u32, Tally)> {
    with(|net| net.faults.borrow().tallies())
}

impl Net {
    #[inline]
    pub(crate) fn life(&self, node: NodeId) -> Life {
        self.lives.borrow()[node.0 as usize]
    }

    pub(crate) fn set_life(&self, node: NodeId, life: Life) {
        let mut lives = self.lives.borrow_mut();
        let len = lives.len().max(node.0 as usize + 1);
        lives.resize(len, Life::Down);
        lives[node.0 as usize] = life;
    }

    fn change_faults(&self, change: impl FnOnce(&mut Faults)) {
        let mut faults = self.faults.borrow_mut();
        change(&mut faults);
        self.calm.set(faults.is_empty());
        self.streams.borrow_mut().want_bodies(faults.want_bodies());
    }

    /// Puts a packet on its way.
    #[inline]
    fn send(self: &Rc<Self>, kernel: &Kernel, packet: Packet) {
        match self.plain_delay(kernel, &packet) {
            Some(delay) => self.put_in_flight(kernel, packet, delay),
            None => self.send_through_weather(kernel, packet),
        }
    }

    /// The delay of a packet to which nothing else can happen, as is so for nearly all of them.
    #[inline]
    fn plain_delay(&self, kernel: &Kernel, packet: &Packet) -> Option<u64> {
        if !self.calm.get() {
            return None;
        }
        if packet.from == packet.to {
            return Some(LOOPBACK);
        }
        let mut links = self.links.borrow_mut();
        links.get(kernel, packet.from, packet.to).plain_delay(packet.size, packet.reliable)
    }

    fn duplicate(self: &Rc<Self>, kernel: &Kernel, mut copy: Packet, cause: EventId) {
        let entry = Entry::new(Kind::Duplicate, copy.from).peer(copy.to).symbol(copy.label);
        copy.sent = kernel.record_caused(entry, cause);
        copy.hit = EventId::NONE;
        let fate = self.fate(kernel, &copy);
        self.follow(kernel, copy, &fate, 0);
    }

    /// Puts a packet on its link, which decides whether and when it arrives.
    fn route(self: &Rc<Self>, kernel: &Kernel, packet: Packet, extra: u64) {
        let Some(mut packet) = self.pass(kernel, packet) else { return };
        let fate = self.fate(kernel, &packet);
        for fault in &fate.hits {
            packet.hit = record_hit(kernel, &packet, *fault);
        }
        let duplicate = (fate.duplicate && !packet.reliable).then(|| packet.clone());
        self.follow(kernel, packet, &fate, extra);
        if let Some(copy) = duplicate {
            let cause = copy.rests_on();
            self.duplicate(kernel, copy, cause);
        }
    }

    /// Lets a packet's fate happen, but for its duplicate: a copy has none of its own.
    fn follow(self: &Rc<Self>, kernel: &Kernel, mut packet: Packet, fate: &Fate, extra: u64) {
        match fate.lost {
            Some(reason) if packet.reliable => self.send_again(kernel, packet, reason, fate.fault),
            Some(reason) => self.lose(kernel, packet, reason, fate.fault),
            None => {
                if let Some(draw) = fate.corrupt.filter(|_| !packet.reliable) {
                    packet.payload.corrupt(draw);
                }
                self.put_in_flight(kernel, packet, fate.delay + extra);
            }
        }
    }

    #[inline]
    fn put_in_flight(self: &Rc<Self>, kernel: &Kernel, packet: Packet, delay: u64) {
        let token = self.in_flight.borrow_mut().insert(packet) as u64;
        kernel.schedule(Time(kernel.now().0 + delay), self.clone(), token);
    }

    fn fate(&self, kernel: &Kernel, packet: &Packet) -> Fate {
        if packet.from == packet.to {
            return Fate::loopback();
        }
        let mut links = self.links.borrow_mut();
        let link = links.get(kernel, packet.from, packet.to);
        let mut fate = link.fate(kernel.now(), packet.size, packet.reliable, &self.reasons);
        self.faults.borrow_mut().apply(kernel, packet, link, &mut fate, &self.reasons);
        fate
    }

    /// A reliable packet was lost: it is sent again after a while.
    fn send_again(
        self: &Rc<Self>,
        kernel: &Kernel,
        mut packet: Packet,
        reason: Symbol,
        fault: Option<FaultRef>,
    ) {
        if packet.payload.segment().is_none() && node::went_dark_after(packet.from, packet.sent) {
            return self.lose(kernel, packet, self.reasons.off, None);
        }
        let (first, _) = packet.payload.patience();
        let wait = first * 2u32.pow(u32::from(packet.attempts.min(10)));
        packet.attempts += 1;
        let lost = record_loss(kernel, &packet, reason, fault, u32::from(packet.attempts));
        packet.hit = EventId::NONE;
        packet.payload.note_loss(lost);
        self.put_aside(kernel, packet, wait.min(RETRANSMIT_LONGEST));
    }

    /// Sends a packet again after a wait.
    fn put_aside(self: &Rc<Self>, kernel: &Kernel, packet: Packet, wait: Duration) {
        let token = self.in_flight.borrow_mut().insert(packet) as u64 | AGAIN;
        kernel.schedule(kernel.now() + wait, self.clone(), token);
    }

    /// The wait after a loss is over.
    fn retry(self: &Rc<Self>, kernel: &Kernel, packet: Packet) {
        let segment = packet.payload.segment();
        if segment.is_some_and(|segment| !stream::is_wanted(self, &packet, segment)) {
            return;
        }
        if segment.is_none() && node::went_dark_after(packet.from, packet.sent) {
            return self.lose(kernel, packet, self.reasons.off, None);
        }
        // Nobody connects any more, and what was said on a connection of an earlier life is not heard in
        // this one. To the same life a closed connection would still deliver what was written.
        if packet.payload.is_abandoned() && node::is_new_since(packet.to, packet.sent) {
            return self.lose(kernel, packet, kernel.symbol("nobody waits for it"), None);
        }
        let (_, retries) = packet.payload.patience();
        if packet.attempts <= retries {
            return self.route(kernel, packet, 0);
        }
        let entry = Entry::new(Kind::Drop, packet.from).peer(packet.to);
        let lost = kernel.record_caused(entry.symbol(self.reasons.given_up), packet.sent);
        packet.payload.note_loss(lost);
        if let Some(segment) = segment {
            stream::give_up(self, kernel, segment, lost);
        }
    }

    /// A packet is gone for good; whoever waits for it is not told.
    fn lose(&self, kernel: &Kernel, packet: Packet, reason: Symbol, fault: Option<FaultRef>) {
        let lost = record_loss(kernel, &packet, reason, fault, 0);
        packet.payload.note_loss(lost);
    }

    /// The connection of a packet breaks: its sender, or who waits for it, sees a reset.
    fn reset(&self, kernel: &Kernel, packet: Packet, fault: Option<u32>) {
        let entry = Entry::new(Kind::Reset, packet.from).peer(packet.to);
        let fault = fault.map_or(0, |number| u64::from(number) + 1);
        let broken =
            kernel.record_caused(entry.symbol(self.reasons.fault).value(fault), packet.sent);
        packet.payload.break_connection(kernel, broken);
    }

    /// A packet is at its destination.
    #[inline]
    fn arrive(self: &Rc<Self>, kernel: &Kernel, packet: Packet) {
        let cut = match packet.from != packet.to && !self.calm.get() {
            true => self.faults.borrow_mut().cut(&packet),
            false => None,
        };
        let life = self.life(packet.to);
        let reason = match (cut, life.machine_is_on()) {
            (Some(_), _) => Some(self.reasons.partition),
            (_, false) => Some(self.reasons.off),
            _ => None,
        };
        match reason {
            Some(reason) if packet.reliable => {
                return self.send_again(kernel, packet, reason, cut);
            }
            Some(reason) => return self.lose(kernel, packet, reason, cut),
            None => {}
        }
        if packet.payload.segment().is_some() {
            return stream::deliver(self, kernel, packet);
        }
        if !life.is_up() {
            return match packet.payload {
                Payload::Datagram(_) => self.lose(kernel, packet, self.reasons.down, None),
                Payload::Http(_) => crate::service::refuse(kernel, packet, self.reasons.down),
                Payload::Stream(_) => unreachable!("delivered above"),
            };
        }
        match packet.payload {
            Payload::Datagram(_) => datagram::deliver(self, kernel, packet),
            Payload::Http(_) => crate::service::deliver(kernel, packet),
            Payload::Stream(_) => unreachable!("delivered above"),
        }
    }

    /// Records an arrival; what it leads to rests on it.
    #[inline]
    pub(crate) fn record_delivery(kernel: &Kernel, packet: &Packet) -> EventId {
        let entry = Entry::new(Kind::Deliver, packet.to).peer(packet.from).symbol(packet.label);
        kernel.record_caused(entry, packet.rests_on())
    }
}

/// Records that a packet did not arrive: why, by which fault, and how often it was lost so far if it
/// is sent again.
fn record_loss(
    kernel: &Kernel,
    packet: &Packet,
    reason: Symbol,
    fault: Option<FaultRef>,
    attempts: u32,
) -> EventId {
    let number = fault.map_or(0, |fault| u64::from(fault.number) + 1);
    let entry = Entry::new(Kind::Drop, packet.from).peer(packet.to).symbol(reason);
    let entry = entry.value(number).extra(attempts);
    record_of(kernel, packet, entry, fault)
}

/// Records that a fault strikes a packet which goes on its way.
fn record_hit(kernel: &Kernel, packet: &Packet, fault: FaultRef) -> EventId {
    let entry = Entry::new(Kind::FaultHit, packet.from).peer(packet.to).symbol(packet.label);
    record_of(kernel, packet, entry.value(u64::from(fault.number)), Some(fault))
}

/// Records what happens to a packet on its way; it rests on the beginning of the fault, if that has one.
fn record_of(kernel: &Kernel, packet: &Packet, entry: Entry, fault: Option<FaultRef>) -> EventId {
    match fault {
        Some(FaultRef { begun, .. }) if begun != EventId::NONE => {
            kernel.record_apart(entry, begun, packet.rests_on())
        }
        _ => kernel.record_caused(entry, packet.rests_on()),
    }
}

impl Packet {
    /// The event that what becomes of it rests on.
    #[inline]
    fn rests_on(&self) -> EventId {
        if self.hit == EventId::NONE { self.sent } else { self.hit }
    }
}

/// Marks the token of a packet that is to be sent again, not delivered.
const AGAIN: u64 = 1 << 63;

impl Target for Net {
    fn fire(self: Rc<Self>, kernel: &Kernel, token: u64) {
        let packet = self.in_flight.borrow_mut().remove((token & !AGAIN) as usize);
        if token & AGAIN != 0 {
            self.retry(kernel, packet);
        } else {
            self.arrive(kernel, packet);
        }
    }
}

impl Payload {
    fn corrupt(&mut self, draw: u64) {
        match self {
            Payload::Datagram(datagram) => datagram.flip_a_bit(draw),
            Payload::Http(envelope) => envelope.flip_a_bit(draw),
            // A checksum finds it.
            Payload::Stream(_) => {}
        }
    }

    /// Tells who waits for this packet which event lost it, for the journal's *lost* edge.
    fn note_loss(&self, lost: EventId) {
        match self {
            Payload::Datagram(_) => {}
            Payload::Http(envelope) => envelope.note_loss(lost),
            Payload::Stream(segment) => with(|net| stream::note_loss(net, segment, lost)),
        }
    }

    fn break_connection(&self, kernel: &Kernel, broken: EventId) {
        match self {
            Payload::Datagram(_) => {}
            Payload::Http(envelope) => envelope.break_connection(kernel, broken),
            Payload::Stream(segment) => {
                current::part(&NET, |net| stream::reset(net, kernel, segment, broken));
            }
        }
    }

    /// True if it is a request that nobody waits for any more.
    fn is_abandoned(&self) -> bool {
        matches!(self, Payload::Http(envelope) if envelope.is_abandoned())
    }

    /// The first wait before it is sent again, and how often that is done.
    fn patience(&self) -> (Duration, u8) {
        self.segment().map_or((RETRANSMIT_FIRST, RETRANSMIT_MAX), stream::patience)
    }
}
