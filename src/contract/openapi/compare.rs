//! Two versions of an interface, operation by operation.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Body, OpenApi, Operation, Parameter, Response};
use crate::contract::schema::{Containment, Profile, Schema, anything};
use crate::contract::{Bump, Change, Diff, Direction};
use crate::document::join;

use Bump::{Major, Minor};
use Direction::{Request, Response as Reply};

impl OpenApi {
    /// How `new` differs from `self`: requests that the old one took must be taken, responses that
    /// the new one sends must have been allowed. Senders are taken to send only what they declare.
    #[must_use]
    pub fn diff(&self, new: &OpenApi) -> Diff {
        let mut diff = Diff { touched: self.text != new.text, ..Diff::default() };
        if !diff.touched {
            return diff;
        }
        for (key, old) in &self.operations {
            match new.operations.get(key) {
                Some(new) => operation(old, new, &mut diff),
                None => {
                    let at = format!("{} {}", old.method, old.path);
                    let text = "the operation is gone: whoever calls it is refused";
                    let mut change = Change::new("operation-removed", at, Request, Major, text);
                    change.witness = Some(json!({ "method": old.method, "path": old.path }));
                    diff.changes.push(change);
                }
            }
        }
        for new in new.operations.iter().filter(|(key, _)| !self.operations.contains_key(*key)) {
            let at = format!("{} {}", new.1.method, new.1.path);
            let text = "a new operation";
            diff.changes.push(Change::new("operation-added", at, Request, Minor, text));
        }
        diff
    }
}

fn operation(old: &Operation, new: &Operation, diff: &mut Diff) {
    let mut pair = Pair { name: format!("{} {}", new.method, new.path), diff };
    pair.parameters(old, new);
    pair.body(old.body.as_ref(), new.body.as_ref(), new);
    pair.responses(&old.responses, &new.responses);
    pair.security(old, new);
}

/// An operation in both versions.
struct Pair<'a> {
    name: String,
    diff: &'a mut Diff,
}

