//! What templates see of a request, and how a value is shown.

use std::collections::BTreeMap;

use http::header::HeaderName;
use serde_json::{Map, Value};

use super::numbers::uuid;
use super::ordered::Ordered;
use crate::mock::matcher::to_base64;
use crate::mock::request::Facts;
use crate::seed::Stream;

/// The key of a thing's own text beside its parts: `request.path` and `request.path.[0]`.
const TEXT: &str = "";

/// A list of values that shows its first one: `request.query.q` and `request.query.q.[1]`.
pub(super) fn list_or_single(values: impl IntoIterator<Item = String>) -> Value {
    let numbered = values.into_iter().enumerate();
    Value::Object(numbered.map(|(i, value)| (i.to_string(), Value::String(value))).collect())
}

/// Pairs by name, each with its values in their order.
pub(super) fn by_name(pairs: &[(String, String)]) -> Value {
    let mut names: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, value) in pairs {
        names.entry(name).or_default().push(value.clone());
    }
    let lists = names.into_iter().map(|(name, values)| (name.to_owned(), list_or_single(values)));
    Value::Object(lists.collect())
}

/// True for what has a text and is none: a path, a method.
pub(super) fn is_thing(value: &Value) -> bool {
    value.get(TEXT).is_some()
}

/// The first value of a list that shows its first one, or a thing's own text.
pub(super) fn single(value: &Value) -> &Value {
    let Value::Object(map) = value else { return value };
    if let Some(text) = map.get(TEXT) {
        return text;
    }
    match map.get("0") {
        Some(first) if map.keys().all(|key| key.parse::<u16>().is_ok()) => first,
        _ => value,
    }
}

/// A value as Java shows it: lists as `[a, b]`, nothing for null, objects as JSON.
pub(crate) fn show(value: &Value) -> String {
    match single(value) {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(list) => {
            let items: Vec<String> = list.iter().map(show_item).collect();
            format!("[{}]", items.join(", "))
        }
        object @ Value::Object(_) => Ordered::from(object).pretty(),
        other => other.to_string(),
    }
}

fn show_item(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Object(_) => value.to_string(),
        _ => show(value),
    }
}

/// The variable `request`.
pub(super) fn request(
    facts: &Facts<'_>,
    parameters: &[(String, String)],
    sources: &[&str],
    stream: &mut Stream,
) -> Value {
    let request = facts.request;
    let uses = |name: &str| sources.iter().any(|source| source.contains(name));
    let mut view = Map::new();
    let mut put = |name: &str, value: Value| view.insert(name.to_owned(), value);
    if uses("request.id") {
        put("id", Value::String(uuid(stream)));
    }
    let segments: Vec<&str> = request.path().split('/').skip(1).collect();
    let mut path: Map<String, Value> = (0..segments.len())
        .map(|index| (index.to_string(), Value::String(segments[index].to_owned())))
        .collect();
    path.extend(parameters.iter().map(|(name, value)| (name.clone(), value.clone().into())));
    path.insert(TEXT.to_owned(), request.path().into());
    put("url", request.url.clone().into());
    put("path", Value::Object(path.clone()));
    put("pathSegments", list_or_single(segments.iter().map(|&segment| segment.to_owned())));
    let query = by_name(facts.query());
    put("query", query.clone());
    let method = serde_json::json!({ TEXT: request.method.as_str() });
    put("method", method.clone());
    let (host, port) = (&request.origin.host, request.origin.port);
    let base = match port {
        Some(port) => format!("http://{host}:{port}"),
        None => format!("http://{host}"),
    };
    put("scheme", "http".into());
    put("host", host.clone().into());
    put("port", port.unwrap_or(80).into());
    put("baseUrl", base.clone().into());
    let headers = headers(facts, sources);
    put("headers", headers.clone());
    let cookies = facts.cookies().iter();
    let cookies: Map<_, _> = cookies.map(|(n, v)| (n.clone(), v.clone().into())).collect();
    put("cookies", Value::Object(cookies));
    put("body", request.text().into_owned().into());
    if uses("bodyAsBase64") {
        put("bodyAsBase64", to_base64(&request.body).into());
    }
    let line = serde_json::json!({
        "method": method,
        "path": path,
        "query": query,
        "host": host,
        "baseUrl": base,
        "pathSegments": segments,
    });
    put("requestLine", line);
    Value::Object(view)
}

/// Headers by name. The case of a name means nothing, and paths in templates know no such thing: so
/// each is there in lower case, and as the templates write it.
fn headers(facts: &Facts<'_>, sources: &[&str]) -> Value {
    let mut view = Map::new();
    for name in facts.request.headers.keys() {
        let values = facts.headers(name.as_str());
        let values = values.iter().filter_map(|value| value.text().map(str::to_owned));
        let list = list_or_single(values);
        for spelling in spellings(name, sources) {
            view.insert(spelling, list.clone());
        }
    }
    Value::Object(view)
}

fn spellings(name: &HeaderName, sources: &[&str]) -> Vec<String> {
    let mut found = vec![name.as_str().to_owned()];
    for source in sources {
        let words = source.split(|c: char| !(c.is_ascii_alphanumeric() || "-_".contains(c)));
        for word in words.filter(|word| word.eq_ignore_ascii_case(name.as_str())) {
            if !found.iter().any(|known| known == word) {
                found.push(word.to_owned());
            }
        }
    }
    found
}
