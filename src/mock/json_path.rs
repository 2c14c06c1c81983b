//! JSONPath in the dialect of Jayway's `json-path` for Java 2.9, which WireMock's mapping files are
//! written in: `$.[?(@.a)]`, `=~ /re/i`, `in`, `size`, `empty`, and functions such as `length()`.
//!
//! Where that dialect and RFC 9535 differ, this follows the dialect.

mod compare;
mod filter;
mod function;
mod parse;

use serde_json::{Map, Value};

use filter::Filter;
use function::Function;

/// Parts that one evaluation may visit, so that `$..*..*..*` ends.
const VISITED_MAX: usize = 50_000;

/// A compiled path.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct JsonPath {
    source: String,
    steps: Vec<Step>,
    function: Option<Function>,
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    /// `.a`, `['a']`
    Key(String),
    /// `['a','b']`: an object with those of the keys that are there.
    Keys(Vec<String>),
    /// `[0]`, `[-1]`
    Index(i64),
    /// `[0,2]`
    Indices(Vec<i64>),
    /// `[0:2]`
    Slice(Option<i64>, Option<i64>),
    /// `.*`, `[*]`
    Any,
    /// `..`: what follows is looked for here and in everything inside.
    Descend,
    /// `[?(..)]`
    Filter(Filter),
}

/// What a path has found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Found {
    /// A path that leads to one place.
    One(Value),
    /// A path that may lead to many; perhaps to none.
    Many(Vec<Value>),
}

impl Found {
    /// The value, or all of them as an array.
    pub(crate) fn into_value(self) -> Value {
        match self {
            Found::One(value) => value,
            Found::Many(values) => Value::Array(values),
        }
    }
}

impl JsonPath {
    /// Reads a path; the error says what is wrong with it. A path without `$` is below the root.
    pub(crate) fn compile(source: &str) -> Result<JsonPath, String> {
        parse::path(source)
    }

    /// What was compiled.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// What is at the path; none if it leads nowhere. The error says that it was given up.
    pub(crate) fn find(&self, root: &Value) -> Result<Option<Found>, String> {
        let mut visited = 0;
        let found = self.find_from(root, root, &mut visited);
        if visited > VISITED_MAX {
            let path = &self.source;
            return Err(format!("the JSONPath `{path}` visits more than {VISITED_MAX} parts"));
        }
        Ok(found)
    }

    /// The same from `here`, of a document whose root may be another.
    fn find_from(&self, root: &Value, here: &Value, visited: &mut usize) -> Option<Found> {
        let mut places = vec![Place::Inside(here)];
        let mut is_definite = true;
        let mut steps = self.steps.iter();
        while let Some(step) = steps.next() {
            let mut next = Vec::new();
            if *step == Step::Descend {
                is_definite = false;
                let step = steps.next()?;
                for place in &places {
                    place.go(&mut next, |value, next| descend(step, value, root, next, visited))?;
                }
            } else {
                is_definite &= step.is_definite();
                for place in &places {
                    visit(visited)?;
                    place
                        .go(&mut next, |value, next| step_into(step, value, root, next, visited))?;
                }
            }
            if is_definite && next.is_empty() {
                return None;
            }
            places = next;
        }
        let found = match is_definite {
            true => Found::One(places.pop()?.into_value()),
            false => Found::Many(places.into_iter().map(Place::into_value).collect()),
        };
        match &self.function {
            Some(function) => function.of(&found.into_value()).map(Found::One),
            None => Some(found),
        }
    }
}

impl Step {
    fn is_definite(&self) -> bool {
        matches!(self, Step::Key(_) | Step::Keys(_) | Step::Index(_))
    }
}

/// A place that was reached: in the document, or made of parts of it.
enum Place<'v> {
    Inside(&'v Value),
    Made(Value),
}

