//! A consumer's examples, against the interface that its provider declares.
//!
//! What an example expects of a response is a part of it: properties that it does not name may be
//! there, those that it names must be declared.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::check::{decoded_query, of_media};
use super::discriminator::Discriminator;
use super::messages::bare;
use super::security::{Requirement, Scheme};
use super::{OpenApi, Operation};
use crate::contract::pact::{Expectation, Pact};
use crate::contract::tap::{Level, said};
use crate::contract::traffic::{Leg, Message};
use crate::contract::{Bump, Change, Compatibility, Direction, Schema};
use crate::document::join;
use crate::journal::EventId;

impl OpenApi {
    /// Whether the interface allows everything that the examples expect.
    #[must_use]
    pub fn covers(&self, pact: &Pact) -> Compatibility {
        let mut changes = Vec::new();
        let http = pact.expectations.iter().filter(|e| e.request.is_some());
        for expectation in http {
            self.example(expectation, &mut changes);
        }
        match changes.is_empty() {
            true => Compatibility::Compatible,
            false => Compatibility::Breaking(changes),
        }
    }

    fn example(&self, expectation: &Expectation, changes: &mut Vec<Change>) {
        let Some((method, path)) = &expectation.request else { return };
        let request = Part::of(expectation.text.get("request"));
        let path = &format!("/{}", path.trim_start_matches('/'));
        let target = request.target(path);
        let message = request.message(Leg::Request, method, &target, 0);
        // Who expects a refusal may well ask for what is refused.
        let status = expectation.text.pointer("/response/status").and_then(Value::as_u64);
        let is_refusal = status.is_some_and(|status| (400..500).contains(&status))
            && self.operation(method, path).is_some();
        for (level, text) in self.check_request(&message) {
            if level == Level::Broken && !is_refusal {
                let at = format!("{}/request", expectation.at);
                let mut change = broken("example-request-refused", at, Direction::Request, text);
                change.witness = request.body.clone();
                changes.push(change);
            }
        }
        let Some(operation) = self.operation(method, path) else { return };
        if !is_refusal && let Some(missing) = request.unproven(operation) {
            let at = format!("{}/request", expectation.at);
            let text = format!("{missing} is missing, which the operation asks for");
            changes.push(broken("example-unauthorized", at, Direction::Request, text));
        }
        self.response(expectation, method, path, changes);
    }

    fn response(
        &self,
        expectation: &Expectation,
        method: &str,
        path: &str,
        changes: &mut Vec<Change>,
    ) {
        let Some(operation) = self.operation(method, path) else { return };
        let at = format!("{}/response", expectation.at);
        let text = expectation.text.get("response");
        let status = text.and_then(|r| r.get("status")).and_then(Value::as_u64);
        let status = status.and_then(|s| u16::try_from(s).ok()).unwrap_or(200);
        let Some(declared) = operation.response(status) else {
            let text = format!("{status} is not declared");
            changes.push(broken("example-status-undeclared", at, Direction::Response, text));
            return;
        };
        let part = Part::of(text);
        let mut add = |at: String, rule, text, witness| {
            let change = broken(rule, at, Direction::Response, text);
            changes.push(Change { witness, ..change });
        };
        for (name, value) in part.headers.iter().filter(|(name, _)| name != "content-type") {
            let at = join(&format!("{at}/headers"), name);
            match declared.headers.get(name) {
                None => {
                    let text = format!("the header `{name}` is not declared");
                    add(at, "example-header-undeclared", text, None);
                }
                Some(header) => {
                    if let Some(text) = header.check(std::slice::from_ref(value)) {
                        add(at, "example-header-impossible", text, None);
                    }
                }
            }
        }
        let request = Part::of(expectation.text.get("request"));
        let accept = request.headers.iter().find(|(name, _)| name == "accept");
        if let Some((_, accept)) = accept.filter(|_| !declared.content.is_empty())
            && !declared.content.keys().any(|media| is_accepted(accept, media))
        {
            let text = format!("it accepts {accept}, which is not declared");
            add(format!("{at}/headers"), "example-accept-impossible", text, None);
        }
        let Some(body) = &part.body else { return };
        // Without a name a body is of the only type that is declared.
        let only = declared.content.keys().next().filter(|_| declared.content.len() == 1);
        let is_named = part.headers.iter().any(|(name, _)| name == "content-type");
        let media = match only.filter(|_| !is_named) {
            Some(only) => bare(only).to_owned(),
            None => part.media(),
        };
        match of_media(&declared.content, &media) {
            None => {
                let text = format!("no body of {media} is declared");
                add(format!("{at}/body"), "example-body-undeclared", text, Some(body.clone()));
            }
            Some(Some(schema)) if media.contains("json") => {
                let Some(partial) = partial(schema) else { return };
                for refusal in partial.refusals(body, 3) {
                    let at = format!("{at}/body{}", refusal.0);
                    let rule = "example-response-impossible";
                    add(at, rule, said(&refusal), Some(body.clone()));
                }
            }
            Some(_) => {}
        }
    }
}

