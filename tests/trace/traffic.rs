//! Who calls whom.

use super::*;

#[track_caller]
fn check(tracer: &DistributedTracer, expect: Expect) {
    let mut text = String::new();
    let traffic = tracer.topology();
    for edge in traffic.edges() {
        let calls = edge.calls;
        let (median, most) = (calls.quantile(0.5), calls.slowest());
        let _ = writeln!(
            text,
            "{} -> {}: {}, {median:?}, {most:?}",
            edge.caller,
            edge.callee,
            calls.words().join(", ")
        );
    }
    expect.assert_eq(&text);
}

#[test]
fn edges_count_calls_errors_and_losses() {
    let faults = [
        strike(Leg::Request, 1, Effect::Drop),
        strike(Leg::Reply, 2, Effect::Duplicate),
        strike(Leg::Reply, 3, Effect::Drop),
    ];
    let tracer = DistributedTracer::of(&run_with(faults, shop(3)).journal);
    check(
        &tracer,
        expect![[r#"
            checkout -> payment: 5 calls, 2 errors, 1 lost, 1 reply lost, 1 doubled, 2 timed out, 5ms, 50ms
            shopper -> checkout: 3 calls, 57ms, 57ms
        "#]],
    );
    let dot = tracer.topology().to_dot();
    assert!(dot.contains("\"checkout\" -> \"payment\""), "{dot}");
}

#[test]
fn circles_are_found() {
    let of = |id, parent, service: &str| Span { service: service.into(), ..span(id, parent, 0, 9) };
    let spans = vec![of(1, 0, "a"), of(2, 1, "b"), of(3, 2, "c"), of(4, 3, "b")];
    let tracer = DistributedTracer::of_spans(SpanSet::new(spans, 0));
    assert_eq!(tracer.topology().circles(), [["b", "c"]]);
}
