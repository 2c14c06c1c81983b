//! HTTP/2 (RFC 9113): frames, the messages that begin in them, and how their streams end.

mod frame;

pub(super) use frame::words;

use super::hpack;
use super::{Asked, HEAD_MAX, Message, Reading, TRACEPARENT, Talk};
use crate::chaos::Leg;
use crate::journal::{EventId, Head, Recording, Trace};
use crate::service;
use frame::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, FRAME_HEAD, FRAMES, Frame, GOAWAY, PADDED,
    PUSH_PROMISE, RST_STREAM, SETTINGS, error,
};

/// What the half of whoever connects begins with (RFC 9113, 3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Requests of one connection that may wait for their responses: a hundred times what servers allow
/// (RFC 9113, 6.5.2, recommends 100 and more).
const STREAMS_MAX: usize = 10_000;

/// Streams whose reset may cross their answer: what comes later has no name.
const RESET_MAX: usize = 100;

/// One half of a connection, as far as it was read.
#[derive(Debug, Default)]
pub(in crate::net::stream) struct Half {
    table: hpack::Decoder,
    /// True after its first frame.
    is_settled: bool,
    /// The head of a frame of which not all is there, or the payload of one that must be whole.
    known: Vec<u8>,
    frame: Option<Frame>,
    /// A header block that the next frame continues.
    block: Option<Block>,
}

/// A header block in the making.
#[derive(Debug)]
struct Block {
    stream: u32,
    ends_stream: bool,
    /// Of a request that is only announced: its fields count for the table alone.
    is_promise: bool,
    bytes: Vec<u8>,
    start: usize,
}

/// The fields of a header block that matter here.
#[derive(Default)]
struct Fields {
    method: Option<String>,
    path: String,
    status: Option<u16>,
    grpc_status: Option<String>,
    trace: Option<Trace>,
    /// Its headers, where anybody will read them.
    headers: Vec<(String, Vec<u8>)>,
}

impl Half {
    /// Reads the bytes from `at` on. None if they are no HTTP/2.
    pub(super) fn read(&mut self, reading: &mut Reading<'_>, mut at: usize) -> Option<()> {
        let bytes = reading.bytes;
        // What began in earlier bytes begins before these.
        if let Some(frame) = &mut self.frame {
            frame.start = 0;
        }
        if let Some(block) = &mut self.block {
            block.start = 0;
        }
        while at < bytes.len() {
            let Some(frame) = &mut self.frame else {
                at += self.head(reading, at)?;
                continue;
            };
            let taken = frame.left.min(bytes.len() - at);
            let payload = &bytes[at..at + taken];
            if frame.is_read_whole() && (taken < frame.left || !self.known.is_empty()) {
                self.known.extend_from_slice(payload);
                frame.left -= taken;
                if frame.left == 0 {
                    let known = std::mem::take(&mut self.known);
                    self.whole(reading, &known)?;
                }
            } else if frame.is_read_whole() {
                self.whole(reading, payload)?;
            } else {
                self.some(reading, payload, at)?;
            }
            at += taken;
        }
        Some(())
    }

    /// Reads the head of a frame; how many bytes that took.
    fn head(&mut self, reading: &mut Reading<'_>, at: usize) -> Option<usize> {
        let start = if self.known.is_empty() { at } else { 0 };
        let missing = FRAME_HEAD - self.known.len();
        let taken = missing.min(reading.bytes.len() - at);
        self.known.extend_from_slice(&reading.bytes[at..at + taken]);
        let Some([a, b, c, kind, flags, stream @ ..]) = self.known.first_chunk::<FRAME_HEAD>()
        else {
            return Some(taken);
        };
        let left = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        let stream = u32::from_be_bytes(*stream) & (u32::MAX >> 1);
        let padding = if flags & PADDED == 0 { Some(0) } else { None };
        let frame = Frame { kind: *kind, flags: *flags, stream, left, padding, start };
        self.known.clear();
        self.check(&frame)?;
        if usize::from(frame.kind) < FRAMES.len() {
            reading.told.frames |= 1 << frame.kind;
        }
        self.frame = Some(frame);
        if left == 0 {
            match frame.is_read_whole() {
                true => self.whole(reading, &[])?,
                false => self.some(reading, &[], at)?,
            }
        }
        Some(taken)
    }

    /// Whether a frame may come now (RFC 9113, 3.4 and 6.10), and is no longer than is kept.
    fn check(&mut self, frame: &Frame) -> Option<()> {
        let is_settings = frame.kind == SETTINGS && frame.flags & ACK == 0 && frame.stream == 0;
        let settled = std::mem::replace(&mut self.is_settled, true) || is_settings;
        let expected = match &self.block {
            Some(block) => frame.kind == CONTINUATION && frame.stream == block.stream,
            None => frame.kind != CONTINUATION,
        };
        let kept = self.block.as_ref().map_or(0, |block| block.bytes.len());
        let is_short = !frame.is_read_whole() || kept + frame.left <= HEAD_MAX;
        (settled && expected && is_short).then_some(())
    }

    /// A part of a frame that need not be whole: a body, or what does not matter here.
    fn some(&mut self, reading: &mut Reading<'_>, payload: &[u8], at: usize) -> Option<()> {
        let frame = self.frame.as_mut()?;
        frame.left -= payload.len();
        let done = *frame;
        if frame.kind == DATA {
            let mut body = (at, payload.len());
            if let (None, Some(padding)) = (frame.padding, payload.first()) {
                frame.padding = Some(usize::from(*padding));
                body = (at + 1, payload.len() - 1);
            }
            // What is left of the body after these bytes, negative if they reach into the padding.
            let padding = frame.padding.unwrap_or_default();
            let beyond = padding.saturating_sub(done.left);
            reading.body(done.stream, body.0, body.1.saturating_sub(beyond));
        }
        if done.left == 0 {
            self.frame = None;
            if done.kind == DATA && done.flags & END_STREAM != 0 {
                ended(reading, done.stream);
            }
        }
        Some(())
    }

