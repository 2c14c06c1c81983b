//! The lines of the waterfall: the spans of a run, each below the one that it is a part of.
//!
//! A request is one line: the span of its caller, and on it those of whoever worked on it, one for each
//! time that it arrived.

use serde::Serialize;

use super::{Picture, SPANS_MAX, Texts};
use crate::journal::EventId;
use crate::report::html::text::visible;
use crate::trace::{
    CriticalPath, DOUBLED, DROPPED, DistributedTracer, SpanIndex, SpanKind, SpanRef, SpanSet,
    Status, Trace, Value, attribute,
};

/// How a line of the waterfall looks.
#[derive(Clone, Copy, Serialize)]
#[serde(into = "u8")]
enum Look {
    Fine = 0,
    /// It failed, or was answered by an error.
    Failed = 1,
    /// It ended without an answer.
    Unanswered = 2,
    /// It has not ended.
    Open = 3,
}

impl From<Look> for u8 {
    fn from(look: Look) -> u8 {
        look as u8
    }
}

/// A line of the waterfall: the rows of its begin and its end, how long it took in nanoseconds, how
/// deep it lies, the texts of who works, at what, and how it ended; its look; the rows of each work on
/// it with 1 if that failed; those of the critical path.
#[derive(Serialize)]
pub(super) struct SpanLine(
    usize,
    i64,
    u64,
    usize,
    u32,
    u32,
    u32,
    Look,
    Vec<(usize, i64, u8)>,
    Vec<(usize, i64)>,
);

impl Picture<'_> {
    pub(super) fn spans(&self, texts: &mut Texts) -> Vec<SpanLine> {
        let lines = lines(self.tracer);
        // A span of which the beginning is not shown is not shown.
        let lines = lines.iter().filter_map(|line| {
            let row = self.row(begun(line.span))?;
            Some(self.span_line(row, line, texts))
        });
        lines.take(SPANS_MAX).collect()
    }

    fn span_line(&self, row: usize, line: &Line<'_>, texts: &mut Texts) -> SpanLine {
        let span = line.span.get();
        let event = self.journal.get(begun(line.span));
        let who = event.map_or("", |event| match span.kind {
            SpanKind::Client => event.peer_name(),
            _ => event.node_name(),
        });
        // A span of `tracing` is the work of its node itself.
        let own = (span.kind != SpanKind::Client).then_some(line.span);
        let work = own.iter().chain(&line.work).filter_map(|work| {
            let arrived = self.row(begun(*work))?;
            Some((arrived, self.end_row(ended(*work)), u8::from(work.is_error())))
        });
        let path = line.path.iter().filter_map(|(from, to)| {
            let from = self.shown_from(*from);
            (from < self.rows.len()).then(|| (from, self.end_row(*to)))
        });
        let look = match () {
            () if !span.finished => Look::Open,
            () if span.kind == SpanKind::Client && span.http_status().is_none() => Look::Unanswered,
            () if span.is_error() => Look::Failed,
            () => Look::Fine,
        };
        SpanLine(
            row,
            self.end_row(ended(line.span)),
            span.duration().as_nanos() as u64,
            line.depth,
            texts.number(visible(who)),
            texts.number(visible(&span.operation)),
            texts.number(visible(&outcome(line))),
            look,
            work.collect(),
            path.collect(),
        )
    }

    /// The first row at an event or after it.
    fn shown_from(&self, id: EventId) -> usize {
        self.row(id).unwrap_or_else(|| self.rows.partition_point(|shown| *shown < id))
    }

    /// The row of an end; -1 if it is beyond what is shown.
    fn end_row(&self, id: EventId) -> i64 {
        let row = self.shown_from(id);
        if id == EventId::NONE || row >= self.rows.len() { -1 } else { row as i64 }
    }
}

/// One line.
struct Line<'a> {
    span: SpanRef<'a>,
    /// How many lines it is a part of.
    depth: usize,
    /// Of a request: whoever worked on it.
    work: Vec<SpanRef<'a>>,
    /// From where to where it was waited for, by the critical path of its trace; of a trace of one
    /// line, which is waited for all the time, nothing.
    path: Vec<(EventId, EventId)>,
}

/// All lines, trace by trace: those of several lines first, as they are what a reader looks for among
/// probes of health and gossip.
fn lines(tracer: &DistributedTracer) -> Vec<Line<'_>> {
    let of_traces = tracer.traces().map(|trace| of_trace(tracer, trace));
    let (many, single): (Vec<_>, Vec<_>) = of_traces.partition(|lines| lines.len() > 1);
    many.into_iter().chain(single).flatten().collect()
}

