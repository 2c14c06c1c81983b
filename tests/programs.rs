//! Unmodified programs: real tokio, real sockets, real clients, in virtual time.

mod alive;
mod audit;
mod by_hand;
mod datagrams;
mod descriptors;
mod executables;
mod gateway;
mod grpc;
mod host;
mod http;
mod layers;
mod many;
mod pool;
mod raft;
mod redis;
mod refused;
mod replays;
mod sockets;
mod threads;
mod tokio_handlers;
mod traps;
mod websocket;
mod wire;

use std::fmt::Display;
use std::time::Duration;

use expect_test::Expect;
use stormglass::net::LinkProfile;
use stormglass::prelude::*;
use stormglass::sim::ProgramOutput;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Tells the test what a program has seen.
#[track_caller]
fn tell(what: impl Display) {
    Ctx::current().record(what);
}

fn kind<T>(result: std::io::Result<T>) -> String {
    match result {
        Ok(_) => "ok".to_owned(),
        Err(error) => format!("{:?}", error.kind()),
    }
}

/// A world's usual settings: no chaos of its own, links that always take 1 ms, a long life.
fn calm(sim: &mut Sim) {
    sim.chaos(Chaos::none());
    sim.links(LinkProfile::with_delay(ms(1)));
    sim.time_limit(secs(4000));
}

/// Runs a world on a thread of its own.
fn apart(world: &(impl Fn(&mut Sim) + Sync), config: &RunConfig) -> Run {
    std::thread::scope(|scope| scope.spawn(|| run(world, config)).join().unwrap())
}

/// Runs a world twice: it must be the same run.
#[track_caller]
fn twice(world: &(impl Fn(&mut Sim) + Sync), config: &RunConfig) -> Run {
    let (one, again) = (apart(world, config), apart(world, config));
    if let Some(parting) = stormglass::journal::first_divergence(&one.journal, &again.journal) {
        panic!("{}\n{}", one.plan, parting.render(&one.journal, &again.journal));
    }
    one
}

/// What programs told ([`tell`]), with the time and the name of the node.
fn told(run: &Run) -> String {
    let mut told = String::new();
    for event in run.journal.of_kind(stormglass::journal::Kind::Note) {
        let text = event.text().unwrap_or_default();
        told += &format!("{} {} {text}\n", event.at(), event.node_name());
    }
    told
}

/// Runs a server and a client under faults, twice, and compares what they told.
#[track_caller]
fn check<S, C>(
    server: impl Fn() -> S + Copy + Sync + 'static,
    client: impl Fn() -> C + Copy + Sync + 'static,
    faults: Vec<Fault>,
    expected: Expect,
) -> Run
where
    S: Future<Output = std::io::Result<()>> + 'static,
    C: Future<Output = std::io::Result<()>> + 'static,
{
    let world = move |sim: &mut Sim| {
        calm(sim);
        sim.program("server", server);
        sim.program("client", client).drives();
    };
    let run = twice(&world, &RunConfig::seed(1).plan(FaultPlan::new(faults)));
    assert!(run.verdict().holds(), "{}\n{}", run.verdict(), run.journal.story());
    expected.assert_eq(&told(&run));
    run
}

/// What a program says on standard error with which it ends the whole process: that of a child, which
/// runs the test of that full name again.
#[track_caller]
fn last_words<C>(test: &str, main: impl Fn() -> C + Copy + Sync + 'static) -> String
where
    C: Future + 'static,
    C::Output: ProgramOutput,
{
    const CHILD: &str = "STORMGLASS_LAST_WORDS";
    if std::env::var_os(CHILD).is_some() {
        let world = move |sim: &mut Sim| {
            calm(sim);
            sim.program("shop", main).drives();
        };
        apart(&world, &RunConfig::seed(1));
        return "it has survived".to_owned();
    }
    let own = std::env::current_exe().unwrap();
    let child =
        std::process::Command::new(own).args(["--exact", test]).env(CHILD, "1").output().unwrap();
    assert!(!child.status.success(), "there is no test {test}, or it passes");
    let text = String::from_utf8_lossy(&child.stderr);
    text.lines()
        .filter(|line| line.starts_with("stormglass: "))
        .map(|line| format!("{line}\n"))
        .collect()
}

/// Has nothing to do.
async fn idle() -> std::io::Result<()> {
    std::future::pending().await
}

/// Storms that a world is put through: each must be the same run twice on threads of their own, and
/// in another process, and hold.
#[track_caller]
fn storms(world: &(impl Fn(&mut Sim) + Sync), test: &str) {
    let seeds = if cfg!(debug_assertions) { 100 } else { 1000 };
    let print = |seed| format!("{:?}", apart(world, &RunConfig::seed(seed)).journal.fingerprint());
    let few: Vec<String> = (0..5).map(print).collect();
    let few = few.join("\n");
    let Some(text) = crate::child::printed_by(test) else {
        println!("{few}");
        return;
    };
    assert!(text.contains(&few), "{text}\nis not\n{few}");
    for seed in 0..seeds {
        let run = twice(world, &RunConfig::seed(seed));
        assert!(run.verdict().holds(), "{seed}: {}\n{}", run.verdict(), run.plan);
    }
}
