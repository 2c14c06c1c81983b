//! OTLP/JSON as spans. What is not known is ignored, as the specification demands.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use crate::error::Result;
use crate::time::Time;
use crate::trace::set::SpanSet;
use crate::trace::span::{Attributes, Link, Span, SpanEvent, SpanKind, Status, Value};
use crate::trace::wire::{Whole, documents, or_default};

/// Reads one request, or several, one after another as the Collector's file exporter writes them.
pub(crate) fn read(file: &str, text: &str) -> Result<SpanSet> {
    let mut spans = Vec::new();
    for request in documents::<Request>(file, text)? {
        for group in request.resource_spans {
            let mut resource = attributes(group.resource.attributes);
            let name = resource.iter().position(|(key, _)| key == "service.name");
            let service = name.map(|place| resource.remove(place).1.to_string());
            let service: Arc<str> = service.unwrap_or_default().into();
            let resource = (!resource.is_empty()).then(|| Arc::new(resource));
            for scoped in group.scope_spans {
                let scope = (scoped.scope.name.into(), scoped.scope.version.into());
                spans.extend(scoped.spans.into_iter().map(|wire| Span {
                    service: service.clone(),
                    scope: scope.clone(),
                    resource: resource.clone(),
                    ..wire.into_span()
                }));
            }
        }
    }
    Ok(SpanSet::new(spans, 0))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    #[serde(default, deserialize_with = "or_default")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans {
    #[serde(default, deserialize_with = "or_default")]
    resource: Resource,
    /// `instrumentationLibrarySpans` before version 0.16.
    #[serde(default, deserialize_with = "or_default", alias = "instrumentationLibrarySpans")]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Default, Deserialize)]
struct Resource {
    #[serde(default, deserialize_with = "or_default")]
    attributes: Vec<Pair>,
}

#[derive(Deserialize)]
struct ScopeSpans {
    #[serde(default, deserialize_with = "or_default", alias = "instrumentationLibrary")]
    scope: Scope,
    #[serde(default, deserialize_with = "or_default")]
    spans: Vec<WireSpan>,
}

#[derive(Default, Deserialize)]
struct Scope {
    #[serde(default, deserialize_with = "or_default")]
    name: String,
    #[serde(default, deserialize_with = "or_default")]
    version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireSpan {
    trace_id: Hex<32>,
    span_id: Hex<16>,
    #[serde(default, deserialize_with = "or_default")]
    parent_span_id: Parent,
    #[serde(default, deserialize_with = "or_default")]
    name: String,
    #[serde(default, deserialize_with = "or_default")]
    kind: Kind,
    #[serde(default, deserialize_with = "or_default")]
    start_time_unix_nano: Instant,
    #[serde(default, deserialize_with = "or_default")]
    end_time_unix_nano: Instant,
    #[serde(default, deserialize_with = "or_default")]
    attributes: Vec<Pair>,
    #[serde(default, deserialize_with = "or_default")]
    events: Vec<WireEvent>,
    #[serde(default, deserialize_with = "or_default")]
    links: Vec<WireLink>,
    #[serde(default, deserialize_with = "or_default")]
    status: WireStatus,
}

impl WireSpan {
    fn into_span(self) -> Span {
        let (start, end) = (self.start_time_unix_nano.0, self.end_time_unix_nano.0);
        Span {
            trace: self.trace_id.0,
            id: self.span_id.0 as u64,
            parent: self.parent_span_id.0,
            kind: self.kind.0,
            operation: self.name.into(),
            start: Time(start),
            end: Time(end),
            finished: end != 0 || start == 0,
            status: self.status.into_status(),
            attributes: attributes(self.attributes),
            events: self.events.into_iter().map(WireEvent::into_event).collect(),
            links: self.links.into_iter().map(WireLink::into_link).collect(),
            ..Span::default()
        }
    }
}

/// An id of exactly so many hexadecimal digits, not zero.
struct Hex<const DIGITS: usize>(u128);

impl<'de, const DIGITS: usize> Deserialize<'de> for Hex<DIGITS> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let hex = text.len() == DIGITS && text.bytes().all(|b| b.is_ascii_hexdigit());
        let id = if hex { u128::from_str_radix(&text, 16).unwrap_or(0) } else { 0 };
        if id == 0 {
            let short: String = text.chars().take(40).collect();
            let reason = format!("`{short}` is no id: {DIGITS} hexadecimal digits, not all zero");
            return Err(D::Error::custom(reason));
        }
        Ok(Hex(id))
    }
}

