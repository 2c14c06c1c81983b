//! Names of messages that stay when times and other messages change.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::journal::{Event, EventId, Journal, Kind, NodeId, services};

/// The stable name of a message: the `n`-th with its label from one service to another. It does not
/// move when times or other messages change, so fault scripts and reports use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct MessageName<'a> {
    /// The service that sends the message or, for a reply, that sent the request.
    pub from: &'a str,
    /// The service that receives the message, or sends the reply.
    pub to: &'a str,
    /// Method and route, gRPC method, or topic.
    pub label: &'a str,
    /// Its number among those, from 1. Replies have numbers of their own.
    pub n: u32,
    /// True for a reply, which goes the other way.
    pub reply: bool,
}

impl fmt::Display for MessageName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MessageName { from, to, label, n, reply } = self;
        write!(f, "{from} -> {to} \"{label}\" #{n}{}", if *reply { " reply" } else { "" })
    }
}

/// The stable name of every message of the journal, by its [`Kind::Send`] event.
///
/// Replies are counted by themselves, as fault scripts count them: `#2 reply` is the second reply
/// that was sent, whichever request it answers. Nodes `inventory-0`, `inventory-1` ... count as one
/// service, `inventory`.
#[must_use]
pub fn message_ordinals<'a>(journal: &'a Journal) -> BTreeMap<EventId, MessageName<'a>> {
    let services = services(journal.nodes());
    let service = |node: NodeId| services.get(node.0 as usize).copied().unwrap_or("?");
    let mut counts: BTreeMap<(&str, &str, &str, bool), u32> = BTreeMap::new();
    let name = |send: Event<'a>| {
        let (reply, label) = (send.extra() != 0, send.symbol());
        let (sender, receiver) = (service(send.node()), service(send.peer()));
        let (from, to) = if reply { (receiver, sender) } else { (sender, receiver) };
        let n = counts.entry((from, to, label, reply)).or_default();
        *n += 1;
        (send.id(), MessageName { from, to, label, n: *n, reply })
    };
    journal.of_kind(Kind::Send).map(name).collect()
}
