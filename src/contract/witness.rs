//! Examples of messages, for showing that one schema accepts what another refuses.
//!
//! A bounded search, not a proof: from the text of schemas it makes values at their boundaries, and
//! whoever asks tries each of them on the validators.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Number, Value, json};

mod text;

/// The most values that are tried.
const MOST_TRIED: usize = 4_000;
/// The most values that are made for one part of a schema.
const MOST_OF_PART: usize = 160;
/// The most parts of schemas that are looked at.
const MOST_PARTS: usize = 3_000;
/// How deep schemas are followed.
const DEEPEST: usize = 7;

/// The shortest value made from `schemas` for which `shows` is true.
pub(super) fn find<'a>(
    schemas: impl IntoIterator<Item = &'a Value>,
    shows: impl Fn(&Value) -> bool,
) -> Option<Value> {
    for schema in schemas {
        let maker = Maker { root: schema, looked: Cell::new(0), known: RefCell::default() };
        let mut made = maker.values(schema, 0);
        made.extend(pool());
        let mut seen = BTreeSet::new();
        made.retain(|value| seen.insert(value.to_string()));
        made.sort_by_cached_key(|value| (value.to_string().len(), value.to_string()));
        if let Some(found) = made.into_iter().take(MOST_TRIED).find(|value| shows(value)) {
            return Some(found);
        }
    }
    None
}

/// Some value of each type.
fn pool() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!(-1),
        json!(0.5),
        json!(""),
        json!("a"),
        json!([]),
        json!([null]),
        json!({}),
        json!({ "a": null }),
    ]
}

struct Maker<'a> {
    root: &'a Value,
    looked: Cell<usize>,
    /// Values of definitions; empty while they are being made.
    known: RefCell<BTreeMap<String, Vec<Value>>>,
}

