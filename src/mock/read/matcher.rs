//! Reading a condition on one value.

use serde_json::Value;

use super::fields::{Fields, expected};
use crate::document::join;
use crate::error::{Result, hint};
use crate::mock::date::{DateTime, Pattern};
use crate::mock::json_equal::JsonShape;
use crate::mock::json_path::JsonPath;
use crate::mock::matcher::{Kind, Matcher, Order, When, from_base64};
use crate::mock::regex::Regex;

/// How deep conditions may be nested.
const DEPTH_MAX: usize = 32;

const KINDS: [&str; 18] = [
    "equalTo",
    "binaryEqualTo",
    "contains",
    "doesNotContain",
    "matches",
    "doesNotMatch",
    "equalToJson",
    "matchesJsonPath",
    "before",
    "after",
    "equalToDateTime",
    "absent",
    "anything",
    "and",
    "or",
    "not",
    "hasExactly",
    "includes",
];

const UNSUPPORTED: [(&str, &str); 9] = [
    ("equalToXml", "XML is not supported"),
    ("matchesXPath", "XML is not supported"),
    ("matchesJsonSchema", "JSON Schema is not supported in mappings"),
    ("equalToNumber", "WireMock 3 has no conditions on numbers"),
    ("greaterThanNumber", "WireMock 3 has no conditions on numbers"),
    ("greaterThanEqualNumber", "WireMock 3 has no conditions on numbers"),
    ("lessThanNumber", "WireMock 3 has no conditions on numbers"),
    ("lessThanEqualNumber", "WireMock 3 has no conditions on numbers"),
    ("customMatcher", "conditions in Java are not supported"),
];

/// What may stand beside each kind.
const OPTIONS: [(&str, &[&str]); 5] = [
    ("equalTo", &["caseInsensitive"]),
    ("equalToJson", &["ignoreArrayOrder", "ignoreExtraElements"]),
    ("before", &["actualFormat"]),
    ("after", &["actualFormat"]),
    ("equalToDateTime", &["actualFormat"]),
];

/// A condition.
pub(super) fn matcher(fields: &Fields<'_>) -> Result<Matcher> {
    inner(fields, &[], 0)
}

/// Conditions by name: headers, query parameters.
pub(super) fn named(fields: Option<Fields<'_>>) -> Result<Vec<(String, Matcher)>> {
    let Some(fields) = fields else { return Ok(Vec::new()) };
    let one = |key: &str| {
        let condition = Fields::of(fields.document, &fields.pointer_of(key))?;
        Ok((key.to_owned(), matcher(&condition)?))
    };
    fields.keys().map(one).collect()
}

/// A condition with its one kind; `beside` may stand in its object, too.
fn inner(fields: &Fields<'_>, beside: &[&str], depth: usize) -> Result<Matcher> {
    if depth > DEPTH_MAX {
        let reason = format!("conditions are nested more than {DEPTH_MAX} deep");
        return Err(fields.document.error(&fields.pointer, reason));
    }
    let kind = kind(fields, beside)?;
    let wrong = |reason: String| fields.error(kind, reason);
    let text = || {
        let text = fields.text(kind)?;
        Ok(text.ok_or_else(|| wrong(expected("a text", None)))?.to_owned())
    };
    let regex = || Regex::whole(&text()?).map_err(&wrong);
    Ok(Matcher(match kind {
        "equalTo" => {
            let any_case = fields.truth("caseInsensitive")?.unwrap_or(false);
            Kind::EqualTo { text: text()?, any_case }
        }
        "binaryEqualTo" => {
            let bytes = from_base64(&text()?);
            Kind::BinaryEqualTo(bytes.ok_or_else(|| wrong("base64 was expected".into()))?)
        }
        "contains" => Kind::Contains(text()?),
        "doesNotContain" => Kind::DoesNotContain(text()?),
        "matches" => Kind::Matches(regex()?),
        "doesNotMatch" => Kind::DoesNotMatch(regex()?),
        "equalToJson" => equal_to_json(fields)?,
        "matchesJsonPath" => json_path(fields, depth)?,
        "before" => time(fields, kind, Order::Before)?,
        "after" => time(fields, kind, Order::After)?,
        "equalToDateTime" => time(fields, kind, Order::Same)?,
        "absent" => match fields.truth(kind)? {
            Some(true) => Kind::Absent,
            _ => return Err(wrong("only `true` means something".into())),
        },
        "anything" => {
            text()?;
            Kind::Anything
        }
        "and" => Kind::And(list(fields, kind, depth)?),
        "or" => Kind::Or(list(fields, kind, depth)?),
        "hasExactly" => Kind::HasExactly(list(fields, kind, depth)?),
        "includes" => Kind::Includes(list(fields, kind, depth)?),
        _ => {
            let negated = Fields::of(fields.document, &fields.pointer_of(kind))?;
            Kind::Not(Box::new(inner(&negated, &[], depth + 1)?))
        }
    }))
}

