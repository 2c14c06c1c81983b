//! Spans as Jaeger's JSON.

use std::io::{self, Write};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::trace::set::{SpanRef, SpanSet, Trace};
use crate::trace::span::{Attributes, Span, SpanKind, Status, Value};
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
struct WireTrace<S> {
    #[serde(rename = "traceID")]
    trace_id: String,
    spans: S,
    processes: Json,
    warnings: Option<u8>,
}

type Process<'a> = (&'a Arc<str>, usize);

fn process(span: &Span) -> Process<'_> {
    (&span.service, span.resource.as_ref().map_or(0, |resource| Arc::as_ptr(resource) as usize))
}

fn wire_trace(trace: Trace<'_>, epoch: u64) -> impl Serialize {
    let mut numbers: IndexMap<Process<'_>, usize, FxBuildHasher> = IndexMap::default();
    let mut processes = serde_json::Map::new();
    for span in trace.spans() {
        let span = span.get();
        let next = numbers.len() + 1;
        if let indexmap::map::Entry::Vacant(entry) = numbers.entry(process(span)) {
            entry.insert(next);
            let tags: Vec<Json> = span.resource.iter().flat_map(|more| tags(more)).collect();
            let wire = json!({ "serviceName": span.service, "tags": tags });
            processes.insert(format!("p{next}"), wire);
        }
    }
    let spans = Seq(move || {
        let number = |span: SpanRef<'_>| numbers[&process(span.get())];
        let spans = trace.spans().map(|span| wire_span(span.get(), number(span), epoch));
        spans.collect::<Vec<_>>().into_iter()
    });
    let trace_id = format!("{:032x}", trace.id());
    WireTrace { trace_id, spans, processes: Json::Object(processes), warnings: None }
}

fn wire_span(span: &Span, process: usize, epoch: u64) -> Json {
    let (start, duration) = wire::micros(epoch, span.start, span.end);
    let reference = |kind: &str, trace: u128, id: u64| {
        let (trace, id) = (format!("{trace:032x}"), format!("{id:016x}"));
        json!({ "refType": kind, "traceID": trace, "spanID": id })
    };
    let parent = span.parent.map(|parent| reference("CHILD_OF", span.trace, parent));
    let links = span.links.iter().map(|link| reference("FOLLOWS_FROM", link.trace, link.span));
    let logs = span.events.iter().map(|event| {
        let name = [json!({ "key": "event", "type": "string", "value": event.name })];
        let fields: Vec<Json> = name.into_iter().chain(tags(&event.attributes)).collect();
        let (at, _) = wire::micros(epoch, event.at, event.at);
        json!({ "timestamp": at, "fields": fields })
    });
    json!({
        "traceID": format!("{:032x}", span.trace),
        "spanID": format!("{:016x}", span.id),
        "operationName": span.operation,
        "references": parent.into_iter().chain(links).collect::<Vec<_>>(),
        "startTime": start,
        "duration": duration,
        "tags": all_tags(span),
        "logs": logs.collect::<Vec<_>>(),
        "processID": format!("p{process}"),
        "warnings": null,
    })
}

fn all_tags(span: &Span) -> Vec<Json> {
    let mut own = Attributes::new();
    if span.kind != SpanKind::Internal {
        own.push(("span.kind".into(), span.kind.name().into()));
    }
    let (library, version) = &span.scope;
    for (key, text) in [("otel.scope.name", library), ("otel.scope.version", version)] {
        if !text.is_empty() {
            own.push((key.into(), Value::Text(text.clone())));
        }
    }
    match &span.status {
        Status::Unset => {}
        Status::Ok => own.push(("otel.status_code".into(), "OK".into())),
        Status::Error(how) => {
            own.push(("error".into(), true.into()));
            own.push(("otel.status_code".into(), "ERROR".into()));
            if !how.is_empty() {
                own.push(("otel.status_description".into(), how.as_str().into()));
            }
        }
    }
    let recorded = crate::trace::own_attributes(span);
    own.extend(recorded.into_iter().map(|(key, value)| (key.into(), value)));
    tags(&span.attributes).chain(tags(&own)).collect()
}

fn tags(attributes: &Attributes) -> impl Iterator<Item = Json> {
    attributes.iter().filter_map(|(key, value)| {
        let (kind, value) = match value {
            Value::Empty => return None,
            Value::Bool(value) => ("bool", json!(value)),
            Value::Int(value) => ("int64", json!(value)),
            Value::Float(value) if value.is_finite() => ("float64", json!(value)),
            Value::Bytes(bytes) => ("binary", json!(STANDARD.encode(bytes))),
            _ => ("string", json!(value.to_string())),
        };
        Some(json!({ "key": key, "type": kind, "value": value }))
    })
}
