//! What a machine does with a segment that arrives.

use std::rc::Rc;

use super::end::{End, State};
use super::segment::{Content, Place, Segment};
use super::{ACCEPT_LIMIT, Addr, EndId, Job, Numbers, Streams};
use crate::journal::{Entry, EventId, Kind};
use crate::kernel::Kernel;
use crate::net::{Net, Packet, Payload, RETRANSMIT_FIRST};
use crate::node;

/// Hands an arrived segment to its end, or answers for an end that there is not. The machine is
/// on; its process need not run.
pub(in crate::net) fn deliver(net: &Rc<Net>, kernel: &Kernel, packet: Packet) {
    let Payload::Stream(segment) = &packet.payload else { return };
    match segment.content {
        Content::Syn { from, to, numbers } => knock(net, kernel, packet, (from, to, numbers)),
        Content::SynAck => net.change_streams(kernel, |s, k| s.granted(k, &packet)),
        Content::Data { .. } | Content::Ack => {
            net.change_streams(kernel, |s, k| s.arrived(k, packet));
        }
        Content::Probe => net.change_streams(kernel, |s, _| s.answer_probe(&packet)),
        Content::Alive => net.change_streams(kernel, |s, k| s.hear(k, segment.to)),
        Content::Reset { refused } => {
            net.change_streams(kernel, |s, k| s.was_reset(k, &packet, refused));
        }
    }
}

/// Somebody asks for a connection: is let in, refused, or, where too many wait, not heard.
fn knock(net: &Rc<Net>, kernel: &Kernel, packet: Packet, syn: (Addr, Addr, Numbers)) {
    let (from, to, _) = syn;
    let is_full = {
        let streams = net.streams.borrow();
        let door = streams.doors.get(&to).filter(|d| !d.own_node_only || from.node == to.node);
        door.map(super::Door::is_full)
    };
    match is_full {
        Some(false) => net.change_streams(kernel, |s, k| s.let_in(k, &packet, syn)),
        Some(true) => net.send_again(kernel, packet, net.reasons.queue, None),
        None => {
            let up = node::life(to.node).is_up();
            let reason = if up { net.reasons.nobody } else { net.reasons.down };
            let entry = Entry::new(Kind::Drop, packet.from).peer(packet.to).symbol(reason);
            let lost = kernel.record_caused(entry, packet.sent);
            net.change_streams(kernel, |streams, _| {
                // If the answer is lost, the SYN is to be sent again.
                let asker = packet.payload.segment().and_then(|syn| streams.get(syn.from));
                if let Some(asker) = asker {
                    asker.made = Some(EndId::default());
                }
                streams.answer_reset(&packet, lost, true);
            });
        }
    }
}

impl Streams {
    fn let_in(&mut self, kernel: &Kernel, packet: &Packet, syn: (Addr, Addr, Numbers)) {
        let Payload::Stream(segment) = &packet.payload else { return };
        let (from, to, numbers) = syn;
        let id = self.insert(|id| End::new(id, State::Arriving, numbers, to, from, packet.label));
        let Some(end) = self.get(id) else { return };
        end.other = segment.from;
        end.out.acknowledge(segment.ack, segment.limit);
        let answer = end.packet(Content::SynAck, packet.sent);
        self.jobs.push_back(Job::Control(answer));
        self.set_deadline(kernel, id, ACCEPT_LIMIT);
        let asker = segment.from;
        if let Some(door) = self.doors.get_mut(&to) {
            door.arriving.push(id);
        }
        if let Some(asker) = self.get(asker) {
            asker.made = Some(id);
        }
    }

    /// A SYN was answered: the connection stands, and the other end hears of it.
    fn granted(&mut self, kernel: &Kernel, packet: &Packet) {
        let Payload::Stream(segment) = &packet.payload else { return };
        let id = segment.to;
        let Some(end) = self.get(id).filter(|end| end.state == State::Connecting) else {
            return self.answer_reset(packet, packet.sent, false);
        };
        end.state = State::Open;
        end.other = segment.from;
        end.out.acknowledge(segment.ack, segment.limit);
        // Empty data and not an acknowledgement: a machine that knows no such end answers it.
        let content = Content::Data { seq: 0, bytes: bytes::Bytes::new(), fin: false };
        let third = end.packet(content, packet.sent);
        self.jobs.push_back(Job::Control(third));
        self.clear_deadline(kernel, id);
        self.look_after(kernel, id);
        self.wake(id, false, true);
    }

