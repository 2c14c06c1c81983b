//! Brute force beside the oracle. Every short history is judged by the oracle and by the invariants'
//! definitions, written down as what exists in a history; and every run of a small protocol, with each
//! delay, loss, double and crash, is judged to be right if the protocol is, and wrong some time if it is
//! not.

use std::collections::BTreeSet;

use stormglass::journal::EventId;
use stormglass::saga::{Invariant, SagaEvent, What, findings};
use stormglass::time::Time;

use super::{LATER, order};

const STEPS: [&str; 2] = ["a", "b"];

type Symbol = (What, &'static str);

fn event(at: usize, (what, step): Symbol) -> SagaEvent {
    SagaEvent {
        event: EventId::NONE,
        at: Time(at as u64),
        node: String::new(),
        saga: "order".to_owned(),
        id: "7".to_owned(),
        what,
        step: step.to_owned(),
    }
}

fn judged(symbols: &[Symbol], steps: &[&str]) -> BTreeSet<Invariant> {
    let events: Vec<SagaEvent> = symbols.iter().enumerate().map(|(at, s)| event(at, *s)).collect();
    let found = findings(&events, &order(steps), LATER);
    found.into_iter().filter(|f| f.violated).map(|f| f.invariant).collect()
}

/// The definitions.
fn defined(history: &[Symbol], steps: &[&str]) -> BTreeSet<Invariant> {
    let mut violated = BTreeSet::new();
    let whats: Vec<What> = history.iter().map(|(what, _)| *what).collect();
    let has = |wanted: What| whats.contains(&wanted);
    let before = |first: &[What], then: &[What]| {
        (0..whats.len())
            .any(|i| first.contains(&whats[i]) && whats[i..].iter().any(|w| then.contains(w)))
    };
    if whats.iter().any(|what| !what.is_effect()) && !whats.iter().any(|what| what.is_end()) {
        violated.insert(Invariant::Terminal);
    }
    let forwards = [What::StepBegins, What::StepDone, What::Completed];
    let backwards = [What::UndoBegins, What::Compensated];
    if before(&backwards, &forwards) || before(&[What::Completed], &backwards) {
        violated.insert(Invariant::LateReply);
    }
    if whats.iter().filter(|what| **what == What::Begins).count() > 1 {
        violated.insert(Invariant::Redelivery);
    }
    for step in steps {
        let places: Vec<usize> = (0..history.len()).filter(|i| history[*i].1 == *step).collect();
        violated.extend(of_effects(&whats, &places));
        violated.extend(of_compensation(&whats, &places));
    }
    let end = whats.iter().rev().find(|what| what.is_end());
    for step in steps {
        let of_step = |wanted: &[What]| {
            let last = history.iter().rev().find(|(what, s)| s == step && wanted.contains(what));
            last.map(|(what, _)| *what)
        };
        let effect = of_step(&[What::EffectDone, What::EffectUndone, What::EffectBarred]);
        let half = match end {
            Some(What::Completed) => effect.is_some() && effect != Some(What::EffectDone),
            Some(What::Compensated) => {
                effect == Some(What::EffectDone)
                    || of_step(&[What::StepDone, What::UndoDone]) == Some(What::StepDone)
            }
            _ => false,
        };
        let forgotten = of_step(&[What::StepDone, What::StepUnknown, What::UndoDone]);
        if half {
            violated.insert(Invariant::Atomic);
        }
        if has(What::Compensated)
            && of_step(&[What::StepUnknown]).is_some()
            && forgotten != Some(What::UndoDone)
        {
            violated.insert(Invariant::CompensateDone);
        }
    }
    violated
}

/// What a service may not do: each pair of effects that follow each other, and the first one.
fn of_effects(whats: &[What], places: &[usize]) -> Vec<Invariant> {
    use What::{EffectBarred as Barred, EffectDone as Done, EffectUndone as Undone};
    let effects: Vec<usize> = places.iter().copied().filter(|i| whats[*i].is_effect()).collect();
    let pairs = effects.windows(2).filter_map(|pair| match (whats[pair[0]], whats[pair[1]]) {
        (Done, Done) | (Undone | Barred, Undone) => Some(Invariant::Redelivery),
        (Undone | Barred, Done) => Some(Invariant::LateReply),
        (Done, Barred) => Some(Invariant::Atomic),
        _ => None,
    });
    let first = effects.first().and_then(|first| match whats[*first] {
        Undone => Some(Invariant::CompensateDone),
        Done if whats[..*first].contains(&What::Compensated) => Some(Invariant::LateReply),
        _ => None,
    });
    pairs.chain(first).collect()
}

/// A compensation begins although each request of the step before it, if any, was refused.
fn of_compensation(whats: &[What], places: &[usize]) -> Option<Invariant> {
    let own: Vec<What> = places.iter().map(|i| whats[*i]).collect();
    let outcomes = [What::StepBegins, What::StepDone, What::StepUnknown, What::StepRefused];
    let groundless = |undo: usize| {
        let heard: Vec<What> =
            own[..undo].iter().copied().filter(|w| outcomes.contains(w)).collect();
        let known = heard.iter().all(|w| matches!(w, What::StepBegins | What::StepRefused));
        let open =
            |i: usize| heard[i] == What::StepBegins && heard.get(i + 1) != Some(&What::StepRefused);
        known && !(0..heard.len()).any(open)
    };
    let undos = (0..own.len()).filter(|i| own[*i] == What::UndoBegins);
    undos.into_iter().any(groundless).then_some(Invariant::CompensateDone)
}

fn alphabet(steps: &[&'static str]) -> Vec<Symbol> {
    let whole = [What::Begins, What::Completed, What::Compensated, What::Escalated];
    let rest = What::ALL.iter().filter(|what| !whole.contains(what));
    let rest = rest.filter(|what| !matches!(what, What::Resumes | What::UndoFails));
    let of_steps = rest.flat_map(|what| steps.iter().map(|step| (*what, *step)));
    whole.iter().map(|what| (*what, "")).chain(of_steps).collect()
}

/// Judges every history up to a length, both ways; how many there are.
fn compare(steps: &[&'static str], length: usize) -> usize {
    let alphabet = alphabet(steps);
    let mut count = 0;
    let mut open: Vec<Vec<Symbol>> = vec![Vec::new()];
    while let Some(history) = open.pop() {
        assert_eq!(judged(&history, steps), defined(&history, steps), "{history:?}");
        count += 1;
        if history.len() < length {
            open.extend(alphabet.iter().map(|symbol| [&history[..], &[*symbol]].concat()));
        }
    }
    count
}

#[test]
fn every_short_history_of_one_step_is_judged_as_defined() {
    assert_eq!(compare(&STEPS[..1], 4), (0..=4).map(|n| 13_usize.pow(n)).sum::<usize>());
}

#[test]
fn every_short_history_of_two_steps_is_judged_as_defined() {
    assert_eq!(compare(&STEPS, 3), (0..=3).map(|n| 22_usize.pow(n)).sum::<usize>());
}

/// Longer ones are too many; these are drawn.
#[test]
fn long_histories_are_judged_as_defined() {
    use rand::RngExt;
    let alphabet = alphabet(&STEPS);
    let mut stream = stormglass::seed::Seed(1).stream("histories", 0);
    for _ in 0..30_000 {
        let length = stream.random_range(4..16);
        let draw = |_| alphabet[stream.random_range(0..alphabet.len())];
        let history: Vec<Symbol> = (0..length).map(draw).collect();
        assert_eq!(judged(&history, &STEPS), defined(&history, &STEPS), "{history:?}");
    }
}

/// What is wrong with a protocol.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Defect {
    None,
    /// A crash loses what was begun.
    NoLog,
    /// A request that comes again is done again.
    NoKey,
    /// What was undone can be done.
    NoTombstone,
    /// A step whose outcome is unknown is not undone.
    UnknownIsNothing,
    /// The first step is never undone.
    HalfUndo,
    /// What was never done is undone all the same.
    BlindUndo,
    /// A reply that comes after its timeout is taken.
    LateReply,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    Waiting,
    Begun,
    Done,
    Refused,
    Unknown,
    Undone,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Forwards,
    Backwards,
    Ended,
}

/// A run of the protocol so far: two services, one orchestrator, requests on their way.
#[derive(Clone)]
struct Protocol {
    defect: Defect,
    history: Vec<Symbol>,
    place: Place,
    outcomes: [Outcome; 2],
    services: [Option<bool>; 2],
    /// Requests of steps that were given up, and may still arrive.
    late: Vec<usize>,
    /// Answers of steps that were given up, and may still arrive.
    answers: Vec<usize>,
    crashes: u32,
    doubles: u32,
    in_doubt: bool,
}

impl Protocol {
    fn new(defect: Defect) -> Protocol {
        Protocol {
            defect,
            history: vec![(What::Begins, "")],
            place: Place::Forwards,
            outcomes: [Outcome::Waiting; 2],
            services: [None; 2],
            late: Vec::new(),
            answers: Vec::new(),
            crashes: 1,
            doubles: 1,
            in_doubt: false,
        }
    }

    fn with(&self, change: impl FnOnce(&mut Protocol)) -> Protocol {
        let mut next = self.clone();
        change(&mut next);
        next
    }

    fn say(&mut self, what: What, step: usize) {
        self.history.push((what, STEPS[step]));
    }

    /// A service gets the request of its step; false if it refuses.
    fn act(&mut self, step: usize) -> bool {
        match self.services[step] {
            None => {}
            Some(true) if self.defect != Defect::NoKey => return true,
            Some(false) if self.defect != Defect::NoTombstone => return false,
            Some(_) => {}
        }
        self.services[step] = Some(true);
        self.say(What::EffectDone, step);
        true
    }

    fn undo(&mut self, step: usize) {
        let what = match self.services[step] {
            Some(true) => What::EffectUndone,
            None if self.defect == Defect::BlindUndo => What::EffectUndone,
            None => What::EffectBarred,
            Some(false) => return,
        };
        self.services[step] = Some(false);
        self.say(what, step);
    }

    fn outcome(&mut self, step: usize, outcome: Outcome) {
        self.outcomes[step] = outcome;
        let what = match outcome {
            Outcome::Done => What::StepDone,
            Outcome::Refused => What::StepRefused,
            _ => What::StepUnknown,
        };
        self.say(what, step);
        if outcome != Outcome::Done {
            self.place = Place::Backwards;
        }
    }

    /// All that can happen next.
    fn next(&self) -> Vec<Protocol> {
        let mut all: Vec<Protocol> = Vec::new();
        for index in 0..self.late.len() {
            all.push(self.with(|p| {
                let step = p.late.remove(index);
                p.act(step);
            }));
        }
        // The right protocol does not hear them: nothing happens.
        let heard = self.defect == Defect::LateReply && self.place == Place::Backwards;
        for index in 0..if heard { self.answers.len() } else { 0 } {
            all.push(self.with(|p| {
                let step = p.answers.remove(index);
                p.outcome(step, Outcome::Done);
                p.place = Place::Forwards;
            }));
        }
        if self.crashes > 0 && self.place != Place::Ended {
            all.push(self.with(|p| {
                p.crashes -= 1;
                if p.defect == Defect::NoLog {
                    p.place = Place::Ended;
                    return;
                }
                p.history.push((What::Resumes, ""));
                p.in_doubt = p.outcomes.contains(&Outcome::Begun);
            }));
        }
        match self.place {
            Place::Forwards => all.extend(self.forwards()),
            Place::Backwards => all.push(self.with(Protocol::back)),
            Place::Ended => {}
        }
        all
    }

    fn forwards(&self) -> Vec<Protocol> {
        let Some(step) = self.outcomes.iter().position(|o| *o != Outcome::Done) else {
            return vec![self.with(|p| {
                p.place = Place::Ended;
                p.history.push((What::Completed, ""));
            })];
        };
        if self.outcomes[step] == Outcome::Waiting {
            return vec![self.with(|p| {
                p.outcomes[step] = Outcome::Begun;
                p.in_doubt = false;
                p.say(What::StepBegins, step);
            })];
        }
        let heard = |p: &mut Protocol| match p.act(step) {
            true => p.outcome(step, Outcome::Done),
            false => p.outcome(step, Outcome::Refused),
        };
        let refused = if self.in_doubt { Outcome::Unknown } else { Outcome::Refused };
        let mut all = vec![
            // Heard, and answered.
            self.with(heard),
            // Heard, and the answer is lost: a crash can follow, or the timeout.
            self.with(|p| {
                p.act(step);
            }),
            self.with(|p| {
                if p.act(step) {
                    p.answers.push(step);
                }
                p.outcome(step, Outcome::Unknown);
            }),
            // Not heard in time.
            self.with(|p| {
                p.late.push(step);
                p.outcome(step, Outcome::Unknown);
            }),
        ];
        // The second way leads nowhere new when nothing changed, and nowhere else once it was taken.
        if self.services[step].is_some() {
            all.remove(1);
        }
        if step == 1 && self.services[step].is_none() {
            all.push(self.with(|p| p.outcome(step, refused)));
        }
        if self.doubles > 0 {
            all.push(self.with(|p| {
                p.doubles -= 1;
                p.act(step);
                heard(p);
            }));
        }
        all
    }

    /// Undoes the last step that has to be.
    fn back(&mut self) {
        let undone = |(step, outcome): &(usize, Outcome)| match outcome {
            Outcome::Done => !(self.defect == Defect::HalfUndo && *step == 0),
            Outcome::Unknown => self.defect != Defect::UnknownIsNothing,
            Outcome::Refused => self.defect == Defect::BlindUndo,
            _ => false,
        };
        let open = self.outcomes.iter().copied().enumerate().rfind(undone);
        let Some((step, _)) = open else {
            self.place = Place::Ended;
            self.history.push((What::Compensated, ""));
            return;
        };
        self.say(What::UndoBegins, step);
        self.undo(step);
        self.outcomes[step] = Outcome::Undone;
        self.say(What::UndoDone, step);
    }
}

/// All histories of the protocol whose saga has ended, and the invariants that are violated in some.
fn explore(defect: Defect) -> (usize, BTreeSet<Invariant>) {
    let mut open = vec![Protocol::new(defect)];
    let (mut count, mut violated) = (0, BTreeSet::new());
    while let Some(protocol) = open.pop() {
        if protocol.place == Place::Ended {
            count += 1;
            violated.extend(judged(&protocol.history, &STEPS));
        }
        assert!(protocol.history.len() < 40, "a run has an end");
        open.extend(protocol.next());
    }
    (count, violated)
}

#[test]
fn every_run_of_the_right_protocol_is_accepted() {
    let (count, violated) = explore(Defect::None);
    assert!(count > 100, "{count}");
    assert_eq!(violated, BTreeSet::new());
}

#[test]
fn some_run_of_each_wrong_protocol_is_refused() {
    use Invariant::{Atomic, CompensateDone, LateReply, Redelivery, Terminal};
    for (defect, invariant) in [
        (Defect::NoLog, Terminal),
        (Defect::NoKey, Redelivery),
        (Defect::NoTombstone, LateReply),
        (Defect::UnknownIsNothing, CompensateDone),
        (Defect::HalfUndo, Atomic),
        (Defect::BlindUndo, CompensateDone),
        (Defect::LateReply, LateReply),
    ] {
        let (count, violated) = explore(defect);
        assert!(violated.contains(&invariant), "{defect:?}: {violated:?} in {count} runs");
    }
}
