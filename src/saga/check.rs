//! The oracle: a pure function of what was told of sagas.

use std::collections::{BTreeMap, BTreeSet};

use super::definition::{Definition, Rule};
use super::event::{SagaEvent, What};
use super::witness::{Finding, Invariant};
use crate::journal::{Journal, Kind};
use crate::time::Time;
use crate::verdict::{Verdict, Violation};

/// When the history that is judged was healed, and when it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// From when on nothing went wrong any more; none if that never came.
    pub healed: Option<Time>,
    /// When nobody looked any longer.
    pub ended: Time,
}

/// What the journal says of the sagas of that definition: violated with a witness if an
/// [`Invariant`] does not hold, unknown if that cannot be seen (a saga runs on when the world ends, a person was
/// asked, nobody tells of the effects of a step), and holds otherwise.
///
/// For a world in the making there is [`Sim::saga`](crate::sim::Sim::saga).
#[must_use]
pub fn check(journal: &Journal, definition: &Definition) -> Verdict {
    let healed = journal.of_kind(Kind::Heal).next().map(|event| event.at());
    let ended = journal.events().next_back().map_or(Time::ZERO, |event| event.at());
    check_history(&SagaEvent::all(journal), definition, Ended { healed, ended })
}

/// As [`check()`], for a history that may come from elsewhere. Its events are in the order in which they
/// happened.
#[must_use]
pub fn check_history(events: &[SagaEvent], definition: &Definition, ended: Ended) -> Verdict {
    let found = findings(events, definition, ended);
    let (violated, unknown): (Vec<_>, Vec<_>) = found.iter().partition(|f| f.violated);
    let text = |found: &[&Finding]| {
        let first: Vec<String> = found.iter().take(3).map(ToString::to_string).collect();
        let more = found.len().saturating_sub(3);
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        format!("{}{more}", first.join("; "))
    };
    match (&violated[..], &unknown[..]) {
        ([], []) => Verdict::Holds,
        ([], unknown) => Verdict::Unknown(text(unknown)),
        (violated, _) => {
            let events = violated.iter().flat_map(|f| &f.events).map(|event| event.event);
            Violation::new(text(violated)).with_events(events).into()
        }
    }
}

/// All that is found in a history, sagas in the order of their ids; see [`check_history`].
#[must_use]
pub fn findings(events: &[SagaEvent], definition: &Definition, ended: Ended) -> Vec<Finding> {
    let mine = events.iter().filter(|event| event.saga == definition.name);
    let mut sagas: BTreeMap<&str, Vec<&SagaEvent>> = BTreeMap::new();
    let mut reported: BTreeSet<&str> = BTreeSet::new();
    for event in mine {
        sagas.entry(&event.id).or_default().push(event);
        if event.what.is_effect() {
            reported.insert(&event.step);
        }
    }
    let mut found = Vec::new();
    for (id, events) in sagas {
        let mut saga = OneSaga { id, events, definition, reported: &reported, found: &mut found };
        saga.terminal(ended);
        for step in &definition.steps {
            saga.compensations(step);
            saga.effects(step);
            saga.atomic(step);
        }
        saga.one_begin();
        saga.one_direction();
    }
    found
}

/// The history of one saga, and what is found in it.
struct OneSaga<'a> {
    id: &'a str,
    events: Vec<&'a SagaEvent>,
    definition: &'a Definition,
    /// The steps of whose effects somebody tells.
    reported: &'a BTreeSet<&'a str>,
    found: &'a mut Vec<Finding>,
}

impl<'a> OneSaga<'a> {
    fn add(&mut self, invariant: Invariant, violated: bool, why: String, events: &[&SagaEvent]) {
        let events = events.iter().map(|event| (*event).clone()).collect();
        self.found.push(Finding { invariant, id: self.id.to_owned(), violated, why, events });
    }

    fn violate(&mut self, invariant: Invariant, why: impl Into<String>, events: &[&SagaEvent]) {
        self.add(invariant, true, why.into(), events);
    }

