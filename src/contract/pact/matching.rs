//! Examples, matched by `pact_matching`: the first of its two engines, which neither waits nor draws.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, RefUnwindSafe, catch_unwind};

use bytes::Bytes;
use futures::FutureExt as _;
use pact_matching::Mismatch;
use pact_models::bodies::OptionalBody;
use pact_models::content_types::ContentType;
use pact_models::headers::parse_header;
use pact_models::interaction::Interaction;
use pact_models::pact::{Pact as PactFile, load_pact_from_json};
use pact_models::query_strings::parse_query_string;
use pact_models::v4::http_parts::{HttpRequest, HttpResponse};
use pact_models::v4::message_parts::MessageContents;
use serde_json::json;
use tracing::subscriber::{NoSubscriber, with_default};

use super::Fit;
use crate::contract::schema::shortened;
use crate::contract::traffic::Message;
use crate::document::Document;
use crate::error::Result;

type Example = Box<dyn Interaction + Send + Sync + RefUnwindSafe>;
type File = Box<dyn PactFile + Send + Sync + RefUnwindSafe>;

/// An example, and a file of its own: what the matcher wants to have in hand. An example of a kind
/// that is not matched is its reason.
pub(super) struct Inner(std::result::Result<(Example, File), String>);

/// The example at a pointer.
pub(super) fn read(document: &Document, at: &str) -> Result<Inner> {
    let mut example = document.get(at).expect("it was counted").clone();
    let list = if at.starts_with("/messages") { "messages" } else { "interactions" };
    if let Some(fields) = example.as_object_mut()
        && fields.contains_key("request")
        && document.get("/metadata/pactSpecification/version") == Some(&json!("4.0"))
    {
        fields.entry("type").or_insert_with(|| "Synchronous/HTTP".into());
    }
    let part = |name: &str| document.get(name).cloned().unwrap_or_default();
    let file = json!({
        "consumer": part("/consumer"), "provider": part("/provider"), list: [example],
        "metadata": part("/metadata"),
    });
    let load = || load_pact_from_json(document.file(), &file);
    // It unwraps what a file may write otherwise.
    let Ok(loaded) = catch_unwind(AssertUnwindSafe(|| quietly(load))) else {
        return Err(document.error(at, "no example of Pact: a value of another type was expected"));
    };
    let file = loaded.map_err(|e| document.error(at, format!("no example of Pact: {e}")))?;
    let example = file.interactions().into_iter().next();
    let example = example.ok_or_else(|| "examples of this type are not matched".to_owned());
    Ok(Inner(example.map(|example| (example, file))))
}

impl Inner {
    pub(super) fn request(&self, request: &Message<'_>) -> Fit {
        let (example, file) = match &self.0 {
            Ok(inner) => inner,
            Err(reason) => return Fit::Unknown(reason.clone()),
        };
        let Some(http) = example.as_v4_http() else { return Fit::Elsewhere };
        if !http.request.method.eq_ignore_ascii_case(request.method) {
            return Fit::Elsewhere;
        }
        let (path, query) = request.target.split_once('?').unwrap_or((request.target, ""));
        let headers = fields(request);
        let actual = HttpRequest {
            method: request.method.to_uppercase(),
            path: path.to_owned(),
            query: parse_query_string(query),
            body: body(request),
            headers: Some(headers),
            ..HttpRequest::default()
        };
        let matched = at_once(|| {
            pact_matching::match_request(http.request, actual, file, example).now_or_never()
        });
        match matched {
            Ok(Ok(result)) if result.method_or_path_mismatch() => Fit::Elsewhere,
            Ok(Ok(result)) if result.all_matched() => Fit::Fits,
            Ok(Ok(result)) => Fit::Differs(texts(&result.mismatches())),
            Ok(Err(error)) => Fit::Unknown(error.to_string()),
            Err(reason) => Fit::Unknown(reason),
        }
    }

