//! Which operation a request is for.

use std::collections::BTreeMap;

use serde_json::Value;

use super::check::decoded;
use super::{OpenApi, Operation, Reader};
use crate::error::Result;

/// What stands before the paths of a document.
#[derive(Debug, Default)]
pub(super) struct Bases {
    /// The prefix that every path has: the extension `x-opc-config-base-path` of `info`, which
    /// PactFlow's comparator reads.
    always: Option<String>,
    /// The paths of the document's servers; messages have one, or none.
    servers: Vec<String>,
    /// Paths are compared without regard to case: `x-opc-config-case-insensitive` of `info`.
    any_case: bool,
}

impl Reader<'_> {
    pub(super) fn bases(&self) -> Result<Bases> {
        let info = |key: &str| self.document.get(&format!("/info/x-opc-config-{key}"));
        let trimmed = |path: &str| path.trim_end_matches('/').to_owned();
        let mut servers = Vec::new();
        for index in 0..self.list("/servers")? {
            let url = self.document.get(&format!("/servers/{index}/url"));
            let path = trimmed(url.and_then(Value::as_str).map_or("", path_of));
            if !path.is_empty() && !path.contains('{') {
                servers.push(path);
            }
        }
        Ok(Bases {
            always: info("base-path").and_then(Value::as_str).map(trimmed),
            servers,
            any_case: info("case-insensitive").and_then(Value::as_bool).unwrap_or(false),
        })
    }
}

/// The path of a URL, which may have no server: `/v1` of `https://host/v1`.
fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or("", |start| &rest[start..])
}

impl Bases {
    /// The paths that a message's path may mean in the document.
    fn inner<'p>(&self, path: &'p str) -> Vec<&'p str> {
        match &self.always {
            Some(base) => path.strip_prefix(base.as_str()).into_iter().collect(),
            None => {
                let below = self.servers.iter().filter_map(|base| path.strip_prefix(base.as_str()));
                std::iter::once(path).chain(below.filter(|path| path.starts_with('/'))).collect()
            }
        }
    }
}

impl OpenApi {
    /// The operation that a request is for.
    #[must_use]
    pub fn operation(&self, method: &str, path: &str) -> Option<&Operation> {
        Some(self.route(method, path)?.0)
    }

    /// The operation that a request is for, and the path without what stands before all paths.
    pub(super) fn route<'p>(&self, method: &str, path: &'p str) -> Option<(&Operation, &'p str)> {
        self.bases.inner(path).into_iter().find_map(|path| {
            let fits =
                |o: &&Operation| o.method.eq_ignore_ascii_case(method) && self.matches(o, path);
            let all = self.operations.values().filter(fits);
            // A template without parameters comes before one with (OpenAPI 3.1, 4.8.8.2).
            let best = all.min_by_key(|operation| {
                let other_end = operation.path.ends_with('/') != path.ends_with('/');
                (other_end, operation.path.matches('{').count())
            })?;
            Some((best, path))
        })
    }

    /// True if some operation has that path, whatever its method.
    pub(super) fn has_path(&self, path: &str) -> bool {
        let paths = self.bases.inner(path);
        paths.iter().any(|path| self.operations.values().any(|own| self.matches(own, path)))
    }

    fn matches(&self, operation: &Operation, path: &str) -> bool {
        match self.bases.any_case {
            true => matches(&operation.path.to_lowercase(), &path.to_lowercase()),
            false => matches(&operation.path, path),
        }
    }
}

/// Whether a path is one of a template's.
fn matches(template: &str, path: &str) -> bool {
    let path = path.strip_suffix('/').filter(|_| !template.ends_with('/')).unwrap_or(path);
    let (mut of_template, mut of_path) = (template.split('/'), path.split('/'));
    loop {
        match (of_template.next(), of_path.next()) {
            (None, None) => return true,
            (Some(part), Some(given)) if part == given => {}
            (Some(part), Some(given)) if fits_part(part, given) => {}
            _ => return false,
        }
    }
}

/// A segment such as `{id}` or `{id}.json`.
fn fits_part(part: &str, given: &str) -> bool {
    let (Some(start), Some(end)) = (part.find('{'), part.rfind('}')) else { return false };
    let (before, after) = (&part[..start], &part[end + 1..]);
    given.len() > before.len() + after.len() && given.starts_with(before) && given.ends_with(after)
}

/// The name of a parameter; some write its style into the template: `{;id*}`.
pub(super) fn plain_name(name: &str) -> &str {
    name.trim_start_matches(['.', ';']).trim_end_matches('*')
}

/// The values of a template's parameters, percent-decoded.
pub(super) fn path_values(template: &str, path: &str) -> BTreeMap<String, String> {
    let parts = template.split('/').zip(path.split('/'));
    let values = parts.filter_map(|(part, given)| {
        let (start, end) = (part.find('{')?, part.rfind('}')?);
        let inner = part.get(start + 1..end)?;
        let cut = part.len() - (end + 1);
        let value = given.get(start..given.len().checked_sub(cut)?)?;
        Some((plain_name(inner).to_owned(), decoded(value, false)))
    });
    values.collect()
}