impl<'v> Place<'v> {
    /// Adds the places to which `step` leads from here. What is inside of a made value is copied: it
    /// goes with it.
    fn go(
        &self,
        next: &mut Vec<Place<'v>>,
        step: impl for<'a> FnOnce(&'a Value, &mut Vec<Place<'a>>) -> Option<()>,
    ) -> Option<()> {
        match self {
            Place::Inside(value) => step(value, next),
            Place::Made(value) => {
                let mut inside = Vec::new();
                step(value, &mut inside)?;
                next.extend(inside.into_iter().map(|place| Place::Made(place.into_value())));
                Some(())
            }
        }
    }

    fn into_value(self) -> Value {
        match self {
            Place::Inside(value) => value.clone(),
            Place::Made(value) => value,
        }
    }
}

/// Counts one more visit; none when there were too many.
fn visit(visited: &mut usize) -> Option<()> {
    *visited += 1;
    (*visited <= VISITED_MAX).then_some(())
}

fn step_into<'v>(
    step: &Step,
    value: &'v Value,
    root: &Value,
    next: &mut Vec<Place<'v>>,
    visited: &mut usize,
) -> Option<()> {
    match (step, value) {
        (Step::Key(key), Value::Object(map)) => next.extend(map.get(key).map(Place::Inside)),
        (Step::Keys(keys), Value::Object(map)) => {
            let there = |key: &String| map.get(key).map(|value| (key.clone(), value.clone()));
            let object: Map<String, Value> = keys.iter().filter_map(there).collect();
            next.push(Place::Made(Value::Object(object)));
        }
        (Step::Index(index), Value::Array(list)) => {
            next.extend(at(list, *index).map(Place::Inside));
        }
        (Step::Indices(indices), Value::Array(list)) => {
            next.extend(indices.iter().filter_map(|i| at(list, *i)).map(Place::Inside));
        }
        (Step::Slice(from, to), Value::Array(list)) => {
            let bound = |index: i64| {
                let index = if index < 0 { index + list.len() as i64 } else { index };
                index.clamp(0, list.len() as i64) as usize
            };
            let (from, to) = (from.map_or(0, bound), to.map_or(list.len(), bound));
            next.extend(list.get(from..to).into_iter().flatten().map(Place::Inside));
        }
        (Step::Any, Value::Array(list)) => {
            for item in list {
                visit(visited)?;
                next.push(Place::Inside(item));
            }
        }
        (Step::Any, Value::Object(map)) => {
            for item in map.values() {
                visit(visited)?;
                next.push(Place::Inside(item));
            }
        }
        (Step::Filter(filter), Value::Array(list)) => {
            for item in list {
                visit(visited)?;
                if filter.holds(root, item, visited)? {
                    next.push(Place::Inside(item));
                }
            }
        }
        // An object is kept or not as a whole.
        (Step::Filter(filter), Value::Object(_)) if filter.holds(root, value, visited)? => {
            next.push(Place::Inside(value));
        }
        _ => {}
    }
    Some(())
}

fn at(list: &[Value], index: i64) -> Option<&Value> {
    let index = if index < 0 { index + list.len() as i64 } else { index };
    usize::try_from(index).ok().and_then(|index| list.get(index))
}

