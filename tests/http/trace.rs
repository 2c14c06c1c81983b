//! W3C Trace Context: made where there is none, passed on, kept where it is given.

use super::*;

/// Trace id and span id of a request.
fn traceparent(headers: &HeaderMap) -> (String, String) {
    let text = headers["traceparent"].to_str().unwrap();
    let parts: Vec<&str> = text.split('-').collect();
    assert_eq!((parts.len(), parts[0], parts[3]), (4, "00", "01"), "{text}");
    (parts[1].to_owned(), parts[2].to_owned())
}

type Seen = Arc<Mutex<Vec<(String, String, String)>>>;

/// A client, two hops, and what each hop saw: node, trace id, span id.
fn seen(given: Option<&'static str>) -> Vec<(String, String, String)> {
    let seen = Seen::default();
    let shared = seen.clone();
    let world = move |sim: &mut Sim| {
        for (name, next) in [("first", Some("http://second/")), ("second", None)] {
            let seen = shared.clone();
            sim.service(name, move |ctx: Ctx| {
                let seen = seen.clone();
                let handle = move |headers: HeaderMap| async move {
                    let (trace, span) = traceparent(&headers);
                    seen.lock().unwrap().push((ctx.name(), trace, span));
                    if let Some(next) = next {
                        // A task that the handler makes works for the same trace.
                        let call = ctx.http().get(next);
                        ctx.spawn(async move { call.send().await.unwrap() }).await.unwrap();
                    }
                };
                Router::new().route("/", get(handle))
            });
        }
        client(sim, move |ctx| async move {
            for _ in 0..2 {
                let call = ctx.http().get("http://first/");
                let call = match given {
                    Some(given) => call.header("traceparent", given),
                    None => call,
                };
                call.send().await.unwrap();
            }
        });
    };
    run_with([], world);
    let seen = seen.lock().unwrap();
    seen.clone()
}

#[test]
fn a_trace_is_made_and_passed_on_through_two_hops() {
    let seen = seen(None);
    let nodes: Vec<&str> = seen.iter().map(|(node, ..)| node.as_str()).collect();
    assert_eq!(nodes, ["first", "second", "first", "second"]);
    let traces: Vec<&str> = seen.iter().map(|(_, trace, _)| trace.as_str()).collect();
    assert_eq!(traces[0], traces[1], "one trace");
    assert_eq!(traces[2], traces[3]);
    assert_ne!(traces[0], traces[2], "the second request has its own");
    let spans: std::collections::BTreeSet<&String> = seen.iter().map(|(.., span)| span).collect();
    assert_eq!(spans.len(), 4, "each request is a span");
}

#[test]
fn a_given_trace_is_kept() {
    let seen = seen(Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
    for (node, trace, span) in seen {
        assert_eq!(trace, "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(span == "00f067aa0ba902b7", node == "first");
    }
}

/// Upper case is not valid: the next hop begins a trace of its own.
#[test]
fn a_trace_that_is_not_valid_is_not_passed_on() {
    let seen = seen(Some("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"));
    assert_eq!(seen.len(), 4);
    for (node, trace, _) in seen {
        let is_given = trace.eq_ignore_ascii_case("4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(is_given, node == "first", "{node} {trace}");
    }
}
