//! Functions at the end of a path.

use serde_json::{Number, Value};

use crate::error::nearest;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Function {
    Length,
    Min,
    Max,
    Avg,
    Sum,
    StdDev,
    First,
    Last,
    Index(i64),
    Keys,
}

const NAMES: [&str; 11] =
    ["length", "size", "min", "max", "avg", "sum", "stddev", "first", "last", "index", "keys"];

impl Function {
    pub(super) fn named(name: &str, argument: &str) -> Result<Function, String> {
        let function = match name {
            "length" | "size" => Function::Length,
            "min" => Function::Min,
            "max" => Function::Max,
            "avg" => Function::Avg,
            "sum" => Function::Sum,
            "stddev" => Function::StdDev,
            "first" => Function::First,
            "last" => Function::Last,
            "keys" => Function::Keys,
            "index" => {
                let index = argument.trim().parse();
                return index
                    .map(Function::Index)
                    .map_err(|_| format!("`index({argument})` takes a whole number"));
            }
            _ => {
                let hint = nearest(name, NAMES)
                    .map(|near| format!("; did you mean `{near}()`?"))
                    .unwrap_or_default();
                return Err(format!("there is no function `{name}()`{hint}"));
            }
        };
        match argument.trim().is_empty() {
            true => Ok(function),
            false => Err(format!("`{name}()` with an argument is not supported")),
        }
    }

    /// What it makes of a value; none where the value has no such thing.
    pub(super) fn of(self, value: &Value) -> Option<Value> {
        match (self, value) {
            (Function::Length, Value::Array(list)) => Some(list.len().into()),
            (Function::Length, Value::Object(map)) => Some(map.len().into()),
            (Function::Length, Value::String(text)) => Some(text.encode_utf16().count().into()),
            (Function::Keys, Value::Object(map)) => {
                Some(map.keys().cloned().map(Value::String).collect())
            }
            (Function::First, Value::Array(list)) => list.first().cloned(),
            (Function::Last, Value::Array(list)) => list.last().cloned(),
            (Function::Index(index), Value::Array(list)) => super::at(list, index).cloned(),
            (_, Value::Array(list)) => {
                let numbers: Vec<f64> = list.iter().filter_map(Value::as_f64).collect();
                let number = self.of_numbers(&numbers)?;
                Number::from_f64(number).map(Value::Number)
            }
            _ => None,
        }
    }

    fn of_numbers(self, numbers: &[f64]) -> Option<f64> {
        let (first, count) = (*numbers.first()?, numbers.len() as f64);
        let sum = || numbers.iter().sum::<f64>();
        match self {
            Function::Min => Some(numbers.iter().copied().fold(first, f64::min)),
            Function::Max => Some(numbers.iter().copied().fold(first, f64::max)),
            Function::Sum => Some(sum()),
            Function::Avg => Some(sum() / count),
            Function::StdDev => {
                let mean = sum() / count;
                let squares: f64 = numbers.iter().map(|n| (n - mean) * (n - mean)).sum();
                Some((squares / count).sqrt())
            }
            _ => None,
        }
    }
}
