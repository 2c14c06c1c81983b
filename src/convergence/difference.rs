//! Where states differ: the keys, and who has what there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

/// A key at which replicas differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The place in the state: a JSON pointer (RFC 6901), empty for the state itself.
    pub key: String,
    /// What each replica has there; none if it has no such key.
    pub values: BTreeMap<String, Option<Value>>,
}

/// The keys at which states, by replica, differ: in the order of the keys. Maps are compared key by
/// key, however deep; everything else as a whole.
#[must_use]
pub fn differences(states: &BTreeMap<String, Value>) -> Vec<Difference> {
    let mut found = Vec::new();
    // Keys are pushed in reverse, so that they come in order.
    let all = states.iter().map(|(name, state)| (name.as_str(), Some(state))).collect();
    let mut open: Vec<(String, BTreeMap<&str, Option<&Value>>)> = vec![(String::new(), all)];
    while let Some((key, values)) = open.pop() {
        let mut distinct = values.values();
        let first = distinct.next();
        if distinct.all(|value| Some(value) == first) {
            continue;
        }
        let maps = values.values().map(|value| value.and_then(Value::as_object));
        let Some(maps) = maps.collect::<Option<Vec<_>>>() else {
            let owned = |(name, value): (&str, Option<&Value>)| (name.to_owned(), value.cloned());
            found.push(Difference { key, values: values.into_iter().map(owned).collect() });
            continue;
        };
        let keys: BTreeSet<&String> = maps.iter().flat_map(|map| map.keys()).collect();
        for inner in keys.into_iter().rev() {
            let parts = values.iter().map(|(name, v)| (*name, v.and_then(|v| v.get(inner))));
            let parts = parts.collect();
            let escaped = inner.replace('~', "~0").replace('/', "~1");
            open.push((format!("{key}/{escaped}"), parts));
        }
    }
    found
}

impl fmt::Display for Difference {
    /// `/apple: inventory-0 has 3, inventory-1 and inventory-2 have 5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut groups: Vec<(&Option<Value>, Vec<&str>)> = Vec::new();
        for (name, value) in &self.values {
            match groups.iter_mut().find(|(other, _)| *other == value) {
                Some((_, names)) => names.push(name),
                None => groups.push((value, vec![name])),
            }
        }
        let group = |(value, names): &(&Option<Value>, Vec<&str>)| {
            let verb = if names.len() == 1 { "has" } else { "have" };
            let value = value.as_ref().map_or("nothing".to_owned(), Value::to_string);
            format!("{} {verb} {value}", names.join(" and "))
        };
        let key = if self.key.is_empty() { "the state" } else { &self.key };
        write!(f, "{key}: {}", groups.iter().map(group).collect::<Vec<_>>().join(", "))
    }
}