/// The one kind of condition that an object holds.
fn kind<'d>(fields: &Fields<'d>, beside: &[&str]) -> Result<&'d str> {
    let mut found: Option<&'d str> = None;
    for key in fields.keys().filter(|key| !beside.contains(key)) {
        if let Some((_, reason)) = UNSUPPORTED.iter().find(|(name, _)| *name == key) {
            return Err(fields.error(key, reason));
        }
        if KINDS.contains(&key) {
            if let Some(other) = found {
                return Err(fields.error(key, format!("there is `{other}` already; use `and`")));
            }
            found = Some(key);
        }
    }
    let options = OPTIONS.iter().find(|(kind, _)| Some(*kind) == found);
    let options = options.map_or(&[][..], |(_, options)| options);
    for key in fields.keys() {
        if Some(key) == found || beside.contains(&key) || options.contains(&key) {
            continue;
        }
        let known = KINDS.iter().chain(options).copied();
        let reason = format!("this condition is not supported{}", hint(key, known));
        return Err(fields.error(key, reason));
    }
    found.ok_or_else(|| {
        let reason = "a condition was expected, such as `equalTo`";
        fields.document.error(&fields.pointer, reason)
    })
}

fn list(fields: &Fields<'_>, key: &str, depth: usize) -> Result<Vec<Matcher>> {
    let length = fields.list(key)?.map_or(0, Vec::len);
    if length == 0 {
        return Err(fields.error(key, "a list of conditions was expected"));
    }
    let pointer = fields.pointer_of(key);
    let one = |index: usize| {
        let part = Fields::of(fields.document, &join(&pointer, &index.to_string()))?;
        inner(&part, &[], depth + 1)
    };
    (0..length).map(one).collect()
}

/// JSON itself, or a text of JSON.
fn equal_to_json(fields: &Fields<'_>) -> Result<Kind> {
    let wrong = |reason: String| fields.error("equalToJson", reason);
    let value = fields.value("equalToJson").cloned().unwrap_or_default();
    let expected = match value {
        Value::String(text) => {
            serde_json::from_str(&text).map_err(|e| wrong(format!("this text is not JSON: {e}")))?
        }
        value => value,
    };
    let any_order = fields.truth("ignoreArrayOrder")?.unwrap_or(false);
    let extra = fields.truth("ignoreExtraElements")?.unwrap_or(false);
    let shape = JsonShape::new(&expected, any_order, extra).map_err(wrong)?;
    Ok(Kind::EqualToJson { shape, expected })
}

/// A path, or a path and a condition on what it finds.
fn json_path(fields: &Fields<'_>, depth: usize) -> Result<Kind> {
    let key = "matchesJsonPath";
    if let Some(Value::String(path)) = fields.value(key) {
        let path = JsonPath::compile(path).map_err(|reason| fields.error(key, reason))?;
        return Ok(Kind::JsonPath { path, inner: None });
    }
    let condition = Fields::of(fields.document, &fields.pointer_of(key))?;
    let source = condition.text("expression")?;
    let source = source.ok_or_else(|| fields.error(key, "`expression` is missing"))?;
    let path = JsonPath::compile(source).map_err(|reason| condition.error("expression", reason))?;
    let is_alone = condition.keys().all(|key| key == "expression");
    let inner = match is_alone {
        true => None,
        false => Some(Box::new(inner(&condition, &["expression"], depth + 1)?)),
    };
    if let Some(Matcher(Kind::HasExactly(_) | Kind::Includes(_))) = inner.as_deref() {
        return Err(fields.error(key, "`hasExactly` and `includes` are for lists of values"));
    }
    Ok(Kind::JsonPath { path, inner })
}

/// `2024-03-01T10:00:00Z`, or `now`, or `now -3 days`.
fn time(fields: &Fields<'_>, key: &str, order: Order) -> Result<Kind> {
    let wrong = |reason: &str| fields.error(key, reason);
    let text = fields.text(key)?.unwrap_or_default().trim();
    let expected = match text.strip_prefix("now") {
        Some("") => When::Now { amount: 0, unit: "seconds".to_owned() },
        Some(offset) => {
            let parts = offset.trim().split_once(' ');
            let parts = parts.and_then(|(n, unit)| Some((n.parse().ok()?, unit.trim())));
            let (amount, unit): (i64, _) =
                parts.ok_or_else(|| wrong("an offset such as `now -3 days` was expected"))?;
            DateTime::of_unix_millis(0).plus(amount, unit).map_err(|reason| wrong(&reason))?;
            When::Now { amount, unit: unit.to_owned() }
        }
        None => {
            let at = DateTime::parse(text);
            When::At(at.ok_or_else(|| wrong("a date such as `2024-03-01T10:00:00Z` was expected"))?)
        }
    };
    let format = fields.text("actualFormat")?.map(Pattern::new).transpose();
    let format = format.map_err(|reason| fields.error("actualFormat", reason))?;
    Ok(Kind::Time { order, expected, format })
}
