//! The checker: a message, against the contracts of whoever sends and whoever gets it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use super::openapi::OpenApi;
use super::pact::{Fit, Pact};
use super::registry::{ContractRegistry, Source};
use super::traffic::{Leg, Message};
use super::{Release, Schema};
use crate::error::Result;
use crate::journal::EventId;
use crate::verdict::{Verdict, Violation};
use std::sync::Arc;

/// Whose contract a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// That of who sent the request, or reads the event.
    Consumer,
    /// That of who answers it, or publishes the event.
    Provider,
}

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The contract says nothing about such a message. Faults bring them about: statuses of errors that
    /// no example has. It violates nothing, unless the checker is strict.
    Silent,
    /// Whether the contract is kept could not be decided.
    Unknown,
    /// The contract is broken.
    Broken,
}

/// What a message does to a contract.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// The event of the journal that sent the message.
    #[serde(serialize_with = "number")]
    pub event: EventId,
    /// Who sent it.
    pub from: String,
    /// To whom.
    pub to: String,
    /// The message: `POST /charge`, `POST /charge 201`, or the topic of an event.
    pub message: String,
    /// Whose contract.
    pub side: Side,
    /// The release whose contract it is, and the file.
    pub contract: String,
    /// How much it weighs.
    pub level: Level,
    /// What is wrong.
    pub text: String,
}

fn number<S: serde::Serializer>(event: &EventId, s: S) -> std::result::Result<S::Ok, S::Error> {
    s.serialize_u32(event.0)
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to, message) = (&self.from, &self.to, &self.message);
        write!(f, "{from} -> {to} {message}: {} ({})", self.text, self.contract)
    }
}

/// How many messages were looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// All of them.
    pub messages: u64,
    /// Those that a contract of at least one side speaks of.
    pub covered: u64,
    /// Those that were cut off on their way, and were not checked.
    pub cut: u64,
    strict: bool,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} messages under a contract", self.covered, self.messages)?;
        if self.cut > 0 { write!(f, ", {} cut off", self.cut) } else { Ok(()) }
    }
}

impl Summary {
    pub(super) fn verdict(&self, findings: &[Finding]) -> Verdict {
        let least = if self.strict { Level::Silent } else { Level::Broken };
        let at = |level| findings.iter().find(move |f: &&Finding| f.level == level);
        if let Some(broken) =
            at(Level::Broken).or_else(|| findings.iter().find(|f| f.level >= least))
        {
            return Violation::new(broken.to_string()).with_events([broken.event]).into();
        }
        if let Some(unknown) = at(Level::Unknown) {
            return Verdict::Unknown(unknown.to_string());
        }
        if self.covered == 0 {
            return Verdict::Unknown(format!(
                "of {} messages none was between services with contracts",
                self.messages
            ));
        }
        Verdict::Holds
    }
}

/// A contract, and what findings call it.
#[derive(Debug)]
struct Named<T> {
    name: String,
    it: T,
}

/// Contracts of the releases of one run, ready to check its messages.
///
/// What a node says to itself is not looked at: a health check of a compose file is run inside of its
/// container, and no contract speaks of it.
///
/// Make it once, outside of the world, and share it: it does not change.
#[derive(Debug, Default)]
pub struct Checker {
    services: BTreeSet<String>,
    served: BTreeMap<String, Named<Arc<OpenApi>>>,
    /// By consumer, then provider.
    expected: BTreeMap<String, BTreeMap<String, Named<Arc<Pact>>>>,
    published: BTreeMap<String, BTreeMap<String, Named<Arc<Schema>>>>,
    read: BTreeMap<String, BTreeMap<String, Named<Arc<Schema>>>>,
    strict: bool,
    complete: bool,
}

