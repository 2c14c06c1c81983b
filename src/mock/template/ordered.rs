//! JSON whose members keep the order in which they were written, as those of Jackson do.

use std::fmt;

use indexmap::IndexMap;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::view::single;

/// A JSON document.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ordered {
    Object(IndexMap<String, Ordered>),
    Array(Vec<Ordered>),
    /// Anything without parts.
    Leaf(Value),
}

impl Ordered {
    /// An argument as JSON: a text is read.
    pub(super) fn read(value: &Value) -> Result<Ordered, String> {
        match single(value) {
            Value::String(text) => {
                serde_json::from_str(text).map_err(|e| format!("`{text}` is not JSON: {e}"))
            }
            other => Ok(Ordered::from(other)),
        }
    }

    pub(super) fn is_null(&self) -> bool {
        self == &Ordered::Leaf(Value::Null)
    }

    /// On several lines, in Jackson's way: `"a" : [ 1, { .. } ]`.
    pub(super) fn pretty(&self) -> String {
        let mut out = String::new();
        self.write(0, &mut out);
        out
    }

    fn write(&self, depth: usize, out: &mut String) {
        match self {
            Ordered::Object(map) if map.is_empty() => out.push_str("{ }"),
            Ordered::Array(list) if list.is_empty() => out.push_str("[ ]"),
            Ordered::Object(map) => {
                out.push('{');
                for (index, (key, value)) in map.iter().enumerate() {
                    out.push_str(if index > 0 { ",\n" } else { "\n" });
                    out.extend(std::iter::repeat_n("  ", depth + 1));
                    out.push_str(&quoted(key));
                    out.push_str(" : ");
                    value.write(depth + 1, out);
                }
                out.push('\n');
                out.extend(std::iter::repeat_n("  ", depth));
                out.push('}');
            }
            Ordered::Array(list) => {
                out.push_str("[ ");
                for (index, value) in list.iter().enumerate() {
                    out.push_str(if index > 0 { ", " } else { "" });
                    value.write(depth, out);
                }
                out.push_str(" ]");
            }
            Ordered::Leaf(value) => out.push_str(&value.to_string()),
        }
    }
}

fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

/// In one line, without blanks.
impl fmt::Display for Ordered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ordered::Object(map) => {
                f.write_str("{")?;
                for (index, (key, value)) in map.iter().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    write!(f, "{comma}{}:{value}", quoted(key))?;
                }
                f.write_str("}")
            }
            Ordered::Array(list) => {
                f.write_str("[")?;
                for (index, value) in list.iter().enumerate() {
                    write!(f, "{}{value}", if index > 0 { "," } else { "" })?;
                }
                f.write_str("]")
            }
            Ordered::Leaf(value) => write!(f, "{value}"),
        }
    }
}

impl From<&Value> for Ordered {
    fn from(value: &Value) -> Ordered {
        match value {
            Value::Object(map) => {
                Ordered::Object(map.iter().map(|(k, v)| (k.clone(), v.into())).collect())
            }
            Value::Array(list) => Ordered::Array(list.iter().map(Ordered::from).collect()),
            leaf => Ordered::Leaf(leaf.clone()),
        }
    }
}

impl<'de> Deserialize<'de> for Ordered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Ordered, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Ordered;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Ordered, E> {
        Ok(Ordered::Leaf(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Ordered, E> {
        Ok(Ordered::Leaf(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Ordered, E> {
        Ok(Ordered::Leaf(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Ordered, E> {
        Ok(Ordered::Leaf(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Ordered, E> {
        Ok(Ordered::Leaf(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Ordered, E> {
        Ok(Ordered::Leaf(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Ordered, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Ordered::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Ordered, A::Error> {
        let mut map = IndexMap::new();
        while let Some((key, value)) = members.next_entry::<String, Ordered>()? {
            map.insert(key, value);
        }
        Ok(Ordered::Object(map))
    }
}
