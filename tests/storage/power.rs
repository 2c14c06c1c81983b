//! Crashes, power losses and wipes of a node with a disk; power losses within an operation.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use expect_test::expect;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use stormglass::chaos::Fault;
use stormglass::disk::{Disk, OpenOptions};
use stormglass::journal::{Event, Journal, Kind};
use stormglass::prelude::*;

use super::{notes, run_with, tally};

const RW: OpenOptions = OpenOptions::new().read(true).write(true).create(true);
const AT: Duration = Duration::from_millis(50);
const LASTS: Option<Duration> = Some(Duration::from_millis(20));

/// A store that syncs its first record, does not sync the second, and says at its start what it has.
fn store(sim: &mut Sim) {
    store_that(sim, false);
}

/// The same, and then it panics, if so: its process is gone, its machine is not.
fn store_that(sim: &mut Sim, panics: bool) {
    sim.may_panic().process("store", move |ctx| async move {
        if let Ok(bytes) = ctx.disk().read("log").await {
            let text = bytes.chunks(512).map(|c| char::from(c[0]).to_string());
            ctx.record(format_args!("finds {}", text.collect::<String>().replace('\0', ".")));
            return;
        }
        let result: io::Result<()> = async {
            let log = ctx.disk().open("log", RW).await?;
            log.write_all_at(&[b'1'; 512], 0).await?;
            log.sync().await?;
            ctx.disk().sync_dir("").await?;
            log.write_all_at(&[b'2'; 2048], 512).await
        }
        .await;
        ctx.record(format_args!("wrote: {result:?}"));
        assert!(!panics, "as it was asked to");
    });
    wait(sim, 200);
}

/// A client that keeps the world alive.
fn wait(sim: &mut Sim, millis: u64) {
    sim.client("waiter", move |ctx| async move {
        ctx.sleep(Duration::from_millis(millis)).await;
        Ok::<(), io::Error>(())
    });
}

fn node() -> String {
    "store".to_owned()
}

#[test]
fn a_crash_keeps_what_was_not_synced() {
    for seed in 0..20 {
        let run = run_with(&store, seed, [Fault::Crash { node: node(), at: AT, lasts: LASTS }]);
        assert_eq!(notes(&run), ["wrote: Ok(())", "finds 12222"]);
    }
}

#[test]
fn a_power_loss_keeps_loses_or_tears_what_was_not_synced() {
    let mut found: Vec<String> = Vec::new();
    for seed in 0..100 {
        let fault = Fault::PowerLoss { node: node(), at: Some(AT), disk_op: None, lasts: LASTS };
        let run = run_with(&store, seed, [fault]);
        let finds = notes(&run)[1].strip_prefix("finds 1").unwrap().to_owned();
        found.push(finds);
    }
    let count = |what: &str| found.iter().filter(|f| *f == what).count();
    assert!(count("") > 20, "lost whole: {found:?}");
    assert!(count("2222") > 20, "kept whole: {found:?}");
    assert!(found.iter().any(|f| f.contains(".2")), "torn: {found:?}");
}

#[test]
fn a_wiped_node_starts_with_an_empty_disk() {
    let run = run_with(&store, 1, [Fault::Wipe { node: node(), at: AT, lasts: LASTS }]);
    assert_eq!(notes(&run), ["wrote: Ok(())", "wrote: Ok(())"]);
}

#[test]
fn power_lost_while_a_process_is_down_takes_what_it_left() {
    let world = |sim: &mut Sim| store_that(sim, true);
    let mut lost = 0;
    for seed in 0..30 {
        let fault = Fault::PowerLoss { node: node(), at: Some(AT), disk_op: None, lasts: LASTS };
        let run = run_with(&world, seed, [fault]);
        lost += u32::from(notes(&run)[1] == "finds 1");
        assert_eq!(tally(&run.tallies[0]), "1 of 1");
    }
    assert!(lost > 5, "{lost}");
}

