//! Values that are written as text in paths, headers and forms (OpenAPI 3.1, style values).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Parameter;
use super::check::decoded_query;
use crate::contract::schema::Schema;

/// The most members of a form that are looked at.
const MOST: usize = 100;

type Members = BTreeMap<String, Vec<String>>;

impl Parameter {
    /// A value without the sign that its style begins with: `.5` and `;id=5` are `5`.
    pub(super) fn unstyled<'t>(&self, text: &'t str) -> &'t str {
        match self.style.as_str() {
            "label" => text.strip_prefix('.').unwrap_or(text),
            "matrix" => self.unnamed(text.strip_prefix(';').unwrap_or(text)),
            _ => text,
        }
    }

    fn unnamed<'t>(&self, text: &'t str) -> &'t str {
        let named = text.strip_prefix(self.name.as_str());
        named.and_then(|rest| rest.strip_prefix('=')).unwrap_or(text)
    }

    /// The items of a list in one text.
    pub(super) fn parts(&self, text: &str) -> Vec<String> {
        let by = match (self.style.as_str(), self.explode) {
            ("spaceDelimited", _) => ' ',
            ("pipeDelimited", _) => '|',
            ("label", true) => '.',
            ("matrix", true) => ';',
            _ => ',',
        };
        let parts = self.unstyled(text).split(by);
        parts.map(|part| self.unnamed(part.trim()).to_owned()).collect()
    }

    /// The members of an object in one text; none where they are not in one, or written otherwise.
    pub(super) fn members(&self, text: &str) -> Option<Members> {
        if self.style != "simple" {
            return None;
        }
        let parts: Vec<&str> = text.split(',').collect();
        let pairs: Option<Vec<(&str, &str)>> = match self.explode {
            true => parts.iter().map(|part| part.split_once('=')).collect(),
            false => parts.chunks(2).map(|two| Some((*two.first()?, *two.get(1)?))).collect(),
        };
        let members =
            pairs?.into_iter().map(|(name, value)| (name.to_owned(), vec![value.to_owned()]));
        Some(members.collect())
    }
}

/// The object that a form sends; none if its members are written in a way that is not read.
pub(super) fn form(body: &[u8], schema: &Schema) -> Option<Value> {
    let members = decoded_query(std::str::from_utf8(body).ok()?);
    let is_plain = |name: &String| !name.contains(['[', '.']);
    (members.len() <= MOST && members.keys().all(is_plain)).then(|| read(members, schema))
}

/// Texts as the values that a schema takes: what it refuses as a text is read as a number, a truth
/// value or null, and one alone as a list of one.
pub(super) fn read(members: Members, schema: &Schema) -> Value {
    let text = |mut values: Vec<String>| match values.len() {
        1 => Value::String(values.remove(0)),
        _ => values.into_iter().map(Value::String).collect(),
    };
    let members: Map<String, Value> =
        members.into_iter().map(|(name, values)| (name, text(values))).collect();
    let mut value = Value::Object(members);
    let mut refused = schema.refusals(&value, MOST);
    for (at, _) in refused.clone() {
        let Some(Value::String(text)) = value.pointer(&at).cloned() else { continue };
        let scalar = serde_json::from_str::<Value>(&text).ok();
        let scalar = scalar.filter(|read| !read.is_object() && !read.is_array());
        let list = Value::Array(vec![Value::String(text)]);
        for other in scalar.into_iter().chain([list]) {
            let mut changed = value.clone();
            let Some(part) = changed.pointer_mut(&at) else { continue };
            *part = other;
            let still = schema.refusals(&changed, MOST);
            if still.len() < refused.len() {
                (value, refused) = (changed, still);
                break;
            }
        }
    }
    value
}
