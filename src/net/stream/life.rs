//! How connections end: shut, closed, reset, timed out, or with their process or machine.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;

use super::end::State;
use super::segment::{Content, Segment};
use super::{EndId, Job, ORPHAN_LIMIT, SYN_FIRST, SYN_RETRIES, Streams};
use crate::journal::{Entry, EventId, Kind, NodeId};
use crate::kernel::Kernel;
use crate::net::{Net, Packet, Payload, RETRANSMIT_FIRST, RETRANSMIT_MAX};
use crate::node;

impl Streams {
    /// Ends the writing half: the other end reads the end of the stream.
    pub(super) fn shut(&mut self, kernel: &Kernel, id: EndId) -> io::Result<()> {
        let words = self.words(kernel);
        let end = self.get(id).filter(|end| end.state == State::Open);
        let end = end.ok_or(io::ErrorKind::NotConnected)?;
        if end.out.shut() {
            kernel.record(end.event(words.shut));
            self.push(kernel, id);
        }
        Ok(())
    }

    /// Nobody holds the end any more. What was written is still sent, unless something that has
    /// arrived was not read: then the other end sees a reset (RFC 2525, 2.17, and Linux).
    pub(super) fn close(&mut self, kernel: &Kernel, id: EndId) {
        let words = self.words(kernel);
        let Some(end) = self.get(id) else { return };
        kernel.record(end.event(words.close));
        if end.state != State::Open {
            return self.remove(kernel, id);
        }
        if end.incoming.unread() > 0 {
            self.send_reset(kernel, id);
            return self.remove(kernel, id);
        }
        end.closed = true;
        end.out.shut();
        end.progress = kernel.now();
        let patience = end.patience.map_or(ORPHAN_LIMIT, |p| p.min(ORPHAN_LIMIT));
        end.patience = Some(patience);
        (end.reader, end.writer, end.watcher) = (None, None, None);
        self.look_away(kernel, id);
        self.push(kernel, id);
        self.sweep(kernel, id);
    }

    /// Ends the connection at once: the other end sees a reset, what was on its way is lost.
    pub(super) fn abort(&mut self, kernel: &Kernel, id: EndId) {
        let words = self.words(kernel);
        let Some(end) = self.get(id) else { return };
        let reset = kernel.record(end.event(words.reset));
        debug_assert_eq!(reset, kernel.here(), "the reset's packet rests on it");
        self.send_reset(kernel, id);
        self.remove(kernel, id);
    }

    pub(super) fn send_reset(&mut self, kernel: &Kernel, id: EndId) {
        let Some(end) = self.get(id) else { return };
        if matches!(end.state, State::Open | State::Arriving) {
            let packet = end.packet(Content::Reset { refused: false }, kernel.here());
            self.jobs.push_back(Job::Control(packet));
        }
    }

    /// The connection is dead, and its holder, if there is one, will be told why. What had arrived
    /// can still be read.
    pub(super) fn fail(&mut self, kernel: &Kernel, id: EndId, kind: io::ErrorKind) {
        let Some(end) = self.get(id) else { return };
        end.state = State::Dead;
        end.error = Some(kind);
        end.out.abandon();
        end.incoming.abandon();
        if end.closed {
            return self.remove(kernel, id);
        }
        self.clear_deadline(kernel, id);
        self.look_away(kernel, id);
        self.wake(id, true, true);
    }

    pub(super) fn time_out(&mut self, kernel: &Kernel, id: EndId) {
        let Some(end) = self.get(id).filter(|end| end.state != State::Dead) else { return };
        if !end.closed {
            let entry = Entry::new(Kind::Timeout, end.local.node).peer(end.peer.node);
            kernel.record_caused(entry.symbol(end.label).value(end.numbers.world), end.lost);
        }
        self.fail(kernel, id, io::ErrorKind::TimedOut);
    }

    /// A SYN has had no answer for a while. One that was lost, the net sends again; one that was
    /// heard by a machine which knows nothing of it any more is sent again here.
    fn ask_again(&mut self, kernel: &Kernel, id: EndId) {
        let Some(end) = self.get(id) else { return };
        let left =
            end.patience.map(|patience| patience.saturating_sub(kernel.now() - end.progress));
        if end.syns > SYN_RETRIES || left == Some(Duration::ZERO) {
            return self.time_out(kernel, id);
        }
        let wait = SYN_FIRST * 2u32.pow(u32::from(end.syns));
        let wait = left.map_or(wait, |left| wait.min(left));
        end.syns += 1;
        if let Some(made) = end.made
            && self.get(made).is_none()
        {
            if let Some(end) = self.get(id) {
                end.made = None;
            }
            let syn = self.syn(id, kernel.here());
            self.jobs.extend(syn.map(Job::Control));
        }
        self.set_deadline(kernel, id, wait);
    }

