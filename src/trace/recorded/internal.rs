//! The spans of `tracing` that a service opens.

use super::{NONE, Reader};
use crate::journal::{Event, NodeId};
use crate::trace::set::SpanIndex;
use crate::trace::span::SpanKind;

impl<'a> Reader<'a> {
    /// A span is made. What comes after it in its task, until it is closed, is taken for a part of it.
    pub(super) fn opened(&mut self, event: Event<'a>) {
        let text = event.text().unwrap_or_default();
        let name = text.split(' ').next().unwrap_or_default();
        let operation = self.text(name);
        let around = self.of(&self.within, event.id());
        let around = if around != NONE && self.ended[around as usize] { NONE } else { around };
        let span = self.begin(event, event.node(), &operation);
        let trace = match around {
            NONE => self.fresh_trace(event.node(), NodeId::WORLD, &operation),
            around => self.spans[around as usize].trace,
        };
        let key = [event.at().0, u64::from(event.id().0)].map(u64::to_le_bytes).concat();
        let id = self.fresh_id(trace, &key);
        let above = (around != NONE).then(|| self.spans[around as usize].id);
        let place = &mut self.spans[span as usize];
        (place.trace, place.id, place.parent) = (trace, id, above);
        place.kind = SpanKind::Internal;
        self.exchange_of[span as usize] = around;
        if let Some((_, fields)) = text.split_once(' ') {
            self.set(span, "tracing.fields", fields);
        }
        self.within[event.id().0 as usize - 1] = span;
        self.open.entry((event.node(), name)).or_default().push(span);
    }

    /// A span is closed: the last open one of its node whose text this one's goes on from.
    pub(super) fn closed(&mut self, event: Event<'a>) {
        let text = event.text().unwrap_or_default();
        let name = text.split(' ').next().unwrap_or_default();
        let key = (event.node(), name);
        let Some(open) = self.open.get_mut(&key) else { return };
        let spans = &self.spans;
        let begins = |span: &SpanIndex| {
            let fields = spans[*span as usize].attribute("tracing.fields");
            let fields = fields.and_then(|fields| fields.as_str());
            let rest = text.split_once(' ').map_or("", |(_, rest)| rest);
            fields.is_none_or(|fields| rest.starts_with(fields))
        };
        let Some(place) = open.iter().rposition(begins) else { return };
        let span = open.remove(place);
        self.end(span);
    }

    /// A node is down: its spans end with it.
    pub(super) fn close_all(&mut self, node: NodeId, how: &str) {
        let of_node = self.open.keys().filter(|(of, _)| *of == node);
        let mut keys: Vec<_> = of_node.copied().collect();
        keys.sort_unstable();
        let open = keys.iter().filter_map(|key| self.open.remove(key));
        let open: Vec<SpanIndex> = open.flatten().collect();
        for span in open {
            self.fail(span, how);
            self.end(span);
        }
    }
}
