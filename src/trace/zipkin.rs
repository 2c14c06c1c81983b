//! Zipkin's JSON, version 2 (`POST /api/v2/spans`): a list of spans, times in microseconds.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use xxhash_rust::xxh3::xxh3_64;

use super::set::SpanSet;
use super::span::{Span, SpanEvent, SpanKind, Status, Value, attribute};
use super::wire::{self, Micros, Seq, documents, loose_id, loose_span_id, of_micros, or_default};
use crate::error::Result;
use crate::time::Time;

/// Writes a set.
pub(super) fn write(set: &SpanSet, out: &mut impl Write) -> io::Result<()> {
    let epoch = wire::epoch(set);
    let spans = Seq(|| set.spans().map(|span| written(span.get(), epoch)));
    serde_json::to_writer(&mut *out, &spans)?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    trace_id: String,
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_id: Option<String>,
    name: Arc<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    timestamp: u64,
    duration: u64,
    local_endpoint: Endpoint,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote_endpoint: Option<Endpoint>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    annotations: Vec<Annotation>,
    tags: BTreeMap<String, String>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Endpoint {
    #[serde(default, deserialize_with = "or_default")]
    service_name: String,
}

#[derive(Serialize)]
struct Annotation {
    timestamp: u64,
    value: String,
}

fn written(span: &Span, epoch: u64) -> Written {
    let (timestamp, duration) = wire::micros(epoch, span.start, span.end);
    let mut tags = BTreeMap::new();
    let own = super::own_attributes(span);
    let own = own.iter().map(|(key, value)| (*key, value));
    for (key, value) in span.attributes.iter().map(|(key, value)| (&**key, value)).chain(own) {
        if let Some(text) = wire::plain(value) {
            tags.entry(key.to_owned()).or_insert(text);
        }
    }
    if let Status::Error(how) = &span.status {
        let how = if how.is_empty() { "true" } else { how };
        tags.insert("error".to_owned(), how.to_owned());
    }
    let remote = span.attribute("peer.service").or_else(|| span.attribute("sim.caller"));
    let named = |value: &Value| Endpoint { service_name: value.to_string() };
    Written {
        trace_id: format!("{:032x}", span.trace),
        id: format!("{:016x}", span.id),
        parent_id: span.parent.map(|parent| format!("{parent:016x}")),
        name: span.operation.clone(),
        kind: (span.kind != SpanKind::Internal).then(|| span.kind.name().to_uppercase()),
        timestamp,
        // Zipkin takes 0 for none.
        duration: duration.max(1),
        local_endpoint: Endpoint { service_name: span.service.to_string() },
        remote_endpoint: remote.map(named),
        annotations: span.events.iter().map(|event| annotation(event, epoch)).collect(),
        tags,
    }
}

fn annotation(event: &SpanEvent, epoch: u64) -> Annotation {
    let more = event.attributes.iter().map(|(key, value)| format!(" {key}={value}"));
    let value = std::iter::once(event.name.to_string()).chain(more).collect();
    Annotation { timestamp: wire::micros(epoch, event.at, event.at).0, value }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Read {
    trace_id: String,
    id: String,
    #[serde(default, deserialize_with = "or_default")]
    parent_id: String,
    #[serde(default, deserialize_with = "or_default")]
    name: String,
    #[serde(default, deserialize_with = "or_default")]
    kind: String,
    #[serde(default, deserialize_with = "or_default")]
    timestamp: Micros,
    #[serde(default, deserialize_with = "or_default")]
    duration: Option<Micros>,
    #[serde(default, deserialize_with = "or_default")]
    local_endpoint: Endpoint,
    #[serde(default, deserialize_with = "or_default")]
    remote_endpoint: Endpoint,
    #[serde(default, deserialize_with = "or_default")]
    annotations: Vec<ReadAnnotation>,
    #[serde(default, deserialize_with = "or_default")]
    tags: BTreeMap<String, Json>,
}

#[derive(Deserialize)]
struct ReadAnnotation {
    #[serde(default, deserialize_with = "or_default")]
    timestamp: Micros,
    #[serde(default, deserialize_with = "or_default")]
    value: String,
}

/// Reads lists of spans. Where a client and a server share an id (as B3 propagation has it), the
/// server's half gets one of its own and becomes the client's child; the spans of its service that
/// name the shared id become its children.
pub(super) fn read(file: &str, text: &str) -> Result<SpanSet> {
    let mut findings = Vec::new();
    let mut spans = Vec::new();
    for wire in documents::<Vec<Read>>(file, text)?.into_iter().flatten() {
        let trace = loose_id(&wire.trace_id, &mut findings);
        let id = loose_span_id(&wire.id, &mut findings);
        let parent = (!wire.parent_id.bytes().all(|b| b == b'0'))
            .then(|| loose_span_id(&wire.parent_id, &mut findings));
        spans.push(wire.into_span(trace, id, parent));
    }
    part_halves(&mut spans);
    Ok(SpanSet::with_findings(spans, 0, findings))
}

impl Read {
    fn into_span(self, trace: u128, id: u64, parent: Option<u64>) -> Span {
        let start = of_micros(self.timestamp.0);
        let length = self.duration.unwrap_or_default().0;
        let mut attributes: super::Attributes = Vec::with_capacity(self.tags.len());
        for (key, value) in self.tags {
            let text = match value {
                Json::String(text) => text,
                other => other.to_string(),
            };
            attributes.push((key.into(), text.into()));
        }
        let remote = self.remote_endpoint.service_name;
        if !remote.is_empty() && attribute(&attributes, "peer.service").is_none() {
            attributes.push(("peer.service".into(), remote.into()));
        }
        let error = attributes.iter().position(|(key, _)| key == "error");
        let error = error.map(|place| attributes.remove(place).1.to_string());
        let status = match error.as_deref() {
            None | Some("false") => Status::Unset,
            Some("true" | "") => Status::Error(String::new()),
            Some(how) => Status::Error(how.to_owned()),
        };
        let events = self.annotations.into_iter().map(|annotation| SpanEvent {
            at: of_micros(annotation.timestamp.0),
            name: annotation.value.into(),
            attributes: Vec::new(),
        });
        Span {
            trace,
            id,
            parent,
            kind: SpanKind::of_name(&self.kind).unwrap_or_default(),
            service: self.local_endpoint.service_name.into(),
            operation: self.name.into(),
            start,
            end: Time(start.0.saturating_add(of_micros(length).0)),
            finished: self.duration.is_some(),
            status,
            events: events.collect(),
            attributes,
            ..Span::default()
        }
    }
}

/// Gives the servers' halves of shared ids ids of their own.
fn part_halves(spans: &mut [Span]) {
    let mut clients: FxHashMap<(u128, u64), ()> = FxHashMap::default();
    for span in spans.iter().filter(|span| span.kind == SpanKind::Client) {
        clients.insert((span.trace, span.id), ());
    }
    let mut halves: FxHashMap<(u128, u64, Arc<str>), u64> = FxHashMap::default();
    for span in spans.iter_mut() {
        let shared = (span.trace, span.id);
        if span.kind == SpanKind::Server && clients.contains_key(&shared) {
            let key = [shared.1.to_le_bytes().as_slice(), span.service.as_bytes()].concat();
            let id = xxh3_64(&key).max(1);
            halves.insert((shared.0, shared.1, span.service.clone()), id);
            (span.id, span.parent) = (id, Some(shared.1));
        }
    }
    for span in spans {
        let Some(parent) = span.parent else { continue };
        let half = halves.get(&(span.trace, parent, span.service.clone()));
        if let Some(half) = half.filter(|half| **half != span.id) {
            span.parent = Some(*half);
        }
    }
}
