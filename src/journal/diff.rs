//! Where two runs part, and what led there.

use std::fmt::Display;

use serde::Serialize;

use super::story::{Item, Line, table};
use super::{Event, EventId, Journal, Kind};

/// How many events of either side stand around the parting.
const NEIGHBOURS: usize = 3;
/// How many steps of a chain of causes are printed.
const STEPS: usize = 12;

/// The first event in which two runs differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Divergence {
    /// How many events both runs share.
    pub index: usize,
    /// The first event that only the left run has; `None` if it has no more.
    pub left: Option<EventId>,
    /// The first event that only the right run has; `None` if it has no more.
    pub right: Option<EventId>,
}

/// The first event in which `a` and `b` differ, or `None` if they tell the same story.
///
/// Events are compared by [`Event::same_as`]: by names, not by their numbers. Only where all events
/// are the same, the first one that has another cause counts.
#[must_use]
pub fn first_divergence(a: &Journal, b: &Journal) -> Option<Divergence> {
    if a.fingerprint() == b.fingerprint() && a.len() == b.len() && a.texts == b.texts {
        return None;
    }
    let parted = |differ: &dyn Fn(&Event<'_>, &Event<'_>) -> bool| {
        a.events().zip(b.events()).position(|(left, right)| differ(&left, &right))
    };
    let end = (a.len() != b.len()).then_some(a.len().min(b.len()));
    let index = parted(&|left, right| !left.same_as(right))
        .or(end)
        .or_else(|| parted(&|left, right| causes(left) != causes(right)))?;
    let event = |journal: &Journal| (index < journal.len()).then(|| EventId::at_index(index));
    Some(Divergence { index, left: event(a), right: event(b) })
}

fn causes(event: &Event<'_>) -> (EventId, EventId) {
    (event.prev(), event.cause())
}

impl Divergence {
    /// The parting as text for a terminal: the last events that both share, the two that differ and
    /// in what, how each run goes on, and the chain of causes that led to each. `a` and `b` are the
    /// journals that were compared; they are called A and B.
    #[must_use]
    pub fn render(&self, a: &Journal, b: &Journal) -> String {
        let mut items = vec![Item::Text(self.headline(a, b))];
        let shared = self.index.saturating_sub(NEIGHBOURS)..self.index;
        items.push(Item::Header);
        items.extend(shared.filter_map(|i| item(a, "=", EventId::at_index(i))));
        let sides = [("A", a, self.left), ("B", b, self.right)];
        for (side, journal, first) in sides {
            let ending = || Item::Text(ending(side, journal));
            items.push(first.and_then(|id| item(journal, side, id)).unwrap_or_else(ending));
        }
        for (side, journal, _) in sides {
            let next = self.index + 1..(self.index + 1 + NEIGHBOURS).min(journal.len());
            if !next.is_empty() {
                items.push(Item::Text(format!("{side} goes on:")));
            }
            items.extend(next.filter_map(|i| item(journal, side, EventId::at_index(i))));
        }
        let left = self.left.map(|id| Chain::of(a, id));
        let right = self.right.map(|id| Chain::of(b, id));
        if left.is_some() && left == right {
            items.extend(left.iter().flat_map(|chain| chain.tell(a, "=")));
        } else {
            items.extend(left.iter().flat_map(|chain| chain.tell(a, "A")));
            items.extend(right.iter().flat_map(|chain| chain.tell(b, "B")));
        }
        table(&items)
    }

    fn headline(&self, a: &Journal, b: &Journal) -> String {
        let shared = match self.index {
            0 => "the runs differ from the start".to_owned(),
            1 => "the runs part after 1 event".to_owned(),
            n => format!("the runs part after {n} events"),
        };
        let events = self.left.and_then(|id| a.get(id)).zip(self.right.and_then(|id| b.get(id)));
        match events {
            Some((left, right)) => {
                format!("{shared}, in {}", differences(&left, &right).join(", "))
            }
            None => shared,
        }
    }
}

