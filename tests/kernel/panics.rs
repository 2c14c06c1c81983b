//! A panic is an event of its node, and stays inside of the world.

use std::process::Command;

use axum::Router;
use axum::routing::get;

use super::*;

fn explode() -> Router {
    Router::new().route("/", get(|| async { explode_with("the fuse was lit") }))
}

fn explode_with(text: &str) {
    panic!("{text}");
}

/// A service that panics when it is asked, and a client that asks.
fn asks_for_it(sim: &mut Sim) {
    sim.service("bomb", explode);
    client(sim, "client", |ctx| async move {
        for _ in 0..2 {
            let answer = ctx.http().get("http://bomb/").send().await;
            ctx.record(answer.unwrap_err());
        }
    });
}

#[test]
fn a_panic_fails_the_run_and_keeps_its_message_and_place() {
    let run = calm(asks_for_it);
    let violated = run.violated().unwrap();
    assert_eq!(violated.property, "no service panics");
    let text = run.verdict().to_string();
    let expected = "violated: no service panics: bomb: the fuse was lit (tests/kernel/panics.rs:";
    assert!(text.starts_with(expected), "{text}");
    assert_eq!(run.journal.of_kind(Kind::Panic).count(), 1);
    assert_eq!(run.journal.of_kind(Kind::Crash).count(), 1);
}

#[test]
fn where_it_is_allowed_the_node_crashes_and_its_caller_sees_a_reset() {
    let run = calm(|sim| {
        sim.links(stormglass::net::LinkProfile::with_delay(ms(1)));
        sim.may_panic();
        asks_for_it(sim);
    });
    assert!(run.verdict().holds(), "{}", run.verdict());
    expect![[r"
        2000000 client connection reset by peer
        4000000 client connection refused
    "]]
    .assert_eq(&notes(&run));
}

/// The other tasks of the node die in the same instant, before their next step.
#[test]
fn nothing_of_the_node_runs_on() {
    let run = calm(|sim| {
        sim.may_panic();
        sim.process("bomb", |ctx| async move {
            ctx.spawn(async move {
                ctx.sleep(ms(1)).await;
                explode_with("now");
            });
            let other = ctx.spawn(async move {
                ctx.sleep(ms(1)).await;
                ctx.record("ran on");
            });
            other.await.unwrap();
        });
        client(sim, "client", |ctx| async move { ctx.sleep(ms(2)).await });
    });
    expect![""].assert_eq(&notes(&run));
}

#[test]
fn a_panic_of_tokio_is_explained() {
    // Word for word what tokio says; the crate does not depend on it.
    const TOKIO: &str = "there is no reactor running, must be called from the context of a Tokio \
                         1.x runtime";
    let run = alone(|_| async { explode_with(TOKIO) });
    let text = run.verdict().to_string();
    assert!(text.contains(TOKIO), "{text}");
    assert!(text.contains("use ctx.sleep, ctx.timeout and ctx.spawn instead"), "{text}");
}

#[test]
fn a_panic_without_a_text_is_a_panic() {
    let run = alone(|_| async { std::panic::panic_any(7) });
    let text = run.verdict().to_string();
    assert!(text.contains("client: a panic without a text (tests/kernel/panics.rs:"), "{text}");
}

/// A destructor that panics, when its task ends, when its node crashes, when the world ends.
#[test]
fn a_panic_of_a_destructor_stays_inside() {
    for after in [ms(1), ms(3), ms(100)] {
        let ended = calm(|sim| {
            sim.may_panic();
            sim.process("bomb", move |ctx| async move {
                let _fuse = Defer(|| explode_with("dropped"));
                ctx.sleep(after).await;
            });
            sim.process("neighbour", move |ctx| async move {
                ctx.sleep(ms(2)).await;
                explode_with("crash");
            });
            client(sim, "client", |ctx| async move { ctx.sleep(ms(4)).await });
        });
        assert!(ended.verdict().holds(), "{}", ended.verdict());
        let crash = Fault::Crash { node: "bomb".into(), at: ms(2), lasts: None };
        let world = |sim: &mut Sim| {
            sim.may_panic();
            sim.process("bomb", move |ctx| async move {
                let _fuse = Defer(|| explode_with("dropped"));
                ctx.sleep(after).await;
            });
            client(sim, "client", |ctx| async move { ctx.sleep(ms(4)).await });
        };
        let config = RunConfig::seed(1).plan(FaultPlan::new([crash]));
        let crashed = run(&world, &config);
        assert!(crashed.verdict().holds(), "{}", crashed.verdict());
    }
}

/// Runs itself in a process of its own to see what a panic inside of a world prints.
#[test]
fn nothing_is_printed() {
    const CHILD: &str = "STORMGLASS_PANIC_CHILD";
    if std::env::var_os(CHILD).is_some() {
        calm(asks_for_it);
        alone(|_| async { explode_with("loud") });
        return;
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kernel::panics::nothing_is_printed", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    assert!(child.status.success());
    expect![""].assert_eq(&String::from_utf8_lossy(&child.stderr));
    assert!(!String::from_utf8_lossy(&child.stdout).contains("panicked"));
}
