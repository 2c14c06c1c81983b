//! The inventory: three replicas. Each item has an owner among them, which keeps its reservations on
//! its disk; all of them gossip what is left, so that each can say it.

#![expect(clippy::result_large_err, reason = "a handler answers with a response either way")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use rand::RngExt;
use redb::{ReadableTable, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};
use serde_json::json;
use stormglass::disk::Store;
use stormglass::prelude::*;
use stormglass::saga::{Acted, Participant};
use stormglass::service::RequestBuilder;

use super::{ITEMS, PATIENCE, PIECES, REPLICAS, SAGA, Variant};

/// What is left of each item, and after how many changes.
const STOCK: TableDefinition<&str, (u64, i64)> = TableDefinition::new("stock");
/// How often a replica tells another one what it knows.
const GOSSIP: Duration = Duration::from_millis(50);

/// What is left of an item, and after how many changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Left {
    version: u64,
    pub(super) stock: i64,
}

/// What a replica knows of all items.
pub(super) type Known = BTreeMap<String, Left>;

#[derive(Clone)]
struct Replica {
    ctx: Ctx,
    store: Store,
    known: Arc<Mutex<Known>>,
    variant: Variant,
}

pub(super) fn inventory(ctx: Ctx, variant: Variant) -> Router {
    let store = ctx.disk().store("stock.redb");
    let replica = Replica { ctx, store, known: Arc::default(), variant };
    ctx.publish_state("known", Known::new());
    ctx.spawn(replica.clone().wake_up());
    Router::new()
        .route("/items/{item}", get(stock))
        .route("/items/{item}/reservations", post(reserve))
        .route("/items/{item}/reservations/{order}", delete(release))
        .route("/gossip", post(listen))
        .route("/health", get(|| async { "well" }))
        .with_state(replica)
}

#[derive(Serialize, Deserialize)]
struct Reservation {
    order: u32,
}

/// An answer that this service documents.
type Answer = Result<Response, Response>;

fn no_answer(why: &str) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "error": why }))).into_response()
}

async fn stock(State(replica): State<Replica>, Path(item): Path<String>) -> Answer {
    let (owner, is_owner) = replica.owner_of(&item)?;
    // The defect: what the gossip says may be old.
    if replica.variant == Variant::StaleStock && !is_owner {
        let known = replica.known();
        if let Some(left) = known.get(&item) {
            return Ok(Json(json!({ "item": item, "stock": left.stock })).into_response());
        }
    }
    if !is_owner {
        let path = format!("http://{owner}/items/{item}");
        return replica.ask_owner(replica.ctx.http().get(&path)).await;
    }
    let left = replica.left(&item).await?;
    Ok(Json(json!({ "item": item, "stock": left.stock })).into_response())
}

async fn reserve(
    State(replica): State<Replica>,
    Path(item): Path<String>,
    Json(reservation): Json<Reservation>,
) -> Answer {
    let (owner, is_owner) = replica.owner_of(&item)?;
    if !is_owner {
        let path = format!("http://{owner}/items/{item}/reservations");
        return replica.ask_owner(replica.ctx.http().post(&path).json(&reservation)).await;
    }
    let order = reservation.order;
    let take = |tx: &WriteTransaction| {
        let left = left_of(tx, &item)?;
        Ok(left.stock > 0 && put(tx, &item, left.stock - 1)?)
    };
    let acted = replica.step().act(&order.to_string(), take).await;
    let acted = acted.map_err(|error| no_answer(&error.to_string()))?;
    let left = replica.left(&item).await?;
    let refused = |why: &str| (acted.status(), Json(json!({ "error": why }))).into_response();
    Ok(match acted {
        Acted::Done => {
            let taken = json!({ "item": item, "order": order, "left": left.stock });
            (StatusCode::CREATED, Json(taken)).into_response()
        }
        Acted::Refused => refused("nothing is left"),
        Acted::TooLate => refused("the order was given up"),
    })
}

async fn release(
    State(replica): State<Replica>,
    Path((item, order)): Path<(String, u32)>,
) -> Answer {
    let (owner, is_owner) = replica.owner_of(&item)?;
    if !is_owner {
        let path = format!("http://{owner}/items/{item}/reservations/{order}");
        return replica.ask_owner(replica.ctx.http().delete(&path)).await;
    }
    let put_back = |tx: &WriteTransaction| {
        let left = left_of(tx, &item)?;
        put(tx, &item, left.stock + 1).map(drop)
    };
    let undone = replica.step().undo(&order.to_string(), put_back).await;
    undone.map_err(|error| no_answer(&error.to_string()))?;
    let left = replica.left(&item).await?;
    let released = json!({ "item": item, "order": order, "left": left.stock });
    Ok(Json(released).into_response())
}