fn broken(rule: &'static str, at: String, way: Direction, text: String) -> Change {
    Change::new(rule, at, way, Bump::Major, text)
}

/// The schema of parts of what a schema accepts: nothing is required, what is not named is refused.
fn partial(schema: &Schema) -> Option<Schema> {
    let mut text = schema.text().clone();
    let whole = has_parts(&text);
    loosen(&mut text, !whole);
    if let (Value::Object(fields), true) = (&mut text, whole) {
        let is_silent = !fields.contains_key("additionalProperties");
        if is_silent && fields.get("type").is_none_or(|kind| kind == "object") {
            fields.insert("unevaluatedProperties".into(), Value::Bool(false));
        }
    }
    Schema::of_interface(&text).ok()
}

/// Parts of `allOf` name properties for each other: where there are any, only the whole is closed.
fn loosen(schema: &mut Value, close: bool) {
    let Value::Object(fields) = schema else { return };
    fields.remove("required");
    fields.remove("minProperties");
    let combines = ["anyOf", "oneOf", "$ref"].iter().any(|key| fields.contains_key(*key));
    let names = fields.contains_key("properties");
    let kind = fields.get("discriminator").and_then(|_| kinds(fields));
    let silent = !fields.contains_key("additionalProperties")
        && !fields.contains_key("unevaluatedProperties");
    for (key, inner) in fields.iter_mut() {
        match (key.as_str(), inner) {
            (
                "properties" | "patternProperties" | "$defs" | "dependentSchemas",
                Value::Object(all),
            ) => {
                all.values_mut().for_each(|schema| loosen(schema, close));
            }
            ("anyOf" | "oneOf", Value::Array(all)) => {
                all.iter_mut().for_each(|schema| loosen(schema, close && !names));
            }
            ("allOf" | "prefixItems", Value::Array(all)) => {
                all.iter_mut().for_each(|schema| loosen(schema, close));
            }
            ("items" | "additionalProperties" | "contains", inner) => loosen(inner, close),
            _ => {}
        }
    }
    if close && silent && names && !combines {
        fields.insert("additionalProperties".into(), Value::Bool(false));
    }
    // What a part says may fit several kinds.
    if let (Some(list), false) = (fields.get("oneOf").cloned(), fields.contains_key("anyOf")) {
        fields.remove("oneOf");
        fields.insert("anyOf".into(), list);
    }
    if let Some(kind) = kind {
        let parts = fields.entry("allOf").or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(parts) = parts {
            parts.push(kind);
        }
    }
}

/// What a discriminator says of messages: they name one of its alternatives, if any.
fn kinds(fields: &Map<String, Value>) -> Option<Value> {
    let schema = Value::Object(fields.clone());
    let (property, values) = Discriminator::of(&[&schema])?.known()?;
    Some(json!({ "properties": { property: { "enum": values } } }))
}

fn has_parts(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(has_parts),
        Value::Object(fields) => fields.contains_key("allOf") || fields.values().any(has_parts),
        _ => false,
    }
}

/// Whether a media type is in a list of ranges (RFC 9110, 12.5.1), weights left out.
fn is_accepted(accept: &str, media: &str) -> bool {
    let media = bare(media);
    accept.split(',').any(|range| {
        let range = range.split(';').next().unwrap_or_default().trim().to_lowercase();
        let general = range.strip_suffix('*').filter(|prefix| prefix.ends_with('/'));
        range == "*/*"
            || range == media
            || general.is_some_and(|prefix| media.starts_with(prefix))
            || media == "*/*"
    })
}

