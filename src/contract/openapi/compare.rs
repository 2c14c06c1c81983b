//! Two versions of an interface, operation by operation.

use serde_json::json;

use super::route::plain_name;
use super::{OpenApi, Operation, Parameter, shape};
use crate::contract::schema::{Containment, Profile, Schema, anything};
use crate::contract::{Bump, Change, Diff, Direction};

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
    pair.name_of_code(old, new);
    pair.parameters(old, new);
    pair.body(old.body.as_ref(), new.body.as_ref(), new);
    pair.responses(&old.responses, &new.responses);
    pair.security(old, new);
}

/// An operation in both versions.
pub(super) struct Pair<'a> {
    name: String,
    diff: &'a mut Diff,
}

impl Pair<'_> {
    pub(super) fn add(
        &mut self,
        rule: &'static str,
        at: &str,
        to: Direction,
        bump: Bump,
        text: String,
    ) {
        let at = if at.is_empty() { self.name.clone() } else { format!("{} {at}", self.name) };
        self.diff.changes.push(Change::new(rule, at, to, bump, text));
    }

    fn name_of_code(&mut self, old: &Operation, new: &Operation) {
        let Some(before) = old.id.as_ref().filter(|_| old.id != new.id) else { return };
        let text = match &new.id {
            Some(after) => format!("`{before}` is called `{after}` now: generated clients call it"),
            None => format!("`{before}` has no name any more: generated clients call it"),
        };
        self.add("operation-renamed", &new.at, Request, Major, text);
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

    pub(super) fn parameter(&mut self, old: &Parameter, new: &Parameter, way: Direction) {
        let what = format!("the {} parameter `{}`", new.place, new.name);
        if (&old.style, old.explode) != (&new.style, new.explode) {
            let text = format!("{what} is written another way ({}, {})", old.style, new.style);
            self.add("parameter-style-changed", &new.at, way, Major, text);
        }
        if old.allows_empty && !new.allows_empty {
            let text = format!("{what} may not be empty any more");
            self.add("parameter-empty-refused", &new.at, way, Major, text);
        }
        if let (Some(before), Some(after), Request) = (&old.default, &new.default, way)
            && before != after
        {
            let text = format!("{what} means {after} where it is left out, meant {before}");
            self.add("parameter-default-changed", &new.at, way, Major, text);
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
        match old.content.is_empty() || new.content.is_empty() {
            true => self.schemas(old.schema.as_ref(), new.schema.as_ref(), &new.at, way),
            false => self.content(&old.content, &new.content, &new.at, way),
        }
    }

    /// Compares two versions of a schema, none of which takes anything.
    pub(super) fn schemas(
        &mut self,
        old: Option<&Schema>,
        new: Option<&Schema>,
        at: &str,
        way: Direction,
    ) {
        if old.map(Schema::text) == new.map(Schema::text) {
            return;
        }
        let any = Schema::of_interface(&anything()).expect("the empty schema is one");
        let (old, new) = (old.unwrap_or(&any), new.unwrap_or(&any));
        let name = format!("{} {at}", self.name);
        let found = shape::compare(old, new, way);
        let change =
            |finding: shape::Finding| Change::new(finding.rule, &name, way, Major, finding.text);
        self.diff.changes.extend(found.meaning.into_iter().map(change));
        if found.cut {
            let reason = format!("{name} ({way}): too large to be compared part by part");
            self.diff.unknown.push(reason);
        }
        let mut whole = Diff::default();
        schemas(old, new, &name, way, Profile::ClosedWriter, &mut whole);
        if !whole.unknown.is_empty() && !found.parts.is_empty() {
            whole.unknown.clear();
            whole.changes.extend(found.parts.into_iter().map(change));
        }
        self.diff.extend(whole);
    }
}

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

/// The position of a parameter among those of a path.
fn order(path: &str, name: &str) -> Option<usize> {
    path.split('{').skip(1).position(|part| part.split('}').next().map(plain_name) == Some(name))
}
