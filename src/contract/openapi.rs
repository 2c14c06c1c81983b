//! OpenAPI 3.0 and 3.1: the operations that a service offers.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::schema::Schema;
use crate::document::{Document, join};
use crate::error::Result;

mod check;
mod compare;
mod covers;
mod discriminator;
mod extract;
mod messages;
mod route;
mod security;
mod shape;
mod styled;

pub(super) use compare::schemas;
use extract::Way;

/// The interface of a service, read from an OpenAPI document.
#[derive(Debug)]
pub struct OpenApi {
    /// The file that it was read from.
    pub file: String,
    /// Its operations by method and path template, names of parameters left out: `GET /orders/{}`.
    pub operations: BTreeMap<String, Operation>,
    bases: route::Bases,
    text: Value,
}

/// What can be asked of a path with a method.
#[derive(Debug)]
pub struct Operation {
    /// The method, in upper case.
    pub method: String,
    /// The path template as it is written: `/orders/{id}`.
    pub path: String,
    /// Where it stands: a JSON pointer.
    pub at: String,
    /// The name that generated clients give it: `operationId`.
    id: Option<String>,
    parameters: Vec<Parameter>,
    body: Option<Body>,
    responses: BTreeMap<String, Response>,
    /// Alternatives, each a set of schemes with their texts and scopes.
    security: Vec<security::Requirement>,
}

#[derive(Debug)]
struct Parameter {
    name: String,
    place: String,
    required: bool,
    style: String,
    explode: bool,
    allows_empty: bool,
    /// What it means where it is left out.
    default: Option<Value>,
    schema: Option<Schema>,
    /// A schema of its text in some media type, where it has one instead.
    content: BTreeMap<String, Option<Schema>>,
    at: String,
}

#[derive(Debug)]
struct Body {
    required: bool,
    content: BTreeMap<String, Option<Schema>>,
    at: String,
}

#[derive(Debug)]
struct Response {
    headers: BTreeMap<String, Parameter>,
    content: BTreeMap<String, Option<Schema>>,
    at: String,
}

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

impl OpenApi {
    /// Reads an OpenAPI document, 3.0 or 3.1. References are followed inside of it only.
    ///
    /// # Errors
    ///
    /// If it is none, of another version, refers to other files, or has a schema that cannot be read:
    /// file, line, and what was expected.
    pub fn read(document: &Document) -> Result<OpenApi> {
        let version = match (document.get("/openapi"), document.get("/swagger")) {
            (Some(Value::String(version)), _) => version.as_str(),
            (_, Some(_)) => {
                let reason = "Swagger 2.0 is not read: convert it to OpenAPI 3.0 or 3.1";
                return Err(document.error("/swagger", reason));
            }
            _ => {
                let reason = "an OpenAPI document begins with `openapi: 3.1.0`";
                return Err(document.error("/openapi", reason));
            }
        };
        let old = match version {
            v if v == "3.0" || v.starts_with("3.0.") => true,
            v if v == "3.1" || v.starts_with("3.1.") => false,
            other => {
                let reason = format!("OpenAPI `{other}`: 3.0 and 3.1 are read");
                return Err(document.error("/openapi", reason));
            }
        };
        let reader = Reader { document, old };
        let mut operations = BTreeMap::new();
        let paths = reader.map("/paths")?;
        for (path, _) in paths.into_iter().flatten() {
            reader.path(path, &mut operations)?;
        }
        let (file, text) = (document.file().to_owned(), document.value().clone());
        let bases = reader.bases()?;
        Ok(OpenApi { file, operations, bases, text })
    }
}

/// A path template without the names of its parameters.
fn nameless(path: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for c in path.chars() {
        match c {
            '{' => {
                inside = true;
                text.push('{');
            }
            '}' => {
                inside = false;
                text.push('}');
            }
            c if !inside => text.push(c),
            _ => {}
        }
    }
    text
}

struct Reader<'d> {
    document: &'d Document,
    /// OpenAPI 3.0, whose schemas are a dialect of their own.
    old: bool,
}

impl<'d> Reader<'d> {
    /// The value at a pointer, references followed; and the pointer of where it really stands.
    fn at(&self, pointer: &str) -> Result<Option<(String, &'d Value)>> {
        let mut pointer = pointer.to_owned();
        for _ in 0..32 {
            let Some(value) = self.document.get(&pointer) else { return Ok(None) };
            let Some(Value::String(reference)) = value.get("$ref") else {
                return Ok(Some((pointer, value)));
            };
            let Some(inner) = reference.strip_prefix('#') else {
                let reason = super::schema::foreign(reference);
                return Err(self.document.error(&format!("{pointer}/$ref"), reason));
            };
            let inner = check::decoded(inner, false);
            if self.document.get(&inner).is_none() {
                let reason = format!("`$ref` to `{reference}`: there is nothing");
                return Err(self.document.error(&format!("{pointer}/$ref"), reason));
            }
            pointer = inner;
        }
        Err(self.document.error(&pointer, "a chain of references that does not end"))
    }

