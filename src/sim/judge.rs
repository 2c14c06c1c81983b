//! Looks at the properties of a world while it runs, and says what each came to.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::Sim;
use super::board::Board;
use super::outcome::{End, Run};
use super::property::{Decide, Outcome, Property, PropertyKind, View};
use crate::journal::{Entry, EventId, Kind, NodeId};
use crate::kernel::{Kernel, Stop, Waiting};
use crate::verdict::Verdict;

/// The built-in property of a world that comes to its end.
pub(crate) const CLIENTS_END: &str = "every client ends";

/// Looks at the properties while the world runs.
pub(super) struct Judge {
    board: Rc<Board>,
    properties: Vec<Property>,
    outcomes: Vec<Outcome>,
    panic: Option<Outcome>,
    pub(super) violated: bool,
    pub(super) after_chaos: bool,
}

impl Judge {
    pub(super) fn new(sim: &Sim, board: Rc<Board>) -> Judge {
        let outcomes = sim.properties.iter().map(|p| Outcome {
            property: p.name.clone(),
            kind: p.kind,
            verdict: match p.kind {
                PropertyKind::Always | PropertyKind::Never => Verdict::Holds,
                PropertyKind::Eventually => Verdict::Unknown("it was not looked at".to_owned()),
                PropertyKind::Sometimes => Verdict::Unknown("it was not seen".to_owned()),
                PropertyKind::Check => Verdict::Unknown("the world has not ended".to_owned()),
            },
            event: EventId::NONE,
        });
        Judge {
            board,
            outcomes: outcomes.collect(),
            properties: sim.properties.clone(),
            panic: None,
            violated: false,
            after_chaos: false,
        }
    }

    pub(super) fn panicked(&mut self, kernel: &Kernel, message: String) {
        self.violated = true;
        self.panic.get_or_insert_with(|| Outcome {
            property: "no service panics".to_owned(),
            kind: PropertyKind::Always,
            verdict: Verdict::violated(message),
            event: EventId(kernel.events() as u32),
        });
    }

    /// Asks every property that this moment concerns.
    pub(super) fn look(&mut self, kernel: &Kernel) {
        let view = View { board: &self.board, now: kernel.now(), after_chaos: self.after_chaos };
        for (property, outcome) in self.properties.iter().zip(&mut self.outcomes) {
            let Decide::View(decide) = &property.decide else { continue };
            let open = match property.kind {
                PropertyKind::Always | PropertyKind::Never => true,
                PropertyKind::Eventually => self.after_chaos,
                PropertyKind::Sometimes => !outcome.verdict.holds(),
                PropertyKind::Check => false,
            };
            if !open {
                continue;
            }
            let verdict = guarded(|| decide(&view));
            match property.kind {
                PropertyKind::Eventually => outcome.verdict = verdict,
                PropertyKind::Sometimes if verdict.holds() => outcome.verdict = Verdict::Holds,
                PropertyKind::Always | PropertyKind::Never if verdict.is_violated() => {
                    let cause = EventId(kernel.events() as u32);
                    let entry = Entry::new(Kind::Property, NodeId::WORLD);
                    let entry = entry.symbol(kernel.symbol(&property.name));
                    outcome.event = kernel.record_caused(entry, cause);
                    outcome.verdict = verdict;
                    self.violated = true;
                    return;
                }
                PropertyKind::Always | PropertyKind::Never => outcome.verdict = verdict,
                _ => {}
            }
        }
    }

    pub(super) fn is_settled(&self) -> bool {
        let eventual = |o: &&Outcome| o.kind == PropertyKind::Eventually;
        self.outcomes.iter().filter(eventual).all(|o| o.verdict.holds())
    }

    /// The outcomes, with what the end itself says.
    pub(super) fn finish(&mut self, kernel: &Kernel, end: &End) -> Vec<Outcome> {
        let mut outcomes: Vec<Outcome> = self.panic.take().into_iter().collect();
        let event = EventId(kernel.events() as u32);
        let built_in = |property: &str, verdict| Outcome {
            property: property.to_owned(),
            kind: PropertyKind::Eventually,
            verdict,
            event,
        };
        match end {
            End::Finished => {}
            End::Violated => {
                for outcome in &mut self.outcomes {
                    if outcome.kind == PropertyKind::Eventually {
                        let reason = "the run ended at the violation";
                        outcome.verdict = Verdict::Unknown(reason.to_owned());
                    }
                }
            }
            End::Deadlock(waiting) | End::Stopped(Stop::Limit | Stop::Livelock, waiting) => {
                let text = tell(waiting);
                outcomes.push(built_in(CLIENTS_END, Verdict::violated(text)));
            }
            End::Stopped(stop, _) => {
                let text = format!("the run was stopped: {stop:?}");
                for outcome in &mut self.outcomes {
                    if outcome.kind == PropertyKind::Eventually && !outcome.verdict.holds() {
                        outcome.verdict = Verdict::Unknown(text.clone());
                    }
                }
                outcomes.push(built_in(CLIENTS_END, Verdict::Unknown(text)));
            }
        }
        for outcome in &mut self.outcomes {
            let eventual = outcome.kind == PropertyKind::Eventually;
            if eventual && outcome.verdict.is_violated() {
                let entry = Entry::new(Kind::Property, NodeId::WORLD);
                let entry = entry.symbol(kernel.symbol(&outcome.property));
                outcome.event = kernel.record_caused(entry, event);
            }
        }
        outcomes.append(&mut self.outcomes);
        outcomes
    }
}

/// The first five that wait, and how many there are besides.
fn tell(waiting: &[Waiting]) -> String {
    let line = |w: &Waiting| format!("{} waits for {} since {}", w.node, w.waits_for, w.since);
    let mut lines: Vec<String> = waiting.iter().map(line).take(5).collect();
    if let more @ 1.. = waiting.len().saturating_sub(5) {
        lines.push(format!("and {more} more"));
    }
    lines.join("; ")
}

/// Decides the properties of the whole journal.
pub(super) fn check_journal(properties: &[Property], run: &mut Run) {
    let built_in = run.outcomes.len() - properties.len();
    for (index, property) in properties.iter().enumerate() {
        let Decide::Journal(decide) = &property.decide else { continue };
        let verdict = if run.journal.is_empty() {
            Verdict::Unknown("the journal was not kept".to_owned())
        } else {
            guarded(|| decide(&run.journal))
        };
        let last = EventId(run.journal.total() as u32);
        let outcome = &mut run.outcomes[built_in + index];
        outcome.event = if verdict.is_violated() { last } else { EventId::NONE };
        outcome.verdict = verdict;
    }
}

/// A property that panics is violated: an assertion in it is as good as an error.
fn guarded(decide: impl FnOnce() -> Verdict) -> Verdict {
    catch_unwind(AssertUnwindSafe(decide)).unwrap_or_else(|payload| {
        let text = crate::kernel::panic_message(payload.as_ref());
        Verdict::violated(text)
    })
}
