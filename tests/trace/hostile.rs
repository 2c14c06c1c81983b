//! Files that are broken, odd or meant to harm.

use stormglass::trace::FindingKind;

use super::*;

#[track_caller]
fn refused(format: Format, text: &str, expect: Expect) {
    let error = DistributedTracer::import("t.json", text, format).unwrap_err();
    expect.assert_eq(&error.to_string());
}

fn otlp(span: &str) -> String {
    format!("{{\"resourceSpans\": [{{\"scopeSpans\": [{{\"spans\": [\n{span}\n]}}]}}]}}")
}

#[test]
fn what_is_wrong_has_its_line() {
    let id = "\"traceId\": \"5b8efff798038103d269b633813fc60c\"";
    refused(Format::Otlp, "", expect!["t.json:1: the file is empty"]);
    refused(Format::Otlp, "{\n\"resourceSpans\": [", expect!["t.json:2: EOF while parsing a list"]);
    refused(
        Format::Otlp,
        &otlp("{\"traceId\": \"5b8e\"}"),
        expect!["t.json:2: `5b8e` is no id: 32 hexadecimal digits, not all zero"],
    );
    refused(Format::Otlp, &otlp(&format!("{{{id}}}")), expect!["t.json:2: missing field `spanId`"]);
    refused(
        Format::Otlp,
        &otlp(&format!("{{{id}, \"spanId\": \"0000000000000000\"}}")),
        expect!["t.json:2: `0000000000000000` is no id: 16 hexadecimal digits, not all zero"],
    );
    let late = "\"spanId\": \"eee19b7ec3c1b174\", \"startTimeUnixNano\": \"-5\"";
    refused(
        Format::Otlp,
        &otlp(&format!("{{{id}, {late}}}")),
        expect!["t.json:2: a time was expected, from 0 to 2^64 ns"],
    );
    refused(
        Format::Jaeger,
        "{\"data\": [{\"spans\": [{\"traceID\": \"1\"}]}]}",
        expect!["t.json:1: missing field `spanID`"],
    );
    refused(
        Format::Jaeger,
        "{\"data\": [{\"spans\": [{\"traceID\": \"1\", \"spanID\": \"2\", \"startTime\": -1}]}]}",
        expect!["t.json:1: a time of 0 us or more was expected"],
    );
    refused(
        Format::Zipkin,
        "[{\"traceId\": 7}]",
        expect!["t.json:1: invalid type: integer `7`, expected a string"],
    );
    let error = Format::of("m.json", "{\"resourceMetrics\": []}").unwrap_err();
    expect!["m.json:1: it holds metrics, not spans; `resourceSpans` (OTLP), `data` (Jaeger) or a list (Zipkin) was expected"].assert_eq(&error.to_string());
}

#[test]
fn a_deep_text_is_refused_and_no_stack_overflows() {
    let deep = format!("{{\"resourceSpans\": {}", "[".repeat(200_000));
    assert!(Format::of("x", &deep).is_err());
    assert!(DistributedTracer::import_otlp("x", &deep).is_err());
    let value = "{\"arrayValue\":{\"values\":[".repeat(5_000);
    let span = format!(
        "{{\"traceId\": \"5b8efff798038103d269b633813fc60c\", \"spanId\": \"eee19b7ec3c1b174\", \
         \"attributes\": [{{\"key\": \"a\", \"value\": {value}"
    );
    assert!(DistributedTracer::import_otlp("x", &otlp(&span)).is_err());
}

#[test]
fn every_beginning_of_a_file_is_refused_or_read() {
    let tracer = DistributedTracer::of(&run_with([], shop(1)).journal);
    for format in Format::ALL {
        let mut text = Vec::new();
        tracer.export(format, &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let last = text.trim_end().len();
        for end in (0..last).step_by(97) {
            assert!(
                DistributedTracer::import("x", &text[..end], format).is_err(),
                "{format} {end}"
            );
        }
    }
}

/// What findings a set has, of which spans.
fn findings(spans: Vec<Span>) -> Vec<(FindingKind, u64)> {
    let set = SpanSet::new(spans, 0);
    let all: usize = set.traces().map(|trace| trace.spans().len()).sum();
    assert_eq!(all, set.len(), "every span is in a trace");
    for span in set.spans() {
        let path = CriticalPath::of(&set, span.index());
        assert_eq!(path.total(), span.duration());
    }
    let below: usize = set.spans().map(|span| span.children().len()).sum();
    let roots: usize = set.traces().map(|trace| trace.roots().count()).sum();
    assert_eq!(below + roots, set.len(), "every span is a root or a child");
    set.findings().iter().map(|finding| (finding.kind, finding.span)).collect()
}

#[test]
fn odd_trees_are_named_and_mended() {
    assert_eq!(findings(vec![span(1, 1, 0, 5)]), [(FindingKind::Cycle, 1)]);
    let ring = vec![span(1, 3, 0, 5), span(2, 1, 0, 5), span(3, 2, 0, 5), span(4, 3, 1, 2)];
    assert_eq!(findings(ring), [(FindingKind::Cycle, 1)]);
    let rings = vec![span(5, 6, 0, 1), span(6, 5, 0, 1), span(7, 8, 0, 1), span(8, 7, 0, 1)];
    assert_eq!(findings(rings), [(FindingKind::Cycle, 5), (FindingKind::Cycle, 7)]);
    assert_eq!(findings(vec![span(1, 9, 0, 5)]), [(FindingKind::Orphan, 1)]);
    let twice = vec![span(1, 0, 0, 5), span(1, 0, 0, 5), span(2, 1, 0, 5)];
    assert_eq!(findings(twice), [(FindingKind::DuplicateId, 1)]);
    assert_eq!(findings(vec![span(1, 0, 5, 0)]), [(FindingKind::EndsBeforeStart, 1)]);
}

#[test]
fn times_at_the_edges_do_not_overflow() {
    let last = Span { start: Time(u64::MAX - 1), end: Time::MAX, ..span(1, 0, 0, 0) };
    let tracer = DistributedTracer::of_spans(SpanSet::new(vec![last], u64::MAX));
    for format in Format::ALL {
        tracer.export(format, &mut Vec::new()).unwrap();
    }
    let text = "[{\"traceId\": \"1\", \"id\": \"2\", \"timestamp\": 18446744073709551615, \
                \"duration\": 18446744073709551615}]";
    let tracer = DistributedTracer::import("x", text, Format::Zipkin).unwrap();
    assert_eq!(tracer.spans().len(), 1);
}

/// A fan of that many children, and a chain: nothing takes the square of it.
#[test]
fn three_hundred_thousand_children() {
    let many = 300_000;
    let fan = (2..many).map(|id| span(id, 1, id, id + 1));
    let spans: Vec<Span> = std::iter::once(span(1, 0, 0, many + 1)).chain(fan).collect();
    let set = SpanSet::new(spans, 0);
    assert_eq!(CriticalPath::of(&set, 0).segments.len() as u64, many);
    assert_eq!(DistributedTracer::of_spans(set).topology().services().count() as u64, many - 1);
}
