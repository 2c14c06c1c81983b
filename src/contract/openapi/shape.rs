//! Two versions of a schema, part by part.
//!
//! What breaks those who read or write messages although every message is still accepted: the type
//! that generated code has, the property that tells kinds apart, a property that never comes. And,
//! for schemas that set algebra does not decide, which part takes less than it has to.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::discriminator::{Alternative, Discriminator, alternatives, partners, referred};
use crate::contract::Direction;
use crate::contract::schema::{Containment, Profile, Schema};
use crate::document::join;

/// The most pairs of parts that are compared.
const MOST_PAIRS: usize = 5_000;
/// The most parts of `allOf` at one place.
const MOST_PARTS: usize = 128;
/// How deep messages are followed.
const DEEPEST: usize = 48;

/// Keywords that say something of other parts, or nothing of messages.
const NOT_OWN: [&str; 23] = [
    "$ref",
    "$defs",
    "$dynamicRef",
    "additionalProperties",
    "allOf",
    "anyOf",
    "contains",
    "definitions",
    "dependentSchemas",
    "discriminator",
    "else",
    "if",
    "items",
    "not",
    "oneOf",
    "patternProperties",
    "prefixItems",
    "properties",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
    "$anchor",
];

/// What a place has where it says nothing.
static ANYTHING: Value = Value::Bool(true);

/// A difference that breaks a promise; its text begins with the place in the message.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) rule: &'static str,
    pub(super) text: String,
}

/// What two versions of a schema differ in.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Breaks people, whatever the set of messages is.
    pub(super) meaning: Vec<Finding>,
    /// Parts that take less than they have to. The whole may make up for it: what counts is the
    /// algebra's word, and these only where it has none.
    pub(super) parts: Vec<Finding>,
    /// True if not everything was compared.
    pub(super) cut: bool,
}

/// Compares two versions of what goes one way.
pub(super) fn compare(old: &Schema, new: &Schema, way: Direction) -> Found {
    let (old, new) = (old.text(), new.text());
    let mut walk = Walk { old, new, way, found: Found::default(), seen: BTreeSet::new() };
    let places = (parts(old, [old]), parts(new, [new]));
    walk.place(&places.0, &places.1, "", 0);
    walk.found
}

/// A schema with all that holds beside it: references followed, `allOf` taken apart.
fn parts<'a>(root: &'a Value, schemas: impl IntoIterator<Item = &'a Value>) -> Vec<&'a Value> {
    let mut open: Vec<&Value> = schemas.into_iter().collect();
    open.reverse();
    let mut all: Vec<&Value> = Vec::new();
    while let Some(schema) = open.pop() {
        if all.len() >= MOST_PARTS || all.iter().any(|known| std::ptr::eq(*known, schema)) {
            continue;
        }
        all.push(schema);
        let inner = schema.get("allOf").and_then(Value::as_array).into_iter().flatten();
        open.extend(inner.rev());
        open.extend(referred(root, schema));
    }
    all
}

type Pair = (Vec<*const Value>, Vec<*const Value>);

struct Walk<'a> {
    old: &'a Value,
    new: &'a Value,
    way: Direction,
    found: Found,
    /// Pairs that were compared, by where they are in memory: asked only whether they are there.
    seen: BTreeSet<Pair>,
}

impl<'a> Walk<'a> {
    /// Compares what holds at a place of a message in both versions.
    fn place(&mut self, old: &[&'a Value], new: &[&'a Value], at: &str, depth: usize) {
        let key = |parts: &[&Value]| parts.iter().map(|p| std::ptr::from_ref(*p)).collect();
        if !self.seen.insert((key(old), key(new))) {
            return;
        }
        let most = old.len().max(new.len());
        if depth > DEEPEST || self.seen.len() > MOST_PAIRS || most >= MOST_PARTS {
            self.found.cut = true;
            return;
        }
        self.meaning(old, new, at);
        let (reader, writer) = if self.is_request() { (new, old) } else { (old, new) };
        self.own(reader, writer, at);
        self.properties(reader, writer, at, depth);
        self.rest(reader, writer, at, depth);
        self.items(reader, writer, at, depth);
        self.alternatives(reader, writer, at, depth);
    }

    fn is_request(&self) -> bool {
        self.way == Direction::Request
    }

    /// The texts of who reads and of who writes.
    fn roots(&self) -> (&'a Value, &'a Value) {
        if self.is_request() { (self.new, self.old) } else { (self.old, self.new) }
    }

