//! An object of a document, with the place of each of its keys.

use serde_json::{Map, Value};

use crate::document::{Document, join};
use crate::error::{Error, Result, hint};

/// An object, and where it stands. A key whose value is `null` counts as not there.
#[derive(Clone, Debug)]
pub(super) struct Fields<'d> {
    pub(super) document: &'d Document,
    pub(super) pointer: String,
    map: &'d Map<String, Value>,
}

impl<'d> Fields<'d> {
    pub(super) fn of(document: &'d Document, pointer: &str) -> Result<Fields<'d>> {
        match document.get(pointer) {
            Some(Value::Object(map)) => Ok(Fields { document, pointer: pointer.to_owned(), map }),
            other => Err(document.error(pointer, expected("an object", other))),
        }
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &'d str> {
        self.map.iter().filter(|(_, value)| !value.is_null()).map(|(key, _)| key.as_str())
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    pub(super) fn value(&self, key: &str) -> Option<&'d Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    pub(super) fn pointer_of(&self, key: &str) -> String {
        join(&self.pointer, key)
    }

    /// An error about a key: `priority`: what is wrong with it.
    pub(super) fn error(&self, key: &str, reason: impl AsRef<str>) -> Error {
        let reason = format!("`{key}`: {}", reason.as_ref());
        self.document.error(&self.pointer_of(key), reason)
    }

    /// Refuses every other key: with its reason, or with the known one that is nearest.
    pub(super) fn known(&self, known: &[&str], unsupported: &[(&str, &str)]) -> Result {
        for key in self.keys() {
            if let Some((_, reason)) = unsupported.iter().find(|(name, _)| *name == key) {
                return Err(self.error(key, reason));
            }
            if !known.contains(&key) {
                let hint = hint(key, known.iter().copied());
                return Err(self.error(key, format!("this key is not supported{hint}")));
            }
        }
        Ok(())
    }

    fn of_kind<T>(
        &self,
        key: &str,
        kind: &str,
        read: impl Fn(&'d Value) -> Option<T>,
    ) -> Result<Option<T>> {
        match self.value(key) {
            None => Ok(None),
            Some(value) => match read(value) {
                Some(read) => Ok(Some(read)),
                None => Err(self.error(key, expected(kind, Some(value)))),
            },
        }
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<&'d str>> {
        self.of_kind(key, "a text", Value::as_str)
    }

    pub(super) fn truth(&self, key: &str) -> Result<Option<bool>> {
        self.of_kind(key, "`true` or `false`", Value::as_bool)
    }

    pub(super) fn list(&self, key: &str) -> Result<Option<&'d Vec<Value>>> {
        self.of_kind(key, "a list", Value::as_array)
    }

    /// A whole number between the two.
    pub(super) fn number(&self, key: &str, least: u64, most: u64) -> Result<Option<u64>> {
        let kind = format!("a whole number from {least} to {most}");
        let in_range = |value: &Value| value.as_u64().filter(|n| (least..=most).contains(n));
        self.of_kind(key, &kind, in_range)
    }

    /// A number that is finite and not negative.
    pub(super) fn real(&self, key: &str) -> Result<Option<f64>> {
        let fits = |value: &Value| value.as_f64().filter(|n| n.is_finite() && *n >= 0.0);
        self.of_kind(key, "a number that is not negative", fits)
    }

    pub(super) fn fields(&self, key: &str) -> Result<Option<Fields<'d>>> {
        match self.has(key) {
            true => self.of_kind(key, "an object", Value::as_object)?.map_or(Ok(None), |map| {
                let (document, pointer) = (self.document, self.pointer_of(key));
                Ok(Some(Fields { document, pointer, map }))
            }),
            false => Ok(None),
        }
    }
}

/// `an object was expected, not a text`
pub(super) fn expected(what: &str, found: Option<&Value>) -> String {
    let found = match found {
        None => "nothing",
        Some(Value::Null) => "null",
        Some(Value::Bool(_)) => "`true` or `false`",
        Some(Value::Number(_)) => "this number",
        Some(Value::String(_)) => "this text",
        Some(Value::Array(_)) => "a list",
        Some(Value::Object(_)) => "an object",
    };
    format!("{what} was expected, not {found}")
}
