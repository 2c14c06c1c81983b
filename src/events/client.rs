//! Publishing.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;

use super::event::{ID, KEY, ONCE, OWN, Position, escape, is_name};
use super::new_number;
use crate::service::{Ctx, HttpError, RequestBuilder, Retry, TRACEPARENT};

/// How long a publisher waits for the broker, unless it says otherwise.
const TIMEOUT: Duration = Duration::from_secs(1);

impl Ctx {
    /// The broker that is called `events`.
    #[must_use]
    pub fn events(&self) -> Events {
        self.broker("events")
    }

    /// The broker of that name.
    #[must_use]
    pub fn broker(&self, name: &str) -> Events {
        Events { ctx: *self, broker: name.into() }
    }
}

/// Why an event was not published, or nobody knows whether it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// No answer came, so the event may have been published or not; but [`HttpError::Refused`] and
    /// [`HttpError::NotFound`] say that it was not.
    #[error("the broker does not answer: {0}")]
    NoAnswer(HttpError),
    /// The broker cannot say whether it has the event: its disk failed, or it has just started.
    #[error("the broker is not available: {0}")]
    Unavailable(String),
    /// The broker refuses: it has no such topic, or the name is none.
    #[error("{0}")]
    Refused(String),
}

/// A broker, as code on a node uses it. It is cheap to clone.
#[derive(Clone)]
pub struct Events {
    pub(super) ctx: Ctx,
    pub(super) broker: Arc<str>,
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Events").field(&self.broker).finish()
    }
}

impl Events {
    /// Publishes an event: `.await` gives its position once the broker has it on its disk. Without
    /// [`Publish::retry`] it is tried once.
    pub fn publish(&self, topic: &str, key: &str, payload: impl Into<Bytes>) -> Publish {
        Publish {
            events: self.clone(),
            topic: topic.to_owned(),
            key: key.to_owned(),
            payload: payload.into(),
            id: None,
            once: false,
            headers: Vec::new(),
            timeout: TIMEOUT,
            retry: Retry::default(),
        }
    }

    /// How many events of the topics a group has not finished: 0 when all were processed or are dead
    /// letters.
    ///
    /// # Errors
    ///
    /// Those of [`Events::publish`].
    pub async fn lag(&self, group: &str, topics: &[&str]) -> Result<u64, EventError> {
        let path = format!("groups/{group}/lag/{}", topics.join(","));
        self.count(&path, "lag").await
    }

    /// How many events a topic has; see [`DEAD`](super::DEAD) for those of dead letters.
    ///
    /// # Errors
    ///
    /// Those of [`Events::publish`].
    pub async fn len(&self, topic: &str) -> Result<u64, EventError> {
        self.count(&format!("topics/{topic}"), "len").await
    }

    async fn count(&self, path: &str, label: &str) -> Result<u64, EventError> {
        let request = self.ctx.http().get(&self.url(path)).label(label);
        let response = answer(request.timeout(TIMEOUT)).await?;
        response.json().map_err(EventError::NoAnswer)
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.broker)
    }
}

/// Sends a request to the broker.
pub(super) async fn answer(
    request: RequestBuilder,
) -> Result<crate::service::Response, EventError> {
    let response = request.send().await.map_err(EventError::NoAnswer)?;
    match response.status() {
        status if status.is_success() => Ok(response),
        StatusCode::SERVICE_UNAVAILABLE => Err(EventError::Unavailable(response.text())),
        _ => Err(EventError::Refused(response.text())),
    }
}

/// An event in the making, from [`Events::publish`]; `.await` publishes it.
#[derive(Clone, Debug)]
pub struct Publish {
    events: Events,
    topic: String,
    key: String,
    payload: Bytes,
    id: Option<String>,
    once: bool,
    headers: Vec<(String, String)>,
    timeout: Duration,
    retry: Retry,
}

impl Publish {
    /// Sets the event's id, instead of a new one. All tries of one call have the same id.
    #[must_use]
    pub fn id(self, id: impl Into<String>) -> Publish {
        Publish { id: Some(id.into()), ..self }
    }

    /// Asks the broker to keep one event of this id in the topic: a try whose answer was lost adds no
    /// second one, and gets the position of the first. Not the default, as it is none of most brokers;
    /// a consumer then has to know an event that it has seen, by its id.
    #[must_use]
    pub fn once(self) -> Publish {
        Publish { once: true, ..self }
    }

    /// Adds a header of the event's own, in lower case. `traceparent` is set to the trace of the publisher
    /// if it is not given.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Publish {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// How long to wait for each answer, on the node's clock. The default is 1 s.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Publish {
        Publish { timeout, ..self }
    }

    /// Tries again when no answer comes, or the broker is not available.
    #[must_use]
    pub fn retry(self, retry: Retry) -> Publish {
        Publish { retry, ..self }
    }

    async fn send(self) -> Result<Position, EventError> {
        if !is_name(&self.topic) {
            return Err(EventError::Refused(format!(
                "`{}` cannot be the name of a topic",
                self.topic
            )));
        }
        let ctx = self.events.ctx;
        let id = self.id.unwrap_or_else(|| format!("{}-{}", ctx.name(), new_number(ctx.node())));
        let url = self.events.url(&format!("topics/{}", self.topic));
        let mut request = ctx
            .http()
            .post(&url)
            .label(&format!("publish {}", self.topic))
            .header(ID, escape(&id))
            .header(KEY, escape(&self.key))
            .body(self.payload)
            .timeout(self.timeout)
            .retry(self.retry);
        if self.once {
            request = request.header(ONCE, "true");
        }
        for (name, value) in &self.headers {
            request = match name.as_str() {
                TRACEPARENT => request.header(TRACEPARENT, value),
                name => request.header(&format!("{OWN}{name}"), escape(value)),
            };
        }
        answer(request).await?.json().map_err(EventError::NoAnswer)
    }
}

impl IntoFuture for Publish {
    type Output = Result<Position, EventError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
