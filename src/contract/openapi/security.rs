//! What a caller has to prove before an operation is done.

use serde_json::Value;

use super::Reader;
use crate::document::join;
use crate::error::Result;

/// One way of several: schemes, all of which are needed, with their texts and the scopes asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Requirement {
    pub(super) schemes: Vec<Scheme>,
}

/// A security scheme as an operation asks for it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scheme {
    pub(super) name: String,
    pub(super) text: Value,
    pub(super) scopes: Vec<String>,
}

impl Reader<'_> {
    /// The alternatives of an operation; empty if it asks for nothing.
    pub(super) fn security(&self, operation: &str) -> Result<Vec<Requirement>> {
        let own = format!("{operation}/security");
        let pointer = if self.document.get(&own).is_some() { own } else { "/security".into() };
        let mut all = Vec::new();
        for index in 0..self.list(&pointer)? {
            let at = format!("{pointer}/{index}");
            let mut schemes = Vec::new();
            for (name, scopes) in self.map(&at)?.into_iter().flatten() {
                let scheme = self.at(&join("/components/securitySchemes", name))?;
                let mut text = scheme.map_or(Value::Null, |(_, text)| text.clone());
                if let Value::Object(fields) = &mut text {
                    fields.remove("description");
                }
                let scopes = scopes.as_array().into_iter().flatten();
                let mut scopes: Vec<String> =
                    scopes.filter_map(|s| s.as_str().map(str::to_owned)).collect();
                scopes.sort();
                schemes.push(Scheme { name: name.clone(), text, scopes });
            }
            schemes.sort_by(|a, b| a.name.cmp(&b.name));
            all.push(Requirement { schemes });
        }
        Ok(all)
    }
}

impl Requirement {
    /// True if whoever meets `self` meets `other` too: it asks for no more.
    pub(super) fn is_enough_for(&self, other: &Requirement) -> bool {
        other.schemes.iter().all(|needed| {
            self.schemes.iter().any(|own| {
                own.name == needed.name
                    && own.text == needed.text
                    && needed.scopes.iter().all(|scope| own.scopes.contains(scope))
            })
        })
    }
}
