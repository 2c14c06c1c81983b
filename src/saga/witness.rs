//! What the oracle found, for people.

use std::fmt;

use super::event::SagaEvent;

/// What must be true of every saga: see [`crate::saga`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// S1: every saga ends.
    Terminal,
    /// S2: all steps are in effect, or none is.
    Atomic,
    /// S3: only what was done is undone, and all of it.
    CompensateDone,
    /// S5: what is delivered again changes nothing.
    Redelivery,
    /// S7: what comes late does not bring back what was undone.
    LateReply,
}

impl Invariant {
    /// All, in the order of their numbers.
    pub const ALL: [Invariant; 5] = [
        Invariant::Terminal,
        Invariant::Atomic,
        Invariant::CompensateDone,
        Invariant::Redelivery,
        Invariant::LateReply,
    ];
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Invariant::Terminal => "S1 (terminal)",
            Invariant::Atomic => "S2 (atomic in effect)",
            Invariant::CompensateDone => "S3 (compensate only what was done)",
            Invariant::Redelivery => "S5 (redelivery changes nothing)",
            Invariant::LateReply => "S7 (a late reply does not resurrect)",
        })
    }
}

/// An invariant that does not hold of a saga, or of which nobody can say whether it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The invariant.
    pub invariant: Invariant,
    /// The saga's id.
    pub id: String,
    /// False if nothing can be said.
    pub violated: bool,
    /// What is wrong, or why nothing can be said.
    pub why: String,
    /// The events that show it, as few as possible: without any of them there is nothing to see.
    pub events: Vec<SagaEvent>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { invariant, id, why, events, .. } = self;
        write!(f, "{invariant}: saga {id}: {why}")?;
        let events: Vec<String> = events.iter().map(ToString::to_string).collect();
        if events.is_empty() { Ok(()) } else { write!(f, " ({})", events.join("; ")) }
    }
}
