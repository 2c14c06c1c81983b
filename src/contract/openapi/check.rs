//! A message, against the interface of the service that gets or answers it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::route::path_values;
use super::{OpenApi, Operation, Parameter, Response, styled};
use crate::contract::schema::Schema;
use crate::contract::tap::{Level, said};
use crate::contract::traffic::Message;

type Found = Vec<(Level, String)>;

/// The most refusals that are told of one message.
const MOST: usize = 3;

impl OpenApi {
    /// What a request violates.
    pub(in crate::contract) fn check_request(&self, message: &Message<'_>) -> Found {
        let (method, path) = (message.method, message.path());
        let Some((operation, path)) = self.route(method, path) else {
            let what = match self.has_path(path) {
                true => format!("{path} has no {method}"),
                false => format!("there is no path {path}"),
            };
            return vec![(Level::Broken, what)];
        };
        let mut found = operation.parameters(message, path);
        let body = operation.body.as_ref();
        match (body, message.body.is_empty()) {
            (Some(body), true) if body.required => {
                found.push((Level::Broken, "the body is missing".into()));
            }
            (Some(body), false) => content(&body.content, message, &mut found),
            (None, false) => found.push((Level::Silent, "no body is declared".into())),
            (_, true) => {}
        }
        found
    }

    /// What a reply violates.
    pub(in crate::contract) fn check_reply(&self, message: &Message<'_>) -> Found {
        let Some(operation) = self.operation(message.method, message.path()) else {
            // The request has been told of; whatever is answered is nobody's promise.
            return Vec::new();
        };
        let status = message.status;
        let Some(response) = operation.response(status) else {
            // Faults bring about errors that no interface declares.
            let level = if status < 400 { Level::Broken } else { Level::Silent };
            return vec![(level, format!("{status} is not declared"))];
        };
        let mut found = response.check_headers(message);
        // A head has no body, whatever is declared (RFC 9110, 9.3.2).
        if message.method != "HEAD" {
            match (response.content.is_empty(), message.body.is_empty()) {
                (false, true) if ![204, 304].contains(&status) => {
                    found.push((Level::Broken, "the body is missing".into()));
                }
                (false, false) => content(&response.content, message, &mut found),
                (true, false) => found.push((Level::Silent, "no body is declared".into())),
                _ => {}
            }
        }
        found
    }
}

impl Operation {
    /// What is declared for a status: itself, its hundred, or the default.
    pub(super) fn response(&self, status: u16) -> Option<&Response> {
        let exact = self.responses.get(&status.to_string());
        let range = || self.responses.get(&format!("{}XX", status / 100));
        exact.or_else(range).or_else(|| self.responses.get("DEFAULT"))
    }

    fn parameters(&self, message: &Message<'_>, path: &str) -> Found {
        let mut found = Found::new();
        if self.parameters.is_empty() {
            return found;
        }
        let query = decoded_query(message.query());
        let path = path_values(&self.path, path);
        for parameter in &self.parameters {
            let values: Vec<String> = match parameter.place.as_str() {
                "query" => query.get(&parameter.name).cloned().unwrap_or_default(),
                "path" => path.get(&parameter.name).cloned().into_iter().collect(),
                "header" => {
                    let own = message.headers.iter().filter(|(name, _)| *name == parameter.name);
                    own.map(|(_, value)| (*value).to_owned()).collect()
                }
                // Cookies are not taken apart.
                _ => continue,
            };
            // What these mean is said elsewhere in the document (OpenAPI 3.1, 4.8.12.2).
            let ignored = ["accept", "content-type", "authorization"];
            if parameter.place == "header" && ignored.contains(&parameter.name.as_str()) {
                continue;
            }
            found.extend(parameter.check(&values).map(|text| (Level::Broken, text)));
        }
        found
    }
}

impl Response {
    fn check_headers(&self, message: &Message<'_>) -> Found {
        let headers = self.headers.values().filter(|header| header.name != "content-type");
        let found = headers.filter_map(|header| {
            let own = message.headers.iter().filter(|(name, _)| *name == header.name);
            let values: Vec<String> = own.map(|(_, value)| (*value).to_owned()).collect();
            header.check(&values).map(|text| (Level::Broken, text))
        });
        found.collect()
    }
}

impl Parameter {
    /// Why its values are refused.
    pub(super) fn check(&self, values: &[String]) -> Option<String> {
        let what = format!("the {} parameter `{}`", self.place, self.name);
        let Some(first) = values.first() else {
            // Objects in form style have one parameter a property.
            let spread = self.explode && self.takes("object");
            return (self.required && !spread).then(|| format!("{what} is missing"));
        };
        let schema = self.schema.as_ref()?;
        if first.is_empty() && self.allows_empty {
            return None;
        }
        let value = match (self.takes("object"), self.takes("array")) {
            (true, _) => styled::read(self.members(first)?, schema),
            (_, true) if self.explode && self.place == "query" => fitted_list(values, schema),
            (_, true) => {
                let items: Vec<String> = values.iter().flat_map(|text| self.parts(text)).collect();
                fitted_list(&items, schema)
            }
            _ => fitted(self.unstyled(first), schema),
        };
        let refusals = if schema.accepts(&value) { Vec::new() } else { schema.refusals(&value, 1) };
        refusals.first().map(|refusal| format!("{what}: {}", said(refusal)))
    }

