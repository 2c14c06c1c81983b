//! tower's layers around an axum server and a reqwest client: timeouts, retries, load that is shed.

use std::future::Ready;

use axum::error_handling::HandleErrorLayer;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{BoxError, Router};
use expect_test::{Expect, expect};
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::retry::Policy;
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

use super::*;

/// Answers after 100 ms, two at a time; who comes third is turned away.
async fn serve() -> std::io::Result<()> {
    let shed = HandleErrorLayer::new(|error: BoxError| async move {
        (StatusCode::SERVICE_UNAVAILABLE, error.to_string())
    });
    // For all connections: axum makes a layer anew for each.
    let limit = GlobalConcurrencyLimitLayer::new(2);
    let layers = ServiceBuilder::new().layer(shed).load_shed().layer(limit);
    let slow = || async { tokio::time::sleep(ms(100)).await };
    let router = Router::new().route("/", get(slow)).layer(layers);
    let listener = tokio::net::TcpListener::bind("0.0.0.0:80").await?;
    axum::serve(listener, router).await
}

/// Tries so often again.
#[derive(Clone)]
struct Again(u32);

impl Policy<(), u16, BoxError> for Again {
    type Future = Ready<()>;

    fn retry(&mut self, (): &mut (), result: &mut Result<u16, BoxError>) -> Option<Ready<()>> {
        let failed = !matches!(result, Ok(200));
        (failed && self.0 > 0).then(|| {
            self.0 -= 1;
            std::future::ready(())
        })
    }

    fn clone_request(&mut self, (): &()) -> Option<()> {
        Some(())
    }
}

async fn ask(times: u32) -> Result<u16, BoxError> {
    let client = reqwest::Client::new();
    let call = service_fn(move |()| {
        let answer = client.get("http://server/").send();
        async move { Ok::<u16, BoxError>(answer.await?.status().as_u16()) }
    });
    let mut layers = ServiceBuilder::new().retry(Again(times)).timeout(ms(300)).service(call);
    layers.ready().await?.call(()).await
}

fn world(sim: &mut Sim) {
    calm(sim);
    sim.program("server", serve);
    sim.program("client", || async {
        for times in [0, 60] {
            for answer in futures::future::join_all((0..4).map(|_| ask(times))).await {
                tell(answer.map_or_else(|error| error.to_string(), |status| status.to_string()));
            }
            tokio::time::sleep(secs(1)).await;
        }
    })
    .drives();
}

#[test]
fn load_is_shed_and_tried_again() {
    let run = twice(&world, &RunConfig::seed(1));
    assert!(run.verdict().holds(), "{}\n{}", run.verdict(), run.journal.story());
    expect![[r#"
        104.000 ms client 200
        104.000 ms client 200
        104.000 ms client 503
        104.000 ms client 503
        1308.000 ms client 200
        1308.000 ms client 200
        1308.000 ms client 200
        1308.000 ms client 200
    "#]]
    .assert_eq(&told(&run));
}

#[track_caller]
fn during(fault: Fault, expected: Expect) {
    let run = twice(&world, &RunConfig::seed(1).plan(FaultPlan::new([fault])));
    assert!(run.verdict().holds(), "{}\n{}", run.verdict(), run.journal.story());
    expected.assert_eq(&told(&run));
}

const AT: Duration = ms(50);
const LASTS: Option<Duration> = Some(ms(5000));

#[test]
fn who_is_away_is_not_waited_for() {
    let (a, b) = (vec!["server".to_owned()], vec!["client".to_owned()]);
    during(
        Fault::Partition { a, b, one_way: false, at: AT, lasts: LASTS },
        expect![[r#"
        300.000 ms client request timed out
        300.000 ms client request timed out
        300.000 ms client 503
        300.000 ms client 503
        5304.000 ms client 200
        5304.000 ms client 200
        5304.000 ms client 503
        5304.000 ms client 503
    "#]],
    );
}

/// A refused connection is an error at once, and is tried again until there are no tries left.
#[test]
fn a_crash_uses_tries_up() {
    let node = "server".to_owned();
    during(
        Fault::Crash { node, at: AT, lasts: LASTS },
        expect![[r#"
        51.000 ms client error sending request for url (http://server/)
        51.000 ms client error sending request for url (http://server/)
        51.000 ms client 503
        51.000 ms client 503
        1173.000 ms client error sending request for url (http://server/)
        1173.000 ms client error sending request for url (http://server/)
        1173.000 ms client error sending request for url (http://server/)
        1173.000 ms client error sending request for url (http://server/)
    "#]],
    );
}

#[test]
fn who_stands_still_is_not_waited_for() {
    let node = "server".to_owned();
    during(
        Fault::Pause { node, at: AT, lasts: LASTS },
        expect![[r#"
        300.000 ms client request timed out
        300.000 ms client request timed out
        300.000 ms client 503
        300.000 ms client 503
        5153.000 ms client 200
        5153.000 ms client 200
        5153.000 ms client 503
        5153.000 ms client 503
    "#]],
    );
}

#[test]
fn every_storm_replays() {
    let stormy = |sim: &mut Sim| {
        world(sim);
        sim.chaos(Chaos::default()).time_limit(secs(300));
    };
    storms(&stormy, "programs::layers::every_storm_replays");
}
