//! The spans of a run, read from its journal.
//!
//! Every HTTP request is a client span, from its sending to the arrival of its reply, and for each
//! time that it arrives a server span, from there to the sending of the reply. Whose part a request
//! is follows from its `traceparent` header, and else from causality: what the sending rests on.

mod exchange;
mod internal;
mod parents;

use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::set::{SpanIndex, SpanSet};
use super::span::{Attributes, Span, SpanEvent, SpanKind, Status, Value};
use crate::journal::{Event, EventId, Journal, Kind, NodeId, services};
use crate::time::Time;
use exchange::Exchange;

/// Where virtual time 0 lies when spans leave the simulation: 2023-11-14 22:13:20 UTC. Tools take an
/// instant of 0 for none.
pub const EPOCH: u64 = 1_700_000_000_000_000_000;

/// No span, no exchange.
const NONE: u32 = u32::MAX;

/// The spans of a run. Linear in the events, but for the look-up of what stands beside them.
#[must_use]
pub fn from_journal(journal: &Journal) -> SpanSet {
    let mut reader = Reader::new(journal);
    for event in journal.events() {
        reader.read(event);
    }
    reader.finish()
}

/// What is known of the events that were read.
struct Reader<'a> {
    journal: &'a Journal,
    spans: Vec<Span>,
    /// By event: the span that it is a part of, of its own node.
    within: Vec<SpanIndex>,
    /// By event: the first event of its task, as far as program order goes.
    task: Vec<u32>,
    /// By event: the exchange whose message it concerns, times two; plus one for the reply.
    about: Vec<u32>,
    exchanges: Vec<Exchange>,
    /// By node: the exchanges that are open on its side as the caller, and its open server spans.
    asking: Vec<BTreeSet<u32>>,
    serving: Vec<BTreeSet<SpanIndex>>,
    /// By span: true once it has ended; of a server or internal span, which node it is on.
    ended: Vec<bool>,
    /// By span: the exchange of a client or server span.
    exchange_of: Vec<u32>,
    /// The server spans on a node whose request had a context of that trace.
    by_header: FxHashMap<(NodeId, u128), Vec<SpanIndex>>,
    ids: FxHashSet<(u128, u64)>,
    /// How many traces have begun with that label on that edge.
    begun: FxHashMap<(NodeId, NodeId, Arc<str>), u64>,
    /// The last request of that task with that label.
    last: FxHashMap<(u32, Arc<str>), u32>,
    /// The open spans of `tracing`, by node and name.
    open: FxHashMap<(NodeId, &'a str), Vec<SpanIndex>>,
    services: Vec<Arc<str>>,
    texts: FxHashMap<&'a str, Arc<str>>,
    nobody: Arc<str>,
    now: Time,
    here: EventId,
}

