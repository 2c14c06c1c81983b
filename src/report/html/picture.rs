//! The data of the picture: the events in columns, the messages, the faults, the requests.

mod spans;
mod violation;

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;
use serde::Serialize;

use super::Subject;
use super::file::File;
use super::lanes::Lanes;
use super::text::{payload, thousands, visible};
use crate::journal::{Event, EventId, Journal, Kind};
use crate::report::story::{self, is_of_faults};
use crate::shrink::Without;
use crate::trace::DistributedTracer;
use spans::SpanLine;

/// The most events that a page holds. Of a longer run it has all that a violation rests on, what
/// faults did, the first events and the last ones.
pub const EVENTS_MAX: usize = 50_000;
/// Requests in the waterfall.
const SPANS_MAX: usize = 5_000;
/// Strikes of one fault that a page marks.
const HITS_MAX: usize = 1_000;
/// Bytes of payloads that a page shows, all of them together.
const PAYLOADS_MAX: usize = 512 * 1024;

/// Which events are shown, and where.
pub(super) struct Picture<'a> {
    journal: &'a Journal,
    tracer: &'a DistributedTracer,
    lanes: Lanes,
    /// In the order in which they happened.
    rows: Vec<EventId>,
    focus: EventId,
    /// The events that show the violation, if the witness says which.
    evidence: &'a [EventId],
}

/// What became of a message, as the script knows it.
#[derive(Clone, Copy, Serialize)]
#[serde(into = "u8")]
enum Fate {
    Arrived = 0,
    Lost = 1,
    UnderWay = 2,
    /// A copy that the network made arrived.
    Copied = 3,
    Refused = 4,
    /// Lost once and sent again by the transport.
    Resent = 5,
}

impl From<Fate> for u8 {
    fn from(fate: Fate) -> u8 {
        fate as u8
    }
}

/// What the script gets. Rows are numbered from 0; 0 steps back stands for "none".
#[derive(Serialize)]
struct Data {
    kinds: Vec<&'static str>,
    nodes: Vec<String>,
    texts: Vec<String>,
    id: Vec<u32>,
    /// Nanoseconds since the row before.
    at: Vec<u64>,
    kind: Vec<u8>,
    node: Vec<i32>,
    peer: Vec<i32>,
    prev: Vec<u32>,
    cause: Vec<u32>,
    text: Vec<u32>,
    messages: Messages,
    payloads: BTreeMap<u32, u32>,
    faults: Vec<FaultBar>,
    spans: Vec<SpanLine>,
    focus: i64,
    /// The property, and what the witness says first.
    violation: String,
    /// The rows that show the violation.
    evidence: Vec<usize>,
    /// The first and the last row of what is shown at first.
    frame: Option<(usize, usize)>,
    end: u64,
}

#[derive(Default, Serialize)]
struct Messages {
    send: Vec<u32>,
    end: Vec<i64>,
    fate: Vec<Fate>,
}

#[derive(Serialize)]
struct FaultBar {
    text: String,
    begin: i64,
    end: i64,
    hits: Vec<u32>,
    without: &'static str,
}

/// Texts that are stored once.
#[derive(Default)]
struct Texts(IndexSet<String, FxBuildHasher>);

impl Texts {
    fn number(&mut self, text: String) -> u32 {
        u32::try_from(self.0.insert_full(text).0).expect("a page has fewer texts than events")
    }
}

