//! Which lines of a story explain a failure, and how many of them.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::explore::Failure;
use crate::journal::{Event, EventId, Journal, Kind, NodeId, Story};
use crate::sim::{Outcome, PropertyKind};
use crate::verdict::Verdict;

/// How many lines are printed.
const LINES: usize = 40;
/// How many of them tell how it began, where not all fit.
const BEGINNING: usize = 8;

/// The story of a failure: what the violation rests on, what else happened in the same traces or on its
/// node, and the faults. The first of two charges is no cause of the second, and a lost write causes
/// nothing at all: yet without them there is no story.
pub(super) fn text(failure: &Failure) -> String {
    let (journal, outcome) = (&failure.run.journal, &failure.outcome);
    let Chosen { selected, kept } = chosen(journal, outcome);
    let rendered = story(journal, outcome, &kept).to_string();
    let mut text = with_gaps(&rendered, &kept, &selected);
    let witness = witness(outcome);
    // The mark has room for one line of it.
    let more = witness.split_once('\n').map_or("", |(_, more)| more);
    let rest = if journal.get(outcome.event).is_none() { witness } else { more };
    if !rest.is_empty() {
        let _ = writeln!(text, "{rest}");
    }
    text
}

/// The events that explain an outcome.
pub(super) struct Chosen {
    /// All of them.
    pub(super) selected: Vec<EventId>,
    /// Those that there is room for.
    pub(super) kept: Vec<EventId>,
}

pub(super) fn chosen(journal: &Journal, outcome: &Outcome) -> Chosen {
    let selected = selected(journal, outcome);
    let kept = within_limit(&selected);
    Chosen { selected: selected.into_iter().map(|(event, _)| event).collect(), kept }
}

/// The story of these events, with the violation and what shows it marked.
pub(super) fn story<'a>(journal: &'a Journal, outcome: &Outcome, kept: &[EventId]) -> Story<'a> {
    let mark = match witness(outcome).lines().next() {
        None => "<- here".to_owned(),
        Some(witness) => format!("<- here: {witness}"),
    };
    let nobody: [&str; 0] = [];
    let mut story = journal.story().of_nodes(nobody);
    for id in kept {
        let shows = evidence(outcome).binary_search(id).is_ok();
        story = story.mark(*id, if shows { "<-" } else { "" });
    }
    story.mark(outcome.event, mark)
}

/// What shows that the property is violated.
pub(super) fn witness(outcome: &Outcome) -> &str {
    match &outcome.verdict {
        Verdict::Violated(witness) => witness.text(),
        Verdict::Holds | Verdict::Unknown(_) => "",
    }
}

/// The events that the witness speaks of, if it says which.
pub(super) fn evidence(outcome: &Outcome) -> &[EventId] {
    match &outcome.verdict {
        Verdict::Violated(witness) => witness.events(),
        Verdict::Holds | Verdict::Unknown(_) => &[],
    }
}

/// How much an event has to do with a violation; the first are told first where not all fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// The violation itself, what shows it, and the faults.
    Shows,
    /// It belongs to the same traces.
    Trace,
    /// The violation rests on it, or it happened on the same node.
    Rest,
}

/// The events that have to do with it. Of what never came to pass there is no cause: there it is all
/// of them, unless the witness says which show it. Syncs of disks are told where there is room.
fn selected(journal: &Journal, outcome: &Outcome) -> Vec<(EventId, Weight)> {
    let event = outcome.event;
    let at_once = matches!(outcome.kind, PropertyKind::Always | PropertyKind::Never);
    let property = journal.get(event).filter(|e| at_once && e.kind() == Kind::Property);
    let shown_by = match property {
        Some(property) if evidence(outcome).is_empty() => vec![property.cause()],
        _ => evidence(outcome).to_vec(),
    };
    let past: Option<BTreeSet<EventId>> = (!shown_by.is_empty())
        .then(|| shown_by.iter().flat_map(|shows| journal.past(*shows)).collect());
    let node = property.and_then(|p| journal.get(p.cause())).map(|last| last.node());
    let node = node.filter(|node| *node != NodeId::WORLD);
    let traces = traces(journal);
    let trace_of = |id: EventId| traces.get(id.0 as usize).copied().unwrap_or(0);
    let concerned: BTreeSet<u128> =
        shown_by.iter().map(|shows| trace_of(*shows)).filter(|trace| *trace != 0).collect();
    let weight = |e: &Event<'_>| {
        let of_node = || node.is_some_and(|node| e.node() == node || e.peer() == node);
        let rests = || past.as_ref().is_none_or(|past| past.contains(&e.id()));
        if e.id() == event || is_of_faults(e.kind()) || shown_by.binary_search(&e.id()).is_ok() {
            Some(Weight::Shows)
        } else if concerned.contains(&trace_of(e.id())) {
            Some(Weight::Trace)
        } else if property.is_none() && past.is_some() && is_of_upkeep(e) {
            None
        } else {
            (rests() || of_node()).then_some(Weight::Rest)
        }
    };
    let told = evidence(outcome).iter().fold(journal.story(), |story, id| story.mark(*id, ""));
    let told = told.events();
    let all = |syncs: bool| {
        let events = told.iter().filter_map(|id| journal.get(*id));
        let events = events.filter(|e| syncs || e.kind() != Kind::DiskSync);
        events.filter_map(|e| Some((e.id(), weight(&e)?))).collect::<Vec<_>>()
    };
    let with_syncs = all(true);
    if with_syncs.len() <= LINES { with_syncs } else { all(false) }
}

