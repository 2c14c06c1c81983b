//! The alternatives of a schema, and the property that tells them apart.

use std::collections::BTreeMap;

use serde_json::Value;

/// One of `oneOf` or `anyOf`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alternative<'a> {
    /// The name of the schema that it refers to.
    pub(super) name: Option<&'a str>,
    pub(super) schema: &'a Value,
}

/// The alternatives at a place; none if there are several lists of them, which restrict each other.
pub(super) fn alternatives<'a>(parts: &[&'a Value]) -> Vec<Alternative<'a>> {
    let lists = parts.iter().flat_map(|part| {
        ["oneOf", "anyOf"].into_iter().filter_map(|key| part.get(key).and_then(Value::as_array))
    });
    let lists: Vec<&Vec<Value>> = lists.collect();
    let [list] = lists[..] else { return Vec::new() };
    let alternative = |schema: &'a Value| {
        let reference = schema.get("$ref").and_then(Value::as_str);
        Alternative { name: reference.map(last), schema }
    };
    list.iter().map(alternative).collect()
}

/// What a schema refers to.
pub(super) fn referred<'a>(root: &'a Value, schema: &Value) -> Option<&'a Value> {
    let reference = schema.get("$ref").and_then(Value::as_str)?;
    root.pointer(reference.strip_prefix('#')?)
}

/// The last name of a reference.
fn last(reference: &str) -> &str {
    reference.rsplit('/').next().unwrap_or(reference)
}

/// The property that names the alternative of a message (OpenAPI 3.1, Discriminator Object).
#[derive(Debug)]
pub(super) struct Discriminator<'a> {
    property: &'a str,
    /// The names of schemas by the values that mean them. A schema that is mapped goes by those
    /// values; one that is not, by its name.
    values: BTreeMap<&'a str, &'a str>,
}

impl<'a> Discriminator<'a> {
    /// That of a place.
    pub(super) fn of(parts: &[&'a Value]) -> Option<Discriminator<'a>> {
        let own = parts.iter().find_map(|part| part.get("discriminator"))?;
        let property = own.get("propertyName").and_then(Value::as_str)?;
        let mapping = own.get("mapping").and_then(Value::as_object).into_iter().flatten();
        let mut values: BTreeMap<&str, &str> = mapping
            .filter_map(|(value, target)| Some((value.as_str(), last(target.as_str()?))))
            .collect();
        let names: Vec<&str> = alternatives(parts).iter().filter_map(|own| own.name).collect();
        for name in names {
            if !values.values().any(|known| *known == name) {
                values.insert(name, name);
            }
        }
        Some(Discriminator { property, values })
    }

    /// The property, and all values that it may have; none if any may be.
    pub(super) fn known(&self) -> Option<(&'a str, Vec<&'a str>)> {
        let values: Vec<&str> = self.values.keys().copied().collect();
        (!values.is_empty()).then_some((self.property, values))
    }

    /// What a change of it breaks.
    pub(super) fn changes(
        kinds: (Option<Discriminator<'_>>, Option<Discriminator<'_>>),
        is_request: bool,
        was_one: bool,
    ) -> Vec<String> {
        match kinds {
            (None, None) => Vec::new(),
            (Some(old), None) => {
                let text = format!("nothing tells alternatives apart now, `{}` did", old.property);
                if is_request { Vec::new() } else { vec![text] }
            }
            (None, Some(new)) => {
                let property = new.property;
                match (is_request, was_one) {
                    (true, _) => vec![format!("`{property}` has to name an alternative now")],
                    (false, true) => vec![format!(
                        "it is one of several kinds now, which `{property}` tells apart: generated \
                         code has another type for it"
                    )],
                    (false, false) => Vec::new(),
                }
            }
            (Some(old), Some(new)) if old.property != new.property => {
                vec![format!("`{}` tells alternatives apart, was `{}`", new.property, old.property)]
            }
            (Some(old), Some(new)) => {
                let (reader, writer) = if is_request { (&new, &old) } else { (&old, &new) };
                if reader.values.is_empty() {
                    return Vec::new();
                }
                let strange =
                    writer.values.keys().filter(|value| !reader.values.contains_key(*value));
                strange
                    .map(|value| format!("`{value}` of `{}` is no known kind", writer.property))
                    .collect()
            }
        }
    }

    /// The values that mean a schema.
    fn values_of(&self, name: &str) -> Vec<&'a str> {
        let own = self.values.iter().filter(|(_, schema)| **schema == name);
        own.map(|(value, _)| *value).collect()
    }
}

/// The alternatives of one side: the text they are in, themselves, and what tells them apart.
type Side<'a, 'b> = (&'a Value, &'b [Alternative<'a>], Option<Discriminator<'a>>);

/// For each alternative of the writer the one of the reader that stands for it: told by the
/// discriminator, else by name, else by what it says, else by its turn among those without a name.
pub(super) fn partners(reader: Side<'_, '_>, writer: Side<'_, '_>) -> Vec<Option<usize>> {
    let (reader_root, accepted, reader_kinds) = reader;
    let (writer_root, sent, writer_kinds) = writer;
    let mut found: Vec<Option<usize>> = vec![None; sent.len()];
    let mut pair = |same: &dyn Fn(&Alternative<'_>, &Alternative<'_>) -> bool| {
        for (index, own) in sent.iter().enumerate() {
            if found[index].is_none() {
                let free = |i: &usize| !found.contains(&Some(*i));
                found[index] = (0..accepted.len()).filter(free).find(|i| same(&accepted[*i], own));
            }
        }
    };
    if let (Some(reader), Some(writer)) = (&reader_kinds, &writer_kinds) {
        pair(&|accepted, own| match (accepted.name, own.name) {
            (Some(accepted), Some(own)) => {
                let known = reader.values_of(accepted);
                writer.values_of(own).iter().any(|value| known.contains(value))
            }
            _ => false,
        });
    } else {
        pair(&|accepted, own| accepted.name.is_some() && accepted.name == own.name);
        pair(&|accepted, own| {
            let text = |root, own: &Alternative<'_>| {
                referred(root, own.schema).unwrap_or(own.schema).clone()
            };
            text(reader_root, accepted) == text(writer_root, own)
        });
    }
    pair(&|accepted, own| accepted.name.is_none() && own.name.is_none());
    found
}
