//! What replays: the rows of the table in `docs/programs.md` that say so, in one program.
#![expect(clippy::disallowed_types, reason = "the order of std's is what is tested")]

use std::collections::{BTreeSet, HashSet};

use rand::TryRng;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::sleep;

use super::*;
use crate::child::printed_by;

/// What std and `rand` draw on this thread. `uuid` v4 is 16 bytes of the same source.
fn drawn() -> String {
    let words: HashSet<&str> = ["a", "b", "c", "d", "e", "f", "g"].into_iter().collect();
    let own = rand::random::<u64>();
    format!("{words:?} {own} {:?}", rand::rngs::SysRng.try_next_u64())
}

/// In which order those who wait for a `watch` channel are woken.
async fn woken() -> String {
    let (send, receive) = watch::channel(0);
    let (tell_order, mut order) = mpsc::unbounded_channel();
    let mut waiting = JoinSet::new();
    for n in 0..12 {
        let (mut receive, tell_order) = (receive.clone(), tell_order.clone());
        waiting.spawn(async move {
            receive.changed().await.unwrap();
            tell_order.send(n).unwrap();
        });
    }
    sleep(ms(1)).await;
    send.send(1).unwrap();
    waiting.join_all().await;
    drop(tell_order);
    let mut all = Vec::new();
    while let Some(n) = order.recv().await {
        all.push(n);
    }
    format!("{all:?}")
}

async fn chosen() -> String {
    let mut all = String::new();
    for _ in 0..16 {
        all += tokio::select! { a = async { "a" } => a, b = async { "b" } => b, c = async { "c" } => c };
    }
    all
}

async fn main() -> std::io::Result<()> {
    tell(drawn());
    for _ in 0..2 {
        tell(spawn_blocking(drawn).await?);
    }
    // These two need `--cfg tokio_unstable`.
    if cfg!(tokio_unstable) {
        tell(woken().await);
        tell(chosen().await);
    }
    let mut tasks = JoinSet::new();
    for n in 0..5 {
        tasks.spawn(async move {
            sleep(ms(n % 2)).await;
            n
        });
    }
    tell(format_args!("{:?}", tasks.join_all().await));
    Ok(())
}

/// Also where other programs ran before in the process, and in a process of its own.
#[test]
fn the_same_seed_is_the_same_run() {
    let world = |sim: &mut Sim| {
        calm(sim);
        sim.program("a", main).replicas(2);
        sim.program("b", main).drives();
    };
    let run = twice(&world, &RunConfig::seed(1));
    assert!(run.verdict().holds(), "{}", run.verdict());
    let told = told(&run);
    let Some(printed) = printed_by("programs::replays::the_same_seed_is_the_same_run") else {
        println!("{told}");
        return;
    };
    assert!(printed.contains(&told), "{printed}\nis not\n{told}");
    // What is drawn is each node's and each thread's own.
    let hash = |line: &str| line.split_once("} ").map(|(_, drawn)| drawn.to_owned());
    let draws: Vec<String> = told.lines().filter_map(hash).collect();
    let different: BTreeSet<&String> = draws.iter().collect();
    assert_eq!((draws.len(), different.len()), (9, 9), "{told}");
    let other = apart(&world, &RunConfig::seed(2));
    assert_ne!(super::told(&other), told);
}
