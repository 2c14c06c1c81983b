//! What became of each message, told in a few words on the line of its sending.

use std::collections::{BTreeMap, BTreeSet};

use super::table::{Line, because};
use crate::journal::{Event, EventId, Journal, Kind, NodeId};

/// A set of events that is cheap for a million of them.
struct Marked(Vec<bool>);

impl Marked {
    fn add(&mut self, id: EventId) {
        if let Some(place) = id.index().and_then(|i| self.0.get_mut(i)) {
            *place = true;
        }
    }

    fn contains(&self, id: EventId) -> bool {
        id.index().and_then(|i| self.0.get(i)).is_some_and(|b| *b)
    }
}

/// What became of the messages, by the event of their sending.
pub(super) struct Fates {
    /// One copy at least arrived.
    arrived: Marked,
    /// Refused or lost for good.
    lost: Marked,
    doubled: Marked,
    /// What there is to say.
    remarks: BTreeMap<EventId, Vec<Remark>>,
    /// Every node starts once; that is no news.
    pub(super) first_starts: BTreeSet<EventId>,
}

enum Remark {
    /// A loss, a reset, a copy: in words, with the fault's number or 0.
    Struck(String, u64),
    /// A fault's number, which need not be said twice.
    Hit(u64),
    /// How often it was sent again so far, and why.
    Resent(u32, String),
    /// When it arrived, where that is not as expected.
    Late(String),
}

impl Fates {
    pub(super) fn of(journal: &Journal) -> Fates {
        let none = || Marked(vec![false; journal.len()]);
        let mut fates = Fates {
            arrived: none(),
            lost: none(),
            doubled: none(),
            remarks: BTreeMap::new(),
            first_starts: BTreeSet::new(),
        };
        let mut started = BTreeSet::new();
        let mut newest = BTreeMap::new();
        for event in journal.events() {
            if event.kind() == Kind::Start && started.insert(event.node()) {
                fates.first_starts.insert(event.id());
            }
            if let Some(send) = sent_by(&event) {
                fates.learn(&event, &send, &mut newest);
            }
        }
        fates
    }

    /// `newest` is the last send of each edge that has arrived so far.
    fn learn(
        &mut self,
        event: &Event<'_>,
        send: &Event<'_>,
        newest: &mut BTreeMap<(NodeId, NodeId), EventId>,
    ) {
        let id = send.id();
        let remark = match event.kind() {
            Kind::Deliver => {
                let first = !self.arrived.contains(id);
                self.arrived.add(id);
                let newest = newest.entry((send.node(), send.peer())).or_default();
                let overtaken = first && *newest > id;
                *newest = id.max(*newest);
                let resent = || {
                    let remarks = self.remarks.get(&id);
                    remarks.is_some_and(|r| r.iter().any(|r| matches!(r, Remark::Resent(..))))
                };
                match first {
                    true if overtaken => Remark::Late(format!("overtaken, arrives {}", event.at())),
                    true if resent() => Remark::Late(format!("arrives {}", event.at())),
                    _ => return,
                }
            }
            Kind::Drop if event.extra() > 0 => {
                let remarks = self.remarks.entry(id).or_default();
                remarks.retain(|r| !matches!(r, Remark::Resent(..)));
                Remark::Resent(event.extra(), event.symbol().to_owned())
            }
            Kind::Drop => {
                self.lost.add(id);
                Remark::Struck(because("dropped", event), event.value())
            }
            Kind::Reset => {
                self.lost.add(id);
                Remark::Struck(because("reset", event), event.value())
            }
            Kind::Duplicate => {
                self.doubled.add(id);
                Remark::Struck(because("duplicated", event), 0)
            }
            Kind::FaultHit => Remark::Hit(event.value().saturating_add(1)),
            _ => return,
        };
        self.remarks.entry(id).or_default().push(remark);
    }

    /// Writes what became of a message onto its line.
    pub(super) fn tell(&self, send: EventId, line: &mut Line<'_>) {
        let remarks = self.remarks.get(&send).map_or(&[][..], Vec::as_slice);
        let named = |fault: u64| {
            remarks.iter().any(|r| matches!(r, Remark::Struck(_, number) if *number == fault))
        };
        let mut words: Vec<String> = Vec::new();
        for remark in remarks {
            match remark {
                Remark::Struck(text, _) | Remark::Late(text) => words.push(text.clone()),
                Remark::Hit(fault) if named(*fault) => {}
                Remark::Hit(fault) => words.push(format!("fault {fault}")),
                Remark::Resent(1, why) => words.push(format!("resent: {why}")),
                Remark::Resent(times, why) => words.push(format!("resent {times} times: {why}")),
            }
        }
        let (arrived, lost) = (self.arrived.contains(send), self.lost.contains(send));
        if !arrived && !lost {
            words.push("still under way at the end".to_owned());
        }
        words.dedup();
        line.remark = words.join("; ");
        if let Some((arrow, _)) = &mut line.arrow {
            *arrow = match () {
                () if lost && !arrived => "-x",
                () if self.doubled.contains(send) => "=>",
                () => "->",
            };
        }
    }
}

/// The sending of the message that `event` is a part of: it arrives, is lost, doubled or struck.
///
/// A copy rests on its doubling, a doubling may rest on a fault's hit. What happens within the very
/// task that sends has the sending as its `prev`.
pub(super) fn sent_by<'a>(event: &Event<'a>) -> Option<Event<'a>> {
    let mut part = *event;
    while matches!(
        part.kind(),
        Kind::Deliver | Kind::Drop | Kind::Duplicate | Kind::Reset | Kind::FaultHit
    ) {
        let told = part.cause() != EventId::NONE;
        let before = part.journal.get(if told { part.cause() } else { part.prev() })?;
        let ends = |e: &Event<'_>| (e.node().min(e.peer()), e.node().max(e.peer()));
        let other = !told && ends(&before) != ends(&part);
        if other || before.id() >= part.id() {
            return None;
        }
        part = before;
    }
    (part.kind() == Kind::Send && part.id() != event.id()).then_some(part)
}
