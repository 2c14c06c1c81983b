//! Durations as people write them: `120ms`, `2s`, `1h`, `250us`, and `-200ms` where a sign means something.
//!
//! Text and number are exact: what is written is read back to the nanosecond.

use std::fmt;
use std::time::Duration;

use serde::de::{Error, Visitor};

/// The units of a duration, each with its length in nanoseconds, shortest first.
pub const UNITS: [(&str, u64); 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

/// `duration` in the largest unit that it is a whole number of: `1500ms`, `2s`, `0s`.
///
/// ```
/// use std::time::Duration;
/// use stormglass::chaos::text;
///
/// assert_eq!(text::show(Duration::from_millis(1_500)), "1500ms");
/// assert_eq!(text::show(Duration::from_secs(7_200)), "2h");
/// ```
#[must_use]
pub fn show(duration: Duration) -> String {
    show_nanos(crate::time::nanos(duration))
}

/// A signed number of nanoseconds in the same form: `-200ms`.
#[must_use]
pub fn show_signed(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    format!("{sign}{}", show_nanos(nanos.unsigned_abs()))
}

fn show_nanos(nanos: u64) -> String {
    if nanos == 0 {
        return "0s".to_owned();
    }
    let whole = UNITS.iter().rev().find(|(_, length)| nanos.is_multiple_of(*length));
    let (unit, length) = whole.expect("one nanosecond divides everything");
    format!("{}{unit}", nanos / length)
}

/// Reads a duration: a number, a fraction if need be, and a unit.
///
/// # Errors
///
/// Says what is wrong: no number, no unit, a unit that does not exist (the units are listed), a
/// sign, a fraction of a nanosecond, or more than 584 years.
pub fn parse(text: &str) -> Result<Duration, String> {
    if text.trim_start().starts_with('-') {
        return Err(format!("`{text}` is negative; only the step of a clock may be"));
    }
    parse_nanos(text, text).map(Duration::from_nanos)
}

/// Reads a duration that may be negative, in nanoseconds.
///
/// # Errors
///
/// As [`parse`], and for more than 292 years.
pub fn parse_signed(text: &str) -> Result<i64, String> {
    let (sign, rest) = match text.trim_start().strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let nanos = i64::try_from(parse_nanos(text, rest)?);
    nanos.map(|n| sign * n).map_err(|_| format!("`{text}` is longer than 292 years"))
}

/// `whole` is what was written, for the message; `text` is that without its sign.
fn parse_nanos(whole: &str, text: &str) -> Result<u64, String> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = (&text[..split], text[split..].trim_start());
    if number.is_empty() {
        return Err(format!(
            "`{whole}` is not a duration: write a number and a unit, like `120ms`"
        ));
    }
    let length = unit_length(whole, unit)?;
    let (integer, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let nanos = scaled(integer, length).zip(fraction_of(fraction, length));
    nanos
        .and_then(|(integer, fraction)| integer.checked_add(fraction))
        .ok_or_else(|| format!("`{whole}` is not a whole number of nanoseconds below 584 years"))
}

fn unit_length(whole: &str, unit: &str) -> Result<u64, String> {
    let unit = if unit == "µs" || unit == "μs" { "us" } else { unit };
    let known = UNITS.iter().find(|(name, _)| *name == unit);
    known.map(|(_, length)| *length).ok_or_else(|| {
        let names: Vec<&str> = UNITS.iter().map(|(name, _)| *name).collect();
        let wrong = match unit {
            "" => "has no unit".to_owned(),
            unit => format!("has an unknown unit `{unit}`"),
        };
        format!("`{whole}` {wrong}; the units are {}", names.join(", "))
    })
}

fn scaled(digits: &str, length: u64) -> Option<u64> {
    digits.parse::<u64>().ok()?.checked_mul(length)
}

/// The nanoseconds of `0.digits` units; none if that is not a whole number.
fn fraction_of(digits: &str, length: u64) -> Option<u64> {
    let numerator = scaled(digits, length)?;
    let denominator = 10_u64.checked_pow(u32::try_from(digits.len()).ok()?)?;
    numerator.is_multiple_of(denominator).then_some(numerator / denominator)
}

/// What reads a duration: a number alone is told what it lacks.
struct Text;

impl Visitor<'_> for Text {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration with its unit (\"100ms\")")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<String, E> {
        Err(E::custom(unitless(number)))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<String, E> {
        Err(E::custom(unitless(number)))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<String, E> {
        Err(E::custom(unitless(number)))
    }
}

fn unitless(number: impl fmt::Display) -> String {
    let names: Vec<&str> = UNITS.iter().map(|(name, _)| *name).collect();
    format!("`{number}` has no unit; write \"{number}ms\", or another of {}", names.join(", "))
}

/// `#[serde(with = "text::duration")]`: a [`Duration`] as text.
pub mod duration {
    use std::time::Duration;

    use serde::{Deserializer, Serializer, de::Error};

    /// Writes it as [`super::show`] does.
    ///
    /// # Errors
    ///
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(duration: &Duration, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&super::show(*duration))
    }

    /// Reads it as [`super::parse`] does.
    ///
    /// # Errors
    ///
    /// Those of [`super::parse`], and if it is not a text at all.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
        super::parse(&d.deserialize_any(super::Text)?).map_err(D::Error::custom)
    }
}

/// `#[serde(with = "text::maybe")]`: an `Option<Duration>` as text; absent is none.
pub mod maybe {
    use std::time::Duration;

    use serde::{Deserializer, Serializer};

    /// Writes it as [`super::show`] does.
    ///
    /// # Errors
    ///
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(duration: &Option<Duration>, s: S) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => super::duration::serialize(duration, s),
            None => s.serialize_none(),
        }
    }

    /// Reads it as [`super::parse`] does.
    ///
    /// # Errors
    ///
    /// Those of [`super::parse`], and if it is not a text at all.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Duration>, D::Error> {
        super::duration::deserialize(d).map(Some)
    }
}

/// `#[serde(with = "text::signed")]`: nanoseconds that may be negative, as text.
pub mod signed {
    use serde::{Deserializer, Serializer, de::Error};

    /// Writes them as [`super::show_signed`] does.
    ///
    /// # Errors
    ///
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(nanos: &i64, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&super::show_signed(*nanos))
    }

    /// Reads them as [`super::parse_signed`] does.
    ///
    /// # Errors
    ///
    /// Those of [`super::parse_signed`], and if it is not a text at all.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<i64, D::Error> {
        super::parse_signed(&d.deserialize_any(super::Text)?).map_err(D::Error::custom)
    }
}