    /// A frame that had to be whole.
    fn whole(&mut self, reading: &mut Reading<'_>, payload: &[u8]) -> Option<()> {
        let frame = self.frame.take()?;
        let Frame { stream, start, .. } = frame;
        match frame.kind {
            RST_STREAM => {
                let why = error(payload.first_chunk()?);
                let label = reading.talk.streams.get(&stream).map(|asked| asked.label);
                match reading.is_opener {
                    true => reading.talk.expect_little_of(stream),
                    false => ended(reading, stream),
                }
                reading.note(start, |names| match label {
                    Some(label) => format!("RST_STREAM {why} of {}", names.symbol_text(label)),
                    None => format!("RST_STREAM {why}"),
                });
                return Some(());
            }
            GOAWAY => {
                let why = error(payload.get(4..)?.first_chunk()?);
                reading.note(start, |_| format!("GOAWAY {why}"));
                return Some(());
            }
            CONTINUATION => self.block.as_mut()?.bytes.extend_from_slice(payload),
            kind => {
                self.block = Some(Block {
                    stream,
                    ends_stream: frame.flags & END_STREAM != 0,
                    is_promise: kind == PUSH_PROMISE,
                    bytes: frame.fragment(payload)?.to_vec(),
                    start,
                });
            }
        }
        if frame.flags & END_HEADERS == 0 {
            return Some(());
        }
        let block = self.block.take()?;
        let keeps = reading.names.recording() == Recording::Full;
        let fields = Fields::of(&mut self.table, &block.bytes, keeps)?;
        if block.is_promise { Some(()) } else { fields.tell(reading, &block) }
    }
}

impl Fields {
    fn of(table: &mut hpack::Decoder, block: &[u8], keeps: bool) -> Option<Fields> {
        let mut fields = Fields::default();
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        table.decode(block, |name, value| {
            // An authority is what HTTP/1.1 calls the host (RFC 9113, 8.3.1).
            let kept = if name == b":authority" { b"host" } else { name };
            if keeps && !kept.starts_with(b":") {
                fields.headers.push((text(kept), value.to_vec()));
            }
            match name {
                b":method" => fields.method = Some(text(value)),
                b":path" => fields.path = text(value),
                b":status" => fields.status = text(value).parse().ok(),
                b"grpc-status" => fields.grpc_status = Some(text(value)),
                name if name == TRACEPARENT.as_bytes() => {
                    fields.trace = service::read_traceparent(value);
                }
                _ => {}
            }
        })?;
        Some(fields)
    }

    /// A header block is a request, a response, an interim response, or the trailers of a message.
    fn tell(self, reading: &mut Reading<'_>, block: &Block) -> Option<()> {
        let (stream, at) = (block.stream, block.start);
        let question = reading.talk.streams.get(&stream).copied();
        let begun = Message {
            at,
            number: stream,
            label: question.map_or_else(Default::default, |asked| asked.label),
            leg: Leg::Reply,
            status: 0,
            trace: None,
            answers: question.map_or(EventId::NONE, |asked| asked.sent),
            is_one_of_many: reading.talk.streams.len() > 1,
        };
        let headers = self.headers;
        let kept = || headers.iter().map(|(name, value)| (&**name, &**value));
        match (reading.is_opener, self.method, self.status) {
            (true, Some(method), _) => {
                let path = self.path.split(['?', '#']).next().unwrap_or_default();
                let label = reading.names.symbol(&service::route_label(&method, path));
                let (number, sent, head) = (stream, EventId::NONE, method == "HEAD");
                reading.talk.streams.insert(stream, Asked { number, sent, label, head });
                if reading.talk.streams.len() > STREAMS_MAX {
                    return None;
                }
                let trace = self.trace;
                let begun = Message { label, leg: Leg::Request, trace, ..begun };
                reading.begins(begun, || Head::request(&method, &self.path).with(kept()));
            }
            (false, _, Some(status @ (..100 | 200..))) if question.is_some() => {
                let begun = Message { status, ..begun };
                reading.begins(begun, || Head::reply(status).with(kept()));
            }
            _ => {}
        }
        if let Some(status) = self.grpc_status.filter(|_| !reading.is_opener) {
            let last = reading.told.messages.last();
            let is_here = last.is_some_and(|message| message.number == stream);
            let label = question.filter(|_| !is_here).map(|asked| asked.label);
            reading.note(at, |names| match label {
                Some(label) => format!("grpc-status {status} of {}", names.symbol_text(label)),
                None => format!("grpc-status {status}"),
            });
        }
        if block.ends_stream {
            ended(reading, stream);
        }
        Some(())
    }
}

impl Talk {
    /// Whoever asks on a stream has reset it: its answer may still come.
    fn expect_little_of(&mut self, stream: u32) {
        self.reset.push_back(stream);
        let oldest = (self.reset.len() > RESET_MAX).then(|| self.reset.pop_front()).flatten();
        oldest.map(|stream| self.streams.remove(&stream));
    }
}

/// One half of a stream has ended. With the response's, nothing is waited for any more.
fn ended(reading: &mut Reading<'_>, stream: u32) {
    if !reading.is_opener {
        reading.talk.streams.remove(&stream);
    }
}
