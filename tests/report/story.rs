//! Which events a story tells where there are more than it has room for.

use axum::http::StatusCode;
use axum::routing::{get, post};
use expect_test::expect;
use stormglass::journal::{Journal, Kind};
use stormglass::prelude::*;
use stormglass::verdict::Violation;

use crate::explore::ms;

/// A till that charges twice, amid a thousand questions whether it is well.
fn noisy_shop(sim: &mut Sim) {
    sim.chaos(Chaos::none());
    sim.service("till", |ctx: Ctx| {
        let charge = post(move || async move { ctx.record("charges") });
        axum::Router::new().route("/charge", charge).route("/health", get(|| async { "well" }))
    });
    sim.process("watch", |ctx| async move {
        loop {
            let _ = ctx.http().get("http://till/health").send().await;
            ctx.sleep(ms(1)).await;
        }
    });
    sim.client("shopper", |ctx| async move {
        ctx.sleep(ms(50)).await;
        for _ in 0..2 {
            let reply = ctx.http().post("http://till/charge").send().await?;
            assert_eq!(reply.status(), StatusCode::OK);
            ctx.sleep(ms(50)).await;
        }
        Ok::<(), HttpError>(())
    });
}

/// The same with a check that names the two charges.
pub(super) fn charged_twice(sim: &mut Sim) {
    noisy_shop(sim);
    sim.check("nothing is charged twice", |journal: &Journal| {
        let charges = journal.of_kind(Kind::Note).map(|note| note.id());
        Verdict::from(Violation::new("it is charged twice").with_events(charges))
    });
}

fn story(world: impl Fn(&mut Sim) + Send + Sync + 'static) -> String {
    let directory = tempfile::tempdir().unwrap();
    let report = explore(world).seeds(0..1).out(directory.path()).find();
    let text = report.failures[0].to_string();
    let (_, story) = text.split_once("story:\n").unwrap();
    story.split_once("diagram:").unwrap().0.to_owned()
}

/// The witness names the two charges: their traces are the story, and no question of health is.
#[test]
fn what_the_witness_names_is_told_with_its_traces() {
    let told = story(charged_twice);
    expect![[r#"
        time             node     what
              50.000 ms  shopper  -> till     POST /charge
              50.194 ms  till     charges                   <-
              50.194 ms  till     -> shopper  200
             100.382 ms  shopper  -> till     POST /charge
             100.705 ms  till     charges                   <-
             100.705 ms  till     -> shopper  200
             150.887 ms  world    chaos ends, all is healed
             150.887 ms  world    the world ends: finished  <- here: it is charged twice
    "#]]
    .assert_eq(&told);
}

/// Nobody says which events show it: it is all of them, the first and the last.
#[test]
fn without_events_everything_is_told() {
    let told = story(|sim: &mut Sim| {
        noisy_shop(sim);
        sim.check("nothing is charged twice", |_: &Journal| {
            Verdict::violated("it is charged twice")
        });
    });
    assert!(told.contains("GET /health") && told.contains("lines left out"), "{told}");
}