    /// An end's deadline has come: of its handshake, or of its patience.
    pub(super) fn deadline(&mut self, kernel: &Kernel, id: EndId) {
        let Some(end) = self.get(id) else { return };
        end.deadline = None;
        match end.state {
            State::Dead => {}
            State::Connecting => self.ask_again(kernel, id),
            State::Arriving => {
                let local = end.local;
                if let Some(door) = self.doors.get_mut(&local) {
                    door.forget_arriving(id);
                }
                self.remove(kernel, id);
            }
            State::Open if end.out.is_drained() => {
                if end.closed {
                    self.remove(kernel, id);
                }
            }
            State::Open => {
                let Some(patience) = end.patience else { return };
                let due = end.progress + patience;
                if kernel.now() >= due {
                    self.time_out(kernel, id);
                } else {
                    self.set_deadline(kernel, id, due - kernel.now());
                }
            }
        }
    }

    /// Takes the end of a process or machine that went down out of the tables. A machine without
    /// its process tells the other ends, one without power does not.
    fn lose_end(&mut self, kernel: &Kernel, id: EndId, machine_is_on: bool) {
        let Some(end) = self.get(id) else { return };
        let other = end.other;
        if machine_is_on {
            self.send_reset(kernel, id);
        }
        // What it had received and not acknowledged, and what it had no room for, the other end sends
        // again and again. So it learns in the end what happened, as it would have from the first reset.
        if let Some(end) = self.get(other) {
            match end.state {
                State::Connecting if !machine_is_on => {
                    let syn = self.syn(other, kernel.here());
                    self.jobs.extend(syn.map(|packet| Job::Again(packet, SYN_FIRST)));
                }
                State::Open if !end.out.is_drained() => {
                    let seq = end.out.acked();
                    let content = Content::Data { seq, bytes: Bytes::new(), fin: false };
                    let probe = end.packet(content, kernel.here());
                    self.jobs.push_back(Job::Again(probe, RETRANSMIT_FIRST));
                }
                _ => {}
            }
        }
        self.remove(kernel, id);
    }
}

/// A process or machine went down. Ends that a dead process had closed are the machine's, which
/// finishes their work while it is on.
pub(in crate::net) fn forget_node(kernel: &Kernel, node: NodeId) {
    let on = node::life(node).machine_is_on();
    super::change(kernel, |streams, kernel| {
        let ends = streams.ends.iter().map(|(_, end)| end);
        let lost = ends.filter(|end| end.local.node == node && !(on && end.closed));
        let lost: Vec<EndId> = lost.map(|end| end.id).collect();
        for id in lost {
            streams.lose_end(kernel, id, on);
        }
        streams.doors.retain(|addr, _| addr.node != node);
    });
}

/// Whether a segment that was lost is worth sending again: its end is there. An acknowledgement
/// outlives its end, as the `TIME_WAIT` of TCP lets it.
pub(in crate::net) fn is_wanted(net: &Net, packet: &Packet, segment: &Segment) -> bool {
    let mut streams = net.streams.borrow_mut();
    let mut lives = |id| streams.get(id).is_some_and(|end| end.state != State::Dead);
    match segment.content {
        Content::Ack => lives(segment.to) && node::life(packet.from).machine_is_on(),
        _ => lives(segment.from),
    }
}

/// How long the first wait before it is sent again is, and how often that is done.
pub(in crate::net) fn patience(segment: &Segment) -> (Duration, u8) {
    match segment.content {
        Content::Syn { .. } => (SYN_FIRST, SYN_RETRIES),
        Content::SynAck => (SYN_FIRST, SYN_RETRIES - 1),
        _ => (RETRANSMIT_FIRST, RETRANSMIT_MAX),
    }
}

/// A segment was lost, and will be sent again.
pub(in crate::net) fn note_loss(net: &Net, segment: &Segment, lost: EventId) {
    if let Some(end) = net.streams.borrow_mut().get(segment.from) {
        end.lost = lost;
        end.out.note_loss(segment.end());
    }
}

/// A segment was lost for the last time. Whoever sent it gives up; so does the other end, if it
/// has not heard otherwise that what it had sent arrived.
pub(in crate::net) fn give_up(net: &Rc<Net>, kernel: &Kernel, segment: &Segment, lost: EventId) {
    net.change_streams(kernel, |streams, kernel| {
        if matches!(segment.content, Content::Data { .. }) {
            streams.time_out(kernel, segment.from);
        }
        let other = streams.get(segment.to).filter(|end| end.state == State::Open);
        if let Some(end) = other.filter(|end| end.out.acked() < segment.ack) {
            end.lost = lost;
            streams.time_out(kernel, segment.to);
        }
    });
}

/// A fault breaks the connection under a segment: its sender sees a reset now, the other end
/// when it hears of it.
pub(in crate::net) fn reset(net: &Rc<Net>, kernel: &Kernel, segment: &Segment, broken: EventId) {
    kernel.acting(NodeId::WORLD, broken, || {
        net.change_streams(kernel, |streams, kernel| {
            streams.send_reset(kernel, segment.from);
            streams.fail(kernel, segment.from, io::ErrorKind::ConnectionReset);
        });
    });
}

impl Payload {
    /// The segment that this is, if it is one.
    pub(in crate::net) fn segment(&self) -> Option<&Segment> {
        match self {
            Payload::Stream(segment) => Some(segment),
            _ => None,
        }
    }
}