/// The story of a strike at the fourth operation, a sync, which nobody hears the store comment.
#[test]
fn a_strike_at_an_operation() {
    let strike = Fault::PowerLoss { node: node(), at: None, disk_op: Some(4), lasts: LASTS };
    let run = run_with(&store, 3, [strike]);
    assert_eq!(tally(&run.tallies[0]), "1 of 4");
    expect![[r#"
        time             node   what
               0.023 ms  store  fault 1 strikes: sync log
               0.023 ms  store  disk fails sync log: the power is lost
               0.023 ms  store  loses power
              20.023 ms  store  starts
              20.046 ms  store  syncs log
              20.066 ms  store  syncs its disk
              20.067 ms  store  wrote: Ok(())
    "#]]
    .assert_eq(&run.journal.story().of_nodes(["store"]).to_string());
}

const ROWS: TableDefinition<u32, u32> = TableDefinition::new("rows");

fn insert(db: &Database, row: u32) -> Result<(), redb::Error> {
    let write = db.begin_write()?;
    write.open_table(ROWS)?.insert(row, row * row)?;
    Ok(write.commit()?)
}

fn rows(db: &Database) -> Result<Vec<u32>, redb::Error> {
    let table = match db.begin_read()?.open_table(ROWS) {
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
        table => table?,
    };
    table.iter()?.map(|row| Ok(row?.0.value())).collect()
}

/// A process that commits six rows in `redb` and publishes after each what is promised. Where it
/// does not handle an error it panics: that is forgiven if the power is lost.
fn committer(sim: &mut Sim) {
    sim.process("store", |ctx| async move {
        let db = ctx.disk().redb("rows.redb").unwrap();
        let found = rows(&db).unwrap();
        ctx.publish("found", found.clone());
        for row in found.len() as u32..6 {
            ctx.sleep(Duration::from_millis(1)).await;
            ctx.disk().blocking(|| insert(&db, row).unwrap()).await;
            ctx.publish("promised", row);
        }
    });
    wait(sim, 100);
}

#[test]
fn power_lost_at_any_operation_of_redb_takes_no_commit() {
    let mut strikes = 0;
    let mut within_commits = 0;
    for n in (1..140).step_by(3) {
        let strike = Fault::PowerLoss { node: node(), at: None, disk_op: Some(n), lasts: LASTS };
        let run = run_with(&committer, n, [strike]);
        assert!(run.verdict().holds(), "operation {n}: {:?}", run.verdict());
        strikes += run.tallies[0].hits;
        if run.tallies[0].hits == 0 {
            continue;
        }
        let lives = lives(&run.journal);
        assert_eq!(lives.len(), 2, "operation {n}: {lives:?}");
        let (first, second) = (&lives[0], &lives[1]);
        let promised = |life: &Life| life.promised.last().copied();
        let found = second.found.as_ref().expect("it starts again and reads");
        let kept = found.len() as u32;
        assert!(promised(first).is_none_or(|p| kept > p), "operation {n}: {lives:?}");
        assert!(kept == 6 || promised(second) == Some(5), "operation {n}: {lives:?}");
        within_commits += u32::from(promised(first).is_some());
    }
    assert!(strikes > 20 && within_commits > 10, "{strikes} {within_commits}");
}

/// What a process published between a start and what ended it.
#[derive(Debug, Default)]
struct Life {
    found: Option<Vec<u32>>,
    promised: Vec<u32>,
}

/// The lives of the store. Between a power loss and the next start nothing may be heard of it.
fn lives(journal: &Journal) -> Vec<Life> {
    let mut lives = Vec::new();
    let mut up = false;
    for event in journal.events().filter(|e| e.node_name() == "store") {
        match event.kind() {
            Kind::Start => {
                assert!(!up, "two incarnations at {}", event.at());
                up = true;
                lives.push(Life::default());
            }
            Kind::PowerLoss => up = false,
            // The code that was struck runs on to its next `.await`, where nobody hears it.
            Kind::Panic => {}
            _ => {
                assert!(up, "{:?} of a node without power at {}", event.kind(), event.at());
                hear(lives.last_mut().unwrap(), &event);
            }
        }
    }
    lives
}

fn hear(life: &mut Life, event: &Event<'_>) {
    let text = || event.text().unwrap();
    let numbers = |text: &str| {
        let numbers = text.trim_matches(['[', ']']).split(", ").filter(|n| !n.is_empty());
        numbers.map(|n| n.parse().unwrap()).collect::<Vec<u32>>()
    };
    match (event.kind(), event.symbol()) {
        (Kind::Probe, "found") => life.found = Some(numbers(text())),
        (Kind::Probe, "promised") => life.promised.extend(numbers(text())),
        _ => {}
    }
}

/// Writes when it is dropped, as a destructor that tidies up.
struct Tidy {
    disk: Disk,
    says: Rc<RefCell<Vec<String>>>,
}

impl Drop for Tidy {
    fn drop(&mut self) {
        let error = self.disk.open("tidy", RW).err().map(|error| error.to_string());
        self.says.borrow_mut().push(error.unwrap_or_else(|| "tidied up".to_owned()));
    }
}

#[test]
fn destructors_of_a_dead_process_reach_no_disk() {
    let lasts = None;
    let faults = [
        Fault::Crash { node: node(), at: AT, lasts },
        Fault::PowerLoss { node: node(), at: Some(AT), disk_op: None, lasts },
        Fault::PowerLoss { node: node(), at: None, disk_op: Some(2), lasts },
    ];
    let said = faults.map(|fault| {
        std::thread::scope(|scope| scope.spawn(|| tidied(fault)).join().unwrap()).join(", ")
    });
    let crashed = "the process that used this disk has crashed";
    let dark = "the power is lost";
    assert_eq!(said, [crashed, dark, dark].map(|why| format!("{why}, {why}")));
}

/// What the destructors of two tasks met that were killed by `fault`.
fn tidied(fault: Fault) -> Vec<String> {
    let says = Rc::new(RefCell::new(Vec::new()));
    let shared = says.clone();
    let world = move |sim: &mut Sim| {
        let says = shared.clone();
        sim.process("store", move |ctx| {
            let tidy = || Tidy { disk: ctx.disk().handle(), says: says.clone() };
            let (beside, own) = (tidy(), tidy());
            ctx.spawn(async move {
                let _beside = beside;
                std::future::pending::<()>().await;
            });
            async move {
                let _own = own;
                loop {
                    ctx.sleep(Duration::from_millis(20)).await;
                    let _ = ctx.disk().handle().exists("x");
                }
            }
        });
        // The world ends before the store is started again.
        wait(sim, 100);
        sim.never("it ends", |view| view.now().as_nanos() > 90_000_000);
    };
    let _ = stormglass::sim::run(&world, &RunConfig::seed(1).plan(super::plan([fault])));
    says.take().into_iter().take(2).collect()
}
