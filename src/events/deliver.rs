//! Brings the events of one partition to one group, one after the other.

use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures::future::{Either, select};
use http::header::{HeaderName, HeaderValue};
use http::{Request, StatusCode};

use super::DEAD;
use super::broker::Broker;
use super::event::{Event, Position};
use super::group::{Group, Member};
use super::record::{Record, Stored};
use super::state::{Place, Progress};
use crate::kernel::current;
use crate::service::{Body, HttpError, TRACEPARENT, call_mailbox, read_traceparent};

/// The longest pause between two deliveries of an event.
const BACKOFF_MAX: Duration = Duration::from_secs(1);

/// What came of a delivery.
enum Outcome {
    Done,
    /// Nobody was there to get it.
    Nobody,
    /// It was refused, or nobody knows.
    Failed(String),
}

/// Works at a partition for as long as the broker runs.
pub(super) async fn work(broker: Rc<Broker>, group: Rc<Group>, place: Place) {
    let arrival = broker.arrival(&place);
    let mut pauses = 0;
    loop {
        let (arrived, changed) = (arrival.seen(), group.changed.seen());
        let (progress, event) = {
            let state = broker.log().state.borrow();
            let progress = state.progress(&group.name, &place);
            (progress, state.event(&place, progress.next))
        };
        let Some(event) = event else {
            arrival.after(arrived).await;
            continue;
        };
        let Some(owner) = group.owner(&place) else {
            group.changed.after(changed).await;
            continue;
        };
        let outcome = deliver(&broker, &group, &owner, &place, progress, &event).await;
        pauses = match outcome {
            Outcome::Done => 0,
            _ => pauses + 1,
        };
        match outcome {
            Outcome::Done => {
                let done = Progress { next: progress.next + 1, failed: 0 };
                broker.log().insist(broker.ctx, vec![record(&group, &place, done)]).await;
            }
            Outcome::Nobody => {}
            Outcome::Failed(why) => {
                if failed(&broker, &group, &place, progress, &event, &why).await {
                    pauses = 0;
                }
            }
        }
        if pauses > 0 {
            let doubled = broker.settings.backoff.saturating_mul(1 << (pauses - 1).min(16));
            broker.ctx.sleep(doubled.min(BACKOFF_MAX)).await;
        }
    }
}

fn record(group: &Group, place: &Place, Progress { next, failed }: Progress) -> Record {
    let Place { topic, partition } = place.clone();
    Record::Progress { group: group.name.clone(), topic, partition, next, failed }
}

/// Delivers an event once.
async fn deliver(
    broker: &Broker,
    group: &Group,
    owner: &Member,
    place: &Place,
    progress: Progress,
    stored: &Stored,
) -> Outcome {
    let position = Position { partition: place.partition, offset: progress.next };
    let Place { topic, .. } = place.clone();
    let id = match stored.id.as_str() {
        "" => format!("{topic}/{position}"),
        id => id.to_owned(),
    };
    let event = Event {
        id,
        topic,
        position,
        key: stored.key.clone(),
        headers: stored.headers.clone(),
        payload: stored.payload.clone().into(),
        delivery: progress.failed + 1,
    };
    let trace = event.header(TRACEPARENT).and_then(|value| read_traceparent(value.as_bytes()));
    current::with(|kernel| kernel.set_trace(trace.unwrap_or_default()));
    let label = format!("deliver {}", place.topic);
    let call = call_mailbox(broker.ctx.node(), owner.address, &label, request(event));
    let answer = pin!(broker.ctx.timeout(broker.settings.ack_timeout, call));
    let left = pin!(group.left(owner));
    match select(answer, left).await {
        Either::Left((Ok(Ok(response)), _)) if response.status().is_success() => Outcome::Done,
        Either::Left((Ok(Ok(response)), _))
            if response.status() == StatusCode::SERVICE_UNAVAILABLE =>
        {
            Outcome::Nobody
        }
        Either::Left((Ok(Ok(response)), _)) => Outcome::Failed(response.text()),
        Either::Left((Ok(Err(HttpError::Refused)), _)) => Outcome::Nobody,
        Either::Left((Ok(Err(error)), _)) => Outcome::Failed(error.to_string()),
        Either::Left((Err(_), _)) => Outcome::Failed("no answer in time".to_owned()),
        Either::Right(_) => Outcome::Failed("its consumer has left the group".to_owned()),
    }
}

/// The request that carries an event.
fn request(event: Event) -> Request<Body> {
    let headers = event.lane_headers();
    let mut request = Request::new(Body::from(event.payload));
    for (name, value) in headers {
        let name = HeaderName::try_from(name).expect("publishers cannot send another name");
        let value = HeaderValue::try_from(value).expect("it is escaped");
        request.headers_mut().insert(name, value);
    }
    request
}

/// Counts a delivery in vain; after the last one the event is a dead letter. Both happens in one frame
/// of the log, so a letter is not lost on its way, and not dead while it still lives. True if it is dead.
async fn failed(
    broker: &Broker,
    group: &Group,
    place: &Place,
    progress: Progress,
    event: &Stored,
    why: &str,
) -> bool {
    let failed = progress.failed.saturating_add(1);
    if failed < broker.settings.deliveries_max || place.topic.ends_with(DEAD) {
        let again = Progress { failed, ..progress };
        broker.log().insist(broker.ctx, vec![record(group, place, again)]).await;
        return false;
    }
    let dead = Place { topic: format!("{}{DEAD}", place.topic), partition: place.partition };
    let mut letter = event.clone();
    let about = [
        ("dead-group", group.name.clone()),
        ("dead-position", format!("{}@{}", place.partition, progress.next)),
        ("dead-deliveries", failed.to_string()),
        ("dead-reason", why.to_owned()),
    ];
    letter.headers.extend(about.map(|(name, value)| (name.to_owned(), value)));
    let next = Progress { next: progress.next + 1, failed: 0 };
    let Place { topic, partition } = dead.clone();
    let records = vec![
        Record::Event { topic, partition, event: letter, once: false },
        record(group, place, next),
    ];
    broker.log().insist(broker.ctx, records).await;
    let Place { topic, partition } = place;
    let offset = progress.next;
    broker.ctx.record(format_args!(
        "group {}: {topic} {partition}@{offset} is a dead letter after {failed} deliveries: {why}",
        group.name
    ));
    broker.arrival(&dead).notify();
    true
}
