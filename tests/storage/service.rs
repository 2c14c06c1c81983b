//! A service on `redb` under default chaos: it keeps every acknowledged commit, unless the disk
//! lies to it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use stormglass::chaos::{Fault, FaultKind, Tolerance};
use stormglass::prelude::*;

use super::run_alone;

const ROWS: TableDefinition<u32, ()> = TableDefinition::new("rows");

/// The database, while it is open; after an error it is opened anew.
type Store = (Ctx, Arc<Mutex<Option<Database>>>);

fn store(ctx: Ctx) -> Router {
    Router::new()
        .route("/rows/{row}", post(add))
        .route("/rows", get(list))
        .with_state((ctx, Arc::default()))
}

/// Does `work` with the open database, and closes it if that fails.
fn with_db<T>(
    (ctx, db): &Store,
    work: impl FnOnce(&Database) -> Result<T, redb::Error>,
) -> Result<T, redb::Error> {
    let mut db = db.lock().unwrap();
    let open = match db.take() {
        Some(open) => open,
        None => ctx.disk().redb("rows.redb")?,
    };
    let result = work(&open)?;
    *db = Some(open);
    Ok(result)
}

async fn add(State(store): State<Store>, Path(row): Path<u32>) -> StatusCode {
    let commit = |db: &Database| {
        let write = db.begin_write()?;
        write.open_table(ROWS)?.insert(row, ())?;
        Ok(write.commit()?)
    };
    match store.0.disk().blocking(|| with_db(&store, commit)).await {
        Ok(()) => StatusCode::CREATED,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

async fn list(State(store): State<Store>) -> Result<Json<BTreeSet<u32>>, StatusCode> {
    let read = |db: &Database| {
        let table = match db.begin_read()?.open_table(ROWS) {
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(BTreeSet::new()),
            table => table?,
        };
        table.iter()?.map(|row| Ok(row?.0.value())).collect()
    };
    with_db(&store, read).map(Json).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

/// A client that adds a row every 50 ms and reads all; it publishes what it was promised, and what
/// of that it does not find.
fn world(sim: &mut Sim) {
    let chaos = Chaos::default().without([FaultKind::DiskError]);
    sim.chaos(match sim.variant() {
        "lies" => chaos
            .only([FaultKind::FsyncLies, FaultKind::PowerLoss, FaultKind::Crash])
            .tolerance(Tolerance::default().lying_disks())
            .intensity(4.0),
        _ => chaos,
    });
    sim.service("store", store);
    sim.client("writer", |ctx| async move {
        let mut promised = BTreeSet::new();
        for row in 0..30u32 {
            ctx.sleep(Duration::from_millis(50)).await;
            let limit = Duration::from_millis(300);
            let url = format!("http://store/rows/{row}");
            let reply = ctx.http().post(&url).label("POST /rows").timeout(limit).send().await;
            if reply.is_ok_and(|r| r.status() == StatusCode::CREATED) {
                promised.insert(row);
                ctx.reachable("a row is promised");
            }
            let reply = ctx.http().get("http://store/rows").timeout(limit).send().await;
            let Ok(found) = reply.and_then(|r| r.error_for_status()?.json::<BTreeSet<u32>>())
            else {
                continue;
            };
            let lost: Vec<u32> = promised.difference(&found).copied().collect();
            if !lost.is_empty() {
                ctx.publish("lost", lost);
            }
        }
        Ok::<(), HttpError>(())
    });
    sim.always("what was promised is there", nothing_lost);
}

fn nothing_lost(view: &View<'_>) -> Result<(), String> {
    let lost = view.probe::<Vec<u32>>("writer", "lost");
    lost.map_or(Ok(()), |lost| Err(format!("rows {lost:?}")))
}

#[test]
fn redb_keeps_what_it_promised_through_300_seeds_of_default_chaos() {
    let mut power_losses = 0;
    for seed in 0..300 {
        let run = run_alone(&world, RunConfig::seed(seed));
        assert!(run.verdict().holds(), "seed {seed}: {:?}\n{}", run.verdict(), run.plan);
        let losses = run.plan.faults.iter().zip(&run.tallies);
        power_losses += losses
            .filter(|(fault, tally)| matches!(fault, Fault::PowerLoss { .. }) && tally.hits > 0)
            .count();
    }
    assert!(power_losses > 30, "only {power_losses} power losses");
}

#[test]
fn a_lying_disk_is_caught() {
    let caught = (0..200).find(|seed| {
        let run = run_alone(&world, RunConfig::seed(*seed).variant("lies"));
        run.verdict().is_violated()
    });
    assert!(caught.is_some());
}

#[test]
fn the_same_seed_makes_the_same_run() {
    let fingerprint = |seed| run_alone(&world, RunConfig::seed(seed).variant("lies")).fingerprint();
    for seed in 0..50 {
        assert_eq!(fingerprint(seed), fingerprint(seed), "seed {seed}");
    }
}
