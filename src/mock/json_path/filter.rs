//! The conditions of `[?(..)]`.

use serde_json::Value;

use super::compare::{self, Operator};
use super::{Found, JsonPath};
use crate::mock::regex::Regex;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Filter {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
    /// `@.a`
    Exists(Operand),
    Compare(Operand, Operator, Operand),
    /// `@.a =~ /re/`
    Matches(Operand, Regex),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    /// `@.a`: from the part that is looked at.
    Here(JsonPath),
    /// `$.a`
    Root(JsonPath),
    Literal(Value),
}

impl Filter {
    /// Whether the condition holds for `here`; none when too much was visited.
    pub(super) fn holds(&self, root: &Value, here: &Value, visited: &mut usize) -> Option<bool> {
        match self {
            Filter::And(parts) => {
                for part in parts {
                    if !part.holds(root, here, visited)? {
                        return Some(false);
                    }
                }
                Some(true)
            }
            Filter::Or(parts) => {
                for part in parts {
                    if part.holds(root, here, visited)? {
                        return Some(true);
                    }
                }
                Some(false)
            }
            Filter::Not(part) => Some(!part.holds(root, here, visited)?),
            Filter::Exists(operand) => {
                let found = operand.find(root, here, visited);
                Some(match found {
                    Some(Found::Many(values)) => !values.is_empty(),
                    found => found.is_some(),
                })
            }
            Filter::Compare(left, operator, right) => {
                let left = left.find(root, here, visited).map(Found::into_value);
                let right = right.find(root, here, visited).map(Found::into_value);
                super::visit(visited)?;
                Some(compare::holds(left.as_ref(), *operator, right.as_ref()))
            }
            Filter::Matches(operand, regex) => {
                super::visit(visited)?;
                let value = operand.find(root, here, visited).map(Found::into_value);
                Some(value.is_some_and(|value| matches(&value, regex)))
            }
        }
    }
}

/// A text, or some text of an array.
fn matches(value: &Value, regex: &Regex) -> bool {
    match value {
        Value::String(text) => regex.is_match(text),
        Value::Number(number) => regex.is_match(&number.to_string()),
        Value::Array(list) => list.iter().any(|item| matches(item, regex)),
        _ => false,
    }
}

impl Operand {
    fn find(&self, root: &Value, here: &Value, visited: &mut usize) -> Option<Found> {
        match self {
            Operand::Here(path) => path.find_from(root, here, visited),
            Operand::Root(path) => path.find_from(root, root, visited),
            Operand::Literal(value) => Some(Found::One(value.clone())),
        }
    }
}