impl Maker<'_> {
    /// Values for a schema, most of which it accepts.
    fn values(&self, schema: &Value, depth: usize) -> Vec<Value> {
        let Value::Object(fields) = schema else {
            return if schema == &Value::Bool(false) { Vec::new() } else { pool() };
        };
        self.looked.set(self.looked.get() + 1);
        if depth > DEEPEST || self.looked.get() > MOST_PARTS {
            return pool();
        }
        let mut values = Vec::new();
        if let Some(only) = fields.get("const") {
            return vec![only.clone()];
        }
        if let Some(Value::Array(all)) = fields.get("enum") {
            values.extend(all.iter().cloned());
            return capped(values);
        }
        if let Some(Value::String(reference)) = fields.get("$ref") {
            values.extend(self.referred(reference, depth));
        }
        for key in ["anyOf", "oneOf", "allOf"] {
            for part in fields.get(key).and_then(Value::as_array).into_iter().flatten() {
                values.extend(self.values(&merged(fields, key, part), depth + 1));
            }
        }
        values.extend(self.typed(fields, depth));
        capped(values)
    }

    fn referred(&self, reference: &str, depth: usize) -> Vec<Value> {
        if let Some(known) = self.known.borrow().get(reference) {
            return known.clone();
        }
        let target = reference.strip_prefix('#').and_then(|at| self.root.pointer(at));
        let Some(target) = target else { return Vec::new() };
        self.known.borrow_mut().insert(reference.to_owned(), Vec::new());
        let values = self.values(target, depth + 1);
        self.known.borrow_mut().insert(reference.to_owned(), values.clone());
        values
    }

    /// Those that the schema accepts first: what is built from them has a chance. A schema that says
    /// no more than a type or what is in an object is not asked: what it makes first it accepts.
    fn best_first(&self, schema: &Value, mut values: Vec<Value>) -> Vec<Value> {
        let plain = ["type", "title", "description", "properties", "required", "items"];
        let says_more = |key: &String| !plain.contains(&key.as_str());
        if !schema.as_object().is_some_and(|fields| fields.keys().any(says_more)) {
            return values;
        }
        let mut alone = schema.clone();
        for key in ["$defs", "definitions"] {
            if let (Some(own), Some(fields)) = (self.root.get(key), alone.as_object_mut()) {
                fields.insert(key.to_owned(), own.clone());
            }
        }
        let options =
            jsonschema::options().with_draft(jsonschema::Draft::default().detect(self.root));
        if let Ok(validator) = options.offline().build(&alone) {
            values.sort_by_cached_key(|value| !validator.is_valid(value));
        }
        values
    }

    fn typed(&self, fields: &Map<String, Value>, depth: usize) -> Vec<Value> {
        let mut values = Vec::new();
        for name in types(fields) {
            values.extend(match name {
                "null" => vec![Value::Null],
                "boolean" => vec![json!(true), json!(false)],
                "integer" => numbers(fields, true),
                "number" => numbers(fields, false),
                "string" => text::strings(fields).into_iter().map(Value::String).collect(),
                "array" => self.arrays(fields, depth),
                _ => self.objects(fields, depth),
            });
        }
        values
    }

    fn arrays(&self, fields: &Map<String, Value>, depth: usize) -> Vec<Value> {
        let least = size(fields, "minItems").unwrap_or(0);
        let most = size(fields, "maxItems").unwrap_or(usize::MAX);
        let front = ["prefixItems", "items"].iter().find_map(|key| fields.get(*key)?.as_array());
        let front = front.map_or(&[][..], Vec::as_slice);
        let open = Value::Bool(true);
        let rest = fields.get("items").filter(|items| !items.is_array());
        let rest = rest.or_else(|| fields.get("additionalItems")).unwrap_or(&open);
        let contained = fields.get("contains");
        let rest = self.values(contained.unwrap_or(rest), depth + 1);
        let mut values = Vec::new();
        for length in [least, least.saturating_add(1), front.len(), most, most.saturating_add(1)] {
            if length > 64 {
                continue;
            }
            for turn in 0..rest.len().clamp(1, 6) {
                let item = |index: usize| match front.get(index) {
                    Some(schema) => {
                        let made = self.values(schema, depth + 1);
                        made.get(turn % made.len().max(1)).cloned()
                    }
                    None => rest.get((turn + index) % rest.len().max(1)).cloned(),
                };
                values.push((0..length).filter_map(item).collect());
                let same =
                    |index: usize| item(if index < front.len() { index } else { front.len() });
                values.push((0..length).filter_map(same).collect());
            }
        }
        capped(values)
    }

    fn objects(&self, fields: &Map<String, Value>, depth: usize) -> Vec<Value> {
        let none = Map::new();
        let properties = fields.get("properties").and_then(Value::as_object).unwrap_or(&none);
        let required = names(fields.get("required"));
        let made: Vec<(&str, Vec<Value>)> = properties
            .iter()
            .map(|(name, schema)| {
                let made = self.values(schema, depth + 1);
                (name.as_str(), self.best_first(schema, made))
            })
            .collect();
        let of = |name: &str| made.iter().find(|(own, _)| *own == name).map(|(_, made)| made);
        let mut base = Map::new();
        for name in &required {
            let value = of(name).and_then(|made| made.first().cloned());
            base.insert((*name).to_owned(), value.unwrap_or(json!(1)));
        }
        let extra = fields.get("additionalProperties").map(|schema| self.values(schema, depth + 1));
        let extra = extra.unwrap_or_else(pool);
        let least = size(fields, "minProperties").unwrap_or(0).min(64);
        let optional = made.iter().filter(|(_, made)| !made.is_empty());
        for (name, made) in optional.clone() {
            if base.len() < least && !base.contains_key(*name) {
                base.insert((*name).to_owned(), made[0].clone());
            }
        }
        let mut spare = (0..).map(|n| format!("x{n}"));
        while base.len() < least && !extra.is_empty() {
            base.extend(spare.next().map(|name| (name, extra[0].clone())));
        }
        let mut values = vec![Value::Object(base.clone())];
        let mut full = base.clone();
        full.extend(optional.map(|(name, made)| ((*name).to_owned(), made[0].clone())));
        values.push(Value::Object(full.clone()));
        let with = |from: &Map<String, Value>, name: &str, value: &Value| {
            let mut object = from.clone();
            object.insert(name.to_owned(), value.clone());
            Value::Object(object)
        };
        for (name, made) in &made {
            values.extend(made.iter().map(|value| with(&base, name, value)));
        }
        for name in full.keys().filter(|name| !required.contains(&name.as_str())) {
            let mut object = full.clone();
            object.remove(name);
            values.push(Value::Object(object));
        }
        let strange = self.strange_names(fields, depth);
        for name in &strange {
            values.extend(extra.iter().take(6).map(|value| with(&base, name, value)));
        }
        values.extend(self.many(fields, &base, &extra));
        values
    }

    /// Names of properties that are not in the list.
    fn strange_names(&self, fields: &Map<String, Value>, depth: usize) -> Vec<String> {
        let mut all = vec!["other".to_owned()];
        if let Some(Value::Object(patterns)) = fields.get("patternProperties") {
            all.extend(patterns.keys().flat_map(|p| text::matching(p).into_iter().take(2)));
        }
        if let Some(names) = fields.get("propertyNames") {
            let made = self.values(names, depth + 1);
            all.extend(made.iter().filter_map(|v| v.as_str().map(str::to_owned)).take(4));
        }
        all
    }

    /// Objects at the bounds of their size.
    fn many(
        &self,
        fields: &Map<String, Value>,
        base: &Map<String, Value>,
        extra: &[Value],
    ) -> Vec<Value> {
        let bounds = ["maxProperties", "minProperties"].iter().filter_map(|key| size(fields, key));
        let grown = bounds.flat_map(|n| [n, n.saturating_add(1)]).filter(|n| *n <= 64);
        let filled = grown.filter_map(|length| {
            let mut object = base.clone();
            let mut spare = (0..).map(|n| format!("x{n}"));
            while object.len() < length {
                object.insert(spare.next()?, extra.first()?.clone());
            }
            Some(Value::Object(object))
        });
        filled.collect()
    }
}

