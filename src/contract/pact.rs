//! Pact files (specifications 1 to 4): what a consumer expects of a provider, by examples.
//!
//! A file is read without anything else; its examples are matched by the rules that they carry with
//! `pact_matching`, behind the feature `pact`. Without the feature nothing can be said about them,
//! and a check says so.

use std::fmt;

use serde_json::Value;
use xxhash_rust::xxh3::xxh3_128;

use super::traffic::{Leg, Message};
use crate::document::Document;
use crate::error::Result;

#[cfg(feature = "pact")]
#[path = "pact/matching.rs"]
mod matching;
#[cfg(not(feature = "pact"))]
#[path = "pact/absent.rs"]
mod matching;

/// How a message fits an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It is what was expected.
    Fits,
    /// It is something else: another method, path, status or kind.
    Elsewhere,
    /// It is not as expected, for these reasons.
    Differs(Vec<String>),
    /// It cannot be said, and why.
    Unknown(String),
}

/// What a consumer expects of a provider.
#[derive(Debug)]
pub struct Pact {
    /// Who expects it.
    pub consumer: String,
    /// Of whom.
    pub provider: String,
    /// Its examples.
    pub expectations: Vec<Expectation>,
    digest: String,
}

/// One example of a request and its response, or of a message.
pub struct Expectation {
    /// What it is about, in the consumer's words.
    pub description: String,
    /// The states that the provider has to be in.
    pub states: Vec<String>,
    /// Where it stands in the file: a JSON pointer.
    pub at: String,
    /// Method and path of the request; none for a message.
    pub request: Option<(String, String)>,
    /// Its text.
    pub text: Value,
    inner: matching::Inner,
}

impl fmt::Debug for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expectation")
            .field("description", &self.description)
            .finish_non_exhaustive()
    }
}

impl Pact {
    /// Reads a Pact file.
    ///
    /// # Errors
    ///
    /// If it is none: file, line, and what was expected.
    pub fn read(document: &Document) -> Result<Pact> {
        let name = |role: &str| {
            let pointer = format!("/{role}/name");
            let name = document.get(&pointer).and_then(Value::as_str).filter(|n| !n.is_empty());
            let reason = format!("a Pact file names its {role}: {{\"{role}\": {{\"name\": ...}}}}");
            name.map(str::to_owned).ok_or_else(|| document.error(&pointer, reason))
        };
        let (consumer, provider) = (name("consumer")?, name("provider")?);
        let mut places = Vec::new();
        for list in ["interactions", "messages"] {
            match document.get(&format!("/{list}")) {
                None => {}
                Some(Value::Array(all)) => {
                    places.extend((0..all.len()).map(|i| format!("/{list}/{i}")));
                }
                Some(_) => {
                    let reason = format!("`{list}` is a list of examples");
                    return Err(document.error(&format!("/{list}"), reason));
                }
            }
        }
        let read = places.into_iter().map(|at| expectation(document, at));
        let expectations = read.collect::<Result<Vec<_>>>()?;
        let digest = digest(&consumer, &provider, document.value());
        Ok(Pact { consumer, provider, expectations, digest })
    }

    /// The same for all files that expect the same, whatever their metadata say.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

/// Order of examples and keys, and metadata, are not content.
fn digest(consumer: &str, provider: &str, value: &Value) -> String {
    let mut all: Vec<String> = Vec::new();
    for list in ["interactions", "messages"] {
        let examples = value.get(list).and_then(Value::as_array).into_iter().flatten();
        for example in examples {
            let mut example = example.clone();
            if let Value::Object(fields) = &mut example {
                fields.remove("_id");
                fields.remove("comments");
            }
            all.push(sorted(&example).to_string());
        }
    }
    all.sort();
    let text = format!("{consumer}\n{provider}\n{}", all.join("\n"));
    format!("{:032x}", xxh3_128(text.as_bytes()))
}

/// The value with the keys of its objects in order.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(sorted).collect(),
        Value::Object(fields) => {
            let mut all: Vec<(&String, &Value)> = fields.iter().collect();
            all.sort_by_key(|(key, _)| *key);
            Value::Object(all.into_iter().map(|(k, v)| (k.clone(), sorted(v))).collect())
        }
        other => other.clone(),
    }
}

fn expectation(document: &Document, at: String) -> Result<Expectation> {
    let bad = |part: &str, reason: &str| Err(document.error(&format!("{at}{part}"), reason));
    let text = document.get(&at).expect("it was counted");
    let Some(fields) = text.as_object() else { return bad("", "an example is an object") };
    let description = match fields.get("description") {
        Some(Value::String(description)) => description.clone(),
        None => String::new(),
        Some(_) => return bad("/description", "a description is a text"),
    };
    let kind = fields.get("type").and_then(Value::as_str).unwrap_or_default();
    let is_http = kind == "Synchronous/HTTP" || (kind.is_empty() && fields.contains_key("request"));
    let request = match fields.get("request") {
        _ if !is_http => None,
        Some(Value::Object(request)) => {
            let text = |key: &str, default: &str| match request.get(key) {
                None => Some(default.to_owned()),
                Some(value) => value.as_str().map(str::to_owned),
            };
            match (text("method", "GET"), text("path", "/")) {
                (Some(method), Some(path)) => Some((method.to_uppercase(), path)),
                (None, _) => return bad("/request/method", "a method is a text, like \"POST\""),
                (_, None) => return bad("/request/path", "a path is a text, like \"/orders\""),
            }
        }
        _ => return bad("/request", "an example of HTTP has a request"),
    };
    let status = document.get(&format!("{at}/response/status"));
    if status.is_some_and(|status| !status.as_u64().is_some_and(|s| (100..600).contains(&s))) {
        return bad("/response/status", "a status is a number like 200");
    }
    let named = |state: &Value| state.get("name").or(Some(state))?.as_str().map(str::to_owned);
    let states = match fields.get("providerStates").or_else(|| fields.get("providerState")) {
        Some(Value::Array(all)) => all.iter().filter_map(named).collect(),
        Some(one) => named(one).into_iter().collect(),
        None => Vec::new(),
    };
    let inner = matching::read(document, &at)?;
    Ok(Expectation { description, states, at, request, text: text.clone(), inner })
}

impl Expectation {
    /// How a message fits the example, or the half of it that goes that way.
    #[must_use]
    pub fn fits(&self, message: &Message<'_>) -> Fit {
        match message.leg {
            Leg::Request => self.request_fits(message),
            Leg::Reply => self.reply_fits(message),
            Leg::Event => self.event_fits(message),
        }
    }

    /// How a request fits.
    pub(super) fn request_fits(&self, request: &Message<'_>) -> Fit {
        self.inner.request(request)
    }

    /// How a reply fits.
    pub(super) fn reply_fits(&self, reply: &Message<'_>) -> Fit {
        self.inner.reply(reply)
    }

    /// How an event fits.
    pub(super) fn event_fits(&self, event: &Message<'_>) -> Fit {
        self.inner.event(event)
    }

    /// The name that events of this kind have: what comes before the first blank of the description,
    /// or `event` or `topic` of its metadata.
    #[must_use]
    pub fn event_name(&self) -> &str {
        let metadata = self.text.get("metadata").or_else(|| self.text.get("metaData"));
        let named =
            ["event", "topic", "eventType"].iter().find_map(|key| metadata?.get(*key)?.as_str());
        named.unwrap_or_else(|| self.description.split(' ').next().unwrap_or_default())
    }
}