/// The id of a parent, if there is one.
#[derive(Default)]
struct Parent(Option<u64>);

impl<'de> Deserialize<'de> for Parent {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        if text.bytes().all(|b| b == b'0') {
            return Ok(Parent(None));
        }
        let id = Hex::<16>::deserialize(serde::de::value::StringDeserializer::new(text))?;
        Ok(Parent(Some(id.0 as u64)))
    }
}

/// Nanoseconds since 1970.
#[derive(Default)]
struct Instant(u64);

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let nanos = Whole::deserialize(from)?.unsigned();
        nanos.map(Instant).ok_or_else(|| D::Error::custom("a time was expected, from 0 to 2^64 ns"))
    }
}

/// The kind by number, or by the name that proto3's own JSON has for it.
#[derive(Default)]
struct Kind(SpanKind);

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let number = Number::deserialize(from)?;
        let kind = match &number {
            Number::Name(name) => SpanKind::of_name(name.trim_start_matches("SPAN_KIND_")),
            Number::Value(n) => {
                n.checked_sub(1).and_then(|n| SpanKind::ALL.get(n as usize).copied())
            }
        };
        Ok(Kind(kind.unwrap_or_default()))
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a number or a name was expected")]
enum Number {
    Value(u32),
    Name(String),
}

#[derive(Default, Deserialize)]
struct WireStatus {
    #[serde(default)]
    code: Option<Number>,
    #[serde(default, deserialize_with = "or_default")]
    message: String,
}

impl WireStatus {
    fn into_status(self) -> Status {
        match self.code {
            Some(Number::Value(1)) => Status::Ok,
            Some(Number::Value(2)) => Status::Error(self.message),
            Some(Number::Name(name)) if name == "STATUS_CODE_OK" => Status::Ok,
            Some(Number::Name(name)) if name == "STATUS_CODE_ERROR" => Status::Error(self.message),
            _ => Status::Unset,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireEvent {
    #[serde(default, deserialize_with = "or_default")]
    time_unix_nano: Instant,
    #[serde(default, deserialize_with = "or_default")]
    name: String,
    #[serde(default, deserialize_with = "or_default")]
    attributes: Vec<Pair>,
}

impl WireEvent {
    fn into_event(self) -> SpanEvent {
        let attributes = attributes(self.attributes);
        SpanEvent { at: Time(self.time_unix_nano.0), name: self.name.into(), attributes }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireLink {
    trace_id: Hex<32>,
    span_id: Hex<16>,
    #[serde(default, deserialize_with = "or_default")]
    attributes: Vec<Pair>,
}

impl WireLink {
    fn into_link(self) -> Link {
        let attributes = attributes(self.attributes);
        Link { trace: self.trace_id.0, span: self.span_id.0 as u64, attributes }
    }
}

#[derive(Deserialize)]
struct Pair {
    #[serde(default, deserialize_with = "or_default")]
    key: String,
    #[serde(default, deserialize_with = "or_default")]
    value: AnyValue,
}

fn attributes(pairs: Vec<Pair>) -> Attributes {
    pairs.into_iter().map(|pair| (pair.key.into(), pair.value.into_value())).collect()
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnyValue {
    string_value: Option<String>,
    bool_value: Option<bool>,
    int_value: Option<Whole>,
    double_value: Option<Double>,
    bytes_value: Option<String>,
    array_value: Option<Values<AnyValue>>,
    kvlist_value: Option<Values<Pair>>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a number was expected")]
enum Double {
    Number(f64),
    Name(String),
}

#[derive(Deserialize)]
struct Values<T> {
    #[serde(default = "Vec::new")]
    values: Vec<T>,
}

impl AnyValue {
    fn into_value(self) -> Value {
        if let Some(text) = self.string_value {
            return text.into();
        }
        if let Some(value) = self.bool_value {
            return value.into();
        }
        if let Some(Whole(value)) = self.int_value {
            return i64::try_from(value).map_or_else(|_| value.to_string().into(), Value::Int);
        }
        if let Some(value) = self.double_value {
            return match value {
                Double::Number(value) => Value::Float(value),
                Double::Name(name) => name.parse().map_or_else(|_| name.into(), Value::Float),
            };
        }
        if let Some(text) = self.bytes_value {
            return STANDARD.decode(&text).map_or_else(|_| text.into(), Value::Bytes);
        }
        if let Some(list) = self.array_value {
            return Value::List(list.values.into_iter().map(AnyValue::into_value).collect());
        }
        self.kvlist_value.map_or(Value::Empty, |map| Value::Map(attributes(map.values)))
    }
}
