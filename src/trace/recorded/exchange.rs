//! Requests and replies, and what befalls them.

use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use super::{NONE, Reader};
use crate::journal::{Event, EventId, HttpMessage, Kind, NodeId};
use crate::trace::set::SpanIndex;
use crate::trace::span::{Attributes, DOUBLED, DROPPED, Link, SpanKind, Value};

/// Bodies of requests up to this length become an attribute, so that flow checks find keys in them.
const BODY_MAX: usize = 1 << 10;

/// One request, and its reply.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub(super) from: NodeId,
    pub(super) to: NodeId,
    pub(super) client: SpanIndex,
    /// The server span of its first arrival that is not over.
    pub(super) server: SpanIndex,
    /// How often it has arrived.
    arrived: u32,
    of_connection: bool,
    /// True once the caller has its answer, or will have none.
    over: bool,
    /// It was reset by an event that does not say which exchange it ends.
    by_order: bool,
    failed: bool,
    resends: u32,
    body: u64,
}

impl<'a> Reader<'a> {
    pub(super) fn sent(&mut self, event: Event<'a>) {
        let Some(message) = event.http() else { return };
        if message.is_request() {
            self.asked(event, message);
        } else {
            self.answered(event, message);
        }
    }

    fn asked(&mut self, event: Event<'a>, message: HttpMessage<'a>) {
        let (from, to) = (event.node(), event.peer());
        let label = self.text(event.symbol());
        let number = self.exchanges.len() as u32;
        let parent = self.parent_of(event, &label);
        let client = self.begin(event, from, &label);
        self.spans[client as usize].kind = SpanKind::Client;
        self.exchange_of[client as usize] = number;
        self.join(client, parent, event);
        self.describe(client, message);
        let peer = self.service(to);
        self.set(client, "peer.service", Value::Text(peer));
        self.set(client, "server.address", event.peer_name());
        let body = message.body();
        self.about[event.id().0 as usize - 1] = number * 2;
        self.asking[from.0 as usize].insert(number);
        self.exchanges.push(Exchange {
            from,
            to,
            client,
            server: NONE,
            arrived: 0,
            of_connection: message.is_of_connection(),
            over: false,
            by_order: false,
            failed: false,
            resends: 0,
            body: xxh3_64(&body),
        });
        self.note_retry(event, number, label);
    }

    /// A request with the label and the body of one that has failed, of the same task, is that one again.
    fn note_retry(&mut self, event: Event<'a>, number: u32, label: Arc<str>) {
        let task = self.of(&self.task, event.id());
        let before = self.last.insert((task, label), number);
        let Some(before) = before.map(|before| self.exchanges[before as usize].clone()) else {
            return;
        };
        let now = &self.exchanges[number as usize];
        let same = self.service(before.to) == self.service(now.to) && before.body == now.body;
        if !before.failed || !same {
            return;
        }
        let (resends, client) = (before.resends + 1, now.client);
        self.exchanges[number as usize].resends = resends;
        self.set(client, "http.request.resend_count", i64::from(resends));
        let first = &self.spans[before.client as usize];
        let attributes = vec![("sim.link".into(), "retries".into())];
        let link = Link { trace: first.trace, span: first.id, attributes };
        self.spans[client as usize].links.push(link);
        self.add(client, "retry", vec![("sim.attempt".into(), i64::from(resends + 1).into())]);
    }

    fn describe(&mut self, span: SpanIndex, message: HttpMessage<'a>) {
        let method = Value::Text(self.text(message.method()));
        let path = Value::Text(self.text(message.path()));
        self.set(span, "http.request.method", method);
        self.set(span, "url.path", path);
        if !message.query().is_empty() {
            self.set(span, "url.query", message.query());
        }
        for (header, key) in [
            ("idempotency-key", "http.request.header.idempotency-key"),
            ("x-request-id", "http.request.header.x-request-id"),
        ] {
            if let Some(value) = message.header(header) {
                self.set(span, key, value);
            }
        }
        let body = message.body();
        if let Some(text) = std::str::from_utf8(&body).ok().filter(|_| body.len() <= BODY_MAX)
            && !text.is_empty()
        {
            self.set(span, "sim.request.body", text);
        }
    }

