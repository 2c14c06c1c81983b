//! The calling side of the message lane: open calls, and what travels between their two ends.

use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

use http::{Request, Response};
use slab::Slab;
use xxhash_rust::xxh3::xxh3_64;

use super::{Body, HttpError, context, head, with};
use crate::chaos::Leg;
use crate::journal::{Entry, EventId, Kind, NodeId, Symbol};
use crate::kernel::current;
use crate::kernel::{Kernel, Wait, WorldId};
use crate::net::{self, Packet, Payload};
use crate::node;

/// Bytes that stand for the request line, headers and framing of a message.
pub(super) const HEAD: usize = 200;
/// One call's number, and which of the calls that had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallId {
    index: u32,
    generation: u32,
}

/// A message of the HTTP lane.
#[derive(Clone)]
pub(crate) struct Envelope {
    pub(super) call: CallId,
    pub(super) content: Content,
}

#[derive(Clone)]
pub(super) enum Content {
    Request(Request<Body>),
    Reply(Response<Body>),
    /// There is no response: the connection was refused (by a machine without the process) or broke.
    Broken(HttpError),
}

/// A call that somebody waits for.
struct Call {
    generation: u32,
    from: NodeId,
    to: NodeId,
    label: Symbol,
    waits_for: Symbol,
    sent: EventId,
    /// The event that lost one of its messages.
    lost: EventId,
    outcome: Option<Result<Response<Body>, HttpError>>,
    /// The event that brought the outcome.
    decided: EventId,
    waker: Option<Waker>,
}

/// All calls that somebody waits for.
#[derive(Default)]
pub(super) struct Calls {
    open: Slab<Call>,
    made: u32,
}

/// The symbols that every call uses.
pub(super) struct Words {
    pub(super) refused: Symbol,
    pub(super) reset: Symbol,
    pub(super) garbage: Symbol,
}

impl Words {
    pub(super) fn new(kernel: &Kernel) -> Words {
        Words {
            refused: kernel.symbol("refused"),
            reset: kernel.symbol("reset"),
            garbage: kernel.symbol("garbage"),
        }
    }
}

impl Calls {
    /// The number of the next call.
    pub(super) fn number(&mut self) -> u32 {
        self.made += 1;
        self.made
    }

    fn get(&mut self, id: CallId) -> Option<&mut Call> {
        self.open.get_mut(id.index as usize).filter(|call| call.generation == id.generation)
    }
}

/// Sends a request; the call is open until [`Pending`] is dropped.
pub(super) fn send(
    kernel: &Kernel,
    from: NodeId,
    to: NodeId,
    label: &str,
    mut request: Request<Body>,
) -> Pending {
    let (label, waits_for) = kernel.with_recorder(|recorder| {
        let waits = format!("an answer to {label} of {}", recorder.node_name(to));
        (recorder.symbol(label), recorder.symbol(&waits))
    });
    let (id, made) = with(|services| {
        let mut calls = services.calls.borrow_mut();
        let made = calls.number();
        let index = calls.open.insert(Call {
            generation: made,
            from,
            to,
            label,
            waits_for,
            sent: EventId::NONE,
            lost: EventId::NONE,
            outcome: None,
            decided: EventId::NONE,
            waker: None,
        });
        (CallId { index: index as u32, generation: made }, made)
    });
    let trace = context::pass_on(kernel, request.headers_mut(), u64::from(made));
    let body = request.body().bytes();
    let head = kernel.keeps_all().then(|| head::of_request(&request));
    let entry = Entry::new(Kind::Send, from).peer(to).symbol(label).value(xxh3_64(&body));
    let envelope = Envelope { call: id, content: Content::Request(request) };
    let packet = envelope.addressed(from, to, label, Leg::Request, body.len() + HEAD);
    let sent = net::transmit(kernel, packet, entry);
    kernel.attach_payload(sent, &body);
    if let Some(head) = head {
        kernel.attach_http(sent, EventId::NONE, head, true);
    }
    if let Some(trace) = trace {
        kernel.attach_trace(sent, trace);
    }
    with(|services| {
        if let Some(call) = services.calls.borrow_mut().get(id) {
            call.sent = sent;
        }
    });
    Pending { id, world: WorldId::of(kernel) }
}

/// The mailbox of a node that a request is for.
#[derive(Clone, Copy)]
struct Mailbox(u32);

