//! OTLP, Jaeger and Zipkin, out and in again.

use serde_json::Value as Json;
use stormglass::trace::{Link, SpanEvent, Value};

use super::*;

fn exported(tracer: &DistributedTracer, format: Format) -> String {
    let mut out = Vec::new();
    tracer.export(format, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// What survives every format: ids, parents, names, kinds, errors, and the instants to a microsecond.
fn essence(set: &SpanSet, epoch: u64) -> Vec<String> {
    let micros = |time: Time, up: u64| (epoch + time.0 + up) / 1000;
    let mut all: Vec<String> = set
        .spans()
        .map(|span| {
            let (start, end) = (micros(span.start, 0), micros(span.end, 999));
            let ids = (span.trace, span.id, span.parent);
            format!("{ids:x?} {} {} {start}..{end} {}", span.kind, *span, span.is_error())
        })
        .collect();
    all.sort();
    all
}

fn stormy() -> DistributedTracer {
    let faults = [strike(Leg::Reply, 1, Effect::Drop), strike(Leg::Request, 3, Effect::Duplicate)];
    DistributedTracer::of(&run_with(faults, shop(3)).journal)
}

#[test]
fn what_is_written_is_read_again() {
    let tracer = stormy();
    let before = essence(tracer.spans(), tracer.spans().epoch());
    for format in Format::ALL {
        let text = exported(&tracer, format);
        assert_eq!(Format::of("x", &text).unwrap(), format);
        let again = DistributedTracer::import("x", &text, format).unwrap();
        assert_eq!(again.spans().findings(), [], "{format}");
        assert_eq!(essence(again.spans(), 0), before, "{format}");
        // What was read and is written again loses nothing more, but for the numbers of events.
        let twice = DistributedTracer::import("x", &exported(&again, format), format).unwrap();
        assert_eq!(essence(twice.spans(), 0), before, "{format}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for format in Format::ALL {
        assert_eq!(exported(&stormy(), format), exported(&stormy(), format));
    }
}

/// Everything that an attribute can be, and what the formats have no place for.
fn odd() -> Span {
    Span {
        attributes: vec![
            ("not a number".into(), Value::Float(f64::NAN)),
            ("endless".into(), Value::Float(f64::INFINITY)),
            ("half".into(), Value::Float(0.5)),
            ("most".into(), Value::Int(i64::MAX)),
            ("nothing".into(), Value::Empty),
            ("bytes".into(), Value::Bytes(vec![0, 255])),
            ("list".into(), Value::List(vec![1.into(), "a".into()])),
            ("map".into(), Value::Map(vec![("k".into(), true.into())])),
            ("long".into(), "x".repeat(64 << 10).into()),
            ("html".into(), "</script>\u{2028}\"\\".into()),
        ],
        events: vec![SpanEvent {
            at: Time(5),
            name: "it".into(),
            attributes: vec![("n".into(), 1.into())],
        }],
        links: vec![Link { trace: 9, span: 8, attributes: Vec::new() }],
        ..span(1, 0, 0, 10)
    }
}

#[test]
fn odd_values_are_written_so_that_others_read_them() {
    let tracer = DistributedTracer::of_spans(SpanSet::new(vec![odd()], 0));
    let text = exported(&tracer, Format::Otlp);
    assert!(!text.contains("null") && !text.contains("{}"), "{text:.300}");
    let json: Json = serde_json::from_str(&text).unwrap();
    let wire = &json["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    assert_eq!(wire["startTimeUnixNano"], "1700000000000000000", "never an instant 0");
    let value = |key: &str| {
        let all = wire["attributes"].as_array().unwrap();
        all.iter().find(|a| a["key"] == key).map(|a| a["value"].to_string()).unwrap_or_default()
    };
    assert_eq!(value("not a number"), r#"{"stringValue":"NaN"}"#);
    assert_eq!(value("endless"), r#"{"stringValue":"inf"}"#);
    assert_eq!(value("half"), r#"{"doubleValue":0.5}"#);
    assert_eq!(value("most"), r#"{"intValue":"9223372036854775807"}"#);
    assert_eq!(value("nothing"), "");
    assert_eq!(value("bytes"), r#"{"bytesValue":"AP8="}"#);
    let again = DistributedTracer::import_otlp("x", &text).unwrap();
    let kept = again.spans().span(0);
    let same = |key: &str| assert_eq!(kept.attribute(key), odd().attribute(key), "{key}");
    ["half", "most", "bytes", "list", "map", "long", "html"].into_iter().for_each(same);
    assert_eq!(kept.links, odd().links);
    for format in [Format::Jaeger, Format::Zipkin] {
        let text = exported(&tracer, format);
        let again = DistributedTracer::import("x", &text, format).unwrap();
        let kept = again.spans().span(0);
        assert_eq!(kept.attribute("html"), odd().attribute("html"), "{format}");
        assert_eq!(kept.attribute("nothing"), None);
        assert_eq!(kept.events.len(), 1);
    }
}

/// A span of 1 ns keeps within its parent, whose times are cut the other way.
#[test]
fn microseconds_surround() {
    let set = SpanSet::new(vec![span(1, 0, 1_999, 3_001), span(2, 1, 2_999, 3_000)], 1_000_000);
    let tracer = DistributedTracer::of_spans(set);
    for format in [Format::Jaeger, Format::Zipkin] {
        let again = DistributedTracer::import("x", &exported(&tracer, format), format).unwrap();
        let of = |n: u32| again.spans().span(n).get().clone();
        assert_eq!((of(0).start.0, of(0).end.0), (1_001_000, 1_004_000));
        assert_eq!((of(1).start.0, of(1).end.0), (1_002_000, 1_003_000));
    }
}

/// As B3 propagation has it: the callee takes its caller's id.
#[test]
fn shared_ids_of_zipkin_are_parted() {
    let text = r#"[
        {"traceId": "1", "id": "2", "kind": "CLIENT", "timestamp": 1, "duration": 9,
         "localEndpoint": {"serviceName": "a"}},
        {"traceId": "1", "id": "2", "kind": "SERVER", "shared": true, "timestamp": 2, "duration": 5,
         "localEndpoint": {"serviceName": "b"}},
        {"traceId": "1", "id": "3", "parentId": "2", "timestamp": 3, "duration": 1,
         "localEndpoint": {"serviceName": "b"}}
    ]"#;
    let tracer = DistributedTracer::import("x", text, Format::Zipkin).unwrap();
    assert_eq!(tracer.spans().findings(), []);
    let services = |span: SpanRef<'_>| span.service.to_string();
    let parents: Vec<_> = tracer.spans().spans().map(|s| s.parent().map(services)).collect();
    assert_eq!(parents, [None, Some("a".into()), Some("b".into())]);
    assert_eq!(tracer.spans().span(2).parent().unwrap().kind, SpanKind::Server);
}
