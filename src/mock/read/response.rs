//! Reading what a mapping answers.

use std::fs;
use std::path::{Component, Path};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use serde_json::Value;

use super::Source;
use super::fields::{Fields, expected};
use crate::document::LARGEST;
use crate::error::{Result, hint};
use crate::mock::matcher::from_base64;
use crate::mock::response::{Content, Delay, Fault, Reply, Text};
use crate::mock::template::{Template, show};

const KEYS: [&str; 14] = [
    "status",
    "statusMessage",
    "headers",
    "body",
    "jsonBody",
    "base64Body",
    "bodyFileName",
    "fixedDelayMilliseconds",
    "delayDistribution",
    "chunkedDribbleDelay",
    "fault",
    "transformers",
    "transformerParameters",
    "fromConfiguredStub",
];
const UNSUPPORTED: [(&str, &str); 4] = [
    ("proxyBaseUrl", "a mock in a world has nothing to proxy to"),
    ("additionalProxyRequestHeaders", "a mock in a world has nothing to proxy to"),
    ("removeProxyRequestHeaders", "a mock in a world has nothing to proxy to"),
    ("proxyUrlPrefixToRemove", "a mock in a world has nothing to proxy to"),
];
const BODIES: [&str; 4] = ["body", "jsonBody", "base64Body", "bodyFileName"];
/// The longest delay that a file may ask for: a year, in milliseconds.
const MILLIS_MAX: u64 = 365 * 86_400_000;

pub(super) fn reply(fields: &Fields<'_>, source: Source<'_>) -> Result<Reply> {
    fields.known(&KEYS, &UNSUPPORTED)?;
    let status = fields.number("status", 100, 999)?.unwrap_or(200);
    let is_template = is_template(fields)? || source.templates;
    let mut reply = Reply::status(status as u16);
    reply.reason = fields.text("statusMessage")?.map(str::to_owned);
    reply.headers = headers(fields, is_template)?;
    reply.body = body(fields, source, is_template)?;
    reply.delays = delays(fields)?;
    reply.fault = fault(fields)?;
    if let Some(parameters) = fields.value("transformerParameters") {
        let map = parameters.as_object().cloned();
        reply.parameters = map.ok_or_else(|| {
            fields.error("transformerParameters", expected("an object", Some(parameters)))
        })?;
    }
    Ok(reply)
}

fn is_template(fields: &Fields<'_>) -> Result<bool> {
    let names = fields.list("transformers")?.map_or(&[][..], Vec::as_slice);
    match names.iter().find(|name| name.as_str() != Some("response-template")) {
        Some(other) => {
            let reason = format!("{other} is not supported; `response-template` is");
            Err(fields.error("transformers", reason))
        }
        None => Ok(!names.is_empty()),
    }
}

fn headers(fields: &Fields<'_>, is_template: bool) -> Result<Vec<(HeaderName, Text)>> {
    let Some(headers) = fields.fields("headers")? else { return Ok(Vec::new()) };
    let mut read = Vec::new();
    for key in headers.keys() {
        let name: HeaderName =
            key.parse().map_err(|_| headers.error(key, "this is no header's name"))?;
        let values = match headers.value(key) {
            Some(Value::Array(list)) => list.iter().collect(),
            Some(value) => vec![value],
            None => Vec::new(),
        };
        for value in values {
            if value.is_object() || value.is_array() {
                return Err(headers.error(key, expected("a text", Some(value))));
            }
            let source = show(value);
            let text = if is_template && Template::is_one(&source) {
                Text::Template(Template::compile(&source).map_err(|e| headers.error(key, e))?)
            } else {
                let value = HeaderValue::from_str(&source);
                Text::Fixed(value.map_err(|_| headers.error(key, "this is no header's value"))?)
            };
            read.push((name.clone(), text));
        }
    }
    Ok(read)
}

fn body(fields: &Fields<'_>, source: Source<'_>, is_template: bool) -> Result<Content> {
    let mut said = BODIES.iter().filter(|key| fields.value(key).is_some());
    let Some(&key) = said.next() else { return Ok(Content::Fixed(Bytes::new())) };
    if let Some(second) = said.next() {
        return Err(fields.error(second, format!("there is `{key}` already")));
    }
    let wrong = |reason: String| fields.error(key, reason);
    let bytes = match key {
        "jsonBody" => fields.value(key).map(Value::to_string).unwrap_or_default().into_bytes(),
        "base64Body" => {
            let bytes = from_base64(fields.text(key)?.unwrap_or_default());
            return bytes
                .map(|bytes| Content::Fixed(bytes.into()))
                .ok_or_else(|| wrong("base64 was expected".into()));
        }
        "bodyFileName" => file(fields.text(key)?.unwrap_or_default(), source).map_err(wrong)?,
        _ => fields.text(key)?.unwrap_or_default().as_bytes().to_vec(),
    };
    match str::from_utf8(&bytes) {
        Ok(text) if is_template && Template::is_one(text) => {
            Template::compile(text).map(Content::Template).map_err(wrong)
        }
        _ => Ok(Content::Fixed(bytes.into())),
    }
}

