//! # The amnesia after an acknowledgement
//!
//! **Story**: a store writes each entry into its file and answers 201. Later its machine loses
//! power, and starts again.
//!
//! **Defect**: the store answers before the entry is on the disk. It is in the page cache, where
//! every read finds it, until there is no power.
//!
//! **Invariant**: an entry that was acknowledged is there.
//!
//! **Repair**: sync the file, and the directory that names it, before the answer.
//!
//! **Run**: `cargo run --release -- explore amnesia_ack`
//!
//! **Expect**: the broken variant fails within 200 seeds and shrinks to one power loss of the store;
//! the fixed one holds for 100,000 seeds.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use stormglass::disk::OpenOptions;
use stormglass::prelude::*;

/// An entry has a sector of its own, so that no write can tear another entry.
const SECTOR: u64 = 512;

fn store(ctx: Ctx, sync: bool) -> Router {
    Router::new().route("/{key}", post(put).get(look)).with_state((ctx, sync))
}

async fn put(State((ctx, sync)): State<(Ctx, bool)>, Path(key): Path<u64>) -> StatusCode {
    status(write(ctx, key, sync).await, StatusCode::CREATED)
}

async fn write(ctx: Ctx, key: u64, sync: bool) -> io::Result<()> {
    let file = ctx.disk().open("entries", OpenOptions::new().write(true).create(true)).await?;
    file.write_all_at(b"here", key * SECTOR).await?;
    if sync {
        file.sync().await?;
        ctx.disk().sync_dir("").await?;
    }
    Ok(())
}

async fn look(State((ctx, _)): State<(Ctx, bool)>, Path(key): Path<u64>) -> StatusCode {
    status(read(ctx, key).await, StatusCode::OK)
}

async fn read(ctx: Ctx, key: u64) -> io::Result<()> {
    let file = ctx.disk().open("entries", OpenOptions::new().read(true)).await?;
    let mut entry = [0; 4];
    file.read_exact_at(&mut entry, key * SECTOR).await?;
    if &entry == b"here" { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
}

fn status(result: io::Result<()>, success: StatusCode) -> StatusCode {
    use io::ErrorKind::{NotFound, UnexpectedEof};
    match result {
        Ok(()) => success,
        Err(error) if matches!(error.kind(), NotFound | UnexpectedEof) => StatusCode::NOT_FOUND,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The world. The defect is one value: whether the store syncs before it answers.
pub(crate) fn world(sim: &mut Sim) {
    let sync = sim.variant() == "fixed";
    sim.service("store", move |ctx| store(ctx, sync));
    sim.client("writer", |ctx| async move {
        let limit = Duration::from_millis(100);
        let mut acknowledged = Vec::new();
        for round in 0..15 {
            let url = |key: &u64| format!("http://store/{key}");
            if round < 3 {
                let put = ctx.http().post(&url(&round)).label("PUT entry").timeout(limit);
                if put.send().await.is_ok_and(|reply| reply.status() == StatusCode::CREATED) {
                    acknowledged.push(round);
                    ctx.reachable("an entry is acknowledged");
                }
            }
            ctx.sleep(limit).await;
            for key in &acknowledged {
                let get = ctx.http().get(&url(key)).label("GET entry").timeout(limit).send().await;
                if get.is_ok_and(|reply| reply.status() == StatusCode::NOT_FOUND) {
                    ctx.publish("forgotten", *key);
                }
            }
        }
        Ok::<(), HttpError>(())
    })
    .calls(["store"]);
    sim.points(["an entry is acknowledged"]);
    sim.always("what was acknowledged is there", nothing_is_forgotten);
}

fn nothing_is_forgotten(view: &View<'_>) -> Result<(), String> {
    let forgotten = view.probe::<u64>("writer", "forgotten");
    forgotten.map_or(Ok(()), |key| Err(format!("entry {key} was acknowledged and is not there")))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::world;
    use crate::trial::{first_failure, holds, same_trace, story};

    #[test]
    fn an_answer_before_the_sync_is_forgotten_in_some_seed() {
        first_failure(&world, 200);
    }

    #[test]
    fn an_answer_after_the_sync_is_forgotten_in_no_seed() {
        holds(&world, 300);
    }

    #[test]
    fn same_seed_same_trace() {
        same_trace(&world);
    }

    #[test]
    fn the_first_failure() {
        expect![[r#"
            seed 9: Violated("entry 2 was acknowledged and is not there")
            at 1200ms for 560ms: power loss of store

                1719.578 ms  writer  timed out waiting for store
                1719.578 ms  writer  -> store   GET entry                       resent: machine is off; still under way at the end
                1760.000 ms  world   fault 1 ends: at 1200ms for 560ms: power loss of store
                1760.000 ms  store   starts
                1819.578 ms  writer  timed out waiting for store
                1819.578 ms  writer  -> store   GET entry
                1819.773 ms  store   -> writer  404
                1820.037 ms  world   property "what was acknowledged is there"  <- violated
                1820.037 ms  world   the world ends: violated
        "#]].assert_eq(&story(&world, 200));
    }
}