    fn answered(&mut self, event: Event<'a>, message: HttpMessage<'a>) {
        let asked = message.answers().map(|asked| self.of(&self.about, asked.event().id()));
        let within = self.of(&self.within, event.id());
        let mine = self.request_around(within);
        // The reply to a second copy of a request names that copy, which is no message of its own.
        let number = match asked {
            Some(about) if about != NONE => about / 2,
            _ if mine != NONE => self.exchange_of[mine as usize],
            _ => return,
        };
        self.about[event.id().0 as usize - 1] = number * 2 + 1;
        let is_mine = mine != NONE && self.exchange_of[mine as usize] == number;
        let exchange = &self.exchanges[number as usize];
        let server = if is_mine && !exchange.of_connection { mine } else { exchange.server };
        let Some(status) = message.status().filter(|_| server != NONE) else { return };
        if self.ended[server as usize] {
            return;
        }
        self.set(server, "http.response.status_code", i64::from(status));
        if status >= 500 {
            self.fail(server, format!("status {status}"));
        }
        self.end_server(server);
    }

    fn end_server(&mut self, server: SpanIndex) {
        self.end(server);
        let exchange = self.exchange_of[server as usize];
        let node = self.exchanges[exchange as usize].to;
        self.serving[node.0 as usize].remove(&server);
    }

    pub(super) fn delivered(&mut self, event: Event<'a>) {
        let about = self.of(&self.about, Self::led_to(event));
        if about == NONE {
            return;
        }
        self.about[event.id().0 as usize - 1] = about;
        let number = about / 2;
        if about.is_multiple_of(2) {
            self.arrived(event, number);
        } else {
            self.reply_arrived(event, number);
        }
    }

    /// A request is with its service: now, or once more.
    fn arrived(&mut self, event: Event<'a>, number: u32) {
        let exchange = &mut self.exchanges[number as usize];
        exchange.arrived += 1;
        let (client, arrived) = (exchange.client, exchange.arrived);
        // TCP shows its reader nothing twice.
        if arrived > 1 && exchange.of_connection {
            return;
        }
        let operation = self.spans[client as usize].operation.clone();
        let server = self.begin(event, event.node(), &operation);
        let asked = &self.spans[client as usize];
        let (trace, parent) = (asked.trace, asked.id);
        let key = [parent.to_le_bytes().as_slice(), &arrived.to_le_bytes()].concat();
        let id = self.fresh_id(trace, &key);
        let span = &mut self.spans[server as usize];
        (span.trace, span.id, span.parent) = (trace, id, Some(parent));
        span.kind = SpanKind::Server;
        self.exchange_of[server as usize] = number;
        let exchange = &mut self.exchanges[number as usize];
        if exchange.server == NONE {
            exchange.server = server;
        }
        let caller = self.service(self.exchanges[number as usize].from);
        self.set(server, "sim.caller", Value::Text(caller));
        if arrived > 1 {
            self.set(server, "sim.delivery", i64::from(arrived));
        }
        let sent = EventId(self.spans[client as usize].event);
        let request = self.journal.get(sent);
        if let Some(message) = request.and_then(|request| request.http()) {
            self.describe(server, message);
        }
        if let Some(header) = request.and_then(|request| request.trace()) {
            let ended = &self.ended;
            let named = self.by_header.entry((event.node(), header.id)).or_default();
            named.retain(|span| !ended[*span as usize]);
            named.push(server);
        }
        // Who reads a connection, no event says: all tasks of a program are one to the kernel.
        if !self.exchanges[number as usize].of_connection {
            self.within[event.id().0 as usize - 1] = server;
        }
        self.serving[event.node().0 as usize].insert(server);
    }

    fn reply_arrived(&mut self, event: Event<'a>, number: u32) {
        let exchange = &self.exchanges[number as usize];
        let (client, of_connection) = (exchange.client, exchange.of_connection);
        let asked = EventId(self.spans[client as usize].event);
        self.within[event.id().0 as usize - 1] = self.of(&self.within, asked);
        if exchange.over && !exchange.by_order {
            if !of_connection {
                self.add(client, "late reply", Attributes::new());
            }
            return;
        }
        if exchange.by_order {
            self.spans[client as usize].status = super::Status::Unset;
        }
        let reply = self.journal.get(Self::led_to(event)).and_then(|reply| reply.http());
        let status = reply.and_then(|reply| reply.status());
        if let Some(status) = status {
            self.set(client, "http.response.status_code", i64::from(status));
            if status >= 400 {
                self.fail(client, format!("status {status}"));
            }
        }
        self.over(number, status.is_some_and(|status| status >= 500));
    }

