//! What can be a service: axum routers, tower layers, plain functions as factories.

use axum::extract::{Path, Query, Request, State};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use stormglass::service::BoxError;

use super::*;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    number: u32,
    #[serde(default)]
    lines: Vec<String>,
}

type Shelf = Arc<Mutex<Vec<Order>>>;

async fn place(State(shelf): State<Shelf>, Json(order): Json<Order>) -> impl IntoResponse {
    shelf.lock().unwrap().push(order.clone());
    (StatusCode::CREATED, [("x-shelf", "1")], Json(order))
}

async fn look(
    State(shelf): State<Shelf>,
    Path(number): Path<u32>,
    Query(query): Query<std::collections::BTreeMap<String, String>>,
) -> Result<Json<Order>, StatusCode> {
    let shelf = shelf.lock().unwrap();
    let found = shelf.iter().find(|order| order.number == number && query["full"] == "yes");
    found.cloned().map(Json).ok_or(StatusCode::NOT_FOUND)
}

/// A factory without a context.
fn shop() -> Router {
    let routes = Router::new().route("/orders", post(place)).route("/orders/{number}", get(look));
    routes.with_state(Shelf::default())
}

#[test]
fn a_router_with_extractors_runs_unmodified() {
    let world = |sim: &mut Sim| {
        sim.service("shop", shop);
        client(sim, |ctx| async move {
            let order = Order { number: 7, lines: vec!["tea".into()] };
            let http = ctx.http();
            let placed = http.post("http://shop/orders").json(&order).send().await.unwrap();
            ctx.record(format_args!("{} {:?}", placed.status(), placed.headers()["x-shelf"]));
            assert_eq!(placed.json::<Order>().unwrap(), order);
            let found = http.get("http://shop/orders/7?full=yes").send().await.unwrap();
            ctx.record(found.text());
            for path in ["orders/8?full=yes", "orders/x?full=yes", "nowhere", "orders"] {
                let answer = http.get(&format!("http://shop/{path}")).send().await.unwrap();
                ctx.record(format_args!("{path}: {}", answer.error_for_status().unwrap_err()));
            }
            let bad = http.post("http://shop/orders").body("{").send().await.unwrap();
            ctx.record(bad.status());
        });
    };
    check(
        [],
        world,
        expect![[r#"
        2.000 ms  client: 201 Created "1"
        4.000 ms  client: {"number":7,"lines":["tea"]}
        6.000 ms  client: orders/8?full=yes: status 404 Not Found
        8.000 ms  client: orders/x?full=yes: status 400 Bad Request
        10.000 ms  client: nowhere: status 404 Not Found
        12.000 ms  client: orders: status 405 Method Not Allowed
        14.000 ms  client: 415 Unsupported Media Type
    "#]],
    );
}

#[test]
fn tower_layers_work_on_the_service() {
    let world = |sim: &mut Sim| {
        sim.service("server", |_: Ctx| {
            let inner = Router::new().route(
                "/",
                get(|Extension(greeting): Extension<&'static str>| async move { greeting }),
            );
            tower::ServiceBuilder::new()
                .map_request(|mut request: Request<Body>| {
                    request.extensions_mut().insert("hello from a layer");
                    request
                })
                .map_response(|mut response: axum::response::Response| {
                    *response.status_mut() = StatusCode::ACCEPTED;
                    response
                })
                .service(inner)
        });
        client(sim, |ctx| async move {
            let answer = ctx.http().get("http://server/").send().await.unwrap();
            ctx.record(format_args!("{} {}", answer.status(), answer.text()));
        });
    };
    check(
        [],
        world,
        expect![[r#"
        2.000 ms  client: 202 Accepted hello from a layer
    "#]],
    );
}

#[test]
fn tower_layers_work_on_the_client() {
    let world = |sim: &mut Sim| {
        sim.service("server", || {
            Router::new().route(
                "/",
                post(|headers: HeaderMap, body: String| async move {
                    format!("{body} by {:?}", headers["x-user"])
                }),
            )
        });
        client(sim, |ctx| async move {
            let http = tower::ServiceBuilder::new()
                .map_request(|mut request: http::Request<String>| {
                    request.headers_mut().insert("x-user", "ann".parse().unwrap());
                    request
                })
                .service(ctx.http());
            let request = http::Request::post("http://server/").body("sent".to_owned()).unwrap();
            let answer = http.oneshot(request).await.unwrap();
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            ctx.record(String::from_utf8_lossy(&body));
        });
    };
    check(
        [],
        world,
        expect![[r#"
        2.000 ms  client: sent by "ann"
    "#]],
    );
}

/// A service's own error, which axum's routers never have, is a 500 with its text.
#[test]
fn an_error_of_the_service_is_a_500() {
    let world = |sim: &mut Sim| {
        sim.service("server", || {
            tower::service_fn(|_: http::Request<Body>| async {
                Err::<http::Response<Body>, BoxError>("out of tea".into())
            })
        });
        client(sim, |ctx| async move {
            let answer = ctx.http().get("http://server/").send().await.unwrap();
            ctx.record(format_args!("{} {}", answer.status(), answer.text()));
        });
    };
    check(
        [],
        world,
        expect![[r#"
        2.000 ms  client: 500 Internal Server Error out of tea
    "#]],
    );
}

#[test]
fn the_factory_is_called_again_at_each_start() {
    let world = |sim: &mut Sim| {
        sim.service("shop", shop);
        client(sim, |ctx| async move {
            let order = Order { number: 7, lines: vec![] };
            let http = ctx.http();
            http.post("http://shop/orders").json(&order).send().await.unwrap();
            ctx.sleep(ms(10)).await;
            let lost = http.get("http://shop/orders/7?full=yes").send().await.unwrap();
            ctx.record(lost.status());
        });
    };
    let crash = Fault::Crash { node: "shop".into(), at: ms(5), lasts: Some(ms(1)) };
    check(
        [crash],
        world,
        expect![[r#"
        14.000 ms  client: 404 Not Found
    "#]],
    );
}

/// What services say with `tracing` is in the journal, with their node and the virtual time.
#[test]
fn tracing_is_captured() {
    let world = |sim: &mut Sim| {
        sim.log_level(tracing::Level::DEBUG);
        sim.service("server", |ctx: Ctx| {
            Router::new().route(
                "/{id}",
                get(move |Path(id): Path<u32>| async move {
                    let span = tracing::info_span!("handle", id, user = tracing::field::Empty);
                    span.record("user", "ann");
                    tracing::warn!(parent: &span, left = 3, "stock is low");
                    ctx.sleep(ms(2)).await;
                    drop(span);
                    tracing::debug!(answer = ?"done");
                    tracing::trace!("not asked for");
                }),
            )
        });
        client(sim, |ctx| async move {
            ctx.http().get("http://server/7").send().await.unwrap();
        });
    };
    let run = run_with([], world);
    let own = |e: &stormglass::journal::Event<'_>| {
        matches!(e.kind(), Kind::Log | Kind::SpanOpen | Kind::SpanClose)
            && e.node_name() == "server"
            && !e.text().unwrap_or_default().contains("axum")
    };
    let line = |e: stormglass::journal::Event<'_>| {
        format!("{}  {}: {}\n", e.at(), e.kind().name(), e.text().unwrap_or_default())
    };
    let told: String = run.journal.events().filter(own).map(line).collect();
    expect![[r#"
        1.000 ms  span_open: handle id=7
        1.000 ms  log: WARN stock is low left=3
        3.000 ms  span_close: handle id=7 user=ann
        3.000 ms  log: DEBUG  answer="done"
    "#]]
    .assert_eq(&told);
}
