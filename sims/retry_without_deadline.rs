//! # The retry without a deadline
//!
//! **Story**: a checkout, its stock and the stock's warehouse are three programs as a team writes them:
//! `axum::serve`, a `reqwest` client that asks again after every error, and a machine that speaks UDP.
//!
//! **Defect**: a retry answers errors, not silence. `reqwest` looks after the machine at the other end (keep-alive,
//! a user timeout) and has no timeout for the answer unless it is told one. Here the machine lives, and so
//! does its process: the stock waits for a datagram that is lost, for ever, and the checkout with it.
//!
//! **Invariant**: every order has an answer in the end.
//!
//! **Repair**: one line, a timeout on the client.
//!
//! **Run**: `cargo run --release -- explore retry_without_deadline`
//!
//! **Expect**: the broken variant waits for ever within a few seeds and shrinks to one fault; the
//! fixed one holds for 100,000 seeds. Nothing in the programs knows of Stormglass.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::post;
use stormglass::prelude::*;
use tokio::net::{TcpListener, UdpSocket};
use tokio::time::sleep;

/// The warehouse: says yes to whoever asks, one after the other, which takes it 200 ms.
async fn warehouse() -> io::Result<()> {
    let socket = UdpSocket::bind("0.0.0.0:9000").await?;
    let mut item = [0; 64];
    loop {
        let (length, from) = socket.recv_from(&mut item).await?;
        sleep(Duration::from_millis(200)).await;
        socket.send_to(&item[..length], from).await?;
    }
}

/// The stock: reserves what is asked for, once its warehouse has said yes.
async fn stock() -> io::Result<()> {
    let reserve = |Path(item): Path<String>| async move {
        ask_warehouse(&item).await.map_err(|_| StatusCode::BAD_GATEWAY)
    };
    let router = Router::new().route("/reserve/{item}", post(reserve));
    axum::serve(TcpListener::bind("0.0.0.0:80").await?, router).await
}

async fn ask_warehouse(item: &str) -> io::Result<String> {
    let socket = UdpSocket::bind("0.0.0.0:0").await?;
    socket.send_to(item.as_bytes(), "warehouse:9000").await?;
    socket.recv_from(&mut [0; 64]).await?;
    Ok(format!("{item} is yours"))
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
    sim.program("warehouse", warehouse);
    sim.program("stock", stock).calls(["warehouse"]);
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
            seed 3: Violated("checkout waits for something to come in since 50.990 ms; warehouse waits for something to come in since 0.000 ms; stock waits for something to come in since 10.718 ms")
            at 4200us for 1300ms: partition warehouse | stock, checkout

            time             node      what
                   4.200 ms  world     fault 1 begins: at 4200us for 1300ms: partition warehouse | stock, checkout
                  10.558 ms  checkout  -> stock      POST /reserve/lamp
                  10.718 ms  stock     -x warehouse  datagram     dropped: partition, fault 1
                1304.200 ms  world     fault 1 ends: at 4200us for 1300ms: partition warehouse | stock, checkout
                1304.200 ms  world     chaos ends, all is healed  <- violated
                1304.200 ms  world     the world ends: deadlock
        "#]].assert_eq(&story(&world, 200));
    }
}
