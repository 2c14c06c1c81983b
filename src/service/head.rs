//! What the journal keeps of the messages of the message lane, beside their bodies.

use http::{HeaderMap, Request, Response};

use super::Body;
use crate::journal::Head;

/// The head of a request. Its target is the path and the query: the host is the receiver.
pub(super) fn of_request(request: &Request<Body>) -> Head {
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    Head::request(request.method().as_str(), target).with(bytes(request.headers()))
}

/// The head of a reply.
pub(super) fn of_reply(response: &Response<Body>) -> Head {
    Head::reply(response.status().as_u16()).with(bytes(response.headers()))
}

fn bytes(headers: &HeaderMap) -> impl Iterator<Item = (&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
}
