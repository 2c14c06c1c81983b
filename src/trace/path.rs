//! The critical path: which span the one who asked was waiting for, at every instant.

use std::time::Duration;

use indexmap::IndexMap;

use super::set::{SpanIndex, SpanRef, SpanSet};
use super::span::SpanKind;
use crate::time::Time;

/// A piece of the critical path: from `start` to `end` nothing below the span was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The span.
    pub span: SpanIndex,
    /// The start of the piece.
    pub start: Time,
    /// Its end, which is the start of the next one.
    pub end: Time,
}

impl Segment {
    /// How long it is; never zero.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.end.since(self.start)
    }
}

/// The critical path of a span: segments in the order of time that tile it exactly, so that their
/// lengths sum to its latency.
///
/// From the end of a span backwards, the child that finished last was waited for, from its start to
/// its end, and so on before its start. Ends count as *inclusive*: a child that ends in the instant
/// in which the next one starts was waited for as well; of children with the same end the one that
/// started last comes first, then the one that was recorded last. A child is cut to its parent's
/// time, and a consumer is not waited for by its producer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CriticalPath {
    /// The span whose latency it explains.
    pub root: SpanIndex,
    /// Its pieces.
    pub segments: Vec<Segment>,
}

/// A span on the way, and what is left of it.
struct Frame {
    span: SpanIndex,
    start: Time,
    /// What lies behind it is told already.
    rest: Time,
    /// Its children, the one that ended last at the end: start, end, number.
    children: Vec<(Time, Time, SpanIndex)>,
}

impl CriticalPath {
    /// The critical path of a span of `set`: n log n in the number of spans below it.
    ///
    /// # Panics
    ///
    /// If the set has no span of that number.
    #[must_use]
    pub fn of(set: &SpanSet, root: SpanIndex) -> CriticalPath {
        let span = set.span(root);
        let mut segments = Vec::new();
        let mut stack = vec![Frame::new(span, span.start, span.end)];
        while let Some(frame) = stack.last_mut() {
            match frame.next_child() {
                Some((start, end, child)) => {
                    frame.tell(end, &mut segments);
                    frame.rest = start;
                    stack.push(Frame::new(set.span(child), start, end));
                }
                None => {
                    frame.tell(frame.start, &mut segments);
                    stack.pop();
                }
            }
        }
        segments.reverse();
        CriticalPath { root, segments }
    }

    /// The sum of its segments: the latency.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.segments.iter().map(Segment::duration).sum()
    }

    /// How long each service was waited for at each operation, in the order in which they come first.
    #[must_use]
    pub fn by_operation<'a>(&self, set: &'a SpanSet) -> IndexMap<(&'a str, &'a str), Duration> {
        let mut sums = IndexMap::new();
        for segment in &self.segments {
            let span = set.span(segment.span).get();
            let sum: &mut Duration = sums.entry((&*span.service, &*span.operation)).or_default();
            *sum += segment.duration();
        }
        sums
    }
}

impl Frame {
    /// `start` and `end` are the span's, cut to those above it.
    fn new(span: SpanRef<'_>, start: Time, end: Time) -> Frame {
        let waits = |child: &SpanRef<'_>| {
            !(span.kind == SpanKind::Producer && child.kind == SpanKind::Consumer)
                && child.start < end
                && child.end > start
        };
        let cut = |child: SpanRef<'_>| (child.start.max(start), child.end.min(end), child.index());
        let mut children: Vec<_> = span.children().filter(waits).map(cut).collect();
        children.sort_unstable_by_key(|(start, end, index)| (*end, *start, *index));
        Frame { span: span.index(), start, rest: end, children }
    }

    /// The child that was waited for last, of those that ended before what is told.
    fn next_child(&mut self) -> Option<(Time, Time, SpanIndex)> {
        loop {
            let child = self.children.pop()?;
            if child.1 <= self.rest {
                return Some(child);
            }
        }
    }

    /// The span itself was waited for, from `since` to what is told.
    fn tell(&self, since: Time, segments: &mut Vec<Segment>) {
        if since >= self.rest {
            return;
        }
        // A child that took no time leaves no gap between what is before it and what is after it.
        match segments.last_mut().filter(|s| s.span == self.span && s.start == self.rest) {
            Some(later) => later.start = since,
            None => segments.push(Segment { span: self.span, start: since, end: self.rest }),
        }
    }
}