    fn takes(&self, name: &str) -> bool {
        let mut schema = self.schema.as_ref().map(Schema::text);
        let root = schema;
        for _ in 0..8 {
            let reference = schema.and_then(|s| s.get("$ref")).and_then(Value::as_str);
            let Some(inner) = reference.and_then(|r| r.strip_prefix('#')) else { break };
            schema = root.and_then(|root| root.pointer(inner));
        }
        match schema.and_then(|schema| schema.get("type")) {
            Some(Value::String(own)) => own == name,
            Some(Value::Array(all)) => all.iter().any(|own| own == name),
            _ => false,
        }
    }
}

/// A text as the value that the schema takes: a number, a boolean, null, or the text itself.
fn fitted(text: &str, schema: &Schema) -> Value {
    let own = Value::String(text.to_owned());
    if schema.accepts(&own) {
        return own;
    }
    match serde_json::from_str::<Value>(text) {
        Ok(value) if !value.is_array() && !value.is_object() && !value.is_string() => value,
        _ => own,
    }
}

fn fitted_list(items: &[String], schema: &Schema) -> Value {
    let strings: Value = items.iter().map(|item| Value::String(item.clone())).collect();
    if schema.accepts(&strings) {
        return strings;
    }
    let read = items.iter().map(|item| {
        let value = serde_json::from_str::<Value>(item).ok();
        let scalar = value.filter(|value| !value.is_array() && !value.is_object());
        scalar.unwrap_or_else(|| Value::String(item.clone()))
    });
    read.collect()
}

/// A body, against what is declared for its media type.
fn content(declared: &BTreeMap<String, Option<Schema>>, message: &Message<'_>, found: &mut Found) {
    if declared.is_empty() {
        return;
    }
    let named = message.header("content-type").unwrap_or("application/json");
    let media = named.split(';').next().unwrap_or_default().trim().to_lowercase();
    let Some(schema) = of_media(declared, &media) else {
        let known: Vec<&str> = declared.keys().map(String::as_str).collect();
        found.push((
            Level::Broken,
            format!("the body is {media}; declared is {}", known.join(", ")),
        ));
        return;
    };
    let Some(schema) = schema else { return };
    if media == "application/x-www-form-urlencoded" {
        let Some(value) = styled::form(&message.body, schema) else { return };
        let refusals = schema.refusals(&value, MOST).into_iter();
        return found.extend(refusals.map(|r| (Level::Broken, in_body("body", &r))));
    }
    if !(media.ends_with("/json") || media.ends_with("+json")) {
        return;
    }
    let value: Value = match serde_json::from_slice(&message.body) {
        Ok(value) => value,
        // Without its length a body that was cut off looks like this.
        Err(error) if error.is_eof() && message.header("content-length").is_none() => {
            return found.push((Level::Silent, "the body ends too early".into()));
        }
        Err(error) => return found.push((Level::Broken, format!("the body is no JSON: {error}"))),
    };
    if !schema.accepts(&value) {
        let refusals = schema.refusals(&value, MOST);
        found.extend(refusals.iter().map(|refusal| (Level::Broken, in_body("body", refusal))));
    } else if let Some(closed) = schema.closed()
        && !closed.accepts(&value)
    {
        let refusals = closed.refusals(&value, 1);
        found.extend(
            refusals
                .iter()
                .map(|r| (Level::Silent, format!("{} is not declared", in_body("the body", r)))),
        );
    }
}

/// A refusal, with the place in the body: `body/size: ..`, or `body: ..` of the whole.
fn in_body(body: &str, refusal: &(String, String)) -> String {
    let gap = if refusal.0.is_empty() { ": " } else { "" };
    format!("{body}{gap}{}", said(refusal))
}

/// What is declared for a media type: itself, or a range that it is in.
pub(super) fn of_media<'a>(
    declared: &'a BTreeMap<String, Option<Schema>>,
    media: &str,
) -> Option<Option<&'a Schema>> {
    let bare = |known: &str| known.split(';').next().unwrap_or_default().trim().to_owned();
    let exact = declared.iter().find(|(known, _)| bare(known) == media);
    let general = media.split('/').next().unwrap_or_default();
    let range = || declared.get_key_value(&format!("{general}/*"));
    let found = exact.or_else(range).or_else(|| declared.get_key_value("*/*"))?;
    Some(found.1.as_ref())
}

/// The parameters of a query by name, percent-decoded.
pub(super) fn decoded_query(query: &str) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        all.entry(decoded(name, true)).or_default().push(decoded(value, true));
    }
    all
}

/// Percent-decoded (RFC 3986, 2.1); in a query `+` is a blank.
pub(super) fn decoded(text: &str, plus: bool) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let hex = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16));
        match (byte, hex(ahead.next()), hex(ahead.next())) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).expect("two digits make a byte"));
                rest = ahead;
            }
            (b'+', ..) if plus => bytes.push(b' '),
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
