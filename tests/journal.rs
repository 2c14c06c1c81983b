//! The journal as a file, as a story and as a difference.

mod diff;
mod file;
mod story;

use bytes::Bytes;
use expect_test::{Expect, expect};
use stormglass::error::Error;
use stormglass::journal::{
    Entry, EventId, FORMAT_VERSION, Journal, Kind, NodeId, Recorder, Recording, Trace,
    first_divergence, message_ordinals,
};
use stormglass::time::Time;

const NONE: EventId = EventId::NONE;
const SHOPPER: NodeId = NodeId(1);
const CHECKOUT: NodeId = NodeId(2);
const PAYMENT: NodeId = NodeId(3);

/// Writes journals as a kernel would.
struct Script {
    recorder: Recorder,
    now: u64,
}

impl Script {
    fn new() -> Script {
        Script::with_nodes(&["shopper", "checkout", "payment"])
    }

    fn with_nodes(names: &[&str]) -> Script {
        let mut recorder = Recorder::new(Recording::Full);
        for name in names {
            recorder.add_node(name);
        }
        Script { recorder, now: 0 }
    }

    fn at(&mut self, micros: u64) -> &mut Script {
        self.now = micros * 1_000;
        self
    }

    fn add(&mut self, entry: Entry, prev: EventId, cause: EventId, text: &str) -> EventId {
        let id = self.recorder.append(self.now, entry, prev, cause);
        if !text.is_empty() {
            self.recorder.attach_text(id, text.to_owned());
        }
        id
    }

    /// An event of one node with a symbol, a number and a text.
    fn tell(&mut self, kind: Kind, node: NodeId, symbol: &str, value: u64, text: &str) -> EventId {
        let symbol = self.recorder.symbol(symbol);
        self.add(Entry::new(kind, node).symbol(symbol).value(value), NONE, NONE, text)
    }

    fn note(&mut self, node: NodeId, text: &str, prev: EventId) -> EventId {
        self.add(Entry::new(Kind::Note, node), prev, NONE, text)
    }

    fn send(&mut self, from: NodeId, to: NodeId, label: &str, cause: EventId) -> EventId {
        self.reply(from, to, label, 0, cause)
    }

    fn reply(
        &mut self,
        from: NodeId,
        to: NodeId,
        label: &str,
        status: u32,
        cause: EventId,
    ) -> EventId {
        let symbol = self.recorder.symbol(label);
        let entry = Entry::new(Kind::Send, from).peer(to).symbol(symbol).extra(status);
        self.add(entry, NONE, cause, "")
    }

    fn deliver(&mut self, from: NodeId, to: NodeId, cause: EventId) -> EventId {
        self.add(Entry::new(Kind::Deliver, to).peer(from), NONE, cause, "")
    }

    /// A drop, a duplicate or a reset on the way from one node to another.
    fn strike(
        &mut self,
        kind: Kind,
        ends: (NodeId, NodeId),
        why: &str,
        value: u64,
        cause: EventId,
    ) -> EventId {
        let symbol = self.recorder.symbol(why);
        let entry = Entry::new(kind, ends.0).peer(ends.1).symbol(symbol).value(value);
        self.add(entry, NONE, cause, "")
    }

    fn finish(self) -> Journal {
        self.recorder.finish()
    }
}

/// The run of the design's first page: a lost reply, a retry, a second charge (the last event).
fn shop() -> Journal {
    let mut s = Script::new();
    for node in [SHOPPER, CHECKOUT, PAYMENT] {
        s.tell(Kind::Start, node, "", 0, "");
    }
    let order = s.send(SHOPPER, CHECKOUT, "POST /orders", NONE);
    let arrived = s.at(1_000).deliver(SHOPPER, CHECKOUT, order);
    s.at(1_204).tell(Kind::Timer, CHECKOUT, "", 0, "");
    let post = s.recorder.symbol("POST /charge");
    let post = Entry::new(Kind::Send, CHECKOUT).peer(PAYMENT).symbol(post).value(77);
    let charge = s.add(post, NONE, arrived, "order 7");
    s.recorder.attach_payload(charge, &Bytes::from_static(b"{\"order\":7}"));
    s.recorder.attach_trace(charge, Trace { id: 0x4bf9 << 112, span: 7 });
    let asked = s.at(2_000).deliver(CHECKOUT, PAYMENT, charge);
    let place = s.recorder.symbol("src/payment.rs:12:5");
    let spawn = s.add(Entry::new(Kind::Spawn, PAYMENT).symbol(place), NONE, asked, "");
    let first = s.at(2_517).add(Entry::new(Kind::Note, PAYMENT), NONE, spawn, "charges order 7");
    let reply = s.recorder.symbol("POST /charge");
    let reply = Entry::new(Kind::Send, PAYMENT).peer(CHECKOUT).symbol(reply).extra(201);
    let reply = s.add(reply, first, NONE, "");
    let lost = s.strike(Kind::Drop, (PAYMENT, CHECKOUT), "fault", 1, reply);
    let gave_up = Entry::new(Kind::Timeout, CHECKOUT).peer(PAYMENT);
    let gave_up = s.at(101_204).add(gave_up, charge, lost, "retries");
    let again = s.send(CHECKOUT, PAYMENT, "POST /charge", gave_up);
    let asked = s.at(102_000).deliver(CHECKOUT, PAYMENT, again);
    s.at(102_466).add(Entry::new(Kind::Note, PAYMENT), first, asked, "charges order 7");
    s.finish()
}

fn last(journal: &Journal) -> EventId {
    journal.events().next_back().expect("the journal has events").id()
}

#[track_caller]
fn check(text: impl ToString, expect: Expect) {
    expect.assert_eq(&text.to_string());
}
