//! A part of a compose file, and the ways to read it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use super::interpolate::interpolate;
use super::{Place, Variables, Warning};
use crate::document::{Document, join};
use crate::error::{Error, Result, hint};

/// One file while it is read.
#[derive(Debug)]
pub(super) struct File {
    pub(super) document: Document,
    /// Where the files are that it names; none for a text without a place.
    pub(super) folder: Option<PathBuf>,
    pub(super) variables: Variables,
    pub(super) warnings: RefCell<Vec<Warning>>,
    pub(super) ignored: RefCell<BTreeMap<String, usize>>,
}

impl File {
    pub(super) fn new(document: Document, folder: Option<PathBuf>, variables: Variables) -> File {
        let (warnings, ignored) = (RefCell::default(), RefCell::default());
        File { document, folder, variables, warnings, ignored }
    }

    pub(super) fn root(&self) -> Part<'_> {
        Part { file: self, at: String::new(), value: self.document.value() }
    }
}

/// A part of a file.
#[derive(Clone, Debug)]
pub(super) struct Part<'a> {
    pub(super) file: &'a File,
    at: String,
    pub(super) value: &'a Value,
}

impl<'a> Part<'a> {
    pub(super) fn place(&self) -> Place {
        let document = &self.file.document;
        Place { file: document.file().to_owned(), line: document.line(&self.at) }
    }

    pub(super) fn error(&self, reason: impl Into<String>) -> Error {
        self.file.document.error(&self.at, reason)
    }

    pub(super) fn warn(&self, text: impl Into<String>) {
        let warning = Warning { place: self.place(), text: text.into() };
        self.file.warnings.borrow_mut().push(warning);
    }

    fn part(&self, key: &str, value: &'a Value) -> Part<'a> {
        Part { file: self.file, at: join(&self.at, key), value }
    }

    /// The part at that key, unless there is none, or nothing in it.
    pub(super) fn get(&self, key: &str) -> Option<Part<'a>> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        Some(self.part(key, value))
    }

    pub(super) fn expected(&self, what: &str) -> Error {
        let is = match self.value {
            Value::Null => "nothing".to_owned(),
            Value::Bool(_) | Value::Number(_) => self.value.to_string(),
            Value::String(text) => {
                let short: String = text.chars().take(60).collect();
                format!("{short:?}")
            }
            Value::Array(_) => "a list".to_owned(),
            Value::Object(_) => "a map".to_owned(),
        };
        self.error(format!("{} is {is}; {what} was expected", self.named()))
    }

    /// What errors call it: an entry of a list has no name of its own, and is called after its list.
    fn named(&self) -> String {
        let mut keys = self.at.rsplit('/');
        let (key, list) = (keys.next().unwrap_or_default(), keys.next());
        match (list, self.at.strip_prefix("/services/").and_then(|at| at.split('/').next())) {
            (Some(list), Some(service)) if key.parse::<usize>().is_ok() => {
                format!("an entry of `{list}` of `{service}`")
            }
            (Some(list), None) if key.parse::<usize>().is_ok() => format!("an entry of `{list}`"),
            _ if key.is_empty() => "the file".to_owned(),
            _ => format!("`{key}`"),
        }
    }

    /// The parts of a map, in the order of their lines.
    pub(super) fn entries(&self) -> Result<Vec<(&'a str, Part<'a>)>> {
        let Value::Object(map) = self.value else { return Err(self.expected("a map")) };
        let entries = map.iter().map(|(key, value)| (key.as_str(), self.part(key, value)));
        let mut entries: Vec<(&str, Part<'_>)> = entries.collect();
        entries.sort_by_cached_key(|(_, part)| self.file.document.line(&part.at));
        Ok(entries)
    }

    /// The parts of a list.
    pub(super) fn items(&self) -> Result<Vec<Part<'a>>> {
        let Value::Array(list) = self.value else { return Err(self.expected("a list")) };
        Ok(list.iter().enumerate().map(|(i, item)| self.part(&i.to_string(), item)).collect())
    }

    /// The parts of a list, or the one part itself.
    pub(super) fn one_or_more(&self) -> Result<Vec<Part<'a>>> {
        if self.value.is_array() { self.items() } else { Ok(vec![self.clone()]) }
    }

    /// A text or a number or a flag as text, variables replaced.
    pub(super) fn text(&self) -> Result<String> {
        match self.value {
            Value::String(text) => {
                let mut unset = Vec::new();
                let done = interpolate(text, &self.file.variables, &mut unset);
                for name in unset {
                    self.warn(format!("the variable `{name}` is not set: taken as empty"));
                }
                done.map_err(|reason| self.error(reason))
            }
            Value::Number(_) | Value::Bool(_) => Ok(self.value.to_string()),
            _ => Err(self.expected("a text")),
        }
    }

    pub(super) fn texts(&self) -> Result<Vec<String>> {
        self.items()?.iter().map(Part::text).collect()
    }

    pub(super) fn number(&self, most: u32) -> Result<u32> {
        let number = self.text()?.trim().parse().ok().filter(|number| *number <= most);
        number.ok_or_else(|| self.expected(&format!("a whole number from 0 to {most}")))
    }

    pub(super) fn flag(&self) -> Result<bool> {
        match &*self.text()? {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(self.expected("`true` or `false`")),
        }
    }

    /// Warns of keys that are not in `known`, and counts those that are in `ignored`.
    pub(super) fn check_keys(&self, what: &str, known: &[&str], ignored: &[&str]) -> Result {
        for (key, part) in self.entries()? {
            if ignored.contains(&key) {
                *self.file.ignored.borrow_mut().entry(key.to_owned()).or_default() += 1;
            } else if !known.contains(&key) && !key.starts_with("x-") {
                let hint = hint(key, known.iter().chain(ignored).copied());
                part.warn(format!("{what} has no key `{key}`: not read{hint}"));
            }
        }
        Ok(())
    }
}
