//! What happened, as text for people: one line an event, in aligned columns.
//!
//! A message is one line, at its sending: what became of it (lost, doubled, overtaken) is said there.
//! The text depends on the journal alone, so that tests can expect it word for word.

mod fates;
mod names;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use fates::{Fates, sent_by};
pub use names::{MessageName, message_ordinals};
pub(super) use table::{Item, Line, table};

use super::{Event, EventId, Journal, Kind, NodeId};
use crate::time::Time;

/// One line of a story, in its parts: what a page lays out for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoryLine<'a> {
    /// The event that is told.
    pub event: EventId,
    /// When it happened.
    pub at: Time,
    /// To whom.
    pub node: &'a str,
    /// For a message `->`, `-x` (lost), `=>` (doubled) or `<-` (arrived), and the other node.
    pub arrow: Option<(&'static str, &'a str)>,
    /// What happened.
    pub words: String,
    /// What became of it, and its mark; often empty.
    pub remark: String,
}

/// The text timeline of a run, or of a part of it. Made by [`Journal::story`]; printed by
/// [`fmt::Display`].
///
/// ```text
/// time             node      what
///        0.000 ms  shopper   -> checkout  POST /orders
///        1.204 ms  checkout  -> payment   POST /charge  (order 7)
///        2.517 ms  payment   charges order 7
///        2.517 ms  payment   -x checkout  201          dropped: fault 1
/// ```
#[derive(Clone, Debug)]
pub struct Story<'a> {
    journal: &'a Journal,
    all: bool,
    past_of: Option<EventId>,
    nodes: Option<BTreeSet<NodeId>>,
    between: Option<(Time, Time)>,
    marks: BTreeMap<EventId, String>,
    limit: Option<usize>,
}

/// What has a line.
struct Selected {
    ids: Vec<EventId>,
    /// How many events the line of one stands for as well: a database syncs its files many times at
    /// once, with other operations in between.
    more: BTreeMap<EventId, usize>,
}

impl Journal {
    /// The timeline of what people want to read: messages, notes, logs, crashes, faults, timeouts,
    /// disk syncs, violated properties. Task and timer events are left out; see [`Story::all`].
    #[must_use]
    pub fn story(&self) -> Story<'_> {
        Story {
            journal: self,
            all: false,
            past_of: None,
            nodes: None,
            between: None,
            marks: BTreeMap::new(),
            limit: None,
        }
    }
}

