//! The lines of a JSON text, looked for only when somebody asks.

use std::collections::BTreeMap;

use jsonc_parser::ast::Value;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::Lines;

/// The lines of a text that serde has read, so that nothing in it is too deep.
pub(super) fn lines(text: &str) -> Lines {
    let tree = parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default());
    let starts: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
    let root = tree.ok().and_then(|tree| tree.value);
    root.map_or_else(Lines::default, |root| of(&root, root.start(), &starts))
}

/// `start` is where the part is named: its key in an object, else its own first character.
fn of(value: &Value<'_>, start: usize, starts: &[usize]) -> Lines {
    let mut parts = BTreeMap::new();
    match value {
        Value::Object(object) => {
            for property in &object.properties {
                let key = property.name.clone().into_string();
                parts.insert(key, of(&property.value, property.range.start, starts));
            }
        }
        Value::Array(array) => {
            for (index, element) in array.elements.iter().enumerate() {
                parts.insert(index.to_string(), of(element, element.start(), starts));
            }
        }
        _ => {}
    }
    Lines { line: 1 + starts.partition_point(|end| *end < start), parts }
}