/// Sends a request to a mailbox of a node ([`open_mailbox`](super::open_mailbox)) and waits for the
/// answer, for as long as that takes.
pub(crate) async fn call_mailbox(
    from: NodeId,
    (to, mailbox): (NodeId, u32),
    label: &str,
    mut request: Request<Body>,
) -> Result<super::Response, HttpError> {
    request.extensions_mut().insert(Mailbox(mailbox));
    let pending = current::with(|kernel| send(kernel, from, to, label, request));
    poll_fn(|cx| pending.poll(cx)).await.map(super::Response)
}

/// An open call. Dropped before its answer, it records that its caller gave up.
#[derive(Debug)]
pub(super) struct Pending {
    id: CallId,
    world: WorldId,
}

impl Pending {
    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<Response<Body>, HttpError>> {
        self.world.check_here();
        with(|services| {
            let mut calls = services.calls.borrow_mut();
            let Some(call) = calls.get(self.id) else {
                return Poll::Ready(Err(HttpError::Reset));
            };
            if let Some(outcome) = call.outcome.take() {
                current::with(|kernel| kernel.rests_on(call.decided));
                calls.open.remove(self.id.index as usize);
                return Poll::Ready(outcome);
            }
            if !call.waker.as_ref().is_some_and(|w| w.will_wake(cx.waker())) {
                call.waker = Some(cx.waker().clone());
            }
            let wait = Wait::For(call.waits_for);
            current::with(|kernel| kernel.waits_for(wait));
            Poll::Pending
        })
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.world.is_here() {
            return;
        }
        let open = with(|services| {
            let mut calls = services.calls.borrow_mut();
            calls.get(self.id).is_some().then(|| calls.open.remove(self.id.index as usize))
        });
        let Some(call) = open else { return };
        current::with(|kernel| {
            if call.outcome.is_none() && node::life(call.from).is_up() {
                let entry = Entry::new(Kind::Timeout, call.from).peer(call.to).symbol(call.label);
                kernel.record_caused(entry, call.lost.max(call.sent));
            }
        });
    }
}

/// Gives a call its outcome and wakes who waits for it.
pub(super) fn complete(id: CallId, outcome: Result<Response<Body>, HttpError>) {
    let waker = with(|services| {
        let mut calls = services.calls.borrow_mut();
        let call = calls.get(id)?;
        if call.outcome.is_some() {
            return None;
        }
        call.outcome = Some(outcome);
        call.decided = current::with(Kernel::here);
        call.waker.take()
    });
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl Envelope {
    /// The packet that takes it from one node to another; `size` is in bytes.
    pub(super) fn addressed(
        self,
        from: NodeId,
        to: NodeId,
        label: Symbol,
        leg: Leg,
        size: usize,
    ) -> Packet {
        Packet {
            from,
            to,
            label,
            leg,
            size: size as u32,
            reliable: true,
            attempts: 0,
            sent: EventId::NONE,
            hit: EventId::NONE,
            payload: Payload::Http(Box::new(self)),
        }
    }

    /// The mailbox that a request is for; none if it is for what the node serves.
    pub(super) fn mailbox(&self) -> Option<u32> {
        let Content::Request(request) = &self.content else { return None };
        request.extensions().get::<Mailbox>().map(|mailbox| mailbox.0)
    }

    /// True if it is a request whose caller gave up, died, or knows how it ended.
    pub(crate) fn is_abandoned(&self) -> bool {
        let waits = |services: &super::Services| {
            let mut calls = services.calls.borrow_mut();
            calls.get(self.call).is_some_and(|call| call.outcome.is_none())
        };
        matches!(self.content, Content::Request(_)) && !with(waits)
    }

    pub(crate) fn has_body(&self) -> bool {
        match &self.content {
            Content::Request(request) => !request.body().is_empty(),
            Content::Reply(response) => !response.body().is_empty(),
            Content::Broken(_) => false,
        }
    }

    pub(crate) fn flip_a_bit(&mut self, draw: u64) {
        match &mut self.content {
            Content::Request(request) => request.body_mut().flip_a_bit(draw),
            Content::Reply(response) => response.body_mut().flip_a_bit(draw),
            Content::Broken(_) => {}
        }
    }

    /// The call will not be answered because of `lost`; its timeout will say so.
    pub(crate) fn note_loss(&self, lost: EventId) {
        with(|services| {
            if let Some(call) = services.calls.borrow_mut().get(self.call) {
                call.lost = lost;
            }
        });
    }

    /// The call's connection is reset now.
    pub(crate) fn break_connection(&self, kernel: &Kernel, broken: EventId) {
        kernel.acting(NodeId::WORLD, broken, || complete(self.call, Err(HttpError::Reset)));
    }
}
