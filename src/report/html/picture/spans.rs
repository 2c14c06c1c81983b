//! Requests with their answers, as a waterfall shows them, read off the journal's messages.
//!
//! An answer belongs to the nearest request in its causal past that came from the node that it goes
//! to, under the same label. A request is a part of another one if it has the same trace, or none,
//! and its sender was working on that one when it sent it.

use std::collections::BTreeMap;

use crate::journal::{Event, EventId, Journal, Kind, NodeId};

/// More steps back from an answer than this no request is looked for.
const STEPS_MAX: usize = 256;

/// One request.
pub(super) struct Span {
    /// It is sent.
    pub(super) sent: EventId,
    /// It arrives.
    pub(super) arrived: Option<EventId>,
    /// It is answered.
    pub(super) answered: Option<EventId>,
    /// The answer arrives, or the caller gives up or is refused.
    pub(super) ended: Option<EventId>,
    /// The status of the answer.
    pub(super) status: u32,
    /// The request that it is a part of, by its place in the list.
    pub(super) parent: Option<usize>,
    /// How many requests it is a part of.
    pub(super) depth: usize,
}

/// All requests of a journal, each after the one that it is a part of, depth first.
pub(super) fn of(journal: &Journal) -> Vec<Span> {
    let mut reading = Reading { journal, spans: Vec::new(), open: BTreeMap::new() };
    for event in journal.events() {
        reading.read(&event);
    }
    in_depth_first_order(reading.spans)
}

struct Reading<'a> {
    journal: &'a Journal,
    /// In the order of their sending.
    spans: Vec<Span>,
    /// Requests that a node works on, oldest first.
    open: BTreeMap<NodeId, Vec<usize>>,
}

impl Reading<'_> {
    fn read(&mut self, event: &Event<'_>) {
        match event.kind() {
            Kind::Send if event.extra() == 0 && is_request(event) => self.request(event),
            Kind::Send if event.extra() != 0 => self.answer(event),
            Kind::Deliver => self.arrival(event),
            Kind::Timeout | Kind::Reset => {
                let told = self.first_open(event.node(), event.peer(), event.symbol());
                let sent = event.sent_by().and_then(|send| self.place_of(send.id()));
                if let Some(span) = sent.or(told)
                    && self.spans[span].ended.is_none()
                {
                    self.spans[span].ended = Some(event.id());
                }
            }
            Kind::Crash | Kind::PowerLoss | Kind::Stop | Kind::Wipe => {
                self.open.remove(&event.node());
            }
            _ => {}
        }
    }

    fn request(&mut self, send: &Event<'_>) {
        let parent = self.parent(send);
        self.spans.push(Span {
            sent: send.id(),
            arrived: None,
            answered: None,
            ended: None,
            status: 0,
            parent,
            depth: 0,
        });
    }

    /// The request that the sender works on: the last one with the same trace.
    fn parent(&self, send: &Event<'_>) -> Option<usize> {
        let open = self.open.get(&send.node())?;
        let trace = |place: &usize| {
            let sent = self.journal.get(self.spans[*place].sent);
            sent.and_then(|sent| sent.trace()).map(|trace| trace.id)
        };
        let own = send.trace().map(|trace| trace.id);
        open.iter().rev().copied().find(|place| trace(place) == own)
    }

    fn arrival(&mut self, event: &Event<'_>) {
        let Some(sent) = event.sent_by() else { return };
        if sent.extra() != 0 {
            let answered = |span: &Span| span.answered == Some(sent.id());
            let span = self.spans.iter_mut().rev().take(STEPS_MAX * 4).find(|span| answered(span));
            if let Some(span) = span.filter(|span| span.ended.is_none()) {
                span.ended = Some(event.id());
            }
        } else if let Some(place) = self.place_of(sent.id()) {
            self.spans[place].arrived.get_or_insert(event.id());
            self.open.entry(event.node()).or_default().push(place);
        }
    }

    fn answer(&mut self, send: &Event<'_>) {
        let (node, caller, label) = (send.node(), send.peer(), send.symbol());
        let waits = |place: &usize| {
            let span = &self.spans[*place];
            let sent = self.journal.get(span.sent);
            sent.is_some_and(|sent| sent.node() == caller && sent.symbol() == label)
                && span.answered.is_none()
        };
        let open = self.open.get(&node).map_or(&[][..], Vec::as_slice);
        let named = self.request_behind(send).filter(|place| open.contains(place) && waits(place));
        let Some(place) = named.or_else(|| open.iter().copied().find(waits)) else { return };
        let span = &mut self.spans[place];
        (span.answered, span.status) = (Some(send.id()), send.extra());
        if let Some(open) = self.open.get_mut(&node) {
            open.retain(|other| *other != place);
        }
    }

    /// The request in whose past the answer stands nearest.
    fn request_behind(&self, answer: &Event<'_>) -> Option<usize> {
        let before = |event: &Event<'_>| match event.prev() {
            EventId::NONE => self.journal.get(event.cause()),
            prev => self.journal.get(prev),
        };
        let past = std::iter::successors(Some(*answer), before).skip(1).take(STEPS_MAX);
        let mut sent = past.filter(|event| event.kind() == Kind::Deliver).filter_map(|event| {
            let send = event.sent_by()?;
            let own = send.node() == answer.peer() && send.symbol() == answer.symbol();
            (own && send.extra() == 0).then_some(send.id())
        });
        sent.next().and_then(|id| self.place_of(id))
    }

    fn place_of(&self, sent: EventId) -> Option<usize> {
        self.spans.binary_search_by_key(&sent, |span| span.sent).ok()
    }

    /// The oldest request that `from` still waits for.
    fn first_open(&self, from: NodeId, to: NodeId, label: &str) -> Option<usize> {
        let waits = |span: &Span| {
            let sent = self.journal.get(span.sent).filter(|_| span.ended.is_none());
            sent.is_some_and(|s| s.node() == from && s.peer() == to && s.symbol() == label)
        };
        let recent = self.spans.len().saturating_sub(STEPS_MAX * 4);
        self.spans[recent..].iter().position(waits).map(|place| place + recent)
    }
}

/// Datagrams and bare bytes are no requests: nothing answers them.
fn is_request(send: &Event<'_>) -> bool {
    send.trace().is_some() || send.symbol().contains(" /")
}

fn in_depth_first_order(mut spans: Vec<Span>) -> Vec<Span> {
    let mut children: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
    for (place, span) in spans.iter().enumerate() {
        children.entry(span.parent).or_default().push(place);
    }
    let mut order = Vec::with_capacity(spans.len());
    let mut open: Vec<(usize, usize)> =
        children.remove(&None).into_iter().flatten().rev().map(|place| (place, 0)).collect();
    while let Some((place, depth)) = open.pop() {
        order.push(place);
        spans[place].depth = depth;
        let inner = children.remove(&Some(place)).into_iter().flatten().rev();
        open.extend(inner.map(|place| (place, depth + 1)));
    }
    let mut place_now = vec![0; spans.len()];
    for (now, before) in order.iter().enumerate() {
        place_now[*before] = now;
    }
    let mut spans: Vec<Option<Span>> = spans.into_iter().map(Some).collect();
    let ordered = order.iter().filter_map(|place| spans[*place].take());
    let moved = |span: Span| Span { parent: span.parent.map(|place| place_now[place]), ..span };
    ordered.map(moved).collect()
}
