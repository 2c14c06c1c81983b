//! Jaeger's JSON as spans.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::error::Result;
use crate::time::Time;
use crate::trace::set::{Finding, SpanSet};
use crate::trace::span::{Attributes, Link, Span, SpanEvent, SpanKind, Status, Value};
use crate::trace::wire::{
    Micros, Whole, documents, loose_id, loose_span_id, of_micros, or_default,
};

/// Reads an answer of Jaeger's API.
pub(crate) fn read(file: &str, text: &str) -> Result<SpanSet> {
    let mut findings = Vec::new();
    let mut spans = Vec::new();
    for answer in documents::<Answer>(file, text)? {
        for trace in answer.data {
            let processes: BTreeMap<String, Made> =
                trace.processes.into_iter().map(|(id, process)| (id, made(process))).collect();
            for wire in trace.spans {
                spans.push(wire.into_span(&processes, &mut findings));
            }
        }
    }
    Ok(SpanSet::with_findings(spans, 0, findings))
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default, deserialize_with = "or_default")]
    data: Vec<WireTrace>,
}

#[derive(Deserialize)]
struct WireTrace {
    #[serde(default, deserialize_with = "or_default")]
    spans: Vec<WireSpan>,
    #[serde(default, deserialize_with = "or_default")]
    processes: BTreeMap<String, Process>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Process {
    #[serde(default, deserialize_with = "or_default")]
    service_name: String,
    #[serde(default, deserialize_with = "or_default")]
    tags: Vec<Tag>,
}

/// Who made a span: the service, and what more is known of it.
type Made = (Arc<str>, Option<Arc<Attributes>>);

fn made(process: Process) -> Made {
    let tags = attributes(process.tags);
    (process.service_name.into(), (!tags.is_empty()).then(|| Arc::new(tags)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireSpan {
    #[serde(rename = "traceID")]
    trace: String,
    #[serde(rename = "spanID")]
    id: String,
    /// Before Jaeger 1.4.
    #[serde(rename = "parentSpanID", default, deserialize_with = "or_default")]
    parent: String,
    #[serde(default, deserialize_with = "or_default")]
    operation_name: String,
    #[serde(default, deserialize_with = "or_default")]
    references: Vec<Reference>,
    start_time: Micros,
    #[serde(default, deserialize_with = "or_default")]
    duration: Whole,
    #[serde(default, deserialize_with = "or_default")]
    tags: Vec<Tag>,
    #[serde(default, deserialize_with = "or_default")]
    logs: Vec<Log>,
    #[serde(rename = "processID", default, deserialize_with = "or_default")]
    process_id: String,
    #[serde(default)]
    process: Option<Process>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    #[serde(default, deserialize_with = "or_default")]
    ref_type: String,
    #[serde(rename = "traceID", default, deserialize_with = "or_default")]
    trace: String,
    #[serde(rename = "spanID", default, deserialize_with = "or_default")]
    span: String,
}

#[derive(Deserialize)]
struct Log {
    #[serde(default, deserialize_with = "or_default")]
    timestamp: Micros,
    #[serde(default, deserialize_with = "or_default")]
    fields: Vec<Tag>,
}

#[derive(Deserialize)]
struct Tag {
    #[serde(default, deserialize_with = "or_default")]
    key: String,
    #[serde(rename = "type", default, deserialize_with = "or_default")]
    kind: String,
    #[serde(default)]
    value: Json,
}

impl WireSpan {
    fn into_span(self, processes: &BTreeMap<String, Made>, findings: &mut Vec<Finding>) -> Span {
        let trace = loose_id(&self.trace, findings);
        let id = loose_span_id(&self.id, findings);
        let start = of_micros(self.start_time.0);
        // A length below zero is an end before the start: the set says so, and mends it.
        let length = self.duration.0;
        let end = match u64::try_from(length) {
            Ok(length) => Time(start.0.saturating_add(of_micros(length).0)),
            Err(_) => Time(start.0.saturating_sub(of_micros(before(length)).0)),
        };
        let (parent, links) = self.parent_and_links(trace, findings);
        let (service, resource) = match self.process {
            Some(process) => made(process),
            None => processes.get(&self.process_id).cloned().unwrap_or_default(),
        };
        let mut span = Span {
            trace,
            id,
            parent,
            service,
            resource,
            operation: self.operation_name.into(),
            start,
            end,
            finished: true,
            attributes: attributes(self.tags),
            events: self.logs.into_iter().map(Log::into_event).collect(),
            links,
            ..Span::default()
        };
        take_known(&mut span);
        span
    }

    /// The parent is the first `CHILD_OF` of the same trace, else the first `FOLLOWS_FROM`, as Jaeger's UI has it.
    fn parent_and_links(
        &self,
        trace: u128,
        findings: &mut Vec<Finding>,
    ) -> (Option<u64>, Vec<Link>) {
        let mut ids = Vec::new();
        for reference in self.references.iter().filter(|reference| !reference.span.is_empty()) {
            let of = match &*reference.trace {
                "" => trace,
                text => loose_id(text, findings),
            };
            ids.push((&*reference.ref_type, of, loose_span_id(&reference.span, findings)));
        }
        let first = |kind: &str| ids.iter().position(|(k, of, _)| *k == kind && *of == trace);
        let place = first("CHILD_OF").or_else(|| first("FOLLOWS_FROM"));
        let named = || match self.parent.bytes().all(|b| b == b'0') {
            true => None,
            false => Some(&*self.parent),
        };
        let parent = match place {
            Some(place) => Some(ids.remove(place).2),
            None => named().map(|text| loose_span_id(text, findings)),
        };
        let link = |(_, trace, span)| Link { trace, span, attributes: Attributes::new() };
        (parent, ids.into_iter().map(link).collect())
    }
}

/// By how much a length is below zero; none is so by more than a time can be.
fn before(length: i128) -> u64 {
    u64::try_from(length.unsigned_abs()).unwrap_or(u64::MAX)
}

/// Takes out of the tags what has a place of its own.
fn take_known(span: &mut Span) {
    let mut take = |key: &str| {
        let place = span.attributes.iter().position(|(known, _)| known == key)?;
        Some(span.attributes.remove(place).1)
    };
    let kind = take("span.kind");
    span.kind =
        kind.as_ref().and_then(Value::as_str).and_then(SpanKind::of_name).unwrap_or_default();
    let mut text = |new: &str, old: &str| -> Arc<str> {
        let value = take(new).or_else(|| take(old));
        value.map(|value| value.to_string()).unwrap_or_default().into()
    };
    let name = text("otel.scope.name", "otel.library.name");
    span.scope = (name, text("otel.scope.version", "otel.library.version"));
    let code = take("otel.status_code").map(|code| code.to_string()).unwrap_or_default();
    let how = take("otel.status_description").map(|how| how.to_string()).unwrap_or_default();
    // Any `error` but `false` is one; some clients write what kind of error it is.
    let error = take("error").filter(|error| !matches!(error.to_string().as_str(), "false" | ""));
    let how = match &error {
        Some(Value::Text(kind)) if how.is_empty() && **kind != *"true" => kind.to_string(),
        _ => how,
    };
    // OpenTracing's conventions log an error where the tags say nothing.
    let is_error = |event: &SpanEvent| {
        let named = |key: &str| matches!(key, "error" | "error.object");
        event.name == "error" || event.attributes.iter().any(|(key, _)| named(key))
    };
    let logged = code.is_empty() && span.events.iter().any(is_error);
    span.status = match (error.is_some() || logged || code == "ERROR", code == "OK") {
        (true, _) => Status::Error(how),
        (_, true) => Status::Ok,
        _ => Status::Unset,
    };
}

impl Log {
    fn into_event(self) -> SpanEvent {
        let mut attributes = attributes(self.fields);
        let name = attributes.iter().position(|(key, _)| key == "event");
        let name = name.map(|place| attributes.remove(place).1.to_string()).unwrap_or_default();
        let at = of_micros(self.timestamp.0);
        SpanEvent { at, name: name.into(), attributes }
    }
}

fn attributes(tags: Vec<Tag>) -> Attributes {
    tags.into_iter().map(|tag| (tag.key.into(), value(&tag.kind, tag.value))).collect()
}

fn value(kind: &str, json: Json) -> Value {
    match json {
        Json::Null => Value::Empty,
        Json::Bool(value) => Value::Bool(value),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(value), _) if kind != "float64" => Value::Int(value),
            (_, Some(value)) => Value::Float(value),
            _ => number.to_string().into(),
        },
        Json::String(text) => match kind {
            "binary" => STANDARD.decode(&text).map_or_else(|_| text.into(), Value::Bytes),
            "int64" => text.parse().map_or_else(|_| text.into(), Value::Int),
            _ => text.into(),
        },
        other => other.to_string().into(),
    }
}
