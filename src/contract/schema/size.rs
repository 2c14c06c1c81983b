//! Whether a schema's text can be worked with: its size once references are followed.

use rustc_hash::FxHashMap;
use serde_json::Value;

/// The most parts of a schema for which set algebra is tried, references followed.
pub(super) const LARGEST_FOR_ALGEBRA: u64 = 5_000;
/// The most parts of a schema's text.
const LARGEST: usize = 1_000_000;
/// The longest chain of references from schema to schema before a cycle or an end.
const LONGEST_CHAIN: usize = 256;

/// An error for texts that no validator should be given.
pub(super) fn check(text: &Value) -> Result<(), (String, String)> {
    if !text.is_object() && !text.is_boolean() {
        return Err((String::new(), "a JSON Schema is an object or a boolean".into()));
    }
    if parts(text) > LARGEST {
        return Err((String::new(), format!("the schema has more than {LARGEST} parts")));
    }
    match longest_chain(text) {
        Some(at) => Err((at, format!("a chain of more than {LONGEST_CHAIN} references"))),
        None => Ok(()),
    }
}

fn parts(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(parts).sum::<usize>(),
        Value::Object(fields) => fields.values().map(parts).sum::<usize>(),
        _ => 0,
    }
}

/// The first reference that leaves the text, and its pointer.
pub(super) fn foreign_reference(text: &Value) -> Option<(String, String)> {
    let mut found = None;
    each_reference(text, "", &mut |at, reference| {
        if !reference.starts_with('#') && found.is_none() {
            found = Some((format!("{at}/$ref"), reference.to_owned()));
        }
    });
    found
}

fn each_reference(value: &Value, at: &str, visit: &mut impl FnMut(&str, &str)) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                each_reference(item, &format!("{at}/{index}"), visit);
            }
        }
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                visit(at, reference);
            }
            for (key, field) in fields {
                if !["enum", "const", "default", "example", "examples"].contains(&key.as_str()) {
                    each_reference(field, &crate::document::join(at, key), visit);
                }
            }
        }
        _ => {}
    }
}

/// How many parts the schema has once its references are followed, each cycle once.
pub(super) fn expanded(text: &Value) -> u64 {
    let mut walk = Walk { root: text, known: FxHashMap::default() };
    walk.size(text)
}

struct Walk<'a> {
    root: &'a Value,
    /// None while a reference is being followed.
    known: FxHashMap<&'a str, Option<u64>>,
}

impl<'a> Walk<'a> {
    fn size(&mut self, value: &'a Value) -> u64 {
        let inside = match value {
            Value::Array(items) => items.iter().fold(0, |n: u64, v| n.saturating_add(self.size(v))),
            Value::Object(fields) => {
                let own = fields
                    .iter()
                    .filter(|(key, _)| *key != "$defs" && *key != "definitions")
                    .fold(0u64, |n, (_, field)| n.saturating_add(self.size(field)));
                match fields.get("$ref") {
                    Some(Value::String(reference)) => own.saturating_add(self.target(reference)),
                    _ => own,
                }
            }
            _ => 0,
        };
        inside.saturating_add(1)
    }

    fn target(&mut self, reference: &'a str) -> u64 {
        if let Some(known) = self.known.get(reference) {
            return known.unwrap_or(1);
        }
        let Some(target) = resolve(self.root, reference) else { return 1 };
        self.known.insert(reference, None);
        let size = self.size(target);
        self.known.insert(reference, Some(size));
        size
    }
}

/// What a reference inside of the text points at.
fn resolve<'a>(root: &'a Value, reference: &str) -> Option<&'a Value> {
    root.pointer(reference.strip_prefix('#')?)
}

/// Follows chains of references that stand alone, without recursion.
fn longest_chain(text: &Value) -> Option<String> {
    let mut found = None;
    let mut total = 0usize;
    each_reference(text, "", &mut |at, reference| {
        if found.is_some() || total > LARGEST {
            return;
        }
        let (mut next, mut steps) = (resolve(text, reference), 0);
        while let Some(Value::Object(fields)) = next {
            let Some(Value::String(reference)) = fields.get("$ref") else { break };
            (next, steps, total) = (resolve(text, reference), steps + 1, total + 1);
            if steps > LONGEST_CHAIN || total > LARGEST {
                // A cycle of references alone never ends: a validator says so itself.
                if !cycles(text, reference) {
                    found.get_or_insert(at.to_owned());
                }
                break;
            }
        }
    });
    found
}

fn cycles(text: &Value, start: &str) -> bool {
    let mut seen = std::collections::BTreeSet::new();
    let mut next = start;
    while seen.insert(next) {
        let target = resolve(text, next).and_then(|target| target.get("$ref"));
        let Some(reference) = target.and_then(Value::as_str) else { return false };
        next = reference;
    }
    true
}
