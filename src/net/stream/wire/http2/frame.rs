//! The frames of HTTP/2 (RFC 9113, 4 and 6): their heads, their names, and where a header block is.

/// Bytes of a frame's head (RFC 9113, 4.1).
pub(super) const FRAME_HEAD: usize = 9;

/// The types of frames (RFC 9113, 6), by number.
pub(super) const FRAMES: [&str; 10] = [
    "DATA",
    "HEADERS",
    "PRIORITY",
    "RST_STREAM",
    "SETTINGS",
    "PUSH_PROMISE",
    "PING",
    "GOAWAY",
    "WINDOW_UPDATE",
    "CONTINUATION",
];
pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PUSH_PROMISE: u8 = 5;
pub(super) const GOAWAY: u8 = 7;
pub(super) const CONTINUATION: u8 = 9;

/// `ACK` of SETTINGS has the number of `END_STREAM`.
pub(super) const END_STREAM: u8 = 0x1;
pub(super) const ACK: u8 = 0x1;
pub(super) const END_HEADERS: u8 = 0x4;
pub(super) const PADDED: u8 = 0x8;
pub(super) const PRIORITY: u8 = 0x20;

/// Why a stream or a connection ends (RFC 9113, 7), by number.
pub(super) const ERRORS: [&str; 14] = [
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
];

/// A frame whose payload is being read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    /// Bytes of its payload that were not read.
    pub(super) left: usize,
    /// Bytes of padding at its end, once they are known.
    pub(super) padding: Option<usize>,
    /// Where in the bytes that are being read it begins.
    pub(super) start: usize,
}

impl Frame {
    pub(super) fn is_read_whole(self) -> bool {
        matches!(self.kind, HEADERS | CONTINUATION | PUSH_PROMISE | RST_STREAM | GOAWAY)
    }

    /// The part of a header block that is in a whole HEADERS or PUSH_PROMISE frame.
    pub(super) fn fragment(self, mut payload: &[u8]) -> Option<&[u8]> {
        if self.flags & PADDED != 0 {
            let (padding, rest) = payload.split_first()?;
            payload = &rest[..rest.len().checked_sub(usize::from(*padding))?];
        }
        let before = match self.kind {
            PUSH_PROMISE => 4,
            _ if self.flags & PRIORITY != 0 => 5,
            _ => 0,
        };
        payload.get(before..)
    }
}

/// The name of an error code.
pub(super) fn error(code: &[u8; 4]) -> String {
    let code = u32::from_be_bytes(*code);
    ERRORS.get(code as usize).map_or_else(|| format!("{code:#x}"), |name| (*name).to_owned())
}

/// The names of the frames whose bits are set.
pub(in crate::net::stream::wire) fn words<'a>(frames: u16) -> impl Iterator<Item = &'a str> {
    let is_set = move |(number, _): &(usize, &&str)| frames & 1 << number != 0;
    // RST_STREAM, GOAWAY and header blocks are told by notes and labels, in more words.
    let spoken_for = [HEADERS, RST_STREAM, PUSH_PROMISE, GOAWAY, CONTINUATION].map(usize::from);
    let rest = FRAMES.iter().enumerate().filter(is_set);
    rest.filter(move |(number, _)| !spoken_for.contains(number)).map(|(_, name)| *name)
}
