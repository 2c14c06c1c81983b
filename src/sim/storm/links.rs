//! What the faults of links do, in the terms of the net.

use crate::chaos::Fault;
use crate::net::{LinkEffect, Loss};

/// What a link fault does, between whom; none for a fault of nodes.
pub(super) fn link_effect(fault: &Fault) -> Option<(String, String, LinkEffect)> {
    let share = |percent: f64| percent / 100.0;
    let (from, to, effect) = match fault {
        Fault::Loss { from, to, percent, burst, .. } => {
            (from, to, LinkEffect::Loss(loss(share(*percent), *burst)))
        }
        Fault::Delay { from, to, delay, jitter, .. } => {
            (from, to, LinkEffect::Delay { delay: *delay, jitter: *jitter })
        }
        Fault::Duplicate { from, to, percent, .. } => {
            (from, to, LinkEffect::Duplicate(share(*percent)))
        }
        Fault::Reorder { from, to, percent, by, .. } => {
            (from, to, LinkEffect::Reorder { p: share(*percent), by: *by })
        }
        Fault::Corrupt { from, to, percent, .. } => {
            (from, to, LinkEffect::Corrupt(share(*percent)))
        }
        Fault::Bandwidth { from, to, rate, queue, .. } => {
            (from, to, LinkEffect::Bandwidth { rate: *rate, queue: *queue })
        }
        _ => return None,
    };
    Some((from.clone(), to.clone(), effect))
}

/// Bursts of mean length `burst` that lose `share` of the messages in the long run.
fn loss(share: f64, burst: Option<f64>) -> Loss {
    match burst {
        Some(burst) if share < 1.0 => {
            let to_good = 1.0 / burst.max(1.0);
            let to_bad = (share * to_good / (1.0 - share)).min(1.0);
            Loss::GilbertElliott { to_bad, to_good, loss_bad: 1.0, loss_good: 0.0 }
        }
        _ => Loss::Bernoulli(share),
    }
}
