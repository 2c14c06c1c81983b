//! Each disk fault of a plan: what the program meets, and what the tally says.

use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use expect_test::{Expect, expect};
use stormglass::chaos::{DiskOperation, Fault};
use stormglass::disk::OpenOptions;
use stormglass::journal::Kind;
use stormglass::prelude::*;

use super::{notes, plan, run_alone, run_with, tally};

const AT: Duration = Duration::from_millis(10);
const LASTS: Option<Duration> = Some(Duration::from_millis(20));
const EVERY: OpenOptions = OpenOptions::new().read(true).write(true).create(true);

/// Appends a page every 4 ms, syncs and reads them, and says what came of it.
fn store(sim: &mut Sim) {
    sim.process("store", |ctx| async move {
        for n in 0..10 {
            let began = ctx.clock().now();
            let result: io::Result<bool> = async {
                let log = ctx.disk().open("log", EVERY).await?;
                let end = log.len().await?;
                log.write_all_at(&[7; 4096], end).await?;
                log.sync().await?;
                let mut read = [0; 4096];
                log.read_exact_at(&mut read, end).await?;
                Ok(read == [7; 4096])
            }
            .await;
            let took = ctx.clock().now() - began;
            let slow = if took > Duration::from_millis(1) { " late" } else { "" };
            ctx.record(match result {
                Ok(true) => format!("{n} ok{slow}"),
                Ok(false) => format!("{n} other bytes"),
                Err(error) => format!("{n} {error}"),
            });
            ctx.sleep(Duration::from_millis(4).saturating_sub(took)).await;
        }
    });
    sim.client("waiter", |ctx| async move {
        ctx.sleep(Duration::from_millis(60)).await;
        Ok::<(), io::Error>(())
    });
}

/// What the store says beside "ok", and the tallies.
fn check(faults: impl IntoIterator<Item = Fault>, expect: Expect) {
    let run = run_with(&store, 7, faults);
    let mut text = String::new();
    for note in notes(&run).into_iter().filter(|note| !note.ends_with(" ok")) {
        writeln!(text, "{note}").unwrap();
    }
    let hits = run.journal.events().filter(|e| e.kind() == Kind::FaultHit).count();
    for (fault, tallied) in run.plan.faults.iter().zip(&run.tallies) {
        writeln!(text, "{fault}: {}", tally(tallied)).unwrap();
    }
    writeln!(text, "{hits} hits in the journal").unwrap();
    expect.assert_eq(&text);
}

fn node() -> String {
    "store".to_owned()
}

fn error(operation: DiskOperation, percent: Option<f64>, n: Option<u64>) -> Fault {
    Fault::DiskError { node: node(), operation, percent, n, at: AT, lasts: LASTS }
}

