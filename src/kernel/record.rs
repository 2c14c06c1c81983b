//! What a kernel writes into its journal, and what each event rests on.

use std::panic::Location;

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

use super::{Kernel, watchdog};
use crate::journal::{Entry, EventId, Head, NodeId, Recorder, Recording, Symbol, Trace};

impl Kernel {
    /// The latest event of what runs now: what follows rests on it.
    #[inline]
    pub(crate) fn here(&self) -> EventId {
        self.prev.get().max(self.cause.get())
    }

    /// What the running task records next rests on `event`, which may not be what woke it.
    pub(crate) fn rests_on(&self, event: EventId) {
        self.cause.set(self.cause.get().max(event));
    }

    /// Records an event in the running task or action.
    #[inline]
    pub(crate) fn record(&self, entry: Entry) -> EventId {
        self.record_caused(entry, self.cause.get())
    }

    /// Records an event with a cause of its own.
    #[inline]
    pub(crate) fn record_caused(&self, entry: Entry, cause: EventId) -> EventId {
        if self.over.get() {
            return EventId::NONE;
        }
        let prev = self.prev.get();
        let cause = if cause == prev { EventId::NONE } else { cause };
        let id = self.journal.borrow_mut().append(self.now.get(), entry, prev, cause);
        self.prev.set(id);
        self.cause.set(EventId::NONE);
        id
    }

    /// Records an event that belongs to no task: what comes next in the running one does not rest on it.
    /// It rests on both others.
    pub(crate) fn record_apart(&self, entry: Entry, one: EventId, other: EventId) -> EventId {
        if self.over.get() {
            return EventId::NONE;
        }
        self.journal.borrow_mut().append(self.now.get(), entry, one, other)
    }

    /// Records an event with a text; its hash becomes the event's value.
    pub(crate) fn record_text(&self, entry: Entry, text: String) -> EventId {
        let id = self.record(entry.value(xxh3_64(text.as_bytes())));
        if id != EventId::NONE {
            self.journal.borrow_mut().attach_text(id, text);
        }
        id
    }

    /// Puts a text beside an event whose value is something else; the text must follow from it.
    pub(crate) fn attach_text(&self, id: EventId, text: impl FnOnce() -> String) {
        let mut journal = self.journal.borrow_mut();
        if journal.recording() == Recording::Full && id != EventId::NONE {
            journal.attach_text(id, text());
        }
    }

    /// Keeps the bytes of a message, by reference.
    pub(crate) fn attach_payload(&self, id: EventId, payload: &Bytes) {
        if id != EventId::NONE {
            self.journal.borrow_mut().attach_payload(id, payload);
        }
    }

    /// Says that an event sends an HTTP message: see [`Recorder::attach_http`].
    pub(crate) fn attach_http(&self, id: EventId, answers: EventId, head: Head, is_whole: bool) {
        if id != EventId::NONE {
            self.journal.borrow_mut().attach_http(id, answers, head, is_whole);
        }
    }

    /// Says where some bytes of an HTTP message's body lie: see [`Recorder::attach_body_part`].
    pub(crate) fn attach_body_part(&self, message: EventId, segment: EventId, at: usize, n: usize) {
        if segment != EventId::NONE {
            self.journal.borrow_mut().attach_body_part(message, segment, at, n);
        }
    }

    /// True if what is put beside events is kept.
    pub(crate) fn keeps_all(&self) -> bool {
        self.journal.borrow().recording() == Recording::Full
    }

    /// Says which trace a request belongs to.
    pub(crate) fn attach_trace(&self, id: EventId, trace: Trace) {
        if id != EventId::NONE {
            self.journal.borrow_mut().attach_trace(id, trace);
        }
    }

    /// The symbol of a text.
    pub(crate) fn symbol(&self, text: &str) -> Symbol {
        self.journal.borrow_mut().symbol(text)
    }

    /// The symbol of a place in the source.
    pub(super) fn place(&self, location: &'static Location<'static>) -> Symbol {
        let key = std::ptr::from_ref(location) as usize;
        let known = self.places.borrow().get(&key).copied();
        known.unwrap_or_else(|| {
            let symbol = self.symbol(&location.to_string());
            watchdog::Pulse::know(location);
            self.places.borrow_mut().insert(key, symbol);
            symbol
        })
    }

    /// A node's name.
    pub(crate) fn node_name(&self, node: NodeId) -> String {
        self.journal.borrow().node_name(node).to_owned()
    }

    /// Events so far.
    pub(crate) fn events(&self) -> u64 {
        self.journal.borrow().total()
    }

    /// Runs `f` with the journal as it stands.
    pub(crate) fn with_recorder<R>(&self, f: impl FnOnce(&mut Recorder) -> R) -> R {
        f(&mut self.journal.borrow_mut())
    }

    /// Takes the journal out; the world records no more.
    pub(crate) fn take_journal(&self) -> Recorder {
        self.journal.replace(Recorder::new(Recording::Digest))
    }

    /// Lets `f` act for `node` as a new line of events that rests on `cause`.
    pub(crate) fn acting<R>(&self, node: NodeId, cause: EventId, f: impl FnOnce() -> R) -> R {
        let before = (self.node.get(), self.prev.get(), self.cause.get());
        self.node.set(node);
        self.prev.set(EventId::NONE);
        self.cause.set(cause);
        let result = f();
        self.node.set(before.0);
        self.prev.set(before.1);
        self.cause.set(before.2);
        result
    }
}
