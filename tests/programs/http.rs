//! axum serves, reqwest asks.

use axum::Router;
use axum::routing::get;
use expect_test::expect;
use stormglass::chaos::{Effect, Leg};
use tokio::time::sleep;

use super::*;

async fn serve() -> std::io::Result<()> {
    let router = Router::new().route("/", get(|| async { "hello" }));
    let listener = tokio::net::TcpListener::bind("0.0.0.0:80").await?;
    axum::serve(listener, router).await
}

fn world(sim: &mut Sim) {
    sim.chaos(Chaos::none());
    sim.program("shop", serve);
    sim.program("client", || async {
        sleep(ms(100)).await;
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
    sim.time_limit(secs(30));
    sim.program("shop", serve).replicas(3);
    sim.program("client", || async {
        let client = reqwest::Client::builder().timeout(secs(1)).build()?;
        let mut answered = 0;
        for _ in 0..100 {
            if let Ok(answer) = client.get("http://shop/").send().await {
                answered += u32::from(answer.text().await.is_ok());
            }
            sleep(ms(50)).await;
        }
        tracing::info!(answered, "done");
        Ok::<(), reqwest::Error>(())
    })
    .drives();
}

#[test]
fn every_storm_replays() {
    storms(&stormy, "programs::http::every_storm_replays");
}

/// Asks every second, with a deadline.
fn patient(sim: &mut Sim) {
    calm(sim);
    sim.program("shop", serve);
    sim.program("client", || async {
        let client = reqwest::Client::builder().timeout(ms(700)).build()?;
        for _ in 0..8 {
            match ask(&client).await {
                Ok(text) => tell(text),
                Err(error) => tell(root(&error)),
            }
            sleep(secs(1)).await;
        }
        Ok::<(), reqwest::Error>(())
    })
    .drives();
}

async fn ask(client: &reqwest::Client) -> reqwest::Result<String> {
    client.get("http://shop/").send().await?.error_for_status()?.text().await
}

/// What an error is about in the end.
fn root(error: &(dyn std::error::Error + 'static)) -> String {
    error.source().map_or_else(|| error.to_string(), root)
}

#[track_caller]
fn during(fault: Fault, expected: Expect) {
    let run = twice(&patient, &RunConfig::seed(1).plan(FaultPlan::new([fault])));
    assert!(run.verdict().holds(), "{}\n{}", run.verdict(), run.journal.story());
    expected.assert_eq(&told(&run));
}

const AT: Duration = ms(1_500);
const LASTS: Option<Duration> = Some(secs(2));

#[test]
fn a_crash_refuses_and_then_is_over() {
    during(
        Fault::Crash { node: "shop".to_owned(), at: AT, lasts: LASTS },
        expect![[r#"
        4.000 ms client hello
        1006.000 ms client hello
        2008.000 ms client Connection refused (os error 111)
        3010.000 ms client Connection refused (os error 111)
        4014.000 ms client hello
        5016.000 ms client hello
        6018.000 ms client hello
        7020.000 ms client hello
    "#]],
    );
}

#[test]
fn a_deadline_passes_in_a_partition_and_a_pause() {
    let (a, b) = (vec!["shop".to_owned()], vec!["client".to_owned()]);
    during(
        Fault::Partition { a, b, one_way: false, at: AT, lasts: LASTS },
        expect![[r#"
        4.000 ms client hello
        1006.000 ms client hello
        2706.000 ms client operation timed out
        3710.000 ms client hello
        4712.000 ms client hello
        5714.000 ms client hello
        6716.000 ms client hello
        7718.000 ms client hello
    "#]],
    );
    during(
        Fault::Pause { node: "shop".to_owned(), at: AT, lasts: LASTS },
        expect![[r#"
        4.000 ms client hello
        1006.000 ms client hello
        2706.000 ms client operation timed out
        3710.000 ms client hello
        4712.000 ms client hello
        5714.000 ms client hello
        6716.000 ms client hello
        7718.000 ms client hello
    "#]],
    );
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
            sleep(ms(100)).await;
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
    expect![[r#"
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
