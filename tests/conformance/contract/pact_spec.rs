//! The cases of the Pact specification, versions 1 to 4.

use std::borrow::Cow;
use std::path::Path;

use serde_json::{Map, Value, json};
use stormglass::contract::{Fit, Leg, Message, Pact};
use stormglass::document::Document;
use stormglass::journal::EventId;

use crate::conformance::{Tally, files, set};

/// The texts of a message, which its parts point into.
#[derive(Default)]
struct Actual {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    status: u16,
    body: Vec<u8>,
}

impl Actual {
    fn of(actual: &Value) -> Actual {
        let text = |key: &str, default: &str| {
            actual.get(key).and_then(Value::as_str).unwrap_or(default).to_owned()
        };
        let query = query(actual.get("query"));
        let path = text("path", "/");
        let mut headers: Vec<(String, String)> = Vec::new();
        for (name, value) in actual.get("headers").and_then(Value::as_object).into_iter().flatten()
        {
            let values = match value {
                Value::Array(all) => all.clone(),
                one => vec![one.clone()],
            };
            headers
                .extend(values.iter().map(|v| (name.to_lowercase(), v.as_str().unwrap().into())));
        }
        let content = actual.get("contents");
        let wrapped = content.or(actual.get("body"));
        let (body, media) = match wrapped {
            Some(Value::Object(fields)) if fields.contains_key("content") => {
                (fields.get("content"), fields.get("contentType").and_then(Value::as_str))
            }
            body => (body, None),
        };
        if let Some(media) = media.filter(|_| !headers.iter().any(|(n, _)| n == "content-type")) {
            headers.push(("content-type".into(), media.into()));
        }
        let xml = headers.iter().any(|(n, v)| n == "content-type" && !v.contains("json"));
        let body = match body {
            // On the wire a body that is null or empty has no bytes.
            None | Some(Value::Null) => Vec::new(),
            Some(Value::String(text)) if text.is_empty() => Vec::new(),
            Some(Value::String(text)) if xml || text.starts_with('<') => text.clone().into_bytes(),
            Some(value) => value.to_string().into_bytes(),
        };
        Actual {
            method: text("method", "GET"),
            target: if query.is_empty() { path } else { format!("{path}?{query}") },
            headers,
            status: actual.get("status").and_then(Value::as_u64).unwrap_or(200) as u16,
            body,
        }
    }

    fn message(&self, leg: Leg) -> Message<'_> {
        Message {
            event: EventId::NONE,
            from: "a",
            to: "b",
            leg,
            method: &self.method,
            target: &self.target,
            headers: self.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect(),
            status: self.status,
            body: Cow::Borrowed(&self.body),
            request: None,
        }
    }
}

fn query(query: Option<&Value>) -> String {
    match query {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Object(fields)) => {
            let pair = |name: &str, value: &Value| {
                format!(
                    "{name}={}",
                    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
                )
            };
            let pairs = fields.iter().flat_map(|(name, values)| match values {
                Value::Array(all) => all.iter().map(|v| pair(name, v)).collect(),
                one => vec![pair(name, one)],
            });
            pairs.collect::<Vec<_>>().join("&")
        }
        _ => String::new(),
    }
}

/// The case's expectation as the only example of a file of its version.
fn pact(version: &str, leg: Leg, expected: &Value) -> Value {
    let mut example = match (leg, version) {
        (Leg::Request, _) => json!({ "request": expected, "response": { "status": 200 } }),
        (Leg::Reply, _) => {
            json!({ "request": { "method": "GET", "path": "/" }, "response": expected })
        }
        (Leg::Event, _) => expected.clone(),
    };
    let fields = example.as_object_mut().unwrap();
    fields.insert("description".into(), "case".into());
    if version.starts_with('4') {
        let kind = if leg == Leg::Event { "Asynchronous/Messages" } else { "Synchronous/HTTP" };
        fields.insert("type".into(), kind.into());
    }
    let list =
        if leg == Leg::Event && !version.starts_with('4') { "messages" } else { "interactions" };
    let mut file = Map::new();
    file.insert("consumer".into(), json!({ "name": "a" }));
    file.insert("provider".into(), json!({ "name": "b" }));
    file.insert(list.into(), json!([example]));
    file.insert("metadata".into(), json!({ "pactSpecification": { "version": version } }));
    Value::Object(file)
}

fn check(path: &Path, tally: &mut Tally) {
    let text = std::fs::read_to_string(path).unwrap();
    let name = path.display().to_string();
    let short = name.split("pact-spec/").nth(1).unwrap_or(&name).to_owned();
    let case = Document::json(&short, &text).unwrap();
    let leg = match &short {
        n if n.contains("/request/") => Leg::Request,
        n if n.contains("/response/") => Leg::Reply,
        _ => Leg::Event,
    };
    let number = short.trim_start_matches("version-").split('/').next().unwrap();
    let version =
        if number.contains('.') { format!("{number}.0") } else { format!("{number}.0.0") };
    let file = pact(&version, leg, case.get("/expected").unwrap());
    let expected = case.get("/match").unwrap().as_bool().unwrap();
    let actual = Actual::of(case.get("/actual").unwrap());
    let fit = match Document::json(&short, &file.to_string()).and_then(|d| Pact::read(&d)) {
        Ok(pact) => pact.expectations[0].fits(&actual.message(leg)),
        Err(error) => Fit::Unknown(error.to_string()),
    };
    let agrees = match &fit {
        Fit::Fits => expected,
        Fit::Elsewhere | Fit::Differs(_) => !expected,
        Fit::Unknown(_) => false,
    };
    tally.count(agrees, || format!("{short}: expected {expected}, {fit:?}"));
}

#[cfg(feature = "pact")]
#[test]
fn examples_match_as_the_specification_says() {
    let Some(folder) = set("pact-spec") else { return };
    let mut tally = Tally::new("pact-spec");
    for path in files(&folder, &[".json"]) {
        check(&path, &mut tally);
    }
    tally.at_least(95);
}
