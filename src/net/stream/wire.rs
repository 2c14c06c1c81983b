//! What the bytes of a connection say, read in passing: HTTP/1.1 and HTTP/2.
//!
//! A story that tells of bytes tells nothing, and a fault script cannot name them. So each half of a
//! connection is read as it is sent: a segment in which a request or a response begins has its
//! name, and message faults find it by that. Nothing is held back or changed. What is neither is
//! given up at its first bytes, and costs nothing from then on.

mod hpack;
mod http1;
mod http2;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use smallvec::SmallVec;

use super::outgoing::Piece;
use crate::chaos::Leg;
use crate::journal::{EventId, Head, Recorder, Recording, Symbol, Trace};
use crate::service::TRACEPARENT;

/// Bytes of headers after which a connection is given up: servers take less by default (nginx 32 KiB,
/// tonic 16 KiB), and this much may be kept for each half.
const HEAD_MAX: usize = 64 << 10;

/// One half of a connection, as far as it was read.
#[derive(Debug)]
pub(super) enum Wire {
    Http1(http1::Half),
    Http2(Box<http2::Half>),
    /// Another protocol, or one that was not understood any further.
    Unknown,
}

impl Default for Wire {
    /// Before its first byte every connection may be HTTP/1.1.
    fn default() -> Wire {
        Wire::Http1(http1::Half::default())
    }
}

/// A request that waits for its response.
#[derive(Clone, Copy, Debug)]
struct Asked {
    /// Its number within its half of the connection, and the event that sent it.
    number: u32,
    sent: EventId,
    label: Symbol,
    /// Its response has no body, whatever its headers say.
    head: bool,
}

/// The requests of a connection that wait for their responses: both halves know of them.
#[derive(Debug, Default)]
pub(super) struct Talk {
    /// HTTP/1.1 answers in the order of the requests.
    asked: VecDeque<Asked>,
    /// HTTP/2 answers on the stream of the request.
    streams: BTreeMap<u32, Asked>,
    /// Those of its streams that whoever asks has reset, oldest first: an answer may be on its way.
    reset: VecDeque<u32>,
}

/// A message that begins in the bytes that were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// The byte at which it begins, 0 if it began before.
    at: usize,
    /// Its number within its half of the connection.
    pub(super) number: u32,
    pub(super) label: Symbol,
    pub(super) leg: Leg,
    /// Of a response; 0 in a request.
    pub(super) status: u16,
    /// Of a request that carries one.
    pub(super) trace: Option<Trace>,
    /// Of a response: the event that sent its request.
    pub(super) answers: EventId,
    /// Its status alone would not say which request it answers.
    is_one_of_many: bool,
}

/// Bytes of a message's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Body {
    /// The number of the message.
    pub(crate) message: u32,
    pub(crate) at: usize,
    pub(crate) length: usize,
}

/// What some bytes say.
#[derive(Debug, Default)]
pub(super) struct Told {
    messages: SmallVec<[Message; 1]>,
    /// The head of each message, where anybody will read it.
    heads: Vec<Head>,
    /// Words for the story, each with its place.
    notes: Vec<(usize, String)>,
    /// The kinds of HTTP/2's frames, as bits.
    frames: u16,
    /// The bodies, where somebody asks for them.
    bodies: Vec<Body>,
}

/// A part of a segment: at most one message begins in it.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) piece: Piece,
    pub(super) message: Option<Message>,
    pub(super) head: Option<Head>,
    pub(super) text: Option<String>,
    pub(super) bodies: Vec<Body>,
}

/// The bytes that are read, and what is known around them.
struct Reading<'a> {
    bytes: &'a [u8],
    /// True for the half of whoever opened the connection, and asks.
    is_opener: bool,
    talk: &'a mut Talk,
    names: &'a mut Recorder,
    wants_bodies: bool,
    told: Told,
}

impl Talk {
    /// The event that sent a request of this number.
    pub(super) fn was_sent(&mut self, number: u32, event: EventId) {
        let later = self.asked.iter_mut().rev().find(|asked| asked.number == number);
        if let Some(asked) = later.or_else(|| self.streams.get_mut(&number)) {
            asked.sent = event;
        }
    }
}

