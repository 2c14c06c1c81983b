//! The broker's door: what publishers and members of groups ask of it.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures::future::LocalBoxFuture;
use http::{Method, Request, Response, StatusCode};
use serde::{Deserialize, Serialize};

use super::DEAD;
use super::builder::Settings;
use super::event::{ID, KEY, ONCE, Position, is_name, own_headers, unescape};
use super::group::{Group, Member};
use super::log::Log;
use super::record::{Record, Stored};
use super::signal::Signal;
use super::state::{Place, partition_of};
use crate::error::hint;
use crate::service::{Body, Ctx, TRACEPARENT};

/// What somebody says who joins a group.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Join {
    pub(super) node: String,
    pub(super) mailbox: u32,
    pub(super) topics: Vec<String>,
}

/// What a member is told when it has joined.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Joined {
    /// How often to send a heartbeat.
    pub(super) heartbeat_ms: u64,
}

/// A running broker.
pub(super) struct Broker {
    pub(super) ctx: Ctx,
    pub(super) settings: Settings,
    /// Filled when the log has been read.
    log: OnceCell<Rc<Log>>,
    groups: RefCell<BTreeMap<String, Rc<Group>>>,
    /// Tells of new events.
    arrivals: RefCell<BTreeMap<Place, Rc<Signal>>>,
}

/// The broker as a service.
pub(super) struct Door(Rc<Broker>);

/// A refusal, with words for the caller.
type Answer = Result<Response<Body>, (StatusCode, String)>;

impl Door {
    pub(super) fn new(ctx: Ctx, settings: Settings) -> Door {
        let broker = Rc::new(Broker {
            ctx,
            settings,
            log: OnceCell::new(),
            groups: RefCell::default(),
            arrivals: RefCell::default(),
        });
        let opening = broker.clone();
        ctx.spawn(async move {
            let log = Log::open(ctx).await;
            drop(opening.log.set(log));
        });
        Door(broker)
    }
}

impl tower_service::Service<Request<Body>> for Door {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = LocalBoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let broker = self.0.clone();
        Box::pin(async move {
            let answer = broker.answer(request).await;
            Ok(answer.unwrap_or_else(|(status, why)| response(status, why)))
        })
    }
}

fn response(status: StatusCode, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response
}

fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    response(status, serde_json::to_vec(value).expect("answers are plain data"))
}

fn refusal<T>(status: StatusCode, why: impl Into<String>) -> Result<T, (StatusCode, String)> {
    Err((status, why.into()))
}

impl Broker {
    async fn answer(self: Rc<Broker>, request: Request<Body>) -> Answer {
        let (parts, body) = request.into_parts();
        if self.log.get().is_none() {
            return refusal(StatusCode::SERVICE_UNAVAILABLE, "the broker reads its log");
        }
        let path: Vec<&str> = parts.uri.path().split('/').skip(1).collect();
        match (&parts.method, &path[..]) {
            (&Method::POST, ["topics", topic]) => self.publish(topic, &parts.headers, body).await,
            (&Method::GET, ["topics", topic]) => {
                self.partitions(topic)?;
                Ok(json(StatusCode::OK, &self.log().state.borrow().len(topic)))
            }
            (&Method::GET, ["groups", group, "lag", topics]) => {
                let topics: Vec<String> = topics.split(',').map(str::to_owned).collect();
                Ok(json(StatusCode::OK, &self.log().state.borrow().lag(group, &topics)))
            }
            (&Method::POST, ["groups", group, "members", id]) => self.join(group, id, body),
            (&Method::PUT, ["groups", group, "members", id]) => self.heartbeat(group, id),
            (&Method::DELETE, ["groups", group, "members", id]) => {
                self.group(group).remove(self.ctx, id, "leaves");
                Ok(response(StatusCode::NO_CONTENT, ""))
            }
            _ => refusal(StatusCode::NOT_FOUND, format!("a broker has no {}", parts.uri.path())),
        }
    }

    /// The log. Nothing but [`Broker::answer`] leads here before it has been read.
    pub(super) fn log(&self) -> &Rc<Log> {
        self.log.get().expect("requests are refused until the log is there")
    }

