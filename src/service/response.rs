//! What comes of a call: a response, or why there is none.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

use super::Body;

/// Why a call has no response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The machine is there, but nothing listens.
    #[error("connection refused")]
    Refused,
    /// The process died or the connection broke; the request may have had its effect.
    #[error("connection reset by peer")]
    Reset,
    /// No answer came in the client's own time; the request may have had its effect.
    #[error("timed out after {0:?}")]
    TimedOut(Duration),
    /// The world has nobody of that name.
    #[error("{0}")]
    NotFound(String),
    /// The request cannot be sent: a bad URL, header or body.
    #[error("{0}")]
    BadRequest(String),
    /// The body is not what it was read as.
    #[error("{0}")]
    Decode(String),
    /// The response's status is 400 or above; from [`Response::error_for_status`].
    #[error("status {0}")]
    Status(StatusCode),
}

/// In the extensions of a response: it is not sent, its connection breaks.
///
/// ```
/// use stormglass::service::{Body, BreakConnection};
///
/// let mut response = http::Response::new(Body::empty());
/// response.extensions_mut().insert(BreakConnection::Reset);
/// ```
///
/// A call of HTTP/2 through a socket fails alone, whichever it is: its connection has others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BreakConnection {
    /// It is reset (a TCP segment with `RST`). Callers by [`Ctx::http`](super::Ctx::http) see
    /// [`HttpError::Reset`].
    Reset,
    /// These bytes go out as they are, and then it is closed. Callers by `Ctx::http` see
    /// [`HttpError::Reset`] if there are none, and else [`HttpError::Decode`]: they should be no
    /// HTTP response.
    Bytes(Bytes),
}

impl BreakConnection {
    /// What a response says of its connection.
    pub(super) fn of<B>(response: &http::Response<B>) -> Option<&BreakConnection> {
        response.extensions().get()
    }

    /// What a caller on the message lane sees.
    pub(super) fn seen_as(&self) -> HttpError {
        match self {
            BreakConnection::Bytes(bytes) if !bytes.is_empty() => {
                HttpError::Decode("the answer is not HTTP".to_owned())
            }
            _ => HttpError::Reset,
        }
    }
}

/// The answer to a request.
#[derive(Clone, Debug)]
pub struct Response(pub(super) http::Response<Body>);

impl Response {
    /// Its status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status()
    }

    /// Its headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.0.headers()
    }

    /// Its body in one piece.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        self.0.body().bytes()
    }

    /// Its body as text; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    /// Its body, read as JSON.
    ///
    /// # Errors
    ///
    /// [`HttpError::Decode`] if it is not JSON of that type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, HttpError> {
        serde_json::from_slice(&self.bytes())
            .map_err(|e| HttpError::Decode(format!("the body is not the expected JSON: {e}")))
    }

    /// Itself, or an error if its status is 400 or above.
    ///
    /// # Errors
    ///
    /// [`HttpError::Status`].
    pub fn error_for_status(self) -> Result<Response, HttpError> {
        let status = self.status();
        if status.as_u16() >= 400 { Err(HttpError::Status(status)) } else { Ok(self) }
    }

    /// The response of the `http` crate, with frames and trailers.
    #[must_use]
    pub fn into_inner(self) -> http::Response<Body> {
        self.0
    }
}
