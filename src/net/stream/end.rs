//! One end of a connection, and what its machine does with it.

use std::collections::BTreeMap;
use std::io;
use std::task::Waker;
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64;

use super::alive::Alive;
use super::incoming::Incoming;
use super::outgoing::Outgoing;
use super::outgoing::Piece;
use super::segment::{Content, Place, Segment};
use super::wire::{Body, Message, Part, Talk, Told, Wire};
use super::{ACK_DELAY, Addr, BUFFER, EndId, FIN_LIMIT, Job, Numbers, Streams};
use crate::chaos::Leg;
use crate::journal::{Entry, EventId, Head, Kind, Symbol};
use crate::kernel::{Kernel, Key};
use crate::net::{Packet, Payload};
use crate::time::Time;

/// Messages of one half of an HTTP/2 connection whose bodies may still go on.
const BEGUN_MAX: usize = 1000;

/// How far a connection is, as one of its ends sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// A SYN is on its way.
    Connecting,
    /// A SYN has arrived; whoever sent it has not said that it heard the answer.
    Arriving,
    Open,
    /// Refused, reset, timed out.
    Dead,
}

/// One end of a connection.
pub(super) struct End {
    pub(super) id: EndId,
    pub(super) state: State,
    /// True for the end that asked for the connection: its port is its own.
    pub(super) opener: bool,
    pub(super) numbers: Numbers,
    pub(super) local: Addr,
    pub(super) peer: Addr,
    /// The other end, once it is known.
    pub(super) other: EndId,
    pub(super) label: Symbol,
    /// What it has sent, as far as it was understood.
    pub(super) wire: Wire,
    /// Of the end that opened the connection: its requests that wait for a response.
    pub(super) talk: Talk,
    /// The events that sent its latest messages, by the messages' numbers.
    pub(super) begun: BTreeMap<u32, EventId>,
    /// Segments with data that it has sent.
    pub(super) segments: u64,
    /// True once nobody holds it: it finishes its work, and goes.
    pub(super) closed: bool,
    pub(super) read_shut: bool,
    pub(super) out: Outgoing,
    pub(super) incoming: Incoming,
    /// Of an end that connects: the end that its SYN made, or nobody's if it was heard and refused;
    /// and how many SYNs it has sent.
    pub(super) made: Option<EndId>,
    pub(super) syns: u8,
    /// Why it is dead, until somebody was told.
    pub(super) error: Option<io::ErrorKind>,
    /// The event that lost one of its segments last.
    pub(super) lost: EventId,
    /// Grows whenever its readiness may have changed.
    pub(super) edge: u64,
    pub(super) reader: Option<Waker>,
    pub(super) writer: Option<Waker>,
    /// Woken at every edge.
    pub(super) watcher: Option<Waker>,
    /// How long it bears no progress in connecting and sending.
    pub(super) patience: Option<Duration>,
    /// When there was progress last; of an end that connects, when it began.
    pub(super) progress: Time,
    pub(super) deadline: Option<Key>,
    pub(super) ack_due: Option<Key>,
    /// How it looks after the other end, if it does.
    pub(super) alive: Option<Box<Alive>>,
    /// What its reader and its writer wait for, for the report of a deadlock.
    pub(super) waits: [Option<Symbol>; 2],
}

impl End {
    pub(super) fn new(
        id: EndId,
        state: State,
        numbers: Numbers,
        local: Addr,
        peer: Addr,
        label: Symbol,
    ) -> End {
        End {
            id,
            state,
            opener: state == State::Connecting,
            numbers,
            local,
            peer,
            other: EndId::default(),
            label,
            wire: Wire::default(),
            talk: Talk::default(),
            begun: BTreeMap::new(),
            segments: 0,
            closed: false,
            read_shut: false,
            out: Outgoing::new(BUFFER),
            incoming: Incoming::new(BUFFER),
            made: None,
            syns: 1,
            error: None,
            lost: EventId::NONE,
            edge: 0,
            reader: None,
            writer: None,
            watcher: None,
            patience: None,
            progress: Time::ZERO,
            deadline: None,
            ack_due: None,
            alive: None,
            waits: [None; 2],
        }
    }

    /// A packet to the other end, which says how far this one has got.
    pub(super) fn packet(&mut self, content: Content, sent: EventId) -> Packet {
        let numbers = self.incoming.tell();
        self.packet_with(content, sent, numbers)
    }

    /// A packet that is sent once. It may be lost, so it says nothing that those before it did not.
    pub(super) fn packet_once(&self, content: Content, sent: EventId) -> Packet {
        self.packet_with(content, sent, self.incoming.told())
    }

