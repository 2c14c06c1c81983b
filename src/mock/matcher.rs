//! What a text, a JSON document or a list of values is compared with.

use std::borrow::Cow;
use std::cell::OnceCell;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::date::{DateTime, Pattern};
use super::json_equal::JsonShape;
use super::json_path::{Found, JsonPath};
use super::pairs::unmatched;
use super::regex::Regex;
use crate::journal::{Entry, Kind as Event};
use crate::kernel::current;

/// Texts above this length are not compared letter by letter for a near miss.
const COMPARED_MAX: usize = 1_000;

/// A condition on one value: a header, a query parameter, a body.
///
/// ```
/// use stormglass::mock::Matcher;
///
/// assert!(Matcher::containing("late").is_match("chocolate"));
/// assert!(Matcher::json_path("$.items[?(@.price > 10)]").is_match(r#"{"items":[{"price":12}]}"#));
/// assert!(!Matcher::equal_to("a").or(Matcher::equal_to("b")).is_match("c"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Matcher(pub(crate) Kind);

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    EqualTo {
        text: String,
        any_case: bool,
    },
    BinaryEqualTo(Vec<u8>),
    Contains(String),
    DoesNotContain(String),
    Matches(Regex),
    DoesNotMatch(Regex),
    EqualToJson {
        shape: JsonShape,
        expected: Value,
    },
    JsonPath {
        path: JsonPath,
        inner: Option<Box<Matcher>>,
    },
    Time {
        order: Order,
        expected: When,
        format: Option<Pattern>,
    },
    Absent,
    Anything,
    And(Vec<Matcher>),
    Or(Vec<Matcher>),
    Not(Box<Matcher>),
    /// As many values as matchers, each fitting one of its own.
    HasExactly(Vec<Matcher>),
    /// Each matcher fits some value.
    Includes(Vec<Matcher>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Before,
    After,
    Same,
}

/// A point of time that a mapping names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum When {
    At(DateTime),
    /// The mock's own wall clock, moved by an amount of a unit.
    Now {
        amount: i64,
        unit: String,
    },
}

/// A value that is matched, and what it was read as.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    /// None where there is no such value; an empty body is none.
    bytes: Option<Cow<'a, [u8]>>,
    text: OnceCell<String>,
    json: OnceCell<Option<Value>>,
    /// Milliseconds since 1970 on the clock of who matches.
    now: i64,
}

impl<'a> Subject<'a> {
    pub(crate) fn new(bytes: Option<Cow<'a, [u8]>>, now: i64) -> Subject<'a> {
        Subject { bytes, text: OnceCell::new(), json: OnceCell::new(), now }
    }

    pub(crate) fn of_text(text: &'a str, now: i64) -> Subject<'a> {
        Subject::new(Some(Cow::Borrowed(text.as_bytes())), now)
    }

    /// Its text; bytes that are not UTF-8 are replaced.
    pub(crate) fn text(&self) -> Option<&str> {
        let bytes = self.bytes.as_deref()?;
        Some(match str::from_utf8(bytes) {
            Ok(text) => text,
            Err(_) => self.text.get_or_init(|| String::from_utf8_lossy(bytes).into_owned()),
        })
    }

    /// Itself as JSON, read once.
    fn json(&self) -> Option<&Value> {
        let read = || serde_json::from_slice(self.bytes.as_deref()?).ok();
        self.json.get_or_init(read).as_ref()
    }

    /// Itself as JSON for paths, which see a text that is no JSON as a string.
    fn json_for_paths(&self) -> Option<Cow<'_, Value>> {
        match self.json() {
            Some(Value::Null) => None,
            Some(value) => Some(Cow::Borrowed(value)),
            None => {
                let text = self.text().unwrap_or_default();
                let is_broken = text.trim_start().starts_with(['{', '[', '<']);
                (!is_broken).then(|| Cow::Owned(Value::String(text.to_owned())))
            }
        }
    }
}

/// Conditions for stubs that are written in Rust.
impl Matcher {
    /// Equal to the text.
    #[must_use]
    pub fn equal_to(text: impl Into<String>) -> Matcher {
        Matcher(Kind::EqualTo { text: text.into(), any_case: false })
    }