/// A file below `__files`, and nowhere else.
fn file(name: &str, source: Source<'_>) -> std::result::Result<Vec<u8>, String> {
    if Template::is_one(name) {
        return Err("a file's name that is a template is not supported".into());
    }
    let folder = source.files.ok_or("there are no files beside a text")?;
    let name = Path::new(name.trim_start_matches('/'));
    let is_below = name.components().all(|part| matches!(part, Component::Normal(_)));
    let path = folder.join(name);
    let shown = path.display();
    let failed = |e: std::io::Error| format!("{shown}: {e}");
    let real = path.canonicalize().map_err(failed)?;
    if !is_below || !real.starts_with(folder.canonicalize().map_err(failed)?) {
        return Err(format!("{shown} is not below `__files`"));
    }
    match fs::metadata(&real).map_err(failed)? {
        what if !what.is_file() => Err(format!("{shown} is not a file")),
        what if what.len() > LARGEST => Err(format!("{shown}: more than {LARGEST} bytes")),
        _ => fs::read(&real).map_err(failed),
    }
}

fn delays(fields: &Fields<'_>) -> Result<Vec<Delay>> {
    let mut delays = Vec::new();
    if let Some(millis) = fields.number("fixedDelayMilliseconds", 0, MILLIS_MAX)? {
        delays.push(Delay::Fixed(Duration::from_millis(millis)));
    }
    if let Some(distribution) = fields.fields("delayDistribution")? {
        delays.push(self::distribution(&distribution)?);
    }
    // The body arrives in one piece, when its last chunk would.
    if let Some(dribble) = fields.fields("chunkedDribbleDelay")? {
        dribble.known(&["numberOfChunks", "totalDuration"], &[])?;
        let total = dribble.number("totalDuration", 0, MILLIS_MAX)?.unwrap_or(0);
        delays.push(Delay::Fixed(Duration::from_millis(total)));
    }
    Ok(delays)
}

fn distribution(fields: &Fields<'_>) -> Result<Delay> {
    let kind = fields.text("type")?.unwrap_or_default();
    let missing = |key: &str| fields.document.error(&fields.pointer, format!("`{key}` is missing"));
    let millis = |key: &str| {
        let value = fields.number(key, 0, MILLIS_MAX)?;
        value.map(Duration::from_millis).ok_or_else(|| missing(key))
    };
    match kind {
        "fixed" => {
            fields.known(&["type", "milliseconds"], &[])?;
            Ok(Delay::Fixed(millis("milliseconds")?))
        }
        "uniform" => {
            fields.known(&["type", "lower", "upper"], &[])?;
            let (lower, upper) = (millis("lower")?, millis("upper")?);
            match lower <= upper {
                true => Ok(Delay::Uniform { lower, upper }),
                false => Err(fields.error("upper", "is less than `lower`")),
            }
        }
        "lognormal" => {
            fields.known(&["type", "median", "sigma", "maxValue"], &[])?;
            let median = fields.real("median")?.ok_or_else(|| missing("median"))?;
            let sigma = fields.real("sigma")?.ok_or_else(|| missing("sigma"))?;
            if median <= 0.0 || median > MILLIS_MAX as f64 {
                return Err(
                    fields.error("median", "more than 0 ms and at most a year was expected")
                );
            }
            let max = fields.number("maxValue", 0, MILLIS_MAX)?.map(Duration::from_millis);
            let median = Duration::from_secs_f64(median / 1_000.0);
            Ok(Delay::LogNormal { median, sigma, max })
        }
        "" => Err(missing("type")),
        _ => {
            let hint = hint(kind, ["fixed", "uniform", "lognormal"]);
            Err(fields.error("type", format!("`{kind}` is no distribution{hint}")))
        }
    }
}

fn fault(fields: &Fields<'_>) -> Result<Option<Fault>> {
    let Some(name) = fields.text("fault")? else { return Ok(None) };
    if let Some((_, fault)) = Fault::NAMES.iter().find(|(known, _)| *known == name) {
        return Ok(Some(*fault));
    }
    let hint = hint(name, Fault::NAMES.iter().map(|(known, _)| *known));
    Err(fields.error("fault", format!("`{name}` is no fault{hint}")))
}
