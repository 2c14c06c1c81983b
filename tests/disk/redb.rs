//! A real database on a simulated disk keeps what it acknowledged, unless the disk lies to it.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use stormglass::disk::{Disk, DiskFault, DiskFaults, DiskStats};
use stormglass::seed::{Seed, Stream};

use super::{Log, disk};

const TABLE: TableDefinition<u64, &[u8]> = TableDefinition::new("table");

/// What the table holds, or should hold.
type Rows = BTreeMap<u64, Vec<u8>>;

/// The changes of one transaction: `None` removes the row.
type Transaction = Vec<(u64, Option<Vec<u8>>)>;

fn draw(stream: &mut Stream) -> Transaction {
    let row = |stream: &mut Stream| {
        let key = stream.below(40);
        let value = vec![stream.below(256) as u8; stream.below(3_000) as usize];
        (key, stream.chance(0.8).then_some(value))
    };
    (0..=stream.below(6)).map(|_| row(stream)).collect()
}

fn apply(rows: &Rows, transaction: &Transaction) -> Rows {
    let mut rows = rows.clone();
    for (key, value) in transaction {
        match value {
            Some(value) => rows.insert(*key, value.clone()),
            None => rows.remove(key),
        };
    }
    rows
}

fn commit(db: &Database, transaction: &Transaction) -> Result<(), redb::Error> {
    let write = db.begin_write()?;
    {
        let mut table = write.open_table(TABLE)?;
        for (key, value) in transaction {
            match value {
                Some(value) => table.insert(key, value.as_slice())?,
                None => table.remove(key)?,
            };
        }
    }
    Ok(write.commit()?)
}

fn rows(db: &Database) -> Result<Rows, redb::Error> {
    let table = match db.begin_read()?.open_table(TABLE) {
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(Rows::new()),
        table => table?,
    };
    let mut rows = Rows::new();
    for row in table.iter()? {
        let (key, value) = row?;
        rows.insert(key.value(), value.value().to_vec());
    }
    Ok(rows)
}

/// One life of a node: opens the database, which must hold one of `expected`, and commits until
/// the power is lost. Returns what it may hold then; `Err` is what it held instead. `found` counts
/// how often a commit in doubt was undone, and how often it was there.
fn live(
    disk: &Disk,
    expected: &[Rows],
    found: &mut [u32; 2],
    stream: &mut Stream,
) -> Result<Vec<Rows>, String> {
    disk.start();
    let db = match disk.redb("data.redb") {
        Ok(db) => db,
        Err(_) if is_down(disk) => return Ok(expected.to_vec()),
        Err(error) if is_half_made(&error) && expected == [Rows::new()] => {
            disk.remove("data.redb").map_err(|error| error.to_string())?;
            return Ok(expected.to_vec());
        }
        Err(error) => return Err(format!("it cannot be opened: {error}")),
    };
    let mut acknowledged = match rows(&db) {
        Ok(rows) => rows,
        Err(_) if is_down(disk) => return Ok(expected.to_vec()),
        Err(error) => return Err(format!("it cannot be read: {error}")),
    };
    match expected.iter().position(|rows| *rows == acknowledged) {
        Some(which) => found[which] += u32::from(expected.len() == 2),
        None => return Err("an acknowledged commit is gone, or half of one is there".to_owned()),
    }
    loop {
        let transaction = draw(stream);
        let after = apply(&acknowledged, &transaction);
        match commit(&db, &transaction) {
            Ok(()) => acknowledged = after,
            Err(_) if after == acknowledged => return Ok(vec![after]),
            Err(_) => return Ok(vec![acknowledged, after]),
        }
    }
}

/// A power loss before `Database::create` has returned can leave a file that `redb` refuses: it
/// writes the magic number last, and takes a file that is not empty for somebody else's.
fn is_half_made(error: &redb::DatabaseError) -> bool {
    error.to_string().contains("magic number mismatch")
}

/// The kind of operation that a line of the log tells of.
fn kind(line: &str) -> String {
    line.split(' ').nth(1).expect("number and kind").to_owned()
}

fn is_down(disk: &Disk) -> bool {
    disk.exists("").is_err()
}