    /// Equal to the text but for upper and lower case.
    #[must_use]
    pub fn equal_to_any_case(text: impl Into<String>) -> Matcher {
        Matcher(Kind::EqualTo { text: text.into(), any_case: true })
    }

    /// Has the text in it.
    #[must_use]
    pub fn containing(text: impl Into<String>) -> Matcher {
        Matcher(Kind::Contains(text.into()))
    }

    /// Is as a whole what the regular expression (of Java's kind) describes.
    ///
    /// # Panics
    ///
    /// If it is no regular expression.
    #[must_use]
    #[track_caller]
    pub fn matching(regex: &str) -> Matcher {
        Matcher(Kind::Matches(Regex::whole(regex).unwrap_or_else(|e| panic!("{e}"))))
    }

    /// JSON that is equal to this, whatever the order of keys; numbers by value. Placeholders such as
    /// `"${json-unit.any-string}"` stand for many values.
    ///
    /// # Panics
    ///
    /// If a placeholder is not known.
    #[must_use]
    #[track_caller]
    pub fn equal_to_json(expected: Value) -> Matcher {
        Matcher::json(expected, false)
    }

    /// JSON that has at least what this has, arrays in any order.
    ///
    /// # Panics
    ///
    /// If a placeholder is not known.
    #[must_use]
    #[track_caller]
    pub fn including_json(expected: Value) -> Matcher {
        Matcher::json(expected, true)
    }

    #[track_caller]
    fn json(expected: Value, lenient: bool) -> Matcher {
        let shape = JsonShape::new(&expected, lenient, lenient).unwrap_or_else(|e| panic!("{e}"));
        Matcher(Kind::EqualToJson { shape, expected })
    }

    /// JSON in which the path (of Jayway's dialect) finds something.
    ///
    /// # Panics
    ///
    /// If it is no path.
    #[must_use]
    #[track_caller]
    pub fn json_path(path: &str) -> Matcher {
        let path = JsonPath::compile(path).unwrap_or_else(|e| panic!("{e}"));
        Matcher(Kind::JsonPath { path, inner: None })
    }

    /// JSON in which the path finds something that fits.
    ///
    /// # Panics
    ///
    /// If it is no path.
    #[must_use]
    #[track_caller]
    pub fn json_path_is(path: &str, inner: Matcher) -> Matcher {
        let path = JsonPath::compile(path).unwrap_or_else(|e| panic!("{e}"));
        Matcher(Kind::JsonPath { path, inner: Some(Box::new(inner)) })
    }

    /// There is no such value.
    #[must_use]
    pub fn absent() -> Matcher {
        Matcher(Kind::Absent)
    }

    /// Anything, or nothing.
    #[must_use]
    pub fn anything() -> Matcher {
        Matcher(Kind::Anything)
    }

    /// Fits this and another one.
    #[must_use]
    pub fn and(self, other: Matcher) -> Matcher {
        Matcher(Kind::And(vec![self, other]))
    }

    /// Fits this or another one.
    #[must_use]
    pub fn or(self, other: Matcher) -> Matcher {
        Matcher(Kind::Or(vec![self, other]))
    }

    /// Does not fit this.
    #[must_use]
    pub fn negated(self) -> Matcher {
        Matcher(Kind::Not(Box::new(self)))
    }

    /// Whether a text fits. Conditions on "now" see 1970.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.matches(&Subject::of_text(text, 0))
    }
}

