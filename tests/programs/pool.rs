//! The connections that a `reqwest` client keeps, and what it tries again.

use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::get;
use expect_test::expect;
use reqwest::Client;
use reqwest::retry;
use tokio::time::sleep;

use super::*;

/// Answers after 100 ms with its own name, and the port from which it was asked.
async fn serve() -> io::Result<()> {
    let name = Ctx::current().name();
    let say = |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move {
        sleep(ms(100)).await;
        format!("{name} to port {}", peer.port())
    };
    let router = Router::new().route("/", get(say));
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(tokio::net::TcpListener::bind("0.0.0.0:80").await?, service).await
}

async fn ask(client: &Client) -> io::Result<String> {
    let answer = async { client.get("http://server/").send().await?.text().await };
    answer.await.map_err(io::Error::other)
}

#[test]
fn a_connection_is_kept_for_the_next_request() {
    check(
        serve,
        || async {
            let client = Client::builder().pool_idle_timeout(secs(2)).build();
            let client = client.map_err(io::Error::other)?;
            for _ in 0..2 {
                tell(ask(&client).await?);
            }
            let at_once = futures::future::join(ask(&client), ask(&client)).await;
            tell(at_once.0?);
            tell(at_once.1?);
            sleep(secs(3)).await;
            tell(format_args!("later: {}", ask(&client).await?));
            Ok(())
        },
        vec![],
        expect![[r#"
            104.000 ms client server to port 32768
            206.000 ms client server to port 32768
            310.000 ms client server to port 32768
            310.000 ms client server to port 32769
            3414.000 ms client later: server to port 32770
        "#]],
    );
}

#[test]
fn no_connection_is_kept_where_none_may_be() {
    check(
        serve,
        || async {
            let client = Client::builder().pool_max_idle_per_host(0).build();
            let client = client.map_err(io::Error::other)?;
            for _ in 0..3 {
                tell(ask(&client).await?);
            }
            Ok(())
        },
        vec![],
        expect![[r#"
            104.000 ms client server to port 32768
            208.000 ms client server to port 32769
            312.000 ms client server to port 32770
        "#]],
    );
}

/// A connection that the server's crash has closed is not asked again.
#[test]
fn a_kept_connection_may_have_died() {
    check(
        serve,
        || async {
            let client = Client::new();
            for _ in 0..2 {
                tell(ask(&client).await?);
                sleep(secs(2)).await;
            }
            Ok(())
        },
        vec![Fault::Crash { node: "server".to_owned(), at: secs(1), lasts: Some(ms(500)) }],
        expect![[r#"
            104.000 ms client server to port 32768
            2208.000 ms client server to port 32769
        "#]],
    );
}

/// Two replicas, of which the asked one crashes in the middle of the second request.
fn asked(sim: &mut Sim, retries: bool) {
    calm(sim);
    sim.program("server", serve).replicas(2);
    sim.program("client", move || async move {
        let policy = retry::for_host("server").classify_fn(|answer| match answer.error() {
            Some(_) => answer.retryable(),
            None => answer.success(),
        });
        let policy = if retries { policy } else { retry::never() };
        let client = Client::builder().retry(policy).timeout(secs(2)).build();
        let client = client.map_err(io::Error::other)?;
        for _ in 0..3 {
            match ask(&client).await {
                Ok(text) => tell(text),
                Err(error) => tell(error),
            }
            sleep(secs(1)).await;
        }
        Ok::<(), io::Error>(())
    })
    .drives();
}

#[track_caller]
fn while_one_crashes(retries: bool, expected: expect_test::Expect) {
    let crash = Fault::Crash { node: "server-0".to_owned(), at: ms(1_150), lasts: None };
    let plan = FaultPlan::new([crash]);
    let run = twice(&move |sim: &mut Sim| asked(sim, retries), &RunConfig::seed(1).plan(plan));
    assert!(run.verdict().holds(), "{}\n{}", run.verdict(), run.journal.story());
    expected.assert_eq(&told(&run));
}

#[test]
fn what_fails_is_asked_of_another_by_its_name() {
    while_one_crashes(
        false,
        expect![[r#"
        104.000 ms client server-0 to port 32768
        1151.000 ms client error sending request for url (http://server/)
        2255.000 ms client server-1 to port 32769
    "#]],
    );
    while_one_crashes(
        true,
        expect![[r#"
        104.000 ms client server-0 to port 32768
        1255.000 ms client server-1 to port 32769
        2357.000 ms client server-1 to port 32769
    "#]],
    );
}

#[test]
fn every_storm_replays() {
    let stormy = |sim: &mut Sim| {
        asked(sim, true);
        sim.chaos(Chaos::default()).time_limit(secs(300));
    };
    storms(&stormy, "programs::pool::every_storm_replays");
}
