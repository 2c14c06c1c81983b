//! Comparisons of a filter: what is missing is equal to nothing.

use std::cmp::Ordering;

use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    /// `===`: of the same type, too.
    Identical,
    NotIdentical,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
    Contains,
    Size,
    Empty,
    SubsetOf,
    AnyOf,
    NoneOf,
    Type,
}

/// As they are written; those that begin like another one stand before it.
pub(super) const OPERATORS: [(&str, Operator); 17] = [
    ("===", Operator::Identical),
    ("!==", Operator::NotIdentical),
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("<", Operator::Less),
    (">", Operator::Greater),
    ("in", Operator::In),
    ("nin", Operator::NotIn),
    ("contains", Operator::Contains),
    ("size", Operator::Size),
    ("empty", Operator::Empty),
    ("subsetof", Operator::SubsetOf),
    ("anyof", Operator::AnyOf),
    ("noneof", Operator::NoneOf),
    ("type", Operator::Type),
];

/// Whether `left` and `right` are so; none is a path that leads nowhere.
pub(super) fn holds(left: Option<&Value>, operator: Operator, right: Option<&Value>) -> bool {
    match operator {
        Operator::NotEqual => return !equal(left, right),
        Operator::NotIdentical => return !identical(left, right),
        _ => {}
    }
    let (Some(left), Some(right)) = (left, right) else { return false };
    match operator {
        Operator::Equal => equal(Some(left), Some(right)),
        Operator::Identical => identical(Some(left), Some(right)),
        Operator::Less => order(left, right) == Some(Ordering::Less),
        Operator::LessOrEqual => order(left, right).is_some_and(Ordering::is_le),
        Operator::Greater => order(left, right) == Some(Ordering::Greater),
        Operator::GreaterOrEqual => order(left, right).is_some_and(Ordering::is_ge),
        Operator::In => items(right).is_some_and(|list| has(list, left)),
        Operator::NotIn => items(right).is_some_and(|list| !has(list, left)),
        Operator::Contains => match (left, right) {
            (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
            (Value::Array(list), _) => has(list, right),
            _ => false,
        },
        Operator::Size => size(left).is_some_and(|size| right.as_f64() == Some(size as f64)),
        Operator::Empty => size(left).is_some_and(|size| right.as_bool() == Some(size == 0)),
        Operator::SubsetOf => both(left, right, |l, r| l.iter().all(|item| has(r, item))),
        Operator::AnyOf => both(left, right, |l, r| l.iter().any(|item| has(r, item))),
        Operator::NoneOf => both(left, right, |l, r| !l.iter().any(|item| has(r, item))),
        Operator::Type => right.as_str() == Some(type_name(left)),
        Operator::NotEqual | Operator::NotIdentical => false,
    }
}

fn items(value: &Value) -> Option<&[Value]> {
    value.as_array().map(Vec::as_slice)
}

fn both(left: &Value, right: &Value, f: impl Fn(&[Value], &[Value]) -> bool) -> bool {
    items(left).zip(items(right)).is_some_and(|(left, right)| f(left, right))
}

fn has(list: &[Value], value: &Value) -> bool {
    list.iter().any(|item| equal(Some(item), Some(value)))
}

fn size(value: &Value) -> Option<usize> {
    match value {
        Value::Array(list) => Some(list.len()),
        Value::Object(map) => Some(map.len()),
        Value::String(text) => Some(text.encode_utf16().count()),
        _ => None,
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) | Value::Object(_) => "json",
    }
}

/// Numbers are equal by value, and to texts that say the same number.
fn equal(left: Option<&Value>, right: Option<&Value>) -> bool {
    let (Some(left), Some(right)) = (left, right) else { return false };
    match (left, right) {
        (Value::Number(l), Value::Number(r)) => l.as_f64() == r.as_f64(),
        (Value::Number(l), Value::String(r)) => r.parse().ok() == l.as_f64(),
        (Value::String(l), Value::Number(r)) => *l == r.to_string(),
        (Value::Array(l), Value::Array(r)) => {
            l.len() == r.len() && l.iter().zip(r).all(|(l, r)| equal(Some(l), Some(r)))
        }
        _ => left == right,
    }
}

fn identical(left: Option<&Value>, right: Option<&Value>) -> bool {
    let same_type = left.zip(right).is_some_and(|(l, r)| type_name(l) == type_name(r));
    same_type && equal(left, right)
}

fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(l), Value::Number(r)) => l.as_f64()?.partial_cmp(&r.as_f64()?),
        (Value::String(l), Value::String(r)) => Some(l.cmp(r)),
        _ => None,
    }
}
