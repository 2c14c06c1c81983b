//! # The duplicate charge
//!
//! **Story**: a shop's checkout asks payment to charge a card, and asks again when no answer comes
//! within 100 ms.
//!
//! **Defect**: checkout believes that no answer means no charge. The answer may be lost on the way
//! back, or late, after the card was charged.
//!
//! **Invariant**: no order is charged twice.
//!
//! **Repair**: every try of one order carries the same idempotency key, and payment answers a key
//! that it knows without charging again.
//!
//! **Run**: `cargo run --release -- explore duplicate_charge`
//!
//! **Expect**: the broken variant fails within a few seeds and shrinks to one fault, a reply that is
//! dropped or late; the fixed one holds for 100,000 seeds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use stormglass::prelude::*;

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Order {
    number: u32,
}

/// What payment knows: how often each order was charged, and the keys that it has seen.
#[derive(Clone, Default)]
struct Ledger {
    charges: Arc<Mutex<BTreeMap<u32, u32>>>,
    keys: Arc<Mutex<BTreeSet<String>>>,
}

fn payment(ctx: Ctx) -> Router {
    Router::new().route("/charge", post(charge)).with_state((ctx, Ledger::default()))
}

async fn charge(
    State((ctx, ledger)): State<(Ctx, Ledger)>,
    headers: HeaderMap,
    Json(order): Json<Order>,
) -> StatusCode {
    ctx.work(Duration::from_millis(1)).await;
    if let Some(key) = headers.get("idempotency-key") {
        let key = String::from_utf8_lossy(key.as_bytes()).into_owned();
        if !ledger.keys.lock().expect("one thread").insert(key) {
            return StatusCode::OK;
        }
    }
    let mut charges = ledger.charges.lock().expect("one thread");
    *charges.entry(order.number).or_insert(0) += 1;
    ctx.record(format_args!("charges order {}", order.number));
    ctx.publish("charges", charges.clone());
    StatusCode::CREATED
}

fn checkout(ctx: Ctx, idempotent: bool) -> Router {
    Router::new().route("/orders", post(place)).with_state((ctx, idempotent))
}

async fn place(
    State((ctx, idempotent)): State<(Ctx, bool)>,
    Json(order): Json<Order>,
) -> StatusCode {
    let mut request = ctx.http().post("http://payment/charge").json(&order);
    if idempotent {
        request = request.header("idempotency-key", format!("order-{}", order.number));
    }
    let answer = request.timeout(Duration::from_millis(100)).retry(Retry::times(3)).send().await;
    if answer.is_ok() { StatusCode::CREATED } else { StatusCode::BAD_GATEWAY }
}

/// The world. The defect is one value: whether checkout sends a key.
pub(crate) fn world(sim: &mut Sim) {
    let idempotent = sim.variant() == "fixed";
    sim.service("payment", payment);
    sim.service("checkout", move |ctx| checkout(ctx, idempotent)).calls(["payment"]);
    let orders = (1..=3).map(|number| Order { number }).collect();
    sim.workload("shopper", orders, |ctx, order: Order| async move {
        let request = ctx.http().post("http://checkout/orders").json(&order);
        let reply = request.timeout(Duration::from_secs(2)).send().await?;
        ctx.record(format_args!("sees {}", reply.status()));
        Ok::<(), HttpError>(())
    })
    .calls(["checkout"]);
    sim.always("no order is charged twice", charged_at_most_once);
    sim.sometimes("an order is charged", |view| {
        view.probe::<BTreeMap<u32, u32>>("payment", "charges").is_some()
    });
}

fn charged_at_most_once(view: &View<'_>) -> Result<(), String> {
    let charges = view.probe::<BTreeMap<u32, u32>>("payment", "charges").unwrap_or_default();
    match charges.iter().find(|(_, times)| **times > 1) {
        Some((order, times)) => Err(format!("order {order} was charged {times} times")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::world;
    use crate::trial::{first_failure, holds, same_trace, story};

    #[test]
    fn without_a_key_some_seed_charges_twice() {
        first_failure(&world, 200);
    }

    #[test]
    fn with_a_key_no_seed_charges_twice() {
        holds(&world, 300);
    }

    #[test]
    fn same_seed_same_trace() {
        same_trace(&world);
    }

    #[test]
    fn the_first_failure() {
        expect![[r#"
            seed 4: Violated("order 1 was charged 2 times")
            checkout -> payment * #1 reply: drop

                   0.215 ms  checkout  -> payment   POST /charge
                   1.526 ms  payment   charges order 1
                   1.526 ms  payment   -x checkout  201                      dropped: fault 1
                 100.215 ms  checkout  timed out waiting for payment
                 100.215 ms  checkout  -> payment   POST /charge
                 101.381 ms  payment   charges order 1
                 101.381 ms  payment   -> checkout  201                      still under way at the end
                 101.381 ms  world     property "no order is charged twice"  <- violated
                 101.381 ms  world     the world ends: violated
        "#]].assert_eq(&story(&world, 200));
    }
}
