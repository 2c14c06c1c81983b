//! One event: its row of 40 bytes, and the view through which it is read.

use bytemuck::{Pod, Zeroable};
use serde::{Deserialize, Serialize};

use super::Journal;
use crate::time::Time;

/// The number of an event in its run, from 1. [`EventId::NONE`] stands for "no event".
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct EventId(pub u32);

impl EventId {
    /// No event.
    pub const NONE: EventId = EventId(0);

    pub(super) fn index(self) -> Option<usize> {
        (self.0 as usize).checked_sub(1)
    }

    pub(super) fn at_index(index: usize) -> EventId {
        EventId(u32::try_from(index + 1).expect("the recorder stops at 2^32 events"))
    }
}

/// The number of a node in its world. Number 0 is the world itself.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct NodeId(pub u32);

impl NodeId {
    /// The world itself: chaos, checks, the end.
    pub const WORLD: NodeId = NodeId(0);
}

/// A text that occurs often, stored once.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Symbol(pub u32);

/// A span of a distributed trace, as W3C Trace Context (level 1) has it in a `traceparent` header:
/// who works for the same trace has the same id. Zeroes stand for none.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Trace {
    /// The trace's id, `trace-id` in the header.
    pub id: u128,
    /// The id of the request's span, `parent-id` in the header.
    pub span: u64,
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal,)*) => {
        /// What happened. The number of a kind is part of the file format: append only.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[repr(u8)]
        pub enum Kind { $($(#[doc = $doc])* $name,)* }

        impl Kind {
            /// All kinds, in the order of their numbers.
            pub const ALL: &'static [Kind] = &[$(Kind::$name,)*];

            /// The kind's name in lower case, as machine output writes it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Kind::$name => $text,)* }
            }
        }
    };
}

kinds! {
    /// A node starts: its factory is called.
    Start = "start",
    /// A node stops gracefully.
    Stop = "stop",
    /// A process dies; its peers see resets.
    Crash = "crash",
    /// A machine loses power: silence, and unsynced data is lost.
    PowerLoss = "power_loss",
    /// A node stands still (a long garbage collection, SIGSTOP).
    Pause = "pause",
    /// A paused node goes on.
    Resume = "resume",
    /// A node's disk is emptied.
    Wipe = "wipe",
    /// A node's clock or clock rate is changed; `value` is nanoseconds or ppm, as the text says.
    Clock = "clock",
    /// A task is made: `symbol` is the place in the source.
    Spawn = "spawn",
    /// A task panics; the text is its message.
    Panic = "panic",
    /// A timer fires.
    Timer = "timer",
    /// A message leaves: `peer` is the receiver, `symbol` the label, `value` a hash of the payload,
    /// `extra` the status of a reply.
    Send = "send",
    /// A message arrives; its cause is the send.
    Deliver = "deliver",
    /// A message is lost; its cause is the send, or the fault; `symbol` is the reason.
    Drop = "drop",
    /// A message is sent a second time by the network.
    Duplicate = "duplicate",
    /// A caller sees a refusal or a reset; `symbol` is the reason.
    Reset = "reset",
    /// A caller gives up waiting. Its cause is the lost message, where one was lost.
    Timeout = "timeout",
    /// A fault begins.
    FaultBegin = "fault_begin",
    /// A fault ends.
    FaultEnd = "fault_end",
    /// A fault strikes: `value` is its number in the plan.
    FaultHit = "fault_hit",
    /// A disk is written: `symbol` the path, `value` the offset, `extra` the length.
    DiskWrite = "disk_write",
    /// A file is synced.
    DiskSync = "disk_sync",
    /// Any other disk operation; the symbol names it.
    DiskOp = "disk_op",
    /// A disk operation fails; the text is the error.
    DiskFail = "disk_fail",
    /// A service tells what it does (`ctx.record`).
    Note = "note",
    /// A `tracing` event of a service.
    Log = "log",
    /// A `tracing` span is entered for the first time.
    SpanOpen = "span_open",
    /// A `tracing` span is closed.
    SpanClose = "span_close",
    /// A probe has a new value: `symbol` its name, the text its value.
    Probe = "probe",
    /// A `reachable` point is reached: `symbol` its name.
    Reach = "reach",
    /// A client's operation is called or returns: `symbol` the client, `value` the operation.
    Operation = "operation",
    /// Chaos is over; everything is healed.
    Heal = "heal",
    /// A property is violated, or an eventual one is reached: `symbol` its name.
    Property = "property",
    /// The world ends; the symbol says how.
    End = "end",
    /// A connection is made, shut or closed: `symbol` says which, `value` its number.
    Connection = "connection",
    /// A service is scaled: `symbol` is its name, `value` how many replicas it is to have.
    Scale = "scale",
    /// A client calls an operation of a history: `symbol` is the object, the text says what is called.
    Invoke = "invoke",
    /// Such an operation ends: `symbol` is `ok`, `fail` or `info`, `extra` the number of its call, the
    /// text the answer.
    Return = "return",
    /// A saga goes on, or a service says that it did or undid one of its steps: `symbol` says what,
    /// the text which saga and step.
    Saga = "saga",
    /// The orchestrator sees or does something to a container: `symbol` says what, `value` is the
    /// level of its start or the wait before its restart in nanoseconds.
    Container = "container",
}

impl Kind {
    pub(super) fn from_number(number: u8) -> Option<Kind> {
        Kind::ALL.get(number as usize).copied()
    }
}

/// One event as it lies in memory and in files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Row {
    pub at: u64,
    pub value: u64,
    pub prev: u32,
    pub cause: u32,
    /// The kind in the low 8 bits, the node above them.
    pub kind_node: u32,
    pub peer: u32,
    pub symbol: u32,
    pub extra: u32,
}