    fn packet_with(&self, content: Content, sent: EventId, (ack, limit): (u64, u64)) -> Packet {
        let place = Place::default();
        let segment = Segment { from: self.id, to: self.other, content, ack, limit, place };
        segment.packet(self.local, self.peer, self.label, sent)
    }

    /// Keeps what the segment that `sent` says of messages: the one that begins in it, and bodies.
    fn keep(
        &mut self,
        kernel: &Kernel,
        sent: EventId,
        begins: Option<(Message, Head)>,
        bodies: &[Body],
    ) {
        if let Some((message, head)) = begins {
            if message.leg == Leg::Request {
                self.talk.was_sent(message.number, sent);
            }
            // HTTP/1.1 sends one message after the other; the rest of one may stand before the next.
            let most = if matches!(self.wire, Wire::Http1(_)) { 2 } else { BEGUN_MAX };
            if self.begun.len() >= most {
                self.begun.pop_first();
            }
            self.begun.insert(message.number, sent);
            kernel.attach_http(sent, message.answers, head, false);
        }
        for Body { message, at, length } in bodies {
            if let Some(message) = self.begun.get(message) {
                kernel.attach_body_part(*message, sent, *at, *length);
            }
        }
    }

    /// An event of this end.
    pub(super) fn event(&self, symbol: Symbol) -> Entry {
        let entry = Entry::new(Kind::Connection, self.local.node).peer(self.peer.node);
        entry.symbol(symbol).value(self.numbers.world)
    }

    /// What a call returns when nothing can be done: why the connection is dead, once.
    pub(super) fn take_error(&mut self) -> io::Result<()> {
        self.error.take().map_or(Ok(()), |kind| Err(kind.into()))
    }
}

impl Streams {
    /// Something changed for whoever reads, writes or watches this end.
    pub(super) fn wake(&mut self, id: EndId, reader: bool, writer: bool) {
        let Some(end) = self.ends.get_mut(id.index as usize) else { return };
        end.edge += 1;
        let wakers = [
            if reader { end.reader.take() } else { None },
            if writer { end.writer.take() } else { None },
            end.watcher.clone(),
        ];
        self.jobs.extend(wakers.into_iter().flatten().map(Job::Wake));
    }

    /// What the next bytes of an end say.
    fn understand(&mut self, kernel: &Kernel, id: EndId, bytes: &[u8]) -> Told {
        let wants_bodies = self.wants_bodies || kernel.keeps_all();
        let end = &mut self.ends[id.index as usize];
        if bytes.is_empty() || matches!(end.wire, Wire::Unknown) {
            return Told::default();
        }
        let (opener, other) = (end.opener, end.other);
        let mut wire = std::mem::take(&mut end.wire);
        let mut nobody = Talk::default();
        let asker = self.get(if opener { id } else { other });
        let talk = asker.map_or(&mut nobody, |asker| &mut asker.talk);
        let told =
            kernel.with_recorder(|names| wire.read(bytes, opener, talk, names, wants_bodies));
        self.ends[id.index as usize].wire = wire;
        told
    }

    /// Sends what may be sent.
    pub(super) fn push(&mut self, kernel: &Kernel, id: EndId) {
        let Some(end) = self.ends.get_mut(id.index as usize) else { return };
        if end.state != State::Open {
            return;
        }
        let was_idle = !end.out.is_unacked();
        while let Some(piece) = self.ends[id.index as usize].out.next() {
            let told = self.understand(kernel, id, &piece.bytes);
            for part in kernel.with_recorder(|names| told.cut(piece, names)) {
                self.send(kernel, id, part);
            }
        }
        let end = &mut self.ends[id.index as usize];
        if was_idle {
            end.progress = kernel.now();
        }
        let waits = end.patience.is_some() && end.deadline.is_none() && !end.out.is_drained();
        if let Some(patience) = end.patience.filter(|_| waits) {
            self.set_deadline(kernel, id, patience);
        }
    }

