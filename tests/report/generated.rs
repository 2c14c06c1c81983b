//! Runs that are written by hand: long ones, and hostile ones.

use bytes::Bytes;
use stormglass::journal::{
    Entry, EventId, Head, Journal, Kind, NodeId, Recorder, Recording, Trace,
};
use stormglass::prelude::*;
use stormglass::seed::Seed;
use stormglass::sim::{End, Outcome, PropertyKind};
use stormglass::time::Time;
use stormglass::topology::{Member, Role, Topology};
use stormglass::verdict::Verdict;

/// What would act, if a page took it for markup.
pub(crate) const HOSTILE: &str = "</script><img src=x onerror=\"alert(1)\">'\"&<!--<script>alert(2)\
                                  </script>\u{202e}drow\0\u{2028}]]>{{7*7}}";

pub(crate) fn run_of(journal: Journal, members: Vec<Member>, outcomes: Vec<Outcome>) -> Run {
    let duration = journal.events().next_back().map_or(Time::ZERO, |last| last.at());
    Run {
        seed: Seed(1),
        variant: String::new(),
        topology: Topology { members },
        plan: FaultPlan::default(),
        plan_given: false,
        tallies: Vec::new(),
        journal,
        outcomes,
        end: End::Finished,
        duration,
        reached: [].into(),
        points: [].into(),
        operations: Vec::new(),
        polls: 0,
        sealed: true,
    }
}

pub(crate) fn member(name: &str, role: Role) -> Member {
    Member {
        name: name.to_owned(),
        replicas: 1,
        replicas_max: 1,
        role,
        calls: [].into(),
        operations: None,
    }
}

/// Requests and their answers, `messages` in all, between a client and seven services in three
/// layers; each 40th is lost and each 60th doubled. The last one is violated.
pub(crate) fn long(messages: u32) -> Run {
    let mut recorder = Recorder::new(Recording::Full);
    let names = ["client", "gateway", "orders", "stock", "payment", "mail", "audit", "ledger"];
    let nodes: Vec<NodeId> = names.iter().map(|name| recorder.add_node(name)).collect();
    let label = recorder.symbol("POST /work");
    let loss = recorder.symbol("loss");
    let mut at = 0;
    let mut last = EventId::NONE;
    for n in 0..messages / 2 {
        let (from, to) = match n % 7 {
            0 => (0, 1),
            k @ 1..=3 => (1, k as usize + 1),
            k => (k as usize - 2, k as usize + 1),
        };
        let (from, to) = (nodes[from], nodes[to]);
        at += 40_000 + u64::from(n * 7_919 % 61) * 1_000;
        let send = Entry::new(Kind::Send, from).peer(to).symbol(label).value(u64::from(n));
        let sent = recorder.append(at, send, last, EventId::NONE);
        recorder.attach_payload(sent, &Bytes::from(format!("{{\"n\":{n}}}")));
        recorder.attach_trace(sent, Trace { id: u128::from(n) + 1, span: 1 });
        recorder.attach_http(sent, EventId::NONE, Head::request("POST", "/work"), true);
        if n % 40 == 39 {
            let drop = Entry::new(Kind::Drop, from).peer(to).symbol(loss);
            recorder.append(at, drop, sent, EventId::NONE);
            continue;
        }
        let deliver = Entry::new(Kind::Deliver, to).peer(from).symbol(label);
        let delivered = recorder.append(at + 25_000, deliver, EventId::NONE, sent);
        if n % 60 == 59 {
            let copied = Entry::new(Kind::Duplicate, from).peer(to).symbol(label);
            let copy = recorder.append(at + 26_000, copied, EventId::NONE, sent);
            recorder.append(at + 30_000, deliver, EventId::NONE, copy);
        }
        let reply = Entry::new(Kind::Send, to).peer(from).symbol(label).extra(200);
        let reply = recorder.append(at + 32_000, reply, delivered, EventId::NONE);
        recorder.attach_http(reply, sent, Head::reply(200), true);
        let back = Entry::new(Kind::Deliver, from).peer(to).symbol(label);
        last = recorder.append(at + 38_000, back, EventId::NONE, reply);
    }
    let property = recorder.symbol("the last answer is right");
    let property = Entry::new(Kind::Property, NodeId::WORLD).symbol(property);
    let event = recorder.append(at + 50_000, property, EventId::NONE, last);
    let outcome = Outcome {
        property: "the last answer is right".to_owned(),
        kind: PropertyKind::Always,
        verdict: Verdict::violated("it is wrong"),
        event,
    };
    let members = names.iter().map(|name| match *name {
        "client" => member(name, Role::Client),
        name => member(name, Role::Service),
    });
    run_of(recorder.finish(), members.collect(), vec![outcome])
}

/// A run in which every text is hostile: names, labels, notes, payloads, properties.
pub(crate) fn hostile() -> Run {
    let mut recorder = Recorder::new(Recording::Full);
    let (a, b) = (recorder.add_node(HOSTILE), recorder.add_node("b<b>"));
    let label = recorder.symbol(&format!("POST /{HOSTILE}"));
    let send = Entry::new(Kind::Send, a).peer(b).symbol(label);
    let sent = recorder.append(1_000, send, EventId::NONE, EventId::NONE);
    recorder.attach_payload(sent, &Bytes::from(HOSTILE));
    recorder.attach_text(sent, HOSTILE.to_owned());
    recorder.attach_http(sent, EventId::NONE, Head::request("POST", HOSTILE), true);
    let deliver = Entry::new(Kind::Deliver, b).peer(a).symbol(label);
    let delivered = recorder.append(900_000, deliver, EventId::NONE, sent);
    let note = recorder.append(950_000, Entry::new(Kind::Note, b), delivered, EventId::NONE);
    recorder.attach_text(note, HOSTILE.to_owned());
    let property = recorder.symbol(HOSTILE);
    let property = Entry::new(Kind::Property, NodeId::WORLD).symbol(property);
    let event = recorder.append(1_000_000, property, EventId::NONE, note);
    let outcome = Outcome {
        property: HOSTILE.to_owned(),
        kind: PropertyKind::Always,
        verdict: Verdict::violated(HOSTILE),
        event,
    };
    let members = vec![member(HOSTILE, Role::Client), member("b<b>", Role::Service)];
    run_of(recorder.finish(), members, vec![outcome])
}
