//! Who calls whom, from the calls that were made.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use petgraph::graph::{DiGraph, NodeIndex};
use serde::Serialize;

use super::set::{SpanRef, SpanSet};
use super::span::{DOUBLED, SpanKind, Value};

/// The calls from one service to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// How many.
    pub calls: usize,
    /// How many of them failed, as the caller saw it or else the callee.
    pub errors: usize,
    /// How many of them never arrived, as far as was seen.
    pub lost: usize,
    /// How many of them were answered by a reply that was lost.
    pub replies_lost: usize,
    /// How many of them the network doubled, there or back.
    pub doubled: usize,
    /// How many of them the caller gave up, as far as it is known why.
    pub timeouts: usize,
    /// How long each took, the shortest first: as the caller saw it, where it was seen.
    latencies: Vec<Duration>,
}

impl Calls {
    /// How many there are, then what befell them, as far as anything did: `5 calls`, `2 errors`.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let counts = [
            (self.errors, "error", "errors"),
            (self.lost, "lost", "lost"),
            (self.replies_lost, "reply lost", "replies lost"),
            (self.doubled, "doubled", "doubled"),
            (self.timeouts, "timed out", "timed out"),
        ];
        let befell = counts.into_iter().filter(|(n, ..)| *n > 0);
        let all = std::iter::once((self.calls, "call", "calls")).chain(befell);
        all.map(|(n, one, many)| format!("{n} {}", if n == 1 { one } else { many })).collect()
    }

    fn add(&mut self, call: &Call) {
        self.calls += 1;
        self.errors += usize::from(call.failed);
        self.lost += usize::from(call.lost);
        self.replies_lost += usize::from(call.reply_lost);
        self.doubled += usize::from(call.doubled);
        self.timeouts += usize::from(call.timed_out);
        self.latencies.push(call.latency);
    }

    /// The latency that a share of the calls (0 to 1) did not exceed: the nearest rank, exactly.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Duration {
        let rank = (share.clamp(0.0, 1.0) * self.latencies.len() as f64).ceil() as usize;
        self.latencies.get(rank.max(1) - 1).copied().unwrap_or_default()
    }

    /// The longest latency.
    #[must_use]
    pub fn slowest(&self) -> Duration {
        self.latencies.last().copied().unwrap_or_default()
    }
}

/// Which services called which others.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    graph: DiGraph<String, Calls>,
}

/// One edge of the graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Edge<'a> {
    /// Who called.
    pub caller: &'a str,
    /// Who was called.
    pub callee: &'a str,
    /// The calls.
    #[serde(skip)]
    pub calls: &'a Calls,
}

impl Traffic {
    /// The traffic of a set: a server or consumer span below a span of another service or below a client
    /// or producer is a call; so is a client or producer span that nobody answered, to its `peer.service`.
    #[must_use]
    pub fn of(set: &SpanSet) -> Traffic {
        let mut edges: BTreeMap<(&str, &str), Calls> = BTreeMap::new();
        let mut services: BTreeMap<&str, NodeIndex> = BTreeMap::new();
        for span in set.spans() {
            if !span.service.is_empty() {
                services.entry(&span.get().service).or_default();
            }
            if let Some((caller, callee, call)) = call(span) {
                edges.entry((caller, callee)).or_default().add(&call);
                services.entry(caller).or_default();
                services.entry(callee).or_default();
            }
        }
        let mut graph = DiGraph::new();
        for (name, node) in &mut services {
            *node = graph.add_node((*name).to_owned());
        }
        for ((caller, callee), mut calls) in edges {
            calls.latencies.sort_unstable();
            graph.add_edge(services[caller], services[callee], calls);
        }
        Traffic { graph }
    }

    /// The graph: services by name, edges from caller to callee.
    #[must_use]
    pub fn graph(&self) -> &DiGraph<String, Calls> {
        &self.graph
    }

    /// The services, by name.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        self.graph.node_weights().map(String::as_str)
    }

    /// The edges, by caller and callee.
    pub fn edges(&self) -> impl Iterator<Item = Edge<'_>> {
        self.graph.edge_indices().map(|edge| {
            let (caller, callee) = self.graph.edge_endpoints(edge).expect("it is of this graph");
            let calls = &self.graph[edge];
            Edge { caller: &self.graph[caller], callee: &self.graph[callee], calls }
        })
    }

    /// The groups of services that call each other in a circle, each in the order of their names.
    #[must_use]
    pub fn circles(&self) -> Vec<Vec<&str>> {
        let groups = petgraph::algo::tarjan_scc(&self.graph).into_iter();
        let is_circle = |group: &Vec<NodeIndex>| {
            group.len() > 1 || self.graph.find_edge(group[0], group[0]).is_some()
        };
        let mut circles: Vec<Vec<&str>> = groups
            .filter(is_circle)
            .map(|group| group.iter().map(|node| self.graph[*node].as_str()).collect())
            .collect();
        circles.iter_mut().for_each(|circle| circle.sort_unstable());
        circles.sort_unstable();
        circles
    }

    /// The graph in the language of Graphviz.
    #[must_use]
    pub fn to_dot(&self) -> String {
        let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let mut dot = "digraph traffic {\n".to_owned();
        for service in self.services() {
            let _ = writeln!(dot, "  \"{}\";", quoted(service));
        }
        for Edge { caller, callee, calls } in self.edges() {
            let (caller, callee) = (quoted(caller), quoted(callee));
            let label = format!("{} calls, {} errors", calls.calls, calls.errors);
            let _ = writeln!(dot, "  \"{caller}\" -> \"{callee}\" [label=\"{label}\"];");
        }
        dot.push_str("}\n");
        dot
    }
}

#[derive(Default)]
struct Call {
    failed: bool,
    lost: bool,
    reply_lost: bool,
    doubled: bool,
    timed_out: bool,
    latency: Duration,
}

fn asks(kind: SpanKind) -> bool {
    matches!(kind, SpanKind::Client | SpanKind::Producer)
}

fn works(kind: SpanKind) -> bool {
    matches!(kind, SpanKind::Server | SpanKind::Consumer)
}

/// The call that a span is, of those that are counted once: the caller's half counts, and the callee's
/// only where there is none.
fn call(span: SpanRef<'_>) -> Option<(&str, &str, Call)> {
    let is_error = span.is_error();
    if asks(span.kind) {
        let callee = span.children().find(|child| works(child.kind));
        let peer = span.get().attribute("peer.service").and_then(Value::as_str);
        let name = callee.map(|callee| &*callee.get().service).or(peer)?;
        let failed = is_error || callee.is_some_and(|callee| callee.is_error());
        // A data base or another system that makes no spans is not lost: only a recorded run knows.
        let lost = callee.is_none() && span.event != 0;
        let call = Call {
            failed,
            lost,
            reply_lost: span.is_reply_lost(),
            doubled: span.events.iter().any(|event| event.name == DOUBLED),
            timed_out: span.attribute("error.type").and_then(Value::as_str) == Some("timeout"),
            latency: span.duration(),
        };
        return Some((&span.get().service, name, call));
    }
    let parent = span.parent().filter(|parent| !asks(parent.kind))?;
    let is_call = works(span.kind) || span.service != parent.service;
    let call = Call { failed: is_error, latency: span.duration(), ..Call::default() };
    is_call.then_some((&*parent.get().service, &*span.get().service, call))
}