    fn map(&self, pointer: &str) -> Result<Option<&'d Map<String, Value>>> {
        match self.at(pointer)? {
            None => Ok(None),
            Some((_, Value::Object(fields))) => Ok(Some(fields)),
            Some((at, _)) => Err(self.document.error(&at, "an object was expected")),
        }
    }

    fn list(&self, pointer: &str) -> Result<usize> {
        match self.document.get(pointer) {
            None => Ok(0),
            Some(Value::Array(all)) => Ok(all.len()),
            Some(_) => Err(self.document.error(pointer, "a list was expected")),
        }
    }

    fn path(&self, path: &str, operations: &mut BTreeMap<String, Operation>) -> Result {
        if path.starts_with("x-") {
            return Ok(());
        }
        let pointer = join("/paths", path);
        if !path.starts_with('/') {
            return Err(self.document.error(&pointer, "a path begins with `/`"));
        }
        let Some((at, item)) = self.at(&pointer)? else { return Ok(()) };
        let Value::Object(item) = item else {
            return Err(self.document.error(&at, "an object with methods was expected"));
        };
        for method in METHODS.iter().filter(|method| item.contains_key(**method)) {
            let operation = self.operation(method, path, &at)?;
            operations.insert(format!("{} {}", operation.method, nameless(path)), operation);
        }
        Ok(())
    }

    fn operation(&self, method: &str, path: &str, item: &str) -> Result<Operation> {
        let at = join(item, method);
        let mut parameters: Vec<Parameter> = Vec::new();
        for list in [format!("{item}/parameters"), format!("{at}/parameters")] {
            for index in 0..self.list(&list)? {
                let Some(parameter) = self.parameter(&format!("{list}/{index}"), None)? else {
                    continue;
                };
                parameters.retain(|p| (&p.name, &p.place) != (&parameter.name, &parameter.place));
                parameters.push(parameter);
            }
        }
        let mut responses = BTreeMap::new();
        for status in self.map(&format!("{at}/responses"))?.into_iter().flatten().map(|(k, _)| k) {
            if status.starts_with("x-") {
                continue;
            }
            let pointer = join(&format!("{at}/responses"), status);
            if let Some((pointer, _)) = self.at(&pointer)? {
                responses.insert(status.to_uppercase(), self.response(pointer)?);
            }
        }
        Ok(Operation {
            method: method.to_uppercase(),
            path: path.to_owned(),
            body: self.body(&format!("{at}/requestBody"))?,
            security: self.security(&at)?,
            id: self
                .document
                .get(&join(&at, "operationId"))
                .and_then(|id| id.as_str())
                .map(Into::into),
            at,
            parameters,
            responses,
        })
    }

    /// A parameter, or a header with its name.
    fn parameter(&self, pointer: &str, header: Option<&str>) -> Result<Option<Parameter>> {
        let Some((at, value)) = self.at(pointer)? else { return Ok(None) };
        let text = |key: &str| value.get(key).and_then(Value::as_str);
        let flag = |key: &str| value.get(key).and_then(Value::as_bool);
        let name = header.or(text("name"));
        let place = header.map_or_else(|| text("in"), |_| Some("header"));
        let (Some(name), Some(place)) = (name, place) else {
            return Err(self.document.error(&at, "a parameter has a `name` and an `in`"));
        };
        let default = if ["query", "cookie"].contains(&place) { "form" } else { "simple" };
        let style = text("style").unwrap_or(default).to_owned();
        let way = if header.is_some() { Way::Response } else { Way::Request };
        let schema = match value.get("schema") {
            Some(_) => Some(self.schema(&format!("{at}/schema"), way)?),
            None => None,
        };
        let own = self.at(&format!("{at}/schema"))?;
        let default = own.and_then(|(_, schema)| schema.get("default").cloned());
        Ok(Some(Parameter {
            name: if place == "header" { name.to_lowercase() } else { name.to_owned() },
            place: place.to_owned(),
            required: flag("required").unwrap_or(place == "path"),
            explode: flag("explode").unwrap_or(style == "form"),
            allows_empty: flag("allowEmptyValue").unwrap_or(false),
            style,
            default,
            schema,
            content: self.content(&at, way)?,
            at,
        }))
    }

    fn body(&self, pointer: &str) -> Result<Option<Body>> {
        let Some((at, value)) = self.at(pointer)? else { return Ok(None) };
        let required = value.get("required").and_then(Value::as_bool).unwrap_or(false);
        Ok(Some(Body { required, content: self.content(&at, Way::Request)?, at }))
    }

    fn response(&self, at: String) -> Result<Response> {
        let mut headers = BTreeMap::new();
        for name in self.map(&format!("{at}/headers"))?.into_iter().flatten().map(|(k, _)| k) {
            let pointer = join(&format!("{at}/headers"), name);
            if let Some(header) = self.parameter(&pointer, Some(name))? {
                headers.insert(header.name.clone(), header);
            }
        }
        Ok(Response { headers, content: self.content(&at, Way::Response)?, at })
    }

    fn content(&self, at: &str, way: Way) -> Result<BTreeMap<String, Option<Schema>>> {
        let pointer = format!("{at}/content");
        let mut content = BTreeMap::new();
        for (media, value) in self.map(&pointer)?.into_iter().flatten() {
            let schema = match value.get("schema") {
                Some(_) => Some(self.schema(&format!("{}/schema", join(&pointer, media)), way)?),
                None => None,
            };
            content.insert(media.to_lowercase(), schema);
        }
        Ok(content)
    }

    fn schema(&self, pointer: &str, way: Way) -> Result<Schema> {
        let text = extract::extract(self.document, pointer, self.old, way)?;
        Schema::of_interface(&text).map_err(|(inner, reason)| {
            self.document.error(pointer, format!("{reason} (at {inner} of the schema)"))
        })
    }
}
