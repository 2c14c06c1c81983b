//! Closing leaves nothing behind: the tables, after many connections have come and gone.

use super::*;
use crate::chaos::{Chaos, Fault, FaultPlan};
use crate::journal::Recording;
use crate::prelude::*;
use futures::io::{AsyncReadExt, AsyncWriteExt};

/// What is in the tables: ends, listeners, ports, jobs, packets.
fn left() -> [usize; 5] {
    crate::net::with(|net| {
        let streams = net.streams.borrow();
        let (ends, doors) = (streams.ends.len(), streams.doors.len());
        let in_flight = net.in_flight.borrow().len();
        [ends, doors, streams.ports.len(), streams.jobs.len(), in_flight]
    })
}

async fn serve(ctx: Ctx) {
    let listener = ctx.listen(7).expect("nobody else listens");
    listener.set_backlog(4096);
    while let Ok((mut connection, _)) = listener.accept().await {
        ctx.spawn(async move {
            let mut byte = [0; 1];
            // A limit, as every server has one: some clients vanish without a word.
            let limit = Duration::from_secs(60);
            while let Ok(Ok(1)) = ctx.timeout(limit, connection.read(&mut byte)).await {
                drop(connection.write(&byte).await);
            }
        });
    }
}

async fn ask(ctx: Ctx, n: usize) -> io::Result<()> {
    let mut connection = ctx.connect("server", 7).await?;
    connection.write_all(b"x").await?;
    connection.read_exact(&mut [0; 1]).await?;
    match n % 7 {
        0 => connection.reset(),
        1 => connection.close().await?,
        2 => _ = connection.try_write(b"not waited for")?,
        _ => {}
    }
    Ok(())
}

/// Makes `rounds` times 1,000 connections at a time; what is left when all is quiet.
#[track_caller]
fn check(rounds: usize, faults: Vec<Fault>, expected: [usize; 5]) {
    let some_fail = !faults.is_empty();
    let world = move |sim: &mut Sim| {
        sim.chaos(Chaos::none()).time_limit(Duration::from_secs(5000));
        sim.process("server", serve);
        sim.client("client", move |ctx| async move {
            let mut failed = 0;
            for _ in 0..rounds {
                let all = (0..1000).map(|n| ask(ctx, n));
                let all = futures::future::join_all(all).await;
                failed += all.iter().filter(|asked| asked.is_err()).count();
            }
            ctx.publish("failed", failed);
            ctx.sleep(Duration::from_secs(1200)).await;
            ctx.publish("left", left());
            io::Result::Ok(())
        });
        sim.eventually("nothing is left", move |view: &View<'_>| {
            let left = view.probe::<[usize; 5]>("client", "left");
            let failed = view.probe::<usize>("client", "failed");
            match (left, failed) {
                (Some(left), Some(failed)) if *left == expected && (*failed > 0) == some_fail => {
                    Ok(())
                }
                other => Err(format!("{other:?}")),
            }
        });
    };
    let config = RunConfig::seed(1).plan(FaultPlan::new(faults));
    let config = RunConfig { recording: Recording::Digest, ..config };
    let run = run(&world, &config);
    assert!(run.verdict().holds(), "{:?}", run.verdict());
}

#[test]
fn a_hundred_thousand_connections_leave_nothing_behind() {
    check(100, vec![], [0, 1, 0, 0, 0]);
}

/// However they end.
#[test]
fn connections_that_fail_leave_nothing_behind() {
    let (node, at) = ("server".to_owned(), Duration::from_micros(1400));
    let lasts = Some(Duration::from_secs(30));
    let crash = Fault::Crash { node: node.clone(), at, lasts };
    check(2, vec![crash], [0, 1, 0, 0, 0]);
    let power_loss = Fault::PowerLoss { node, at: Some(at), disk_op: None, lasts };
    check(2, vec![power_loss], [0, 1, 0, 0, 0]);
    let (a, b) = (vec!["client".to_owned()], vec!["server".to_owned()]);
    for one_way in [false, true] {
        let (a, b) = (a.clone(), b.clone());
        let lasts = Some(Duration::from_secs(1100));
        check(2, vec![Fault::Partition { a, b, one_way, at, lasts }], [0, 1, 0, 0, 0]);
    }
}
