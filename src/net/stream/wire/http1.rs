//! What the bytes of a connection say, read in passing: HTTP/1.1 (RFC 9112).
//!
//! A story that tells of bytes tells nothing, and a fault script cannot name them. So each half of a
//! connection is read as it is sent: a segment in which a request or a response begins has its
//! name, and message faults find it by that. Nothing is held back or changed; what is not HTTP is
//! left alone from its first segment on.

use std::collections::VecDeque;

use crate::chaos::Leg;
use crate::service;

/// Headers of one message, at most; hyper's own limit.
const HEADERS: usize = 100;
/// Bytes of headers after which a message is no HTTP.
const HEAD_MAX: usize = 64 << 10;

/// One half of a connection, as far as it was read.
#[derive(Debug, Default)]
pub(super) enum Wire {
    /// Between two messages, or in the headers of one, of which this was read.
    #[default]
    Between,
    Head(Vec<u8>),
    /// So many bytes of a body are left.
    Body(u64),
    Chunks(Chunks),
    /// The rest is the body, or another protocol.
    Rest,
}

/// Where in a chunked body the reading stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Chunks {
    /// In the line that says how long the next chunk is, or in the trailers.
    Line { text: Vec<u8>, trailers: bool },
    /// In a chunk, its line end included.
    Data(u64),
}

/// A request that waits for its response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) label: String,
    /// Its response has no body, whatever its headers say.
    head: bool,
}

/// A message that begins in a segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Began {
    pub(super) label: String,
    pub(super) leg: Leg,
}

/// How the body of a message ends.
enum Framing {
    Length(u64),
    Chunked,
    UntilClose,
    /// Another protocol follows.
    Switched,
}

impl Wire {
    /// Reads the next bytes; tells of the first message that begins in them. `asked` are the
    /// requests that wait: whoever opened the connection adds to them.
    pub(super) fn read(
        &mut self,
        mut bytes: &[u8],
        is_opener: bool,
        asked: &mut VecDeque<Asked>,
    ) -> Option<Began> {
        let mut began = None;
        while !bytes.is_empty() {
            let rest = match std::mem::take(self) {
                Wire::Rest => {
                    *self = Wire::Rest;
                    return began;
                }
                Wire::Between => self.head(Vec::new(), bytes, is_opener, asked, &mut began),
                Wire::Head(text) => self.head(text, bytes, is_opener, asked, &mut began),
                Wire::Body(left) => {
                    let taken = (bytes.len() as u64).min(left);
                    if left > taken {
                        *self = Wire::Body(left - taken);
                    }
                    &bytes[taken as usize..]
                }
                Wire::Chunks(chunks) => self.chunks(chunks, bytes),
            };
            bytes = rest;
        }
        began
    }

    /// Reads headers, whose beginning is `text`.
    fn head<'a>(
        &mut self,
        mut text: Vec<u8>,
        bytes: &'a [u8],
        is_opener: bool,
        asked: &mut VecDeque<Asked>,
        began: &mut Option<Began>,
    ) -> &'a [u8] {
        let known = text.len();
        text.extend_from_slice(bytes);
        let parsed = match is_opener {
            true => request(&text, asked),
            false => response(&text, asked),
        };
        match parsed {
            Ok(Some((length, message, framing))) => {
                began.get_or_insert(message);
                *self = match framing {
                    Framing::Length(0) => Wire::Between,
                    Framing::Length(length) => Wire::Body(length),
                    Framing::Chunked => {
                        Wire::Chunks(Chunks::Line { text: Vec::new(), trailers: false })
                    }
                    Framing::UntilClose | Framing::Switched => Wire::Rest,
                };
                &bytes[length - known..]
            }
            Ok(None) if text.len() < HEAD_MAX => {
                *self = Wire::Head(text);
                &[]
            }
            _ => {
                *self = Wire::Rest;
                &[]
            }
        }
    }

    fn chunks<'a>(&mut self, chunks: Chunks, bytes: &'a [u8]) -> &'a [u8] {
        match chunks {
            Chunks::Data(left) => {
                let taken = (bytes.len() as u64).min(left);
                *self = Wire::Chunks(match left - taken {
                    0 => Chunks::Line { text: Vec::new(), trailers: false },
                    left => Chunks::Data(left),
                });
                &bytes[taken as usize..]
            }
            Chunks::Line { mut text, trailers } => {
                let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
                    text.extend_from_slice(bytes);
                    *self = match text.len() < HEAD_MAX {
                        true => Wire::Chunks(Chunks::Line { text, trailers }),
                        false => Wire::Rest,
                    };
                    return &[];
                };
                text.extend_from_slice(&bytes[..=end]);
                *self = after_line(&text, trailers);
                &bytes[end + 1..]
            }
        }
    }
}

/// What follows a line between chunks.
fn after_line(line: &[u8], trailers: bool) -> Wire {
    let next = |trailers| Wire::Chunks(Chunks::Line { text: Vec::new(), trailers });
    if trailers {
        return if line.trim_ascii().is_empty() { Wire::Between } else { next(true) };
    }
    match httparse::parse_chunk_size(line) {
        Ok(httparse::Status::Complete((_, 0))) => next(true),
        Ok(httparse::Status::Complete((_, length))) => Wire::Chunks(Chunks::Data(length + 2)),
        _ => Wire::Rest,
    }
}