impl Row {
    pub(super) fn kind_node(kind: Kind, node: NodeId) -> u32 {
        node.0 << 8 | kind as u32
    }
}

/// An event of a journal.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    pub(super) journal: &'a Journal,
    id: EventId,
    row: Row,
}

impl<'a> Event<'a> {
    pub(super) fn new(journal: &'a Journal, id: EventId, row: Row) -> Event<'a> {
        Event { journal, id, row }
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> EventId {
        self.id
    }

    /// When it happened: true time, which no node's clock need agree with.
    #[must_use]
    pub fn at(&self) -> Time {
        Time(self.row.at)
    }

    /// What happened.
    #[must_use]
    pub fn kind(&self) -> Kind {
        #[expect(clippy::cast_possible_truncation, reason = "the kind is the low 8 bits")]
        let number = self.row.kind_node as u8;
        Kind::from_number(number).expect("recorders write, and files are checked for, known kinds")
    }

    /// To whom.
    #[must_use]
    pub fn node(&self) -> NodeId {
        NodeId(self.row.kind_node >> 8)
    }

    /// The name of the node.
    #[must_use]
    pub fn node_name(&self) -> &'a str {
        self.journal.node_name(self.node())
    }

    /// The other node of a message; [`NodeId::WORLD`] if there is none.
    #[must_use]
    pub fn peer(&self) -> NodeId {
        NodeId(self.row.peer)
    }

    /// The name of the other node.
    #[must_use]
    pub fn peer_name(&self) -> &'a str {
        self.journal.node_name(self.peer())
    }

    /// The event's symbol: a label, a path, a reason; see [`Kind`].
    #[must_use]
    pub fn symbol(&self) -> &'a str {
        self.journal.symbol(Symbol(self.row.symbol))
    }

    /// The event's number; see [`Kind`].
    #[must_use]
    pub fn value(&self) -> u64 {
        self.row.value
    }

    /// A second, smaller number; see [`Kind`].
    #[must_use]
    pub fn extra(&self) -> u32 {
        self.row.extra
    }

    /// The event before it in the same task, or [`EventId::NONE`].
    #[must_use]
    pub fn prev(&self) -> EventId {
        EventId(self.row.prev)
    }

    /// The event elsewhere that led to it, or [`EventId::NONE`].
    #[must_use]
    pub fn cause(&self) -> EventId {
        EventId(self.row.cause)
    }

    /// Its text, if it has one.
    #[must_use]
    pub fn text(&self) -> Option<&'a str> {
        super::beside(&self.journal.texts, self.id).map(String::as_str)
    }

    /// The trace that a request belongs to, if it carries one: the same whether it was sent on the
    /// message lane or read from the bytes of a connection.
    #[must_use]
    pub fn trace(&self) -> Option<Trace> {
        super::beside(&self.journal.traces, self.id).copied()
    }

    /// The HTTP message that the event sends, or of which it sends the first bytes.
    #[must_use]
    pub fn http(&self) -> Option<super::HttpMessage<'a>> {
        self.journal.http_message_of(self.id)
    }

    /// The bytes of a message, if they were kept.
    #[must_use]
    pub fn payload(&self) -> Option<&'a [u8]> {
        self.journal.payloads.get(self.id)
    }

    /// True if the two describe the same thing, whatever their numbers: time, node, kind, names,
    /// values and text agree.
    #[must_use]
    pub fn same_as(&self, other: &Event<'_>) -> bool {
        self.row.at == other.row.at
            && self.row.value == other.row.value
            && self.row.extra == other.row.extra
            && self.kind() == other.kind()
            && self.node_name() == other.node_name()
            && self.peer_name() == other.peer_name()
            && self.symbol() == other.symbol()
            && self.text() == other.text()
    }
}
