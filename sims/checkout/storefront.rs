//! The storefront: an unmodified program. It listens, asks by host name, and reads its environment;
//! nothing in it knows of Stormglass.

use std::env;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;

#[derive(Clone)]
struct Shop {
    client: reqwest::Client,
    orders: String,
    inventory: String,
}

pub(super) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let limit = Duration::from_millis(env::var("ANSWER_WITHIN_MS")?.parse()?);
    let shop = Shop {
        client: reqwest::Client::builder().timeout(limit).build()?,
        orders: env::var("ORDERS_URL")?,
        inventory: env::var("INVENTORY_URL")?,
    };
    let router = Router::new()
        .route("/orders", post(order))
        .route("/items/{item}", get(item))
        .route("/health", get(|| async { "well" }))
        .with_state(shop);
    Ok(axum::serve(TcpListener::bind("0.0.0.0:80").await?, router).await?)
}

async fn order(State(shop): State<Shop>, headers: HeaderMap, body: Bytes) -> Response {
    let url = format!("{}/orders", shop.orders);
    pass_on(
        shop.client.post(url).header(header::CONTENT_TYPE, "application/json").body(body),
        &headers,
    )
    .await
}

async fn item(State(shop): State<Shop>, headers: HeaderMap, Path(item): Path<String>) -> Response {
    pass_on(shop.client.get(format!("{}/items/{item}", shop.inventory)), &headers).await
}

/// Asks, in the trace of whoever asks the storefront, and gives the answer back.
async fn pass_on(request: reqwest::RequestBuilder, headers: &HeaderMap) -> Response {
    let trace = headers.get("traceparent").into_iter();
    let request = trace.fold(request, |request, trace| request.header("traceparent", trace));
    let answer = async {
        let answer = request.send().await?;
        let status = answer.status();
        let kind = answer.headers().get(header::CONTENT_TYPE).cloned();
        Ok::<_, reqwest::Error>((status, kind, answer.bytes().await?))
    };
    match answer.await {
        Ok((status, Some(kind), body)) => {
            (status, [(header::CONTENT_TYPE, kind)], body).into_response()
        }
        Ok((status, None, body)) => (status, body).into_response(),
        Err(error) if error.is_timeout() => StatusCode::GATEWAY_TIMEOUT.into_response(),
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}
