//! The four faults, on the message lane.

use stormglass::service::{Body, BreakConnection};

use super::*;

fn fault(name: &str) -> Stubs {
    let text = format!(
        r#"{{"request": {{"url": "/charge"}},
             "response": {{"fault": "{name}", "fixedDelayMilliseconds": 10}}}}"#
    );
    Stubs::from_json("fault.json", &text).unwrap()
}

#[test]
fn a_caller_sees_what_an_http_client_makes_of_it() {
    for (name, seen) in [
        ("EMPTY_RESPONSE", "connection reset by peer"),
        ("CONNECTION_RESET_BY_PEER", "connection reset by peer"),
        ("MALFORMED_RESPONSE_CHUNK", "the answer is not HTTP"),
        ("RANDOM_DATA_THEN_CLOSE", "the answer is not HTTP"),
    ] {
        let world = asking(&fault(name), vec![ask("POST /charge")], |_, _| {});
        let run = run(&world, &RunConfig::seed(1));
        let expected = format!("1.000 ms payment: fault {name}\n12.000 ms client: {seen}\n");
        assert_eq!(notes(&run), expected);
        assert_eq!(run.journal.of_kind(Kind::Reset).count(), 1, "the journal tells of it");
    }
}

/// A reset can be retried, as a broken connection in life.
#[test]
fn a_client_retries_a_reset() {
    let stubs = Stubs::new().with(Stub::new(charge(), Reply::status(201))).with(
        Stub::new(charge(), Reply::fault(MockFault::ConnectionResetByPeer))
            .named("breaks off")
            .when("charges", "Started")
            .then("once"),
    );
    let world = move |sim: &mut Sim| {
        sim.links(LinkProfile::with_delay(ms(1))).chaos(Chaos::none());
        ServiceMockManager::new().install(sim, "payment", &stubs);
        sim.client("client", |ctx| async move {
            let request = ctx.http().post("http://payment/charge").retry(Retry::times(1));
            ctx.record(request.send().await?.status());
            Ok::<(), HttpError>(())
        });
    };
    let run = run(&world, &RunConfig::seed(1));
    expect![[r#"
        1.000 ms payment: fault CONNECTION_RESET_BY_PEER
        1.000 ms payment: scenario "charges": Started -> once
        4.000 ms client: 201 Created
    "#]]
    .assert_eq(&notes(&run));
}

/// What mocks use is there for every service.
#[test]
fn any_service_may_break_a_connection() {
    let world = |sim: &mut Sim| {
        sim.links(LinkProfile::with_delay(ms(1))).chaos(Chaos::none());
        let breaks = || async {
            let mut response = http::Response::new(axum::body::Body::empty());
            response.extensions_mut().insert(BreakConnection::Reset);
            response
        };
        let router = move || axum::Router::new().route("/", axum::routing::get(breaks));
        sim.service("server", router);
        sim.client("client", |ctx| async move {
            let error = ctx.http().get("http://server/").send().await.map(|_| ());
            ctx.record(format_args!("{error:?}"));
            let request = http::Request::get("http://server/").body(Body::empty()).unwrap();
            let again = ctx.http().execute(request).await;
            ctx.record(again.is_err());
            Ok::<(), HttpError>(())
        });
    };
    let run = run(&world, &RunConfig::seed(1));
    expect![[r#"
        2.000 ms client: Err(Reset)
        4.000 ms client: true
    "#]]
    .assert_eq(&notes(&run));
}
