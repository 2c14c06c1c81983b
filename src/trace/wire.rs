//! What the exchange formats share: ids in hexadecimal, times, and lists that are written as they come.

use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny};
use serde::ser::{Serialize, Serializer};
use serde_json::Deserializer as Json;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::recorded::EPOCH;
use super::set::{Finding, FindingKind, SpanSet};
use super::span::Value;
use crate::document::check_size;
use crate::error::{Error, Result};
use crate::time::Time;

/// A list that is made while it is written.
pub(super) struct Seq<F>(pub(super) F);

impl<F, I> Serialize for Seq<F>
where
    F: Fn() -> I,
    I: Iterator<Item: Serialize>,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

/// What times count from when they are written, in nanoseconds since 1970: never an instant 0, which
/// OTLP, Jaeger and Zipkin take for none.
pub(super) fn epoch(set: &SpanSet) -> u64 {
    match set.epoch() {
        0 if set.start() == Time::ZERO => EPOCH,
        epoch => epoch,
    }
}

/// Microseconds since 1970 that surround a span: its children stay in it.
pub(super) fn micros(epoch: u64, start: Time, end: Time) -> (u64, u64) {
    let start = epoch.saturating_add(start.0) / 1000;
    (start, epoch.saturating_add(end.0).div_ceil(1000).max(start) - start)
}

/// An instant that is written in microseconds.
pub(super) fn of_micros(micros: u64) -> Time {
    Time(micros.saturating_mul(1000))
}

/// The documents of a text, one after another: the first thing that is wrong with one, with its line.
pub(super) fn documents<'a, T: Deserialize<'a>>(file: &str, text: &'a str) -> Result<Vec<T>> {
    check_size(file, text)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let documents: serde_json::Result<Vec<T>> = Json::from_str(text).into_iter().collect();
    match documents {
        Ok(documents) if documents.is_empty() => Err(bad(file, 1, "the file is empty")),
        Ok(documents) => Ok(documents),
        Err(error) => {
            let reason = error.to_string();
            let reason = reason.rsplit_once(" at line ").map_or(&*reason, |(before, _)| before);
            Err(bad(file, error.line().max(1), reason))
        }
    }
}

pub(super) fn bad(file: &str, line: usize, reason: impl Into<String>) -> Error {
    Error::document(file, line, &reason.into())
}

/// The top of a document, by which its format is known.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Top {
    pub(super) resource_spans: Option<IgnoredAny>,
    pub(super) resource_metrics: Option<IgnoredAny>,
    pub(super) resource_logs: Option<IgnoredAny>,
    pub(super) data: Option<IgnoredAny>,
}

/// A missing value or `null` is the default.
pub(super) fn or_default<'de, D, T>(from: D) -> std::result::Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// A whole number, or a text of one: JSON numbers above 2^53 are not exact everywhere.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Whole(pub(super) i128);

impl Whole {
    /// As an instant or a length; none if it is below zero or above 2^64.
    pub(super) fn unsigned(self) -> Option<u64> {
        u64::try_from(self.0).ok()
    }
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Whole, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Either {
            Signed(i64),
            Unsigned(u64),
            Float(f64),
            Text(String),
        }
        let text = match Either::deserialize(from) {
            Ok(Either::Signed(value)) => return Ok(Whole(value.into())),
            Ok(Either::Unsigned(value)) => return Ok(Whole(value.into())),
            // Some writers have `1.0e15`.
            Ok(Either::Float(value)) if value.fract() == 0.0 && value.abs() < 9e18 => {
                return Ok(Whole(value as i128));
            }
            Ok(Either::Float(value)) => value.to_string(),
            Ok(Either::Text(text)) => text,
            Err(_) => return Err(D::Error::custom("a whole number was expected")),
        };
        let value = text.trim().parse();
        value.map(Whole).map_err(|_| D::Error::custom(format!("`{text}` is not a whole number")))
    }
}

/// Microseconds since 1970, or of a length: not below zero.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Micros(pub(super) u64);

impl<'de> Deserialize<'de> for Micros {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Micros, D::Error> {
        let micros = Whole::deserialize(from)?.unsigned();
        micros.map(Micros).ok_or_else(|| D::Error::custom("a time of 0 us or more was expected"))
    }
}

/// An id of at most 32 hexadecimal digits, or another text, for which a hash stands.
pub(super) fn loose_id(text: &str, findings: &mut Vec<Finding>) -> u128 {
    let hex = text.len() <= 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let id = if hex { u128::from_str_radix(text, 16).ok() } else { None };
    id.filter(|id| *id != 0).unwrap_or_else(|| {
        let short: String = text.chars().take(40).collect();
        let text_of =
            format!("`{short}` is no id of 1 to 32 hexadecimal digits; a hash stands for it");
        findings.push(Finding { kind: FindingKind::OddId, trace: 0, span: 0, text: text_of });
        xxh3_128(text.as_bytes()).max(1)
    })
}

/// The same for a span's id, of 16 digits.
pub(super) fn loose_span_id(text: &str, findings: &mut Vec<Finding>) -> u64 {
    let id = loose_id(text, findings);
    u64::try_from(id).unwrap_or_else(|_| xxh3_64(text.as_bytes()).max(1))
}

/// A value as text, where the format has no other values.
pub(super) fn plain(value: &Value) -> Option<String> {
    (*value != Value::Empty).then(|| value.to_string())
}