    /// Data, an acknowledgement, or both.
    fn arrived(&mut self, kernel: &Kernel, packet: Packet) {
        let Payload::Stream(segment) = &packet.payload else { return };
        let id = segment.to;
        let Some(end) = self.get(id).filter(|end| end.state != State::Dead) else {
            return self.nobody(&packet, segment);
        };
        if end.closed && segment.end() > end.incoming.next() && carries_bytes(segment) {
            // Nobody will read it (RFC 9293, 3.6.1): what this end had to say is lost with it.
            self.answer_reset(&packet, packet.sent, false);
            return self.remove(kernel, id);
        }
        if end.state == State::Arriving {
            self.let_through(kernel, id);
        }
        if segment.place.breaks {
            return self.break_after(kernel, packet);
        }
        self.hear(kernel, id);
        let Some(end) = self.get(id) else { return };
        let progress = end.out.acknowledge(segment.ack, segment.limit);
        if progress {
            end.progress = kernel.now();
        }
        if carries_bytes(segment) {
            Net::record_delivery(kernel, &packet);
        }
        let attempts = packet.attempts;
        let Payload::Stream(segment) = packet.payload else { return };
        let mut news = false;
        if let Content::Data { seq, bytes, fin } = segment.content {
            news = end.incoming.take(kernel.now(), seq, bytes, fin);
        }
        if news || progress {
            self.wake(id, news, progress);
        }
        self.push(kernel, id);
        self.ack_soon(kernel, id, attempts > 0);
        if progress || news {
            self.sweep(kernel, id);
        }
    }

    /// The last bytes before a fault breaks the connection: once everything before them is here, both
    /// ends see a reset.
    fn break_after(&mut self, kernel: &Kernel, packet: Packet) {
        let Payload::Stream(segment) = &packet.payload else { return };
        let id = segment.to;
        let Some(end) = self.get(id) else { return };
        let Content::Data { seq, ref bytes, .. } = segment.content else { return };
        if seq > end.incoming.next() {
            return self.jobs.push_back(Job::Again(packet, RETRANSMIT_FIRST));
        }
        if !bytes.is_empty() {
            Net::record_delivery(kernel, &packet);
        }
        end.incoming.take(kernel.now(), seq, bytes.clone(), false);
        let words = self.words(kernel);
        let entry = Entry::new(Kind::Reset, packet.to).peer(packet.from).symbol(words.reset);
        let broken = kernel.record_caused(entry, packet.sent);
        self.answer_reset(&packet, broken, false);
        self.fail(kernel, id, std::io::ErrorKind::ConnectionReset);
    }

    /// A handshake is complete: the connection waits to be accepted.
    fn let_through(&mut self, kernel: &Kernel, id: EndId) {
        self.clear_deadline(kernel, id);
        let Some(end) = self.get(id) else { return };
        end.state = State::Open;
        let local = end.local;
        let Some(door) = self.doors.get_mut(&local) else { return };
        door.forget_arriving(id);
        door.queue.push_back(id);
        door.edge += 1;
        let wakers = door.wakers.drain(..).chain(door.watcher.clone());
        self.jobs.extend(wakers.map(Job::Wake));
    }

    /// Something came for an end that there is not. Late copies of what had arrived are ignored, as
    /// an end in `TIME_WAIT` would.
    fn nobody(&mut self, packet: &Packet, segment: &Segment) {
        let stale = match &segment.content {
            Content::Data { bytes, fin, .. } if !bytes.is_empty() || *fin => {
                self.get(segment.from).is_none_or(|end| end.out.acked() >= segment.end())
            }
            Content::Data { .. } => false,
            _ => true,
        };
        if !stale {
            self.answer_reset(packet, packet.sent, false);
        }
    }

    /// The machine answers for an end which it does not have.
    pub(super) fn answer_reset(&mut self, packet: &Packet, cause: EventId, refused: bool) {
        let Payload::Stream(segment) = &packet.payload else { return };
        let content = Content::Reset { refused };
        let (from, to, place) = (segment.to, segment.from, Place::default());
        let answer = Segment { from, to, content, ack: 0, limit: 0, place };
        let (from, to) = (Addr { node: packet.to, port: 0 }, Addr { node: packet.from, port: 0 });
        self.jobs.push_back(Job::Control(answer.packet(from, to, packet.label, cause)));
    }

    /// The other end is gone.
    fn was_reset(&mut self, kernel: &Kernel, packet: &Packet, refused: bool) {
        let words = self.words(kernel);
        let Payload::Stream(segment) = &packet.payload else { return };
        let id = segment.to;
        let Some(end) = self.get(id).filter(|end| end.state != State::Dead) else { return };
        if end.state == State::Arriving {
            let local = end.local;
            if let Some(door) = self.doors.get_mut(&local) {
                door.forget_arriving(id);
            }
            return self.remove(kernel, id);
        }
        // As Linux: refused while connecting, a broken pipe after the other end's FIN.
        let kind = match end.state {
            State::Connecting => std::io::ErrorKind::ConnectionRefused,
            _ if end.incoming.is_finished() => std::io::ErrorKind::BrokenPipe,
            _ => std::io::ErrorKind::ConnectionReset,
        };
        if !end.closed {
            let symbol = if refused { words.refused } else { words.reset };
            let entry = Entry::new(Kind::Reset, packet.to).peer(packet.from).symbol(symbol);
            kernel.record_caused(entry, packet.sent);
        }
        self.fail(kernel, id, kind);
    }
}

fn carries_bytes(segment: &Segment) -> bool {
    matches!(&segment.content, Content::Data { bytes, .. } if !bytes.is_empty())
}
