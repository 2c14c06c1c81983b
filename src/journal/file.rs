//! A journal outside of its process: the binary file, and one line of JSON an event.
//!
//! The file is `STORMGLASS-JOURNAL\n`, the format's version (4 bytes), the length of the body (8),
//! its xxh3 hash (8), and the body: the number of rows (8), the rows as they lie in memory, and the
//! names, texts, traces, payloads and HTTP messages in postcard's encoding. Numbers are little-endian. The same journal
//! always makes the same bytes.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::event::Row;
use super::http::{BodyPart, Mark};
use super::{Event, EventId, Fingerprint, Journal, Kind, Symbols, Trace};
use crate::document;
use crate::error::{Error, Result};

/// The version of the file format that this build writes and reads.
pub const FORMAT_VERSION: u32 = 3;

const MAGIC: &[u8] = b"STORMGLASS-JOURNAL\n";
const HEADER: usize = MAGIC.len() + 4 + 8 + 8;
const ROW: usize = size_of::<Row>();

// Fingerprints hash the rows as they lie in memory, and files hold them so.
const _: () = assert!(cfg!(target_endian = "little"), "journals need a little-endian machine");

/// What stands in a file after the rows.
#[derive(Serialize, Deserialize)]
struct Beside<'a> {
    total: u64,
    fingerprint: Fingerprint,
    #[serde(borrow)]
    symbols: Vec<&'a str>,
    #[serde(borrow)]
    nodes: Vec<&'a str>,
    #[serde(borrow)]
    texts: Vec<(EventId, &'a str)>,
    traces: Vec<(EventId, Trace)>,
    #[serde(borrow)]
    payloads: Vec<(EventId, &'a [u8])>,
    #[serde(borrow)]
    heads: Vec<(EventId, &'a [u8])>,
    http: Vec<Mark>,
    body_parts: Vec<BodyPart>,
}

/// One event in full, for machines: what [`Journal::to_json_lines`] writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EventRecord<'a> {
    /// Its number, from 1.
    pub id: u32,
    /// Virtual nanoseconds since the start of the world.
    pub at_ns: u64,
    /// The name of its kind, such as `power_loss`.
    pub kind: &'static str,
    /// The node's name.
    pub node: &'a str,
    /// The name of the other node of a message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<&'a str>,
    /// A label, a path, a reason: see [`Kind`].
    #[serde(skip_serializing_if = "str::is_empty")]
    pub symbol: &'a str,
    /// A number: see [`Kind`]. It may be a 64-bit hash.
    pub value: u64,
    /// A second number: see [`Kind`].
    pub extra: u32,
    /// The event before it in the same task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prev: Option<u32>,
    /// The event elsewhere that led to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<u32>,
    /// Its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<&'a str>,
    /// The trace and the span of a request, as in its `traceparent` header: 32 digits and 16.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

impl<'a> From<Event<'a>> for EventRecord<'a> {
    fn from(event: Event<'a>) -> EventRecord<'a> {
        let some = |id: EventId| (id != EventId::NONE).then_some(id.0);
        EventRecord {
            id: event.id().0,
            at_ns: event.at().as_nanos(),
            kind: event.kind().name(),
            node: event.node_name(),
            peer: (event.peer() != super::NodeId::WORLD).then(|| event.peer_name()),
            symbol: event.symbol(),
            value: event.value(),
            extra: event.extra(),
            prev: some(event.prev()),
            cause: some(event.cause()),
            text: event.text(),
            trace: event.trace().map(|trace| format!("{:032x}-{:016x}", trace.id, trace.span)),
        }
    }
}

impl Journal {
    /// Writes the journal to a file, whole or not at all: what stood at `path` stays if it fails.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the directory is missing or cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result {
        let path = path.as_ref();
        document::write_whole(path, &encode(self)).map_err(|source| Error::io(path, source))
    }

    /// Reads a file that [`Journal::save`] wrote.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be read; [`Error::Journal`] with the reason if it is no
    /// journal, has another version, or is truncated or corrupted.
    pub fn load(path: impl AsRef<Path>) -> Result<Journal> {
        let path = path.as_ref();
        let bytes = bytes_of(path).map_err(|source| Error::io(path, source))?;
        decode(&bytes).map_err(|reason| Error::Journal { path: path.to_owned(), reason })
    }

    /// True if the file at `path` begins as a journal does.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn is_one(path: impl AsRef<Path>) -> std::io::Result<bool> {
        let mut start = Vec::with_capacity(MAGIC.len());
        fs::File::open(path)?.take(MAGIC.len() as u64).read_to_end(&mut start)?;
        Ok(start == MAGIC)
    }

    /// All events as one JSON object a line, each an [`EventRecord`].
    #[must_use]
    pub fn to_json_lines(&self) -> String {
        let mut out = Vec::new();
        for event in self.events() {
            serde_json::to_writer(&mut out, &EventRecord::from(event))
                .expect("numbers and texts always serialize");
            out.push(b'\n');
        }
        String::from_utf8(out).expect("JSON is UTF-8")
    }
}