/// What is to be done after some bytes were read.
enum Next {
    /// HTTP/2 begins at that byte.
    Http2(usize),
    /// Nothing more is understood.
    GiveUp,
}

impl Wire {
    /// Reads the next bytes. `names` makes symbols of labels; with `wants_bodies` the places of
    /// bodies are told.
    pub(super) fn read(
        &mut self,
        bytes: &[u8],
        is_opener: bool,
        talk: &mut Talk,
        names: &mut Recorder,
        wants_bodies: bool,
    ) -> Told {
        let told = Told::default();
        let mut reading = Reading { bytes, is_opener, talk, names, wants_bodies, told };
        let mut start = 0;
        if let Wire::Http1(half) = self {
            match half.read(&mut reading) {
                None => return reading.told,
                Some(Next::GiveUp) => *self = Wire::Unknown,
                Some(Next::Http2(at)) => {
                    *self = Wire::Http2(Box::default());
                    start = at;
                    if is_opener {
                        reading.note(0, |_| "HTTP/2".to_owned());
                    }
                }
            }
        }
        if let Wire::Http2(half) = self
            && half.read(&mut reading, start).is_none()
        {
            *self = Wire::Unknown;
        }
        reading.told
    }
}

impl Reading<'_> {
    fn body(&mut self, message: u32, at: usize, length: usize) {
        if self.wants_bodies && length > 0 {
            self.told.bodies.push(Body { message, at, length });
        }
    }

    /// Adds a message that begins, with its head if anybody will read it.
    fn begins(&mut self, message: Message, head: impl FnOnce() -> Head) {
        self.told.messages.push(message);
        if self.names.recording() == Recording::Full {
            self.told.heads.push(head());
        }
    }

    /// Keeps words for the story, if anybody will read one.
    fn note(&mut self, at: usize, words: impl FnOnce(&Recorder) -> String) {
        if self.names.recording() == Recording::Full {
            let words = words(self.names);
            self.told.notes.push((at, words));
        }
    }
}

impl Told {
    /// Cuts a segment where its second message begins, and the third: each has an event of its own,
    /// and a fault that strikes one spares the others.
    pub(super) fn cut(mut self, piece: Piece, names: &Recorder) -> SmallVec<[Part; 1]> {
        let ends = self.messages.iter().skip(1).map(|message| message.at);
        let ends: SmallVec<[usize; 1]> = ends.chain([piece.bytes.len()]).collect();
        let mut start = 0;
        let mut heads = std::mem::take(&mut self.heads).into_iter();
        let mut parts = SmallVec::new();
        for (index, end) in ends.into_iter().enumerate() {
            let is_last = end == piece.bytes.len();
            let message = self.messages.get(index).copied();
            let inside = |at: usize| at >= start && (at < end || is_last);
            let bodies = self.bodies.iter().filter(|body| inside(body.at));
            let bodies = bodies.map(|body| Body { at: body.at - start, ..*body }).collect();
            let notes = self.notes.iter().filter(|(at, _)| inside(*at));
            let text = self.text(message, notes.map(|(_, note)| note.as_str()), names);
            let piece = Piece {
                seq: piece.seq + start as u64,
                bytes: part_of(&piece.bytes, start, end),
                fin: piece.fin && is_last,
            };
            let head = message.and_then(|_| heads.next());
            parts.push(Part { piece, message, head, text, bodies });
            start = end;
        }
        parts
    }

    /// What a story says beside a label or a status.
    fn text<'a>(
        &self,
        message: Option<Message>,
        notes: impl Iterator<Item = &'a str>,
        names: &'a Recorder,
    ) -> Option<String> {
        let asked = message.filter(|message| message.is_one_of_many && message.status > 0);
        let asked = asked.map(|message| names.symbol_text(message.label));
        let frames = if message.is_none() { self.frames } else { 0 };
        let mut words: Vec<&str> = asked.into_iter().chain(notes).collect();
        words.extend(http2::words(frames));
        (!words.is_empty()).then(|| words.join(", "))
    }
}

fn part_of(bytes: &Bytes, start: usize, end: usize) -> Bytes {
    if start == 0 && end == bytes.len() { bytes.clone() } else { bytes.slice(start..end) }
}
