//! Streams: what a connection promises, and how it ends when the promise cannot be kept.
#![allow(clippy::unwrap_used, reason = "a test's helpers are tests, too")]

mod ends;
mod faults;
mod many;
mod transfer;

use std::io;
use std::time::Duration;

use futures::io::{AsyncReadExt, AsyncWriteExt};
use stormglass::chaos::{Chaos, Fault, FaultPlan};
use stormglass::net::Connection;
use stormglass::prelude::*;
use stormglass::sim::End;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn secs(secs: u64) -> Duration {
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
    for event in run.journal.of_kind(stormglass::journal::Kind::Note) {
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