#[test]
fn a_full_disk() {
    check(
        [Fault::DiskFull { node: node(), at: AT, lasts: LASTS }],
        expect![[r#"
            3 no space left on device
            4 no space left on device
            5 no space left on device
            6 no space left on device
            7 no space left on device
            at 10ms for 20ms: fill the disk of store: 5 of 5
            5 hits in the journal
        "#]],
    );
}

#[test]
fn a_slow_disk() {
    let latency = Duration::from_millis(1);
    check(
        [Fault::DiskSlow { node: node(), latency, at: AT, lasts: LASTS }],
        expect![[r#"
        3 ok late
        4 ok late
        5 ok late
        6 ok late
        at 10ms for 20ms: slow the disk of store by 1ms: 17 of 17
        0 hits in the journal
    "#]],
    );
}

#[test]
fn a_disk_whose_writes_fail() {
    check(
        [error(DiskOperation::Write, None, None)],
        expect![[r#"
        3 input/output error
        4 input/output error
        5 input/output error
        6 input/output error
        7 input/output error
        at 10ms for 20ms: fail 100% of disk writes of store: 5 of 5
        5 hits in the journal
    "#]],
    );
}

#[test]
fn a_disk_that_fails_now_and_then() {
    check(
        [error(DiskOperation::Any, Some(20.0), None)],
        expect![[r#"
        3 input/output error
        6 input/output error
        at 10ms for 20ms: fail 20% of disk operations of store: 2 of 18
        2 hits in the journal
    "#]],
    );
}

#[test]
fn a_disk_whose_second_sync_in_the_window_fails() {
    check(
        [error(DiskOperation::Sync, None, Some(2))],
        expect![[r#"
        4 input/output error
        at 10ms for 20ms: fail disk sync #2 of store: 1 of 5
        1 hits in the journal
    "#]],
    );
}

#[test]
fn two_faults_of_a_kind_have_tallies_of_their_own() {
    check(
        [error(DiskOperation::Sync, None, Some(2)), error(DiskOperation::Read, None, Some(4))],
        expect![[r#"
            4 input/output error
            7 input/output error
            at 10ms for 20ms: fail disk sync #2 of store: 1 of 5
            at 10ms for 20ms: fail disk read #4 of store: 1 of 4
            2 hits in the journal
        "#]],
    );
}

#[test]
fn a_disk_that_reads_other_bytes() {
    let fault = Fault::DiskCorrupt { node: node(), percent: 50.0, at: AT, lasts: LASTS };
    check(
        [fault],
        expect![[r#"
        5 other bytes
        at 10ms for 20ms: corrupt 50% of disk reads of store: 1 of 5
        1 hits in the journal
    "#]],
    );
}

#[test]
fn a_disk_that_lies_does_so_silently() {
    check(
        [Fault::FsyncLies { node: node(), at: AT, lasts: LASTS }],
        expect![[r#"
            at 10ms for 20ms: fsync lies on store: 5 of 5
            5 hits in the journal
        "#]],
    );
}

#[test]
fn a_fault_of_a_disk_that_nobody_uses_is_idle() {
    fn world(sim: &mut Sim) {
        sim.process("store", |_| async {});
        sim.client("waiter", |ctx| async move {
            ctx.sleep(Duration::from_millis(60)).await;
            Ok::<(), io::Error>(())
        });
    }
    let run = run_with(&world, 1, [Fault::DiskFull { node: node(), at: AT, lasts: LASTS }]);
    assert_eq!(run.idle_faults(), [0]);
    assert!(run.is_vacuous());
}

#[test]
fn a_disk_is_sound_when_chaos_has_ended() {
    let open_ended = || Fault::DiskFull { node: node(), at: AT, lasts: None };
    let strike = Fault::PowerLoss { node: node(), at: None, disk_op: Some(900), lasts: None };
    fn world(sim: &mut Sim) {
        store(sim);
        sim.client("late", |ctx| async move {
            ctx.sleep(Duration::from_millis(200)).await;
            Ok::<(), io::Error>(())
        });
        sim.time_limit(Duration::from_millis(25));
    }
    let run = run_with(&world, 7, [open_ended(), strike]);
    assert_eq!(notes(&run).last(), Some(&"9 ok"));
}

#[test]
fn the_same_seed_and_plan_make_the_same_run() {
    let faults = [
        error(DiskOperation::Any, Some(20.0), None),
        Fault::DiskCorrupt { node: node(), percent: 20.0, at: AT, lasts: LASTS },
        Fault::FsyncLies { node: node(), at: AT, lasts: None },
        Fault::PowerLoss { node: node(), at: None, disk_op: Some(17), lasts: LASTS },
    ];
    let fingerprint = |seed, recording| {
        let config = RunConfig::seed(seed).plan(plan(faults.clone()));
        run_alone(&store, RunConfig { recording, ..config }).fingerprint()
    };
    for seed in 0..50 {
        let full = fingerprint(seed, stormglass::journal::Recording::Full);
        let digest = fingerprint(seed, stormglass::journal::Recording::Digest);
        assert_eq!(full, digest, "seed {seed}");
    }
}
