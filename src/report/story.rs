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

/// The story of a failure: what the violation rests on, what else its node did, and the faults. The
/// first of two charges is no cause of the second, and a lost write causes nothing at all: yet
/// without them there is no story.
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
    Chosen { kept: within_limit(journal, &selected), selected }
}

/// The story of these events, with the violation marked.
pub(super) fn story<'a>(journal: &'a Journal, outcome: &Outcome, kept: &[EventId]) -> Story<'a> {
    let mark = match witness(outcome).lines().next() {
        None => "<- here".to_owned(),
        Some(witness) => format!("<- here: {witness}"),
    };
    let nobody: [&str; 0] = [];
    let mut story = journal.story().of_nodes(nobody);
    for id in kept {
        story = story.mark(*id, "");
    }
    story.mark(outcome.event, mark)
}

/// What shows that the property is violated.
pub(super) fn witness(outcome: &Outcome) -> &str {
    match &outcome.verdict {
        Verdict::Violated(witness) => witness,
        Verdict::Holds | Verdict::Unknown(_) => "",
    }
}

/// The events that have to do with it. Of what never came to pass there is no cause: there it is all
/// of them. Syncs of disks are told where there is room.
fn selected(journal: &Journal, outcome: &Outcome) -> Vec<EventId> {
    let event = outcome.event;
    let at_once = matches!(outcome.kind, PropertyKind::Always | PropertyKind::Never);
    let property = journal.get(event).filter(|e| at_once && e.kind() == Kind::Property);
    let past: Option<BTreeSet<EventId>> =
        property.map(|_| journal.past(event).into_iter().collect());
    let node = property.and_then(|p| journal.get(p.cause())).map(|last| last.node());
    let node = node.filter(|node| *node != NodeId::WORLD);
    let concerns = |e: &Event<'_>| {
        let of_node = node.is_some_and(|node| e.node() == node || e.peer() == node);
        let past = past.as_ref().is_none_or(|past| past.contains(&e.id()));
        past || of_node || is_of_faults(e.kind()) || e.id() == event
    };
    let told = journal.story().events();
    let all = |syncs: bool| {
        let events = told.iter().filter_map(|id| journal.get(*id));
        let events = events.filter(|e| syncs || e.kind() != Kind::DiskSync);
        events.filter(|e| concerns(e)).map(|e| e.id()).collect::<Vec<_>>()
    };
    let with_syncs = all(true);
    if with_syncs.len() <= LINES { with_syncs } else { all(false) }
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

/// The faults, the first lines and the last ones.
fn within_limit(journal: &Journal, selected: &[EventId]) -> Vec<EventId> {
    if selected.len() <= LINES {
        return selected.to_vec();
    }
    let of_faults = |id: &&EventId| journal.get(**id).is_some_and(|e| is_of_faults(e.kind()));
    let mut kept: BTreeSet<EventId> = selected.iter().take(BEGINNING).copied().collect();
    kept.extend(selected.iter().filter(of_faults).take(LINES / 2));
    let rest: Vec<&EventId> = selected.iter().filter(|id| !kept.contains(id)).collect();
    let room = LINES.saturating_sub(kept.len());
    kept.extend(rest.into_iter().rev().take(room));
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
