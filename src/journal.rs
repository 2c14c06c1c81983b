//! What happened in one run, when, to whom, and why: the record that everything downstream reads.
//!
//! A [`Journal`] is a list of events. Each is one row of 40 bytes: the virtual time, the node, the
//! kind, and *two* causes: `prev`, the event before it in the same task (program order), and
//! `cause`, the event elsewhere that led to it (a send, a spawn, a timer that fired, a fault).
//! Following both backwards gives the causal past. Texts and payloads stand beside the rows and
//! are rendered only when somebody reads them. Recording never changes a run: the fingerprint is
//! the same whether the rows are kept ([`Recording::Full`]) or only hashed ([`Recording::Digest`]).
//!
//! This module knows no world: a journal can be loaded from a file and read years later.

mod buffer;
mod diff;
mod event;
mod file;
mod http;
mod payloads;
mod recorder;
mod services;
mod story;

pub use diff::{Divergence, first_divergence};
pub use event::{Event, EventId, Kind, NodeId, Symbol, Trace};
pub use file::{EventRecord, FORMAT_VERSION};
#[cfg(feature = "contracts")]
pub(crate) use http::origin_form;
pub(crate) use http::path_of;
pub use http::{Head, HttpMessage};
pub use recorder::{Entry, Recorder, Recording};
#[cfg(feature = "contracts")]
pub(crate) use services::service_of;
pub(crate) use services::services;
pub use story::{MessageName, Story, StoryLine, message_ordinals};

use buffer::Buffer;
use event::Row;
use indexmap::IndexSet;
use payloads::Payloads;
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};

/// A hash of everything a run did: equal fingerprints, equal runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Fingerprint(pub u64);

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The texts of a journal by number: a symbol is its place here.
type Symbols = IndexSet<Box<str>, FxBuildHasher>;

/// The finished record of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journal {
    rows: Buffer<Row>,
    symbols: Symbols,
    nodes: Vec<String>,
    /// Sorted by event.
    texts: Vec<(EventId, String)>,
    /// Sorted by event.
    traces: Vec<(EventId, Trace)>,
    payloads: Payloads,
    /// The heads of HTTP messages.
    heads: Payloads,
    /// Sorted by event.
    http: Vec<http::Mark>,
    /// Sorted by message, then by segment.
    body_parts: Vec<http::BodyPart>,
    fingerprint: Fingerprint,
    total: u64,
}

impl Journal {
    /// The number of events that can be read. With [`Recording::Digest`] it is 0.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True if no event can be read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The number of events of the run, kept or not.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The hash of the whole run.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The event of that id.
    #[must_use]
    pub fn get(&self, id: EventId) -> Option<Event<'_>> {
        let index = id.index()?;
        self.rows.get(index).map(|row| Event::new(self, id, *row))
    }

    /// All events in the order in which they happened.
    pub fn events(&self) -> impl DoubleEndedIterator<Item = Event<'_>> + ExactSizeIterator {
        self.rows.iter().enumerate().map(|(i, row)| Event::new(self, EventId::at_index(i), *row))
    }

    /// All events of one kind.
    pub fn of_kind(&self, kind: Kind) -> impl DoubleEndedIterator<Item = Event<'_>> {
        self.events().filter(move |e| e.kind() == kind)
    }

    /// The name of a node, or `?` for one that this journal does not know.
    #[must_use]
    pub fn node_name(&self, node: NodeId) -> &str {
        self.nodes.get(node.0 as usize).map_or("?", String::as_str)
    }

    /// The nodes' names, by number.
    #[must_use]
    pub fn nodes(&self) -> &[String] {
        &self.nodes
    }

    /// The text that a symbol stands for.
    #[must_use]
    pub fn symbol(&self, symbol: Symbol) -> &str {
        self.symbols.get_index(symbol.0 as usize).map_or("", |text| &**text)
    }

    /// Everything that `id` rests on, itself included, in the order in which it happened.
    #[must_use]
    pub fn past(&self, id: EventId) -> Vec<EventId> {
        let mut seen = vec![false; self.rows.len()];
        let mut open = vec![id];
        while let Some(next) = open.pop() {
            let Some(index) = next.index().filter(|i| *i < seen.len()) else { continue };
            if !std::mem::replace(&mut seen[index], true) {
                let row = &self.rows[index];
                open.extend([EventId(row.prev), EventId(row.cause)]);
            }
        }
        let mut past = Vec::new();
        past.extend(
            seen.iter().enumerate().filter(|(_, s)| **s).map(|(i, _)| EventId::at_index(i)),
        );
        past
    }

    /// True if `first` is in the causal past of `then` (Lamport 1978).
    #[must_use]
    pub fn happened_before(&self, first: EventId, then: EventId) -> bool {
        first < then && self.past(then).binary_search(&first).is_ok()
    }
}

/// The entry of `id` in a list that is sorted by event.
fn beside<T>(list: &[(EventId, T)], id: EventId) -> Option<&T> {
    let index = list.binary_search_by_key(&id, |(event, _)| *event).ok()?;
    Some(&list[index].1)
}
