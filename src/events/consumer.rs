//! Consuming: a member of a group, and what it does with its events.

use std::fmt::{self, Display};
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use futures::future::{Either, select};
use http::{Response, StatusCode};

use super::broker::{Join, Joined};
use super::client::{EventError, Events, answer};
use super::event::Event;
use super::new_number;
use super::signal::Signal;
use crate::service::{Body, open_mailbox};

/// How long a member waits for an answer to what it says to the broker.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long until it says it again.
const PAUSE: Duration = Duration::from_millis(50);

/// A member of a consumer group, until its node goes down, is asked to stop, or [`Consumer::leave`] is
/// called. Dropped, it goes on.
#[derive(Clone)]
pub struct Consumer {
    leaving: Rc<Signal>,
    left: Rc<Signal>,
    id: String,
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Consumer").field(&self.id).finish()
    }
}

impl Events {
    /// Makes this node a member of a group, which has `handle` called for the events of the topics
    /// that fall to it: one at a time from each partition. An event is done when the answer is `Ok`;
    /// after an error it comes again, as [`crate::events`] says. `handle` runs in the trace of
    /// the event's publisher.
    ///
    /// The member joins in the background, for as long as it takes. When the node
    /// [is asked to stop](crate::service::Ctx::stopping) it leaves, so that others get its partitions at once.
    pub fn consume<'t, F, E>(
        &self,
        group: &str,
        topics: impl IntoIterator<Item = &'t str>,
        handle: impl Fn(Event) -> F + 'static,
    ) -> Consumer
    where
        F: Future<Output = Result<(), E>> + 'static,
        E: Display,
    {
        let ctx = self.ctx;
        let mailbox = new_number(ctx.node());
        let consumer = Consumer {
            leaving: Rc::default(),
            left: Rc::default(),
            id: format!("{}.{mailbox}", ctx.name()),
        };
        let left = consumer.left.clone();
        open_mailbox(ctx, mailbox, move |request| {
            let (parts, body) = request.into_parts();
            let event = Event::read(&parts.headers, body.into_bytes());
            // What comes late finds nobody: another member has got it.
            let handled = event.filter(|_| left.seen() == 0).map(&handle);
            Box::pin(async move {
                Ok(match handled {
                    None => response(StatusCode::SERVICE_UNAVAILABLE, "no member".to_owned()),
                    Some(handled) => match handled.await {
                        Ok(()) => response(StatusCode::NO_CONTENT, String::new()),
                        Err(error) => response(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()),
                    },
                })
            })
        });
        let join = Join {
            node: ctx.name(),
            mailbox,
            topics: topics.into_iter().map(str::to_owned).collect(),
        };
        let membership = Membership {
            events: self.clone(),
            group: group.to_owned(),
            id: consumer.id.clone(),
            join,
        };
        ctx.spawn(membership.keep(consumer.clone()));
        consumer
    }
}

fn response(status: StatusCode, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
}

impl Consumer {
    /// Its name in the group: the node's, and a number.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Leaves the group: takes no further event, and tells the broker, for as long as that takes.
    /// What is being handled goes on, and its answer counts no more.
    pub async fn leave(&self) {
        self.stop();
        self.left.after(1).await;
    }

    pub(super) fn stop(&self) {
        self.leaving.notify();
    }
}

/// What a member tells the broker.
struct Membership {
    events: Events,
    group: String,
    id: String,
    join: Join,
}

impl Membership {
    /// Joins, sends heartbeats, joins again when the broker has forgotten it, leaves.
    async fn keep(self, consumer: Consumer) {
        let ctx = self.events.ctx;
        let ending = async {
            select(Box::pin(ctx.stopping()), Box::pin(consumer.leaving.after(0))).await;
        };
        if let Either::Right(_) = select(Box::pin(self.belong()), Box::pin(ending)).await {
            consumer.left.notify();
            while self.tell(http::Method::DELETE, "leave").await.is_err() {
                ctx.sleep(PAUSE).await;
            }
            consumer.left.notify();
        }
    }

    async fn belong(&self) {
        let ctx = self.events.ctx;
        loop {
            let joined = match self.tell(http::Method::POST, "join").await {
                Ok(joined) => joined,
                Err(error) => {
                    // A refusal is a mistake of the program, and worth a line in the story.
                    if let EventError::Refused(why) = error {
                        ctx.record(format_args!("cannot join group {}: {why}", self.group));
                    }
                    ctx.sleep(PAUSE).await;
                    continue;
                }
            };
            let joined = joined.json::<Joined>();
            let pause = joined.map_or(PATIENCE, |j| Duration::from_millis(j.heartbeat_ms));
            loop {
                ctx.sleep(pause).await;
                // Silence is no reason to join again: the broker may know it still.
                if let Err(EventError::Refused(_)) = self.tell(http::Method::PUT, "heartbeat").await
                {
                    break;
                }
            }
        }
    }

    async fn tell(
        &self,
        method: http::Method,
        what: &str,
    ) -> Result<crate::service::Response, EventError> {
        let Membership { events, group, id, join } = self;
        let url = events.url(&format!("groups/{group}/members/{id}"));
        let request = events.ctx.http().request(method, &url);
        answer(request.label(&format!("{what} {group}")).json(join).timeout(PATIENCE)).await
    }
}