/// The bytes of a file, as many as its header promises and one more; of a file that is no journal only
/// the first ones.
fn bytes_of(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut file = fs::File::open(path)?;
    let mut bytes = Vec::new();
    (&mut file).take(HEADER as u64).read_to_end(&mut bytes)?;
    let length = bytes.get(MAGIC.len() + 4..MAGIC.len() + 12).filter(|_| bytes.starts_with(MAGIC));
    let length = length.map_or(0, |bytes| u64::from_le_bytes(bytes.try_into().expect("8 bytes")));
    file.take(length.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn encode(journal: &Journal) -> Vec<u8> {
    let beside = Beside {
        total: journal.total,
        fingerprint: journal.fingerprint,
        symbols: journal.symbols.iter().map(|text| &**text).collect(),
        nodes: journal.nodes.iter().map(String::as_str).collect(),
        texts: journal.texts.iter().map(|(id, text)| (*id, text.as_str())).collect(),
        traces: journal.traces.clone(),
        payloads: journal.payloads.iter().collect(),
        heads: journal.heads.iter().collect(),
        http: journal.http.clone(),
        body_parts: journal.body_parts.clone(),
    };
    let mut body = Vec::with_capacity(8 + journal.rows.len() * ROW);
    body.extend_from_slice(&(journal.rows.len() as u64).to_le_bytes());
    body.extend_from_slice(bytemuck::cast_slice(&journal.rows[..]));
    let body = postcard::to_extend(&beside, body).expect("plain data in memory always encodes");

    let mut file = Vec::with_capacity(HEADER + body.len());
    file.extend_from_slice(MAGIC);
    file.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    file.extend_from_slice(&(body.len() as u64).to_le_bytes());
    file.extend_from_slice(&xxh3_64(&body).to_le_bytes());
    file.extend_from_slice(&body);
    file
}

/// The journal in `file`, or the reason why there is none.
fn decode(file: &[u8]) -> std::result::Result<Journal, String> {
    let body = open(file)?;
    let inside = |what: &str| format!("corrupted: {what}, although its checksum is right");
    let (count, rest) = body.split_first_chunk().ok_or_else(|| inside("it has no row count"))?;
    let bytes = usize::try_from(u64::from_le_bytes(*count)).ok().and_then(|n| n.checked_mul(ROW));
    let (rows, rest) = bytes
        .and_then(|bytes| rest.split_at_checked(bytes))
        .ok_or_else(|| inside("it has fewer rows than it says"))?;
    let rows: Vec<Row> = rows.chunks_exact(ROW).map(bytemuck::pod_read_unaligned).collect();
    for (id, row) in (1..).zip(&rows) {
        check_row(id, row)?;
    }
    let (beside, rest) = postcard::take_from_bytes::<Beside<'_>>(rest)
        .map_err(|error| inside(&format!("its names cannot be read ({error})")))?;
    if !rest.is_empty() {
        return Err(inside("something follows its payloads"));
    }
    if beside.total < rows.len() as u64 {
        return Err(inside("it has more rows than its run had events"));
    }
    let told = beside.symbols.len();
    let symbols: Symbols = beside.symbols.into_iter().map(Box::from).collect();
    if symbols.len() != told {
        return Err(inside("it has a symbol twice"));
    }
    Ok(Journal {
        rows: rows.into(),
        symbols,
        nodes: beside.nodes.into_iter().map(str::to_owned).collect(),
        texts: beside.texts.into_iter().map(|(id, text)| (id, text.to_owned())).collect(),
        traces: beside.traces,
        payloads: beside.payloads.into_iter().collect(),
        heads: beside.heads.into_iter().collect(),
        http: beside.http,
        body_parts: beside.body_parts,
        fingerprint: beside.fingerprint,
        total: beside.total,
    })
}

/// The body of `file`, after the header's promises were checked.
fn open(file: &[u8]) -> std::result::Result<&[u8], String> {
    let start = &file[..file.len().min(MAGIC.len())];
    if !MAGIC.starts_with(start) {
        return Err("not a journal file: it does not begin with STORMGLASS-JOURNAL".to_owned());
    }
    let truncated =
        |expected: u64| format!("truncated: {expected} bytes expected, {} found", file.len());
    let header = file.get(MAGIC.len()..HEADER).ok_or_else(|| truncated(HEADER as u64))?;
    let number = |at: usize| {
        u64::from_le_bytes(header[at..at + 8].try_into().expect("the slice has 8 bytes"))
    };
    let version = u32::from_le_bytes(header[..4].try_into().expect("the slice has 4 bytes"));
    if version != FORMAT_VERSION {
        let remedy = if version > FORMAT_VERSION {
            "it is newer: read it with the stormglass that wrote it, or a later one"
        } else {
            "it is older: record the run again, or read it with the stormglass that wrote it"
        };
        return Err(format!(
            "format version {version}, but this build reads version {FORMAT_VERSION}; {remedy}"
        ));
    }
    let body = &file[HEADER..];
    let expected = number(4).saturating_add(HEADER as u64);
    if expected > file.len() as u64 {
        return Err(truncated(expected));
    }
    if expected < file.len() as u64 {
        return Err(format!("corrupted: {expected} bytes expected, and there are more"));
    }
    let (told, found) = (number(12), xxh3_64(body));
    if told != found {
        return Err(format!("corrupted: the checksum is {found:016x}, the file says {told:016x}"));
    }
    Ok(body)
}

/// A row must be of a kind that this build knows, and rest on earlier rows only.
fn check_row(id: u32, row: &Row) -> std::result::Result<(), String> {
    let number = row.kind_node.to_le_bytes()[0];
    if Kind::from_number(number).is_none() {
        return Err(format!("event {id} is of kind {number}, which this build does not know"));
    }
    for (word, before) in [("is caused by", row.cause), ("follows", row.prev)] {
        if before >= id {
            return Err(format!("event {id} {word} event {before}, which does not come before it"));
        }
    }
    Ok(())
}
