//! Programs and handlers call each other: what one says in bytes the other hears as a message.

use std::sync::Arc;

use axum::extract::State;
use axum::http::uri::PathAndQuery;
use axum::routing::{get, post};
use axum::{Json, Router};
use expect_test::expect;
use futures::lock::Mutex;
use stormglass::chaos::{Effect, Leg};

use tonic::client::Grpc;
use tonic::service::Routes;

use super::grpc::{self, Arithmetic, Codec, Number};
use super::*;

type Failure = Box<dyn std::error::Error>;

/// A handler that counts what it was asked.
fn stock() -> Router {
    let taken = Arc::new(Mutex::new(0u32));
    let take = |State(taken): State<Arc<Mutex<u32>>>, Json(count): Json<u32>| async move {
        let mut taken = taken.lock().await;
        *taken += count;
        Json(*taken)
    };
    Router::new()
        .route("/take", post(take))
        .route("/health", get(|| async { "fine" }))
        .with_state(taken)
}

/// The same as a program.
async fn stock_main() -> std::io::Result<()> {
    axum::serve(tokio::net::TcpListener::bind("0.0.0.0:8080").await?, stock()).await
}

#[test]
fn a_program_calls_a_handler() {
    let world = |sim: &mut Sim| {
        calm(sim);
        sim.service("stock", stock).replicas(2);
        sim.program("shop", || async {
            let client = reqwest::Client::new();
            for _ in 0..2 {
                let taken = client.post("http://stock/take").json(&2).send().await?;
                tell(format_args!("taken {}", taken.json::<u32>().await?));
            }
            let lost = client.get("http://stock/lost").send().await?;
            tell(format_args!("{}", lost.status()));
            Ok::<_, Failure>(())
        })
        .drives();
    };
    let run = twice(&world, &RunConfig::seed(1));
    assert!(run.verdict().holds(), "{}\n{}", run.verdict(), run.journal.story());
    expect![[r#"
        4.000 ms shop taken 2
        6.000 ms shop taken 4
        8.000 ms shop 404 Not Found
    "#]]
    .assert_eq(&told(&run));
    expect![[r#"
        time             node     what
               2.000 ms  shop     -> stock-0  POST /take
               3.000 ms  stock-0  -> shop     200
               4.000 ms  shop     taken 2
               4.000 ms  shop     -> stock-0  POST /take
               5.000 ms  stock-0  -> shop     200
               6.000 ms  shop     taken 4
               6.000 ms  shop     -> stock-0  GET /lost
               7.000 ms  stock-0  -> shop     404
               8.000 ms  shop     404 Not Found
               8.000 ms  world    chaos ends, all is healed
               8.000 ms  world    the world ends: finished
    "#]]
    .assert_eq(&run.journal.story().to_string());
}

#[test]
fn a_handler_calls_a_program() {
    let world = |sim: &mut Sim| {
        calm(sim);
        sim.program("stock", stock_main);
        sim.client("shop", |ctx| async move {
            ctx.sleep(ms(10)).await;
            let taken = ctx.http().post("http://stock:8080/take").json(&2).send().await?;
            ctx.record(format_args!("taken {}", taken.json::<u32>()?));
            let lost = ctx.http().get("http://stock:8080/lost").send().await?;
            ctx.record(lost.status());
            let refused = ctx.http().get("http://stock/health").send().await;
            ctx.record(format_args!("{refused:?}"));
            let secret = ctx.http().get("https://stock:8080/health").send().await;
            ctx.record(format_args!("{secret:?}"));
            Ok::<_, HttpError>(())
        });
    };
    let run = twice(&world, &RunConfig::seed(1));
    assert!(run.verdict().holds(), "{}\n{}", run.verdict(), run.journal.story());
    expect![[r#"
        14.000 ms shop taken 2
        18.000 ms shop 404 Not Found
        20.000 ms shop Err(Refused)
        20.000 ms shop Err(BadRequest("`https://stock:8080/health`: TLS is not simulated; call it by `http:`"))
    "#]].assert_eq(&told(&run));
    expect![[r#"
        time             node   what
              12.000 ms  shop   -> stock  POST /take
              13.000 ms  stock  -> shop   200
              14.000 ms  shop   taken 2
              16.000 ms  shop   -> stock  GET /lost
              17.000 ms  stock  -> shop   404
              18.000 ms  shop   404 Not Found
              19.000 ms  shop   -x stock                  dropped: nobody listens
              20.000 ms  shop   reset by stock: refused
              20.000 ms  shop   Err(Refused)
              20.000 ms  shop   Err(BadRequest("`https://stock:8080/health`: TLS is not simulated; call it by `http:`"))
              20.000 ms  world  chaos ends, all is healed
              20.000 ms  world  the world ends: finished
    "#]].assert_eq(&run.journal.story().to_string());
}

/// What a handler in between passes on is one trace from end to end.
#[test]
fn the_trace_goes_through_both() {
    let world = |sim: &mut Sim| {
        calm(sim);
        let seen = |headers: axum::http::HeaderMap| async move {
            let context = headers["traceparent"].to_str().unwrap().to_owned();
            tell(&context[3..35]);
        };
        sim.program("last", move || async move {
            let listener = tokio::net::TcpListener::bind("0.0.0.0:80").await?;
            axum::serve(listener, Router::new().route("/", get(seen))).await
        });
        sim.service("middle", move |ctx: Ctx| {
            let pass_on = move || async move {
                let answer = ctx.http().get("http://last/").send().await;
                answer.map(|answer| answer.text()).map_err(|error| error.to_string())
            };
            Router::new().route("/", get(pass_on))
        });
        sim.program("first", || async {
            let context = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
            tokio::time::sleep(ms(10)).await;
            let client = reqwest::Client::new();
            let answer = client.get("http://middle/").header("traceparent", context).send().await?;
            answer.error_for_status().map(drop)
        })
        .drives();
    };
    let run = twice(&world, &RunConfig::seed(1));
    assert!(run.verdict().holds(), "{}\n{}", run.verdict(), run.journal.story());
    assert!(told(&run).ends_with("last 4bf92f3577b34da6a3ce929d0e0e4736\n"), "{}", told(&run));
}

/// A handler that panics, is full, or lies on a node that crashes.
#[test]
fn a_program_sees_a_handler_fail_as_in_life() {
    let world = |sim: &mut Sim| {
        calm(sim);
        sim.service("stock", |ctx: Ctx| {
            let slow = move || async move { ctx.sleep(secs(1)).await };
            stock().route("/slow", get(slow))
        })
        .queue_limit(1);
        sim.program("shop", || async {
            let client = reqwest::Client::new();
            let slow = tokio::spawn(client.get("http://stock/slow").send());
            tokio::time::sleep(ms(100)).await;
            tell(client.get("http://stock/health").send().await?.status());
            tell(format_args!("slow: {:?}", slow.await?.map_err(|e| e.is_request())));
            tokio::time::sleep(ms(100)).await;
            let down = client.get("http://stock/health").send().await;
            tell(format_args!("down: {:?}", down.map_err(|e| e.is_connect())));
            Ok::<_, Failure>(())
        })
        .drives();
    };
    let crash = Fault::Crash { node: "stock".to_owned(), at: ms(500), lasts: Some(secs(10)) };
    let run = twice(&world, &RunConfig::seed(1).plan(FaultPlan::new(vec![crash])));
    expect![[r#"
        104.000 ms shop 503 Service Unavailable
        501.000 ms shop slow: Err(true)
        603.000 ms shop down: Err(true)
    "#]]
    .assert_eq(&told(&run));
}

#[test]
fn a_fault_strikes_what_goes_through_the_gateway() {
    let world = |sim: &mut Sim| {
        calm(sim);
        sim.program("stock", stock_main);
        sim.client("shop", |ctx| async move {
            ctx.sleep(ms(10)).await;
            for _ in 0..2 {
                let take = ctx.http().post("http://stock:8080/take").json(&1);
                ctx.record(format_args!("{:?}", take.send().await.map(|r| r.text())));
            }
            Ok::<_, HttpError>(())
        });
    };
    let reset = Fault::Message {
        from: "shop".to_owned(),
        to: "stock".to_owned(),
        label: Some("POST /take".to_owned()),
        n: 1,
        leg: Leg::Reply,
        effect: Effect::Reset,
    };
    let run = twice(&world, &RunConfig::seed(1).plan(FaultPlan::new(vec![reset])));
    expect![[r#"
        14.000 ms shop Err(Reset)
        18.000 ms shop Ok("2")
    "#]]
    .assert_eq(&told(&run));
}

/// HTTP/2 both ways: a channel of tonic calls a handler, and a handler calls a tonic server.
#[test]
fn grpc_goes_through_the_gateway() {
    let world = |sim: &mut Sim| {
        calm(sim);
        sim.service("server", || Routes::new(Arithmetic).into_axum_router()).on_tokio().port(50051);
        sim.program("program", grpc::serve);
        sim.program("shop", || async {
            let mut client = grpc::Client::new();
            tell(format_args!("{:?}", client.double(4, secs(1)).await));
            tell(format_args!(
                "{:?}",
                client.double(u64::MAX >> 1, ms(20)).await.map_err(|e| e.code())
            ));
        })
        .drives();
        sim.client("handler", |ctx| async move {
            ctx.sleep(ms(10)).await;
            let origin = axum::http::Uri::from_static("http://program:50051");
            let mut client = Grpc::with_origin(ctx.http(), origin);
            client.ready().await?;
            let path = PathAndQuery::from_static("/arithmetic.Arithmetic/Double");
            let request = tonic::Request::new(Number { value: 5 });
            let doubled = client.unary(request, path, Codec::default()).await;
            ctx.record(format_args!("{:?}", doubled.map(|answer| answer.into_inner().value)));
            Ok::<_, HttpError>(())
        });
    };
    let run = twice(&world, &RunConfig::seed(1));
    assert!(run.verdict().holds(), "{}\n{}", run.verdict(), run.journal.story());
    expect![[r#"
        8.000 ms shop Ok(8)
        19.000 ms handler Ok(10)
        28.000 ms shop Err(Cancelled)
    "#]]
    .assert_eq(&told(&run));
}

#[test]
fn storms_leave_the_gateway_the_same() {
    let world = |sim: &mut Sim| {
        sim.time_limit(secs(60));
        sim.program("program", stock_main);
        sim.service("middle", |ctx: Ctx| {
            let pass_on = move || async move {
                let take = ctx.http().post("http://program:8080/take").json(&1).timeout(ms(200));
                take.send().await.map(|answer| answer.text()).map_err(|error| error.to_string())
            };
            Router::new().route("/", get(pass_on))
        })
        .replicas(2);
        sim.program("shop", || async {
            let client = reqwest::Client::builder().timeout(secs(1)).build()?;
            for _ in 0..20 {
                let answer = client.get("http://middle/").send().await;
                tell(format_args!("{:?}", answer.map(|answer| answer.status()).map_err(|_| ())));
                tokio::time::sleep(ms(50)).await;
            }
            Ok::<_, reqwest::Error>(())
        })
        .drives();
    };
    storms(&world, "programs::gateway::storms_leave_the_gateway_the_same");
}
