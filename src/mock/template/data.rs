//! Helpers of JSON and lists.

use serde_json::Value;

use super::helper::{Args, Does, Made};
use super::ordered::Ordered;
use super::view::{show, single};
use crate::mock::json_path::{Found, JsonPath};

pub(super) const HELPERS: &[(&str, Does)] = &[
    ("jsonPath", Does::Json(json_path)),
    ("parseJson", Does::Json(parse_json)),
    ("toJson", Does::Value(|args| Ok(Value::String(Ordered::from(args.param(0)).pretty())))),
    ("formatJson", Does::Value(format_json)),
    ("jsonMerge", Does::Value(json_merge)),
    ("jsonRemove", Does::Value(json_remove)),
    ("jsonArrayAdd", Does::Value(json_array_add)),
    ("array", Does::Value(|args| Ok(args.params().iter().map(|v| (*v).clone()).collect()))),
    ("arrayAdd", Does::Value(array_add)),
    ("arrayRemove", Does::Value(array_remove)),
    ("size", Does::Value(size)),
    ("lookup", Does::Value(lookup)),
    ("val", Does::Value(val)),
    ("assign", Does::Value(assign)),
];

/// The argument as JSON: a text is read.
fn json(value: &Value) -> Result<Value, String> {
    match single(value) {
        Value::String(text) => {
            serde_json::from_str(text).map_err(|e| format!("`{text}` is not JSON: {e}"))
        }
        other => Ok(other.clone()),
    }
}

fn json_path(args: &Args<'_>) -> Made {
    let path = JsonPath::compile(&args.text(1))?;
    let document = json(args.param(0));
    let found = document.map_or(Ok(None), |document| path.find(&document))?;
    let found = found.map(Found::into_value);
    let default = || args.named("default").cloned().unwrap_or(Value::Null);
    Ok(found.filter(|value| !value.is_null()).unwrap_or_else(default))
}

/// `{{parseJson text 'name'}}`; without a name it is the value.
fn parse_json(args: &Args<'_>) -> Made {
    let value = json(args.param(0))?;
    Ok(match args.optional(1) {
        Some(name) => args.assign(name, value),
        None => value,
    })
}

fn format_json(args: &Args<'_>) -> Made {
    let value = Ordered::read(args.param(0))?;
    Ok(Value::String(match args.named_text("format").as_deref() {
        Some("compact") => value.to_string(),
        _ => value.pretty(),
    }))
}

fn json_merge(args: &Args<'_>) -> Made {
    let (mut base, other) = (Ordered::read(args.param(0))?, Ordered::read(args.param(1))?);
    merge(&mut base, other, args.is_true("removeNulls"));
    Ok(Value::String(base.to_string()))
}

/// Objects are merged, everything else is replaced. Documents are at most 127 deep.
fn merge(base: &mut Ordered, other: Ordered, remove_nulls: bool) {
    match (base, other) {
        (Ordered::Object(base), Ordered::Object(other)) => {
            for (key, value) in other {
                if remove_nulls && value.is_null() {
                    base.shift_remove(&key);
                    continue;
                }
                let own = base.entry(key).or_insert(Ordered::Leaf(Value::Null));
                merge(own, value, remove_nulls);
            }
        }
        (base, other) => *base = other,
    }
}

/// Takes the element out that a path such as `$.a.b` or `$.list[0]` leads to.
fn json_remove(args: &Args<'_>) -> Made {
    let mut document = Ordered::read(args.param(0))?;
    let path = args.text(1);
    let names = path.trim_start_matches('$').split(['.', '[']).filter(|name| !name.is_empty());
    let mut names: Vec<&str> =
        names.map(|name| name.trim_end_matches(']').trim_matches(['\'', '"'])).collect();
    let last = names.pop().ok_or("a path such as `$.a` is expected")?;
    let mut parent = Some(&mut document);
    for name in names {
        parent = match parent {
            Some(Ordered::Object(map)) => map.get_mut(name),
            Some(Ordered::Array(list)) => {
                name.parse().ok().and_then(|index: usize| list.get_mut(index))
            }
            _ => None,
        };
    }
    match parent {
        Some(Ordered::Object(map)) => drop(map.shift_remove(last)),
        Some(Ordered::Array(list)) => {
            if let Some(index) = last.parse().ok().filter(|index| *index < list.len()) {
                list.remove(index);
            }
        }
        _ => {}
    }
    Ok(Value::String(document.to_string()))
}

