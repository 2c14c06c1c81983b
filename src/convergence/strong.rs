//! Strong eventual consistency: equal updates, equal states, at every moment.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::{differences, told};
use crate::journal::{Event, Journal, Kind};
use crate::verdict::Verdict;

/// A state, and the updates that it comes from.
#[derive(Deserialize)]
struct Replica {
    delivered: Vec<Value>,
    state: Value,
}

/// The property that replicas to which the same updates were delivered, in whatever order, have equal
/// states, at every moment of a run: for [`Sim::check`](crate::sim::Sim::check).
///
/// What they publish under `probe` ([`Ctx::publish_state`](crate::service::Ctx::publish_state)) must
/// be a map with `delivered`, a list or set of the updates' names, and `state`. The verdict is unknown
/// if no two moments had the same updates: then nothing was compared.
pub fn strong(probe: &str) -> impl Fn(&Journal) -> Verdict + 'static {
    let probe = probe.to_owned();
    move |journal| {
        let mut seen: BTreeMap<BTreeSet<String>, (Event<'_>, Value)> = BTreeMap::new();
        let mut compared = 0;
        for event in journal.of_kind(Kind::Probe).filter(|event| event.symbol() == probe) {
            let text = event.text().unwrap_or_default();
            let Ok(Replica { delivered, state }) = serde_json::from_str(text) else {
                let reason = format!("`{probe}` has no `delivered` and `state`: {text}");
                return Verdict::Unknown(reason);
            };
            let delivered = delivered.iter().map(Value::to_string).collect();
            let (first, its) = seen.entry(delivered).or_insert_with(|| (event, state.clone()));
            compared += usize::from(first.node() != event.node());
            if *its != state {
                let name = |event: &Event<'_>| format!("{} at {}", event.node_name(), event.at());
                let states = BTreeMap::from([(name(first), its.clone()), (name(&event), state)]);
                let difference = told(&differences(&states));
                return Verdict::violated(format!("the same updates, another state: {difference}"));
            }
        }
        match compared {
            0 => Verdict::Unknown("no two replicas were ever given the same updates".to_owned()),
            _ => Verdict::Holds,
        }
    }
}
