//! Events: a broker with topics, partitions and consumer groups, and the helpers that make a state and
//! the events which tell of it agree.
//!
//! - [`Sim::broker`] - puts a broker into the world. Start here.
//! - [`Ctx::events`] - publishes to it ([`Events::publish`]), and consumes from it ([`Events::consume`],
//!   [`Events::subscribe`]).
//! - [`Outbox`] - an event that is written in the transaction of the state that it tells of, and published
//!   by a relay until the broker has it (feature `redb`).
//! - [`Inbox`] - the ids of events that have had their effect, in the transaction of the effect (feature
//!   `redb`).
//!
//! # What it promises
//!
//! The broker is a node like any other: it crashes, loses its power, is cut off, and its disk fails. An
//! event is synced to that disk before its publisher is told, and what was synced is delivered **at
//! least once** to each group that consumes its topic: again when the consumer answers with an error or
//! not in time, when it dies, when the answer is lost. Events with equal keys are in one partition;
//! a group gets a partition's events one at a time, in their order. After
//! [`deliveries_max`](BrokerBuilder::deliveries_max) deliveries in vain an event goes to the topic
//! `<topic>.dead`, with the reason in its headers, and the ones behind it get their turn. A group that
//! was never seen before begins with the first event.
//!
//! A consumer that was taken for dead may still be working on an event while another one gets it: as
//! with every broker, what must happen once is kept apart by the consumer, with an [`Inbox`].
//!
//! A broker does not replicate its log, keeps all events for as long as the world runs, and has no
//! transactions over several topics.
//!
//! # How events travel
//!
//! Each event is a request on the message lane, from its publisher to the broker with the label `publish
//! TOPIC`, and from the broker to a consumer with `deliver TOPIC`; its payload is the body, so that
//! fault scripts, traces and contracts see events as they see requests. Members of a group `join`, `leave`
//! and send a `heartbeat`. A program publishes with an ordinary `POST http://events/topics/TOPIC`, and the key in
//! the header `event-key`; it cannot consume.
//!
//! ```
//! use stormglass::prelude::*;
//!
//! fn world(sim: &mut Sim) {
//!     sim.broker("events");
//!     sim.process("shipping", |ctx| async move {
//!         ctx.events().consume("shipping", ["OrderPlaced"], move |event| async move {
//!             ctx.record(format_args!("ships order {}", event.key()));
//!             Ok::<(), std::convert::Infallible>(())
//!         });
//!         ctx.stopping().await;
//!     });
//!     sim.client("shop", |ctx| async move {
//!         let retry = Retry::times(8).backoff(std::time::Duration::from_millis(10));
//!         ctx.events().publish("OrderPlaced", "7", "one lamp").retry(retry).await.map(drop)
//!     });
//!     sim.eventually("order 7 is shipped", |view: &View<'_>| view.recorded("ships order 7") >= 1);
//! }
//!
//! let run = run(&world, &RunConfig::seed(1));
//! assert!(run.verdict().holds());
//! ```

mod broker;
mod builder;
mod client;
mod consumer;
mod deliver;
mod event;
mod group;
#[cfg(feature = "redb")]
mod inbox;
mod log;
#[cfg(feature = "redb")]
mod outbox;
mod record;
mod signal;
mod state;
mod subscription;

pub use builder::BrokerBuilder;
pub use client::{EventError, Events, Publish};
pub use consumer::Consumer;
pub use event::{Event, Position};
#[cfg(feature = "redb")]
pub use inbox::Inbox;
#[cfg(feature = "redb")]
pub use outbox::Outbox;
pub use subscription::{Delivery, Subscription};

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::journal::NodeId;
use crate::kernel::current::{self, Installed, Part};
#[cfg(doc)]
use crate::{service::Ctx, sim::Sim};

/// What follows a topic's name where its dead letters go.
pub const DEAD: &str = ".dead";

/// How many names each node has given to events and consumers.
#[derive(Debug, Default)]
pub(crate) struct Names(RefCell<BTreeMap<NodeId, u32>>);

thread_local! {
    static NAMES: Part<Names> = const { Part::empty() };
}

/// Lets the nodes of a world name events for as long as it runs.
pub(crate) fn install() -> Installed<Names> {
    current::install(&NAMES, Rc::default())
}

/// A number that the node has not used before, in no life of its process.
fn new_number(node: NodeId) -> u32 {
    current::part(&NAMES, |names| {
        let mut names = names.0.borrow_mut();
        let last = names.entry(node).or_default();
        *last += 1;
        *last
    })
}
