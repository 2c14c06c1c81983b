//! Who is in the world, and who calls whom: plain data that chaos, scripts and reports name things by.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// What a node is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Answers requests, or runs a process: faults strike it.
    Service,
    /// Drives the world; no node fault strikes it, its links are struck as all others.
    Client,
}

/// A named group of equal nodes: `inventory` with at most 3 replicas is `inventory-0` to
/// `inventory-2`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The name under which others call it.
    pub name: String,
    /// How many nodes it begins with; at least 1.
    pub replicas: u32,
    /// How many it may be scaled to while the world runs; `replicas`, where that is more.
    #[serde(default)]
    pub replicas_max: u32,
    /// Service or client.
    pub role: Role,
    /// The services that it says it calls. Empty means that it does not say: it may call any.
    pub calls: BTreeSet<String>,
    /// How many operations its workload has; none if it is no client with a list of them.
    #[serde(default)]
    pub operations: Option<usize>,
}

impl Member {
    /// The names of its nodes, of those too that it has to be scaled to: the plain name when there
    /// is never more than one, else `name-0`, `name-1` ...
    #[must_use]
    pub fn nodes(&self) -> Vec<String> {
        match self.most() {
            0 | 1 => vec![self.name.clone()],
            n => (0..n).map(|i| format!("{}-{i}", self.name)).collect(),
        }
    }

    /// The most nodes that it ever has.
    pub(crate) fn most(&self) -> u32 {
        self.replicas.max(self.replicas_max)
    }
}

/// All members of a world, in the order in which they were declared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topology {
    /// Services and clients.
    pub members: Vec<Member>,
}

impl Topology {
    /// The member of that name.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|m| m.name == name)
    }

    /// True if `name` is a member or one of its nodes.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        self.names().any(|n| n == name)
    }

    /// Every name that a script may use: members, and the nodes of those with several replicas.
    pub fn names(&self) -> impl Iterator<Item = String> + '_ {
        self.members.iter().flat_map(|m| {
            let nodes = if m.most() > 1 { m.nodes() } else { Vec::new() };
            std::iter::once(m.name.clone()).chain(nodes)
        })
    }

    /// The nodes that `name` stands for: all of a member's, or the one node itself.
    #[must_use]
    pub fn nodes(&self, name: &str) -> Vec<String> {
        match self.member(name) {
            Some(member) => member.nodes(),
            None if self.knows(name) => vec![name.to_owned()],
            None => Vec::new(),
        }
    }

    /// The directed edges between members that may carry calls, in declaration order: those that
    /// were declared and, from members that declare none, those to every other service.
    #[must_use]
    pub fn edges(&self) -> Vec<(&str, &str)> {
        let services = || self.members.iter().filter(|m| m.role == Role::Service);
        let mut edges = Vec::new();
        for from in &self.members {
            for to in services() {
                let declared = from.calls.contains(&to.name);
                let open = from.calls.is_empty() && from.name != to.name;
                if declared || open {
                    edges.push((from.name.as_str(), to.name.as_str()));
                }
            }
        }
        edges
    }
}
