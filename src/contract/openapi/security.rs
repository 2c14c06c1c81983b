//! What a caller has to prove before an operation is done.

use serde_json::Value;

use super::compare::Pair;
use super::{Operation, Reader};
use crate::contract::Bump::Major;
use crate::contract::Direction::Request;
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
                let text = scheme.map_or(Value::Null, |(_, text)| essence(text));
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

/// A scheme without what only people read. Scopes count where an operation asks for them.
fn essence(scheme: &Value) -> Value {
    let mut text = scheme.clone();
    let Value::Object(fields) = &mut text else { return text };
    fields.retain(|key, _| key != "description" && !key.starts_with("x-"));
    if let Some(Value::Object(flows)) = fields.get_mut("flows") {
        flows.retain(|key, _| !key.starts_with("x-"));
        for flow in flows.values_mut().filter_map(Value::as_object_mut) {
            flow.retain(|key, _| key != "scopes" && !key.starts_with("x-"));
        }
    }
    text
}

impl Requirement {
    /// True if whoever meets `self` meets `other` too: it asks for no more.
    pub(super) fn is_enough_for(&self, other: &Requirement) -> bool {
        other.schemes.iter().all(|needed| {
            self.schemes.iter().any(|own| {
                own.is_one_of(needed)
                    && needed.scopes.iter().all(|scope| own.scopes.contains(scope))
            })
        })
    }
}

impl Scheme {
    /// Where its credentials stand in a request: `header` and a name. None if that is not known.
    pub(super) fn place(&self) -> Option<(&str, &str)> {
        let text = |key: &str| self.text.get(key).and_then(Value::as_str);
        match text("type")? {
            "apiKey" => Some((text("in")?, text("name")?)),
            "http" | "oauth2" | "openIdConnect" => Some(("header", "authorization")),
            _ => None,
        }
    }

    /// True if `other` is the same, maybe with more ways (flows) to a token. Two of one kind are
    /// told apart by name: they may take other people's credentials.
    fn is_one_of(&self, other: &Scheme) -> bool {
        let (Value::Object(own), Value::Object(others)) = (&self.text, &other.text) else {
            return self.name == other.name && self.text == other.text;
        };
        self.name == other.name
            && own.len() == others.len()
            && own.iter().all(|(key, own)| match (key.as_str(), own, others.get(key)) {
                ("flows", Value::Object(own), Some(Value::Object(others))) => {
                    own.iter().all(|(kind, flow)| others.get(kind) == Some(flow))
                }
                (_, own, other) => other == Some(own),
            })
    }
}

impl Pair<'_> {
    pub(super) fn security(&mut self, old: &Operation, new: &Operation) {
        if old.security == new.security || new.security.is_empty() {
            return;
        }
        let met =
            |before: &Requirement| new.security.iter().any(|after| before.is_enough_for(after));
        let nothing = [Requirement { schemes: Vec::new() }];
        let before = if old.security.is_empty() { &nothing[..] } else { &old.security };
        for requirement in before.iter().filter(|requirement| !met(requirement)) {
            let names: Vec<&str> = requirement.schemes.iter().map(|s| s.name.as_str()).collect();
            let who = if names.is_empty() { "nothing".to_owned() } else { names.join(" and ") };
            let text = format!("who proved {who} is refused now");
            self.add("security-narrowed", &new.at, Request, Major, text);
        }
    }
}
