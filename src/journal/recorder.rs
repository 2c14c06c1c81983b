//! The writing side of a journal: appends rows, hashes them in chunks, keeps or forgets them.

use bytes::Bytes;
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

use super::buffer::Buffer;
use super::event::Row;
use super::http::{BodyPart, Head, Mark};
use super::payloads::Payloads;
use super::{EventId, Fingerprint, Journal, Kind, NodeId, Symbol, Symbols, Trace};

/// How much of a run is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Recording {
    /// Every event, text and payload.
    #[default]
    Full,
    /// The fingerprint alone: memory does not grow with the run.
    Digest,
}

/// Rows are hashed this many at a time: 40 KB stay in the cache.
const CHUNK: usize = 1024;

/// What the caller says about an event; the recorder adds time and causes. See [`Kind`] for what
/// the fields mean in each kind of event.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// What happened.
    pub kind: Kind,
    /// To whom.
    pub node: NodeId,
    /// The other node of a message, or [`NodeId::WORLD`].
    pub peer: NodeId,
    /// A label, a path, a reason.
    pub symbol: Symbol,
    /// A number.
    pub value: u64,
    /// A second, smaller number.
    pub extra: u32,
}

impl Entry {
    /// An event of `node` with neither peer, symbol nor numbers.
    #[must_use]
    pub fn new(kind: Kind, node: NodeId) -> Entry {
        Entry { kind, node, peer: NodeId::WORLD, symbol: Symbol(0), value: 0, extra: 0 }
    }

    /// The same with a symbol.
    #[must_use]
    pub fn symbol(self, symbol: Symbol) -> Entry {
        Entry { symbol, ..self }
    }

    /// The same with another node.
    #[must_use]
    pub fn peer(self, peer: NodeId) -> Entry {
        Entry { peer, ..self }
    }

    /// The same with a number.
    #[must_use]
    pub fn value(self, value: u64) -> Entry {
        Entry { value, ..self }
    }

    /// The same with a second number.
    #[must_use]
    pub fn extra(self, extra: u32) -> Entry {
        Entry { extra, ..self }
    }
}

/// Writes one run's journal.
pub struct Recorder {
    rows: Buffer<Row>,
    /// The rows before this index are hashed.
    hashed: usize,
    /// Events that are already forgotten.
    forgotten: u64,
    recording: Recording,
    hash: Box<Xxh3Default>,
    symbols: Symbols,
    nodes: Vec<String>,
    texts: Vec<(EventId, String)>,
    traces: Vec<(EventId, Trace)>,
    payloads: Payloads,
    heads: Payloads,
    http: Vec<Mark>,
    body_parts: Vec<BodyPart>,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("total", &self.total()).finish_non_exhaustive()
    }
}

impl Recorder {
    /// An empty journal in which symbol 0 is the empty text and node 0 the world.
    #[must_use]
    pub fn new(recording: Recording) -> Recorder {
        Recorder {
            rows: Buffer::new(),
            hashed: 0,
            forgotten: 0,
            recording,
            hash: Box::default(),
            symbols: Symbols::from_iter([Box::from("")]),
            nodes: vec!["world".to_owned()],
            texts: Vec::new(),
            traces: Vec::new(),
            payloads: Payloads::new(),
            heads: Payloads::new(),
            http: Vec::new(),
            body_parts: Vec::new(),
        }
    }

