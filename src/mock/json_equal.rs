//! `equalToJson`: JSON that is equal but for what one does not care about, in the way of json-unit,
//! which WireMock compares with.

use serde_json::Value;

use super::regex::Regex;

/// The longest array of which order is ignored exactly; in longer ones the first element that fits
/// is taken.
const EXACT_MAX: usize = 256;

/// What a JSON value should be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct JsonShape {
    shape: Shape,
    /// `ignoreArrayOrder`
    any_order: bool,
    /// `ignoreExtraElements`
    extra: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Shape {
    /// `${json-unit.ignore}`
    Anything,
    /// `${json-unit.ignore-element}`: it need not be there.
    Optional,
    AnyString,
    AnyNumber,
    AnyBoolean,
    Matches(Regex),
    Scalar(Value),
    Array(Vec<Shape>),
    Object(Vec<(String, Shape)>),
}

impl JsonShape {
    /// What `expected` says; the error names a placeholder that is not known.
    pub(crate) fn new(expected: &Value, any_order: bool, extra: bool) -> Result<JsonShape, String> {
        Ok(JsonShape { shape: Shape::of(expected)?, any_order, extra })
    }

    /// How far `actual` is from it: 0 if it is equal, at most 1.
    pub(crate) fn distance(&self, actual: &Value) -> f64 {
        let differences = self.differences(&self.shape, actual);
        if differences == 0 {
            return 0.0;
        }
        let parts = self.shape.parts().max(parts(actual));
        (differences as f64 / parts as f64).clamp(f64::MIN_POSITIVE, 1.0)
    }

    fn differences(&self, shape: &Shape, actual: &Value) -> usize {
        match (shape, actual) {
            (Shape::Anything | Shape::Optional, _)
            | (Shape::AnyString, Value::String(_))
            | (Shape::AnyNumber, Value::Number(_))
            | (Shape::AnyBoolean, Value::Bool(_)) => 0,
            (Shape::Matches(regex), Value::String(text)) => usize::from(!regex.is_match(text)),
            (Shape::Scalar(Value::Number(wanted)), Value::Number(number)) => {
                usize::from(wanted != number && wanted.as_f64() != number.as_f64())
            }
            (Shape::Scalar(wanted), _) => usize::from(wanted != actual) * parts(actual),
            (Shape::Object(wanted), Value::Object(map)) => {
                let own = wanted.iter().map(|(key, shape)| match map.get(key) {
                    Some(value) => self.differences(shape, value),
                    None if *shape == Shape::Optional => 0,
                    None => shape.parts(),
                });
                let extra = map.iter().filter(|(key, _)| !wanted.iter().any(|(k, _)| k == *key));
                let extra = if self.extra { 0 } else { extra.map(|(_, v)| parts(v)).sum() };
                own.sum::<usize>() + extra
            }
            (Shape::Array(wanted), Value::Array(list)) => {
                let unmatched = match self.any_order {
                    true => self.pairs(wanted, list),
                    false => {
                        let pairs = wanted.iter().zip(list);
                        let unequal: usize = pairs.map(|(w, a)| self.differences(w, a)).sum();
                        unequal + wanted.len().saturating_sub(list.len())
                    }
                };
                let extra = list.len().saturating_sub(wanted.len());
                unmatched + if self.extra { 0 } else { extra }
            }
            _ => shape.parts().max(parts(actual)),
        }
    }

    /// How many of `wanted` find no element of their own in `list`: a matching of the two.
    fn pairs(&self, wanted: &[Shape], list: &[Value]) -> usize {
        let mut taken_by: Vec<Option<usize>> = vec![None; list.len()];
        let exact = wanted.len() <= EXACT_MAX && list.len() <= EXACT_MAX;
        let mut unmatched = 0;
        for index in 0..wanted.len() {
            let mut seen = vec![false; list.len()];
            let found = match exact {
                true => self.find_place(index, wanted, list, &mut taken_by, &mut seen),
                false => {
                    let free = (0..list.len()).find(|place| {
                        let fits = || self.differences(&wanted[index], &list[*place]) == 0;
                        taken_by[*place].is_none() && fits()
                    });
                    free.inspect(|place| taken_by[*place] = Some(index)).is_some()
                }
            };
            unmatched += usize::from(!found);
        }
        unmatched
    }