/// Takes a step from `value` and from everything inside of it. Documents are at most 127 deep.
fn descend<'v>(
    step: &Step,
    value: &'v Value,
    root: &Value,
    next: &mut Vec<Place<'v>>,
    visited: &mut usize,
) -> Option<()> {
    visit(visited)?;
    // A filter sees each element once: from the array that holds it.
    let is_filter_on_object = matches!((step, value), (Step::Filter(_), Value::Object(_)));
    if !is_filter_on_object {
        step_into(step, value, root, next, visited)?;
    }
    match value {
        Value::Array(list) => list.iter().try_for_each(|v| descend(step, v, root, next, visited)),
        Value::Object(map) => map.values().try_for_each(|v| descend(step, v, root, next, visited)),
        _ => Some(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document() -> Value {
        json!({
            "a": {"b": [1, {"c": 2}], "d.e": 5},
            "items": [
                {"id": 1, "name": "x", "price": 9.5, "tags": ["new"]},
                {"id": 2, "name": "y", "price": 20},
            ],
            "none": null,
        })
    }

    #[track_caller]
    fn check(path: &str, expected: Option<Value>) {
        let found = JsonPath::compile(path).expect("it compiles").find(&document());
        assert_eq!(found.map(|found| found.map(Found::into_value)), Ok(expected), "{path}");
    }

    #[test]
    fn paths_lead_to_one_place() {
        check("$", Some(document()));
        check("$.a.b[1].c", Some(json!(2)));
        check("a.b[-2]", Some(json!(1)));
        check("$['a'][\"d.e\"]", Some(json!(5)));
        check("$.none", Some(Value::Null));
        check("$.a.zzz", None);
        check("$.a.b[7]", None);
    }

    #[test]
    fn paths_lead_to_many_places() {
        check("$.items[*].id", Some(json!([1, 2])));
        check("$..c", Some(json!([2])));
        check("$.items[0:1].name", Some(json!(["x"])));
        check("$.items[0,1].name", Some(json!(["x", "y"])));
        check("$.items[*]['id','zzz']", Some(json!([{"id": 1}, {"id": 2}])));
        check("$..zzz", Some(json!([])));
    }

    #[test]
    fn filters_choose() {
        check("$.items[?(@.price > 10)].id", Some(json!([2])));
        check("$.items[?(@.name == 'x' && @.id == 1)].id", Some(json!([1])));
        check("$.items[?(@.name =~ /X|Z/i)].id", Some(json!([1])));
        check("$.items[?(@.name in ['y', 'z'])].id", Some(json!([2])));
        check("$.items[?(!@.tags)].id", Some(json!([2])));
        check("$.items[?(@.tags contains 'new' || @.id == 7)].id", Some(json!([1])));
        check("$.items[?(@.price < $.items[1].price)].id", Some(json!([1])));
        check("$.items[?(@.tags size 1)].id", Some(json!([1])));
        check("$.a[?(@.b)].b[0]", Some(json!([1])));
    }

    #[test]
    fn functions_end_a_path() {
        check("$.items.length()", Some(json!(2)));
        check("$.items[*].id.sum()", Some(json!(3.0)));
        check("$..price.max()", Some(json!(20.0)));
        check("$.a.keys()", Some(json!(["b", "d.e"])));
        check("$.items.sum()", None);
    }

    #[test]
    fn mistakes_are_named() {
        for (path, reason) in [
            ("$.a[", "ends within"),
            ("$.a[?(@.b ==)]", "a value was expected"),
            ("$.items.zum()", "did you mean `sum()`"),
            ("$.a[?(@.b ~ 1)]", "operator"),
            ("$.a[1:2:3]", "step"),
            ("", "empty"),
        ] {
            let error = JsonPath::compile(path).expect_err("it is wrong");
            assert!(error.contains(reason), "{path}: {error}");
        }
    }

    #[test]
    fn hostile_paths_end() {
        let deep = format!("$.a[?({}@.b{})]", "(".repeat(10_000), ")".repeat(10_000));
        assert!(JsonPath::compile(&deep).is_err());
        let wide = json!({"a": vec![vec![0; 500]; 500]});
        let path = JsonPath::compile("$..*..*..*").expect("it compiles");
        let given_up = "the JSONPath `$..*..*..*` visits more than 50000 parts";
        assert_eq!(path.find(&wide), Err(given_up.to_owned()));
        let nested = (0..120).fold(json!(1), |inner, _| json!({"a": inner}));
        let path = JsonPath::compile(&format!("${}", "..a".repeat(9))).expect("it compiles");
        assert!(path.find(&nested).is_err());
        let path = JsonPath::compile("$.a[?($..*..*..* size 1)]").expect("it compiles");
        assert!(path.find(&wide).is_err(), "within a filter, too");
    }
}
