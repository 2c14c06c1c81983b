//! Requests on the message lane.

use axum::routing::{get, post};
use axum::{Json, Router};
use divan::Bencher;
use divan::counter::ItemsCount;
use serde::{Deserialize, Serialize};
use stormglass::service::HttpError;

use crate::run_quietly;

const MANY: u32 = 1_000;

#[derive(Clone, Serialize, Deserialize)]
struct Order {
    number: u32,
    item: String,
}

#[divan::bench]
fn get_empty(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(MANY)).bench(|| {
        run_quietly(|sim| {
            sim.service("shop", || Router::new().route("/", get(|| async {})));
            sim.client("shopper", |ctx| async move {
                for _ in 0..MANY {
                    ctx.http().get("http://shop/").send().await?;
                }
                Ok::<(), HttpError>(())
            });
        })
    });
}

/// JSON in, JSON out, through an axum router.
#[divan::bench]
fn post_json(bencher: Bencher<'_, '_>) {
    let echo = |Json(order): Json<Order>| async move { Json(order) };
    bencher.counter(ItemsCount::new(MANY)).bench(|| {
        run_quietly(|sim| {
            sim.service("shop", move || Router::new().route("/orders", post(echo)));
            sim.client("shopper", |ctx| async move {
                for number in 0..MANY {
                    let order = Order { number, item: "lamp".to_owned() };
                    let reply = ctx.http().post("http://shop/orders").json(&order).send().await?;
                    reply.json::<Order>()?;
                }
                Ok::<(), HttpError>(())
            });
        })
    });
}
