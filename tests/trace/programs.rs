//! Spans of programs on sockets, read from their bytes.

use axum::routing::get;
use futures::future::join_all;
use tokio::time::sleep;

use super::*;

async fn serve(router: Router) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind("0.0.0.0:80").await?;
    axum::serve(listener, router).await
}

/// Three requests at once; the one that is asked first is answered last. The shop asks the stock for
/// each, and passes the context on if it is told to.
fn world(passes_on: bool) -> impl Fn(&mut Sim) {
    move |sim| {
        sim.chaos(Chaos::none());
        sim.program("stock", || serve(Router::new().route("/", get(|| async { "7" }))));
        sim.program("shop", move || {
            let ask = move |headers: axum::http::HeaderMap, body: String| async move {
                let wait: u64 = body.parse().unwrap();
                sleep(ms(wait)).await;
                let mut call = reqwest::Client::new().get("http://stock/");
                if passes_on && let Some(parent) = headers.get("traceparent") {
                    call = call.header("traceparent", parent.to_str().unwrap());
                }
                call.send().await.unwrap().text().await.unwrap()
            };
            serve(Router::new().route("/", post(ask)))
        });
        sim.program("client", || async {
            sleep(ms(100)).await;
            let ask = |n: u64| async move {
                let client = reqwest::Client::new();
                let context = format!("00-{:032x}-{:016x}-01", n + 1, n + 100);
                let call = client.post("http://shop/").header("traceparent", context);
                call.body((90 - 30 * n).to_string()).send().await?.text().await
            };
            join_all((0..3).map(ask)).await.into_iter().collect::<Result<Vec<_>, _>>().map(drop)
        })
        .drives();
    }
}

/// Whose parts the requests to the stock are: the order of the requests to the shop.
fn parents(passes_on: bool) -> Vec<(Option<u128>, String)> {
    let run = run(&world(passes_on), &RunConfig::seed(1));
    assert!(run.verdict().holds(), "{}", run.verdict());
    let tracer = DistributedTracer::of(&run.journal);
    for trace in tracer.traces() {
        assert_eq!(tracer.critical_path(trace).total(), trace.root().duration());
    }
    let asks = tracer
        .spans()
        .spans()
        .filter(|span| span.kind == SpanKind::Client && &*span.service == "shop");
    let of = |span: SpanRef<'_>| {
        assert_eq!(span.http_status(), Some(200));
        assert_eq!(span.children().len(), 1, "the stock's server span");
        let by = span.attribute("sim.parent").map(ToString::to_string).unwrap_or_default();
        (span.parent().map(|parent| parent.trace), by)
    };
    asks.map(of).collect()
}

#[test]
fn the_context_tells_requests_of_a_program_apart() {
    let own = |trace| (Some(trace), String::new());
    assert_eq!(parents(true), [own(3), own(2), own(1)]);
}

/// Without the context nothing tells which of several it is: the parent is not guessed, and the last
/// one is said to be the only one.
#[test]
fn without_the_context_only_the_only_request_is_a_parent() {
    let parents = parents(false);
    assert_eq!(parents[..2], [(None, String::new()), (None, String::new())]);
    assert_eq!(parents[2], (Some(1), "the only request in work".to_owned()));
}