    pub(super) fn reply(&self, reply: &Message<'_>) -> Fit {
        let (example, file) = match &self.0 {
            Ok(inner) => inner,
            Err(reason) => return Fit::Unknown(reason.clone()),
        };
        let Some(http) = example.as_v4_http() else { return Fit::Elsewhere };
        let actual = HttpResponse {
            status: reply.status,
            headers: Some(fields(reply)),
            body: body(reply),
            ..HttpResponse::default()
        };
        let matched = at_once(|| {
            pact_matching::match_response(http.response, actual, file, example).now_or_never()
        });
        match matched {
            Ok(Ok(mismatches)) => {
                let of_status = |m: &Mismatch| matches!(m, Mismatch::StatusMismatch { .. });
                match mismatches.as_slice() {
                    [] => Fit::Fits,
                    mismatches if mismatches.iter().any(of_status) => Fit::Elsewhere,
                    mismatches => Fit::Differs(texts(mismatches)),
                }
            }
            Ok(Err(error)) => Fit::Unknown(error.to_string()),
            Err(reason) => Fit::Unknown(reason),
        }
    }

    pub(super) fn event(&self, event: &Message<'_>) -> Fit {
        let (example, file) = match &self.0 {
            Ok(inner) => inner,
            Err(reason) => return Fit::Unknown(reason.clone()),
        };
        let Some(mut expected) = example.as_v4_async_message() else { return Fit::Elsewhere };
        // What a broker says of an event is not what its publisher said.
        expected.contents.metadata.clear();
        let mut actual = expected.clone();
        let typed = expected.contents.contents.content_type();
        let body = match body(event) {
            OptionalBody::Present(bytes, own, hint) => {
                OptionalBody::Present(bytes, typed.or(own), hint)
            }
            other => other,
        };
        actual.contents = MessageContents { contents: body, ..MessageContents::default() };
        let (expected, actual): (Example, Example) = (Box::new(expected), Box::new(actual));
        let matched =
            at_once(|| pact_matching::match_message(&expected, &actual, file).now_or_never());
        match matched {
            Ok(mismatches) if mismatches.is_empty() => Fit::Fits,
            Ok(mismatches) => Fit::Differs(texts(&mismatches)),
            Err(reason) => Fit::Unknown(reason),
        }
    }
}

/// Without what the matcher logs: its spans are not those of the world.
fn quietly<T>(work: impl FnOnce() -> T) -> T {
    with_default(NoSubscriber::new(), work)
}

/// The answer of a matcher that never waits.
fn at_once<T>(work: impl FnOnce() -> Option<T>) -> std::result::Result<T, String> {
    // Its second engine is another program, that is chosen by the environment.
    if std::env::var_os("PACT_MATCHING_ENGINE").is_some() {
        return Err("PACT_MATCHING_ENGINE is set: unset it, the engine is not to be chosen".into());
    }
    match catch_unwind(AssertUnwindSafe(|| quietly(work))) {
        Ok(Some(answer)) => Ok(answer),
        Ok(None) => Err("the matcher would have waited".into()),
        Err(_) => Err("the matcher cannot work with this example".into()),
    }
}

fn texts(mismatches: &[Mismatch]) -> Vec<String> {
    let mut all: Vec<String> = mismatches
        .iter()
        .map(|mismatch| match mismatch {
            Mismatch::BodyMismatch { path, mismatch, .. } => format!("body {path}: {mismatch}"),
            other => other.description(),
        })
        .map(|text| shortened(&text))
        .collect();
    // They come from maps without an order.
    all.sort();
    all.dedup();
    all
}

/// The headers, with several of a name as one list.
fn fields<M: FromIterator<(String, Vec<String>)>>(message: &Message<'_>) -> M {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in &message.headers {
        all.entry((*name).to_owned()).or_default().extend(parse_header(name, value));
    }
    all.into_iter().collect()
}

fn body(message: &Message<'_>) -> OptionalBody {
    if message.body.is_empty() {
        return OptionalBody::Empty;
    }
    let named = message.header("content-type").and_then(|text| ContentType::parse(text).ok());
    OptionalBody::Present(Bytes::copy_from_slice(&message.body), named, None)
}
