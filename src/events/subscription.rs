//! Consuming in a loop of one's own.

use std::fmt;
use std::rc::Rc;

use futures::StreamExt;
use futures::channel::{mpsc, oneshot};

use super::{Consumer, Event, Events};

/// The events of a group that fall to this node, from [`Events::subscribe`]. Dropped, it leaves the
/// group.
pub struct Subscription {
    consumer: Consumer,
    deliveries: mpsc::UnboundedReceiver<Delivery>,
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Subscription").field(&self.consumer).finish()
    }
}

/// An event that waits to be acknowledged. Dropped, it is delivered again.
#[derive(Debug)]
pub struct Delivery {
    event: Event,
    answer: oneshot::Sender<Result<(), String>>,
}

impl Delivery {
    /// The event.
    #[must_use]
    pub fn event(&self) -> &Event {
        &self.event
    }

    /// It is done: the group gets the next event of its partition.
    pub fn ack(self) {
        drop(self.answer.send(Ok(())));
    }

    /// It cannot be done now: it will come again, or be a dead letter for that reason.
    pub fn nack(self, reason: &str) {
        drop(self.answer.send(Err(reason.to_owned())));
    }
}

impl Events {
    /// As [`Events::consume`], for code that asks for its events one after the other. Those of several
    /// partitions may wait at the same time, each for its own acknowledgement.
    pub fn subscribe<'t>(
        &self,
        group: &str,
        topics: impl IntoIterator<Item = &'t str>,
    ) -> Subscription {
        let (sender, deliveries) = mpsc::unbounded();
        let sender = Rc::new(sender);
        let consumer = self.consume(group, topics, move |event| {
            let sender = sender.clone();
            async move {
                let (answer, done) = oneshot::channel();
                drop(sender.unbounded_send(Delivery { event, answer }));
                done.await.unwrap_or_else(|_| Err("it was not acknowledged".to_owned()))
            }
        });
        Subscription { consumer, deliveries }
    }
}

impl Subscription {
    /// Waits for the next event.
    pub async fn next(&mut self) -> Delivery {
        match self.deliveries.next().await {
            Some(delivery) => delivery,
            // The mailbox holds the other end for as long as the node is up.
            None => std::future::pending().await,
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.consumer.stop();
    }
}
