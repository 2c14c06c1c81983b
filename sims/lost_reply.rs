//! # The lost reply
//!
//! **Story**: a shop counts its orders in Redis, and counts again when no answer comes within 200 ms.
//! Server and client are `mini-redis`, as the registry has it.
//!
//! **Defect**: the shop takes a lost reply for a lost request. The number may have been written, and
//! is then read and raised a second time.
//!
//! **Invariant**: the counter equals the number of orders. (A Redis that crashes forgets: from then on
//! the counter may be lower, but never higher.)
//!
//! **Repair**: every order is written under its own key. To write it again changes nothing.
//!
//! **Run**: `cargo run --release -- explore lost_reply`
//!
//! **Expect**: the broken variant counts an order twice within a few seeds and shrinks to one fault;
//! the fixed one holds. Nothing in the programs knows of Stormglass.

use std::time::Duration;

use mini_redis::{Result, client, server};
use stormglass::journal::{Journal, Kind};
use stormglass::prelude::*;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

const ORDERS: u64 = 5;

/// Where the orders are counted.
#[derive(Clone, Copy)]
enum Count {
    /// In one number that is read, raised and written: the defect.
    InOneNumber,
    /// As the number of keys, one for each order.
    InKeysOfTheirOwn,
}

async fn redis() -> Result<()> {
    let listener = TcpListener::bind("0.0.0.0:6379").await?;
    server::run(listener, std::future::pending::<()>()).await
}

/// The shop: takes one order after the other, counts each until Redis says that it is counted, and
/// reads the counter in the evening.
async fn shop(count: Count) -> Result<()> {
    sleep(Duration::from_millis(10)).await;
    for order in 1..=ORDERS {
        until_answered(|| count.raise(order)).await;
        tracing::info!(order, "counted");
        sleep(Duration::from_millis(100)).await;
    }
    let counter = until_answered(|| count.read()).await;
    tracing::info!(counter, "evening");
    Ok(())
}

impl Count {
    async fn raise(self, order: u64) -> Result<()> {
        let mut redis = client::connect("redis:6379").await?;
        match self {
            Count::InOneNumber => {
                let counter = number(&mut redis, "orders").await?;
                redis.set("orders", (counter + 1).to_string().into()).await
            }
            Count::InKeysOfTheirOwn => redis.set(&format!("order-{order}"), "1".into()).await,
        }
    }

    async fn read(self) -> Result<u64> {
        let mut redis = client::connect("redis:6379").await?;
        match self {
            Count::InOneNumber => number(&mut redis, "orders").await,
            Count::InKeysOfTheirOwn => {
                let mut counter = 0;
                for order in 1..=ORDERS {
                    counter += number(&mut redis, &format!("order-{order}")).await?;
                }
                Ok(counter)
            }
        }
    }
}

async fn number(redis: &mut client::Client, key: &str) -> Result<u64> {
    let text = redis.get(key).await?.unwrap_or_else(|| "0".into());
    Ok(std::str::from_utf8(&text)?.parse()?)
}

/// Asks again after an error, and when there is no answer within 200 ms.
async fn until_answered<T, F: Future<Output = Result<T>>>(ask: impl Fn() -> F) -> T {
    loop {
        match timeout(Duration::from_millis(200), ask()).await {
            Ok(Ok(answer)) => return answer,
            Ok(Err(error)) => tracing::info!(%error, "asks again"),
            Err(late) => tracing::info!(%late, "asks again"),
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// The world. The defect is one value: where the shop counts.
pub(crate) fn world(sim: &mut Sim) {
    let fixed = sim.variant() == "fixed";
    let count = if fixed { Count::InKeysOfTheirOwn } else { Count::InOneNumber };
    sim.program("redis", redis);
    sim.program("shop", move || shop(count)).calls(["redis"]).drives();
    sim.check("the counter equals the number of orders", counter_equals_orders);
}

fn counter_equals_orders(journal: &Journal) -> std::result::Result<(), String> {
    let mut forgot = false;
    for event in journal.events() {
        let ends = matches!(event.kind(), Kind::Crash | Kind::PowerLoss | Kind::Stop);
        forgot |= ends && event.node_name() == "redis";
        let text = event.text().filter(|_| event.kind() == Kind::Log).unwrap_or_default();
        let Some(counter) = text.strip_prefix("INFO evening counter=") else { continue };
        let counter: u64 = counter.parse().expect("the shop writes a number");
        if counter > ORDERS || counter < ORDERS && !forgot {
            return Err(format!("the counter says {counter} after {ORDERS} orders"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::world;
    use crate::trial::{first_failure, holds, same_trace, story};

    #[test]
    fn in_one_number_some_order_is_counted_twice() {
        first_failure(&world, 200);
    }

    #[test]
    fn in_keys_of_their_own_every_order_is_counted_once() {
        holds(&world, 300);
    }

    #[test]
    fn same_seed_same_trace() {
        same_trace(&world);
    }

    #[test]
    fn the_first_failure() {
        expect![[r#"
            seed 3: Violated("the counter says 6 after 5 orders")
            shop -> redis * #2 message: drop

                 672.792 ms  redis  -> shop   conn #6, 7 B
                 673.050 ms  shop   -> redis  conn #6, 32 B
                 673.383 ms  redis  -> shop   conn #6, 5 B
                 673.622 ms  shop   INFO counted order=5
                 775.122 ms  shop   -> redis  conn #7, 25 B
                 775.326 ms  redis  -> shop   conn #7, 7 B
                 775.484 ms  shop   INFO evening counter=6
                 775.484 ms  world  chaos ends, all is healed
                 775.484 ms  world  the world ends: finished  <- violated
        "#]]
        .assert_eq(&story(&world, 200));
    }
}