fn of_trace<'a>(tracer: &'a DistributedTracer, trace: Trace<'a>) -> Vec<Line<'a>> {
    let mut lines: Vec<Line<'a>> = Vec::new();
    let mut open: Vec<(SpanRef<'a>, usize)> = trace.roots().map(|root| (root, 0)).collect();
    open.reverse();
    while let Some((span, depth)) = open.pop() {
        let is_work =
            |part: &SpanRef<'_>| span.kind == SpanKind::Client && part.kind == SpanKind::Server;
        let (work, mut parts): (Vec<_>, Vec<_>) = span.children().partition(is_work);
        parts.extend(work.iter().flat_map(SpanRef::children));
        parts.sort_unstable_by_key(|part| std::cmp::Reverse(part.index()));
        open.extend(parts.into_iter().map(|part| (part, depth + 1)));
        lines.push(Line { span, depth, work, path: Vec::new() });
    }
    if lines.len() > 1 {
        mark(tracer.spans(), &tracer.critical_path(trace), &mut lines);
    }
    lines
}

/// Marks the critical path on its lines.
fn mark(set: &SpanSet, path: &CriticalPath, lines: &mut [Line<'_>]) {
    let of_line = |(line, l): (usize, &Line<'_>)| {
        let spans = std::iter::once(l.span.index()).chain(l.work.iter().map(SpanRef::index));
        spans.map(move |span| (span, line)).collect::<Vec<_>>()
    };
    let mut line_of: Vec<(SpanIndex, usize)> = lines.iter().enumerate().flat_map(of_line).collect();
    line_of.sort_unstable();
    for (n, segment) in path.segments.iter().enumerate() {
        let before = n.checked_sub(1).map(|before| path.segments[before].span);
        let after = path.segments.get(n + 1).map(|after| after.span);
        let starts = |span| ancestors(set, span).find(|s| s.start == segment.start).map(begun);
        let ends = |span| ancestors(set, span).find(|s| s.end == segment.end).map(ended);
        // Where it begins, something begins, or what was waited for before it ends; and so at its end.
        let from = starts(segment.span)
            .or_else(|| ancestors(set, before?).find(|s| s.end == segment.start).map(ended));
        let to = ends(segment.span)
            .or_else(|| ancestors(set, after?).find(|s| s.start == segment.end).map(begun));
        let line = line_of.binary_search_by_key(&segment.span, |(span, _)| *span);
        if let (Some(from), Some(to), Ok(place)) = (from, to, line) {
            lines[line_of[place].1].path.push((from, to));
        }
    }
}

/// A span, the one around it, and so on.
fn ancestors(set: &SpanSet, span: SpanIndex) -> impl Iterator<Item = SpanRef<'_>> {
    std::iter::successors(Some(set.span(span)), SpanRef::parent)
}

/// The event that began a span.
fn begun(span: SpanRef<'_>) -> EventId {
    EventId(span.event)
}

/// The event that ended a span; none if it has not ended.
fn ended(span: SpanRef<'_>) -> EventId {
    EventId(span.end_event)
}

/// How a line ended, in words: `201`, `timed out, reply lost: fault 1`.
fn outcome(line: &Line<'_>) -> String {
    let span = line.span.get();
    let text = |key: &str| span.attribute(key).and_then(Value::as_str);
    let mut words: Vec<String> = Vec::new();
    match (span.http_status(), text("error.type"), &span.status) {
        (Some(status), ..) => words.push(status.to_string()),
        (None, Some("timeout"), _) => words.push("timed out".to_owned()),
        (None, Some(how), _) => words.push(how.replace('_', " ")),
        (None, None, Status::Error(how)) => words.push(how.replace('_', " ")),
        _ => {}
    }
    if let Some(again) = span.attribute("http.request.resend_count") {
        words.push(format!("retry {again}"));
    }
    for event in &span.events {
        let text = |key: &str| attribute(&event.attributes, key).and_then(Value::as_str);
        let leg = text("sim.leg").unwrap_or("message");
        let is_lost = match leg {
            "request" => line.work.is_empty(),
            _ => span.is_reply_lost(),
        };
        let what = match &*event.name {
            DROPPED if is_lost => format!("{leg} lost"),
            DOUBLED => format!("{leg} doubled"),
            // A second copy of an answer that came in time is none.
            "late reply" if span.http_status().is_none() => "reply late".to_owned(),
            _ => continue,
        };
        let fault = attribute(&event.attributes, "sim.fault").and_then(Value::as_int);
        let fault = fault.map_or(String::new(), |fault| format!(" by fault {}", fault + 1));
        words.push(what + &fault);
    }
    words.dedup();
    words.join(", ")
}