impl Checker {
    /// A checker for the contracts of these releases.
    ///
    /// # Errors
    ///
    /// If the registry has no such release.
    pub fn new<'r>(
        registry: &ContractRegistry,
        releases: impl IntoIterator<Item = &'r Release>,
    ) -> Result<Checker> {
        let mut checker = Checker::default();
        for release in releases {
            registry.release(release)?;
            checker.services.insert(release.service.clone());
            for contract in registry.of(release) {
                let name = contract.file.clone();
                let service = release.service.clone();
                match &contract.source {
                    Source::OpenApi(api) => {
                        checker.served.insert(service, Named { name, it: api.clone() });
                    }
                    Source::Pact(pact) => {
                        let named = Named { name, it: pact.clone() };
                        checker.services.insert(pact.provider.clone());
                        let expected = checker.expected.entry(service).or_default();
                        expected.insert(pact.provider.clone(), named);
                    }
                    Source::Publishes(event, schema) => {
                        let named = Named { name, it: schema.clone() };
                        checker.published.entry(service).or_default().insert(event.clone(), named);
                    }
                    Source::Reads(event, schema) => {
                        let named = Named { name, it: schema.clone() };
                        checker.read.entry(service).or_default().insert(event.clone(), named);
                    }
                }
            }
        }
        Ok(checker)
    }

    /// Lets messages that a contract is silent on violate it.
    #[must_use]
    pub fn strict(mut self) -> Checker {
        self.strict = true;
        self
    }

    /// Finds messages, too, that no contract of either side speaks of: requests to a service that the
    /// contracts know, its replies, and events from or to one. That is silence, which violates nothing
    /// unless the checker is strict. What brokers talk about beside events is nobody's contract.
    #[must_use]
    pub fn complete(mut self) -> Checker {
        self.complete = true;
        self
    }

    /// True if a contract names the service.
    #[must_use]
    pub fn knows(&self, service: &str) -> bool {
        self.services.contains(service)
    }

    /// Checks one message; what is found is added.
    pub fn check_message(
        &self,
        message: &Message<'_>,
        summary: &mut Summary,
        findings: &mut Vec<Finding>,
    ) {
        summary.strict = self.strict;
        summary.messages += 1;
        if !message.is_whole() {
            summary.cut += 1;
            return;
        }
        let mut check = Check { message, findings, covered: false };
        match message.leg {
            Leg::Request => self.request(message, &mut check),
            Leg::Reply => self.reply(message, &mut check),
            Leg::Event => self.event(message, &mut check),
        }
        summary.covered += u64::from(check.covered);
        if self.complete && !check.covered && self.is_owed(message) {
            check.add(Side::Provider, "no contract", Level::Silent, "nobody promises it".into());
        }
    }

    /// True if somebody should have a contract for it.
    fn is_owed(&self, message: &Message<'_>) -> bool {
        match (message.leg, &message.request) {
            (Leg::Request, _) => self.knows(message.to),
            (Leg::Reply, request) => {
                let asks = |request: &Message<'_>| request.leg == Leg::Request;
                self.knows(message.from) && request.as_deref().is_none_or(asks)
            }
            (Leg::Event, _) => self.knows(message.from) || self.knows(message.to),
        }
    }

    fn request(&self, message: &Message<'_>, check: &mut Check<'_, '_>) {
        if let Some(api) = self.served.get(message.to) {
            check.covered = true;
            for (level, text) in api.it.check_request(message) {
                check.add(Side::Provider, &api.name, level, text);
            }
        }
        if let Some(pact) = self.pact(message.from, message.to) {
            check.covered = true;
            let answers = pact.it.expectations.iter().map(|e| e.request_fits(message));
            check.pact(Side::Consumer, &pact.name, answers, "no example has such a request");
        }
    }

    fn reply(&self, message: &Message<'_>, check: &mut Check<'_, '_>) {
        if let Some(api) = self.served.get(message.from) {
            check.covered = true;
            for (level, text) in api.it.check_reply(message) {
                check.add(Side::Provider, &api.name, level, text);
            }
        }
        let pact = self.pact(message.to, message.from);
        if let (Some(pact), Some(request)) = (pact, &message.request) {
            check.covered = true;
            let asked = pact.it.expectations.iter().filter(|expectation| {
                matches!(expectation.request_fits(request), Fit::Fits | Fit::Unknown(_))
            });
            let answers = asked.map(|expectation| expectation.reply_fits(message));
            check.pact(Side::Consumer, &pact.name, answers, "no example has such a reply");
        }
    }

    fn event(&self, message: &Message<'_>, check: &mut Check<'_, '_>) {
        let topic = message.target;
        let sides = [
            (Side::Provider, &self.published, message.from),
            (Side::Consumer, &self.read, message.to),
        ];
        for (side, schemas, service) in sides {
            if let Some(schema) = schemas.get(service).and_then(|all| all.get(topic)) {
                check.covered = true;
                check.schema(side, schema, &message.body);
            }
        }
        let expected = self.expected.get(message.to).into_iter().flatten();
        for (_, pact) in expected {
            let of_topic = pact
                .it
                .expectations
                .iter()
                .filter(|e| e.request.is_none() && e.event_name() == topic);
            let mut answers = of_topic.map(|e| e.event_fits(message)).peekable();
            if answers.peek().is_some() {
                check.covered = true;
                check.pact(Side::Consumer, &pact.name, answers, "no example has such an event");
            }
        }
    }

    fn pact(&self, consumer: &str, provider: &str) -> Option<&Named<Arc<Pact>>> {
        self.expected.get(consumer)?.get(provider)
    }
}

