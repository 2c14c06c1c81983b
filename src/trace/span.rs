//! One span: a piece of work with a start, an end, and a parent.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// What part a span has in a call, as OpenTelemetry names it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum SpanKind {
    /// Work inside of a service.
    #[default]
    Internal,
    /// A request is worked on.
    Server,
    /// A request is sent, and its answer awaited.
    Client,
    /// A message is sent whose receiver nobody waits for.
    Producer,
    /// Such a message is worked on.
    Consumer,
}

impl SpanKind {
    /// All kinds, in the order of their numbers in OTLP, from 1.
    pub const ALL: [SpanKind; 5] = [
        SpanKind::Internal,
        SpanKind::Server,
        SpanKind::Client,
        SpanKind::Producer,
        SpanKind::Consumer,
    ];

    /// The kind's name in lower case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            SpanKind::Internal => "internal",
            SpanKind::Server => "server",
            SpanKind::Client => "client",
            SpanKind::Producer => "producer",
            SpanKind::Consumer => "consumer",
        }
    }

    /// The kind of that name, in upper or lower case.
    #[must_use]
    pub fn of_name(name: &str) -> Option<SpanKind> {
        SpanKind::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for SpanKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a span ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// Nobody has said.
    #[default]
    Unset,
    /// Somebody has said that it is fine.
    Ok,
    /// It failed; the text says how, and may be empty.
    Error(String),
}

/// The value of an attribute.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// None.
    #[default]
    Empty,
    /// A text.
    Text(Arc<str>),
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Several values.
    List(Vec<Value>),
    /// Values with names.
    Map(Attributes),
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Int(value)
    }
}

impl Value {
    /// A number as it is; one above `i64::MAX` as text, as it fits no attribute.
    #[must_use]
    pub fn number(value: u64) -> Value {
        i64::try_from(value).map_or_else(|_| value.to_string().into(), Value::Int)
    }

    /// The text, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if it is a whole one, or a text of one.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Value::Int(value) => Some(*value),
            Value::Text(text) => text.parse().ok(),
            _ => None,
        }
    }
}

/// A text as it is, numbers in decimal; lists and maps as JSON, bytes in hexadecimal.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Empty => Ok(()),
            Value::Text(text) => f.write_str(text),
            Value::Bool(value) => write!(f, "{value}"),
            Value::Int(value) => write!(f, "{value}"),
            Value::Float(value) => write!(f, "{value}"),
            Value::Bytes(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
            Value::List(_) | Value::Map(_) => write!(f, "{}", self.to_json()),
        }
    }
}

impl Value {
    /// The value in JSON; a number that JSON does not have is its text.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Value::Empty => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Int(value) => (*value).into(),
            Value::Float(value) if value.is_finite() => (*value).into(),
            Value::List(values) => values.iter().map(Value::to_json).collect(),
            Value::Map(values) => {
                let entries = values.iter().map(|(key, value)| (key.to_string(), value.to_json()));
                serde_json::Value::Object(entries.collect())
            }
            Value::Text(_) | Value::Float(_) | Value::Bytes(_) => self.to_string().into(),
        }
    }
}

/// The event of a recorded client span whose message was lost; `sim.leg` says which.
pub(crate) const DROPPED: &str = "message dropped";
/// The event of a recorded client span whose message the network doubled.
pub(crate) const DOUBLED: &str = "message doubled";

/// Names and values, in the order in which they were given.
pub type Attributes = Vec<(Cow<'static, str>, Value)>;

/// The value of an attribute.
#[must_use]
pub fn attribute<'a>(attributes: &'a Attributes, key: &str) -> Option<&'a Value> {
    attributes.iter().find(|(known, _)| known == key).map(|(_, value)| value)
}

/// Something that happened within a span.
#[derive(Clone, Debug, PartialEq)]
pub struct SpanEvent {
    /// When.
    pub at: Time,
    /// What.
    pub name: Cow<'static, str>,
    /// More about it.
    pub attributes: Attributes,
}

/// That a span has to do with another one which is not its parent.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// The other's trace.
    pub trace: u128,
    /// The other's id.
    pub span: u64,
    /// More about it.
    pub attributes: Attributes,
}

/// A piece of work with a start, an end, and a parent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Span {
    /// The trace that it belongs to; never 0.
    pub trace: u128,
    /// Its id, which is the only one of that trace; never 0.
    pub id: u64,
    /// The id of the span that it is a part of.
    pub parent: Option<u64>,
    /// Its part in a call.
    pub kind: SpanKind,
    /// Who worked.
    pub service: Arc<str>,
    /// At what.
    pub operation: Arc<str>,
    /// When it began: virtual time, or time since 1970 in what was imported ([`super::SpanSet::epoch`]).
    pub start: Time,
    /// When it ended, not before `start`.
    pub end: Time,
    /// False if its end was not seen: `end` is then the end of what was seen.
    pub finished: bool,
    /// How it ended.
    pub status: Status,
    /// The library that made it (OpenTelemetry's instrumentation scope), and its version; empty if unknown.
    pub scope: (Arc<str>, Arc<str>),
    /// More about who worked, but for the service's name: the same for many spans.
    pub resource: Option<Arc<Attributes>>,
    /// More about it.
    pub attributes: Attributes,
    /// What happened in it.
    pub events: Vec<SpanEvent>,
    /// Others that it has to do with.
    pub links: Vec<Link>,
    /// The number of the journal's event that began it; 0 for an imported span.
    pub event: u32,
    /// The number of the journal's event that ended it; 0 for one that has not ended, or is imported.
    pub end_event: u32,
}

impl Span {
    /// How long it took.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.end.since(self.start)
    }

    /// The value of an attribute.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&Value> {
        attribute(&self.attributes, key)
    }

    /// The status of the HTTP answer, by today's name of the attribute or by the one before it.
    #[must_use]
    pub fn http_status(&self) -> Option<i64> {
        let named = |key| self.attribute(key).and_then(Value::as_int);
        named("http.response.status_code").or_else(|| named("http.status_code"))
    }

    /// True if a reply to it was lost, and none arrived: only a recorded run knows.
    #[must_use]
    pub fn is_reply_lost(&self) -> bool {
        let lost = |event: &SpanEvent| {
            let leg = attribute(&event.attributes, "sim.leg").and_then(Value::as_str);
            event.name == DROPPED && leg == Some("reply")
        };
        self.http_status().is_none() && self.events.iter().any(lost)
    }

    /// True if it failed: its status says so, or, where that says nothing, its HTTP status does: 500
    /// and above, and for whoever is not the server 400 and above (OpenTelemetry's semantic conventions).
    #[must_use]
    pub fn is_error(&self) -> bool {
        let worst = if self.kind == SpanKind::Server { 500 } else { 400 };
        match self.status {
            Status::Error(_) => true,
            Status::Ok => false,
            Status::Unset => self.http_status().is_some_and(|status| status >= worst),
        }
    }
}

/// `[service] operation`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}", self.service, self.operation)
    }
}
