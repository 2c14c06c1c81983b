//! What is read from the bytes, and faults that name it: requests, responses, connections, bytes.

use std::fmt::Write as _;

use axum::Router;
use axum::routing::{get, post};
use expect_test::expect;
use futures::future::join;
use stormglass::journal::{Kind, message_ordinals};

use super::grpc::{self, Client};
use super::*;

fn fault(toml: &str) -> Fault {
    toml::from_str(toml).unwrap()
}

/// A fault of the n-th reply, or request, to `Double`.
fn double(n: u64, leg: &str, effect: &str) -> Fault {
    fault(&format!(
        r#"
        kind = "message"
        from = "client"
        to = "server"
        label = "POST /arithmetic.Arithmetic/Double"
        n = {n}
        leg = "{leg}"
        effect = "{effect}"
        "#
    ))
}

/// Doubles 5, 6 and 7, one after another, each within a second.
fn doubles(sim: &mut Sim) {
    calm(sim);
    sim.program("server", grpc::serve);
    sim.program("client", || async {
        tokio::time::sleep(ms(10)).await;
        let mut client = Client::new();
        for value in 5..8 {
            match client.double(value, secs(1)).await {
                Ok(value) => tell(value),
                Err(status) => tell(format_args!("{:?}: {}", status.code(), status.message())),
            }
        }
    })
    .drives();
}

/// Strikes the calls of a world, each fault at least once, and compares what the client told.
#[track_caller]
fn check(world: fn(&mut Sim), faults: Vec<Fault>, expected: Expect) -> Run {
    let run = twice(&world, &RunConfig::seed(1).plan(FaultPlan::new(faults)));
    assert!(run.verdict().holds(), "{}\n{}", run.verdict(), run.journal.story());
    assert!(run.idle_faults().is_empty(), "{:?}\n{}", run.tallies, run.journal.story());
    expected.assert_eq(&told(&run));
    run
}

