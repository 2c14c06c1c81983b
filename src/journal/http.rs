//! HTTP messages as a journal has them: their heads and bodies, whether they went over the message
//! lane or were read from the bytes of a connection.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::{Event, EventId, Journal};

/// That an event sends an HTTP message, or the beginning of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    pub event: EventId,
    /// Of a reply: the event that sent its request.
    pub answers: EventId,
    /// True if the event's payload is the body; else pieces of it lie in the payloads of segments.
    pub is_whole: bool,
}

/// Some bytes of a body that was read from a connection: of which message, in whose payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct BodyPart {
    pub message: EventId,
    pub segment: EventId,
    pub at: u32,
    pub length: u32,
}

/// The first line and the headers of an HTTP message in the making: `POST /charge?x=1`, or `201`,
/// then a line a header. Names are in lower case, as HTTP/2 writes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head(String);

impl Head {
    /// The head of a request, its target as the client wrote it.
    #[must_use]
    pub fn request(method: &str, target: &str) -> Head {
        Head(format!("{method} {}", one_line(target)))
    }

    /// The head of a reply.
    #[must_use]
    pub fn reply(status: u16) -> Head {
        Head(status.to_string())
    }

    /// Adds a header. Bytes that are no UTF-8 are replaced.
    pub fn header(&mut self, name: &str, value: &[u8]) {
        let value = String::from_utf8_lossy(value);
        let _ = write!(self.0, "\n{}: {}", name.to_ascii_lowercase(), one_line(&value));
    }

    /// The same with headers.
    #[must_use]
    pub(crate) fn with<'h>(
        mut self,
        headers: impl IntoIterator<Item = (&'h str, &'h [u8])>,
    ) -> Head {
        headers.into_iter().for_each(|(name, value)| self.header(name, value));
        self
    }

    pub(super) fn into_bytes(self) -> bytes::Bytes {
        self.0.into()
    }
}

fn one_line(text: &str) -> Cow<'_, str> {
    match text.contains(['\n', '\r']) {
        true => text.replace(['\n', '\r'], " ").into(),
        false => text.into(),
    }
}

/// Path and query of a request's target, which may be a whole URI.
pub(crate) fn origin_form(target: &str) -> &str {
    match target.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |start| &rest[start..]),
        None => target,
    }
}

/// The path of a request's target.
pub(crate) fn path_of(target: &str) -> &str {
    origin_form(target).split(['?', '#']).next().unwrap_or_default()
}

/// An HTTP request or reply that was sent.
#[derive(Clone, Copy, Debug)]
pub struct HttpMessage<'a> {
    event: Event<'a>,
    mark: Mark,
    head: &'a str,
}

impl<'a> HttpMessage<'a> {
    /// The event that sent it, or its first bytes.
    #[must_use]
    pub fn event(&self) -> Event<'a> {
        self.event
    }

    /// True for a request, false for a reply.
    #[must_use]
    pub fn is_request(&self) -> bool {
        self.status().is_none()
    }

    /// True if it was read from the bytes of a connection, false if it went over the message lane.
    #[must_use]
    pub fn is_of_connection(&self) -> bool {
        !self.mark.is_whole
    }

    /// Of a reply: the request that it answers, also if that came by a copy that the network made.
    #[must_use]
    pub fn answers(&self) -> Option<HttpMessage<'a>> {
        let asked = self.event.journal.get(self.mark.answers)?;
        asked.http().or_else(|| asked.sent_by()?.http())
    }

    /// The method of a request, empty in a reply.
    #[must_use]
    pub fn method(&self) -> &'a str {
        self.first_line().split_once(' ').map_or("", |(method, _)| method)
    }

    /// The target of a request as its client wrote it, empty in a reply.
    #[must_use]
    pub fn target(&self) -> &'a str {
        self.first_line().split_once(' ').map_or("", |(_, target)| target)
    }

    /// The path of a request, without the query; `/` if the target has none.
    #[must_use]
    pub fn path(&self) -> &'a str {
        path_of(self.target())
    }

    /// The query of a request, without its `?`; empty if there is none.
    #[must_use]
    pub fn query(&self) -> &'a str {
        let query = self.target().split_once('?').map_or("", |(_, query)| query);
        query.split('#').next().unwrap_or_default()
    }

    /// The status of a reply.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.first_line().parse().ok()
    }

    /// Its headers in the order in which they were sent, names in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.head.lines().skip(1).filter_map(|line| line.split_once(": "))
    }

    /// The first header of that name, which is written in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Its body, without the framing of a transfer encoding: as much of it as was sent.
    #[must_use]
    pub fn body(&self) -> Cow<'a, [u8]> {
        let journal = self.event.journal;
        if self.mark.is_whole {
            return self.event.payload().unwrap_or_default().into();
        }
        let parts = &journal.body_parts;
        let first = parts.partition_point(|part| part.message < self.mark.event);
        let mut parts = parts[first..].iter().take_while(|part| part.message == self.mark.event);
        let bytes = |part: &BodyPart| -> &'a [u8] {
            let payload = journal.payloads.get(part.segment).unwrap_or_default();
            let (at, length) = (part.at as usize, part.length as usize);
            payload.get(at..).map_or(&[], |rest| &rest[..length.min(rest.len())])
        };
        let Some(only) = parts.next().map(bytes) else { return Cow::default() };
        let mut rest = parts.map(bytes).peekable();
        match rest.peek() {
            None => only.into(),
            Some(_) => std::iter::once(only).chain(rest).flatten().copied().collect(),
        }
    }

    fn first_line(&self) -> &'a str {
        self.head.lines().next().unwrap_or_default()
    }
}

impl Journal {
    /// All HTTP messages in the order in which they were sent.
    pub fn http_messages(&self) -> impl DoubleEndedIterator<Item = HttpMessage<'_>> {
        self.http.iter().filter_map(|mark| self.http_message(*mark))
    }

    pub(super) fn http_message_of(&self, id: EventId) -> Option<HttpMessage<'_>> {
        let index = self.http.binary_search_by_key(&id, |mark| mark.event).ok()?;
        self.http_message(self.http[index])
    }

    fn http_message(&self, mark: Mark) -> Option<HttpMessage<'_>> {
        let head = std::str::from_utf8(self.heads.get(mark.event)?).ok()?;
        Some(HttpMessage { event: self.get(mark.event)?, mark, head })
    }
}