/// What came of some power losses.
#[derive(Debug, PartialEq)]
struct Outcome {
    /// How the database was wrong, each time that it was.
    wrong: Vec<String>,
    /// What the disk counted.
    stats: DiskStats,
    /// How often a commit in doubt was undone, and how often it was there.
    found: [u32; 2],
    /// The operations at which power was lost: how often each kind.
    struck: BTreeMap<String, u32>,
    /// All operations.
    log: String,
}

/// Lives through `count` power losses, each at some operation of a life.
fn power_losses(seed: u64, count: u64, faults: &DiskFaults) -> Outcome {
    let disk = disk(seed);
    let log = Log::of(&disk);
    let mut stream = Seed(seed).stream("workload", 0);
    let mut expected = vec![Rows::new()];
    let mut wrong = Vec::new();
    let mut found = [0; 2];
    for _ in 0..count {
        let at = disk.stats().operations() + 1 + stream.below(150);
        disk.set_faults(DiskFaults { power_loss_at: Some(at), ..faults.clone() });
        // A damaged database may make redb panic: that is noticed, too.
        let life =
            catch_unwind(AssertUnwindSafe(|| live(&disk, &expected, &mut found, &mut stream)));
        match life.unwrap_or_else(|_| Err("redb panicked".to_owned())) {
            Ok(rows) => expected = rows,
            Err(loss) => {
                wrong.push(loss);
                disk.wipe();
                expected = vec![Rows::new()];
            }
        }
    }
    let log = log.take();
    let mut struck = BTreeMap::new();
    for line in log.lines().filter(|line| line.ends_with(": power_loss")) {
        *struck.entry(kind(line)).or_default() += 1;
    }
    Outcome { wrong, stats: disk.stats(), found, struck, log }
}

#[test]
fn every_acknowledged_commit_outlives_1000_power_losses() {
    let mut torn = 0;
    let mut found = [0; 2];
    let mut struck = BTreeMap::<String, u32>::new();
    for seed in 0..20 {
        let outcome = power_losses(seed, 50, &DiskFaults::default());
        assert_eq!(outcome.wrong, Vec::<String>::new(), "seed {seed}");
        assert_eq!(outcome.stats.power_losses, 50, "seed {seed}");
        torn += outcome.stats.loss.torn;
        found = [found[0] + outcome.found[0], found[1] + outcome.found[1]];
        outcome.struck.into_iter().for_each(|(kind, n)| *struck.entry(kind).or_default() += n);
    }
    assert_eq!(struck.values().sum::<u32>(), 1_000);
    assert!(torn > 100, "power losses must have torn writes: {torn}");
    assert!(found[0] > 50 && found[1] > 10, "commits in doubt must end in both ways: {found:?}");
    for kind in ["open", "read", "write", "sync", "stat"] {
        assert!(struck.contains_key(kind), "power must be lost at any operation: {struck:?}");
    }
}

/// Not some operation, but each of a database's first ones in turn: making and growing the file,
/// the first commit, the second.
#[test]
fn power_may_be_lost_at_every_single_operation() {
    let small = vec![(1, Some(vec![1]))];
    let big = vec![(1, None), (2, Some(vec![2; 2 << 20]))];
    let states = [Rows::new(), apply(&Rows::new(), &small), apply(&Rows::new(), &big)];
    let mut struck = Vec::new();
    let mut half_made = 0;
    for (at, seed) in (1..).flat_map(|at| (0..3).map(move |seed| (at, seed))) {
        let disk = disk(seed);
        let log = Log::of(&disk);
        disk.set_faults(DiskFaults { power_loss_at: Some(at), ..DiskFaults::default() });
        // None until the database is made, then the number of acknowledged commits.
        let acknowledged = disk.redb("dir/data.redb").ok().map(|db| {
            [&small, &big].iter().take_while(|transaction| commit(&db, transaction).is_ok()).count()
        });
        if !is_down(&disk) {
            break;
        }
        struck.extend(log.take().lines().find(|line| line.ends_with("power_loss")).map(kind));
        disk.start();
        let db = match disk.redb("dir/data.redb") {
            Ok(db) => db,
            Err(error) => {
                assert!(is_half_made(&error) && acknowledged.is_none(), "{at}, {seed}: {error}");
                half_made += 1;
                continue;
            }
        };
        let rows = rows(&db).unwrap();
        let there = states.iter().position(|state| *state == rows).expect("one of the states");
        let least = acknowledged.unwrap_or(0);
        let most = acknowledged.map_or(0, |acknowledged| acknowledged + 1);
        assert!((least..=most).contains(&there), "{at}, {seed}: {acknowledged:?}, {there} there");
    }
    assert!(half_made > 0, "redb can make a file atomically now: drop `is_half_made`");
    struck.sort();
    struck.dedup();
    assert_eq!(struck, ["open", "read", "set_len", "stat", "sync", "write"]);
}

