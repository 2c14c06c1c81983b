//! What is violated, what that rests on, and which part of the run tells it.

use std::collections::BTreeSet;

use super::Picture;
use crate::journal::{EventId, Journal, Kind};
use crate::report::html::Subject;
use crate::report::html::text::visible;
use crate::report::story;
use crate::sim::Outcome;

/// The property, and what the witness says first.
pub(super) fn text(outcome: &Outcome) -> String {
    let witness = story::witness(outcome).lines().next().unwrap_or_default();
    let gap = if witness.is_empty() { "" } else { ": " };
    visible(&format!("{}{gap}{witness}", outcome.property))
}

/// What a violation rests on: the past of what shows it, else of the moment in which it was seen. A
/// check is asked at the end of the world, which rests on nothing.
pub(super) fn past(journal: &Journal, focus: EventId, evidence: &[EventId]) -> Vec<EventId> {
    let of = if evidence.is_empty() { std::slice::from_ref(&focus) } else { evidence };
    let mut past: BTreeSet<EventId> = of.iter().flat_map(|id| journal.past(*id)).collect();
    past.extend(journal.get(focus).map(|seen| seen.id()));
    past.into_iter().collect()
}

impl Picture<'_> {
    /// What the story tells, up to the end of chaos: what comes before and after it is there for who zooms
    /// out. Where the witness says what shows the violation, the moment in which that was seen adds
    /// nothing: it may be long after.
    pub(super) fn frame(&self, subject: Subject<'_>) -> Option<(usize, usize)> {
        let kept = story::chosen(self.journal, subject.outcome?).kept;
        let told = kept.iter().filter(|id| self.evidence.is_empty() || **id != self.focus);
        let heal = self.journal.of_kind(Kind::Heal).map(|heal| heal.id());
        let rows: Vec<usize> = told.copied().chain(heal).filter_map(|id| self.row(id)).collect();
        Some((*rows.iter().min()?, *rows.iter().max()?))
    }
}
