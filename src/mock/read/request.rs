//! Reading what a mapping asks of a request.

use serde_json::Value;

use super::fields::{Fields, expected};
use super::matcher::{matcher, named};
use crate::document::join;
use crate::error::Result;
use crate::mock::pattern::{PathTemplate, RequestPattern, UrlPattern};
use crate::mock::regex::Regex;

const KEYS: [&str; 14] = [
    "method",
    "url",
    "urlPattern",
    "urlPath",
    "urlPathPattern",
    "urlPathTemplate",
    "pathParameters",
    "queryParameters",
    "headers",
    "cookies",
    "formParameters",
    "basicAuthCredentials",
    "basicAuth",
    "bodyPatterns",
];
const UNSUPPORTED: [(&str, &str); 6] = [
    ("scheme", "a mock in a world has one scheme: `http`"),
    ("host", "a mock in a world has one host: its service"),
    ("port", "a mock in a world has one port"),
    ("multipartPatterns", "conditions on multipart bodies are not supported"),
    ("customMatcher", "conditions in Java are not supported"),
    ("clientIp", "conditions on the caller's address are not supported"),
];
const URLS: [&str; 5] = ["url", "urlPattern", "urlPath", "urlPathPattern", "urlPathTemplate"];

pub(super) fn pattern(fields: &Fields<'_>) -> Result<RequestPattern> {
    fields.known(&KEYS, &UNSUPPORTED)?;
    let method = fields.text("method")?.filter(|method| *method != "ANY");
    let pattern = RequestPattern {
        method: method.map(str::to_owned),
        url: url(fields)?,
        path_parameters: named(fields.fields("pathParameters")?)?,
        query: named(fields.fields("queryParameters")?)?,
        headers: named(fields.fields("headers")?)?,
        cookies: named(fields.fields("cookies")?)?,
        form: named(fields.fields("formParameters")?)?,
        basic_auth: None,
        body: bodies(fields)?,
    };
    path_parameters(fields, &pattern)?;
    match fields.fields("basicAuthCredentials")?.or(fields.fields("basicAuth")?) {
        Some(credentials) => {
            credentials.known(&["username", "password"], &[])?;
            let user = credentials.text("username")?.unwrap_or_default();
            Ok(pattern.basic_auth(user, credentials.text("password")?.unwrap_or_default()))
        }
        None => Ok(pattern),
    }
}

fn url(fields: &Fields<'_>) -> Result<UrlPattern> {
    let mut said = URLS.iter().filter(|key| fields.has(key));
    let Some(&key) = said.next() else { return Ok(UrlPattern::Any) };
    if let Some(second) = said.next() {
        return Err(fields.error(second, format!("there is `{key}` already")));
    }
    let text = fields.text(key)?.unwrap_or_default();
    let wrong = |reason: String| fields.error(key, reason);
    Ok(match key {
        "url" => UrlPattern::Url(text.strip_suffix('?').unwrap_or(text).to_owned()),
        "urlPath" => UrlPattern::Path(text.to_owned()),
        "urlPattern" => UrlPattern::Regex(Regex::whole(text).map_err(wrong)?),
        "urlPathPattern" => UrlPattern::PathRegex(Regex::whole(text).map_err(wrong)?),
        _ => UrlPattern::PathTemplate(PathTemplate::new(text).map_err(wrong)?),
    })
}

/// Path parameters need a template that names them.
fn path_parameters(fields: &Fields<'_>, pattern: &RequestPattern) -> Result {
    if pattern.path_parameters.is_empty() {
        return Ok(());
    }
    let UrlPattern::PathTemplate(template) = &pattern.url else {
        return Err(fields.error("pathParameters", "they need a `urlPathTemplate`"));
    };
    let mut names = pattern.path_parameters.iter().map(|(name, _)| name);
    match names.find(|name| !template.names().any(|known| known == *name)) {
        None => Ok(()),
        Some(name) => {
            let place = join(&fields.pointer_of("pathParameters"), name);
            let reason = format!("`{name}`: the `urlPathTemplate` has no such name");
            Err(fields.document.error(&place, reason))
        }
    }
}

fn bodies(fields: &Fields<'_>) -> Result<Vec<crate::mock::Matcher>> {
    let list = fields.list("bodyPatterns")?.map_or(&[][..], Vec::as_slice);
    let pointer = fields.pointer_of("bodyPatterns");
    let one = |(index, value): (usize, &Value)| {
        let place = join(&pointer, &index.to_string());
        match value {
            Value::Object(_) => matcher(&Fields::of(fields.document, &place)?),
            other => Err(fields.document.error(&place, expected("a condition", Some(other)))),
        }
    };
    list.iter().enumerate().map(one).collect()
}
