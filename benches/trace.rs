//! Spans of a journal of a million events, and what is asked of them.

use divan::Bencher;
use divan::counter::ItemsCount;
use stormglass::journal::{Entry, EventId, Head, Journal, Kind, NodeId, Recorder, Recording};
use stormglass::trace::{DistributedTracer, Format, Trace};

/// Four events a call, and two calls a trace.
const EVENTS: u32 = 1_000_000;

/// A shopper orders, and the shop asks the payment before it answers.
fn orders() -> Journal {
    let mut recorder = Recorder::new(Recording::Full);
    let nodes = ["shopper", "shop", "payment"].map(|name| recorder.add_node(name));
    let labels = ["POST /orders", "POST /charge"].map(|label| recorder.symbol(label));
    let mut at = 0;
    for n in 0..u64::from(EVENTS / 8) {
        let mut add =
            |kind, from: NodeId, to, label: usize, cause, trace: Option<u64>, status: u16| {
                at += 1_000;
                let entry = Entry::new(kind, from).peer(to).symbol(labels[label]);
                let entry = entry.value(n).extra(status.into());
                let id = recorder.append(at, entry, EventId::NONE, cause);
                if let Some(span) = trace {
                    let trace = stormglass::journal::Trace { id: u128::from(n) + 1, span };
                    recorder.attach_trace(id, trace);
                    recorder.attach_http(id, EventId::NONE, Head::request("POST", "/"), true);
                }
                if status > 0 {
                    recorder.attach_http(
                        id,
                        EventId(id.0 - 2 - 4 * (1 - label as u32)),
                        Head::reply(status),
                        true,
                    );
                }
                id
            };
        let [shopper, shop, payment] = nodes;
        let none = EventId::NONE;
        let asked = add(Kind::Send, shopper, shop, 0, none, Some(2 * n + 1), 0);
        let asked = add(Kind::Deliver, shop, shopper, 0, asked, None, 0);
        let charge = add(Kind::Send, shop, payment, 1, asked, Some(2 * n + 2), 0);
        let charge = add(Kind::Deliver, payment, shop, 1, charge, None, 0);
        let paid = add(Kind::Send, payment, shop, 1, charge, None, 201);
        let paid = add(Kind::Deliver, shop, payment, 1, paid, None, 0);
        let done = add(Kind::Send, shop, shopper, 0, paid, None, 200);
        add(Kind::Deliver, shopper, shop, 0, done, None, 0);
    }
    recorder.finish()
}

#[divan::bench(sample_count = 5)]
fn spans_of_a_journal(bencher: Bencher<'_, '_>) {
    let journal = orders();
    let tracer = DistributedTracer::of(&journal);
    assert_eq!(tracer.spans().len() as u32, EVENTS / 2, "two spans a call");
    assert!(tracer.spans().findings().is_empty(), "{}", tracer.spans().findings()[0]);
    bencher.counter(ItemsCount::new(EVENTS)).bench(|| DistributedTracer::of(&journal));
}

#[divan::bench(sample_count = 5)]
fn critical_paths_errors_and_traffic(bencher: Bencher<'_, '_>) {
    let tracer = DistributedTracer::of(&orders());
    bencher.counter(ItemsCount::new(EVENTS)).bench(|| {
        let length = |trace: Trace<'_>| tracer.critical_path(trace).segments.len();
        let segments: usize = tracer.traces().map(length).sum();
        (segments, tracer.errors().len(), tracer.topology().edges().count())
    });
}

#[divan::bench(args = ["otlp", "jaeger", "zipkin"], sample_count = 5)]
fn export(bencher: Bencher<'_, '_>, format: &str) {
    let tracer = DistributedTracer::of(&orders());
    let format: Format = format.parse().expect("there is such a format");
    bencher.counter(ItemsCount::new(EVENTS)).bench(|| {
        tracer.export(format, &mut std::io::sink()).expect("a sink takes everything");
    });
}
