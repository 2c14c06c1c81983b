//! What the journal keeps of the messages of the message lane, beside their bodies.

use http::{HeaderMap, Request, Response};

use super::Body;
use crate::journal::Head;

/// The head of a request. Its target is the path and the query: the host is the receiver.
pub(super) fn of_request(request: &Request<Body>) -> Head {
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    with_headers(Head::request(request.method().as_str(), target), request.headers())
}

/// The head of a reply.
pub(super) fn of_reply(response: &Response<Body>) -> Head {
    with_headers(Head::reply(response.status().as_u16()), response.headers())
}

fn with_headers(mut head: Head, headers: &HeaderMap) -> Head {
    for (name, value) in headers {
        head.header(name.as_str(), value.as_bytes());
    }
    head
}
