//! Every handler names its store itself: all that name one path are the same database.

use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use redb::{ReadableTable, TableDefinition, WriteTransaction};
use stormglass::prelude::*;
use stormglass::saga::{Participant, SagaEvent, What};

use super::chaos::{place, saga};
use super::{MS, run_alone};

const SEEDS: u64 = 100;

const LAMPS: TableDefinition<'_, &str, i64> = TableDefinition::new("lamps");

#[derive(Clone, Copy, PartialEq)]
enum Each {
    Handler,
    Call,
}

/// Where a handler has its participant from: one of its own, or a new one each time.
#[derive(Clone)]
struct Steps {
    ctx: Ctx,
    step: &'static str,
    path: &'static str,
    own: Option<Participant>,
}

impl Steps {
    fn new(ctx: Ctx, step: &'static str, path: &'static str, each: Each) -> Steps {
        let steps = Steps { ctx, step, path, own: None };
        let own = (each == Each::Handler).then(|| steps.participant());
        Steps { own, ..steps }
    }

    fn participant(&self) -> Participant {
        let new = || {
            let store = self.ctx.disk().store(self.path);
            Participant::new(self.ctx, store, "order", self.step)
        };
        self.own.clone().unwrap_or_else(new)
    }
}

fn add(tx: &WriteTransaction, by: i64) -> Result<(), redb::Error> {
    let mut lamps = tx.open_table(LAMPS)?;
    let before = lamps.get("lamp")?.map_or(0, |n| n.value());
    lamps.insert("lamp", before + by)?;
    Ok(())
}

async fn act(State(steps): State<Steps>, Path(order): Path<u32>) -> StatusCode {
    // Every second order is refused by the payment.
    let accepts = steps.step == "reserve" || order % 2 == 1;
    let change = |tx: &WriteTransaction| add(tx, -i64::from(accepts)).map(|()| accepts);
    let acted = steps.participant().act(&order.to_string(), change).await;
    acted.map_or(StatusCode::INTERNAL_SERVER_ERROR, |acted| {
        StatusCode::from_u16(acted.status().as_u16()).unwrap()
    })
}

async fn undo(State(steps): State<Steps>, Path(order): Path<u32>) -> StatusCode {
    let undone = steps.participant().undo(&order.to_string(), |tx| add(tx, 1)).await;
    undone.map_or(StatusCode::INTERNAL_SERVER_ERROR, |()| StatusCode::OK)
}

fn service(step: &'static str, each: Each) -> impl Fn(Ctx) -> Router + 'static {
    move |ctx| {
        let acts = post(act).with_state(Steps::new(ctx, step, "book.redb", each));
        let undoes = post(undo).with_state(Steps::new(ctx, step, "./book.redb", each));
        Router::new().route("/do/{order}", acts).route("/undo/{order}", undoes)
    }
}

/// The shop of `chaos`, of services whose handlers share nothing but the path.
fn shop(sim: &mut Sim) {
    let each = if sim.variant() == "handler" { Each::Handler } else { Each::Call };
    sim.service("inventory", service("reserve", each));
    sim.service("payment", service("charge", each));
    sim.service("orders", |ctx| {
        Router::new().route("/orders/{order}", post(place)).with_state(saga().resume(ctx))
    })
    .calls(["inventory", "payment"]);
    sim.workload("shopper", vec![1, 2, 3, 4], |ctx, order: u32| async move {
        ctx.sleep(50 * MS).await;
        let url = format!("http://orders/orders/{order}");
        let place = ctx.http().post(&url).label("POST /orders");
        place.timeout(500 * MS).send().await.map(drop)
    })
    .calls(["orders"]);
    sim.saga(&saga().definition().within(Duration::from_secs(30)));
}

#[test]
fn handlers_that_name_one_path_remember_what_the_others_did() {
    let (mut undone, mut barred) = (0, 0);
    for (each, seed) in
        ["handler", "call"].into_iter().flat_map(|each| (0..SEEDS).map(move |n| (each, n)))
    {
        let run = run_alone(&shop, &RunConfig::seed(seed).variant(each));
        let verdict = run.verdict();
        assert!(verdict.holds(), "{each}, seed {seed}: {verdict}\n{}", run.plan);
        let told = SagaEvent::all(&run.journal);
        let has = |what: What| u32::from(told.iter().any(|event| event.what == what));
        undone += has(What::EffectUndone);
        barred += has(What::EffectBarred);
    }
    assert!(undone > 100 && barred > 2, "chaos must strike: {undone} {barred}");
}
