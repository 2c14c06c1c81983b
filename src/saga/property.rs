//! The oracle as properties of a world.

use std::cell::RefCell;

use super::check::check;
use super::definition::Definition;
use super::event::{SagaEvent, What, told};
use crate::sim::Sim;
use crate::verdict::{Verdict, Violation};

impl Sim {
    /// Asks for all that must be true of a saga ([`crate::saga`]), as two properties: eventually every saga has
    /// ended, and the journal shows that all its invariants hold.
    ///
    /// ```
    /// use stormglass::prelude::*;
    /// use stormglass::saga::{self, Definition, Effect};
    ///
    /// fn world(sim: &mut Sim) {
    ///     sim.chaos(Chaos::none());
    ///     sim.process("payment", |ctx| async move {
    ///         saga::effect(ctx, "place_order", "7", "charge", Effect::Done);
    ///         saga::effect(ctx, "place_order", "7", "charge", Effect::Done);
    ///     });
    ///     sim.saga(&Definition::new("place_order").step("charge"));
    /// }
    ///
    /// let verdict = run(&world, &RunConfig::seed(1)).verdict();
    /// assert!(verdict.to_string().contains("`charge` is done twice"), "{verdict}");
    /// ```
    pub fn saga(&mut self, definition: &Definition) -> &mut Self {
        let name = definition.name();
        let (mine, whole) = (definition.clone(), definition.clone());
        // Looked at often, and told of rarely.
        let seen = RefCell::new((usize::MAX, Verdict::Holds));
        self.eventually(&format!("every saga {name} ends"), move |_| {
            told(|events| {
                let mut seen = seen.borrow_mut();
                if seen.0 != events.len() {
                    *seen = (events.len(), ended(events, &mine));
                }
                seen.1.clone()
            })
        });
        self.check(&format!("the saga {name} keeps its invariants"), move |journal| {
            check(journal, &whole)
        })
    }
}

/// Whether all sagas that somebody orchestrates have ended.
fn ended(events: &[SagaEvent], definition: &Definition) -> Verdict {
    let mut open = std::collections::BTreeMap::new();
    let mut verdict = Verdict::Holds;
    let mine = events.iter().filter(|e| e.saga == definition.name && !e.what.is_effect());
    for event in mine {
        match event.what {
            What::Escalated => {
                let why = format!("saga {} was escalated: a person has to decide", event.id);
                verdict = verdict.and(Verdict::Unknown(why));
                open.insert(&event.id, None);
            }
            what if what.is_end() => drop(open.insert(&event.id, None)),
            _ => match open.get_mut(&event.id) {
                // What comes after the end is no new beginning.
                Some(last) => *last = last.map(|_| event),
                None => drop(open.insert(&event.id, Some(event))),
            },
        }
    }
    let stuck = || open.iter().filter_map(|(id, last)| last.map(|last| (id, last)));
    let told = stuck().map(|(id, last)| format!("saga {id} has not ended: {last}"));
    match told.collect::<Vec<_>>().join("; ") {
        none if none.is_empty() => verdict,
        told => Violation::new(told).with_events(stuck().map(|(_, last)| last.event)).into(),
    }
}