    /// Sends a segment, whose name is that of the message that begins in it, or of the connection.
    fn send(&mut self, kernel: &Kernel, id: EndId, part: Part) {
        let end = &mut self.ends[id.index as usize];
        let Part { piece: Piece { seq, bytes, fin }, message, head, text, bodies } = part;
        let (label, leg) = message.map_or((end.label, Leg::Message), |m| (m.label, m.leg));
        if bytes.is_empty() {
            let packet = end.packet(Content::Data { seq, bytes, fin }, kernel.here());
            return self.jobs.push_back(Job::Control(packet));
        }
        end.segments += 1;
        let place = Place {
            conn: end.numbers.pair,
            of_opener: end.opener,
            segment: end.segments,
            message: message.map_or(0, |message| message.number),
            bodies: Vec::new(),
            breaks: false,
        };
        let entry = Entry::new(Kind::Send, end.local.node).peer(end.peer.node).symbol(label);
        let status = message.map_or(0, |message| message.status);
        let sent = kernel.record(entry.value(xxh3_64(&bytes)).extra(u32::from(status)));
        kernel.attach_payload(sent, &bytes);
        if let Some(text) = text {
            kernel.attach_text(sent, || text);
        }
        if let Some(trace) = message.and_then(|message| message.trace) {
            kernel.attach_trace(sent, trace);
        }
        end.keep(kernel, sent, message.zip(head), &bodies);
        let mut packet = end.packet(Content::Data { seq, bytes, fin }, sent);
        (packet.label, packet.leg) = (label, leg);
        if let Payload::Stream(segment) = &mut packet.payload {
            segment.place = if self.wants_bodies { Place { bodies, ..place } } else { place };
        }
        self.jobs.push_back(Job::Send(packet));
    }

    /// Tells the other end how far this one has got.
    pub(super) fn ack(&mut self, kernel: &Kernel, id: EndId) {
        let Some(end) = self.ends.get_mut(id.index as usize) else { return };
        let packet = end.packet(Content::Ack, kernel.here());
        self.jobs.push_back(Job::Control(packet));
    }

    /// Acknowledges what has arrived, now or after a while in which data may do it.
    pub(super) fn ack_soon(&mut self, kernel: &Kernel, id: EndId, at_once: bool) {
        let end = self.ends.get_mut(id.index as usize).filter(|end| end.state == State::Open);
        let Some(end) = end else { return };
        let Some(since) = end.incoming.unacked_since() else { return };
        if at_once || end.incoming.must_ack() || kernel.now() >= since + ACK_DELAY {
            self.ack(kernel, id);
        } else if end.ack_due.is_none() {
            let words = self.words(kernel);
            let due = kernel.schedule(since + ACK_DELAY, words.ack.clone(), id.token());
            self.ends[id.index as usize].ack_due = Some(due);
        }
    }

    /// The timer of [`Streams::ack_soon`]: looks whether data went back since.
    pub(super) fn ack_is_due(&mut self, kernel: &Kernel, id: EndId) {
        let Some(end) = self.get(id) else { return };
        end.ack_due = None;
        self.ack_soon(kernel, id, false);
    }

    /// Sets the end's deadline in place of the one that it has.
    pub(super) fn set_deadline(&mut self, kernel: &Kernel, id: EndId, after: Duration) {
        let words = self.words(kernel);
        let Some(end) = self.ends.get_mut(id.index as usize) else { return };
        let at = kernel.now() + after;
        let before = end.deadline.replace(kernel.schedule(at, words.deadline.clone(), id.token()));
        before.map(|key| kernel.cancel(key));
    }

    pub(super) fn clear_deadline(&mut self, kernel: &Kernel, id: EndId) {
        let Some(end) = self.ends.get_mut(id.index as usize) else { return };
        end.deadline.take().map(|key| kernel.cancel(key));
    }

    /// A closed end that has nothing left to do goes; one that waits for the other one's FIN
    /// waits for so long.
    pub(super) fn sweep(&mut self, kernel: &Kernel, id: EndId) {
        let Some(end) = self.ends.get_mut(id.index as usize) else { return };
        if !end.out.is_drained() {
            return;
        }
        if !end.closed {
            return self.clear_deadline(kernel, id);
        }
        if end.incoming.is_finished() || end.state == State::Dead {
            self.remove(kernel, id);
        } else {
            self.set_deadline(kernel, id, FIN_LIMIT);
        }
    }

    /// Takes an end out of the tables; nothing of it stays.
    pub(super) fn remove(&mut self, kernel: &Kernel, id: EndId) {
        let Some(end) = self.ends.try_remove(id.index as usize) else { return };
        if end.opener {
            self.ports.remove(&end.local);
        }
        let probe = end.alive.and_then(|alive| alive.due);
        for key in [end.deadline, end.ack_due, probe].into_iter().flatten() {
            kernel.cancel(key);
        }
        let wakers = [end.reader, end.writer, end.watcher];
        self.jobs.extend(wakers.into_iter().flatten().map(Job::Wake));
    }
}
