//! Which spans are meant.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use crate::trace::span::{Span, SpanKind, Value};

/// Whether a span failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It did not: see [`Span::is_error`].
    Ok,
    /// It did.
    Error,
}

/// Which spans are meant: those for which everything that is given is so. In texts `*` stands for any
/// number of characters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pattern {
    /// The service.
    #[serde(default)]
    pub service: Option<String>,
    /// The operation.
    #[serde(default)]
    pub operation: Option<String>,
    /// The kind.
    #[serde(default)]
    pub kind: Option<SpanKind>,
    /// Whether it failed.
    #[serde(default)]
    pub status: Option<Outcome>,
    /// Attributes, as texts.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
}

impl Pattern {
    /// Spans of that operation.
    #[must_use]
    pub fn operation(operation: &str) -> Pattern {
        Pattern { operation: Some(operation.to_owned()), ..Pattern::default() }
    }

    /// Of that service.
    #[must_use]
    pub fn service(self, service: &str) -> Pattern {
        Pattern { service: Some(service.to_owned()), ..self }
    }

    /// Of that kind.
    #[must_use]
    pub fn kind(self, kind: SpanKind) -> Pattern {
        Pattern { kind: Some(kind), ..self }
    }

    /// Of requests that are worked on.
    #[must_use]
    pub fn server(self) -> Pattern {
        self.kind(SpanKind::Server)
    }

    /// Of requests that are sent.
    #[must_use]
    pub fn client(self) -> Pattern {
        self.kind(SpanKind::Client)
    }

    /// Those that did not fail, or those that did.
    #[must_use]
    pub fn status(self, status: Outcome) -> Pattern {
        Pattern { status: Some(status), ..self }
    }

    /// With that attribute.
    #[must_use]
    pub fn attribute(mut self, key: &str, value: &str) -> Pattern {
        self.attributes.insert(key.to_owned(), value.to_owned());
        self
    }

    /// True if the span is meant.
    #[must_use]
    pub fn matches(&self, span: &Span) -> bool {
        let text = |pattern: &Option<String>, text: &str| {
            pattern.as_ref().is_none_or(|pattern| matches(pattern, text))
        };
        text(&self.service, &span.service)
            && text(&self.operation, &span.operation)
            && self.kind.is_none_or(|kind| kind == span.kind)
            && self.status.is_none_or(|status| (status == Outcome::Error) == span.is_error())
            && self.attributes.iter().all(|(key, pattern)| {
                value(span, key).is_some_and(|value| matches(pattern, &value))
            })
    }
}

/// What a span has under a key: an attribute, or with `attribute:/pointer` what is there in its JSON.
pub(super) fn value<'a>(span: &'a Span, key: &str) -> Option<Cow<'a, str>> {
    let text = |value: &'a Value| match value {
        Value::Text(text) => Cow::Borrowed(&**text),
        other => Cow::Owned(other.to_string()),
    };
    if let Some(value) = span.attribute(key) {
        return Some(text(value));
    }
    let (key, pointer) = key.split_once(":/")?;
    let json = text(span.attribute(key)?);
    let json: serde_json::Value = serde_json::from_str(&json).ok()?;
    match json.pointer(&format!("/{pointer}"))? {
        serde_json::Value::String(text) => Some(text.clone().into()),
        other => Some(other.to_string().into()),
    }
}

/// Whether a text is as a pattern says in which `*` stands for anything. It goes back to the last
/// star alone, which is enough, so that its time is at most the product of the lengths.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(byte) if *byte == text[t] => (p, t) = (p + 1, t + 1),
            _ => {
                let Some((at, from)) = star else { return false };
                star = Some((at, from + 1));
                (p, t) = (at + 1, from + 1);
            }
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words: Vec<String> = Vec::new();
        words.extend(self.kind.map(|kind| kind.to_string()));
        words.extend(self.service.as_ref().map(|service| format!("[{service}]")));
        words.extend(self.operation.clone());
        words.extend(self.status.map(|status| format!("{status:?}").to_lowercase()));
        words.extend(self.attributes.iter().map(|(key, value)| format!("{key}={value}")));
        if words.is_empty() {
            return f.write_str("any span");
        }
        f.write_str(&words.join(" "))
    }
}
