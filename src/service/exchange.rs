//! The serving side of the message lane: messages that arrive, and requests that are worked on.

use http::Response;
use xxhash_rust::xxh3::xxh3_64;

use super::call::{CallId, Content, Envelope, HEAD, complete};
use super::host::Place;
use super::{Body, BreakConnection, HttpError, context, head, with};
use crate::chaos::Leg;
use crate::journal::{Entry, EventId, Kind, NodeId, Symbol};
use crate::kernel::Kernel;
use crate::kernel::current;
use crate::net::{self, Net, Packet, Payload};
use crate::node;

/// Bytes of a segment without data.
const RESET: usize = 40;

/// A message is at a machine whose process does not run or does not listen: it answers with a
/// reset, if it was a request.
pub(crate) fn refuse(kernel: &Kernel, packet: Packet, reason: Symbol) {
    let Payload::Http(envelope) = &packet.payload else { return };
    let entry = Entry::new(Kind::Drop, packet.from).peer(packet.to).symbol(reason);
    let lost = kernel.record_caused(entry, packet.sent);
    if matches!(envelope.content, Content::Request(_)) {
        envelope.note_loss(lost);
        let call = envelope.call;
        let refusal = Envelope { call, content: Content::Broken(HttpError::Refused) };
        let answer = refusal.addressed(packet.to, packet.from, packet.label, Leg::Reply, RESET);
        net::transmit_from_machine(kernel, Packet { sent: lost, ..answer });
    }
}

/// Hands an arrived message to its service or its caller.
pub(crate) fn deliver(kernel: &Kernel, packet: Packet) {
    let Payload::Http(envelope) = &packet.payload else { return };
    match &envelope.content {
        Content::Request(_) => deliver_request(kernel, packet),
        Content::Reply(_) => {
            Net::record_delivery(kernel, &packet);
            let Payload::Http(envelope) = packet.payload else { return };
            let Content::Reply(response) = envelope.content else { return };
            complete(envelope.call, Ok(response));
        }
        Content::Broken(error) => {
            let (error, call) = (error.clone(), envelope.call);
            let reason = with(|s| match error {
                HttpError::Refused => s.words.refused,
                HttpError::Decode(_) => s.words.garbage,
                _ => s.words.reset,
            });
            let entry = Entry::new(Kind::Reset, packet.to).peer(packet.from).symbol(reason);
            kernel.record_caused(entry, packet.sent);
            complete(call, Err(error));
        }
    }
}

fn deliver_request(kernel: &Kernel, packet: Packet) {
    let Payload::Http(envelope) = &packet.payload else { return };
    let host = with(|services| match envelope.mailbox() {
        None => services.hosts.borrow().get(&packet.to).cloned(),
        Some(number) => services.mailboxes.borrow().get(&(packet.to, number)).cloned(),
    });
    let Some(host) = host.filter(|_| node::life(packet.to) == node::Life::Up) else {
        let reason = kernel.symbol("nobody listens");
        return refuse(kernel, packet, reason);
    };
    Net::record_delivery(kernel, &packet);
    let Payload::Http(envelope) = packet.payload else { return };
    let Content::Request(request) = envelope.content else { return };
    let place = host.take_place();
    let is_full = place.is_none();
    let exchange = Exchange {
        call: envelope.call,
        from: packet.from,
        to: packet.to,
        label: packet.label,
        asked: packet.sent,
        answered: false,
        _place: place,
    };
    if is_full {
        return kernel.acting(packet.to, kernel.here(), || exchange.answer(host.full()));
    }
    let before = kernel.trace();
    kernel.set_trace(context::read(request.headers()).unwrap_or_default());
    kernel.spawn_unrecorded(packet.to, host.declared_at, kernel.here(), async move {
        let response = host.call(request).await;
        match BreakConnection::of(&response) {
            Some(broken) => exchange.break_off(broken.seen_as()),
            None => exchange.answer(response),
        }
    });
    kernel.set_trace(before);
}

/// A request that is being worked on. Dropped without an answer (the handler panicked, the process
/// died), the connection is reset, unless the machine has no power to do so.
struct Exchange {
    call: CallId,
    from: NodeId,
    to: NodeId,
    label: Symbol,
    /// The event that sent the request.
    asked: EventId,
    answered: bool,
    _place: Option<Place>,
}

impl Exchange {
    fn answer(mut self, response: Response<Body>) {
        self.answered = true;
        let body = response.body().bytes();
        current::with(|kernel| {
            let entry = Entry::new(Kind::Send, self.to)
                .peer(self.from)
                .symbol(self.label)
                .value(xxh3_64(&body))
                .extra(u32::from(response.status().as_u16()));
            let head = kernel.keeps_all().then(|| head::of_reply(&response));
            let content = Content::Reply(response);
            let packet = self.packet(body.len() + HEAD, content);
            let sent = net::transmit(kernel, packet, entry);
            kernel.attach_payload(sent, &body);
            if let Some(head) = head {
                kernel.attach_http(sent, self.asked, head, true);
            }
        });
    }

    /// Ends without a response: the caller sees `error`.
    fn break_off(mut self, error: HttpError) {
        self.answered = true;
        current::try_with(|kernel| {
            let packet = self.packet(RESET, Content::Broken(error));
            net::transmit_from_machine(kernel, Packet { sent: kernel.here(), ..packet });
        });
    }

    fn packet(&self, size: usize, content: Content) -> Packet {
        let envelope = Envelope { call: self.call, content };
        envelope.addressed(self.to, self.from, self.label, Leg::Reply, size)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if self.answered {
            return;
        }
        current::try_with(|kernel| {
            if node::life(self.to).machine_is_on() {
                let packet = self.packet(RESET, Content::Broken(HttpError::Reset));
                net::transmit_from_machine(kernel, Packet { sent: kernel.here(), ..packet });
            }
        });
    }
}
