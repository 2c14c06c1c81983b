//! Handlers on tokio: they stay on the message lane, and find a runtime and their node's sockets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::error_handling::HandleErrorLayer;
use axum::http::StatusCode;
use axum::routing::get;
use expect_test::expect;
use tower::ServiceBuilder;

use super::*;

/// Everything of it needs a runtime.
fn service() -> Router {
    let ticks = Arc::new(AtomicU32::new(0));
    let counted = ticks.clone();
    // A task beside the requests, made by the factory.
    tokio::spawn(async move {
        let mut second = tokio::time::interval(secs(1));
        loop {
            second.tick().await;
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    let timeout = HandleErrorLayer::new(|_: tower::BoxError| async { StatusCode::GATEWAY_TIMEOUT });
    let timeout = ServiceBuilder::new().layer(timeout).timeout(ms(300));
    Router::new()
        .route("/slow", get(|| tokio::time::sleep(secs(60))).layer(timeout))
        .route("/sleep", get(|| tokio::time::sleep(ms(50))))
        .route("/ticks", get(move || async move { ticks.load(Ordering::Relaxed).to_string() }))
        .route("/spawn", get(|| async { tokio::spawn(async { "spawned" }).await.unwrap() }))
        .route("/block", get(|| async { blocking().await.unwrap() }))
        .route("/other", get(other))
        .route("/env", get(|| async { std::env::var("GREETING").unwrap_or_default() }))
}

async fn blocking() -> Result<&'static str, tokio::task::JoinError> {
    tokio::task::spawn_blocking(|| {
        #[expect(
            clippy::disallowed_methods,
            reason = "a blocking call of a program, in virtual time"
        )]
        std::thread::sleep(ms(20));
        "blocked"
    })
    .await
}

/// By a client of sockets, from inside of a handler.
async fn other() -> String {
    match reqwest::get("http://other/").await {
        Ok(answer) => answer.text().await.unwrap_or_default(),
        Err(error) => error.to_string(),
    }
}

fn world(sim: &mut Sim) {
    calm(sim);
    sim.service("service", service).on_tokio().env("GREETING", "hello");
    sim.service("other", || Router::new().route("/", get(|| async { "from the other" })));
    sim.client("client", |ctx| async move {
        ctx.sleep(ms(10)).await;
        for path in ["sleep", "slow", "spawn", "block", "other", "env", "ticks"] {
            let answer = ctx.http().get(&format!("http://service/{path}")).timeout(secs(5)).send();
            let answer = answer.await.map(|answer| (answer.status().as_u16(), answer.text()));
            ctx.record(format_args!("{path}: {answer:?}"));
        }
        ctx.sleep(secs(10)).await;
        let ticks = ctx.http().get("http://service/ticks").timeout(secs(5)).send().await?;
        ctx.record(format_args!("ticks: {}", ticks.text()));
        Ok::<_, HttpError>(())
    });
}

#[test]
fn a_handler_on_tokio_finds_a_runtime_and_its_nodes_sockets() {
    let run = twice(&world, &RunConfig::seed(1));
    assert!(run.verdict().holds(), "{}\n{}", run.verdict(), run.journal.story());
    expect![[r#"
        62.000 ms client sleep: Ok((200, ""))
        364.000 ms client slow: Ok((504, ""))
        366.000 ms client spawn: Ok((200, "spawned"))
        388.000 ms client block: Ok((200, "blocked"))
        394.000 ms client other: Ok((200, "from the other"))
        396.000 ms client env: Ok((200, "hello"))
        398.000 ms client ticks: Ok((200, "1"))
        10400.000 ms client ticks: 11
    "#]]
    .assert_eq(&told(&run));
}

/// What the factory has spawned dies with its node, and begins again with it.
#[test]
fn a_crash_ends_what_a_handler_has_spawned() {
    let crash = Fault::Crash { node: "service".to_owned(), at: secs(5), lasts: Some(secs(2)) };
    let run = twice(&world, &RunConfig::seed(1).plan(FaultPlan::new(vec![crash])));
    assert!(run.verdict().holds(), "{}\n{}", run.verdict(), run.journal.story());
    expect!["10400.000 ms client ticks: 4"]
        .assert_eq(told(&run).lines().last().unwrap_or_default());
}

#[test]
fn a_process_and_a_client_may_be_on_tokio() {
    let world = |sim: &mut Sim| {
        calm(sim);
        sim.process("server", |ctx| async move {
            let listener = tokio::net::TcpListener::bind("0.0.0.0:80").await.unwrap();
            let slow = move || async move { ctx.sleep(ms(10)).await };
            axum::serve(listener, Router::new().route("/", get(slow))).await.unwrap();
        })
        .on_tokio();
        sim.client("client", |ctx| async move {
            tokio::time::sleep(ms(10)).await;
            let answer = reqwest::get("http://server/").await?.status();
            ctx.record(answer);
            let beside = ctx.spawn(async { reqwest::get("http://server/").await.map(drop) });
            ctx.record(format_args!("beside: {:?}", beside.await.map(|answer| answer.is_ok())));
            Ok::<_, reqwest::Error>(())
        })
        .on_tokio();
    };
    let run = twice(&world, &RunConfig::seed(1));
    assert!(run.verdict().holds(), "{}\n{}", run.verdict(), run.journal.story());
    expect![[r#"
        24.000 ms client 200 OK
        38.000 ms client beside: Ok(true)
    "#]]
    .assert_eq(&told(&run));
}

/// The way a user finds out.
#[test]
fn a_handler_without_a_runtime_says_what_to_do() {
    let world = |sim: &mut Sim| {
        calm(sim);
        sim.service("service", || {
            Router::new().route("/", get(|| tokio::time::sleep(Duration::from_millis(1))))
        });
        sim.client("client", |ctx| async move {
            ctx.http().get("http://service/").send().await.map(drop)
        });
    };
    let run = twice(&world, &RunConfig::seed(1));
    let verdict = run.verdict().to_string();
    assert!(verdict.contains("`.on_tokio()`"), "{verdict}");
}

#[test]
fn storms_leave_a_handler_on_tokio_the_same() {
    let stormy = |sim: &mut Sim| {
        world(sim);
        sim.chaos(Chaos::default());
        sim.time_limit(secs(60));
    };
    storms(&stormy, "programs::tokio_handlers::storms_leave_a_handler_on_tokio_the_same");
}