#[test]
fn a_story_tells_of_calls_their_statuses_and_their_ends() {
    let world = |sim: &mut Sim| {
        calm(sim);
        sim.program("server", grpc::serve);
        sim.program("client", || async {
            tokio::time::sleep(ms(10)).await;
            let mut client = Client::new();
            assert!(client.double(u64::MAX, ms(3)).await.is_err());
            let (mut one, mut other) = (client.clone(), client.clone());
            let (one, other) = join(one.double(5, secs(1)), other.double(6, secs(1))).await;
            assert_eq!((one?, other?), (10, 12));
            let mut numbers = client.count_to(2).await?;
            while numbers.message().await?.is_some() {}
            Ok::<(), tonic::Status>(())
        })
        .drives();
    };
    let run = twice(&world, &RunConfig::seed(1));
    assert!(run.verdict().holds(), "{}\n{}", run.verdict(), run.journal.story());
    expect![[r#"
        time             node    what
              12.000 ms  client  -> server  conn #1, 24 B  (HTTP/2)
              12.000 ms  client  -> server  conn #1, 46 B  (SETTINGS, WINDOW_UPDATE)
              12.000 ms  client  -> server  POST /arithmetic.Arithmetic/Double
              12.000 ms  client  -> server  conn #1, 34 B  (DATA)
              13.000 ms  server  -> client  conn #1, 27 B  (SETTINGS)
              13.000 ms  server  -> client  conn #1, 13 B  (WINDOW_UPDATE)
              13.000 ms  server  -> client  conn #1, 9 B  (SETTINGS)
              14.000 ms  client  -> server  conn #1, 9 B  (SETTINGS)
              15.000 ms  client  -> server  conn #1, 13 B  (RST_STREAM CANCEL of POST /arithmetic.Arithmetic/Double)
              15.000 ms  client  -> server  POST /arithmetic.Arithmetic/Double
              15.000 ms  client  -> server  POST /arithmetic.Arithmetic/Double
              15.000 ms  client  -> server  conn #1, 50 B  (DATA)
              16.000 ms  server  -> client  200  (POST /arithmetic.Arithmetic/Double, grpc-status 1)
              21.000 ms  server  -> client  200  (POST /arithmetic.Arithmetic/Double, grpc-status 0)
              22.000 ms  server  -> client  200  (grpc-status 0)
              23.000 ms  client  -> server  POST /arithmetic.Arithmetic/CountTo
              23.000 ms  client  -> server  conn #1, 25 B  (DATA)
              24.000 ms  server  -> client  200
              34.000 ms  server  -> client  conn #1, 16 B  (DATA)
              44.000 ms  server  -> client  conn #1, 26 B  (grpc-status 0 of POST /arithmetic.Arithmetic/CountTo, DATA)
              45.000 ms  world   chaos ends, all is healed
              45.000 ms  world   the world ends: finished
    "#]].assert_eq(&run.journal.story().to_string());
    let mut names = String::new();
    for name in message_ordinals(&run.journal).values().filter(|name| name.label.contains('/')) {
        writeln!(names, "{name}").unwrap();
    }
    expect![[r#"
        client -> server "POST /arithmetic.Arithmetic/Double" #1
        client -> server "POST /arithmetic.Arithmetic/Double" #2
        client -> server "POST /arithmetic.Arithmetic/Double" #3
        client -> server "POST /arithmetic.Arithmetic/Double" #1 reply
        client -> server "POST /arithmetic.Arithmetic/Double" #2 reply
        client -> server "POST /arithmetic.Arithmetic/Double" #3 reply
        client -> server "POST /arithmetic.Arithmetic/CountTo" #1
        client -> server "POST /arithmetic.Arithmetic/CountTo" #1 reply
    "#]]
    .assert_eq(&names);
}

#[test]
fn a_call_is_struck_by_its_name() {
    check(
        doubles,
        vec![double(2, "reply", "reset")],
        expect![[r#"
        19.000 ms client 10
        27.000 ms client Unknown: transport error
        38.000 ms client 14
    "#]],
    );
    check(
        doubles,
        vec![double(2, "request", "delay 300ms")],
        expect![[r#"
        19.000 ms client 10
        327.000 ms client 12
        336.000 ms client 14
    "#]],
    );
    check(
        doubles,
        vec![double(2, "request", "drop")],
        expect![[r#"
        19.000 ms client 10
        229.000 ms client 12
        238.000 ms client 14
    "#]],
    );
}

/// The deadline finds the dead path; the channel does not, and goes on when the path is back.
#[test]
fn a_stall_is_silent() {
    check(
        doubles,
        vec![double(2, "reply", "stall 500ms")],
        expect![[r#"
        19.000 ms client 10
        627.000 ms client 12
        636.000 ms client 14
    "#]],
    );
    check(
        doubles,
        vec![double(2, "reply", "stall")],
        expect![[r#"
        19.000 ms client 10
        1019.000 ms client Cancelled: Timeout expired
        2019.000 ms client Cancelled: Timeout expired
    "#]],
    );
}

#[test]
fn a_body_is_cut_between_its_bytes() {
    check(
        doubles,
        vec![double(3, "reply", "drop bytes after 3")],
        expect![[r#"
        19.000 ms client 10
        27.000 ms client 12
        36.000 ms client Unknown: h2 protocol error: error reading a body from connection
    "#]],
    );
}

/// A page of 1,000 bytes, asked for twice; the client tells how much of it came.
fn pages(sim: &mut Sim) {
    calm(sim);
    sim.program("shop", || async {
        let router = Router::new().route("/", get(|| async { "x".repeat(1000) }));
        axum::serve(tokio::net::TcpListener::bind("0.0.0.0:80").await?, router).await
    });
    sim.program("client", || async {
        tokio::time::sleep(ms(10)).await;
        let client = reqwest::Client::builder().retry(reqwest::retry::never());
        let client = client.timeout(secs(2)).build()?;
        for _ in 0..2 {
            match client.get("http://shop/").send().await {
                Err(error) => tell(kind_of(&error)),
                Ok(mut answer) => {
                    let mut length = 0;
                    let end = loop {
                        match answer.chunk().await {
                            Ok(Some(chunk)) => length += chunk.len(),
                            Ok(None) => break "whole".to_owned(),
                            Err(error) => break kind_of(&error),
                        }
                    };
                    tell(format_args!("{length} B, {end}"));
                }
            }
        }
        Ok::<(), reqwest::Error>(())
    })
    .drives();
}

/// The innermost reason.
fn kind_of(error: &reqwest::Error) -> String {
    let mut error: &dyn std::error::Error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// A fault of the first connection to the shop.
fn conn(leg: &str, place: &str, effect: &str) -> Fault {
    fault(&format!(
        r#"
        kind = "connection"
        from = "client"
        to = "shop"
        conn = 1
        leg = "{leg}"
        {place}
        effect = "{effect}"
        "#
    ))
}

#[test]
fn a_page_is_cut_between_its_bytes() {
    let cut = |after| {
        fault(&format!(
            r#"
            kind = "message"
            from = "client"
            to = "shop"
            label = "GET /"
            n = 1
            leg = "reply"
            effect = "drop bytes after {after}"
            "#
        ))
    };
    check(
        pages,
        vec![cut(100)],
        expect![[r#"
        14.000 ms client 100 B, Connection reset by peer (os error 104)
        18.000 ms client 1000 B, whole
    "#]],
    );
    check(
        pages,
        vec![cut(0)],
        expect![[r#"
        14.000 ms client 0 B, Connection reset by peer (os error 104)
        18.000 ms client 1000 B, whole
    "#]],
    );
    let run = run(&pages, &RunConfig::seed(1).plan(FaultPlan::new([cut(1000)])));
    assert_eq!(run.idle_faults().len(), 1, "the body is no longer");
}

#[test]
fn a_connection_is_struck_by_its_number() {
    check(
        pages,
        vec![conn("reply", "byte = 500", "reset")],
        expect![[r#"
        14.000 ms client 381 B, Connection reset by peer (os error 104)
        18.000 ms client 1000 B, whole
    "#]],
    );
    check(
        pages,
        vec![conn("reply", "byte = 500", "stall 1s")],
        expect![[r#"
        1414.000 ms client 1000 B, whole
        1416.000 ms client 1000 B, whole
    "#]],
    );
    check(
        pages,
        vec![conn("reply", "byte = 500", "stall")],
        expect![[r#"
        2010.000 ms client 381 B, operation timed out
        2014.000 ms client 1000 B, whole
    "#]],
    );
    check(
        pages,
        vec![conn("reply", "segment = 2", "reset")],
        expect![[r#"
        14.000 ms client 1000 B, whole
        16.000 ms client Connection reset by peer (os error 104)
    "#]],
    );
    check(
        pages,
        vec![conn("request", "", "delay 1s")],
        expect![[r#"
        1014.000 ms client 1000 B, whole
        1016.000 ms client 1000 B, whole
    "#]],
    );
    check(
        pages,
        vec![conn("reply", "", "drop bytes after 200")],
        expect![[r#"
        14.000 ms client 81 B, Connection reset by peer (os error 104)
        18.000 ms client 1000 B, whole
    "#]],
    );
}

/// The traces that requests carry, in the order in which they were sent.
fn traces(run: &Run) -> Vec<String> {
    let sends = run.journal.of_kind(Kind::Send);
    let traces = sends.filter_map(|send| Some((send.symbol(), send.trace()?)));
    traces.map(|(label, trace)| format!("{label} {:x} {:x}", trace.id, trace.span)).collect()
}

#[test]
fn a_trace_is_read_from_the_bytes() {
    const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let world = |sim: &mut Sim| {
        pages(sim);
        sim.program("server", grpc::serve);
        sim.program("tracer", || async {
            tokio::time::sleep(ms(10)).await;
            let client = reqwest::Client::new();
            let asked = client.get("http://shop/").header("traceparent", GIVEN).send().await;
            assert!(asked.is_ok());
            let doubled = Client::new().traced(GIVEN).double(5, secs(1)).await;
            assert_eq!(doubled.ok(), Some(10));
        })
        .drives();
    };
    let run = apart(&world, &RunConfig::seed(1));
    assert!(run.verdict().holds(), "{}\n{}", run.verdict(), run.journal.story());
    let span = "4bf92f3577b34da6a3ce929d0e0e4736 f067aa0ba902b7";
    let expected = ["GET /", "POST /arithmetic.Arithmetic/Double"];
    assert_eq!(traces(&run), expected.map(|label| format!("{label} {span}")));
}

/// The messages of a journal: what each says first, how many headers it has, and its body.
fn messages(run: &Run) -> String {
    let mut text = String::new();
    for message in run.journal.http_messages() {
        let first = message.status().map_or_else(
            || format!("{} {}", message.method(), message.target()),
            |status| format!("{status} to {}", message.answers().map_or("?", |m| m.target())),
        );
        let body = message.body();
        let shown = String::from_utf8_lossy(&body[..body.len().min(20)]).into_owned();
        let kind = message.header("content-type").unwrap_or("none");
        let _ = writeln!(text, "{first}, {kind}, {} bytes: {shown:?}", body.len());
    }
    text
}

#[test]
fn bodies_of_http1_are_kept_without_their_framing() {
    let world = |sim: &mut Sim| {
        calm(sim);
        sim.program("server", || async {
            let chunks = || async {
                let chunks = ["one ", "two ", "three"].map(Ok::<_, std::io::Error>);
                axum::body::Body::from_stream(futures::stream::iter(chunks))
            };
            let echo = |body: String| async { body };
            let router = Router::new().route("/chunks", get(chunks)).route("/echo", post(echo));
            let listener = tokio::net::TcpListener::bind("0.0.0.0:80").await?;
            axum::serve(listener, router).await
        });
        sim.program("client", || async {
            tokio::time::sleep(ms(10)).await;
            let client = reqwest::Client::new();
            let chunks = client.get("http://server/chunks?all=1").send().await?.text().await?;
            assert_eq!(chunks, "one two three");
            let long = "0123456789".repeat(20_000);
            let echo = client.post("http://server/echo").body(long.clone()).send().await?;
            assert_eq!(echo.text().await?, long);
            Ok::<(), reqwest::Error>(())
        })
        .drives();
    };
    let run = twice(&world, &RunConfig::seed(1));
    assert!(run.verdict().holds(), "{}\n{}", run.verdict(), run.journal.story());
    expect![[r#"
        GET /chunks?all=1, none, 0 bytes: ""
        200 to /chunks?all=1, none, 13 bytes: "one two three"
        POST /echo, none, 200000 bytes: "01234567890123456789"
        200 to /echo, text/plain; charset=utf-8, 200000 bytes: "01234567890123456789"
    "#]]
    .assert_eq(&messages(&run));
}

#[test]
fn bodies_of_http2_are_kept_by_their_streams() {
    let run = twice(&doubles, &RunConfig::seed(1));
    expect![[r#"
        POST /arithmetic.Arithmetic/Double, application/grpc, 7 bytes: "\0\0\0\0\u{2}\u{8}\u{5}"
        200 to /arithmetic.Arithmetic/Double, application/grpc, 7 bytes: "\0\0\0\0\u{2}\u{8}\n"
        POST /arithmetic.Arithmetic/Double, application/grpc, 7 bytes: "\0\0\0\0\u{2}\u{8}\u{6}"
        200 to /arithmetic.Arithmetic/Double, application/grpc, 7 bytes: "\0\0\0\0\u{2}\u{8}\u{c}"
        POST /arithmetic.Arithmetic/Double, application/grpc, 7 bytes: "\0\0\0\0\u{2}\u{8}\u{7}"
        200 to /arithmetic.Arithmetic/Double, application/grpc, 7 bytes: "\0\0\0\0\u{2}\u{8}\u{e}"
    "#]]
    .assert_eq(&messages(&run));
}