impl<'a> Picture<'a> {
    pub(super) fn of(subject: Subject<'a>, tracer: &'a DistributedTracer) -> Picture<'a> {
        let journal = &subject.run.journal;
        let focus = subject.outcome.map_or(EventId::NONE, |outcome| outcome.event);
        let evidence = subject.outcome.map_or(&[][..], story::evidence);
        let past = violation::past(journal, focus, evidence);
        let lanes = Lanes::of(subject.run, &past);
        Picture { journal, tracer, lanes, rows: rows(journal, &past), focus, evidence }
    }

    fn row(&self, id: EventId) -> Option<usize> {
        if self.rows.len() == self.journal.len() {
            return (id.0 as usize).checked_sub(1).filter(|row| *row < self.rows.len());
        }
        self.rows.binary_search(&id).ok()
    }

    /// The events that are shown, with their rows.
    fn events(&self) -> impl Iterator<Item = (usize, Event<'a>)> {
        let rows = self.rows.iter().enumerate();
        rows.filter_map(|(row, id)| Some((row, self.journal.get(*id)?)))
    }

    fn row_or_none(&self, id: Option<EventId>) -> i64 {
        id.and_then(|id| self.row(id)).map_or(-1, |row| row as i64)
    }

    fn lane(&self, node: crate::journal::NodeId) -> i32 {
        self.lanes.place(node).map_or(-1, |place| place as i32)
    }

    /// The frame of the picture, and what is not in it.
    pub(super) fn write(&self, subject: Subject<'_>, file: &mut File) {
        file.raw(include_str!("page/picture.html"));
        let mut missing = Vec::new();
        if self.rows.len() < self.journal.len() {
            let whole = thousands(self.journal.len() as u64);
            let part = thousands(self.rows.len() as u64);
            let rest =
                if self.focus == EventId::NONE { "" } else { "what the violation rests on, " };
            missing.push(format!(
                "The run has {whole} events; this page holds {part}: {rest}what faults did, the \
                 first and the last ones."
            ));
        }
        let lost = subject.run.journal.total() - self.journal.len() as u64;
        if lost > 0 {
            let were = if lost == 1 { "event was" } else { "events were" };
            missing.push(format!("{} {were} hashed and not kept.", thousands(lost)));
        }
        if self.lanes.left_out > 0 {
            let n = self.lanes.left_out;
            let nodes = if n == 1 { "node that does less has" } else { "nodes that do less have" };
            missing.push(format!("{n} {nodes} no lane."));
        }
        if !missing.is_empty() {
            file.el("<p class=\"note cut\">", missing.join(" "), "</p>\n");
        }
        file.raw("</section>\n");
    }

    pub(super) fn json(&self, subject: Subject<'_>) -> String {
        let mut texts = Texts::default();
        let data = self.data(subject, &mut texts);
        serde_json::to_string(&data).expect("numbers and texts always serialize")
    }

    fn data(&self, subject: Subject<'_>, texts: &mut Texts) -> Data {
        let events = || self.rows.iter().filter_map(|id| self.journal.get(*id));
        let name = |node: &crate::journal::NodeId| visible(self.journal.node_name(*node));
        let back = |row: usize, id: EventId| self.row(id).map_or(0, |before| (row - before) as u32);
        let mut last = 0;
        let at = events().map(|e| e.at().0 - std::mem::replace(&mut last, e.at().0)).collect();
        let words = events().map(|e| texts.number(words(&e))).collect();
        let payloads = self.payloads(texts);
        let spans = self.spans(texts);
        Data {
            kinds: Kind::ALL.iter().map(|kind| kind.name()).collect(),
            nodes: self.lanes.nodes.iter().map(name).collect(),
            id: events().map(|e| e.id().0).collect(),
            at,
            kind: events().map(|e| e.kind() as u8).collect(),
            node: events().map(|e| self.lane(e.node())).collect(),
            peer: events().map(|e| self.lane(e.peer())).collect(),
            prev: events().enumerate().map(|(row, e)| back(row, e.prev())).collect(),
            cause: events().enumerate().map(|(row, e)| back(row, e.cause())).collect(),
            text: words,
            messages: self.messages(),
            payloads,
            faults: self.faults(subject),
            spans,
            focus: self.row_or_none(Some(self.focus)),
            violation: subject.outcome.map_or_else(String::new, violation::text),
            evidence: self.evidence.iter().filter_map(|id| self.row(*id)).collect(),
            frame: self.frame(subject),
            end: subject.run.duration.0.max(last),
            texts: std::mem::take(&mut texts.0).into_iter().collect(),
        }
    }

    /// One line for every arrival, loss and refusal, and one for what never came to an end.
    fn messages(&self) -> Messages {
        let mut messages = Messages::default();
        let mut ended = BTreeSet::new();
        let mut add = |send: usize, end: i64, fate| {
            messages.send.push(send as u32);
            messages.end.push(end);
            messages.fate.push(fate);
        };
        for (row, event) in self.events() {
            let fate = match event.kind() {
                Kind::Deliver if is_copy(self.journal, &event) => Fate::Copied,
                Kind::Deliver => Fate::Arrived,
                Kind::Drop if event.extra() > 0 => Fate::Resent,
                Kind::Drop => Fate::Lost,
                Kind::Reset => Fate::Refused,
                _ => continue,
            };
            let Some(send) = event.sent_by().and_then(|send| self.row(send.id())) else { continue };
            if !matches!(fate, Fate::Resent) {
                ended.insert(send);
            }
            add(send, row as i64, fate);
        }
        for (row, _) in
            self.events().filter(|(row, e)| e.kind() == Kind::Send && !ended.contains(row))
        {
            add(row, -1, Fate::UnderWay);
        }
        messages
    }

    fn payloads(&self, texts: &mut Texts) -> BTreeMap<u32, u32> {
        let mut left = PAYLOADS_MAX;
        let mut payloads = BTreeMap::new();
        for (row, event) in self.events() {
            let Some(bytes) = event.payload() else { continue };
            let text = payload(bytes);
            if text.len() > left {
                break;
            }
            left -= text.len();
            payloads.insert(row as u32, texts.number(text));
        }
        payloads
    }

    fn faults(&self, subject: Subject<'_>) -> Vec<FaultBar> {
        let of = |kind: Kind, number: usize| {
            let events = self.journal.of_kind(kind);
            events.filter(move |event| event.value() == number as u64).map(|event| event.id())
        };
        let hits = self.hits();
        let without = subject.failure.and_then(|failure| failure.shrunk.as_ref());
        let bar = |(number, fault): (usize, &crate::chaos::Fault)| FaultBar {
            text: visible(&fault.to_string()),
            begin: self.row_or_none(of(Kind::FaultBegin, number).next()),
            end: self.row_or_none(of(Kind::FaultEnd, number).next()),
            hits: hits.get(&(number as u64)).cloned().unwrap_or_default(),
            without: match without.and_then(|shrunk| shrunk.without.get(number)) {
                Some(Without::Holds) => "without it, everything holds",
                _ => "",
            },
        };
        subject.run.plan.faults.iter().enumerate().map(bar).collect()
    }

    /// The rows in which each fault strikes, by its number from 0.
    fn hits(&self) -> BTreeMap<u64, Vec<u32>> {
        let mut hits: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
        for (row, event) in self.events() {
            let number = match event.kind() {
                Kind::FaultHit => Some(event.value()),
                // Here 0 stands for none.
                Kind::Drop | Kind::Duplicate | Kind::Reset => event.value().checked_sub(1),
                _ => None,
            };
            let hits = number.map(|number| hits.entry(number).or_default());
            if let Some(hits) = hits.filter(|hits| hits.len() < HITS_MAX) {
                hits.push(row as u32);
            }
        }
        hits
    }
}