/// The request or the response of an example, from its text.
struct Part {
    headers: Vec<(String, String)>,
    query: String,
    body: Option<Value>,
    bytes: Vec<u8>,
}

impl Part {
    fn of(text: Option<&Value>) -> Part {
        let get = |key: &str| text.and_then(|text| text.get(key));
        let mut headers = Vec::new();
        for (name, value) in get("headers").and_then(Value::as_object).into_iter().flatten() {
            let values: Vec<&str> = match value {
                Value::String(one) => vec![one],
                Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
                _ => Vec::new(),
            };
            headers.push((name.to_lowercase(), values.join(", ")));
        }
        let mut body = get("body").filter(|body| !body.is_null()).cloned();
        // Version 4 wraps bodies.
        if let Some(Value::Object(fields)) = &body
            && fields.contains_key("content")
            && (fields.contains_key("contentType") || fields.contains_key("encoded"))
        {
            let media = fields.get("contentType").and_then(Value::as_str);
            if let Some(media) = media.filter(|_| !headers.iter().any(|(n, _)| n == "content-type"))
            {
                headers.push(("content-type".into(), media.into()));
            }
            body = fields.get("content").cloned();
        }
        let is_json =
            |(name, value): &(String, String)| name == "content-type" && value.contains("json");
        let bytes = match &body {
            None => Vec::new(),
            Some(Value::String(text)) if !headers.iter().any(is_json) => text.clone().into_bytes(),
            Some(value) => value.to_string().into_bytes(),
        };
        Part { headers, query: query(get("query")), body, bytes }
    }

    /// What the request lacks to prove who sends it; none if it has all of one alternative.
    fn unproven(&self, operation: &Operation) -> Option<String> {
        let query = decoded_query(&self.query);
        let has = |scheme: &Scheme| match scheme.place() {
            None => true,
            Some(("header", name)) => {
                self.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name))
            }
            Some(("query", name)) => query.contains_key(name),
            // Cookies are not taken apart.
            Some(_) => self.headers.iter().any(|(own, _)| own == "cookie"),
        };
        let lacks = |requirement: &Requirement| {
            let missing = requirement.schemes.iter().find(|scheme| !has(scheme))?;
            let (place, name) = missing.place()?;
            Some(format!("the {place} `{name}`"))
        };
        let missing: Vec<Option<String>> = operation.security.iter().map(lacks).collect();
        if missing.contains(&None) { None } else { missing.into_iter().flatten().next() }
    }

    fn target(&self, path: &str) -> String {
        if self.query.is_empty() { path.to_owned() } else { format!("{path}?{}", self.query) }
    }

    fn media(&self) -> String {
        let named = self.headers.iter().find(|(name, _)| name == "content-type");
        let named = named.map_or("application/json", |(_, value)| value.as_str());
        named.split(';').next().unwrap_or_default().trim().to_lowercase()
    }

    fn message<'a>(
        &'a self,
        leg: Leg,
        method: &'a str,
        target: &'a str,
        status: u16,
    ) -> Message<'a> {
        Message {
            event: EventId::NONE,
            from: "",
            to: "",
            leg,
            method,
            target,
            headers: self.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect(),
            status,
            body: Cow::Borrowed(&self.bytes),
            request: None,
        }
    }
}

/// A query: a text up to version 2, names with lists of values from version 3.
fn query(value: Option<&Value>) -> String {
    let none = Map::new();
    let fields = match value {
        Some(Value::String(text)) => return text.clone(),
        Some(Value::Object(fields)) => fields,
        _ => &none,
    };
    let mut pairs = Vec::new();
    for (name, values) in fields {
        let values = match values {
            Value::Array(all) => all.as_slice(),
            one => std::slice::from_ref(one),
        };
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        pairs.extend(values.iter().map(|v| format!("{}={}", encoded(name), encoded(&text(v)))));
    }
    pairs.join("&")
}

fn encoded(text: &str) -> String {
    let mut all = String::new();
    for byte in text.bytes() {
        match byte {
            b'&' | b'=' | b'%' | b'+' | b'#' | b' ' => all.push_str(&format!("%{byte:02X}")),
            // Bytes of one character stay together: they are decoded as bytes.
            128.. => all.push_str(&format!("%{byte:02X}")),
            byte => all.push(char::from(byte)),
        }
    }
    all
}