    /// Goes on with a part of a message, given for who reads and for who writes.
    fn follow(&mut self, reader: &[&'a Value], writer: &[&'a Value], at: &str, depth: usize) {
        let roots = self.roots();
        let reader = parts(roots.0, reader.iter().copied());
        let writer = parts(roots.1, writer.iter().copied());
        let (old, new) = if self.is_request() { (writer, reader) } else { (reader, writer) };
        self.place(&old, &new, at, depth + 1);
    }

    fn lost(&mut self, at: &str, text: &str) {
        let rule = if self.is_request() { "request-narrowed" } else { "response-widened" };
        let text = format!("{}{text}", place(at));
        // Alternatives share parts: one word of each is enough.
        if !self.found.parts.iter().any(|known| known.text == text) {
            self.found.parts.push(Finding { rule, text });
        }
    }

    fn means(&mut self, rule: &'static str, at: &str, text: &str) {
        let text = format!("{}{text}", place(at));
        if !self.found.meaning.iter().any(|known| known.text == text) {
            self.found.meaning.push(Finding { rule, text });
        }
    }

    /// What breaks although every message is accepted.
    fn meaning(&mut self, old: &[&'a Value], new: &[&'a Value], at: &str) {
        let format = |parts: &[&'a Value]| parts.iter().find_map(|p| p.get("format")?.as_str());
        if let (Some(before), Some(after)) = (format(old), format(new))
            && before != after
        {
            let text = format!(
                "the format is `{after}`, was `{before}`: generated code has another type for it"
            );
            self.means("format-changed", at, &text);
        }
        let refuses = |parts: &[&Value]| parts.contains(&&Value::Bool(false));
        if !self.is_request() {
            self.raised(old, new, at);
            if refuses(new) && !refuses(old) && !at.is_empty() {
                self.means("property-hidden", at, "it was in answers, and never is now");
            }
        }
        let kinds = (Discriminator::of(old), Discriminator::of(new));
        let was_one = alternatives(old).is_empty();
        for text in Discriminator::changes(kinds, self.is_request(), was_one) {
            self.means("discriminator-changed", at, &text);
        }
    }

    /// What may be short is cut; what has to be longer than it was kept can only be made up.
    fn raised(&mut self, old: &[&Value], new: &[&Value], at: &str) {
        let most = |parts: &[&Value], key: &str| {
            let all = parts.iter().filter_map(|part| part.get(key)?.as_u64());
            all.max().unwrap_or(0)
        };
        for (key, unit) in
            [("minLength", "characters"), ("minItems", "items"), ("minProperties", "properties")]
        {
            let (before, after) = (most(old, key), most(new, key));
            if after > before {
                let text = format!(
                    "at least {after} {unit}, were {before}: what was kept with fewer cannot be \
                     given back as it is"
                );
                self.means("response-minimum-raised", at, &text);
            }
        }
    }

    /// What the place says of itself, without its parts.
    fn own(&mut self, reader: &[&Value], writer: &[&Value], at: &str) {
        let [reader, writer] = [reader, writer].map(own);
        if reader == writer {
            return;
        }
        let [Ok(reader), Ok(writer)] = [reader, writer].map(|text| Schema::of_interface(&text))
        else {
            return;
        };
        match reader.contains(&writer, Profile::Open) {
            Containment::Yes => {}
            Containment::Unknown(_) => {
                let pattern = |schema: &Schema| schema.text().get("pattern").cloned();
                if let (Some(accepted), sent) = (pattern(&reader), pattern(&writer))
                    && sent.as_ref() != Some(&accepted)
                {
                    let text = format!("{accepted} is another pattern than what is sent follows");
                    self.lost(at, &text);
                }
            }
            Containment::No(Some(example)) => {
                self.lost(at, &format!("{example} is possible, and not accepted"));
            }
            Containment::No(None) => self.lost(at, "more is possible than is accepted"),
        }
    }

    fn properties(&mut self, reader: &[&'a Value], writer: &[&'a Value], at: &str, depth: usize) {
        let (accepted, sent) = (properties(reader), properties(writer));
        for (name, sent) in &sent {
            let inner = join(at, name);
            match accepted.get(name) {
                Some(accepted) => self.follow(accepted, sent, &inner, depth),
                None if sent.contains(&&Value::Bool(false)) => {}
                None => match others(reader) {
                    Some(Value::Bool(false)) => self.lost(&inner, "it is refused as unknown"),
                    Some(all) => self.follow(&[all], sent, &inner, depth),
                    None => {}
                },
            }
        }
        let is_required = |name: &str| {
            let lists = writer.iter().filter_map(|part| part.get("required")?.as_array());
            lists.flatten().any(|own| own == name)
        };
        for (name, accepted) in accepted.iter().filter(|(name, _)| !sent.contains_key(*name)) {
            if is_required(name) && others(writer).is_none() {
                self.follow(accepted, &[&ANYTHING], &join(at, name), depth);
            }
        }
    }

    /// Properties that are not named. Where a writer is silent it sends none.
    fn rest(&mut self, reader: &[&'a Value], writer: &[&'a Value], at: &str, depth: usize) {
        let (Some(accepted), Some(sent)) = (others(reader), others(writer)) else { return };
        if sent != &Value::Bool(false) {
            self.follow(&[accepted], &[sent], &join(at, "*"), depth);
        }
    }

    fn items(&mut self, reader: &[&'a Value], writer: &[&'a Value], at: &str, depth: usize) {
        let items =
            |parts: &[&'a Value]| parts.iter().filter_map(|part| part.get("items")).collect();
        let (accepted, mut sent): (Vec<&Value>, Vec<&Value>) = (items(reader), items(writer));
        if accepted.is_empty() {
            return;
        }
        if sent.is_empty() {
            let can = |part: &&Value| match part.get("type") {
                Some(Value::String(own)) => own == "array",
                Some(Value::Array(all)) => all.iter().any(|own| own == "array"),
                _ => true,
            };
            if !writer.iter().all(can) {
                return;
            }
            sent.push(&ANYTHING);
        }
        self.follow(&accepted, &sent, &join(at, "0"), depth);
    }

    /// Each alternative of who writes needs one of who reads.
    fn alternatives(&mut self, reader: &[&'a Value], writer: &[&'a Value], at: &str, depth: usize) {
        let (accepted, sent) = (alternatives(reader), alternatives(writer));
        if sent.is_empty() {
            return;
        }
        if accepted.is_empty() {
            // What stands beside alternatives adds to each of them: only bare ones are compared.
            let adds = ["allOf", "properties", "required"];
            let bare = |part: &&Value| !adds.iter().any(|key| part.get(*key).is_some());
            for own in sent.iter().filter(|_| writer.iter().all(bare)) {
                self.follow(reader, &[own.schema], at, depth);
            }
            return;
        }
        let roots = self.roots();
        let kinds = (Discriminator::of(reader), Discriminator::of(writer));
        let found = partners((roots.0, &accepted, kinds.0), (roots.1, &sent, kinds.1));
        for (Alternative { name, schema }, partner) in sent.iter().zip(found) {
            match partner {
                Some(index) => self.follow(&[accepted[index].schema], &[schema], at, depth),
                None => {
                    let name = name.map_or("one".to_owned(), |name| format!("`{name}`"));
                    let text = format!("{name} of several is possible, and not accepted");
                    self.lost(at, &text);
                }
            }
        }
    }
}

fn place(at: &str) -> String {
    if at.is_empty() { String::new() } else { format!("{at}: ") }
}

/// The keywords of all parts that say something of the value itself.
fn own(parts: &[&Value]) -> Value {
    let own = |part: &&Value| match part {
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(key, _)| !NOT_OWN.contains(&key.as_str()));
            Value::Object(fields.map(|(key, value)| (key.clone(), value.clone())).collect())
        }
        other => (*other).clone(),
    };
    let all = parts.iter().map(own);
    let mut all: Vec<Value> = all.filter(|own| own != &Value::Object(Map::new())).collect();
    match all.len() {
        0 => ANYTHING.clone(),
        1 => all.remove(0),
        _ => serde_json::json!({ "allOf": all }),
    }
}

/// The properties that any part names, with all that is said of each.
fn properties<'a>(parts: &[&'a Value]) -> BTreeMap<&'a str, Vec<&'a Value>> {
    let mut all: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for part in parts {
        let own = part.get("properties").and_then(Value::as_object);
        for (name, schema) in own.into_iter().flatten() {
            all.entry(name).or_default().push(schema);
        }
    }
    all
}

/// What is said of properties that are not named; none if nothing is.
fn others<'a>(parts: &[&'a Value]) -> Option<&'a Value> {
    parts.iter().find_map(|part| part.get("additionalProperties"))
}
