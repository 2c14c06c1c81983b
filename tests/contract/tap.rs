//! The tap: messages of a world, against the contracts of both sides.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde_json::json;
use stormglass::contract::{
    Checker, ContractRegistry, Finding, Leg, Level, Message, Release, Side, Summary,
};
use stormglass::journal::EventId;
use stormglass::orchestrator::ServiceTestOrchestrator;
use stormglass::orchestrator::compose::{Project, Variables};
use stormglass::prelude::*;
use stormglass::verdict::Verdict;

use super::{ORDER_PLACED, PAYMENT_PACT, payment_api, written};

fn checker() -> Checker {
    let folder = written(&[
        ("orders/1.0.0/payment.json", PAYMENT_PACT),
        ("orders/1.0.0/publishes/OrderPlaced.json", ORDER_PLACED),
        ("payment/1.0.0/openapi.yaml", &payment_api("receipt")),
        ("shipping/1.0.0/reads/OrderPlaced.json", ORDER_PLACED),
    ]);
    let registry = ContractRegistry::open(folder.path()).unwrap();
    let releases: Vec<Release> = registry.releases().collect();
    Checker::new(&registry, &releases).unwrap()
}

/// A world in which orders charges, and payment answers with `receipt` under that name.
fn verdict(amount: i64, receipt: &'static str, status: u16) -> Verdict {
    let checker = Arc::new(checker());
    let world = move |sim: &mut Sim| {
        sim.service("payment", move |_| {
            let status = StatusCode::from_u16(status).unwrap();
            let charge = move || async move { (status, Json(json!({ receipt: "r-9" }))) };
            Router::new().route("/charge", post(charge))
        });
        sim.client("orders", move |ctx| async move {
            let body = json!({ "order": 1, "amount": amount });
            let _ = ctx.http().post("http://payment/charge").json(&body).send().await;
            Ok::<(), String>(())
        });
        sim.chaos(Chaos::none());
        let checker = checker.clone();
        sim.check("contracts are kept", move |journal| checker.verdict(journal));
    };
    run(&world, &RunConfig::seed(1)).verdict()
}

#[test]
fn a_world_that_keeps_its_contracts_holds() {
    assert_eq!(verdict(100, "receipt", 201), Verdict::Holds);
}

#[test]
fn a_reply_without_what_was_promised_is_a_violation() {
    let found = verdict(100, "number", 201).to_string();
    assert!(found.contains("payment -> orders POST /charge 201"), "{found}");
    assert!(found.contains("payment/1.0.0/openapi.yaml"), "{found}");
}

#[test]
fn a_request_that_is_not_allowed_is_a_violation() {
    let found = verdict(0, "receipt", 201).to_string();
    assert!(found.contains("orders -> payment POST /charge"), "{found}");
    assert!(found.contains("/amount"), "{found}");
}

#[test]
fn an_undeclared_error_is_silence_and_a_strict_checker_minds() {
    assert_eq!(verdict(100, "receipt", 503), Verdict::Holds);
    let message = reply(503, b"{}");
    let (mut summary, mut findings) = (Summary::default(), Vec::new());
    checker().strict().check_message(&message, &mut summary, &mut findings);
    assert!(
        findings.iter().all(|f| f.level == Level::Silent) && findings.len() == 2,
        "{findings:?}"
    );
}

