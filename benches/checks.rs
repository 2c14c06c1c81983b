//! What checks cost: one shop with none, and with contracts, flows, linearizability and a property at
//! every step. Each item is an order: a request, a charge, their replies and what they leave behind.

use std::rc::Rc;
use std::time::Duration;

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use divan::Bencher;
use divan::counter::ItemsCount;
use serde_json::{Value, json};
use stormglass::consistency::counter::{Call, Counter, Reply};
use stormglass::consistency::linearizable;
use stormglass::contract::{Checker, ContractRegistry, Release};
use stormglass::document::Document;
use stormglass::prelude::*;
use stormglass::service::HttpError;
use stormglass::trace::{DistributedTracer, Flow};

use crate::run_quietly;

const SHOPPERS: u32 = 4;
const ORDERS: u32 = 100;

fn contracts() -> Checker {
    let api = |path: &str| {
        let order = json!({
            "type": "object", "required": ["order", "amount"],
            "properties": { "order": { "type": "integer" }, "amount": { "type": "integer" } },
        });
        let content = json!({ "application/json": { "schema": order } });
        json!({ "openapi": "3.1.0", "paths": { path: { "post": {
            "requestBody": { "required": true, "content": content.clone() },
            "responses": { "200": { "description": "done", "content": content } },
        } } } })
    };
    let mut registry = ContractRegistry::new();
    let releases = ["shop@1.0.0", "payment@1.0.0"];
    let releases: Vec<Release> = releases.map(|r| r.parse().expect("a release")).into();
    for (release, path) in releases.iter().zip(["/orders", "/charge"]) {
        let document = Document::json("bench.json", &api(path).to_string()).expect("it is JSON");
        registry.add(release.clone(), &document).expect("it is a contract");
    }
    Checker::new(&registry, &releases).expect("both are there")
}

async fn place(State(ctx): State<Ctx>, Json(order): Json<Value>) -> Json<Value> {
    let charge = ctx.http().post("http://payment/charge").json(&order).send().await;
    Json(charge.and_then(|reply| reply.json()).expect("nothing is lost"))
}

fn shop(sim: &mut Sim) {
    sim.service("payment", |ctx: Ctx| {
        let charge = move |Json(order): Json<Value>| async move {
            ctx.publish("charged", order["order"].as_u64());
            Json(order)
        };
        Router::new().route("/charge", post(charge))
    });
    sim.service("shop", |ctx: Ctx| Router::new().route("/orders", post(place)).with_state(ctx));
    for shopper in 0..SHOPPERS {
        sim.client(&format!("shopper-{shopper}"), move |ctx| async move {
            for n in 0..ORDERS {
                let call = ctx.invoke("orders", "all", Call::Add(1));
                let order = json!({ "order": shopper * ORDERS + n, "amount": 20 });
                ctx.http().post("http://shop/orders").json(&order).send().await?.json::<Value>()?;
                call.ok(Reply::Done);
                ctx.sleep(Duration::from_millis(1)).await;
            }
            Ok::<(), HttpError>(())
        });
    }
}

#[divan::bench]
fn none(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(SHOPPERS * ORDERS)).bench(|| run_quietly(shop));
}

#[divan::bench]
fn all(bencher: Bencher<'_, '_>) {
    let contracts = contracts();
    let flows = Flow::parse(
        "format = 1\n[[check]]\nname = \"charges are swift\"\nkind = \"deadline\"\nwithin = \"1s\"\n\
         span = { service = \"payment\", operation = \"POST /charge\", kind = \"server\" }\n",
        "bench.toml",
    );
    let (contracts, flows) = (Rc::new(contracts), flows.expect("it is a flow"));
    bencher.counter(ItemsCount::new(SHOPPERS * ORDERS)).bench_local(|| {
        let (contracts, flows) = (contracts.clone(), flows.clone());
        run_quietly(move |sim| {
            shop(sim);
            let (contracts, flows) = (contracts.clone(), flows.clone());
            sim.check("contracts are kept", move |journal| contracts.verdict(journal));
            sim.check("work flows", move |journal| DistributedTracer::of(journal).check(&flows));
            sim.check("orders are linearizable", linearizable("orders", Counter::new()));
            sim.always("orders have numbers", |view| {
                view.probe::<Option<u64>>("payment", "charged")
                    .is_none_or(|number| number.is_some())
            });
        })
    });
}