/// The check of one message.
struct Check<'a, 'm> {
    message: &'a Message<'m>,
    findings: &'a mut Vec<Finding>,
    covered: bool,
}

impl Check<'_, '_> {
    fn add(&mut self, side: Side, contract: &str, level: Level, text: String) {
        let message = self.message;
        self.findings.push(Finding {
            event: message.event,
            from: message.from.to_owned(),
            to: message.to.to_owned(),
            message: match message.leg {
                Leg::Request => format!("{} {}", message.method, message.path()),
                Leg::Reply => format!("{} {} {}", message.method, message.path(), message.status),
                Leg::Event => message.target.to_owned(),
            },
            side,
            contract: contract.to_owned(),
            level,
            text,
        });
    }

    fn schema(&mut self, side: Side, schema: &Named<Arc<Schema>>, body: &[u8]) {
        let value = match serde_json::from_slice(body) {
            Ok(value) => value,
            Err(error) => {
                let text = format!("the event is no JSON: {error}");
                return self.add(side, &schema.name, Level::Broken, text);
            }
        };
        if !schema.it.accepts(&value) {
            let reasons = schema.it.refusals(&value, 3);
            let reasons: Vec<String> = reasons.iter().map(said).collect();
            self.add(side, &schema.name, Level::Broken, reasons.join("; "));
        }
    }

    /// The best of the answers of examples counts.
    fn pact(
        &mut self,
        side: Side,
        contract: &str,
        answers: impl Iterator<Item = Fit>,
        silent: &str,
    ) {
        let (mut nearest, mut unknown): (Option<Vec<String>>, Option<String>) = (None, None);
        for answer in answers {
            match answer {
                Fit::Fits => return,
                Fit::Elsewhere => {}
                Fit::Differs(reasons) => {
                    if nearest.as_ref().is_none_or(|known| reasons.len() < known.len()) {
                        nearest = Some(reasons);
                    }
                }
                Fit::Unknown(reason) => unknown = Some(reason),
            }
        }
        match (unknown, nearest) {
            (Some(reason), _) => self.add(side, contract, Level::Unknown, reason),
            (None, Some(reasons)) => self.add(side, contract, Level::Broken, reasons.join("; ")),
            (None, None) => self.add(side, contract, Level::Silent, silent.to_owned()),
        }
    }
}

/// A refusal of a validator, as text.
pub(super) fn said((at, reason): &(String, String)) -> String {
    if at.is_empty() { reason.clone() } else { format!("{at}: {reason}") }
}
