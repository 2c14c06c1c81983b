//! The critical path tiles what it explains.

use proptest::prelude::*;
use stormglass::trace::{ErrorRole, errors};

use super::*;

/// The segments of a path: span, start, end.
fn segments(spans: Vec<Span>) -> Vec<(u64, u64, u64)> {
    let set = SpanSet::new(spans, 0);
    let path = CriticalPath::of(&set, 0);
    let of = |s: &stormglass::trace::Segment| (set.span(s.span).id, s.start.0, s.end.0);
    path.segments.iter().map(of).collect()
}

#[test]
fn a_child_that_ends_as_the_next_begins_was_waited_for() {
    let path = segments(vec![span(1, 0, 0, 100), span(2, 1, 0, 50), span(3, 1, 50, 100)]);
    assert_eq!(path, [(2, 0, 50), (3, 50, 100)]);
}

#[test]
fn of_two_at_once_the_last_was_waited_for() {
    let path = segments(vec![span(1, 0, 0, 100), span(2, 1, 10, 50), span(3, 1, 20, 60)]);
    assert_eq!(path, [(1, 0, 20), (3, 20, 60), (1, 60, 100)]);
}

#[test]
fn a_producer_does_not_wait_for_its_consumer() {
    let producer = Span { kind: SpanKind::Producer, ..span(1, 0, 0, 100) };
    let consumer = Span { kind: SpanKind::Consumer, ..span(2, 1, 10, 50) };
    assert_eq!(segments(vec![producer, consumer]), [(1, 0, 100)]);
}

#[test]
fn an_instant_has_no_path() {
    assert_eq!(segments(vec![span(1, 0, 5, 5), span(2, 1, 5, 5)]), []);
}

#[test]
fn a_child_that_takes_no_time_splits_nothing() {
    let spans =
        vec![span(1, 0, 0, 100), span(2, 1, 30, 30), span(3, 1, 60, 70), span(4, 1, 70, 70)];
    assert_eq!(segments(spans), [(1, 0, 60), (3, 60, 70), (1, 70, 100)]);
}

/// A chain is walked without recursion.
#[test]
fn a_hundred_thousand_deep() {
    let spans = (1..=100_000).map(|id| span(id, id - 1, id, 300_000 - id)).collect();
    let path = segments(spans);
    assert_eq!(path.len(), 2 * 100_000 - 1);
}

#[test]
fn errors_come_from_somewhere_and_end_somewhere() {
    let failed = |span: Span| Span { status: Status::Error("no".into()), ..span };
    let spans = vec![
        span(1, 0, 0, 100),
        failed(span(2, 1, 0, 90)),
        failed(span(3, 2, 10, 50)),
        span(4, 1, 50, 60),
    ];
    let set = SpanSet::new(spans, 0);
    let roles: Vec<_> = errors(set.traces().next().unwrap())
        .into_iter()
        .map(|error| (set.span(error.span).id, error.role))
        .collect();
    let expected =
        [(1, ErrorRole::Stopped), (2, ErrorRole::Propagated), (3, ErrorRole::Originated)];
    assert_eq!(roles, expected);
}

/// Trees of spans, children in and out of their parents' times.
fn any_tree() -> impl Strategy<Value = Vec<Span>> {
    let one = (any::<prop::sample::Index>(), 0..120u64, 0..120u64, 0..5usize);
    prop::collection::vec(one, 1..60).prop_map(|parts| {
        let mut spans = Vec::new();
        for (n, (parent, a, b, kind)) in parts.into_iter().enumerate() {
            let parent = if n == 0 { 0 } else { parent.index(n) as u64 + 1 };
            let one = span(n as u64 + 1, parent, a.min(b), a.max(b));
            spans.push(Span { kind: SpanKind::ALL[kind], ..one });
        }
        spans
    })
}

proptest! {
    #[test]
    fn segments_tile_the_root(spans in any_tree()) {
        let set = SpanSet::new(spans, 0);
        let root = set.span(0);
        let path = CriticalPath::of(&set, 0);
        let mut at = root.start;
        for segment in &path.segments {
            prop_assert_eq!(segment.start, at, "no gap and no overlap");
            prop_assert!(segment.end > segment.start);
            let span = set.span(segment.span);
            prop_assert!(span.start <= segment.start && segment.end <= span.end);
            at = segment.end;
        }
        prop_assert_eq!(at, root.end);
        prop_assert_eq!(path.total(), root.duration());
        prop_assert_eq!(path.by_operation(&set).values().sum::<Duration>(), root.duration());
    }

    /// In every instant of a segment no child of its span was waited for that could have been: one that
    /// ends in the segment's inside would be.
    #[test]
    fn no_child_ends_within_a_segment(spans in any_tree()) {
        let set = SpanSet::new(spans, 0);
        for segment in CriticalPath::of(&set, 0).segments {
            let span = set.span(segment.span);
            for child in span.children() {
                let waited = !(span.kind == SpanKind::Producer && child.kind == SpanKind::Consumer);
                let inside = child.end > segment.start && child.end < segment.end;
                prop_assert!(!(waited && inside && child.start < child.end));
            }
        }
    }
}
