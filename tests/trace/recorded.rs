//! What a journal's spans are, and whose parts.

use super::*;

#[track_caller]
fn check(faults: impl IntoIterator<Item = Fault>, world: impl Fn(&mut Sim), expect: Expect) {
    let run = run_with(faults, world);
    let tracer = DistributedTracer::of(&run.journal);
    expect.assert_eq(&trees(&tracer));
    for trace in tracer.traces() {
        let path = tracer.critical_path(trace);
        assert_eq!(path.total(), trace.root().duration(), "the path is the latency");
    }
    let problems: Vec<_> = tracer.spans().findings().iter().map(|f| f.kind.name()).collect();
    assert!(problems.iter().all(|problem| *problem == "unfinished"), "{problems:?}");
}

#[test]
fn a_request_is_a_client_and_a_server_span() {
    check(
        [],
        shop(1),
        expect![[r#"
        client [shopper] POST /orders 0.000 ms..7.000 ms
          server [checkout] POST /orders 1.000 ms..6.000 ms
            client [checkout] POST /charge 1.000 ms..6.000 ms
              server [payment] POST /charge 2.000 ms..5.000 ms
    "#]],
    );
}

#[test]
fn a_lost_reply_is_an_event_and_a_retry_is_linked() {
    check(
        [strike(Leg::Reply, 1, Effect::Drop)],
        shop(1),
        expect![[r#"
        client [shopper] POST /orders 0.000 ms..57.000 ms
          server [checkout] POST /orders 1.000 ms..56.000 ms
            client [checkout] POST /charge 1.000 ms..51.000 ms failed: timeout
              - 5.000 ms message dropped sim.leg=reply sim.reason=fault sim.fault=0
              - 51.000 ms failed error.type=timeout
              server [payment] POST /charge 2.000 ms..5.000 ms
            client [checkout] POST /charge 51.000 ms..56.000 ms http.request.resend_count=1
              - 51.000 ms retry sim.attempt=2
              server [payment] POST /charge 52.000 ms..55.000 ms
    "#]],
    );
}

#[test]
fn a_lost_request_has_no_server_span() {
    check(
        [strike(Leg::Request, 1, Effect::Drop)],
        shop(1),
        expect![[r#"
        client [shopper] POST /orders 0.000 ms..57.000 ms
          server [checkout] POST /orders 1.000 ms..56.000 ms
            client [checkout] POST /charge 1.000 ms..51.000 ms failed: timeout
              - 1.000 ms message dropped sim.leg=request sim.reason=fault sim.fault=0
              - 51.000 ms failed error.type=timeout
            client [checkout] POST /charge 51.000 ms..56.000 ms http.request.resend_count=1
              - 51.000 ms retry sim.attempt=2
              server [payment] POST /charge 52.000 ms..55.000 ms
    "#]],
    );
}

#[test]
fn a_doubled_request_has_two_server_spans() {
    check(
        [strike(Leg::Request, 1, Effect::Duplicate)],
        shop(1),
        expect![[r#"
        client [shopper] POST /orders 0.000 ms..7.000 ms
          server [checkout] POST /orders 1.000 ms..6.000 ms
            client [checkout] POST /charge 1.000 ms..6.000 ms
              - 1.000 ms fault struck sim.leg=request sim.fault=0
              - 1.000 ms message doubled sim.leg=request
              - 6.000 ms late reply
              server [payment] POST /charge 2.000 ms..5.000 ms
              server [payment] POST /charge 2.000 ms..5.000 ms sim.delivery=2
    "#]],
    );
}

#[test]
fn a_reset_is_an_error() {
    check(
        [strike(Leg::Request, 1, Effect::Reset)],
        shop(1),
        expect![[r#"
        client [shopper] POST /orders 0.000 ms..7.000 ms
          server [checkout] POST /orders 1.000 ms..6.000 ms
            client [checkout] POST /charge 1.000 ms..1.000 ms failed: reset
              - 1.000 ms failed error.type=reset
            client [checkout] POST /charge 1.000 ms..6.000 ms http.request.resend_count=1
              - 1.000 ms retry sim.attempt=2
              server [payment] POST /charge 2.000 ms..5.000 ms
    "#]],
    );
}

#[test]
fn a_crash_ends_what_was_worked_on() {
    let crash = Fault::Crash { node: "payment".into(), at: ms(4), lasts: Some(ms(20)) };
    check(
        [crash],
        shop(1),
        expect![[r#"
        client [shopper] POST /orders 0.000 ms..8.000 ms failed: status 502
          server [checkout] POST /orders 1.000 ms..7.000 ms failed: status 502
            client [checkout] POST /charge 1.000 ms..5.000 ms failed: reset
              - 5.000 ms failed error.type=reset
              server [payment] POST /charge 2.000 ms..4.000 ms failed: crash
            client [checkout] POST /charge 5.000 ms..7.000 ms failed: refused http.request.resend_count=1
              - 5.000 ms retry sim.attempt=2
              - 6.000 ms message dropped sim.leg=request sim.reason=process is down
              - 7.000 ms failed error.type=refused
    "#]],
    );
}

/// What a node works on when it is asked to stop ends as ever.
#[test]
fn a_graceful_stop_ends_nothing_that_still_runs() {
    let stop = Fault::Stop { node: "checkout".into(), at: ms(3), lasts: Some(ms(20)) };
    check(
        [stop],
        shop(1),
        expect![[r#"
        client [shopper] POST /orders 0.000 ms..7.000 ms
          server [checkout] POST /orders 1.000 ms..6.000 ms
            client [checkout] POST /charge 1.000 ms..6.000 ms
              server [payment] POST /charge 2.000 ms..5.000 ms
    "#]],
    );
}

/// A handler that begins a trace of its own: the header says nothing of whom it works for.
#[test]
fn without_the_context_causality_tells() {
    let world = |sim: &mut Sim| {
        sim.links(LinkProfile::with_delay(ms(1)));
        sim.service("second", |_: Ctx| Router::new().route("/", post(|| async { "done" })));
        sim.service("first", |ctx: Ctx| {
            let pass = move || async move {
                let mine = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
                let call = ctx.http().post("http://second/").header("traceparent", mine);
                call.send().await.unwrap().text()
            };
            Router::new().route("/", post(pass))
        });
        sim.client("client", |ctx| async move {
            ctx.http().post("http://first/").send().await.map(drop)
        });
    };
    check(
        [],
        world,
        expect![[r#"
        client [client] POST / 0.000 ms..4.000 ms
          server [first] POST / 1.000 ms..3.000 ms
            client [first] POST / 1.000 ms..3.000 ms sim.parent=causality
              server [second] POST / 2.000 ms..2.000 ms
    "#]],
    );
}

/// Two requests at once: each has its own children, whoever is answered first.
#[test]
fn requests_at_once_are_told_apart() {
    let world = |sim: &mut Sim| {
        shop(0)(sim);
        sim.client("both", |ctx| async move {
            let order = |n: u32| {
                let http = ctx.http();
                async move { http.post("http://checkout/orders").body(n.to_string()).send().await }
            };
            let (a, b) = futures::future::join(order(1), order(2)).await;
            a.and(b).map(drop)
        });
    };
    check(
        [],
        world,
        expect![[r#"
        client [both] POST /orders 0.000 ms..7.000 ms
          server [checkout] POST /orders 1.000 ms..6.000 ms
            client [checkout] POST /charge 1.000 ms..6.000 ms
              server [payment] POST /charge 2.000 ms..5.000 ms
        client [both] POST /orders 0.000 ms..7.000 ms
          server [checkout] POST /orders 1.000 ms..6.000 ms
            client [checkout] POST /charge 1.000 ms..6.000 ms
              server [payment] POST /charge 2.000 ms..5.000 ms
    "#]],
    );
}

#[test]
fn spans_of_tracing_are_internal() {
    let world = |sim: &mut Sim| {
        sim.links(LinkProfile::with_delay(ms(1)));
        sim.service("server", |ctx: Ctx| {
            let work = move || async move {
                let span = tracing::info_span!("reserve", item = 7);
                ctx.sleep(ms(2)).await;
                tracing::info!("reserved");
                drop(span);
                ctx.sleep(ms(1)).await;
                "done"
            };
            Router::new().route("/", post(work))
        });
        sim.client("client", |ctx| async move {
            ctx.http().post("http://server/").send().await.map(drop)
        });
    };
    check(
        [],
        world,
        expect![[r#"
        client [client] POST / 0.000 ms..5.000 ms
          server [server] POST / 1.000 ms..4.000 ms
            internal [server] reserve 1.000 ms..3.000 ms
              - 3.000 ms log log.body=INFO reserved
    "#]],
    );
}

#[test]
fn replicas_are_one_service() {
    let world = |sim: &mut Sim| {
        let service = |_: Ctx| Router::new().route("/", post(|| async { "done" }));
        sim.service("server", service).replicas(2);
        sim.client("client", |ctx| async move {
            for _ in 0..2 {
                ctx.http().post("http://server/").send().await?;
            }
            Ok::<(), stormglass::service::HttpError>(())
        });
    };
    let run = run_with([], world);
    let tracer = DistributedTracer::of(&run.journal);
    let servers = tracer.spans().spans().filter(|span| span.kind == SpanKind::Server);
    let who: Vec<_> = servers
        .map(|span| (span.service.to_string(), span.attribute("service.instance.id").cloned()))
        .collect();
    let replica = |name: &str| ("server".to_owned(), Some(name.into()));
    assert_eq!(who, [replica("server-0"), replica("server-1")]);
}

#[test]
fn a_journal_without_events_has_no_spans() {
    let config =
        RunConfig { recording: stormglass::journal::Recording::Digest, ..RunConfig::seed(1) };
    let tracer = DistributedTracer::of(&run(&shop(1), &config).journal);
    assert!(tracer.spans().is_empty());
    let flow = stormglass::trace::Flow::new().exists("orders", Pattern::operation("POST /orders"));
    assert!(matches!(tracer.check(&flow), Verdict::Unknown(_)), "nothing was seen");
}
