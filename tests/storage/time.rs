//! Operations take true time, and happen at its end.

use std::time::Duration;

use expect_test::{Expect, expect};
use stormglass::chaos::{Chaos, Fault};
use stormglass::disk::{DiskSpeed, NodeDisk, OpenOptions};
use stormglass::prelude::*;

use super::{notes, run_with};

const RW: OpenOptions = OpenOptions::new().read(true).write(true).create(true);

/// What `body` records on a node without chaos.
fn check<F>(body: impl Fn(Ctx) -> F + Clone + Sync + 'static, expect: Expect)
where
    F: Future<Output = std::io::Result<()>> + 'static,
{
    let world = move |sim: &mut Sim| {
        sim.chaos(Chaos::none()).client("writer", body.clone());
    };
    let run = run_with(&world, 1, []);
    assert!(run.verdict().holds(), "{:?}", run.verdict());
    expect.assert_eq(&notes(&run).join("\n"));
}

#[test]
fn each_operation_takes_its_time() {
    check(
        |ctx| async move {
            let lap = |what: &str| ctx.record(format_args!("{what} at {}", ctx.clock().now()));
            let disk = ctx.disk();
            let file = disk.open("a/log", RW).await?;
            lap("opened");
            file.write_all_at(&[7; 1_050_000], 0).await?;
            lap("written");
            file.sync().await?;
            lap("synced");
            let mut read = vec![0; 3_200];
            assert_eq!(file.read_at(&mut read, 1_049_000).await?, 1_000);
            lap("read");
            file.set_len(10).await?;
            assert_eq!((file.len().await?, file.is_empty().await?), (10, false));
            disk.rename("a/log", "a/old").await?;
            assert_eq!(disk.list("a").await?, ["old"]);
            assert!(disk.exists("a/old").await? && !disk.exists("a/log").await?);
            lap("looked at");
            disk.sync_dir("a").await?;
            lap("directory synced");
            assert_eq!(disk.read("a/old").await?, [7; 10]);
            disk.remove("a/old").await?;
            lap("read and removed");
            Ok(())
        },
        expect![[r#"
            opened at 0.001 ms
            written at 0.002 ms
            synced at 1.022 ms
            read at 1.108 ms
            looked at at 1.115 ms
            directory synced at 1.135 ms
            read and removed at 1.223 ms"#]],
    );
}

#[test]
fn blocking_operations_are_accounted_and_waited_for_afterwards() {
    check(
        |ctx| async move {
            let disk = ctx.disk();
            let handle = disk.handle();
            handle.set_speed(DiskSpeed { sync: Duration::from_millis(2), ..DiskSpeed::NVME });
            handle.open("log", RW)?.sync()?;
            ctx.record(format_args!("{} {:?}", ctx.clock().now(), handle.stats().busy));
            disk.blocking(|| handle.open("log", RW)?.sync()).await?;
            ctx.record(format_args!("{} {:?}", ctx.clock().now(), handle.stats().busy));
            Ok(())
        },
        expect![[r#"
            0.000 ms 2.001ms
            2.001 ms 4.002ms"#]],
    );
}

#[test]
fn what_waits_has_not_happened_and_what_is_dropped_never_does() {
    check(
        |ctx| async move {
            let file = ctx.disk().open("log", RW).await?;
            let handle = ctx.disk().handle();
            let slow = DiskSpeed { write: Duration::from_millis(5), ..DiskSpeed::NVME };
            handle.set_speed(slow);
            let late = ctx.timeout(Duration::from_millis(1), file.write_all_at(b"x", 0)).await;
            ctx.record(format_args!("{late:?} {:?}", handle.read("log")?));
            let writing = ctx.spawn({
                let file = file.clone();
                async move { file.write_all_at(b"y", 0).await }
            });
            ctx.sleep(Duration::from_millis(4)).await;
            ctx.record(format_args!("{:?}", handle.read("log")?));
            let _ = writing.await;
            ctx.record(format_args!("{:?}", handle.read("log")?));
            Ok(())
        },
        expect![[r#"
            Err(Elapsed) []
            []
            [121]"#]],
    );
}

#[test]
fn a_disk_does_not_follow_its_nodes_clock() {
    fn world(sim: &mut Sim) {
        sim.process("store", |ctx| async move {
            ctx.sleep(Duration::from_millis(10)).await;
            let before = ctx.clock().now();
            let file = ctx.disk().open("log", RW).await.unwrap();
            ctx.disk()
                .handle()
                .set_speed(DiskSpeed { sync: Duration::from_millis(10), ..DiskSpeed::NVME });
            file.sync().await.unwrap();
            ctx.record(format_args!("{:?}", ctx.clock().now() - before));
        });
        sim.client("waiter", |ctx| async move {
            ctx.sleep(Duration::from_millis(100)).await;
            Ok::<(), std::io::Error>(())
        });
    }
    let drift = Fault::ClockDrift {
        node: "store".into(),
        ppm: 500_000,
        at: Duration::ZERO,
        lasts: Some(Duration::from_secs(1)),
    };
    assert_eq!(notes(&run_with(&world, 1, [])), ["10.001ms"]);
    assert_eq!(notes(&run_with(&world, 1, [drift])), ["15.0015ms"]);
}

#[test]
fn disks_are_per_node_and_outlive_their_handles() {
    check(
        |ctx| async move {
            let disk: NodeDisk = ctx.disk();
            disk.open("log", RW).await?.write_all_at(b"mine", 0).await?;
            drop(disk);
            assert_eq!(ctx.disk().read("log").await?, b"mine");
            ctx.record(format_args!("{:?}", ctx.disk()));
            Ok(())
        },
        expect!["Disk { operations: 5, used: 4096, pending: 2, .. }"],
    );
    fn world(sim: &mut Sim) {
        sim.chaos(Chaos::none());
        for name in ["a", "b"] {
            sim.client(name, |ctx| async move {
                ctx.disk().open(&ctx.name(), RW).await?;
                ctx.record(ctx.disk().list("").await?.concat());
                Ok::<(), std::io::Error>(())
            });
        }
    }
    assert_eq!(notes(&run_with(&world, 1, [])), ["a", "b"]);
}
