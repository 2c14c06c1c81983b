//! Streams: what a connection promises, and how it ends when the promise cannot be kept.
#![allow(clippy::unwrap_used, reason = "a test's helpers are tests, too")]

mod alive;
mod closing;
mod connecting;
mod deaths;
mod faults;
mod listening;
mod many;
mod transfer;

use std::io;
use std::time::Duration;

use expect_test::{Expect, expect};
use futures::io::{AsyncReadExt, AsyncWriteExt};
use stormglass::chaos::{Chaos, Fault, FaultPlan};
use stormglass::journal::Kind;
use stormglass::net::Connection;
use stormglass::prelude::*;
use stormglass::sim::End;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A world's usual settings: no chaos of its own, links that always take 1 ms, a long life.
fn calm(sim: &mut Sim) {
    sim.chaos(Chaos::none());
    sim.links(stormglass::net::LinkProfile::with_delay(ms(1)));
    sim.time_limit(secs(4000));
}

/// Runs a world under faults; its clients must come to their end, and its properties hold.
#[track_caller]
fn run_with(world: &impl Fn(&mut Sim), seed: u64, faults: Vec<Fault>) -> Run {
    let run = run(world, &RunConfig::seed(seed).plan(FaultPlan::new(faults)));
    assert!(run.verdict().holds(), "{:?}", run.verdict());
    assert_eq!(run.end, End::Finished);
    run
}

/// What nodes told (`ctx.record`), with the time and the name of the node.
fn told(run: &Run) -> String {
    let mut told = String::new();
    for event in run.journal.of_kind(Kind::Note) {
        let text = event.text().unwrap_or_default();
        told += &format!("{} {} {text}\n", event.at(), event.node_name());
    }
    told
}

/// Answers every byte with itself, on every connection, until the other end has no more.
async fn echo(ctx: Ctx) {
    let listener = ctx.listen(7).unwrap();
    while let Ok((connection, _)) = listener.accept().await {
        ctx.spawn(async move { drop(echo_one(connection).await) });
    }
}

async fn echo_one(mut connection: Connection) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        match connection.read(&mut buffer).await? {
            0 => return Ok(()),
            length => connection.write_all(&buffer[..length]).await?,
        }
    }
}

/// Sends `text` and reads as much back.
async fn ask(connection: &mut Connection, text: &[u8]) -> io::Result<Vec<u8>> {
    connection.write_all(text).await?;
    let mut answer = vec![0; text.len()];
    connection.read_exact(&mut answer).await?;
    Ok(answer)
}

/// Bytes that differ from their neighbours.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * 31 + i / 251) as u8).collect()
}

/// Runs one client of one server under faults and compares what they told.
#[track_caller]
fn check<S, C>(
    server: impl Fn(Ctx) -> S + 'static + Copy,
    client: impl Fn(Ctx) -> C + 'static + Copy,
    faults: Vec<Fault>,
    expected: Expect,
) -> Run
where
    S: Future<Output = ()> + 'static,
    C: Future<Output = io::Result<()>> + 'static,
{
    let world = move |sim: &mut Sim| {
        calm(sim);
        sim.process("server", server);
        sim.client("client", client);
    };
    let run = run_with(&world, 1, faults);
    expected.assert_eq(&told(&run));
    run
}

/// Waits for the next connection of a listener at port 7, and what to do next.
async fn accept(ctx: Ctx) -> Connection {
    let listener = ctx.listen(7).unwrap();
    listener.accept().await.unwrap().0
}

async fn never(_: Ctx) {
    std::future::pending().await
}

fn kind<T>(result: io::Result<T>) -> String {
    match result {
        Ok(_) => "ok".to_owned(),
        Err(error) => format!("{:?}", error.kind()),
    }
}

fn crash(node: &str, at: Duration, lasts: Option<Duration>) -> Fault {
    Fault::Crash { node: node.to_owned(), at, lasts }
}

fn power_loss(node: &str, at: Duration, lasts: Option<Duration>) -> Fault {
    Fault::PowerLoss { node: node.to_owned(), at: Some(at), disk_op: None, lasts }
}

/// Connects at a time, and tells what came of it.
async fn connect_at(ctx: Ctx, at: Duration) -> io::Result<()> {
    ctx.sleep(at).await;
    let result = ctx.connect("server", 7).await;
    ctx.record(kind(result));
    Ok(())
}
