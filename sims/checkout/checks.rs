//! What must be true of the shop: one line for each oracle.

use stormglass::consistency;
use stormglass::convergence::Convergence;
use stormglass::journal::Journal;
use stormglass::prelude::*;
use stormglass::trace::DistributedTracer;
use stormglass::verdict::Verdict;

use super::shipping::Parcels;
use super::stock::Stock;
use super::{FILES, ORDERS, PIECES, REPLICAS, SAGA};

pub(super) fn checks(sim: &mut Sim) {
    let order = stormglass::saga::Definition::new(SAGA)
        .step("reserve")
        .step("charge")
        .without_compensation("announce");
    sim.saga(&order);
    sim.check(
        "the stock of an item is linearizable",
        consistency::linearizable("stock", Stock(PIECES)),
    );
    let replicas = (0..REPLICAS).map(|n| format!("inventory-{n}"));
    sim.eventually(
        "the inventory converges",
        Convergence::of("known").replicas(replicas).eventually(),
    );
    sim.always("no order is sent out twice", sent_out_once);
    sim.eventually("every order that is placed is sent out", all_sent_out);
    sim.check("every message keeps its contracts", |journal| FILES.contracts.verdict(journal));
    sim.check("work flows as it must", flows);
    sim.sometimes("an order is placed", |view| (1..=ORDERS).any(|order| is_placed(view, order)));
}

/// A run in which nobody charges says nothing of how charges flow; there are others.
fn flows(journal: &Journal) -> Verdict {
    let charges = journal.http_messages().any(|message| message.path() == "/charge");
    match charges {
        true => DistributedTracer::of(journal).check(&FILES.flows),
        false => Verdict::Holds,
    }
}

fn is_placed(view: &View<'_>, order: u32) -> bool {
    view.recorded(&format!("order {order} is placed")) > 0
}

fn sent_out_once(view: &View<'_>) -> Result<(), String> {
    let parcels = view.probe::<Parcels>("shipping", "parcels").unwrap_or_default();
    match parcels.iter().find(|(_, count)| **count > 1) {
        Some((order, count)) => Err(format!("order {order} is sent out {count} times")),
        None => Ok(()),
    }
}

fn all_sent_out(view: &View<'_>) -> Result<(), String> {
    let parcels = view.probe::<Parcels>("shipping", "parcels").unwrap_or_default();
    let mut placed = (1..=ORDERS).filter(|order| is_placed(view, *order));
    match placed.find(|order| !parcels.contains_key(order)) {
        Some(order) => Err(format!("order {order} is placed, and not sent out")),
        None => Ok(()),
    }
}
