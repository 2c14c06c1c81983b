//! Stores: one database for all that name one path in one life of a node.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use redb::{DatabaseError, ReadTransaction, ReadableDatabase, TableDefinition, WriteTransaction};
use stormglass::disk::Store;
use stormglass::prelude::*;

use super::{notes, run_with};

const COUNTS: TableDefinition<'_, &str, u64> = TableDefinition::new("counts");

fn set(n: u64) -> impl FnOnce(&WriteTransaction) -> Result<(), redb::Error> {
    move |tx| Ok(tx.open_table(COUNTS)?.insert("orders", n).map(drop)?)
}

fn get(tx: &ReadTransaction) -> Result<u64, redb::Error> {
    Ok(tx.open_table(COUNTS)?.get("orders")?.map_or(0, |n| n.value()))
}

#[test]
fn stores_of_one_path_see_each_others_commits() {
    let world = |sim: &mut Sim| {
        sim.chaos(Chaos::none()).client("writer", |ctx| async move {
            let [one, other] = ["book.redb", "/./book.redb"].map(|path| ctx.disk().store(path));
            for n in 1..4 {
                one.write(set(n)).await?;
                assert_eq!(other.read(get).await?, n);
                other.write(set(n + 10)).await?;
                assert_eq!(one.read(get).await?, n + 10);
            }
            let apart = ctx.disk().store("till.redb");
            apart.write(set(1)).await?;
            assert_eq!(one.read(get).await?, 13);
            ctx.record("done");
            Ok::<(), redb::Error>(())
        });
    };
    assert_eq!(notes(&run_with(&world, 1, [])), ["done"]);
}

#[test]
fn a_store_has_its_file_for_itself_until_the_last_of_them_is_dropped() {
    let world = |sim: &mut Sim| {
        sim.chaos(Chaos::none()).client("writer", |ctx| async move {
            let disk = ctx.disk();
            let store = disk.store("book.redb");
            store.write(set(7)).await?;
            let other = disk.store("book.redb");
            drop(store);
            let taken = disk.redb("book.redb");
            assert!(matches!(taken, Err(DatabaseError::DatabaseAlreadyOpen)));
            drop(other);
            assert_eq!(get(&disk.redb("book.redb")?.begin_read()?)?, 7);
            // No path: told when it is used.
            let error = disk.store("../book.redb").read(get).await.unwrap_err();
            ctx.record(format_args!("{error}"));
            Ok::<(), redb::Error>(())
        });
    };
    let run = run_with(&world, 1, []);
    assert_eq!(notes(&run), ["I/O error: `../book.redb`: a simulated disk knows no `..`"]);
}

/// A store that the process did not make in this life, beside one that it did.
#[test]
fn a_store_that_is_kept_over_a_restart_is_that_of_the_new_life() {
    let lasts = Some(Duration::from_millis(10));
    let at = Duration::from_millis(50);
    let crash = Fault::Crash { node: "book".into(), at, lasts };
    let dark = Fault::PowerLoss { node: "book".into(), at: Some(at), disk_op: None, lasts };
    for end in [crash, dark] {
        let kept: Arc<Mutex<Option<Store>>> = Arc::default();
        let world = move |sim: &mut Sim| {
            let kept = kept.clone();
            sim.process("book", move |ctx| {
                let kept = kept.clone();
                async move {
                    let store = ctx.disk().store("book.redb");
                    let before = kept.lock().unwrap().replace(store.clone());
                    let Some(before) = before else { return store.write(set(1)).await.unwrap() };
                    assert_eq!(store.read(get).await.unwrap(), 1);
                    before.write(set(2)).await.unwrap();
                    store.write(set(3)).await.unwrap();
                    ctx.record(before.read(get).await.unwrap());
                }
            });
            sim.client("client", |ctx| async move {
                ctx.sleep(Duration::from_millis(100)).await;
                Ok::<(), String>(())
            });
        };
        let run = run_with(&world, 1, [end]);
        assert!(run.verdict().holds(), "{}", run.verdict());
        assert_eq!(notes(&run), ["3"]);
    }
}
