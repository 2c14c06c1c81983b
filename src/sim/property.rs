//! What must be true of a world, and what a property sees of it.

use std::any::Any;
use std::fmt;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::Sim;
use super::board::Board;
use crate::journal::{EventId, Journal};
use crate::time::Time;
use crate::verdict::Verdict;

/// When a property has to be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PropertyKind {
    /// At every moment.
    Always,
    /// At no moment.
    Never,
    /// At some moment after chaos has ended, within the world's settling time, and still at the end.
    Eventually,
    /// At some moment of some seed: a search that never sees it is blind.
    Sometimes,
    /// Of the whole journal, once the world has ended.
    Check,
}

impl fmt::Display for PropertyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PropertyKind::Always => "always",
            PropertyKind::Never => "never",
            PropertyKind::Eventually => "eventually",
            PropertyKind::Sometimes => "sometimes",
            PropertyKind::Check => "check",
        })
    }
}

type OverView = Rc<dyn Fn(&View<'_>) -> Verdict>;
type OverJournal = Rc<dyn Fn(&Journal) -> Verdict>;

/// How a property is decided.
#[derive(Clone)]
pub(super) enum Decide {
    View(OverView),
    Journal(OverJournal),
}

/// A named property of a world.
#[derive(Clone)]
pub(super) struct Property {
    pub(super) name: String,
    pub(super) kind: PropertyKind,
    pub(super) decide: Decide,
}

/// What must be true of the world.
impl Sim {
    /// Must hold at every moment. The closure returns a `bool`, a `Result<(), impl Display>` whose
    /// error is the witness, or a [`Verdict`]; it is called whenever a service has published or
    /// recorded something.
    pub fn always<V: Into<Verdict>>(
        &mut self,
        name: &str,
        property: impl Fn(&View<'_>) -> V + 'static,
    ) -> &mut Self {
        self.property(name, PropertyKind::Always, property)
    }

    /// Must hold at no moment: the closure says `true` for what must not be.
    pub fn never(
        &mut self,
        name: &str,
        property: impl Fn(&View<'_>) -> bool + 'static,
    ) -> &mut Self {
        self.property(name, PropertyKind::Never, move |view| !property(view))
    }

    /// Must hold within the settling time after chaos has ended, and at the end.
    pub fn eventually<V: Into<Verdict>>(
        &mut self,
        name: &str,
        property: impl Fn(&View<'_>) -> V + 'static,
    ) -> &mut Self {
        self.property(name, PropertyKind::Eventually, property)
    }

    /// Must hold at some moment of some seed; a search that never sees it is called blind.
    pub fn sometimes(
        &mut self,
        name: &str,
        property: impl Fn(&View<'_>) -> bool + 'static,
    ) -> &mut Self {
        self.property(name, PropertyKind::Sometimes, property)
    }

    /// Must hold of the whole journal, once the world has ended.
    pub fn check<V: Into<Verdict>>(
        &mut self,
        name: &str,
        property: impl Fn(&Journal) -> V + 'static,
    ) -> &mut Self {
        let decide = Decide::Journal(Rc::new(move |journal| property(journal).into()));
        self.properties.push(Property { name: name.to_owned(), kind: PropertyKind::Check, decide });
        self
    }

    fn property<V: Into<Verdict>>(
        &mut self,
        name: &str,
        kind: PropertyKind,
        property: impl Fn(&View<'_>) -> V + 'static,
    ) -> &mut Self {
        let decide = Decide::View(Rc::new(move |view| property(view).into()));
        self.properties.push(Property { name: name.to_owned(), kind, decide });
        self
    }
}

/// What a property came to in one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The property's name.
    pub property: String,
    /// When it had to be true.
    pub kind: PropertyKind,
    /// Whether it was.
    pub verdict: Verdict,
    /// The event that decided it; none if nothing did.
    pub event: EventId,
}

/// The world as a property sees it: what its services have published, and the time.
pub struct View<'a> {
    pub(super) board: &'a Board,
    pub(super) now: Time,
    pub(super) after_chaos: bool,
}

impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View").field("now", &self.now).finish_non_exhaustive()
    }
}

impl View<'_> {
    /// True time.
    #[must_use]
    pub fn now(&self) -> Time {
        self.now
    }

    /// True once chaos has ended and everything is healed.
    #[must_use]
    pub fn after_chaos(&self) -> bool {
        self.after_chaos
    }

    /// What `node` has last published under `name`; none if it has not, or it is of another type.
    /// What a node has published outlives its crash: it is what an observer saw last.
    #[must_use]
    pub fn probe<T: Any>(&self, node: &str, name: &str) -> Option<Rc<T>> {
        self.board.get(node, name)?.downcast().ok()
    }

    /// What all nodes have last published under `name`, by node, in the order of their names.
    #[must_use]
    pub fn probes<T: Any>(&self, name: &str) -> Vec<(String, Rc<T>)> {
        let all = self.board.all(name);
        all.into_iter().filter_map(|(node, value)| Some((node, value.downcast().ok()?))).collect()
    }

    /// The events at which nodes last published under `name`: what they say of it is shown by these.
    #[must_use]
    pub fn probe_events(&self, name: &str) -> Vec<EventId> {
        self.board.events(name)
    }

    /// How often that text was recorded with `ctx.record`, by whomever.
    #[must_use]
    pub fn recorded(&self, text: &str) -> u64 {
        self.board.recorded(text)
    }
}
