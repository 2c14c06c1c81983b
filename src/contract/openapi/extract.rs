//! A schema out of an OpenAPI document, as a JSON Schema 2020-12 that stands alone.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::document::{Document, join};
use crate::error::Result;

/// Which way messages of a schema go: what is read-only is not in requests, what is write-only not
/// in responses (OpenAPI 3.1, `readOnly` and `writeOnly`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::contract) enum Way {
    Request,
    Response,
}

/// The most definitions that one schema may refer to.
const MOST_DEFINITIONS: usize = 5_000;

/// The schema at a pointer, with all that it refers to in `$defs`.
pub(super) fn extract(document: &Document, pointer: &str, old: bool, way: Way) -> Result<Value> {
    let mut taker = Taker { document, old, way, names: BTreeMap::new(), open: Vec::new() };
    let root = document.get(pointer).expect("the caller saw it");
    let mut text = taker.taken(root, pointer)?;
    let mut definitions = Map::new();
    while let Some((target, name)) = taker.open.pop() {
        let value = document.get(&target).expect("it was looked up when it was named");
        definitions.insert(name, taker.taken(value, &target)?);
    }
    // Their order is that of their names, not that of the walk.
    definitions.sort_keys();
    if let (Value::Object(fields), false) = (&mut text, definitions.is_empty()) {
        fields.insert("$defs".into(), Value::Object(definitions));
    }
    Ok(text)
}

struct Taker<'d> {
    document: &'d Document,
    old: bool,
    way: Way,
    /// Names of definitions by the pointers of what they define.
    names: BTreeMap<String, String>,
    open: Vec<(String, String)>,
}

impl Taker<'_> {
    fn taken(&mut self, schema: &Value, at: &str) -> Result<Value> {
        let fields = match schema {
            Value::Object(fields) => fields,
            Value::Bool(_) => return Ok(schema.clone()),
            _ => return Err(self.document.error(at, "a schema is an object")),
        };
        let mut taken = Map::new();
        if let Some(reference) = fields.get("$ref") {
            taken.insert("$ref".into(), self.reference(reference, at)?);
            if self.old {
                return Ok(Value::Object(taken));
            }
        }
        for (key, value) in fields {
            let at = join(at, key);
            if let Some(value) = self.keyword(key, value, &at)? {
                taken.insert(key.clone(), value);
            }
        }
        self.hide(fields, &mut taken);
        if self.old {
            older(fields, &mut taken);
        }
        bounded(fields, &mut taken);
        Ok(Value::Object(taken))
    }

    /// A keyword in JSON Schema 2020-12; none if it says nothing there.
    fn keyword(&mut self, key: &str, value: &Value, at: &str) -> Result<Option<Value>> {
        Ok(match key {
            // Which schema a message means: no validator asks, a comparison does.
            "discriminator" => Some(value.clone()),
            "$ref" | "nullable" | "xml" | "externalDocs" | "example" | "examples" | "readOnly"
            | "writeOnly" | "deprecated" | "description" | "title" | "default" | "$schema"
            | "$id" | "$comment" => None,
            key if key.starts_with("x-") => None,
            "properties" | "patternProperties" | "$defs" | "dependentSchemas" => match value {
                Value::Object(inner) => {
                    let mut all = Map::new();
                    for (name, schema) in inner {
                        all.insert(name.clone(), self.taken(schema, &join(at, name))?);
                    }
                    Some(Value::Object(all))
                }
                _ => return Err(self.document.error(at, "an object of schemas was expected")),
            },
            "allOf" | "anyOf" | "oneOf" | "prefixItems" => match value {
                Value::Array(inner) => {
                    let taken = inner.iter().enumerate();
                    let taken =
                        taken.map(|(index, schema)| self.taken(schema, &format!("{at}/{index}")));
                    Some(Value::Array(taken.collect::<Result<_>>()?))
                }
                _ => return Err(self.document.error(at, "a list of schemas was expected")),
            },
            "items"
            | "not"
            | "additionalProperties"
            | "propertyNames"
            | "contains"
            | "if"
            | "then"
            | "else"
            | "unevaluatedProperties"
            | "unevaluatedItems" => Some(self.taken(value, at)?),
            // A list with nothing required is none in drafts before 6, and in many files.
            "exclusiveMinimum" | "exclusiveMaximum" if value.is_boolean() => None,
            "required" if !value.is_array() => None,
            // `type: any` and the like come from converters.
            _ => Some(value.clone()),
        })
    }

    fn reference(&mut self, reference: &Value, at: &str) -> Result<Value> {
        let at = format!("{at}/$ref");
        let Value::String(reference) = reference else {
            return Err(self.document.error(&at, "a reference is a text"));
        };
        let Some(target) = reference.strip_prefix('#') else {
            return Err(self.document.error(&at, crate::contract::schema::foreign(reference)));
        };
        let target = super::check::decoded(target, false);
        if self.document.get(&target).is_none() {
            let reason = format!("`$ref` to `{reference}`: there is nothing");
            return Err(self.document.error(&at, reason));
        }
        if let Some(name) = self.names.get(&target) {
            return Ok(json!(format!("#/$defs/{name}")));
        }
        if self.names.len() >= MOST_DEFINITIONS {
            let reason = format!("more than {MOST_DEFINITIONS} definitions in one schema");
            return Err(self.document.error(&at, reason));
        }
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        let last: String =
            target.rsplit('/').next().unwrap_or_default().chars().map(plain).collect();
        let taken = |name: &str| self.names.values().any(|known| known == name);
        let name = match taken(&last) || last.is_empty() {
            true => format!("{last}_{}", self.names.len()),
            false => last,
        };
        self.names.insert(target.clone(), name.clone());
        self.open.push((target, name.clone()));
        Ok(json!(format!("#/$defs/{name}")))
    }

    /// Takes away properties that do not go this way: nobody sends them, nobody needs them.
    fn hide(&self, fields: &Map<String, Value>, taken: &mut Map<String, Value>) {
        let flag = match self.way {
            Way::Request => "readOnly",
            Way::Response => "writeOnly",
        };
        let Some(Value::Object(properties)) = fields.get("properties") else { return };
        let hidden: Vec<&String> = properties
            .iter()
            .filter(|(_, schema)| schema.get(flag) == Some(&Value::Bool(true)))
            .map(|(name, _)| name)
            .collect();
        for name in hidden {
            if let Some(Value::Object(properties)) = taken.get_mut("properties") {
                properties.insert(name.clone(), Value::Bool(false));
            }
            if let Some(Value::Array(required)) = taken.get_mut("required") {
                required.retain(|known| known.as_str() != Some(name));
            }
        }
    }
}