/// A part of `anyOf`, `oneOf` or `allOf` with the keywords beside it.
fn merged(fields: &Map<String, Value>, key: &str, part: &Value) -> Value {
    let Value::Object(part) = part else { return part.clone() };
    let mut all = part.clone();
    for (name, value) in fields.iter().filter(|(name, _)| *name != key) {
        match (name.as_str(), all.get_mut(name)) {
            ("properties", Some(Value::Object(own))) => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    own.entry(name.clone()).or_insert_with(|| value.clone());
                }
            }
            ("required", Some(Value::Array(own))) => {
                own.extend(value.as_array().into_iter().flatten().cloned());
            }
            (_, Some(_)) => {}
            (_, None) => {
                all.insert(name.clone(), value.clone());
            }
        }
    }
    if key == "allOf" {
        for other in fields.get(key).and_then(Value::as_array).into_iter().flatten() {
            if let (Value::Object(_), false) = (other, other == &Value::Object(part.clone())) {
                let alone = Map::from_iter([("part".to_owned(), other.clone())]);
                if let Value::Object(both) = merged(&flat(&alone), "", &Value::Object(all.clone()))
                {
                    all = both;
                }
            }
        }
    }
    Value::Object(all)
}

fn flat(alone: &Map<String, Value>) -> Map<String, Value> {
    alone.get("part").and_then(Value::as_object).cloned().unwrap_or_default()
}

fn types(fields: &Map<String, Value>) -> Vec<&str> {
    const ALL: [&str; 6] = ["null", "boolean", "integer", "string", "array", "object"];
    match fields.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ => {
            let hints: [(&str, &[&str]); 4] = [
                (
                    "object",
                    &["properties", "required", "additionalProperties", "patternProperties"],
                ),
                ("array", &["items", "prefixItems", "contains", "minItems", "maxItems"]),
                ("string", &["minLength", "maxLength", "pattern"]),
                ("number", &["minimum", "maximum", "multipleOf", "exclusiveMinimum"]),
            ];
            let hinted =
                hints.iter().filter(|(_, keys)| keys.iter().any(|k| fields.contains_key(*k)));
            let hinted: Vec<&str> = hinted.map(|(name, _)| *name).collect();
            let combined =
                ["$ref", "anyOf", "oneOf", "allOf"].iter().any(|k| fields.contains_key(*k));
            match (hinted.is_empty(), combined) {
                (true, true) => Vec::new(),
                (true, false) => ALL.to_vec(),
                (false, _) => hinted.into_iter().chain(ALL).collect(),
            }
        }
    }
}

fn numbers(fields: &Map<String, Value>, whole: bool) -> Vec<Value> {
    let bound = |key: &str| fields.get(key).and_then(Value::as_f64);
    let mut points = vec![0.0, 1.0, -1.0];
    for key in ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"] {
        points.extend(bound(key).into_iter().flat_map(|b| [b, b - 1.0, b + 1.0, b - 0.5, b + 0.5]));
    }
    if let Some(step) = bound("multipleOf") {
        let near: Vec<f64> = points.iter().map(|p| (p / step).round() * step).collect();
        points.extend(near.iter().flat_map(|p| [*p, p + step, p - step, p + step / 2.0]));
        points.push(step);
    }
    if !whole {
        points.extend([0.5, 0.1]);
    }
    points.into_iter().filter_map(number).collect()
}

/// A number, written as an integer where it is one.
fn number(point: f64) -> Option<Value> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if point.fract() == 0.0 && point.abs() < EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and below 2^53")]
        return Some(Value::from(point as i64));
    }
    Number::from_f64(point).map(Value::Number)
}

fn size(fields: &Map<String, Value>, key: &str) -> Option<usize> {
    usize::try_from(fields.get(key)?.as_u64()?).ok()
}

fn names(list: Option<&Value>) -> Vec<&str> {
    let all = list.and_then(Value::as_array).into_iter().flatten();
    all.filter_map(Value::as_str).collect()
}

fn capped(mut values: Vec<Value>) -> Vec<Value> {
    values.truncate(MOST_OF_PART);
    values
}
