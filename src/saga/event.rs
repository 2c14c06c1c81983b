//! What is told of sagas in the journal: by orchestrators, and by the services whose effects they are.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use crate::journal::{Entry, Event, EventId, Journal, Kind};
use crate::kernel::current::{self, Installed, Part};
use crate::node;
use crate::service::Ctx;
use crate::time::Time;

/// What a service did about a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Effect {
    /// The step has its effect from now on.
    Done,
    /// The effect is taken back.
    Undone,
    /// There was no effect to take back, and there will be none: the step's request will be refused when
    /// it comes ("empty rollback" and "anti-suspension" in the terms of TCC).
    Barred,
}

macro_rules! whats {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal,)*) => {
        /// What happened to a saga, or to one of its steps.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum What { $($(#[doc = $doc])* $name,)* }

        impl What {
            /// All there are.
            pub const ALL: &'static [What] = &[$(What::$name,)*];

            /// How the journal calls it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(What::$name => $text,)* }
            }
        }
    };
}

whats! {
    /// The saga is in the orchestrator's log.
    Begins = "saga begins",
    /// An orchestrator goes on with it after its start.
    Resumes = "saga resumes",
    /// The step is about to be asked for; the log says so.
    StepBegins = "step begins",
    /// The step is done.
    StepDone = "step done",
    /// The step is not done, and will not be.
    StepRefused = "step refused",
    /// The step may be done or not.
    StepUnknown = "step unknown",
    /// The step's compensation is about to be asked for; the log says so.
    UndoBegins = "undo begins",
    /// The step is compensated.
    UndoDone = "undo done",
    /// A compensation failed; it will be tried again, or a person be asked.
    UndoFails = "undo fails",
    /// The saga ends: all its steps are done.
    Completed = "saga completed",
    /// The saga ends: what it did is undone.
    Compensated = "saga compensated",
    /// The orchestrator gives up: a person has to decide.
    Escalated = "saga escalated",
    /// A service says that a step has its effect.
    EffectDone = "effect done",
    /// A service says that a step's effect is taken back.
    EffectUndone = "effect undone",
    /// A service says that a step had no effect, and will have none.
    EffectBarred = "effect barred",
}

impl What {
    fn of_name(name: &str) -> Option<What> {
        What::ALL.iter().copied().find(|what| what.name() == name)
    }

    /// True for an end of the saga.
    #[must_use]
    pub fn is_end(self) -> bool {
        matches!(self, What::Completed | What::Compensated | What::Escalated)
    }

    /// True for what a service says.
    #[must_use]
    pub fn is_effect(self) -> bool {
        matches!(self, What::EffectDone | What::EffectUndone | What::EffectBarred)
    }
}

impl From<Effect> for What {
    fn from(effect: Effect) -> What {
        match effect {
            Effect::Done => What::EffectDone,
            Effect::Undone => What::EffectUndone,
            Effect::Barred => What::EffectBarred,
        }
    }
}

/// One thing that happened to one saga.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SagaEvent {
    /// The event in the journal; [`EventId::NONE`] in a history that comes from elsewhere.
    pub event: EventId,
    /// When: true time.
    pub at: Time,
    /// On which node.
    pub node: String,
    /// The name of the saga's definition.
    pub saga: String,
    /// Which saga.
    pub id: String,
    /// What happened.
    pub what: What,
    /// To which step; empty for the saga as a whole.
    pub step: String,
}

impl SagaEvent {
    /// Reads an event of the journal; none if it is not one of a saga.
    #[must_use]
    pub fn read(event: &Event<'_>) -> Option<SagaEvent> {
        if event.kind() != Kind::Saga {
            return None;
        }
        let mut parts = event.text()?.splitn(3, ' ');
        let (saga, step, id) = (parts.next()?, parts.next()?, parts.next()?);
        Some(SagaEvent {
            event: event.id(),
            at: event.at(),
            node: event.node_name().to_owned(),
            saga: saga.to_owned(),
            id: id.to_owned(),
            what: What::of_name(event.symbol())?,
            step: if step == "-" { String::new() } else { step.to_owned() },
        })
    }

    /// All events of sagas in a journal, in their order.
    #[must_use]
    pub fn all(journal: &Journal) -> Vec<SagaEvent> {
        journal.of_kind(Kind::Saga).filter_map(|event| SagaEvent::read(&event)).collect()
    }
}

impl fmt::Display for SagaEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SagaEvent { at, node, what, step, .. } = self;
        let space = if step.is_empty() { "" } else { " " };
        write!(f, "{at} {node} {}{space}{step}", what.name())
    }
}

/// What was told of sagas in a world so far.
#[derive(Debug, Default)]
pub(crate) struct Told(RefCell<Vec<SagaEvent>>);

thread_local! {
    static TOLD: Part<Told> = const { Part::empty() };
}

/// Lets sagas be told of for as long as a world runs.
pub(crate) fn install() -> Installed<Told> {
    current::install(&TOLD, Rc::default())
}

/// Calls `look` with what was told so far.
pub(super) fn told<R>(look: impl FnOnce(&[SagaEvent]) -> R) -> R {
    current::part(&TOLD, |told| look(&told.0.borrow()))
}

/// Tells the journal, and lets the properties look. Nobody hears a node that is down.
pub(super) fn tell(ctx: Ctx, saga: &str, id: &str, what: What, step: &str) {
    if !node::life(ctx.node()).is_up() {
        return;
    }
    let told = current::with(|kernel| {
        let entry = Entry::new(Kind::Saga, ctx.node()).symbol(kernel.symbol(what.name()));
        let text = format!("{saga} {} {id}", if step.is_empty() { "-" } else { step });
        let event = kernel.record_text(entry, text);
        kernel.touch();
        SagaEvent {
            event,
            at: kernel.now(),
            node: kernel.node_name(ctx.node()),
            saga: saga.to_owned(),
            id: id.to_owned(),
            what,
            step: step.to_owned(),
        }
    });
    current::part(&TOLD, |all| all.0.borrow_mut().push(told));
}

/// Says that a service has just done, undone or barred a step of a saga: that what it keeps has changed.
/// Say nothing for a request that changes nothing. The oracle ([`check()`](super::check())) believes it.
///
/// Say it after the change is durable. A machine may lose its power between the two: say then what is
/// [`found`] there later.
///
/// # Panics
///
/// If the name of the saga or the step is none: see [`Definition::new`](super::Definition::new).
#[track_caller]
pub fn effect(ctx: Ctx, saga: &str, id: &str, step: &str, effect: Effect) {
    check_name(saga);
    check_name(step);
    tell(ctx, saga, id, effect.into(), step);
}

/// Says in which state a service finds a step of a saga: as [`effect()`], unless that is what was last said of
/// it.
///
/// # Panics
///
/// As [`effect()`].
#[track_caller]
pub fn found(ctx: Ctx, saga: &str, id: &str, step: &str, state: Effect) {
    let last = told(|all| {
        let same = |e: &&SagaEvent| e.saga == saga && e.id == id && e.step == step;
        all.iter().rev().filter(same).map(|e| e.what).find(|what| what.is_effect())
    });
    if last != Some(state.into()) {
        effect(ctx, saga, id, step, state);
    }
}

/// The journal writes names and ids into one text, names first.
#[track_caller]
pub(super) fn check_name(name: &str) {
    let valid = !name.is_empty() && name != "-" && !name.contains(char::is_whitespace);
    assert!(
        valid,
        "`{name}` cannot be the name of a saga or a step: it has no spaces, and is not `-`"
    );
}
