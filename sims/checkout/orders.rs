//! The orders: a saga over inventory and payment, and the event that an order was placed.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::future::{Either, select};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stormglass::disk::Store;
use stormglass::events::Outbox;
use stormglass::prelude::*;
use stormglass::saga::{
    Acted, Ending, Orchestrator, Participant, Saga, Step, StepError, Task, accepted,
};

use super::shipping::OrderPlaced;
use super::stock::{Call, Reply};
use super::{PATIENCE, SAGA, Variant};

/// How long the variant that cannot wait does wait.
const IMPATIENCE: Duration = Duration::from_millis(40);

/// What a shopper orders.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) order: u32,
    pub(super) item: String,
    pub(super) amount: u32,
}

/// The steps of an order, and how each is undone.
pub(super) fn saga(ctx: Ctx, variant: Variant) -> Saga<Order> {
    let store = ctx.disk().store("orders.redb");
    let outbox = Outbox::new(ctx.events(), store.clone());
    outbox.relay();
    let reserve = move |task: Task<Order>| async move {
        match variant {
            Variant::EagerCharge => reserve_and_charge(task).await,
            _ => reserve(&task).await,
        }
    };
    Saga::new(SAGA)
        .step(Step::new("reserve", reserve).undo(move |task| async move {
            if variant == Variant::EagerCharge {
                refund(&task).await?;
            }
            release(&task).await
        }))
        .step(
            Step::new("charge", move |task| async move { charge(&task, variant).await })
                .undo(|task| async move { refund(&task).await })
                .pivot(),
        )
        .step(Step::new("announce", move |task| announce(task, store.clone(), outbox.clone())))
}

async fn reserve(task: &Task<Order>) -> Result<(), StepError> {
    let Order { order, item, .. } = task.input();
    let call = task.ctx().invoke_as(task.key(), "stock", item, Call::Take(*order));
    let url = format!("http://inventory/items/{item}/reservations");
    let reply = task.ctx().http().post(&url).label("reserve").json(&json!({ "order": order }));
    let reply = reply.timeout(PATIENCE).send().await?;
    match reply.status() {
        StatusCode::CREATED => call.ok(Reply::Done),
        StatusCode::CONFLICT => call.ok(Reply::SoldOut),
        StatusCode::GONE => call.ok(Reply::TooLate),
        _ => call.info(),
    }
    accepted(&reply)
}

async fn release(task: &Task<Order>) -> Result<(), StepError> {
    let Order { order, item, .. } = task.input();
    let call = task.ctx().invoke_as(task.key(), "stock", item, Call::PutBack(*order));
    let url = format!("http://inventory/items/{item}/reservations/{order}");
    let reply = task.ctx().http().delete(&url).label("release").timeout(PATIENCE).send().await?;
    match reply.status() {
        StatusCode::OK => call.ok(Reply::Done),
        _ => call.info(),
    }
    accepted(&reply)
}

async fn charge(task: &Task<Order>, variant: Variant) -> Result<(), StepError> {
    let Order { order, amount, .. } = task.input();
    let charge = task.ctx().http().post("http://payment/charge");
    let charge = charge.header("idempotency-key", key(task));
    let charge = charge.json(&json!({ "order": order, "amount": amount })).timeout(PATIENCE);
    match charge.send().await {
        Ok(reply) => accepted(&reply),
        // The defect: no answer is taken for no charge.
        Err(error) if variant == Variant::SilenceMeansNo => {
            Err(StepError::Refused(error.to_string()))
        }
        Err(error) => Err(error.into()),
    }
}

/// What the provider knows the charge of an order by.
fn key(task: &Task<Order>) -> String {
    format!("{SAGA}/{}/charge", task.id())
}

async fn refund(task: &Task<Order>) -> Result<(), StepError> {
    let url = format!("http://payment/orders/{}/refund", task.input().order);
    let refund = task.ctx().http().post(&url).label("refund").header("idempotency-key", key(task));
    accepted(&refund.timeout(PATIENCE).send().await?)
}

/// The defect: who cannot wait for the stock charges at once, perhaps for what is sold out.
async fn reserve_and_charge(task: Task<Order>) -> Result<(), StepError> {
    let reserved = std::pin::pin!(reserve(&task));
    match select(reserved, task.ctx().sleep(IMPATIENCE)).await {
        Either::Left((reserved, _)) => reserved,
        Either::Right((_, reserved)) => {
            let _ = charge(&task, Variant::EagerCharge).await;
            match reserved.await {
                Ok(()) => Ok(()),
                // It takes care that nobody pays for nothing. It comes too early all the same.
                Err(error) => match refund(&task).await {
                    Ok(()) => Err(error),
                    Err(_) => Err(StepError::Unknown("the refund".to_owned())),
                },
            }
        }
    }
}

/// Puts the event into the outbox, once.
async fn announce(task: Task<Order>, store: Store, outbox: Outbox) -> Result<(), StepError> {
    let Order { order, item, amount } = task.input().clone();
    let placed = OrderPlaced { order, item, amount };
    let placed = serde_json::to_vec(&placed).expect("an order is JSON");
    let step = Participant::new(task.ctx(), store, SAGA, "announce");
    let put = step.act(task.id(), |tx| {
        outbox.put(tx, "OrderPlaced", &order.to_string(), &placed)?;
        Ok(true)
    });
    match put.await {
        Ok(Acted::Done) => Ok(()),
        Ok(other) => Err(StepError::Refused(format!("{other:?}"))),
        Err(error) => Err(StepError::Unknown(error.to_string())),
    }
}

#[derive(Clone)]
struct Orders {
    ctx: Ctx,
    saga: Orchestrator<Order>,
}

pub(super) fn orders(ctx: Ctx, variant: Variant) -> Router {
    let state = Orders { ctx, saga: saga(ctx, variant).resume(ctx) };
    Router::new()
        .route("/orders", post(place))
        .route("/health", get(|| async { "well" }))
        .with_state(state)
}

async fn place(
    State(orders): State<Orders>,
    Json(order): Json<Order>,
) -> (StatusCode, Json<Value>) {
    let number = order.order;
    match orders.saga.run(number, order).await {
        Ending::Completed => {
            orders.ctx.record(format_args!("order {number} is placed"));
            (StatusCode::CREATED, Json(json!({ "order": number })))
        }
        Ending::Compensated(why) | Ending::Escalated(why) => {
            (StatusCode::CONFLICT, Json(json!({ "order": number, "error": why })))
        }
    }
}