impl Matcher {
    pub(crate) fn matches(&self, subject: &Subject<'_>) -> bool {
        let text = || subject.text();
        match &self.0 {
            Kind::EqualTo { text: wanted, any_case: false } => text() == Some(wanted),
            Kind::EqualTo { text: wanted, any_case: true } => {
                text().is_some_and(|text| text.to_lowercase() == wanted.to_lowercase())
            }
            Kind::BinaryEqualTo(wanted) => subject.bytes.as_deref() == Some(wanted),
            Kind::Contains(part) => text().is_some_and(|text| text.contains(part.as_str())),
            Kind::DoesNotContain(part) => !text().is_some_and(|text| text.contains(part.as_str())),
            Kind::Matches(regex) => text().is_some_and(|text| regex.is_match(text)),
            Kind::DoesNotMatch(regex) => !text().is_some_and(|text| regex.is_match(text)),
            Kind::EqualToJson { shape, .. } => {
                subject.json().is_some_and(|json| shape.distance(json) == 0.0)
            }
            Kind::JsonPath { path, inner } => {
                path_matches(path, inner.as_deref(), subject).unwrap_or(false)
            }
            Kind::Time { order, expected, format } => {
                text().is_some_and(|text| in_time(text, *order, expected, format, subject.now))
            }
            Kind::Absent => subject.bytes.is_none(),
            Kind::Anything => true,
            Kind::And(all) => all.iter().all(|matcher| matcher.matches(subject)),
            Kind::Or(any) => any.iter().any(|matcher| matcher.matches(subject)),
            Kind::Not(matcher) => !matcher.matches(subject),
            Kind::HasExactly(all) | Kind::Includes(all) => match all.as_slice() {
                [only] => only.matches(subject),
                _ => false,
            },
        }
    }

    /// Whether a list of values fits: some value, or their absence.
    pub(crate) fn matches_any(&self, values: &[Subject<'_>]) -> bool {
        match &self.0 {
            Kind::HasExactly(all) => {
                let fits = |m: usize, v: usize| all[m].matches(&values[v]);
                all.len() == values.len() && unmatched(all.len(), values.len(), fits) == 0
            }
            Kind::Includes(all) => all.iter().all(|m| values.iter().any(|v| m.matches(v))),
            _ if values.is_empty() => self.matches(&Subject::new(None, 0)),
            _ => values.iter().any(|value| self.matches(value)),
        }
    }

    /// How far a value is from fitting: 0 if it fits, at most 1.
    pub(crate) fn distance(&self, subject: &Subject<'_>) -> f64 {
        if self.matches(subject) {
            return 0.0;
        }
        let distance = match &self.0 {
            Kind::EqualTo { text: wanted, .. } => match subject.text() {
                Some(text) => text_distance(wanted, text),
                None => 1.0,
            },
            Kind::EqualToJson { shape, .. } => {
                subject.json().map_or(1.0, |json| shape.distance(json))
            }
            Kind::And(all) => {
                let sum: f64 = all.iter().map(|matcher| matcher.distance(subject)).sum();
                sum / all.len().max(1) as f64
            }
            Kind::Or(any) => any.iter().map(|m| m.distance(subject)).fold(1.0, f64::min),
            _ => 1.0,
        };
        distance.max(f64::MIN_POSITIVE)
    }

    /// How far a list of values is from fitting.
    pub(crate) fn distance_of_any(&self, values: &[Subject<'_>]) -> f64 {
        if self.matches_any(values) {
            return 0.0;
        }
        values.iter().map(|value| self.distance(value)).fold(1.0, f64::min)
    }
}

/// How far two texts are apart, at most 1.
pub(crate) fn text_distance(wanted: &str, text: &str) -> f64 {
    match wanted.len() > COMPARED_MAX || text.len() > COMPARED_MAX {
        true => 1.0,
        false => 1.0 - strsim::normalized_levenshtein(wanted, text),
    }
}

/// Tells the journal, if there is one, of what is wrong with the mock that matches.
fn note(text: String) {
    current::try_with(|kernel| kernel.record_text(Entry::new(Event::Note, kernel.node()), text));
}

/// None if the subject is no JSON, or the path leads nowhere.
fn path_matches(path: &JsonPath, inner: Option<&Matcher>, subject: &Subject<'_>) -> Option<bool> {
    let json = subject.json_for_paths()?;
    let found = path.find(&json).unwrap_or_else(|given_up| {
        note(format!("{given_up}: taken for no match"));
        None
    });
    let found = found.map(Found::into_value).filter(|value| !value.is_null());
    let Some(inner) = inner else {
        return Some(match found? {
            Value::Array(list) => !list.is_empty(),
            Value::Object(map) => !map.is_empty(),
            _ => true,
        });
    };
    let is_nothing = match &found {
        None => true,
        Some(Value::Array(list)) => list.is_empty(),
        Some(_) => false,
    };
    if is_nothing && inner.0 == Kind::Absent {
        return Some(true);
    }
    let fits = |value: &Value| {
        let text = to_text(value);
        inner.matches(&Subject::of_text(&text, subject.now))
    };
    Some(match found? {
        Value::Array(list) => {
            let whole = || matches!(inner.0, Kind::EqualToJson { .. });
            list.iter().any(fits) || whole() && fits(&Value::Array(list))
        }
        value => fits(&value),
    })
}

/// A text without its quotes, everything else as JSON.
pub(crate) fn to_text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        _ => Cow::Owned(value.to_string()),
    }
}