impl Pair<'_> {
    fn add(&mut self, rule: &'static str, at: &str, to: Direction, bump: Bump, text: String) {
        let at = if at.is_empty() { self.name.clone() } else { format!("{} {at}", self.name) };
        self.diff.changes.push(Change::new(rule, at, to, bump, text));
    }

    fn parameters(&mut self, old: &Operation, new: &Operation) {
        let same = |a: &Parameter, b: &Parameter| {
            a.place == b.place
                && match a.place.as_str() {
                    "path" => order(&old.path, &a.name) == order(&new.path, &b.name),
                    _ => a.name == b.name,
                }
        };
        for before in &old.parameters {
            match new.parameters.iter().find(|after| same(before, after)) {
                Some(after) => self.parameter(before, after, Request),
                None if before.place == "path" => {}
                None => {
                    let text = format!("the {} parameter `{}` is gone", before.place, before.name);
                    self.add("parameter-removed", &before.at, Request, Major, text);
                }
            }
        }
        for after in &new.parameters {
            if old.parameters.iter().any(|before| same(before, after)) || after.place == "path" {
                continue;
            }
            let (rule, bump, text) = match after.required {
                true => ("required-parameter-added", Major, "must be given now"),
                false => ("parameter-added", Minor, "may be given now"),
            };
            let text = format!("the {} parameter `{}` {text}", after.place, after.name);
            self.add(rule, &after.at, Request, bump, text);
        }
    }

    fn parameter(&mut self, old: &Parameter, new: &Parameter, way: Direction) {
        let what = format!("the {} parameter `{}`", new.place, new.name);
        if (&old.style, old.explode) != (&new.style, new.explode) {
            let text = format!("{what} is written another way ({}, {})", old.style, new.style);
            self.add("parameter-style-changed", &new.at, way, Major, text);
        }
        if old.allows_empty && !new.allows_empty {
            let text = format!("{what} may not be empty any more");
            self.add("parameter-empty-refused", &new.at, way, Major, text);
        }
        match (way, old.required, new.required) {
            (Request, false, true) => {
                let text = format!("{what} must be given now");
                self.add("parameter-required", &new.at, way, Major, text);
            }
            (Request, true, false) => {
                let text = format!("{what} may be left out now");
                self.add("parameter-optional", &new.at, way, Minor, text);
            }
            _ => {}
        }
        self.schemas(old.schema.as_ref(), new.schema.as_ref(), &new.at, way);
    }

    fn body(&mut self, old: Option<&Body>, new: Option<&Body>, operation: &Operation) {
        match (old, new) {
            (None, None) => {}
            (None, Some(new)) => {
                let bump = if new.required { Major } else { Minor };
                self.add("body-added", &new.at, Request, bump, "a body may be sent".into());
            }
            (Some(_), None) => {
                let text = "no body is taken any more".into();
                self.add("body-removed", &operation.at, Request, Major, text);
            }
            (Some(old), Some(new)) => {
                if !old.required && new.required {
                    let text = "the body must be sent now".into();
                    self.add("body-required", &new.at, Request, Major, text);
                }
                self.content(&old.content, &new.content, &new.at, Request);
            }
        }
    }

    fn content(&mut self, old: &Content, new: &Content, at: &str, way: Direction) {
        for (media, before) in old {
            match new.get(media) {
                Some(after) => self.schemas(before.as_ref(), after.as_ref(), at, way),
                None if way == Request && new.keys().any(|range| in_range(media, range)) => {
                    let range = new.iter().find(|(range, _)| in_range(media, range));
                    let after = range.and_then(|(_, schema)| schema.as_ref());
                    self.schemas(before.as_ref(), after, at, way);
                }
                None => {
                    let text = format!("`{media}` is gone");
                    self.add("media-type-removed", at, way, Major, text);
                }
            }
        }
        for media in new.keys().filter(|media| !old.contains_key(*media)) {
            let text = format!("`{media}` is possible now");
            self.add("media-type-added", at, way, Minor, text);
        }
    }

    fn responses(&mut self, old: &Responses, new: &Responses) {
        for (status, before) in old {
            match new.get(status) {
                Some(after) => {
                    self.content(&before.content, &after.content, &after.at, Reply);
                    self.headers(before, after);
                }
                None => {
                    let bump = if status.starts_with('2') { Major } else { Minor };
                    let text = format!("{status} is no answer any more");
                    self.add("response-removed", &before.at, Reply, bump, text);
                }
            }
        }
        for (status, after) in new.iter().filter(|(status, _)| !old.contains_key(*status)) {
            let text = format!("{status} is a new answer");
            self.add("response-added", &after.at, Reply, Minor, text);
        }
    }

    fn headers(&mut self, old: &Response, new: &Response) {
        for (name, before) in &old.headers {
            match new.headers.get(name) {
                Some(after) => {
                    if before.required && !after.required {
                        let text = format!("the header `{name}` may be missing now");
                        self.add("header-optional", &after.at, Reply, Major, text);
                    }
                    self.parameter(before, after, Reply);
                }
                None => {
                    let text = format!("the header `{name}` is gone");
                    self.add("header-removed", &before.at, Reply, Major, text);
                }
            }
        }
        for (name, after) in new.headers.iter().filter(|(name, _)| !old.headers.contains_key(*name))
        {
            let text = format!("the header `{name}` is new");
            self.add("header-added", &after.at, Reply, Minor, text);
        }
    }

    fn security(&mut self, old: &Operation, new: &Operation) {
        if old.security == new.security || new.security.is_empty() {
            return;
        }
        let at = new.at.clone();
        let met = |before: &super::security::Requirement| {
            new.security.iter().any(|after| before.is_enough_for(after))
        };
        let nothing = super::security::Requirement { schemes: Vec::new() };
        let before = if old.security.is_empty() { vec![nothing] } else { old.security.clone() };
        for requirement in before.iter().filter(|requirement| !met(requirement)) {
            let names: Vec<&str> = requirement.schemes.iter().map(|s| s.name.as_str()).collect();
            let who = if names.is_empty() { "nothing".to_owned() } else { names.join(" and ") };
            let text = format!("who proved {who} is refused now");
            self.add("security-narrowed", &at, Request, Major, text);
        }
    }

    fn schemas(&mut self, old: Option<&Schema>, new: Option<&Schema>, at: &str, way: Direction) {
        if old.map(Schema::text) == new.map(Schema::text) {
            return;
        }
        let any = Schema::new(
            &anything(),
            crate::contract::Settings {
                formats: Some(true),
                draft: Some(jsonschema::Draft::Draft202012),
            },
        );
        let any = any.expect("the empty schema is one");
        let (old, new) = (old.unwrap_or(&any), new.unwrap_or(&any));
        let name = if at.is_empty() { self.name.clone() } else { format!("{} {at}", self.name) };
        if let Some(place) = other_discriminator(old.text(), new.text(), "") {
            let text = "the property that tells schemas apart, or what it says, is another one";
            let at = format!("{name}{place}");
            self.diff.changes.push(Change::new("discriminator-changed", at, way, Major, text));
        }
        schemas(old, new, &name, way, Profile::ClosedWriter, self.diff);
    }
}

