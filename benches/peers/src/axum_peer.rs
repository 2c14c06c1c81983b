//! axum alone: the floor for HTTP on a simulator. A POST with a JSON body through a router by `oneshot`, the reply
//! collected and read; no network, no delay, no scheduler.

use std::time::Duration;

use axum::{
    Json, Router,
    body::Body,
    http::{Request, StatusCode, header::CONTENT_TYPE},
    routing::post,
};
use futures::executor::block_on;
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use tower::ServiceExt;

use crate::{
    contender::{Build, Contender},
    work::{Outcome, Posts},
};

/// axum's own `oneshot`.
pub const CONTENDER: Contender =
    Contender { posts: Some(posts), ..Contender::new("axum oneshot", "axum", Build::Plain) };

/// What the client posts to `/orders`.
#[derive(Serialize, Deserialize)]
pub struct Order {
    /// The number of the order.
    pub id: u64,
    /// What is ordered.
    pub item: String,
}

/// What the router replies, with status 201.
#[derive(Serialize, Deserialize)]
pub struct Receipt {
    /// The number of the order.
    pub id: u64,
    /// What became of it.
    pub state: String,
}

/// The service under test: the same router for every contender.
pub fn router() -> Router {
    Router::new().route("/orders", post(take_order))
}

async fn take_order(Json(order): Json<Order>) -> (StatusCode, Json<Receipt>) {
    (StatusCode::CREATED, Json(Receipt { id: order.id, state: format!("{} taken", order.item) }))
}

fn posts(work: &Posts) -> Outcome {
    let router = router();
    block_on(async {
        for id in 0..u64::from(work.calls) {
            assert_eq!(call(&router, id).await.id, id);
        }
    });
    Outcome { units: u64::from(work.calls), virtual_time: Duration::ZERO }
}

async fn call(router: &Router, id: u64) -> Receipt {
    let order = Order { id, item: "lamp".to_owned() };
    let body = serde_json::to_vec(&order).expect("an order is plain data");
    let request = Request::post("http://shop/orders")
        .header(CONTENT_TYPE, "application/json")
        .body(Body::from(body))
        .expect("the request is well formed");
    let reply = router.clone().oneshot(request).await.expect("a router never fails");
    assert_eq!(reply.status(), StatusCode::CREATED);
    let body = reply.into_body().collect().await.expect("the body is in memory").to_bytes();
    serde_json::from_slice(&body).expect("the reply is a receipt")
}