/// Why there is no further event.
fn ending(side: &str, journal: &Journal) -> String {
    match journal.total() - journal.len() as u64 {
        0 => format!("{side} has no further event"),
        lost => format!("{side} hashed its events ({lost}), but did not keep them"),
    }
}

fn item<'a>(journal: &'a Journal, side: &str, id: EventId) -> Option<Item<'a>> {
    let event = journal.get(id)?;
    Some(Item::Line(Line::of(&event).tagged(format!("{side} #{}", id.0))))
}

/// `time 1000 ns / 1001 ns`, and so on for every field that is not the same.
fn differences(left: &Event<'_>, right: &Event<'_>) -> Vec<String> {
    let nanos = |e: &Event<'_>| format!("{} ns", e.at().as_nanos());
    let text = |e: &Event<'_>| format!("{:?}", e.text().unwrap_or_default());
    let number =
        |id: EventId| if id == EventId::NONE { "none".to_owned() } else { format!("#{}", id.0) };
    [
        unless_equal("time", nanos(left), nanos(right)),
        unless_equal("kind", left.kind().name(), right.kind().name()),
        unless_equal("node", left.node_name(), right.node_name()),
        unless_equal("peer", left.peer_name(), right.peer_name()),
        unless_equal("symbol", format!("{:?}", left.symbol()), format!("{:?}", right.symbol())),
        unless_equal("value", left.value(), right.value()),
        unless_equal("extra", left.extra(), right.extra()),
        unless_equal("text", text(left), text(right)),
        unless_equal("program order", number(left.prev()), number(right.prev())),
        unless_equal("cause", number(left.cause()), number(right.cause())),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn unless_equal<T: PartialEq + Display>(field: &str, left: T, right: T) -> Option<String> {
    (left != right).then(|| format!("{field} {left} / {right}"))
}

/// What led to an event: one cause a step, the nearest last.
#[derive(PartialEq, Eq)]
struct Chain {
    end: EventId,
    steps: Vec<EventId>,
    left_out: usize,
    /// Where the event's task was spawned, if the journal tells.
    spawned: Option<String>,
}

impl Chain {
    /// Follows the cause elsewhere where there is one, else program order.
    fn of(journal: &Journal, id: EventId) -> Chain {
        let before = |event: &Event<'_>| match event.cause() {
            EventId::NONE => event.prev(),
            cause => cause,
        };
        let mut steps: Vec<EventId> =
            back(journal, id, before).skip(1).map(|event| event.id()).collect();
        let left_out = steps.len().saturating_sub(STEPS);
        steps.truncate(STEPS);
        steps.reverse();
        Chain { end: id, steps, left_out, spawned: spawned(journal, id) }
    }

    fn tell<'a>(&self, journal: &'a Journal, side: &str) -> Vec<Item<'a>> {
        let whom = if side == "=" { "both" } else { side };
        let nothing = if self.steps.is_empty() { " nothing" } else { "" };
        let mut items =
            vec![Item::Text(format!("what led to #{} in {whom}:{nothing}", self.end.0))];
        if self.left_out > 0 {
            items.push(Item::Text(format!("... {} earlier steps left out", self.left_out)));
        }
        items.extend(self.steps.iter().filter_map(|step| item(journal, side, *step)));
        if let Some(place) = &self.spawned {
            items.push(Item::Text(format!("its task was spawned at {place}")));
        }
        items
    }
}

/// The place where the task of `id` was spawned: program order leads to the task's first event,
/// whose cause is the spawn.
fn spawned(journal: &Journal, id: EventId) -> Option<String> {
    let first = back(journal, id, Event::prev).last()?;
    let spawn = journal.get(first.cause()).filter(|e| e.kind() == Kind::Spawn)?;
    Some(spawn.symbol()).filter(|place| !place.is_empty()).map(str::to_owned)
}

/// The event, the one `before` it, and so on to the start.
fn back<'a>(
    journal: &'a Journal,
    id: EventId,
    before: impl Fn(&Event<'a>) -> EventId,
) -> impl Iterator<Item = Event<'a>> {
    std::iter::successors(journal.get(id), move |event| {
        let next = before(event);
        journal.get(next).filter(|_| next < event.id())
    })
}
