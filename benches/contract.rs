//! Checking a message against the contracts of both sides.

use std::borrow::Cow;

use divan::Bencher;
use serde_json::json;
use stormglass::contract::{Checker, ContractRegistry, Leg, Message, Release, Summary};
use stormglass::document::Document;
use stormglass::journal::EventId;

fn checker() -> Checker {
    let body = json!({
        "type": "object", "required": ["order", "amount"],
        "properties": { "order": { "type": "integer" }, "amount": { "type": "integer" } },
    });
    let api = json!({ "openapi": "3.1.0", "paths": { "/charge": { "post": {
        "requestBody": { "required": true, "content": { "application/json": { "schema": body } } },
        "responses": { "201": { "description": "charged" } },
    } } } });
    let pact = json!({
        "consumer": { "name": "orders" }, "provider": { "name": "payment" },
        "interactions": [{
            "type": "Synchronous/HTTP", "description": "a charge",
            "request": {
                "method": "POST", "path": "/charge",
                "body": { "contentType": "application/json", "content": { "order": 1, "amount": 2 } },
                "matchingRules": { "body": { "$.*": { "matchers": [{ "match": "integer" }] } } },
            },
            "response": { "status": 201 },
        }],
        "metadata": { "pactSpecification": { "version": "4.0" } },
    });
    let mut registry = ContractRegistry::new();
    let releases: Vec<Release> =
        ["orders@1.0.0", "payment@1.0.0"].map(|r| r.parse().expect("a release")).to_vec();
    for (release, text) in releases.iter().zip([pact, api]) {
        let document = Document::json("bench.json", &text.to_string()).expect("it is JSON");
        registry.add(release.clone(), &document).expect("it is a contract");
    }
    Checker::new(&registry, &releases).expect("both are there")
}

/// From a stranger, or from the consumer whose examples are matched as well.
#[divan::bench(args = ["stranger", "orders"])]
fn check_a_message(bencher: Bencher<'_, '_>, from: &str) {
    let checker = checker();
    let message = Message {
        event: EventId::NONE,
        from,
        to: "payment",
        leg: Leg::Request,
        method: "POST",
        target: "/charge",
        headers: vec![("content-type", "application/json")],
        status: 0,
        body: Cow::Borrowed(br#"{"order": 7, "amount": 120}"#),
        request: None,
    };
    bencher.bench(|| {
        let (mut summary, mut findings) = (Summary::default(), Vec::new());
        checker.check_message(&message, &mut summary, &mut findings);
        assert!(findings.is_empty());
    });
}