/// The canary: the same search, on disks whose syncs lie, must find what the one above does not.
#[test]
fn a_disk_that_lies_about_syncs_is_caught() {
    let faults = DiskFaults { lost_sync: 0.5, ..DiskFaults::default() };
    let outcomes: Vec<Outcome> = (0..20).map(|seed| power_losses(seed, 10, &faults)).collect();
    let wrong = outcomes.iter().filter(|outcome| !outcome.wrong.is_empty()).count();
    assert!(wrong > 0, "no loss was seen");
    let gone = |outcome: &Outcome| outcome.wrong.iter().any(|loss| loss.contains("is gone"));
    assert!(outcomes.iter().any(gone), "no acknowledged commit was lost");
}

/// A file that is never synced is another matter than one whose syncs are lost now and then.
#[test]
fn a_disk_that_never_syncs_is_caught_at_the_first_power_loss() {
    let disk = disk(1);
    let survival = Some(stormglass::disk::Survival::NOTHING);
    disk.set_faults(DiskFaults { lost_sync: 1.0, survival, ..DiskFaults::default() });
    let db = disk.redb("data.redb").unwrap();
    commit(&db, &vec![(1, Some(vec![7]))]).unwrap();
    disk.power_loss();
    drop(db);
    disk.start();
    assert!(!disk.exists("data.redb").unwrap());
    assert!(disk.fault_count(DiskFault::LostSync).hits > 1);
}

#[test]
fn a_crash_of_the_process_loses_no_commit() {
    let disk = disk(1);
    let db = disk.redb("data.redb").unwrap();
    let mut write = db.begin_write().unwrap();
    write.set_durability(redb::Durability::Immediate).unwrap();
    write.open_table(TABLE).unwrap().insert(1, [7].as_slice()).unwrap();
    write.commit().unwrap();
    let before = disk.image().contents("data.redb").unwrap();
    disk.crash();
    drop(db);
    assert_eq!(disk.image().contents("data.redb").unwrap(), before, "nobody is there to tidy up");
    disk.start();
    let db = disk.redb("data.redb").unwrap();
    assert_eq!(rows(&db).unwrap(), Rows::from([(1, vec![7])]));
}

#[test]
fn a_full_disk_fails_the_commit_and_keeps_the_rows() {
    let disk = disk(1);
    let db = disk.redb("data.redb").unwrap();
    commit(&db, &vec![(1, Some(vec![7]))]).unwrap();
    disk.set_faults(DiskFaults { capacity: Some(0), ..DiskFaults::default() });
    let big = vec![(2, Some(vec![8; 1 << 20]))];
    let error = commit(&db, &big).unwrap_err();
    assert!(error.to_string().contains("no space left on device"), "{error}");
    drop(db);
    disk.set_faults(DiskFaults::default());
    let db = disk.redb("data.redb").unwrap();
    assert_eq!(rows(&db).unwrap(), Rows::from([(1, vec![7])]));
    commit(&db, &big).unwrap();
}

#[test]
fn same_seed_same_operations() {
    let faults = DiskFaults { lost_sync: 0.1, ..DiskFaults::default() };
    let first = power_losses(42, 20, &faults);
    assert!(first.log.lines().count() > 500, "{}", first.log);
    assert_eq!(first, power_losses(42, 20, &faults));
    assert_ne!(first.log, power_losses(43, 20, &faults).log);
}
