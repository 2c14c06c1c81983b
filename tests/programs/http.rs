//! axum serves, reqwest asks.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use stormglass::chaos::{Effect, Fault, FaultPlan, Leg};
use stormglass::prelude::*;

async fn serve() -> std::io::Result<()> {
    let router = Router::new().route("/", get(|| async { "hello" }));
    let listener = tokio::net::TcpListener::bind("0.0.0.0:80").await?;
    axum::serve(listener, router).await
}

fn world(sim: &mut Sim) {
    sim.chaos(Chaos::none());
    sim.program("shop", serve);
    sim.program("client", || async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let client = reqwest::Client::new();
        for _ in 0..3 {
            let text = client.get("http://shop/").send().await?.text().await?;
            assert_eq!(text, "hello");
        }
        Ok::<(), reqwest::Error>(())
    })
    .drives();
}

#[test]
fn a_program_asks_another_by_its_name() {
    let run = run(&world, &RunConfig::seed(1));
    assert!(run.verdict().holds(), "{}\n{}", run.verdict(), run.journal.story());
}

/// Three replicas under default chaos, and a client that tries again.
fn stormy(sim: &mut Sim) {
    sim.time_limit(Duration::from_secs(30));
    sim.program("shop", serve).replicas(3);
    sim.program("client", || async {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(1)).build()?;
        let mut answered = 0;
        for _ in 0..100 {
            if let Ok(answer) = client.get("http://shop/").send().await {
                answered += u32::from(answer.text().await.is_ok());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tracing::info!(answered, "done");
        Ok::<(), reqwest::Error>(())
    })
    .drives();
}

#[test]
fn the_same_seed_is_the_same_run() {
    let apart = |seed| {
        std::thread::scope(|scope| {
            scope.spawn(move || run(&stormy, &RunConfig::seed(seed))).join().unwrap()
        })
    };
    for seed in 0..50 {
        let (one, again) = (apart(seed), apart(seed));
        if let Some(parting) = stormglass::journal::first_divergence(&one.journal, &again.journal) {
            panic!("seed {seed}\n{}\n{}", one.plan, parting.render(&one.journal, &again.journal));
        }
        assert!(!one.verdict().is_violated(), "seed {seed}: {}\n{}", one.verdict(), one.plan);
    }
}

/// HTTP is read from the bytes: stories tell of requests, and scripts strike them by name.
#[test]
fn a_script_strikes_a_response_by_its_name() {
    let reset = Fault::Message {
        from: "client".to_owned(),
        to: "shop".to_owned(),
        label: Some("GET /".to_owned()),
        n: 2,
        leg: Leg::Reply,
        effect: Effect::Reset,
    };
    let world = |sim: &mut Sim| {
        sim.program("shop", serve);
        sim.program("client", || async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let client = reqwest::Client::builder().retry(reqwest::retry::never()).build()?;
            for n in 1..=3 {
                let answer = client.get("http://shop/").send().await;
                tracing::info!(n, ok = answer.is_ok());
            }
            Ok::<(), reqwest::Error>(())
        })
        .drives();
    };
    let run = run(&world, &RunConfig::seed(1).plan(FaultPlan::new([reset])));
    expect_test::expect![[r#"
        time             node    what
             100.394 ms  client  -> shop    GET /
             100.722 ms  shop    -> client  200
             101.045 ms  client  INFO  n=1 ok=true
             101.045 ms  client  -> shop    GET /
             101.362 ms  shop    -x client  200            reset: fault 1; reset: reset
             101.535 ms  client  INFO  n=2 ok=false
             102.017 ms  client  -> shop    GET /
             102.211 ms  shop    -> client  200
             102.396 ms  client  INFO  n=3 ok=true
             102.396 ms  world   chaos ends, all is healed
             102.396 ms  world   the world ends: finished
    "#]]
    .assert_eq(&run.journal.story().to_string());
}