fn in_time(text: &str, order: Order, expected: &When, format: &Option<Pattern>, now: i64) -> bool {
    let actual = match format {
        Some(pattern) => pattern.parse(text),
        None => DateTime::parse(text),
    };
    let expected = match expected {
        When::At(at) => Some(*at),
        When::Now { amount, unit } => DateTime::of_unix_millis(now).plus(*amount, unit).ok(),
    };
    let Some((actual, expected)) = actual.zip(expected) else { return false };
    let expected_is = expected.compare(actual);
    match order {
        Order::Before => expected_is.is_gt(),
        Order::After => expected_is.is_lt(),
        Order::Same => expected_is.is_eq(),
    }
}

/// The bytes of a base64 text.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text.trim()).ok()
}

/// Bytes as base64.
pub(crate) fn to_base64(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

/// How a near miss names it: `equalTo "x"`.
impl std::fmt::Display for Matcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list = |f: &mut std::fmt::Formatter<'_>, word: &str, all: &[Matcher]| {
            f.write_str("(")?;
            for (index, matcher) in all.iter().enumerate() {
                if index > 0 {
                    write!(f, " {word} ")?;
                }
                write!(f, "{matcher}")?;
            }
            f.write_str(")")
        };
        match &self.0 {
            Kind::EqualTo { text, any_case: false } => write!(f, "equalTo {text:?}"),
            Kind::EqualTo { text, any_case: true } => write!(f, "equalTo {text:?} in any case"),
            Kind::BinaryEqualTo(bytes) => write!(f, "binaryEqualTo {}", to_base64(bytes)),
            Kind::Contains(text) => write!(f, "contains {text:?}"),
            Kind::DoesNotContain(text) => write!(f, "doesNotContain {text:?}"),
            Kind::Matches(regex) => write!(f, "matches {}", regex.source()),
            Kind::DoesNotMatch(regex) => write!(f, "doesNotMatch {}", regex.source()),
            Kind::EqualToJson { expected, .. } => write!(f, "equalToJson {expected}"),
            Kind::JsonPath { path, inner: None } => write!(f, "matchesJsonPath {}", path.source()),
            Kind::JsonPath { path, inner: Some(inner) } => {
                write!(f, "matchesJsonPath {} {inner}", path.source())
            }
            Kind::Time { order, expected, .. } => {
                let order = match order {
                    Order::Before => "before",
                    Order::After => "after",
                    Order::Same => "equalToDateTime",
                };
                match expected {
                    When::At(at) => write!(f, "{order} {}", at.to_iso()),
                    When::Now { amount: 0, .. } => write!(f, "{order} now"),
                    When::Now { amount, unit } => write!(f, "{order} now {amount:+} {unit}"),
                }
            }
            Kind::Absent => f.write_str("absent"),
            Kind::Anything => f.write_str("anything"),
            Kind::And(all) => list(f, "and", all),
            Kind::Or(any) => list(f, "or", any),
            Kind::Not(matcher) => write!(f, "not {matcher}"),
            Kind::HasExactly(all) => {
                f.write_str("hasExactly ")?;
                list(f, ",", all)
            }
            Kind::Includes(all) => {
                f.write_str("includes ")?;
                list(f, ",", all)
            }
        }
    }
}