    fn first(&self, is: impl Fn(&SagaEvent) -> bool) -> Option<&'a SagaEvent> {
        self.events.iter().copied().find(|event| is(event))
    }

    fn of_step(&self, step: &str) -> Vec<&'a SagaEvent> {
        self.events.iter().copied().filter(|event| event.step == step).collect()
    }

    /// S1. A saga that nobody orchestrates here, of which services alone tell, has no end to look for.
    fn terminal(&mut self, Ended { healed, ended }: Ended) {
        let Some(begin) = self.first(|event| !event.what.is_effect()) else { return };
        let within = self.definition.within;
        let bound = healed.map(|healed| healed + within);
        match self.first(|event| event.what.is_end()) {
            Some(end) if end.what == What::Escalated => {
                let why = "it was escalated: a person has to decide".to_owned();
                self.add(Invariant::Terminal, false, why, &[end]);
            }
            Some(end) => {
                if bound.is_some_and(|bound| end.at > bound) {
                    let why = format!("it ended later than {within:?} after healing");
                    self.violate(Invariant::Terminal, why, &[end]);
                }
            }
            None if bound.is_some_and(|bound| ended > bound) => {
                let own = self.events.iter().rev().find(|event| !event.what.is_effect());
                let last = own.copied().unwrap_or(begin);
                let why = format!("it has not ended {within:?} after healing; its last event");
                self.violate(Invariant::Terminal, why, &[last]);
            }
            None => {
                let why = "it had not ended when the world did".to_owned();
                self.add(Invariant::Terminal, false, why, &[begin]);
            }
        }
    }

    /// S3, of what the orchestrator does.
    fn compensations(&mut self, step: &Rule) {
        let events = self.of_step(&step.name);
        let mut asked = false;
        // The attempts so far whose outcome is not known to be a refusal.
        let mut possible = false;
        let mut open = false;
        let mut refused: Option<&SagaEvent> = None;
        let mut unknown: Option<&SagaEvent> = None;
        let mut undone = false;
        for event in events {
            match event.what {
                What::StepBegins => {
                    possible |= open;
                    (asked, open) = (true, true);
                }
                What::StepDone => (possible, open, undone) = (true, false, false),
                What::StepUnknown => {
                    (possible, open, undone) = (true, false, false);
                    unknown = Some(event);
                }
                What::StepRefused => (asked, open, refused) = (true, false, Some(event)),
                What::UndoBegins if !asked && !possible => {
                    let why = format!("`{}` is undone and was never asked for", step.name);
                    return self.violate(Invariant::CompensateDone, why, &[event]);
                }
                What::UndoBegins if !possible && !open => {
                    let why = format!("`{}` is undone and was refused", step.name);
                    let both: Vec<&SagaEvent> = refused.into_iter().chain([event]).collect();
                    return self.violate(Invariant::CompensateDone, why, &both);
                }
                What::UndoDone => undone = true,
                _ => {}
            }
        }
        let end = self.first(|event| event.what == What::Compensated);
        if let (Some(end), Some(unknown), false) = (end, unknown, undone)
            && step.compensated
        {
            let why = format!("`{}` may have been done, and nobody undid it", step.name);
            self.violate(Invariant::CompensateDone, why, &[unknown, end]);
        }
    }

    /// S3, S5 and S7, of what services do.
    fn effects(&mut self, step: &Rule) {
        let name = &step.name;
        let mut done: Option<&SagaEvent> = None;
        let mut undone: Option<&SagaEvent> = None;
        let compensated = self.events.iter().position(|event| event.what == What::Compensated);
        for (index, event) in self.events.clone().into_iter().enumerate() {
            if event.step != *name {
                continue;
            }
            match event.what {
                What::EffectDone => {
                    let ended = compensated.filter(|end| *end < index).map(|end| self.events[end]);
                    if let Some(undone) = undone {
                        let how =
                            if undone.what == What::EffectBarred { "barred" } else { "undone" };
                        let why = format!("`{name}` is done after it was {how}");
                        self.violate(Invariant::LateReply, why, &[undone, event]);
                    } else if let Some(done) = done {
                        let why = format!("`{name}` is done twice");
                        self.violate(Invariant::Redelivery, why, &[done, event]);
                    } else if let Some(ended) = ended {
                        let why = format!("`{name}` is done after its saga was compensated");
                        self.violate(Invariant::LateReply, why, &[ended, event]);
                    }
                    (done, undone) = (Some(event), None);
                }
                What::EffectUndone => {
                    if let Some(undone) = undone {
                        let why = format!("`{name}` is undone twice");
                        self.violate(Invariant::Redelivery, why, &[undone, event]);
                    } else if done.is_none() {
                        let why = format!("`{name}` is undone and was never done");
                        self.violate(Invariant::CompensateDone, why, &[event]);
                    }
                    (done, undone) = (None, Some(event));
                }
                What::EffectBarred => {
                    if let Some(done) = done {
                        let why = format!("`{name}` is barred instead of undone");
                        self.violate(Invariant::Atomic, why, &[done, event]);
                    }
                    (done, undone) = (None, Some(event));
                }
                _ => {}
            }
        }
    }

    /// S2, of what is there in the end.
    fn atomic(&mut self, step: &Rule) {
        let Some(end) = self.events.iter().copied().rfind(|event| event.what.is_end()) else {
            return;
        };
        let name = &step.name;
        let events = self.of_step(name);
        let effect = events.iter().copied().rfind(|event| event.what.is_effect());
        let in_effect = effect.filter(|event| event.what == What::EffectDone);
        match end.what {
            What::Completed if in_effect.is_some() => {}
            What::Completed if !self.reported.contains(name.as_str()) => {
                let why = format!("nobody tells of the effects of `{name}`");
                self.add(Invariant::Atomic, false, why, &[]);
            }
            What::Completed => {
                let why = format!("it is completed and `{name}` is not in effect");
                let both: Vec<&SagaEvent> = effect.into_iter().chain([end]).collect();
                self.violate(Invariant::Atomic, why, &both);
            }
            What::Compensated => {
                let finished =
                    |event: &&SagaEvent| matches!(event.what, What::StepDone | What::UndoDone);
                let last = events.iter().copied().rfind(finished);
                if let Some(effect) = in_effect {
                    let why = format!("it is compensated and `{name}` is in effect");
                    self.violate(Invariant::Atomic, why, &[effect, end]);
                } else if let Some(done) = last.filter(|last| last.what == What::StepDone)
                    && step.compensated
                {
                    let why = format!("it is compensated, and nobody undid `{name}`");
                    self.violate(Invariant::Atomic, why, &[done, end]);
                }
            }
            _ => {}
        }
    }

    /// S5, of the request that begins the saga.
    fn one_begin(&mut self) {
        let begins: Vec<&SagaEvent> =
            self.events.iter().copied().filter(|event| event.what == What::Begins).collect();
        if let [first, second, ..] = begins[..] {
            self.violate(Invariant::Redelivery, "it is begun twice", &[first, second]);
        }
    }

    /// S7, of what the orchestrator does: a saga that has turned back does not go on.
    fn one_direction(&mut self) {
        let mut turned: Option<&SagaEvent> = None;
        let mut completed: Option<&SagaEvent> = None;
        for event in self.events.clone() {
            match event.what {
                What::UndoBegins | What::Compensated => {
                    if let Some(completed) = completed {
                        let why = "it turns back after it was completed";
                        return self.violate(Invariant::LateReply, why, &[completed, event]);
                    }
                    turned.get_or_insert(event);
                }
                What::StepBegins | What::StepDone | What::Completed => {
                    if let Some(turned) = turned {
                        let why = "it goes on after it had turned back";
                        return self.violate(Invariant::LateReply, why, &[turned, event]);
                    }
                    if event.what == What::Completed {
                        completed = Some(event);
                    }
                }
                _ => {}
            }
        }
    }
}
