//! HTTP/1.1 (RFC 9112).

use super::{Asked, HEAD_MAX, Message, Next, Reading, TRACEPARENT, http2};
use crate::chaos::Leg;
use crate::journal::{EventId, Head as Kept, Symbol, Trace, path_of};
use crate::service;

/// Headers of one message, at most; hyper's own limit.
const HEADERS: usize = 100;
/// Bytes of the line end after a chunk.
const LINE_END: u64 = 2;

/// One half of a connection, as far as it was read.
#[derive(Debug, Default)]
pub(in crate::net::stream) struct Half {
    state: State,
    /// Messages that began so far.
    messages: u32,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Between,
    /// In the headers of a message, of which this was read.
    Head(Vec<u8>),
    /// So many bytes of a body are left.
    Body(u64),
    /// So many bytes of a chunk are left, its line end included.
    Chunk(u64),
    /// In the line that says how long the next chunk is, or in the trailers.
    Line { text: Vec<u8>, trailers: bool },
}

/// How the body of a message ends.
#[derive(Clone, Copy)]
enum Framing {
    Length(u64),
    Chunked,
    UntilClose,
    /// Another protocol follows: HTTP/2, or one that is not read.
    Switched {
        to_http2: bool,
    },
}

/// The head of a message.
struct Head {
    /// In bytes.
    length: usize,
    framing: Framing,
}

impl Half {
    /// Reads all bytes, or up to where HTTP/1.1 ends.
    pub(super) fn read(&mut self, reading: &mut Reading<'_>) -> Option<Next> {
        let mut at = 0;
        while at < reading.bytes.len() {
            let left = (reading.bytes.len() - at) as u64;
            let read = match std::mem::take(&mut self.state) {
                State::Between => self.head(Vec::new(), at, reading),
                State::Head(known) => self.head(known, at, reading),
                State::Body(length) => {
                    let taken = length.min(left);
                    reading.body(self.messages, at, taken as usize);
                    if length > taken {
                        self.state = State::Body(length - taken);
                    }
                    Ok(taken as usize)
                }
                State::Chunk(length) => {
                    let taken = length.min(left);
                    let body = taken.min(length.saturating_sub(LINE_END));
                    reading.body(self.messages, at, body as usize);
                    self.state = match length - taken {
                        0 => State::Line { text: Vec::new(), trailers: false },
                        length => State::Chunk(length),
                    };
                    Ok(taken as usize)
                }
                State::Line { text, trailers } => self.line(text, trailers, &reading.bytes[at..]),
            };
            match read {
                Ok(length) => at += length,
                Err(next) => return Some(next),
            }
        }
        None
    }

    /// Reads headers, of which `known` came before; how many bytes that took.
    fn head(
        &mut self,
        mut known: Vec<u8>,
        at: usize,
        reading: &mut Reading<'_>,
    ) -> Result<usize, Next> {
        let bytes = reading.bytes;
        let before = known.len();
        let new = &bytes[at..];
        let text = if before == 0 {
            new
        } else {
            known.extend_from_slice(new);
            // No head ends without a line end: one that comes in many pieces is parsed but once.
            if !new.contains(&b'\n') && known.len() < HEAD_MAX {
                self.state = State::Head(known);
                return Ok(new.len());
            }
            &known
        };
        if reading.is_opener && text.starts_with(http2::PREFACE) {
            return Err(Next::Http2(at + http2::PREFACE.len() - before));
        }
        // A server that knows its client sends its first frame, whose length is below 2^16, unasked.
        if !reading.is_opener && text[0] == 0 && reading.talk.asked.is_empty() {
            return Err(Next::Http2(at));
        }
        let head = match reading.is_opener {
            true if http2::PREFACE.starts_with(text) => Ok(None),
            true => self.request(text, at, reading),
            false => self.response(text, at, reading),
        };
        match head {
            Ok(Some(head)) => {
                let length = head.length - before;
                self.state = match head.framing {
                    Framing::Length(0) => State::Between,
                    Framing::Length(length) => State::Body(length),
                    Framing::Chunked => State::Line { text: Vec::new(), trailers: false },
                    Framing::UntilClose => State::Body(u64::MAX),
                    Framing::Switched { to_http2: true } => return Err(Next::Http2(at + length)),
                    Framing::Switched { to_http2: false } => return Err(Next::GiveUp),
                };
                Ok(length)
            }
            Ok(None) if text.len() < HEAD_MAX => {
                self.state = State::Head(if before == 0 { text.to_vec() } else { known });
                Ok(new.len())
            }
            _ => Err(Next::GiveUp),
        }
    }

