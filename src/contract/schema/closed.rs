//! A schema whose sender sends only the properties that it names.

use serde_json::{Map, Value};

/// Keywords in which a closed schema would mean something else than in its place.
const MIXED: [&str; 7] =
    ["allOf", "not", "if", "unevaluatedProperties", "oneOf", "$dynamicRef", "contains"];

/// The canonical schema, with `additionalProperties: false` wherever it names properties and is
/// silent on others. None if nothing is silent, or if it is not said in one place what is named.
pub(super) fn closed(canonical: &Value) -> Option<Value> {
    if is_mixed(canonical) {
        return None;
    }
    let mut text = canonical.clone();
    close(&mut text).then_some(text)
}

fn is_mixed(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(is_mixed),
        Value::Object(fields) => fields.iter().any(|(key, field)| match key.as_str() {
            "const" | "enum" => false,
            "properties" | "patternProperties" | "$defs" | "definitions" => {
                field.as_object().is_some_and(|inner| inner.values().any(is_mixed))
            }
            key => MIXED.contains(&key) || is_mixed(field),
        }),
        _ => false,
    }
}

/// True if something was closed.
fn close(schema: &mut Value) -> bool {
    let Value::Object(fields) = schema else { return false };
    let mut any = false;
    for (key, field) in fields.iter_mut() {
        any |= match (key.as_str(), field) {
            ("const" | "enum" | "required" | "propertyNames", _) => false,
            (
                "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas",
                Value::Object(inner),
            ) => close_all(inner),
            (_, Value::Array(items)) => {
                items.iter_mut().filter_map(|item| close(item).then_some(())).count() > 0
            }
            (_, field) => close(field),
        };
    }
    let names = fields.contains_key("properties") || fields.contains_key("patternProperties");
    let is_silent = !fields.contains_key("additionalProperties");
    if names && is_silent {
        fields.insert("additionalProperties".into(), Value::Bool(false));
        // A required property that is not named stays possible.
        let required: Vec<String> =
            fields.get("required").and_then(Value::as_array).map_or_else(Vec::new, |all| {
                all.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
            });
        let properties = fields.entry("properties").or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(properties) = properties {
            for name in required {
                properties.entry(name).or_insert(Value::Bool(true));
            }
        }
        any = true;
    }
    any
}

fn close_all(fields: &mut Map<String, Value>) -> bool {
    // All of them, not only the first that can be.
    fields.values_mut().filter_map(|field| close(field).then_some(())).count() > 0
}
