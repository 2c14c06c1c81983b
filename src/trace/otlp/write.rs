//! Spans as OTLP/JSON.

use std::io::{self, Write};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::time::Time;
use crate::trace::set::{SpanIndex, SpanSet};
use crate::trace::span::{Attributes, Link, Span, SpanEvent, SpanKind, Status, Value};
use crate::trace::wire::{self, Seq};

/// Who made a span: the service and what more is known of it, by the address of that; then its library.
type Resource<'a> = (&'a Arc<str>, usize);
type Scope<'a> = &'a (Arc<str>, Arc<str>);
type ByScope<'a> = IndexMap<Scope<'a>, Vec<SpanIndex>, FxBuildHasher>;

/// Writes a set as one request.
pub(crate) fn write(set: &SpanSet, out: &mut impl Write) -> io::Result<()> {
    let mut groups: IndexMap<Resource<'_>, ByScope<'_>, FxBuildHasher> = IndexMap::default();
    for span in set.spans() {
        let (index, span) = (span.index(), span.get());
        let resource = span.resource.as_ref().map_or(0, |resource| Arc::as_ptr(resource) as usize);
        let scopes = groups.entry((&span.service, resource)).or_default();
        scopes.entry(&span.scope).or_default().push(index);
    }
    let epoch = wire::epoch(set);
    let resource_spans = Seq(|| {
        groups.values().map(|scopes| {
            let first = scopes.values().next().expect("a group has a span")[0];
            let span = set.span(first).get();
            let mut attributes =
                vec![json!({ "key": "service.name", "value": { "stringValue": span.service } })];
            attributes.extend(span.resource.iter().flat_map(|more| pairs(more)));
            ResourceSpans {
                resource: json!({ "attributes": attributes }),
                scope_spans: Seq(move || {
                    scopes.iter().map(move |(scope, spans)| ScopeSpans {
                        scope: scope_of(scope),
                        spans: Seq(move || {
                            spans.iter().map(move |index| wire_span(set, *index, epoch))
                        }),
                    })
                }),
            }
        })
    });
    serde_json::to_writer(&mut *out, &Request { resource_spans })?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<R> {
    resource_spans: R,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans<S> {
    resource: Json,
    scope_spans: S,
}

#[derive(Serialize)]
struct ScopeSpans<S> {
    scope: Json,
    spans: S,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireSpan {
    trace_id: String,
    span_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_span_id: Option<String>,
    name: Arc<str>,
    kind: usize,
    start_time_unix_nano: String,
    end_time_unix_nano: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attributes: Vec<Json>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    events: Vec<Json>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    links: Vec<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Json>,
}

fn scope_of((name, version): Scope<'_>) -> Json {
    match (&**name, &**version) {
        ("", "") => json!({ "name": "stormglass" }),
        (name, "") => json!({ "name": name }),
        (name, version) => json!({ "name": name, "version": version }),
    }
}

fn wire_span(set: &SpanSet, index: SpanIndex, epoch: u64) -> WireSpan {
    let span = set.span(index).get();
    let unix = |time: Time| epoch.saturating_add(time.0).to_string();
    let kind = SpanKind::ALL.iter().position(|kind| *kind == span.kind).expect("all are listed");
    let mut attributes: Vec<Json> = pairs(&span.attributes).collect();
    attributes.extend(own(span));
    WireSpan {
        trace_id: format!("{:032x}", span.trace),
        span_id: format!("{:016x}", span.id),
        parent_span_id: span.parent.map(|parent| format!("{parent:016x}")),
        name: span.operation.clone(),
        kind: kind + 1,
        start_time_unix_nano: unix(span.start),
        end_time_unix_nano: unix(span.end),
        attributes,
        events: span.events.iter().map(|event| wire_event(event, &unix)).collect(),
        links: span.links.iter().map(wire_link).collect(),
        status: match &span.status {
            Status::Unset => None,
            Status::Ok => Some(json!({ "code": 1 })),
            Status::Error(how) if how.is_empty() => Some(json!({ "code": 2 })),
            Status::Error(how) => Some(json!({ "code": 2, "message": how })),
        },
    }
}

/// Of a recorded span: its virtual time and its event, as attributes that were not there before.
fn own(span: &Span) -> impl Iterator<Item = Json> {
    let own = crate::trace::own_attributes(span);
    own.into_iter().filter_map(|(key, value)| pair(key, &value))
}

fn wire_event(event: &SpanEvent, unix: &impl Fn(Time) -> String) -> Json {
    let mut wire = json!({ "timeUnixNano": unix(event.at), "name": event.name });
    if !event.attributes.is_empty() {
        wire["attributes"] = pairs(&event.attributes).collect();
    }
    wire
}

fn wire_link(link: &Link) -> Json {
    let (trace, span) = (format!("{:032x}", link.trace), format!("{:016x}", link.span));
    let mut wire = json!({ "traceId": trace, "spanId": span });
    if !link.attributes.is_empty() {
        wire["attributes"] = pairs(&link.attributes).collect();
    }
    wire
}

fn pairs(attributes: &Attributes) -> impl Iterator<Item = Json> {
    attributes.iter().filter_map(|(key, value)| pair(key, value))
}

/// A key and its value; none for an empty value, which some parsers refuse.
fn pair(key: &str, value: &Value) -> Option<Json> {
    any_value(value).map(|value| json!({ "key": key, "value": value }))
}

fn any_value(value: &Value) -> Option<Json> {
    Some(match value {
        Value::Empty => return None,
        Value::Text(text) => json!({ "stringValue": text }),
        Value::Bool(value) => json!({ "boolValue": value }),
        Value::Int(value) => json!({ "intValue": value.to_string() }),
        // JSON has no such number; proto3's texts for them are refused by some collectors.
        Value::Float(value) if !value.is_finite() => json!({ "stringValue": value.to_string() }),
        Value::Float(value) => json!({ "doubleValue": value }),
        Value::Bytes(bytes) => json!({ "bytesValue": STANDARD.encode(bytes) }),
        Value::List(values) => {
            let values: Vec<Json> = values.iter().filter_map(any_value).collect();
            json!({ "arrayValue": { "values": values } })
        }
        Value::Map(values) => {
            json!({ "kvlistValue": { "values": pairs(values).collect::<Vec<_>>() } })
        }
    })
}
