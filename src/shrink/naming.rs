//! Replaces faults by those of single messages, in the names that people read.
//!
//! `lose 30% of checkout -> payment` for a second says little. The run knows which messages went that
//! way meanwhile; if the loss of one of them alone makes the same property fail, that is the fault.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::lab::Lab;
use crate::chaos::{Effect, Fault, FaultPlan, Leg};
use crate::journal::{Event, EventId, Journal, Kind, MessageName, message_ordinals};
use crate::sim::Run;
use crate::time::Time;

/// The messages of one fault that are tried at most.
const MESSAGES: usize = 24;

/// The plan with faults of links replaced by those of messages, and messages called by their labels,
/// wherever the same property fails then.
pub(super) fn name_messages(lab: &mut Lab<'_>, mut plan: FaultPlan) -> FaultPlan {
    for index in 0..plan.faults.len() {
        if lab.is_used_up() {
            return plan;
        }
        let candidates = match &plan.faults[index] {
            Fault::Message { label: Some(_), .. } => Vec::new(),
            Fault::Message { label: None, .. } => named(&lab.run(&plan), index),
            fault if is_of_links(fault) => alone(&lab.run(&plan), index),
            _ => Vec::new(),
        };
        let better = candidates.into_iter().find_map(|fault| {
            let mut candidate = plan.clone();
            candidate.faults[index] = fault;
            lab.fails(&candidate).then_some(candidate)
        });
        plan = better.unwrap_or(plan);
    }
    plan
}

fn is_of_links(fault: &Fault) -> bool {
    fault.link().is_some() || matches!(fault, Fault::Partition { .. })
}

/// A fault of any message, as one of the messages that it struck.
fn named(run: &Run, index: usize) -> Vec<Fault> {
    let Fault::Message { leg, effect, .. } = &run.plan.faults[index] else { return Vec::new() };
    let names = message_ordinals(&run.journal);
    let struck = run.journal.events().filter(|event| strikes(event, index));
    let sent = struck.filter_map(|event| names.get(&before(&event)));
    sent.map(|name| message(name, *leg, *effect)).collect()
}

/// The sending that the event tells of: its cause, or what its task did just before.
fn before(event: &Event<'_>) -> EventId {
    if event.cause() == EventId::NONE { event.prev() } else { event.cause() }
}

/// True if the event says that this fault struck a message.
fn strikes(event: &Event<'_>, index: usize) -> bool {
    let number = index as u64;
    match event.kind() {
        Kind::FaultHit => event.value() == number,
        Kind::Drop | Kind::Reset => event.value() == number + 1,
        _ => false,
    }
}

/// A fault of links, as faults of the messages that went there while it lasted: each of them lost,
/// then each of them late. The messages that did not arrive at once come first.
fn alone(run: &Run, index: usize) -> Vec<Fault> {
    let fault = &run.plan.faults[index];
    let Some((at, lasts)) = fault.window() else { return Vec::new() };
    let end = lasts.map_or(Time::MAX, |lasts| Time::from(at) + lasts);
    let names = message_ordinals(&run.journal);
    let arrivals = arrivals(&run.journal);
    let answered: BTreeSet<_> = names
        .values()
        .filter(|name| name.reply)
        .map(|name| (name.from, name.to, name.label))
        .collect();
    let mut messages: Vec<(bool, Time, Fault)> = Vec::new();
    let mut late: Vec<Fault> = Vec::new();
    for send in run.journal.of_kind(Kind::Send) {
        let Some(name) = names.get(&send.id()) else { continue };
        let arrival = arrivals.get(&send.id()).copied();
        let under_way = send.at() <= end && arrival.is_none_or(|at_| at_ >= Time::from(at));
        if !under_way || !concerns(fault, run, &send) {
            continue;
        }
        let took = arrival.map(|arrival| arrival.since(send.at()));
        let slow = took.is_none_or(|took| took > Duration::from_millis(20));
        let leg = leg_of(name, answered.contains(&(name.from, name.to, name.label)));
        messages.push((!slow, send.at(), message(name, leg, Effect::Drop)));
        let delay = took.filter(|_| slow).unwrap_or(Duration::from_secs(1));
        late.push(message(name, leg, Effect::Delay(delay)));
    }
    messages.sort_by_key(|(at_once, at, _)| (*at_once, *at));
    let lost = messages.into_iter().map(|(_, _, fault)| fault).take(MESSAGES);
    lost.chain(late.into_iter().take(MESSAGES)).collect()
}

/// When each message arrived first, by its sending.
fn arrivals(journal: &Journal) -> BTreeMap<EventId, Time> {
    let mut arrivals = BTreeMap::new();
    for event in journal.of_kind(Kind::Deliver) {
        if let Some(send) = event.sent_by() {
            arrivals.entry(send.id()).or_insert(event.at());
        }
    }
    arrivals
}

/// True if the fault strikes the link that the message goes over.
fn concerns(fault: &Fault, run: &Run, send: &Event<'_>) -> bool {
    let stands_for = |name: &str, node: &str| run.topology.nodes(name).iter().any(|n| n == node);
    let (from, to) = (send.node_name(), send.peer_name());
    if let Fault::Partition { a, b, one_way, .. } = fault {
        let among = |names: &[String], node| names.iter().any(|name| stands_for(name, node));
        return among(a, from) && among(b, to) || !one_way && among(b, from) && among(a, to);
    }
    fault.link().is_some_and(|(a, b)| stands_for(a, from) && stands_for(b, to))
}

/// What was ever answered under that label is a request. What never was may have gone to a service
/// that answers nobody: then its label is a method and a route, which no topic and no connection has.
fn leg_of(name: &MessageName<'_>, answered: bool) -> Leg {
    let is_method = |word: &str| word.bytes().all(|b| b.is_ascii_uppercase());
    match name.label.split_once(' ') {
        _ if name.reply => Leg::Reply,
        _ if answered => Leg::Request,
        Some((method, route)) if is_method(method) && route.starts_with('/') => Leg::Request,
        _ => Leg::Message,
    }
}

fn message(name: &MessageName<'_>, leg: Leg, effect: Effect) -> Fault {
    Fault::Message {
        from: name.from.to_owned(),
        to: name.to.to_owned(),
        label: Some(name.label.to_owned()),
        n: u64::from(name.n),
        leg,
        effect,
    }
}
