//! Checks from a TOML text, with the line of what is wrong.

use std::ops::Range;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::{Check, Flow, Pattern, Question};
use crate::document;
use crate::error::{Error, Result, nearest};

/// The version of the format that is read.
const FORMAT: i64 = 1;
const KINDS: [&str; 5] = ["exists", "never", "before", "exactly_once_per_key", "deadline"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: Spanned<i64>,
    #[serde(default)]
    check: Vec<Spanned<Table>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    name: String,
    kind: Spanned<String>,
    span: Option<Spanned<Pattern>>,
    at_least: Option<Spanned<usize>>,
    first: Option<Spanned<Pattern>>,
    then: Option<Spanned<Pattern>>,
    key: Option<Spanned<String>>,
    of: Option<Spanned<Pattern>>,
    within: Option<Spanned<String>>,
}

/// What is wrong, and where.
struct Fail(Range<usize>, String);

type Read<T> = std::result::Result<T, Fail>;

pub(super) fn read(text: &str, file: &str) -> Result<Flow> {
    document::check_size(file, text)?;
    parse(text).map_err(|Fail(span, reason)| {
        let before = text.get(..span.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        Error::script(file, line, &reason)
    })
}

fn parse(text: &str) -> Read<Flow> {
    let wrong = |e: toml::de::Error| Fail(e.span().unwrap_or(0..0), rephrased(e.message()));
    let file: File = toml::from_str(text).map_err(wrong)?;
    if *file.format.get_ref() != FORMAT {
        let reason = format!("an unknown format; this version reads `format = {FORMAT}`");
        return Err(Fail(file.format.span(), reason));
    }
    let checks = file.check.into_iter().map(|table| {
        let span = table.span();
        check(table.into_inner(), span)
    });
    let checks: Vec<Check> = checks.collect::<Read<_>>()?;
    if checks.is_empty() {
        return Err(Fail(0..0, "no checks; write each as `[[check]]`".into()));
    }
    Ok(Flow { checks })
}

/// A field that the kind needs.
fn need<T>(field: Option<Spanned<T>>, name: &str, kind: &str, at: &Range<usize>) -> Read<T> {
    let missing = || Fail(at.clone(), format!("a check of kind `{kind}` needs `{name}`"));
    field.map(Spanned::into_inner).ok_or_else(missing)
}

fn check(mut table: Table, at: Range<usize>) -> Read<Check> {
    let kind = table.kind.get_ref().clone();
    let question = match &*kind {
        "exists" => Question::Exists {
            span: need(table.span.take(), "span", &kind, &at)?,
            at_least: table.at_least.take().map_or(1, Spanned::into_inner),
        },
        "never" => Question::Never { span: need(table.span.take(), "span", &kind, &at)? },
        "before" => Question::Before {
            first: need(table.first.take(), "first", &kind, &at)?,
            then: need(table.then.take(), "then", &kind, &at)?,
        },
        "exactly_once_per_key" => Question::ExactlyOncePerKey {
            span: need(table.span.take(), "span", &kind, &at)?,
            key: need(table.key.take(), "key", &kind, &at)?,
            of: table.of.take().map(Spanned::into_inner),
        },
        "deadline" => {
            let place = table.within.as_ref().map(Spanned::span);
            let text = need(table.within.take(), "within", &kind, &at)?;
            let within = duration(&text).map_err(|why| Fail(place.unwrap_or_default(), why))?;
            Question::Deadline { span: need(table.span.take(), "span", &kind, &at)?, within }
        }
        other => {
            let hint = match nearest(other, KINDS) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there is {}", KINDS.join(", ")),
            };
            return Err(Fail(table.kind.span(), format!("no kind `{other}`; {hint}")));
        }
    };
    let rest = [
        ("span", table.span.map(|field| field.span())),
        ("at_least", table.at_least.map(|field| field.span())),
        ("first", table.first.map(|field| field.span())),
        ("then", table.then.map(|field| field.span())),
        ("key", table.key.map(|field| field.span())),
        ("of", table.of.map(|field| field.span())),
        ("within", table.within.map(|field| field.span())),
    ];
    for (name, span) in rest {
        if let Some(span) = span {
            return Err(Fail(span, format!("a check of kind `{kind}` has no `{name}`")));
        }
    }
    Ok(Check { name: table.name, question })
}

/// `1500us`, `200ms`, `2s`, `1m`.
fn duration(text: &str) -> std::result::Result<Duration, String> {
    let start = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(start);
    let nanos: Option<u64> = match unit {
        "ns" => Some(1),
        "us" => Some(1_000),
        "ms" => Some(1_000_000),
        "s" => Some(1_000_000_000),
        "m" => Some(60_000_000_000),
        _ => None,
    };
    let number = number.parse::<u64>().ok();
    let nanos = number.zip(nanos).and_then(|(number, nanos)| number.checked_mul(nanos));
    nanos.map(Duration::from_nanos).ok_or_else(|| {
        format!("`{text}` is no duration; write a whole number and ns, us, ms, s or m: `200ms`")
    })
}

/// Serde's list of what it expected, as a suggestion.
fn rephrased(message: &str) -> String {
    let message = message.trim();
    let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let (what, name, known) = match &*names {
        [name, known @ ..] if message.starts_with("unknown field") => ("field", name, known),
        [name, known @ ..] if message.starts_with("unknown variant") => ("value", name, known),
        [name] if message.starts_with("missing field") => return format!("`{name}` is missing"),
        _ => return message.to_owned(),
    };
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("no {what} `{name}`; did you mean `{near}`?"),
        None => format!("no {what} `{name}`; there is {}", known.join(", ")),
    }
}