fn json_array_add(args: &Args<'_>) -> Made {
    let Ordered::Array(mut list) = Ordered::read(args.param(0))? else {
        return Err("jsonArrayAdd adds to a JSON array".into());
    };
    match Ordered::read(args.param(1))? {
        Ordered::Array(items) if args.is_true("flatten") => list.extend(items),
        item => list.push(item),
    }
    if let Some(most) = args.named("maxItems") {
        let most = args.integer(most)?.max(0) as usize;
        list.drain(..list.len().saturating_sub(most));
    }
    Ok(Value::String(Ordered::Array(list).to_string()))
}

fn list(value: &Value) -> Result<Vec<Value>, String> {
    match value {
        Value::Array(list) => Ok(list.clone()),
        Value::Null => Ok(Vec::new()),
        other => Err(format!("`{}` is not a list", show(other))),
    }
}

/// Where in a list of `length`: `start`, `end` or a number.
fn position(args: &Args<'_>, length: usize) -> Result<usize, String> {
    let Some(position) = args.named("position") else { return Ok(length) };
    match show(position).as_str() {
        "start" => Ok(0),
        "end" => Ok(length),
        _ => {
            let index = args.integer(position)?;
            let there = usize::try_from(index).ok().filter(|index| *index <= length);
            there.ok_or_else(|| format!("position {index} is not within {length} elements"))
        }
    }
}

fn array_add(args: &Args<'_>) -> Made {
    let mut items = list(args.param(0))?;
    args.rendering.spend(items.len())?;
    items.insert(position(args, items.len())?, args.param(1).clone());
    Ok(Value::Array(items))
}

fn array_remove(args: &Args<'_>) -> Made {
    let mut items = list(args.param(0))?;
    args.rendering.spend(items.len())?;
    let last = items.len().checked_sub(1).ok_or("the list is empty")?;
    items.remove(position(args, last)?);
    Ok(Value::Array(items))
}

/// `{{arrayJoin ',' list}}` or `{{arrayJoin ',' 'a' 'b'}}`
pub(super) fn join(args: &Args<'_>) -> Made {
    let items: Vec<String> = match args.params() {
        [_, Value::Array(list)] => list.iter().map(show).collect(),
        [_, items @ ..] => items.iter().map(|item| show(item)).collect(),
        [] => Vec::new(),
    };
    Ok(Value::String(items.join(&args.text(0))))
}

fn size(args: &Args<'_>) -> Made {
    Ok(match args.param(0) {
        Value::Array(list) => list.len().into(),
        Value::Object(map) => map.len().into(),
        Value::Null => 0.into(),
        other => show(other).chars().count().into(),
    })
}

fn lookup(args: &Args<'_>) -> Made {
    let key = args.text(1);
    let found = match args.param(0) {
        Value::Object(map) => map.get(&key),
        Value::Array(list) => key.parse().ok().and_then(|index: usize| list.get(index)),
        _ => None,
    };
    Ok(found.cloned().unwrap_or(Value::Null))
}

/// `{{val request.query.name or='nobody' assign='name'}}`
fn val(args: &Args<'_>) -> Made {
    let value = match args.param(0) {
        Value::Null => args.named("or").or_else(|| args.named("default")).unwrap_or(&Value::Null),
        value => value,
    };
    Ok(match args.named_text("assign") {
        Some(name) => args.assign(name, value.clone()),
        None => value.clone(),
    })
}

/// `{{#assign 'name'}}..{{/assign}}`
fn assign(args: &Args<'_>) -> Made {
    match args.params() {
        [value, name] if args.is_block => Ok(args.assign(show(name), (*value).clone())),
        _ => Err("assign is a block: {{#assign 'name'}}value{{/assign}}".into()),
    }
}
