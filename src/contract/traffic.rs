//! Messages as the checker takes them, and where they come from: the journal of a run.

use std::borrow::Cow;

use super::tap::{Checker, Finding, Summary};
use crate::journal::{EventId, HttpMessage, Journal, origin_form, service_of};
use crate::verdict::Verdict;

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leg {
    /// A request, from consumer to provider.
    Request,
    /// A reply, from provider to consumer.
    Reply,
    /// An event, from its publisher to a broker, or from the broker to a reader.
    Event,
}

/// A message between two services.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    /// The event of the journal that sent it; [`EventId::NONE`] if it comes from elsewhere.
    pub event: EventId,
    /// The service that sends it.
    pub from: &'a str,
    /// The service that gets it.
    pub to: &'a str,
    /// Which way it goes.
    pub leg: Leg,
    /// The method of the request; of a reply, that of the request it answers.
    pub method: &'a str,
    /// Path and query of the request, or of the request that is answered; the topic of an event.
    pub target: &'a str,
    /// The headers, names in lower case.
    pub headers: Vec<(&'a str, &'a str)>,
    /// The status of a reply, else 0.
    pub status: u16,
    /// The body, as much of it as was sent.
    pub body: Cow<'a, [u8]>,
    /// Of a reply: the request that it answers.
    pub request: Option<Box<Message<'a>>>,
}

impl<'a> Message<'a> {
    /// The first header of that name, which is written in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// The path of the request.
    #[must_use]
    pub fn path(&self) -> &'a str {
        self.target.split(['?', '#']).next().unwrap_or_default()
    }

    /// The query of the request, without its `?`.
    #[must_use]
    pub fn query(&self) -> &'a str {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        query.split('#').next().unwrap_or_default()
    }

    /// False if its sender was cut off: less of the body was sent than the head promised.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let promised = self.header("content-length").and_then(|n| n.parse::<usize>().ok());
        promised.is_none_or(|length| self.body.len() >= length)
    }
}

/// The header that names the topic of an event on its way from a broker.
const TOPIC: &str = "event-topic";

/// The topic of an event: from a broker a header names it, to one the path does.
fn topic_of<'a>(message: &HttpMessage<'a>) -> Option<&'a str> {
    let published = || message.header("event-key").and(message.path().strip_prefix("/topics/"));
    message.header(TOPIC).or_else(published)
}

/// A message of the journal, with services instead of nodes.
fn adapted<'a>(message: &HttpMessage<'a>, service: &impl Fn(&'a str) -> &'a str) -> Message<'a> {
    let event = message.event();
    let request = message.answers();
    let asked = request.as_ref().unwrap_or(message);
    let topic = topic_of(message);
    Message {
        event: event.id(),
        from: service(event.node_name()),
        to: service(event.peer_name()),
        leg: match (message.status(), topic) {
            (Some(_), _) => Leg::Reply,
            (None, Some(_)) => Leg::Event,
            (None, None) => Leg::Request,
        },
        method: asked.method(),
        target: topic
            .filter(|_| message.is_request())
            .unwrap_or_else(|| origin_form(asked.target())),
        headers: message.headers().collect(),
        status: message.status().unwrap_or(0),
        body: message.body(),
        request: request.map(|request| Box::new(adapted(&request, service))),
    }
}

impl Checker {
    /// Everything that the messages of a run violate, and what they are silent on, in the order in
    /// which the messages were sent.
    #[must_use]
    pub fn check(&self, journal: &Journal) -> Vec<Finding> {
        let mut tap = Tap::new(self);
        tap.read(journal);
        tap.findings
    }

    /// The verdict on a run, for [`crate::verdict::Verdict`]: violated by the first message that
    /// breaks a contract; unknown if one could not be decided, or none was covered by a contract.
    #[must_use]
    pub fn verdict(&self, journal: &Journal) -> Verdict {
        let mut tap = Tap::new(self);
        tap.read(journal);
        tap.verdict()
    }
}

/// A reader of a journal that grows: it goes on where it stopped.
#[derive(Debug)]
pub struct Tap<'c> {
    checker: &'c Checker,
    next: EventId,
    /// What was found so far.
    pub findings: Vec<Finding>,
    /// How much was looked at so far.
    pub summary: Summary,
}

impl<'c> Tap<'c> {
    /// A tap that has read nothing.
    #[must_use]
    pub fn new(checker: &'c Checker) -> Tap<'c> {
        let (findings, summary) = (Vec::new(), Summary::default());
        Tap { checker, next: EventId::NONE, findings, summary }
    }

    /// Checks the messages that were sent since it last read; how many things it found.
    pub fn read(&mut self, journal: &Journal) -> usize {
        let before = self.findings.len();
        // Contracts say what is a service: of a single replica, too, and of one that has its own.
        let service = |node| service_of(node, |name| self.checker.knows(name));
        let from = self.next;
        // The newest messages are at the end: look from there for the first that is new.
        let fresh = journal.http_messages().rev().take_while(|m| m.event().id() > from).count();
        let known = journal.http_messages().count() - fresh;
        for message in journal.http_messages().skip(known) {
            self.next = message.event().id();
            if message.event().node() == message.event().peer() {
                continue; // A node that asks itself, as health checks do, is nobody's consumer.
            }
            let message = adapted(&message, &service);
            self.checker.check_message(&message, &mut self.summary, &mut self.findings);
        }
        self.findings.len() - before
    }

    /// The verdict on what was read so far; see [`Checker::verdict`].
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.summary.verdict(&self.findings)
    }
}