impl<'a> Story<'a> {
    /// Every event has its line, arrivals and losses too.
    #[must_use]
    pub fn all(self) -> Story<'a> {
        Story { all: true, ..self }
    }

    /// Only what `id` rests on: who caused this.
    #[must_use]
    pub fn past_of(self, id: EventId) -> Story<'a> {
        Story { past_of: Some(id), ..self }
    }

    /// Only the events of these nodes, and messages from and to them. Faults belong to `world`.
    #[must_use]
    pub fn of_nodes(self, names: impl IntoIterator<Item = impl AsRef<str>>) -> Story<'a> {
        let names: BTreeSet<String> = names.into_iter().map(|n| n.as_ref().to_owned()).collect();
        let nodes = (0..).map(NodeId).zip(&self.journal.nodes);
        let nodes = nodes.filter(|(_, name)| names.contains(*name)).map(|(id, _)| id).collect();
        Story { nodes: Some(nodes), ..self }
    }

    /// Only the time between the two instants, both included.
    #[must_use]
    pub fn between(self, from: Time, to: Time) -> Story<'a> {
        Story { between: Some((from, to)), ..self }
    }

    /// Writes `text` at the end of an event's line. A marked event is always shown.
    #[must_use]
    pub fn mark(mut self, id: EventId, text: impl Into<String>) -> Story<'a> {
        self.marks.insert(id, text.into());
        self
    }

    /// At most `n` lines: the marked ones, then the first and the last; gaps say what is missing.
    #[must_use]
    pub fn limit(self, n: usize) -> Story<'a> {
        Story { limit: Some(n), ..self }
    }

    /// The events that have a line, before [`Story::limit`].
    #[must_use]
    pub fn events(&self) -> Vec<EventId> {
        self.selected(&Fates::of(self.journal)).ids
    }

    /// The lines, in their parts; none where [`Story::limit`] leaves one out.
    #[must_use]
    pub fn lines(&self) -> Vec<Option<StoryLine<'a>>> {
        let fates = Fates::of(self.journal);
        let Selected { ids, more } = self.selected(&fates);
        let kept = self.within_limit(ids);
        let line = |id: EventId| self.line(id, &fates, &more).map(|line| line.told(id));
        kept.into_iter().map(|id| id.and_then(line)).collect()
    }

    fn selected(&self, fates: &Fates) -> Selected {
        let mut ids = match self.past_of {
            Some(id) => self.journal.past(id),
            None => (0..self.journal.len()).map(EventId::at_index).collect(),
        };
        let missing = self.marks.keys().filter(|id| ids.binary_search(id).is_err());
        let missing: Vec<EventId> = missing.copied().collect();
        if !missing.is_empty() {
            ids.extend(missing);
            ids.sort_unstable();
        }
        let mut shown = vec![false; self.journal.len()];
        let mut more: BTreeMap<EventId, usize> = BTreeMap::new();
        let mut synced: BTreeMap<NodeId, (Time, EventId)> = BTreeMap::new();
        ids.retain(|id| {
            let Some(event) = self.journal.get(*id) else { return false };
            let marked = self.marks.contains_key(id);
            let is_sync = event.kind() == Kind::DiskSync && !self.all;
            let told = synced.get(&event.node()).filter(|(at, _)| is_sync && *at == event.at());
            if let Some((_, told)) = told.filter(|_| !marked) {
                *more.entry(*told).or_default() += 1;
                return false;
            }
            let told = || self.all || tells(&event, &shown, fates);
            let line = marked || self.covers(&event) && told();
            if line && is_sync {
                synced.insert(event.node(), (event.at(), *id));
            }
            shown[id.0 as usize - 1] = line;
            line
        });
        Selected { ids, more }
    }

    fn covers(&self, event: &Event<'_>) -> bool {
        let now = self.between.is_none_or(|(from, to)| (from..=to).contains(&event.at()));
        now && self.nodes.as_ref().is_none_or(|nodes| {
            let peer = event.peer();
            nodes.contains(&event.node()) || peer != NodeId::WORLD && nodes.contains(&peer)
        })
    }

    /// `None` stands for a line that the limit leaves out.
    fn within_limit(&self, ids: Vec<EventId>) -> Vec<Option<EventId>> {
        let Some(limit) = self.limit.filter(|n| *n < ids.len()) else {
            return ids.into_iter().map(Some).collect();
        };
        let marked = ids.iter().filter(|id| self.marks.contains_key(id)).count();
        let free = limit.saturating_sub(marked);
        let (head, tail) = (free.div_ceil(2), free / 2);
        let others = ids.len() - marked;
        let mut seen = 0;
        let keep = |id: EventId| {
            if self.marks.contains_key(&id) {
                return Some(id);
            }
            seen += 1;
            (seen <= head || seen > others - tail).then_some(id)
        };
        ids.into_iter().map(keep).collect()
    }

    fn line(
        &self,
        id: EventId,
        fates: &Fates,
        more: &BTreeMap<EventId, usize>,
    ) -> Option<Line<'a>> {
        let event = self.journal.get(id)?;
        let mut line = Line::of(&event);
        if event.kind() == Kind::Send && !self.all {
            fates.tell(id, &mut line);
        }
        match more.get(&id) {
            None => {}
            Some(1) => line.remark = "and once more at this instant".to_owned(),
            Some(more) => line.remark = format!("and {more} times more at this instant"),
        }
        if let Some(mark) = self.marks.get(&id) {
            let gap = if line.remark.is_empty() { "" } else { "  " };
            line.remark.push_str(gap);
            line.remark.push_str(mark);
        }
        Some(line)
    }
}

impl fmt::Display for Story<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fates = Fates::of(self.journal);
        let mut items = vec![Item::Header];
        let mut left_out = 0;
        let Selected { ids, more } = self.selected(&fates);
        for kept in self.within_limit(ids) {
            match kept.and_then(|id| self.line(id, &fates, &more)) {
                None => left_out += 1,
                Some(line) => {
                    items.extend(gap(std::mem::take(&mut left_out)));
                    items.push(Item::Line(line));
                }
            }
        }
        items.extend(gap(left_out));
        let lost = self.journal.total() - self.journal.len() as u64;
        if lost > 0 {
            items.push(Item::Text(format!("the run's events ({lost}) were hashed, but not kept")));
        }
        f.write_str(&table(&items))
    }
}

impl<'a> Event<'a> {
    /// What happened in words, as stories tell it; of a message, what it carries, and why it was lost
    /// or doubled.
    #[must_use]
    pub fn words(&self) -> String {
        Line::of(self).text(self.kind() != Kind::Deliver)
    }

    /// The sending of the message that this event is a part of: its arrival, its loss, its doubling,
    /// or what struck it. None for a sending itself, and for all that is no part of a message.
    #[must_use]
    pub fn sent_by(&self) -> Option<Event<'a>> {
        sent_by(self)
    }
}

fn gap(lines: usize) -> Option<Item<'static>> {
    let s = if lines == 1 { "" } else { "s" };
    (lines > 0).then(|| Item::Text(format!("... {lines} line{s} left out")))
}

/// True if the event deserves a line of its own: it interests people, and no send tells it.
fn tells(event: &Event<'_>, shown: &[bool], fates: &Fates) -> bool {
    let told_by_send = || {
        let send = sent_by(event).and_then(|send| send.id().index());
        send.is_some_and(|send| shown[send])
    };
    match event.kind() {
        Kind::Spawn | Kind::Timer | Kind::DiskWrite | Kind::DiskOp | Kind::SpanOpen => false,
        Kind::SpanClose | Kind::Probe | Kind::Reach | Kind::Connection => false,
        Kind::Start => !fates.first_starts.contains(&event.id()),
        Kind::Deliver | Kind::Drop | Kind::Duplicate | Kind::Reset | Kind::FaultHit => {
            !told_by_send()
        }
        _ => true,
    }
}
