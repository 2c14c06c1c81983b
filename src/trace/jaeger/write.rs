//! Spans as Jaeger's JSON.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::iter;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use serde::Serialize;

use crate::trace::set::{SpanRef, SpanSet, Trace};
use crate::trace::span::{Attributes, Span, SpanEvent, SpanKind, Status, Value};
use crate::trace::wire::{self, Seq};

/// Writes a set, trace by trace.
pub(crate) fn write(set: &SpanSet, out: &mut impl Write) -> io::Result<()> {
    let epoch = wire::epoch(set);
    let data = Seq(|| set.traces().map(|trace| wire_trace(trace, epoch)));
    let answer = Answer { data, total: 0, limit: 0, offset: 0, errors: None };
    serde_json::to_writer(&mut *out, &answer)?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
struct Answer<D> {
    data: D,
    total: u8,
    limit: u8,
    offset: u8,
    errors: Option<u8>,
}

#[derive(Serialize)]
struct WireTrace<'a, S> {
    #[serde(rename = "traceID")]
    trace_id: String,
    spans: S,
    processes: BTreeMap<String, WireProcess<'a>>,
    warnings: Option<u8>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireProcess<'a> {
    service_name: &'a str,
    tags: Vec<Tag<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireSpan<'a> {
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
    operation_name: &'a str,
    references: Vec<Reference>,
    start_time: u64,
    duration: u64,
    tags: Vec<Tag<'a>>,
    logs: Vec<Log<'a>>,
    #[serde(rename = "processID")]
    process_id: String,
    warnings: Option<u8>,
}

#[derive(Serialize)]
struct Reference {
    #[serde(rename = "refType")]
    kind: &'static str,
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
}

#[derive(Serialize)]
struct Log<'a> {
    timestamp: u64,
    fields: Vec<Tag<'a>>,
}

#[derive(Serialize)]
struct Tag<'a> {
    key: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    value: TagValue,
}

#[derive(Serialize)]
#[serde(untagged)]
enum TagValue {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Arc<str>),
    Made(String),
}

type Process<'a> = (&'a Arc<str>, usize);

fn process(span: &Span) -> Process<'_> {
    (&span.service, span.resource.as_ref().map_or(0, |resource| Arc::as_ptr(resource) as usize))
}

fn wire_trace(trace: Trace<'_>, epoch: u64) -> impl Serialize {
    let mut numbers: IndexMap<Process<'_>, usize, FxBuildHasher> = IndexMap::default();
    let mut processes = BTreeMap::new();
    for span in trace.spans() {
        let span = span.get();
        let next = numbers.len() + 1;
        if let indexmap::map::Entry::Vacant(entry) = numbers.entry(process(span)) {
            entry.insert(next);
            let tags = span.resource.iter().flat_map(|more| tags(more)).collect();
            processes.insert(format!("p{next}"), WireProcess { service_name: &span.service, tags });
        }
    }
    let spans = Seq(move || {
        let number = |span: SpanRef<'_>| numbers[&process(span.get())];
        let spans = trace.spans().map(|span| wire_span(span.get(), number(span), epoch));
        spans.collect::<Vec<_>>().into_iter()
    });
    WireTrace { trace_id: format!("{:032x}", trace.id()), spans, processes, warnings: None }
}

fn wire_span(span: &Span, process: usize, epoch: u64) -> WireSpan<'_> {
    let (start_time, duration) = wire::micros(epoch, span.start, span.end);
    let parent = span.parent.map(|parent| reference("CHILD_OF", span.trace, parent));
    let links = span.links.iter().map(|link| reference("FOLLOWS_FROM", link.trace, link.span));
    WireSpan {
        trace_id: format!("{:032x}", span.trace),
        span_id: format!("{:016x}", span.id),
        operation_name: &span.operation,
        references: parent.into_iter().chain(links).collect(),
        start_time,
        duration,
        tags: tags(&span.attributes).chain(own_tags(span)).collect(),
        logs: span.events.iter().map(|event| log(event, epoch)).collect(),
        process_id: format!("p{process}"),
        warnings: None,
    }
}

fn reference(kind: &'static str, trace: u128, id: u64) -> Reference {
    Reference { kind, trace_id: format!("{trace:032x}"), span_id: format!("{id:016x}") }
}

fn log(event: &SpanEvent, epoch: u64) -> Log<'_> {
    let name = Tag { key: "event", kind: "string", value: TagValue::Made(event.name.to_string()) };
    let (timestamp, _) = wire::micros(epoch, event.at, event.at);
    Log { timestamp, fields: iter::once(name).chain(tags(&event.attributes)).collect() }
}

/// What a span says of itself outside of its attributes.
fn own_tags(span: &Span) -> impl Iterator<Item = Tag<'_>> {
    let mut own: Vec<(&'static str, Value)> = Vec::new();
    if span.kind != SpanKind::Internal {
        own.push(("span.kind", span.kind.name().into()));
    }
    let (library, version) = &span.scope;
    for (key, text) in [("otel.scope.name", library), ("otel.scope.version", version)] {
        if !text.is_empty() {
            own.push((key, Value::Text(text.clone())));
        }
    }
    match &span.status {
        Status::Unset => {}
        Status::Ok => own.push(("otel.status_code", "OK".into())),
        Status::Error(how) => {
            own.push(("error", true.into()));
            own.push(("otel.status_code", "ERROR".into()));
            if !how.is_empty() {
                own.push(("otel.status_description", how.as_str().into()));
            }
        }
    }
    own.extend(crate::trace::own_attributes(span));
    own.into_iter().filter_map(|(key, value)| tag(key, &value))
}

fn tags(attributes: &Attributes) -> impl Iterator<Item = Tag<'_>> {
    attributes.iter().filter_map(|(key, value)| tag(key, value))
}

fn tag<'a>(key: &'a str, value: &Value) -> Option<Tag<'a>> {
    let (kind, value) = match value {
        Value::Empty => return None,
        Value::Bool(value) => ("bool", TagValue::Bool(*value)),
        Value::Int(value) => ("int64", TagValue::Int(*value)),
        Value::Float(value) if value.is_finite() => ("float64", TagValue::Float(*value)),
        Value::Bytes(bytes) => ("binary", TagValue::Made(STANDARD.encode(bytes))),
        Value::Text(text) => ("string", TagValue::Text(text.clone())),
        _ => ("string", TagValue::Made(value.to_string())),
    };
    Some(Tag { key, kind, value })
}