    /// Events so far.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.forgotten + self.rows.len() as u64
    }

    /// What is kept.
    #[must_use]
    pub fn recording(&self) -> Recording {
        self.recording
    }

    /// The symbol of `text`, made on first use.
    pub fn symbol(&mut self, text: &str) -> Symbol {
        let known = self.symbols.get_index_of(text);
        let index = known.unwrap_or_else(|| self.symbols.insert_full(Box::from(text)).0);
        Symbol(u32::try_from(index).expect("fewer than 2^32 names"))
    }

    /// The text of a symbol of this recorder.
    #[must_use]
    pub fn symbol_text(&self, symbol: Symbol) -> &str {
        &self.symbols[symbol.0 as usize]
    }

    /// Gives the next node its number.
    pub fn add_node(&mut self, name: &str) -> NodeId {
        let id = NodeId(u32::try_from(self.nodes.len()).expect("fewer than 2^24 nodes"));
        assert!(id.0 < 1 << 24, "a journal numbers at most 2^24 nodes");
        self.nodes.push(name.to_owned());
        id
    }

    /// A node's name.
    #[must_use]
    pub fn node_name(&self, node: NodeId) -> &str {
        &self.nodes[node.0 as usize]
    }

    /// Appends an event at `at` nanoseconds. `prev` is the event before it in the same task, `cause`
    /// the event elsewhere that led to it; both come earlier, or are [`EventId::NONE`].
    #[inline]
    pub fn append(&mut self, at: u64, entry: Entry, prev: EventId, cause: EventId) -> EventId {
        if self.rows.len() - self.hashed == CHUNK {
            self.close_chunk();
        }
        self.rows.push(Row {
            at,
            value: entry.value,
            prev: prev.0,
            cause: cause.0,
            kind_node: Row::kind_node(entry.kind, entry.node),
            peer: entry.peer.0,
            symbol: entry.symbol.0,
            extra: entry.extra,
        });
        #[expect(clippy::cast_possible_truncation, reason = "the event budget is below 2^32")]
        let id = EventId(self.total() as u32);
        id
    }

    /// Puts a text beside an event, in the order of the events. The caller has put its hash into the
    /// row where the fingerprint should depend on it.
    pub fn attach_text(&mut self, id: EventId, text: String) {
        if self.recording == Recording::Full {
            self.texts.push((id, text));
        }
    }

    /// Puts the trace that a request belongs to beside its event, in the order of the events.
    pub fn attach_trace(&mut self, id: EventId, trace: Trace) {
        if self.recording == Recording::Full {
            self.traces.push((id, trace));
        }
    }

    /// Puts a payload beside an event, a long one by reference, in the order of the events.
    pub fn attach_payload(&mut self, id: EventId, payload: &Bytes) {
        if self.recording == Recording::Full && !payload.is_empty() {
            self.payloads.push(id, payload);
        }
    }

    /// Says that an event sends an HTTP message, in the order of the events; a reply answers the
    /// request that the event `answers` has sent. The event's payload is its body if `is_whole`; else
    /// [`Recorder::attach_body_part`] says where its body lies.
    pub fn attach_http(&mut self, event: EventId, answers: EventId, head: Head, is_whole: bool) {
        if self.recording == Recording::Full {
            self.heads.push(event, &head.into_bytes());
            self.http.push(Mark { event, answers, is_whole });
        }
    }

    /// Says that `length` bytes of the payload of `segment`, from `at` on, are the next ones of the
    /// body of the HTTP message that the event `message` began.
    pub fn attach_body_part(
        &mut self,
        message: EventId,
        segment: EventId,
        at: usize,
        length: usize,
    ) {
        if self.recording == Recording::Full {
            let (at, length) = (at as u32, length as u32);
            self.body_parts.push(BodyPart { message, segment, at, length });
        }
    }

    /// The finished journal.
    #[must_use]
    pub fn finish(mut self) -> Journal {
        let total = self.total();
        self.close_chunk();
        self.body_parts.sort_by_key(|part| (part.message, part.segment));
        let nodes = self.nodes.iter().map(String::as_str);
        for name in nodes.chain(self.symbols.iter().map(|text| &**text)) {
            self.hash.update(&xxh3_64(name.as_bytes()).to_le_bytes());
        }
        Journal {
            fingerprint: Fingerprint(self.hash.digest()),
            rows: self.rows,
            symbols: self.symbols,
            nodes: self.nodes,
            texts: self.texts,
            traces: self.traces,
            payloads: self.payloads,
            heads: self.heads,
            http: self.http,
            body_parts: self.body_parts,
            total,
        }
    }

    #[cold]
    fn close_chunk(&mut self) {
        self.hash.update(bytemuck::cast_slice(&self.rows[self.hashed..]));
        match self.recording {
            Recording::Full => self.hashed = self.rows.len(),
            Recording::Digest => {
                self.forgotten += self.rows.len() as u64;
                self.rows.clear();
            }
        }
    }
}
