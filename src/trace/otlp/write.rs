//! Spans as OTLP/JSON.

use std::io::{self, Write};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use serde::Serialize;

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
            let service = AnyValue::Text(span.service.clone());
            let mut attributes = vec![KeyValue { key: "service.name", value: service }];
            attributes.extend(span.resource.iter().flat_map(|more| pairs(more)));
            ResourceSpans {
                resource: Attributed { attributes },
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
struct ResourceSpans<'a, S> {
    resource: Attributed<'a>,
    scope_spans: S,
}

#[derive(Serialize)]
struct Attributed<'a> {
    attributes: Vec<KeyValue<'a>>,
}

#[derive(Serialize)]
struct ScopeSpans<'a, S> {
    scope: WireScope<'a>,
    spans: S,
}

#[derive(Serialize)]
struct WireScope<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    version: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireSpan<'a> {
    trace_id: String,
    span_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_span_id: Option<String>,
    name: &'a str,
    kind: usize,
    start_time_unix_nano: String,
    end_time_unix_nano: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attributes: Vec<KeyValue<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    events: Vec<WireEvent<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    links: Vec<WireLink<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<WireStatus<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireEvent<'a> {
    time_unix_nano: String,
    name: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attributes: Vec<KeyValue<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireLink<'a> {
    trace_id: String,
    span_id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attributes: Vec<KeyValue<'a>>,
}

#[derive(Serialize)]
struct WireStatus<'a> {
    code: u8,
    #[serde(skip_serializing_if = "str::is_empty")]
    message: &'a str,
}

#[derive(Serialize)]
struct KeyValue<'a> {
    key: &'a str,
    value: AnyValue<'a>,
}

#[derive(Serialize)]
enum AnyValue<'a> {
    #[serde(rename = "stringValue")]
    Text(Arc<str>),
    #[serde(rename = "boolValue")]
    Bool(bool),
    #[serde(rename = "intValue")]
    Int(String),
    #[serde(rename = "doubleValue")]
    Float(f64),
    #[serde(rename = "bytesValue")]
    Bytes(String),
    #[serde(rename = "arrayValue")]
    List { values: Vec<AnyValue<'a>> },
    #[serde(rename = "kvlistValue")]
    Map { values: Vec<KeyValue<'a>> },
}

fn scope_of<'a>((name, version): Scope<'a>) -> WireScope<'a> {
    match (&**name, &**version) {
        ("", "") => WireScope { name: "stormglass", version: "" },
        (name, version) => WireScope { name, version },
    }
}

fn wire_span(set: &SpanSet, index: SpanIndex, epoch: u64) -> WireSpan<'_> {
    let span = set.span(index).get();
    let unix = |time: Time| epoch.saturating_add(time.0).to_string();
    let kind = SpanKind::ALL.iter().position(|kind| *kind == span.kind).expect("all are listed");
    WireSpan {
        trace_id: format!("{:032x}", span.trace),
        span_id: format!("{:016x}", span.id),
        parent_span_id: span.parent.map(|parent| format!("{parent:016x}")),
        name: &span.operation,
        kind: kind + 1,
        start_time_unix_nano: unix(span.start),
        end_time_unix_nano: unix(span.end),
        attributes: pairs(&span.attributes).chain(own(span)).collect(),
        events: span.events.iter().map(|event| wire_event(event, &unix)).collect(),
        links: span.links.iter().map(wire_link).collect(),
        status: match &span.status {
            Status::Unset => None,
            Status::Ok => Some(WireStatus { code: 1, message: "" }),
            Status::Error(how) => Some(WireStatus { code: 2, message: how }),
        },
    }
}

/// Of a recorded span: its virtual time and its event, numbers or texts.
fn own(span: &Span) -> impl Iterator<Item = KeyValue<'_>> {
    let own = crate::trace::own_attributes(span);
    own.into_iter().filter_map(|(key, value)| match value {
        Value::Int(value) => Some(KeyValue { key, value: AnyValue::Int(value.to_string()) }),
        Value::Text(text) => Some(KeyValue { key, value: AnyValue::Text(text) }),
        _ => None,
    })
}

fn wire_event<'a>(event: &'a SpanEvent, unix: &impl Fn(Time) -> String) -> WireEvent<'a> {
    let attributes = pairs(&event.attributes).collect();
    WireEvent { time_unix_nano: unix(event.at), name: &event.name, attributes }
}

fn wire_link(link: &Link) -> WireLink<'_> {
    let (trace_id, span_id) = (format!("{:032x}", link.trace), format!("{:016x}", link.span));
    WireLink { trace_id, span_id, attributes: pairs(&link.attributes).collect() }
}

/// Keys and values; without the empty ones, which some parsers refuse.
fn pairs(attributes: &Attributes) -> impl Iterator<Item = KeyValue<'_>> {
    attributes
        .iter()
        .filter_map(|(key, value)| any_value(value).map(|value| KeyValue { key, value }))
}

fn any_value(value: &Value) -> Option<AnyValue<'_>> {
    Some(match value {
        Value::Empty => return None,
        Value::Text(text) => AnyValue::Text(text.clone()),
        Value::Bool(value) => AnyValue::Bool(*value),
        Value::Int(value) => AnyValue::Int(value.to_string()),
        // JSON has no such number; proto3's texts for them are refused by some collectors.
        Value::Float(value) if !value.is_finite() => AnyValue::Text(value.to_string().into()),
        Value::Float(value) => AnyValue::Float(*value),
        Value::Bytes(bytes) => AnyValue::Bytes(STANDARD.encode(bytes)),
        Value::List(values) => {
            AnyValue::List { values: values.iter().filter_map(any_value).collect() }
        }
        Value::Map(values) => AnyValue::Map { values: pairs(values).collect() },
    })
}
