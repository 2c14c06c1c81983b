//! Reading a mapping (WireMock 3.13's JSON). What is not supported is an error that names file, line
//! and key, never left out silently.

mod fields;
mod matcher;
mod request;
mod response;

use std::path::Path;

use crate::document::{Document, join};
use crate::error::Result;
use crate::mock::stub::{Step, Stub};

use fields::Fields;

/// Where the bodies of responses are, and what is done to all of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    /// The folder `__files`; none for a text.
    pub(crate) files: Option<&'a Path>,
    /// Every response is a template, whatever it says.
    pub(crate) templates: bool,
    /// What stubs without an id or name are known by, with their number.
    pub(crate) name: &'a str,
}

const KEYS: [&str; 12] = [
    "id",
    "uuid",
    "name",
    "priority",
    "persistent",
    "scenarioName",
    "requiredScenarioState",
    "newScenarioState",
    "request",
    "response",
    "metadata",
    "insertionIndex",
];
const UNSUPPORTED: [(&str, &str); 2] = [
    ("postServeActions", "actions after serving are not supported"),
    ("serveEventListeners", "webhooks and listeners are not supported"),
];

/// All stubs of a file: one, or several under `mappings`.
pub(crate) fn stubs(document: &Document, source: Source<'_>) -> Result<Vec<Stub>> {
    let file = Fields::of(document, "")?;
    if !file.has("mappings") {
        return Ok(vec![stub(document, "", source, 0)?]);
    }
    file.known(&["mappings", "meta", "importOptions"], &[])?;
    let length = file.list("mappings")?.map_or(0, Vec::len);
    let pointers = (0..length).map(|index| join("/mappings", &index.to_string()));
    pointers.enumerate().map(|(index, pointer)| stub(document, &pointer, source, index)).collect()
}

fn stub(document: &Document, pointer: &str, source: Source<'_>, index: usize) -> Result<Stub> {
    let fields = Fields::of(document, pointer)?;
    fields.known(&KEYS, &UNSUPPORTED)?;
    let request = match fields.fields("request")? {
        Some(request) => request::pattern(&request)?,
        None => return Err(document.error(pointer, "a mapping needs a `request`")),
    };
    let reply = match fields.fields("response")? {
        Some(response) => response::reply(&response, source)?,
        None => return Err(document.error(pointer, "a mapping needs a `response`")),
    };
    let mut stub = Stub::new(request, reply);
    stub.name = fields.text("name")?.map(str::to_owned);
    let id = fields.text("id")?.or(fields.text("uuid")?).map(str::to_owned);
    stub.key = id.or_else(|| stub.name.clone()).unwrap_or_else(|| match index {
        0 => source.name.to_owned(),
        _ => format!("{} #{}", source.name, index + 1),
    });
    if let Some(priority) = fields.number("priority", 0, u64::from(u32::MAX))? {
        stub.priority = priority as u32;
    }
    stub.scenario = step(&fields)?;
    stub.place = Some(format!("{}:{}", document.file(), document.line(pointer)));
    Ok(stub)
}

fn step(fields: &Fields<'_>) -> Result<Option<Step>> {
    let required = fields.text("requiredScenarioState")?.map(str::to_owned);
    let next = fields.text("newScenarioState")?.map(str::to_owned);
    match fields.text("scenarioName")? {
        Some(name) => Ok(Some(Step { scenario: name.to_owned(), required, next })),
        None if required.is_some() || next.is_some() => {
            let key = if required.is_some() { "requiredScenarioState" } else { "newScenarioState" };
            Err(fields.error(key, "belongs to a scenario: `scenarioName` is missing"))
        }
        None => Ok(None),
    }
}