/// How containers are started and looked after: everything rests on it.
fn is_of_upkeep(event: &Event<'_>) -> bool {
    event.kind() == Kind::Container || event.kind() == Kind::Send && event.node() == event.peer()
}

/// The trace that each event belongs to, by its number; 0 for none. What a task does after a request came
/// or went belongs to the trace of that request, until the next one.
fn traces(journal: &Journal) -> Vec<u128> {
    let mut traces = vec![0; journal.len() + 1];
    for event in journal.events() {
        let of = |id: EventId| traces.get(id.0 as usize).copied().unwrap_or(0);
        let (before, cause) = (of(event.prev()), of(event.cause()));
        let trace = match (event.trace(), event.kind()) {
            (Some(own), _) => own.id,
            (None, Kind::Operation) => 0,
            (None, Kind::Deliver | Kind::Drop | Kind::Duplicate | Kind::Reset) if cause != 0 => {
                cause
            }
            (None, _) if before != 0 => before,
            _ => cause,
        };
        traces[event.id().0 as usize] = trace;
    }
    traces
}

/// What faults do to nodes and clocks, and the end of chaos.
pub(super) fn is_of_faults(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::FaultBegin
            | Kind::FaultEnd
            | Kind::FaultHit
            | Kind::Crash
            | Kind::PowerLoss
            | Kind::Pause
            | Kind::Resume
            | Kind::Wipe
            | Kind::Stop
            | Kind::Start
            | Kind::Clock
            | Kind::Panic
            | Kind::Heal
    )
}

/// By weight, as much as there is room for: the first lines and the last ones of what does not fit whole.
fn within_limit(selected: &[(EventId, Weight)]) -> Vec<EventId> {
    let mut kept: BTreeSet<EventId> = BTreeSet::new();
    for weight in [Weight::Shows, Weight::Trace, Weight::Rest] {
        let more: Vec<EventId> =
            selected.iter().filter(|(_, of)| *of == weight).map(|(event, _)| *event).collect();
        let room = LINES.saturating_sub(kept.len());
        let first = if more.len() <= room { more.len() } else { BEGINNING.min(room / 2) };
        let last = (room - first).min(more.len() - first);
        kept.extend(&more[..first]);
        kept.extend(&more[more.len() - last..]);
    }
    kept.into_iter().collect()
}

/// Says at every gap how many lines are left out there. The header is one line, and so is every
/// event; where a text has more, the gaps are told together.
fn with_gaps(rendered: &str, kept: &[EventId], selected: &[EventId]) -> String {
    let left_out = selected.len() - kept.len();
    let lines: Vec<&str> = rendered.lines().collect();
    let mut text = String::new();
    if left_out == 0 {
        return rendered.to_owned();
    }
    if lines.len() != kept.len() + 1 {
        let _ = writeln!(text, "{rendered}... {left_out} lines left out in between");
        return text;
    }
    let mut before = 0;
    let _ = writeln!(text, "{}", lines[0]);
    for (id, line) in kept.iter().zip(&lines[1..]) {
        let place = selected.partition_point(|other| other < id);
        match place - before {
            0 => {}
            1 => text.push_str("... 1 line left out\n"),
            n => _ = writeln!(text, "... {n} lines left out"),
        }
        before = place + 1;
        let _ = writeln!(text, "{line}");
    }
    text
}