async fn listen(State(replica): State<Replica>, Json(told): Json<Known>) -> StatusCode {
    replica.learn(told);
    StatusCode::NO_CONTENT
}

impl Replica {
    /// Who keeps the reservations of an item, and whether that is this replica.
    fn owner_of(&self, item: &str) -> Result<(String, bool), Response> {
        let Some(place) = ITEMS.iter().position(|name| *name == item) else {
            let unknown = json!({ "error": "there is no such item" });
            return Err((StatusCode::NOT_FOUND, Json(unknown)).into_response());
        };
        let owner = format!("inventory-{}", place % REPLICAS);
        let is_owner = owner == self.ctx.name();
        Ok((owner, is_owner))
    }

    /// Passes a question on to the owner of its item.
    async fn ask_owner(&self, question: RequestBuilder) -> Answer {
        match question.timeout(PATIENCE).send().await {
            Ok(reply) => {
                let body: serde_json::Value = reply.json().unwrap_or_default();
                Ok((reply.status(), Json(body)).into_response())
            }
            // The defect: an answer that the contract does not know.
            Err(error) if self.variant == Variant::UndocumentedAnswer => {
                Err((StatusCode::GATEWAY_TIMEOUT, error.to_string()).into_response())
            }
            Err(error) => Err(no_answer(&error.to_string())),
        }
    }

    /// What is left of an item that this replica owns.
    async fn left(&self, item: &str) -> Result<Left, Response> {
        let left = self.store.write(|tx| left_of(tx, item)).await;
        left.inspect(|left| self.tell_of(item, *left)).map_err(|e| no_answer(&e.to_string()))
    }

    /// The step of the order's saga that is this service's.
    fn step(&self) -> Participant {
        Participant::new(self.ctx, self.store.clone(), SAGA, "reserve")
    }

    fn tell_of(&self, item: &str, left: Left) {
        let news = self.learn(Known::from([(item.to_owned(), left)]));
        // The defect: what is told once may be lost.
        if news && self.variant == Variant::LostGossip {
            self.ctx.spawn(self.clone().tell_once(item.to_owned(), left));
        }
    }

    fn known(&self) -> Known {
        self.known.lock().expect("one thread").clone()
    }

    /// Takes what is newer than what it knows; whether anything was.
    fn learn(&self, told: Known) -> bool {
        let mut known = self.known();
        let mut news = false;
        for (item, left) in told {
            let older = known.get(&item).is_none_or(|known| known.version < left.version);
            if older {
                known.insert(item, left);
                news = true;
            }
        }
        if news {
            self.ctx.publish_state("known", &known);
            *self.known.lock().expect("one thread") = known;
        }
        news
    }

    /// Reads what it owns, and gossips from then on.
    async fn wake_up(self) {
        for item in ITEMS {
            let is_owner = self.owner_of(item).is_ok_and(|(_, is_owner)| is_owner);
            while is_owner && self.left(item).await.is_err() {
                self.ctx.sleep(PATIENCE).await;
            }
        }
        if self.variant == Variant::LostGossip {
            return;
        }
        loop {
            self.ctx.sleep(GOSSIP).await;
            let peer = self.ctx.rng().random_range(0..REPLICAS);
            self.tell(peer, &self.known()).await;
        }
    }

    async fn tell_once(self, item: String, left: Left) {
        for peer in 0..REPLICAS {
            self.tell(peer, &Known::from([(item.clone(), left)])).await;
        }
    }

    async fn tell(&self, peer: usize, known: &Known) {
        let peer = format!("inventory-{peer}");
        if peer != self.ctx.name() {
            let gossip = self.ctx.http().post(&format!("http://{peer}/gossip")).json(known);
            let _ = gossip.timeout(PATIENCE).send().await;
        }
    }
}

/// What is left of an item.
fn left_of(tx: &WriteTransaction, item: &str) -> Result<Left, redb::Error> {
    let known = tx.open_table(STOCK)?.get(item)?.map(|left| left.value());
    let (version, stock) = known.unwrap_or((1, PIECES));
    Ok(Left { version, stock })
}

/// Changes what is left of an item.
fn put(tx: &WriteTransaction, item: &str, stock: i64) -> Result<bool, redb::Error> {
    let Left { version, .. } = left_of(tx, item)?;
    tx.open_table(STOCK)?.insert(item, (version + 1, stock))?;
    Ok(true)
}
