//! A recursive schema, rewritten so that its root has a name.
//!
//! Two versions of a schema that refer to `#` mean two different things by it; the algebra tells
//! definitions apart by name, but has no name for a root.

use jsonschema::Draft;
use serde_json::{Map, Value, json};

/// The schema as a definition `name`, and a reference to it.
pub(super) fn hoisted(text: &Value, draft: Draft, name: &str) -> Value {
    let key = match draft {
        Draft::Draft4 | Draft::Draft6 | Draft::Draft7 => "definitions",
        _ => "$defs",
    };
    let prefix = format!("#/{key}/{name}");
    let mut root = text.clone();
    if let Value::Object(fields) = &mut root {
        for own in ["$id", "id", "$schema"] {
            fields.remove(own);
        }
    }
    rewrite(&mut root, &prefix);
    let mut definitions = Map::new();
    definitions.insert(name.to_owned(), root);
    json!({ key: definitions, "$ref": prefix })
}

fn rewrite(value: &mut Value, prefix: &str) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| rewrite(item, prefix)),
        Value::Object(fields) => {
            for (key, field) in fields {
                match (key.as_str(), &mut *field) {
                    ("enum" | "const" | "default" | "examples", _) => {}
                    ("$ref", Value::String(reference)) if reference == "#" => {
                        *reference = prefix.to_owned();
                    }
                    ("$ref", Value::String(reference)) if reference.starts_with("#/") => {
                        reference.replace_range(..1, prefix);
                    }
                    _ => rewrite(field, prefix),
                }
            }
        }
        _ => {}
    }
}