impl<'a> Reader<'a> {
    fn new(journal: &'a Journal) -> Reader<'a> {
        let nodes = journal.nodes().len();
        Reader {
            journal,
            spans: Vec::new(),
            within: Vec::with_capacity(journal.len() + 1),
            task: Vec::with_capacity(journal.len() + 1),
            about: Vec::with_capacity(journal.len() + 1),
            exchanges: Vec::new(),
            asking: vec![BTreeSet::new(); nodes],
            serving: vec![BTreeSet::new(); nodes],
            ended: Vec::new(),
            exchange_of: Vec::new(),
            by_header: FxHashMap::default(),
            ids: FxHashSet::default(),
            begun: FxHashMap::default(),
            last: FxHashMap::default(),
            open: FxHashMap::default(),
            services: services(journal.nodes()).into_iter().map(Arc::from).collect(),
            texts: FxHashMap::default(),
            nobody: "".into(),
            now: Time::ZERO,
            here: EventId::NONE,
        }
    }

    fn read(&mut self, event: Event<'a>) {
        (self.now, self.here) = (event.at(), event.id());
        let inherited = self.inherited(event);
        self.within.push(inherited);
        self.about.push(NONE);
        let task = match event.prev() {
            EventId::NONE => event.id().0,
            prev => self.of(&self.task, prev),
        };
        self.task.push(task);
        match event.kind() {
            Kind::Send => self.sent(event),
            Kind::Deliver => self.delivered(event),
            Kind::Drop | Kind::Duplicate | Kind::FaultHit => self.struck(event),
            Kind::Reset => self.reset(event),
            Kind::Timeout => self.timed_out(event),
            Kind::Crash | Kind::PowerLoss | Kind::Wipe => {
                self.went_down(event, event.kind().name())
            }
            // A graceful stop lets what it works on end; what did not was killed before the next start.
            Kind::Start => self.went_down(event, Kind::Stop.name()),
            Kind::SpanOpen => self.opened(event),
            Kind::SpanClose => self.closed(event),
            Kind::Note | Kind::Log | Kind::Panic | Kind::DiskFail => self.told(event),
            _ => {}
        }
    }

    /// What stands in a list by event; nothing for no event.
    fn of(&self, list: &[u32], event: EventId) -> u32 {
        (event.0 as usize).checked_sub(1).and_then(|i| list.get(i)).copied().unwrap_or(NONE)
    }

    /// The event that led to this one from elsewhere, or else the one before it.
    fn led_to(event: Event<'_>) -> EventId {
        if event.cause() == EventId::NONE { event.prev() } else { event.cause() }
    }

    /// The span that an event is a part of, as it rests on others of its node: the one before it in its
    /// task; if that is over, one that is not and led to it.
    fn inherited(&self, event: Event<'_>) -> SpanIndex {
        let before = self.still_open(self.of(&self.within, event.prev()));
        let elsewhere = match self.journal.get(event.cause()) {
            Some(cause) if cause.node() == event.node() => {
                self.still_open(self.of(&self.within, event.cause()))
            }
            _ => NONE,
        };
        match before != NONE && (elsewhere == NONE || !self.ended[before as usize]) {
            true => before,
            false => elsewhere,
        }
    }

    /// The span, or the nearest one around it on its node that is not over; the span itself if all are.
    fn still_open(&self, span: SpanIndex) -> SpanIndex {
        let mut at = span;
        while at != NONE && self.ended[at as usize] {
            at = self.around(at);
        }
        if at == NONE { span } else { at }
    }

    /// Makes a span that has begun now.
    fn begin(&mut self, event: Event<'_>, node: NodeId, operation: &Arc<str>) -> SpanIndex {
        let (service, name) = (self.service(node), self.journal.node_name(node));
        let mut attributes = Attributes::new();
        if *name != *service {
            attributes.push(("service.instance.id".into(), name.into()));
        }
        self.spans.push(Span {
            service,
            operation: operation.clone(),
            start: event.at(),
            end: event.at(),
            scope: (self.nobody.clone(), self.nobody.clone()),
            attributes,
            event: event.id().0,
            ..Span::default()
        });
        self.ended.push(false);
        self.exchange_of.push(NONE);
        (self.spans.len() - 1) as SpanIndex
    }

    fn end(&mut self, span: SpanIndex) {
        let place = &mut self.spans[span as usize];
        (place.end, place.end_event, place.finished) = (self.now, self.here.0, true);
        self.ended[span as usize] = true;
    }

    fn service(&self, node: NodeId) -> Arc<str> {
        self.services.get(node.0 as usize).unwrap_or(&self.nobody).clone()
    }

    fn text(&mut self, text: &'a str) -> Arc<str> {
        self.texts.entry(text).or_insert_with(|| text.into()).clone()
    }

    /// An id that no other span of the trace has, made from a name.
    fn fresh_id(&mut self, trace: u128, name: &[u8]) -> u64 {
        let mut id = xxh3_64(name).max(1);
        while !self.ids.insert((trace, id)) {
            id = xxh3_64(&id.to_le_bytes()).max(1);
        }
        id
    }

    /// A new trace, named by the n-th message with that label on its edge: what happens elsewhere
    /// does not change it.
    fn fresh_trace(&mut self, from: NodeId, to: NodeId, label: &Arc<str>) -> u128 {
        let n = self.begun.entry((from, to, label.clone())).or_default();
        *n += 1;
        let (from, to) = (self.journal.node_name(from), self.journal.node_name(to));
        xxh3_128(format!("{from}\n{to}\n{label}\n{n}").as_bytes()).max(1)
    }

    fn add(&mut self, span: SpanIndex, name: &'static str, attributes: Attributes) {
        let at = self.now;
        let event = SpanEvent { at, name: name.into(), attributes };
        self.spans[span as usize].events.push(event);
    }

    fn fail(&mut self, span: SpanIndex, how: impl Into<String>) {
        self.spans[span as usize].status = Status::Error(how.into());
    }

    fn set(&mut self, span: SpanIndex, key: &'static str, value: impl Into<Value>) {
        self.spans[span as usize].attributes.push((key.into(), value.into()));
    }

    /// What a service tells becomes an event of the span that it works on.
    fn told(&mut self, event: Event<'a>) {
        let span = self.of(&self.within, event.id());
        if span == NONE || self.ended[span as usize] {
            return;
        }
        let (name, key) = match event.kind() {
            Kind::Panic => ("exception", "exception.message"),
            Kind::DiskFail => ("disk failed", "error.message"),
            Kind::Log => ("log", "log.body"),
            _ => ("note", "note.text"),
        };
        let text = event.text().unwrap_or_else(|| event.symbol());
        let mut attributes = vec![(key.into(), text.into())];
        if event.kind() == Kind::Panic {
            attributes.push(("exception.type".into(), "panic".into()));
            self.fail(span, format!("panic: {text}"));
        }
        self.add(span, name, attributes);
    }

    fn finish(mut self) -> SpanSet {
        for span in 0..self.spans.len() {
            if !self.ended[span] {
                self.spans[span].end = self.now;
                self.set(span as SpanIndex, "sim.unfinished", true);
            }
        }
        SpanSet::new(self.spans, EPOCH)
    }

    /// The span around a server or internal span on its node; none around a request.
    fn around(&self, span: SpanIndex) -> SpanIndex {
        match self.spans[span as usize].kind {
            SpanKind::Internal => self.exchange_of[span as usize],
            _ => NONE,
        }
    }
}
