//! `mini-redis` from the registry: its server, and both of its clients.

use std::time::Duration;

use expect_test::expect;
use mini_redis::{client, server};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

use super::*;

type Result<T> = mini_redis::Result<T>;

async fn serve() -> Result<()> {
    let listener = TcpListener::bind("0.0.0.0:6379").await?;
    server::run(listener, std::future::pending::<()>()).await
}

async fn count() -> Result<u64> {
    let mut redis = client::connect("redis:6379").await?;
    let before = redis.get("count").await?;
    let count = before.map_or(0, |text| String::from_utf8_lossy(&text).parse().unwrap_or(0));
    redis.set("count", (count + 1).to_string().into()).await?;
    Ok(count + 1)
}

/// Counts again and again, for a minute.
async fn counter() -> Result<()> {
    for _ in 0..60 {
        match timeout(ms(500), count()).await {
            Ok(Ok(count)) => tell(count),
            Ok(Err(error)) => tell(error),
            Err(late) => tell(late),
        }
        sleep(secs(1)).await;
    }
    Ok(())
}

fn world(sim: &mut Sim) {
    calm(sim);
    sim.program("redis", serve);
    sim.program("counter", counter).drives();
}

fn during(fault: impl Fn(Duration, Option<Duration>) -> Fault) -> String {
    let plan = FaultPlan::new(vec![fault(ms(2_500), Some(secs(3)))]);
    let run = twice(&world, &RunConfig::seed(1).plan(plan));
    assert!(run.verdict().holds(), "{}\n{}", run.verdict(), run.journal.story());
    told(&run).lines().take(9).map(|line| format!("{line}\n")).collect()
}

/// A partition loses no count; a request that is late may have been heard.
#[test]
fn a_partition() {
    let node = |name: &str| vec![name.to_owned()];
    let told = during(|at, lasts| Fault::Partition {
        a: node("redis"),
        b: node("counter"),
        one_way: false,
        at,
        lasts,
    });
    expect![[r#"
        6.000 ms counter 1
        1012.000 ms counter 2
        2018.000 ms counter 3
        3518.000 ms counter deadline has elapsed
        5018.000 ms counter deadline has elapsed
        6024.000 ms counter 4
        7030.000 ms counter 5
        8036.000 ms counter 6
        9042.000 ms counter 7
    "#]]
    .assert_eq(&told);
}

/// What was only in memory is gone.
#[test]
fn a_crash() {
    let told = during(|at, lasts| Fault::Crash { node: "redis".to_owned(), at, lasts });
    expect![[r#"
        6.000 ms counter 1
        1012.000 ms counter 2
        2018.000 ms counter 3
        3020.000 ms counter Connection refused (os error 111)
        4022.000 ms counter Connection refused (os error 111)
        5024.000 ms counter Connection refused (os error 111)
        6030.000 ms counter 1
        7036.000 ms counter 2
        8042.000 ms counter 3
    "#]]
    .assert_eq(&told);
}

#[test]
fn a_pause() {
    let told = during(|at, lasts| Fault::Pause { node: "redis".to_owned(), at, lasts });
    expect![[r#"
        6.000 ms counter 1
        1012.000 ms counter 2
        2018.000 ms counter 3
        3518.000 ms counter deadline has elapsed
        5018.000 ms counter deadline has elapsed
        6024.000 ms counter 4
        7030.000 ms counter 5
        8036.000 ms counter 6
        9042.000 ms counter 7
    "#]]
    .assert_eq(&told);
}

#[test]
fn publish_and_subscribe() {
    let world = |sim: &mut Sim| {
        calm(sim);
        sim.program("redis", serve);
        sim.program("reader", || async {
            let mut news =
                client::connect("redis:6379").await?.subscribe(vec!["news".into()]).await?;
            while let Some(message) = news.next_message().await? {
                tell(String::from_utf8_lossy(&message.content));
            }
            Ok::<(), mini_redis::Error>(())
        });
        sim.program("writer", || async {
            sleep(ms(10)).await;
            let mut redis = client::connect("redis:6379").await?;
            for text in ["one", "two"] {
                tell(redis.publish("news", text.into()).await?);
            }
            redis.set_expires("key", "value".into(), secs(10)).await?;
            sleep(secs(9)).await;
            tell(redis.get("key").await?.is_some());
            sleep(ms(1001)).await;
            tell(redis.get("key").await?.is_some());
            Ok::<(), mini_redis::Error>(())
        })
        .drives();
    };
    let run = twice(&world, &RunConfig::seed(1));
    expect![[r#"
        14.000 ms writer 1
        14.000 ms reader one
        16.000 ms writer 1
        16.000 ms reader two
        9020.000 ms writer true
        10023.000 ms writer false
    "#]]
    .assert_eq(&told(&run));
}

/// The blocking client has a runtime of its own, on a thread of its own.
#[test]
fn the_blocking_client() {
    let world = |sim: &mut Sim| {
        calm(sim);
        sim.program("redis", serve);
        sim.program("client", || async {
            let asked = tokio::task::spawn_blocking(|| {
                let mut redis = mini_redis::blocking_client::connect("redis:6379")?;
                redis.set("key", "value".into())?;
                redis.get("key")
            });
            tell(format_args!("{:?}", asked.await??));
            Ok::<(), mini_redis::Error>(())
        })
        .drives();
    };
    let run = twice(&world, &RunConfig::seed(1));
    expect![[r#"
        6.000 ms client Some(b"value")
    "#]]
    .assert_eq(&told(&run));
}

#[test]
fn every_storm_replays() {
    let stormy = |sim: &mut Sim| {
        world(sim);
        sim.chaos(Chaos::default()).time_limit(secs(300));
    };
    storms(&stormy, "programs::redis::every_storm_replays");
}

/// Its protocol is not read: a fault of messages finds none, and says what would strike.
#[test]
fn a_fault_of_messages_finds_only_bytes() {
    let lost = Fault::Message {
        from: "counter".into(),
        to: "redis".into(),
        label: None,
        n: 1,
        leg: stormglass::chaos::Leg::Reply,
        effect: stormglass::chaos::Effect::Drop,
    };
    let run = apart(&world, &RunConfig::seed(1).plan(FaultPlan::new([lost])));
    let why = "only bytes went that way, which a fault of kind `connection` strikes";
    assert_eq!(run.idle_reasons(), [(0, why.to_owned())]);
}