/// The length of a head, what begins with it, and how its body ends. None if it is not complete,
/// an error if it is no HTTP.
type Parsed = Result<Option<(usize, Began, Framing)>, httparse::Error>;

fn request(text: &[u8], asked: &mut VecDeque<Asked>) -> Parsed {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(length) = request.parse(text)? else { return Ok(None) };
    let (method, target) = (request.method.unwrap_or_default(), request.path.unwrap_or_default());
    // HTTP/2 begins with a request that is none (RFC 9113, 3.4).
    if method == "PRI" {
        return Err(httparse::Error::Version);
    }
    let label = service::route_label(method, path(target));
    asked.push_back(Asked { label: label.clone(), head: method == "HEAD" });
    let framing = match method {
        "CONNECT" => Framing::Switched,
        _ => framing(request.headers).unwrap_or(Framing::Length(0)),
    };
    Ok(Some((length, Began { label, leg: Leg::Request }, framing)))
}

fn response(text: &[u8], asked: &mut VecDeque<Asked>) -> Parsed {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = response.parse(text)? else { return Ok(None) };
    let status = response.code.unwrap_or_default();
    let interim = (100..200).contains(&status) && status != 101;
    let question = if interim { asked.front().cloned() } else { asked.pop_front() };
    let Some(question) = question else { return Err(httparse::Error::Status) };
    let framing = match status {
        101 => Framing::Switched,
        100..200 | 204 | 304 => Framing::Length(0),
        _ if question.head => Framing::Length(0),
        _ => framing(response.headers).unwrap_or(Framing::UntilClose),
    };
    Ok(Some((length, Began { label: question.label, leg: Leg::Reply }, framing)))
}

/// What the headers say of the body (RFC 9112, 6.3).
fn framing(headers: &[httparse::Header<'_>]) -> Option<Framing> {
    let values = |name: &'static str| {
        headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name))
    };
    let is_chunked =
        |header: &httparse::Header<'_>| header.value.to_ascii_lowercase().ends_with(b"chunked");
    if values("transfer-encoding").any(is_chunked) {
        return Some(Framing::Chunked);
    }
    let length = values("content-length").next()?;
    std::str::from_utf8(length.value).ok()?.trim().parse().ok().map(Framing::Length)
}

/// The path of a request's target, which may be a whole URI.
fn path(target: &str) -> &str {
    let path = match target.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |start| &rest[start..]),
        None => target,
    };
    path.split(['?', '#']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads both halves, cut after every `n` bytes, and tells what began.
    fn told(n: usize, halves: &[(bool, &str)]) -> Vec<(String, Leg)> {
        let (mut there, mut back) = (Wire::default(), Wire::default());
        let mut asked = VecDeque::new();
        let mut told = Vec::new();
        for (is_opener, text) in halves {
            let wire = if *is_opener { &mut there } else { &mut back };
            for piece in text.as_bytes().chunks(n) {
                let began = wire.read(piece, *is_opener, &mut asked);
                told.extend(began.map(|began| (began.label, began.leg)));
            }
        }
        told
    }

    const ASK: &str = "POST /orders/7?x=1 HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc";
    const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n\
                           3\r\nabc\r\n1;ext=1\r\n-\r\n0\r\ntrailer: 1\r\n\r\n";
    const NOTHING: &str = "HTTP/1.1 204 No Content\r\n\r\n";

    fn order(leg: Leg) -> (String, Leg) {
        ("POST /orders/{id}".to_owned(), leg)
    }

    #[test]
    fn messages_are_told_however_they_are_cut() {
        let talk = [(true, ASK), (false, CHUNKED), (true, ASK), (false, NOTHING), (true, ASK)];
        let legs = [Leg::Request, Leg::Reply, Leg::Request, Leg::Reply, Leg::Request];
        for n in 1..200 {
            assert_eq!(told(n, &talk), legs.map(order), "cut after every {n} bytes");
        }
    }

    #[test]
    fn requests_in_a_row_have_their_answers_in_a_row() {
        let both = format!("{ASK}GET /b HTTP/1.1\r\n\r\n");
        let answers = format!("HTTP/1.1 100 Continue\r\n\r\n{NOTHING}");
        let told = told(1000, &[(true, &both), (false, &answers), (false, NOTHING)]);
        let second = ("GET /b".to_owned(), Leg::Reply);
        assert_eq!(told, [order(Leg::Request), order(Leg::Reply), second]);
    }

    #[test]
    fn a_response_to_head_has_no_body() {
        let long = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n";
        let head = "HEAD / HTTP/1.1\r\n\r\n";
        let told = told(1000, &[(true, head), (false, long), (true, head), (false, long)]);
        assert_eq!(told.len(), 4);
    }

    #[test]
    fn what_is_no_http_is_left_alone() {
        for bytes in ["\0\0\x12\x34", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "*1\r\n$4\r\nPING\r\n"] {
            assert_eq!(told(7, &[(true, bytes), (true, ASK)]), []);
        }
        assert_eq!(told(7, &[(false, NOTHING), (false, NOTHING)]), [], "nobody asked");
        let endless = "GET / HTTP/1.1\r\nx: ".to_owned() + &"y".repeat(HEAD_MAX);
        assert_eq!(told(1000, &[(true, &endless), (true, ASK)]), []);
        let switch = "HTTP/1.1 101 Switching Protocols\r\n\r\n";
        assert_eq!(told(1000, &[(true, ASK), (false, switch), (false, NOTHING)]).len(), 2);
    }
}