fn words(event: &Event<'_>) -> String {
    visible(event.words().trim())
}

/// True if what arrives was made by the network.
fn is_copy(journal: &Journal, delivery: &Event<'_>) -> bool {
    let before = std::iter::successors(Some(*delivery), |event| journal.get(event.cause()));
    before.skip(1).take_while(|e| e.kind() != Kind::Send).any(|e| e.kind() == Kind::Duplicate)
}

/// The events that are shown.
fn rows(journal: &Journal, past: &[EventId]) -> Vec<EventId> {
    let all = journal.len();
    if all <= EVENTS_MAX {
        return journal.events().map(|event| event.id()).collect();
    }
    let faults = journal.events().filter(|event| is_of_faults(event.kind())).map(|e| e.id());
    let mut kept: BTreeSet<EventId> = faults.take(EVENTS_MAX / 10).collect();
    kept.extend(past.iter().rev().take(EVENTS_MAX * 6 / 10));
    let room = EVENTS_MAX - kept.len();
    let ids = || journal.events().map(|event| event.id());
    kept.extend(ids().take(room / 2));
    let room = EVENTS_MAX - kept.len();
    let last: Vec<EventId> = ids().rev().filter(|id| !kept.contains(id)).take(room).collect();
    kept.extend(last);
    kept.into_iter().collect()
}