/// What OpenAPI 3.0 writes differently.
fn older(fields: &Map<String, Value>, taken: &mut Map<String, Value>) {
    for (limit, exclusive) in [("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")] {
        if fields.get(exclusive) == Some(&Value::Bool(true))
            && let Some(bound) = taken.remove(limit)
        {
            taken.insert(exclusive.into(), bound);
        }
    }
    if fields.get("nullable") != Some(&Value::Bool(true)) {
        return;
    }
    let combines = ["allOf", "anyOf", "oneOf"].iter().any(|key| taken.contains_key(*key));
    match taken.get("type") {
        Some(Value::String(own)) => {
            let types = json!([own, "null"]);
            taken.insert("type".into(), types);
            if let Some(Value::Array(all)) = taken.get_mut("enum")
                && !all.contains(&Value::Null)
            {
                all.push(Value::Null);
            }
        }
        // Beside combined schemas without a type of its own, what people mean is "or null".
        None if combines => {
            let whole = std::mem::take(taken);
            taken.insert("anyOf".into(), json!([whole, { "type": "null" }]));
        }
        _ => {}
    }
}

/// The widths of numbers, which OpenAPI writes as formats.
fn bounded(fields: &Map<String, Value>, taken: &mut Map<String, Value>) {
    if fields.get("type").and_then(Value::as_str) != Some("integer") {
        return;
    }
    let (least, most) = match fields.get("format").and_then(Value::as_str) {
        Some("int32") => (i64::from(i32::MIN), i64::from(i32::MAX)),
        Some("int64") => (i64::MIN, i64::MAX),
        _ => return,
    };
    if !taken.contains_key("minimum") && !taken.contains_key("exclusiveMinimum") {
        taken.insert("minimum".into(), json!(least));
    }
    if !taken.contains_key("maximum") && !taken.contains_key("exclusiveMaximum") {
        taken.insert("maximum".into(), json!(most));
    }
}
