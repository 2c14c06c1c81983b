//! What failures of the same cause have in common.

use std::fmt;

use serde::Serialize;

use crate::chaos::{Effect, Fault, FaultPlan};

/// A property and the faults that it takes to violate it, without their numbers: failures with the
/// same signature are told as one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Signature {
    /// The property that is violated.
    pub property: String,
    /// For each fault of the smallest script its kind and whom it strikes, in order.
    pub faults: Vec<String>,
}

impl Signature {
    /// The signature of a script that violates `property`.
    #[must_use]
    pub fn of(property: &str, plan: &FaultPlan) -> Signature {
        let mut faults: Vec<String> = plan.faults.iter().map(without_numbers).collect();
        faults.sort_unstable();
        Signature { property: property.to_owned(), faults }
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.property)?;
        let faults = self.faults.iter();
        faults.enumerate().try_for_each(|(i, fault)| {
            let before = if i == 0 { ": " } else { " + " };
            write!(f, "{before}{fault}")
        })
    }
}

fn without_numbers(fault: &Fault) -> String {
    match fault {
        Fault::Message { from, to, label, leg, effect, .. } => {
            let label = label.as_ref().map_or("*".to_owned(), |label| format!("{label:?}"));
            format!("{from} -> {to} {label} {leg}: {}", effect_without_numbers(*effect))
        }
        Fault::Connection { from, to, leg, effect, .. } => {
            format!("connection {from} -> {to} {leg}: {}", effect_without_numbers(*effect))
        }
        Fault::Partition { a, b, one_way, .. } => {
            let arrow = if *one_way { "->" } else { "|" };
            format!("partition {} {arrow} {}", a.join(", "), b.join(", "))
        }
        other => format!("{} {}", other.kind(), other.targets().join(" -> ")),
    }
}

fn effect_without_numbers(effect: Effect) -> String {
    match effect {
        Effect::Delay(_) => "delay".to_owned(),
        Effect::Stall(_) => "stall".to_owned(),
        Effect::DropBytes { .. } => "drop bytes".to_owned(),
        other => other.to_string(),
    }
}