type Content = BTreeMap<String, Option<Schema>>;
type Responses = BTreeMap<String, Response>;

/// Compares two versions of what goes one way.
pub(in crate::contract) fn schemas(
    old: &Schema,
    new: &Schema,
    at: &str,
    way: Direction,
    profile: Profile,
    diff: &mut Diff,
) {
    let (rule, lost, gained) = match way {
        Request => {
            ("request-narrowed", "a message that was taken is refused now", "request-widened")
        }
        Reply => {
            ("response-widened", "a message may come that was never allowed", "response-narrowed")
        }
        Direction::Event => {
            ("event-widened", "an event may come that was never allowed", "event-narrowed")
        }
    };
    let (reader, writer) = if way == Request { (new, old) } else { (old, new) };
    match reader.contains(writer, profile) {
        Containment::Yes => match writer.contains(reader, Profile::Open) {
            Containment::Yes => {}
            _ => {
                let text = "what goes this way changed, and nothing that was promised broke";
                diff.changes.push(Change::new(gained, at, way, Minor, text));
            }
        },
        Containment::No(witness) => {
            let text = match witness {
                Some(_) => lost.to_owned(),
                None => format!("{lost} (proven; no example was found)"),
            };
            let change = Change::new(rule, at, way, Major, text);
            diff.changes.push(Change { witness, ..change });
        }
        Containment::Unknown(reason) => diff.unknown.push(format!("{at} ({way}): {reason}")),
    }
}

/// Where both versions of a schema have a discriminator, and not the same.
fn other_discriminator(old: &Value, new: &Value, at: &str) -> Option<String> {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => old.iter().find_map(|(key, before)| {
            let after = new.get(key)?;
            let is_one = key == "discriminator" && before.get("propertyName").is_some();
            if is_one && before != after {
                return Some(join(at, key));
            }
            other_discriminator(before, after, &join(at, key))
        }),
        (Value::Array(old), Value::Array(new)) => old
            .iter()
            .zip(new)
            .enumerate()
            .find_map(|(i, (old, new))| other_discriminator(old, new, &format!("{at}/{i}"))),
        _ => None,
    }
}

/// The position of a parameter among those of a path.
fn order(path: &str, name: &str) -> Option<usize> {
    path.split('{').skip(1).position(|part| part.split('}').next() == Some(name))
}

fn in_range(media: &str, range: &str) -> bool {
    let prefix = range.strip_suffix('*');
    range == "*/*"
        || prefix.is_some_and(|prefix| prefix.ends_with('/') && media.starts_with(prefix))
}
