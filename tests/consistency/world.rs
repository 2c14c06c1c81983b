//! A replicated register in a world with default chaos: the broken one is caught, the repaired one
//! holds.

use std::io;
use std::time::Duration;

use expect_test::expect;
use rand::Rng;
use stormglass::consistency::linearizable;
use stormglass::consistency::sessions::{self, Guarantee};
use stormglass::disk::OpenOptions;
use stormglass::journal::Journal;
use stormglass::prelude::*;

use super::*;

const STORES: [&str; 3] = ["store-0", "store-1", "store-2"];
const PORT: u16 = 7;

/// A version: who has the higher stamp wins. Stamp 0 is the register that was never written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Cell {
    stamp: u64,
    value: u64,
}

impl Cell {
    fn bytes(self) -> Vec<u8> {
        [self.stamp.to_le_bytes(), self.value.to_le_bytes()].concat()
    }

    fn of(bytes: &[u8]) -> Cell {
        let word = |at: usize| {
            bytes.get(at..at + 8).map_or(0, |b| u64::from_le_bytes(b.try_into().unwrap()))
        };
        Cell { stamp: word(0), value: word(8) }
    }
}

/// A store takes every cell that is newer than its own, and answers with its own.
async fn store(ctx: Ctx) {
    let disk = ctx.disk().handle();
    let Ok(endpoint) = ctx.bind(PORT) else { return };
    let mut cell = disk.read("cell").map(|bytes| Cell::of(&bytes)).unwrap_or_default();
    let keep = |cell: Cell| -> io::Result<()> {
        let file = disk.open("cell", OpenOptions::new().write(true).create(true))?;
        file.write_all_at(&cell.bytes(), 0)?;
        file.sync()?;
        disk.sync_dir("")
    };
    while let Ok((request, from)) = endpoint.receive().await {
        let newer = Cell::of(&request);
        if newer > cell {
            if keep(newer).is_err() {
                continue;
            }
            cell = newer;
        }
        endpoint.send_to(from, cell.bytes());
    }
}

/// Sends a cell to stores until so many have answered, for half a second: the newest of their cells.
async fn ask(ctx: Ctx, stores: &[&str], enough: usize, cell: Cell) -> io::Result<Cell> {
    let endpoint = ctx.bind(0)?;
    let mut answers = std::collections::BTreeMap::new();
    for _ in 0..10 {
        for store in stores {
            endpoint.send(store, PORT, cell.bytes())?;
        }
        let collect = async {
            while answers.len() < enough {
                let (answer, from) = endpoint.receive().await?;
                answers.insert(from.node, Cell::of(&answer));
            }
            Ok::<(), io::Error>(())
        };
        if ctx.timeout(Duration::from_millis(50), collect).await.is_ok() {
            return Ok(answers.into_values().max().unwrap_or_default());
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

/// Writes to a majority, and reads from one: the defect. The repaired client reads from a majority,
/// and tells it what it has read (Attiya, Bar-Noy and Dolev 1995).
async fn operate(ctx: Ctx, fixed: bool, write: Option<u64>, own: u64) -> io::Result<Cell> {
    if write.is_none() && !fixed {
        let any = ctx.rng().next_u64() as usize % STORES.len();
        return ask(ctx, &[STORES[any]], 1, Cell::default()).await;
    }
    let newest = ask(ctx, &STORES, 2, Cell::default()).await?;
    let next = |value| Cell { stamp: (newest.stamp / 8 + 1) * 8 + own, value };
    let cell = write.map_or(newest, next);
    ask(ctx, &STORES, 2, cell).await?;
    Ok(cell)
}

fn world(sim: &mut Sim) {
    let fixed = sim.variant() == "fixed";
    sim.process("store", store).replicas(3);
    for own in 0..3u64 {
        sim.client(&format!("client-{own}"), move |ctx| async move {
            for n in 0..12 {
                ctx.sleep(Duration::from_millis(50 + ctx.rng().next_u64() % 300)).await;
                let write = ctx.rng().next_u64().is_multiple_of(2).then_some(100 * own + n + 1);
                let call = write.map_or(Call::Read, Call::Write);
                let invocation = ctx.invoke("cell", "", call);
                match operate(ctx, fixed, write, own).await {
                    Err(_) => invocation.info(),
                    Ok(_) if write.is_some() => invocation.ok(Reply::<u64>::Done),
                    Ok(cell) => {
                        let value = (cell.stamp > 0).then_some(cell.value);
                        invocation.ok(Reply::Value(value));
                    }
                }
            }
            Ok::<(), String>(())
        })
        .calls(["store"]);
    }
    sim.check(
        "the register is linearizable",
        linearizable("cell", register::Register::<u64>::new()),
    );
    sim.check(
        "a client sees what it wrote",
        sessions::hold::<u64>("cell", &[Guarantee::ReadYourWrites]),
    );
}

#[test]
fn a_read_from_one_store_is_stale_in_some_seed() {
    let folder = tempfile::tempdir().unwrap();
    let report = explore(world).seeds(0..200).shrink_runs(0).out(folder.path()).find();
    assert!(report.verdict().is_violated(), "{report}");
}

/// The witness of the first failure, and the story beside it.
#[test]
fn the_first_failure() {
    let failed = (0..200).map(|seed| run(&world, &RunConfig::seed(seed)));
    let failed = failed.into_iter().find(|run| run.verdict().is_violated()).unwrap();
    let outcome = failed.violated().unwrap();
    expect![[r#"
        seed 3, the register is linearizable: violated: 2 of its 36 operations contradict each other, whatever became of the others
               781.000 ms  client-1  write 102 -> ok  |--|
               987.000 ms  client-2  read -> nil            |--|"#]]
        .assert_eq(&format!("seed {}, {}: {}", failed.seed, outcome.property, outcome.verdict));
    // The verdict is one of the journal alone.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.journal");
    failed.journal.save(&path).unwrap();
    let loaded = Journal::load(&path).unwrap();
    let property = linearizable("cell", register::Register::<u64>::new());
    assert_eq!(property(&loaded), property(&failed.journal));
}

#[test]
fn a_read_from_a_majority_holds() {
    let config = |seed| RunConfig::seed(seed).variant("fixed");
    for seed in 0..100 {
        let run = run(&world, &config(seed));
        assert!(run.verdict().holds(), "seed {seed}: {}", run.verdict());
    }
}

/// A check of what nobody recorded is no pass.
#[test]
fn nothing_recorded_is_unknown() {
    let world = |sim: &mut Sim| {
        sim.client("idle", |ctx| async move {
            ctx.invoke("cell", "", Call::Write(1)).ok(Reply::<u64>::Done);
            Ok::<(), String>(())
        });
        sim.check("typo", linearizable("cel", register::Register::<u64>::new()));
    };
    let verdict = run(&world, &RunConfig::seed(1)).verdict();
    expect!["unknown: typo: no operation on `cel` was recorded; did you mean `cell`?"]
        .assert_eq(&verdict.to_string());
}