fn request(body: &'static [u8]) -> Message<'static> {
    Message {
        event: EventId::NONE,
        from: "orders",
        to: "payment",
        leg: Leg::Request,
        method: "POST",
        target: "/charge",
        headers: vec![("content-type", "application/json")],
        status: 0,
        body: Cow::Borrowed(body),
        request: None,
    }
}

fn reply(status: u16, body: &'static [u8]) -> Message<'static> {
    let request = request(br#"{"order": 1, "amount": 5}"#);
    let (from, to, leg) = ("payment", "orders", Leg::Reply);
    let (body, request) = (Cow::Borrowed(body), Some(Box::new(request)));
    Message { from, to, leg, status, body, request, ..self::request(b"") }
}

/// The levels and sides of what is found.
#[track_caller]
fn check(message: &Message<'_>, expected: &[(Side, Level)]) {
    let (mut summary, mut findings) = (Summary::default(), Vec::new());
    checker().check_message(message, &mut summary, &mut findings);
    let found: Vec<(Side, Level)> = findings.iter().map(|f: &Finding| (f.side, f.level)).collect();
    assert_eq!(found, expected, "{findings:?}");
}

#[test]
fn each_side_has_its_say() {
    use Level::{Broken, Silent};
    use Side::{Consumer, Provider};
    check(&request(br#"{"order": 1, "amount": 5}"#), &[]);
    check(&request(br#"{"order": 1.5, "amount": 5}"#), &[(Provider, Broken), (Consumer, Broken)]);
    check(
        &request(br#"{"order": 1, "amount": 5, "gift": 1}"#),
        &[(Provider, Silent), (Consumer, Broken)],
    );
    check(&request(b"{\"order\""), &[(Provider, Silent), (Consumer, Broken)]);
    check(&reply(201, br#"{"receipt": "r-2"}"#), &[]);
    check(&reply(201, br#"{"receipt": 7}"#), &[(Provider, Broken), (Consumer, Broken)]);
    check(&reply(200, b""), &[(Provider, Broken), (Consumer, Silent)]);
    let cut = Message { headers: vec![("content-length", "40")], ..request(b"{") };
    check(&cut, &[]);
    let query = Message { method: "GET", target: "/charges/7?full=yes", ..request(b"") };
    check(&query, &[(Provider, Broken), (Consumer, Silent)]);
    let query = Message { method: "GET", target: "/charges/7?full=true", ..request(b"") };
    check(&query, &[(Consumer, Silent)]);
    let path = Message { method: "GET", target: "/charges/x", ..request(b"") };
    check(&path, &[(Provider, Broken), (Consumer, Silent)]);
}

#[test]
fn events_are_checked_on_both_sides_of_a_broker() {
    let event = |from, to, body| Message {
        from,
        to,
        leg: Leg::Event,
        target: "OrderPlaced",
        ..request(body)
    };
    check(&event("orders", "broker", b"{\"order\": 7}"), &[]);
    check(&event("orders", "broker", b"{}"), &[(Side::Provider, Level::Broken)]);
    check(&event("broker", "shipping", b"{}"), &[(Side::Consumer, Level::Broken)]);
    check(&event("broker", "mailer", b"{}"), &[]);
}

#[test]
fn a_run_without_messages_that_contracts_speak_of_is_unknown() {
    let world = |sim: &mut Sim| {
        sim.client("alone", |_| async { Ok::<(), String>(()) });
        let checker = checker();
        sim.check("contracts are kept", move |journal| checker.verdict(journal));
    };
    let verdict = run(&world, &RunConfig::seed(1)).verdict();
    assert!(matches!(verdict, Verdict::Unknown(_)), "{verdict}");
}

/// Matching neither waits nor logs nor draws: the same run with and without it is the same.
#[test]
fn checking_leaves_no_trace_in_the_journal() {
    let one = |checked: bool| {
        let world = move |sim: &mut Sim| {
            sim.service("payment", |_| {
                let charge = || async { (StatusCode::CREATED, Json(json!({ "receipt": "r" }))) };
                Router::new().route("/charge", post(charge))
            });
            sim.client("orders", |ctx| async move {
                let body = json!({ "order": 1, "amount": 1 });
                let _ = ctx.http().post("http://payment/charge").json(&body).send().await;
                Ok::<(), String>(())
            });
            if checked {
                let checker = checker();
                sim.check("contracts", move |journal| checker.verdict(journal));
            }
        };
        run(&world, &RunConfig::seed(3))
    };
    assert_eq!(one(true).journal.total(), one(false).journal.total());
}

/// A health check of a compose file runs inside of its container: no contract speaks of it, and it is
/// nobody's call.
#[test]
fn health_checks_are_nobody_s_traffic() {
    let checker = Arc::new(checker().strict());
    let world = move |sim: &mut Sim| {
        let text = "
services:
  payment: { healthcheck: { test: curl -f http://localhost/health, interval: 200ms } }
";
        let project = Project::parse("compose.yml", text, &Variables::new()).unwrap();
        let mut system = ServiceTestOrchestrator::new(project);
        let health = || Router::new().route("/health", get(|| async { "fine" }));
        system.service("payment", move |_| health()).unwrap();
        system.install(sim).unwrap();
        sim.client("waits", |ctx| async move {
            ctx.sleep(std::time::Duration::from_secs(1)).await;
            Ok::<(), String>(())
        });
        sim.chaos(Chaos::none());
        let checker = checker.clone();
        sim.check("contracts are kept", move |journal| checker.verdict(journal));
    };
    let run = run(&world, &RunConfig::seed(1));
    assert!(run.journal.http_messages().count() > 1, "it is asked for its health");
    let expected = "contracts are kept: of 0 messages none was between services with contracts";
    assert_eq!(run.verdict(), Verdict::Unknown(expected.to_owned()));
}
