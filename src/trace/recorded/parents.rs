//! Whose part a request is.

use std::sync::Arc;

use super::{NONE, Reader};
use crate::journal::Event;
use crate::trace::set::SpanIndex;
use crate::trace::span::SpanKind;

/// What a request is a part of.
pub(super) struct Parent {
    trace: u128,
    span: SpanIndex,
    /// How that is known, if not from the context that the request carries.
    by: Option<&'static str>,
}

impl<'a> Reader<'a> {
    /// Whose part a request is: of the server span whose trace its context names, if causality does
    /// not tell of another of the same trace; without such a span, of the one that it rests on.
    pub(super) fn parent_of(&mut self, event: Event<'a>, label: &Arc<str>) -> Parent {
        let around = self.of(&self.within, event.id());
        let around = if around != NONE && self.ended[around as usize] { NONE } else { around };
        let header = event.trace();
        if let Some(header) = header {
            let named = self.by_header.get(&(event.node(), header.id));
            if let Some(named) = named {
                let rests_on = self.request_around(around);
                let open = named.iter().rev().find(|s| !self.ended[**s as usize]);
                let many = named.iter().filter(|s| !self.ended[**s as usize]).count() > 1;
                let (span, by) = match named.contains(&rests_on) {
                    true => (around, None),
                    false => {
                        let by = many.then_some("traceparent, the last of several");
                        (*open.or(named.last()).expect("it is not empty"), by)
                    }
                };
                return Parent { trace: self.spans[span as usize].trace, span, by };
            }
        }
        if around != NONE {
            let trace = self.spans[around as usize].trace;
            return Parent { trace, span: around, by: Some("causality") };
        }
        if header.is_none()
            && let mut open = self.serving[event.node().0 as usize].iter()
            && let (Some(only), None) = (open.next(), open.next())
        {
            let trace = self.spans[*only as usize].trace;
            return Parent { trace, span: *only, by: Some("the only request in work") };
        }
        let trace = match header {
            Some(header) => header.id,
            None => self.fresh_trace(event.node(), event.peer(), label),
        };
        Parent { trace, span: NONE, by: None }
    }

    /// Makes a request's span a part of what it is a part of. Its id is the one that its header says, if
    /// that is new: a service that passes a header on as it came says its caller's.
    pub(super) fn join(&mut self, client: SpanIndex, parent: Parent, event: Event<'a>) {
        let Parent { trace, span, by } = parent;
        let named = event.trace().map(|header| header.span);
        let named = named.filter(|id| self.ids.insert((trace, *id)));
        let key = [event.at().0, u64::from(event.id().0)].map(u64::to_le_bytes).concat();
        let id = named.unwrap_or_else(|| self.fresh_id(trace, &key));
        let above = (span != NONE).then(|| self.spans[span as usize].id);
        let place = &mut self.spans[client as usize];
        (place.trace, place.id, place.parent) = (trace, id, above);
        if let Some(by) = by {
            self.set(client, "sim.parent", by);
        }
    }

    /// The server span that a span is or is a part of, on its node.
    pub(super) fn request_around(&self, span: SpanIndex) -> SpanIndex {
        let mut at = span;
        while at != NONE && self.spans[at as usize].kind == SpanKind::Internal {
            at = self.around(at);
        }
        at
    }
}
