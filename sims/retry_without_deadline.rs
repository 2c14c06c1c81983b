//! # The retry without a deadline
//!
//! **Story**: a checkout and its stock are two programs as a team writes them: `axum::serve` and a
//! `reqwest` client that asks again after every error.
//!
//! **Defect**: a retry answers errors, not silence, and `reqwest` has no timeout unless it is told one.
//! A machine that loses its power after it has taken the request says nothing, for ever.
//!
//! **Invariant**: every order has an answer in the end.
//!
//! **Repair**: one line, a timeout on the client.
//!
//! **Run**: `cargo run --release -- explore retry_without_deadline`
//!
//! **Expect**: the broken variant waits for ever within a few seeds and shrinks to one fault; the
//! fixed one holds for 100,000 seeds. Nothing in the programs knows of Stormglass.

use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::routing::post;
use stormglass::prelude::*;
use tokio::net::TcpListener;
use tokio::time::sleep;

/// The stock: reserves what is asked for, which takes it 200 ms: it asks a warehouse.
async fn stock() -> std::io::Result<()> {
    let reserve = |Path(item): Path<String>| async move {
        sleep(Duration::from_millis(200)).await;
        format!("{item} is yours")
    };
    let router = Router::new().route("/reserve/{item}", post(reserve));
    axum::serve(TcpListener::bind("0.0.0.0:80").await?, router).await
}

/// The checkout: reserves for one order after the other, and does not give up.
async fn checkout(timeout: Option<Duration>) -> reqwest::Result<()> {
    sleep(Duration::from_millis(10)).await;
    let mut client = reqwest::Client::builder();
    if let Some(timeout) = timeout {
        client = client.timeout(timeout);
    }
    let client = client.build()?;
    for item in ["lamp", "chair", "clock", "table", "shelf"] {
        while let Err(error) = reserve(&client, item).await {
            tracing::info!(item, %error, "asks again");
            sleep(Duration::from_millis(100)).await;
        }
        tracing::info!(item, "reserved");
    }
    Ok(())
}

async fn reserve(client: &reqwest::Client, item: &str) -> reqwest::Result<String> {
    let request = client.post(format!("http://stock/reserve/{item}"));
    request.send().await?.error_for_status()?.text().await
}

/// The world. The defect is one value: the timeout of the checkout's client.
pub(crate) fn world(sim: &mut Sim) {
    let timeout = (sim.variant() == "fixed").then_some(Duration::from_secs(1));
    sim.program("stock", stock);
    sim.program("checkout", move || checkout(timeout)).calls(["stock"]).drives();
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::world;
    use crate::trial::{first_failure, holds, same_trace, story};

    #[test]
    fn without_a_timeout_some_seed_waits_for_ever() {
        first_failure(&world, 200);
    }

    #[test]
    fn with_a_timeout_every_order_has_an_answer() {
        holds(&world, 200);
    }

    #[test]
    fn same_seed_same_trace() {
        same_trace(&world);
    }

    #[test]
    fn the_first_failure() {
        expect![[r#"
            seed 33: Violated("checkout waits for a timer at 90112.981 ms since 856.981 ms; stock waits for something to come in since 1003.700 ms")
            at 1s for 3700us: power loss of stock

                 816.292 ms  stock     -> checkout  200
                 816.477 ms  checkout  INFO reserved item=table
                 816.477 ms  checkout  -> stock     POST /reserve/shelf
                1000.000 ms  world     fault 1 begins: at 1s for 3700us: power loss of stock
                1000.000 ms  stock     loses power
                1003.700 ms  world     fault 1 ends: at 1s for 3700us: power loss of stock
                1003.700 ms  stock     starts
               60000.000 ms  world     chaos ends, all is healed  <- violated
               90000.000 ms  world     the world ends: stopped
        "#]].assert_eq(&story(&world, 200));
    }
}
