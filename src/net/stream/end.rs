//! One end of a connection, and what its machine does with it.

use std::collections::VecDeque;
use std::io;
use std::task::Waker;
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64;

use super::incoming::Incoming;
use super::outgoing::Outgoing;
use super::segment::{Content, Segment};
use super::wire::{Asked, Wire};
use super::{ACK_DELAY, Addr, BUFFER, EndId, FIN_LIMIT, Job, Streams};
use crate::chaos::Leg;
use crate::journal::{Entry, EventId, Kind, Symbol};
use crate::kernel::{Kernel, Key};
use crate::net::Packet;
use crate::time::Time;

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
    /// The connection's number in its world.
    pub(super) number: u64,
    pub(super) local: Addr,
    pub(super) peer: Addr,
    /// The other end, once it is known.
    pub(super) other: EndId,
    pub(super) label: Symbol,
    /// What it has sent, as far as it was understood.
    pub(super) wire: Wire,
    /// Of the end that opened the connection: its requests that wait for a response.
    pub(super) asked: VecDeque<Asked>,
    /// True once nobody holds it: it finishes its work, and goes.
    pub(super) closed: bool,
    pub(super) read_shut: bool,
    pub(super) out: Outgoing,
    pub(super) incoming: Incoming,
    /// Of an end that connects: the end that its SYN made, and how many SYNs it has sent.
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
    /// How long it bears no progress in sending.
    pub(super) patience: Option<Duration>,
    /// When there was progress last.
    pub(super) progress: Time,
    pub(super) deadline: Option<Key>,
    pub(super) ack_due: Option<Key>,
    /// What its reader and its writer wait for, for the report of a deadlock.
    pub(super) waits: [Option<Symbol>; 2],
}

impl End {
    pub(super) fn new(
        id: EndId,
        state: State,
        number: u64,
        local: Addr,
        peer: Addr,
        label: Symbol,
    ) -> End {
        End {
            id,
            state,
            opener: state == State::Connecting,
            number,
            local,
            peer,
            other: EndId::default(),
            label,
            wire: Wire::default(),
            asked: VecDeque::new(),
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
            waits: [None; 2],
        }
    }

    /// A packet to the other end, which says how far this one has got.
    pub(super) fn packet(&mut self, content: Content, sent: EventId) -> Packet {
        let (ack, limit) = self.incoming.tell();
        let segment = Segment { from: self.id, to: self.other, content, ack, limit };
        segment.packet(self.local, self.peer, self.label, sent)
    }

    /// An event of this end.
    pub(super) fn event(&self, symbol: Symbol) -> Entry {
        let entry = Entry::new(Kind::Connection, self.local.node).peer(self.peer.node);
        entry.symbol(symbol).value(self.number)
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

    /// The name of what is sent: that of the message that begins in it, or of the connection.
    fn understand(&mut self, kernel: &Kernel, id: EndId, bytes: &[u8]) -> (Symbol, Leg) {
        let end = &mut self.ends[id.index as usize];
        let nothing = (end.label, Leg::Message);
        if bytes.is_empty() || matches!(end.wire, Wire::Rest) {
            return nothing;
        }
        let (opener, other) = (end.opener, end.other);
        let mut wire = std::mem::take(&mut end.wire);
        let asker = self.get(if opener { id } else { other });
        let mut nobody = VecDeque::new();
        let began = wire.read(bytes, opener, asker.map_or(&mut nobody, |asker| &mut asker.asked));
        self.ends[id.index as usize].wire = wire;
        began.map_or(nothing, |began| (kernel.symbol(&began.label), began.leg))
    }

    /// Sends what may be sent.
    pub(super) fn push(&mut self, kernel: &Kernel, id: EndId) {
        let Some(end) = self.ends.get_mut(id.index as usize) else { return };
        if end.state != State::Open {
            return;
        }
        let was_idle = !end.out.is_unacked();
        while let Some(piece) = self.ends[id.index as usize].out.next() {
            let mut sent = kernel.here();
            let has_data = !piece.bytes.is_empty();
            let (label, leg) = self.understand(kernel, id, &piece.bytes);
            let end = &mut self.ends[id.index as usize];
            if has_data {
                let entry = Entry::new(Kind::Send, end.local.node).peer(end.peer.node);
                sent = kernel.record(entry.symbol(label).value(xxh3_64(&piece.bytes)));
                kernel.attach_payload(sent, &piece.bytes);
            }
            let content = Content::Data { seq: piece.seq, bytes: piece.bytes, fin: piece.fin };
            let packet = Packet { label, leg, ..end.packet(content, sent) };
            self.jobs.push_back(if has_data { Job::Send(packet) } else { Job::Control(packet) });
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
        for key in [end.deadline, end.ack_due].into_iter().flatten() {
            kernel.cancel(key);
        }
        let wakers = [end.reader, end.writer, end.watcher];
        self.jobs.extend(wakers.into_iter().flatten().map(Job::Wake));
    }
}