    /// The caller waits no longer.
    fn over(&mut self, number: u32, failed: bool) {
        let exchange = &mut self.exchanges[number as usize];
        (exchange.over, exchange.failed) = (true, failed);
        let (client, from) = (exchange.client, exchange.from);
        self.asking[from.0 as usize].remove(&number);
        self.end(client);
    }

    /// A message is lost, doubled or held up.
    pub(super) fn struck(&mut self, event: Event<'a>) {
        let about = self.of(&self.about, Self::led_to(event));
        if about == NONE {
            return;
        }
        self.about[event.id().0 as usize - 1] = about;
        let leg = if about.is_multiple_of(2) { "request" } else { "reply" };
        let mut attributes = vec![("sim.leg".into(), leg.into())];
        let (name, fault) = match event.kind() {
            Kind::Drop => {
                attributes.push(("sim.reason".into(), event.symbol().into()));
                (DROPPED, event.value().checked_sub(1))
            }
            Kind::Duplicate => (DOUBLED, None),
            _ => ("fault struck", Some(event.value())),
        };
        if let Some(fault) = fault {
            attributes.push(("sim.fault".into(), Value::number(fault)));
        }
        self.add(self.exchanges[about as usize / 2].client, name, attributes);
    }

    pub(super) fn timed_out(&mut self, event: Event<'a>) {
        let about = self.of(&self.about, Self::led_to(event));
        if about != NONE && !self.exchanges[about as usize / 2].over {
            self.fail_exchange(about / 2, "timeout");
        }
    }

    fn fail_exchange(&mut self, number: u32, how: &str) {
        let client = self.exchanges[number as usize].client;
        self.fail(client, how);
        self.set(client, "error.type", how);
        self.add(client, "failed", vec![("error.type".into(), how.into())]);
        self.over(number, true);
    }

    /// A node sees a refusal or a reset: what led to it says of which exchange; else it is the oldest
    /// one between the two.
    pub(super) fn reset(&mut self, event: Event<'a>) {
        let led = Self::led_to(event);
        let (node, peer) = (event.node(), event.peer());
        let mut number = self.of(&self.about, led);
        if number != NONE {
            number /= 2;
        } else {
            let server = self.request_around(self.of(&self.within, led));
            let of = if server == NONE { NONE } else { self.exchange_of[server as usize] };
            let fits = |n: u32| {
                let exchange = &self.exchanges[n as usize];
                exchange.from == node && exchange.to == peer
            };
            if of != NONE && fits(of) {
                number = of;
            }
        }
        let by_order = number == NONE;
        if by_order {
            let asking = self.asking.get(node.0 as usize).into_iter().flatten();
            let oldest = asking.copied().find(|n| self.exchanges[*n as usize].to == peer);
            number = oldest.unwrap_or(NONE);
        }
        if number == NONE || self.exchanges[number as usize].over {
            return;
        }
        let client = self.exchanges[number as usize].client;
        if let Some(fault) = event.value().checked_sub(1) {
            self.set(client, "sim.fault", Value::number(fault));
        }
        if by_order {
            self.set(client, "sim.reset", "the oldest request of this edge");
            self.exchanges[number as usize].by_order = true;
        }
        let how = if event.symbol() == "refused" { "refused" } else { "reset" };
        self.fail_exchange(number, how);
        self.abandon(number, how);
    }

    /// Whoever worked on a request that is reset, before it has answered, works for nobody.
    fn abandon(&mut self, number: u32, how: &str) {
        let server = self.exchanges[number as usize].server;
        if server != NONE && !self.ended[server as usize] {
            self.fail(server, how);
            self.end_server(server);
        }
    }

    /// A process or machine is gone, and with it all that it asked and worked on.
    pub(super) fn went_down(&mut self, event: Event<'a>, how: &'static str) {
        let node = event.node().0 as usize;
        for server in std::mem::take(&mut self.serving[node]) {
            self.fail(server, how);
            self.end(server);
        }
        for number in std::mem::take(&mut self.asking[node]) {
            self.fail_exchange(number, how);
        }
        self.close_all(event.node(), how);
    }
}