    async fn publish(&self, topic: &str, headers: &http::HeaderMap, body: Body) -> Answer {
        let partitions = self.partitions(topic)?;
        let text = |name: &str| match headers.get(name).map(|v| v.to_str().ok().and_then(unescape))
        {
            None => Ok(String::new()),
            Some(Some(text)) => Ok(text),
            Some(None) => {
                refusal(StatusCode::BAD_REQUEST, format!("`{name}` is not percent-encoded"))
            }
        };
        let (key, id) = (text(KEY)?, text(ID)?);
        let mut own = own_headers(headers);
        if let Some(trace) = headers.get(TRACEPARENT).and_then(|value| value.to_str().ok()) {
            own.entry(TRACEPARENT.to_owned()).or_insert_with(|| trace.to_owned());
        }
        let once = headers.contains_key(ONCE) && !id.is_empty();
        let event = Stored { id, key, headers: own, payload: body.into_bytes().to_vec() };
        let place =
            Place { topic: topic.to_owned(), partition: partition_of(&event.key, partitions) };
        let Place { topic, partition } = place.clone();
        let record = Record::Event { topic, partition, event, once };
        let Some(places) = self.log().append(vec![record]).await else {
            return refusal(StatusCode::SERVICE_UNAVAILABLE, "the broker's disk failed");
        };
        self.arrival(&place).notify();
        let (partition, offset) = places[0].expect("an event has a place");
        Ok(json(StatusCode::CREATED, &Position { partition, offset }))
    }

    fn join(self: &Rc<Broker>, group: &str, id: &str, body: Body) -> Answer {
        let join: Join = serde_json::from_slice(&body.into_bytes())
            .or_else(|error| refusal(StatusCode::BAD_REQUEST, error.to_string()))?;
        if !is_name(group) {
            return refusal(
                StatusCode::BAD_REQUEST,
                format!("`{group}` cannot be the name of a group"),
            );
        }
        let mut places = Vec::new();
        for topic in &join.topics {
            let partitions = 0..self.partitions(topic)?;
            places.extend(partitions.map(|partition| Place { topic: topic.clone(), partition }));
        }
        let Some(member) = Member::new(self.ctx, join) else {
            return refusal(StatusCode::BAD_REQUEST, format!("the world has no node for `{id}`"));
        };
        let group = self.group(group);
        group.add(self.ctx, id, member, self.settings.session_timeout);
        for place in places {
            if group.workers.borrow_mut().insert(place.clone()) {
                self.ctx.spawn(super::deliver::work(self.clone(), group.clone(), place));
            }
        }
        let heartbeat = self.settings.session_timeout / 4;
        let heartbeat_ms = u64::try_from(heartbeat.as_millis()).unwrap_or(u64::MAX).max(1);
        Ok(json(StatusCode::OK, &Joined { heartbeat_ms }))
    }

    fn heartbeat(&self, group: &str, id: &str) -> Answer {
        match self.group(group).beat(id) {
            true => Ok(response(StatusCode::NO_CONTENT, "")),
            false => refusal(StatusCode::NOT_FOUND, "you are no member: join again"),
        }
    }

    /// The number of a topic's partitions; dead letters have as many as what they come from.
    fn partitions(&self, topic: &str) -> Result<u32, (StatusCode, String)> {
        let mut alive = topic;
        while let Some(before) = alive.strip_suffix(DEAD) {
            alive = before;
        }
        let topics = &self.settings.topics;
        match topics.get(alive) {
            Some(partitions) => Ok(*partitions),
            None if topics.is_empty() && is_name(topic) => Ok(self.settings.partitions),
            None => {
                let hint = hint(topic, topics.keys().map(String::as_str));
                let why = format!("the broker has no topic `{topic}`{hint}");
                refusal(StatusCode::NOT_FOUND, why)
            }
        }
    }

    fn group(&self, name: &str) -> Rc<Group> {
        let mut groups = self.groups.borrow_mut();
        groups.entry(name.to_owned()).or_insert_with(|| Rc::new(Group::new(name))).clone()
    }

    /// What tells of new events in a partition.
    pub(super) fn arrival(&self, place: &Place) -> Rc<Signal> {
        let mut arrivals = self.arrivals.borrow_mut();
        match arrivals.get(place) {
            Some(signal) => signal.clone(),
            None => arrivals.entry(place.clone()).or_default().clone(),
        }
    }
}