    fn request(&mut self, text: &[u8], at: usize, reading: &mut Reading<'_>) -> Parsed {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        let httparse::Status::Complete(length) = request.parse(text)? else { return Ok(None) };
        let (method, target) =
            (request.method.unwrap_or_default(), request.path.unwrap_or_default());
        let seen = Seen::of(request.headers);
        let label = reading.names.symbol(&service::route_label(method, path_of(target)));
        let framing = match method {
            "CONNECT" => Framing::Switched { to_http2: false },
            _ => seen.framing.unwrap_or(Framing::Length(0)),
        };
        let message = self.message(at, label, Leg::Request);
        let (number, sent) = (message.number, EventId::NONE);
        reading.talk.asked.push_back(Asked { number, sent, label, head: method == "HEAD" });
        let message = Message { trace: seen.trace, ..message };
        reading.begins(message, || Kept::request(method, target).with(kept(request.headers)));
        Ok(Some(Head { length, framing }))
    }

    fn response(&mut self, text: &[u8], at: usize, reading: &mut Reading<'_>) -> Parsed {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(length) = response.parse(text)? else { return Ok(None) };
        let status = response.code.unwrap_or_default();
        let seen = Seen::of(response.headers);
        let asked = &mut reading.talk.asked;
        let question = *asked.front().ok_or(httparse::Error::Status)?;
        if matches!(status, 100 | 102..200) {
            return Ok(Some(Head { length, framing: Framing::Length(0) }));
        }
        asked.pop_front();
        if status == 101 && seen.upgrades_to_http2 {
            // The answer comes on the first stream (RFC 7540, 3.2).
            reading.talk.streams.insert(1, question);
            let framing = Framing::Switched { to_http2: true };
            return Ok(Some(Head { length, framing }));
        }
        let framing = match status {
            101 => Framing::Switched { to_http2: false },
            204 | 304 => Framing::Length(0),
            _ if question.head => Framing::Length(0),
            _ => seen.framing.unwrap_or(Framing::UntilClose),
        };
        let message = self.message(at, question.label, Leg::Reply);
        let message = Message { status, answers: question.sent, ..message };
        reading.begins(message, || Kept::reply(status).with(kept(response.headers)));
        Ok(Some(Head { length, framing }))
    }

    /// The next message of this half.
    fn message(&mut self, at: usize, label: Symbol, leg: Leg) -> Message {
        self.messages += 1;
        let number = self.messages;
        let (trace, answers) = (None, EventId::NONE);
        Message { at, number, label, leg, status: 0, trace, answers, is_one_of_many: false }
    }

    /// Reads a line between chunks, whose beginning is `text`; how many bytes that took.
    fn line(&mut self, mut text: Vec<u8>, trailers: bool, bytes: &[u8]) -> Result<usize, Next> {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let length = end.map_or(bytes.len(), |end| end + 1);
        text.extend_from_slice(&bytes[..length]);
        self.state = match end {
            Some(_) => after_line(&text, trailers).ok_or(Next::GiveUp)?,
            None if text.len() < HEAD_MAX => State::Line { text, trailers },
            None => return Err(Next::GiveUp),
        };
        Ok(length)
    }
}

/// What follows a line between chunks.
fn after_line(line: &[u8], trailers: bool) -> Option<State> {
    let next = |trailers| State::Line { text: Vec::new(), trailers };
    if trailers {
        let is_last = line.trim_ascii().is_empty();
        return Some(if is_last { State::Between } else { next(true) });
    }
    match httparse::parse_chunk_size(line) {
        Ok(httparse::Status::Complete((_, 0))) => Some(next(true)),
        Ok(httparse::Status::Complete((_, length))) => {
            length.checked_add(LINE_END).map(State::Chunk)
        }
        _ => None,
    }
}

/// None if a head is not complete, an error if it is no HTTP.
type Parsed = Result<Option<Head>, httparse::Error>;

/// What the headers of a message say, as far as it matters here.
#[derive(Default)]
struct Seen {
    /// How the body ends (RFC 9112, 6.3), if they say so.
    framing: Option<Framing>,
    trace: Option<Trace>,
    upgrades_to_http2: bool,
}

impl Seen {
    fn of(headers: &[httparse::Header<'_>]) -> Seen {
        let mut seen = Seen::default();
        for httparse::Header { name, value } in headers {
            let is = |known: &str| name.eq_ignore_ascii_case(known);
            if is("content-length") && seen.framing.is_none() {
                let length = std::str::from_utf8(value).ok();
                let length = length.and_then(|length| length.trim().parse().ok());
                seen.framing = length.map(Framing::Length);
            } else if is("transfer-encoding") && value.to_ascii_lowercase().ends_with(b"chunked") {
                seen.framing = Some(Framing::Chunked);
            } else if is(TRACEPARENT) {
                seen.trace = service::read_traceparent(value);
            } else if is("upgrade") {
                seen.upgrades_to_http2 = value.eq_ignore_ascii_case(b"h2c");
            }
        }
        seen
    }
}

/// Headers as the journal keeps them.
fn kept<'h>(headers: &'h [httparse::Header<'h>]) -> impl Iterator<Item = (&'h str, &'h [u8])> {
    headers.iter().map(|header| (header.name, header.value))
}