    /// A place for the `index`-th; those who have one may move to another.
    fn find_place(
        &self,
        index: usize,
        wanted: &[Shape],
        list: &[Value],
        taken_by: &mut [Option<usize>],
        seen: &mut [bool],
    ) -> bool {
        for place in 0..list.len() {
            if seen[place] || self.differences(&wanted[index], &list[place]) > 0 {
                continue;
            }
            seen[place] = true;
            let is_free = match taken_by[place] {
                None => true,
                Some(other) => self.find_place(other, wanted, list, taken_by, seen),
            };
            if is_free {
                taken_by[place] = Some(index);
                return true;
            }
        }
        false
    }
}

impl Shape {
    fn of(value: &Value) -> Result<Shape, String> {
        Ok(match value {
            Value::String(text) => match placeholder(text) {
                Some(name) => Shape::placeholder(name, text)?,
                None => Shape::Scalar(value.clone()),
            },
            Value::Array(list) => {
                Shape::Array(list.iter().map(Shape::of).collect::<Result<_, _>>()?)
            }
            Value::Object(map) => {
                let entry = |(key, value): (&String, &Value)| Ok((key.clone(), Shape::of(value)?));
                Shape::Object(map.iter().map(entry).collect::<Result<_, String>>()?)
            }
            _ => Shape::Scalar(value.clone()),
        })
    }

    fn placeholder(name: &str, text: &str) -> Result<Shape, String> {
        let (name, rest) = name.split_once('}').unwrap_or((name, ""));
        Ok(match (name, rest) {
            ("ignore", "") => Shape::Anything,
            ("ignore-element", "") => Shape::Optional,
            ("any-string", "") => Shape::AnyString,
            ("any-number", "") => Shape::AnyNumber,
            ("any-boolean", "") => Shape::AnyBoolean,
            ("regex", source) => Shape::Matches(Regex::whole(source)?),
            _ => {
                let known = "ignore, ignore-element, any-string, any-number, any-boolean, regex";
                return Err(format!(
                    "the placeholder `{text}` is not supported; known are {known}"
                ));
            }
        })
    }

    /// How many values it is made of.
    fn parts(&self) -> usize {
        match self {
            Shape::Array(list) => 1 + list.iter().map(Shape::parts).sum::<usize>(),
            Shape::Object(map) => 1 + map.iter().map(|(_, shape)| shape.parts()).sum::<usize>(),
            _ => 1,
        }
    }
}

/// What follows the mark of a placeholder.
fn placeholder(text: &str) -> Option<&str> {
    text.strip_prefix("${json-unit.").or_else(|| text.strip_prefix("#{json-unit."))
}

fn parts(value: &Value) -> usize {
    match value {
        Value::Array(list) => 1 + list.iter().map(parts).sum::<usize>(),
        Value::Object(map) => 1 + map.values().map(parts).sum::<usize>(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(expected: Value, actual: Value, any_order: bool, extra: bool, is_equal: bool) {
        let shape = JsonShape::new(&expected, any_order, extra).expect("known placeholders");
        let distance = shape.distance(&actual);
        assert_eq!(distance == 0.0, is_equal, "{expected} and {actual}: {distance}");
        assert!((0.0..=1.0).contains(&distance));
    }

    #[test]
    fn order_and_extra_elements_may_be_ignored() {
        check(json!([1, 2]), json!([2, 1]), false, false, false);
        check(json!([1, 2]), json!([2, 1]), true, false, true);
        check(json!([1, 2]), json!([2, 3, 1]), true, true, true);
        check(json!([1, 2]), json!([1, 2, 3]), false, true, true);
        check(json!({"a": 1}), json!({"a": 1.0, "b": 2}), false, true, true);
        check(json!({"a": 1}), json!({"a": 1, "b": 2}), false, false, false);
    }

    /// The first shape fits both elements, the second one fits only the first of them.
    #[test]
    fn an_element_makes_room_for_another() {
        let expected = json!(["${json-unit.any-string}", "x"]);
        check(expected, json!(["x", "y"]), true, false, true);
        check(
            json!([{"a": 1}, {"a": 1, "b": 2}]),
            json!([{"a": 1, "b": 2}, {"a": 1}]),
            true,
            true,
            true,
        );
    }

    #[test]
    fn placeholders_stand_for_many() {
        check(json!({"a": "${json-unit.regex}[a-z]+"}), json!({"a": "xyz"}), false, false, true);
        check(json!({"a": "${json-unit.any-number}"}), json!({"a": "1"}), false, false, false);
        check(json!({"a": "${json-unit.ignore-element}"}), json!({}), false, false, true);
        let error = JsonShape::new(&json!({"a": "${json-unit.zzz}"}), false, false);
        assert!(error.expect_err("it is unknown").contains("zzz"));
    }
}
