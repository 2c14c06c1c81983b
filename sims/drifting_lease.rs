//! # The lease on a drifting clock
//!
//! **Story**: two workers write to one shared resource. Whoever does so holds a lease, which a
//! server grants until a date; until then the holder writes without asking again.
//!
//! **Defect**: the holder compares that date with its own clock. Where the clock is behind, or the
//! holder stands still between look and write, or the write is late on its way, the lease has ended
//! and the other worker holds the next one.
//!
//! **Invariant**: once the holder of a later lease has written, no earlier one's write is accepted.
//!
//! **Repair**: each lease has a number (a fencing token) that the writes carry, and the resource
//! refuses what is older than what it has seen. No margin of time would do.
//!
//! **Run**: `cargo run --release -- explore drifting_lease`
//!
//! **Expect**: the broken variant fails within 200 seeds and shrinks to one fault: a clock that
//! drifts, a pause or a late message; the fixed one holds for 100,000 seeds.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use stormglass::disk::OpenOptions;
use stormglass::prelude::*;

/// How long a lease is, and how long before its end its holder stops.
const LEASE: Duration = Duration::from_millis(100);
const MARGIN: Duration = Duration::from_millis(5);
const TICK: Duration = Duration::from_millis(10);

/// The lease of that number, until that date.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Lease {
    number: u64,
    until: Duration,
}

/// A write that the resource accepted, and the newest lease that had written before.
#[derive(Debug)]
struct Accepted {
    lease: u64,
    newest: u64,
}

/// Changes a number on the disk: what is returned was synced.
fn update(ctx: Ctx, change: impl Fn(u64) -> u64) -> io::Result<u64> {
    let disk = ctx.disk().handle();
    let file = disk.open("number", OpenOptions::new().read(true).write(true).create(true))?;
    let mut bytes = [0; 8];
    file.read_at(&mut bytes, 0)?;
    let before = u64::from_le_bytes(bytes);
    file.write_all_at(&change(before).to_le_bytes(), 0)?;
    file.sync()?;
    disk.sync_dir("")?;
    Ok(before)
}

fn now(ctx: Ctx) -> Duration {
    ctx.clock().wall().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The server: grants a lease when the last one has ended, by its own clock.
fn server(ctx: Ctx) -> Router {
    // A server that starts does not know what it granted before.
    let unknown = Lease { number: 0, until: now(ctx) + 2 * LEASE };
    Router::new().route("/grant", post(grant)).with_state((ctx, Arc::new(Mutex::new(unknown))))
}

async fn grant(
    State((ctx, last)): State<(Ctx, Arc<Mutex<Lease>>)>,
) -> Result<Json<Lease>, StatusCode> {
    let mut last = last.lock().expect("one thread");
    if now(ctx) < last.until {
        return Err(StatusCode::CONFLICT);
    }
    let before = update(ctx, |number| number + 1);
    let number = before.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)? + 1;
    *last = Lease { number, until: now(ctx) + LEASE };
    Ok(Json(*last))
}

/// The resource: remembers the newest lease that it has seen.
fn resource(ctx: Ctx, fenced: bool) -> Router {
    Router::new().route("/write", post(accept)).with_state((ctx, fenced))
}

async fn accept(State((ctx, fenced)): State<(Ctx, bool)>, Json(lease): Json<u64>) -> StatusCode {
    match update(ctx, |newest| newest.max(lease)) {
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
        Ok(newest) if fenced && lease < newest => StatusCode::CONFLICT,
        Ok(newest) => {
            ctx.publish("accepted", Accepted { lease, newest });
            StatusCode::OK
        }
    }
}

/// A worker: writes as long as it believes that its lease lasts.
async fn work(ctx: Ctx) {
    loop {
        let grant = ctx.http().post("http://server/grant").timeout(2 * TICK).send().await;
        if let Ok(lease) = grant.and_then(|reply| reply.error_for_status()?.json::<Lease>()) {
            while now(ctx) + MARGIN < lease.until {
                let write = ctx.http().post("http://resource/write").json(&lease.number);
                let _ = write.timeout(2 * TICK).send().await;
                ctx.sleep(TICK).await;
            }
        }
        ctx.sleep(TICK).await;
    }
}

/// The world. The defect is one value: whether the resource looks at the lease's number.
pub(crate) fn world(sim: &mut Sim) {
    let fenced = sim.variant() == "fixed";
    sim.service("server", server);
    sim.service("resource", move |ctx| resource(ctx, fenced));
    sim.process("worker", work).replicas(2).calls(["server", "resource"]);
    sim.client("visitor", |ctx| async move {
        ctx.sleep(Duration::from_secs(1)).await;
        Ok::<(), io::Error>(())
    });
    sim.always("no write under an old lease is accepted", in_order);
}

fn in_order(view: &View<'_>) -> Result<(), String> {
    match view.probe::<Accepted>("resource", "accepted") {
        Some(write) if write.lease < write.newest => {
            Err(format!("lease {} wrote after lease {}", write.lease, write.newest))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use stormglass::chaos::{Chaos, FaultKind};
    use stormglass::sim::Sim;

    use super::world;
    use crate::trial::{first_failure, holds, same_trace, story};

    #[test]
    fn without_a_token_some_seed_accepts_an_old_lease() {
        first_failure(&world, 200);
    }

    #[test]
    fn a_drifting_clock_alone_is_enough() {
        let drift = |sim: &mut Sim| {
            world(sim);
            sim.chaos(Chaos::default().only([FaultKind::ClockDrift]));
        };
        first_failure(&drift, 200);
    }

    #[test]
    fn with_a_token_no_seed_accepts_an_old_lease() {
        holds(&world, 300);
    }

    #[test]
    fn same_seed_same_trace() {
        same_trace(&world);
    }

    #[test]
    fn the_first_failure() {
        expect![[r#"
            seed 9: Violated("lease 5 wrote after lease 6")
            at 490ms: step the clock of worker-1 by -36ms

                 726.037 ms  resource  -> worker-1  200
                 735.214 ms  worker-0  -> server    POST /grant
                 735.479 ms  server    -> worker-0  200
                 735.644 ms  worker-0  -> resource  POST /write
                 735.952 ms  resource  -> worker-0  200
                 736.349 ms  worker-1  -> resource  POST /write
                 736.679 ms  resource  -> worker-1  200                                    still under way at the end
                 736.679 ms  world     property "no write under an old lease is accepted"  <- violated
                 736.679 ms  world     the world ends: violated
        "#]].assert_eq(&story(&world, 200));
    }
}
