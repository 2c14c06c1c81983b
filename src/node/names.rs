//! Who is reached under which name, and how many replicas a service is to have.

use std::collections::BTreeMap;
use std::io;

use rustc_hash::FxHashMap;

pub(crate) use super::places::Place;
use super::places::Places;
use super::with;
use crate::error::{Error, Result, hint};
use crate::journal::NodeId;
use crate::kernel::current;
use crate::topology::Role;

/// The names of a world. Those of single nodes are in the journal alone.
#[derive(Default)]
pub(super) struct Names {
    members: BTreeMap<String, Group>,
    /// The networks that nodes are on, where somebody has said.
    places: Places,
    /// Whose turn it is, by caller and service: plain round robin, as a name server does it.
    turns: FxHashMap<(NodeId, NodeId), u32>,
}

/// The nodes of one member.
pub(super) struct Group {
    role: Role,
    nodes: Vec<NodeId>,
    /// The first so many are to run; the others are there to be scaled to.
    wanted: usize,
}

/// The nodes of a service for which it has changed whether they are to run.
pub(super) struct Scaled {
    pub(super) more: Vec<NodeId>,
    /// The last one first.
    pub(super) fewer: Vec<NodeId>,
}

impl Group {
    /// Those that callers are sent to. Without any, the first refuses for all: it is down.
    fn replicas(&self) -> &[NodeId] {
        &self.nodes[..self.wanted.max(1)]
    }
}

impl Names {
    /// Adds the next replica of `member`.
    pub(super) fn add(&mut self, member: &str, role: Role, id: NodeId, wanted: bool) {
        let wanted = usize::from(wanted);
        match self.members.get_mut(member) {
            Some(group) => {
                group.nodes.push(id);
                group.wanted += wanted;
            }
            None => {
                let group = Group { role, nodes: vec![id], wanted };
                self.members.insert(member.to_owned(), group);
            }
        }
    }

    fn resolve(&mut self, caller: NodeId, name: &str) -> Option<NodeId> {
        let Some(group) = self.members.get(name) else {
            return replica(&self.members, name).map(|(_, id)| id);
        };
        let replicas = group.replicas();
        if let [only] = replicas[..] {
            return Some(only);
        }
        let turn = self.turns.entry((caller, replicas[0])).or_insert(0);
        let chosen = replicas[*turn as usize % replicas.len()];
        *turn = turn.wrapping_add(1);
        Some(chosen)
    }

    /// As [`Names::resolve`], where not all nodes can reach each other.
    fn resolve_on_networks(&mut self, caller: NodeId, name: &str) -> io::Result<NodeId> {
        let not_found = |text: String| io::Error::new(io::ErrorKind::NotFound, text);
        let alias = match self.members.contains_key(name) {
            true => None,
            false => self.places.member(Some(caller), name).map(str::to_owned),
        };
        let found = self.resolve(caller, alias.as_deref().unwrap_or(name));
        let found = found.ok_or_else(|| not_found(self.unknown(name)))?;
        if caller == found || self.places.are_joined(caller, found) {
            return Ok(found);
        }
        let caller = current::with(|kernel| kernel.node_name(caller));
        Err(not_found(format!("`{name}` is on no network that `{caller}` is on")))
    }

    /// Sets how many nodes of a service are to run.
    pub(super) fn scale(&mut self, service: &str, replicas: u32) -> Result<Scaled> {
        let Some(group) = self.members.get_mut(service) else {
            return Err(Error::World(match replica(&self.members, service) {
                Some((member, _)) => format!("`{service}` is one replica: scale `{member}`"),
                None => self.no_service(service),
            }));
        };
        if group.role == Role::Client {
            let reason = "is a client; only services and processes are scaled";
            return Err(Error::World(format!("`{service}` {reason}")));
        }
        let (most, wanted) = (group.nodes.len(), replicas as usize);
        if wanted > most {
            let s = if most == 1 { "" } else { "s" };
            return Err(Error::World(format!(
                "`{service}` has at most {most} replica{s}; to have more, declare it with \
                 `.replicas_max({replicas})`"
            )));
        }
        let before = std::mem::replace(&mut group.wanted, wanted);
        let between = |from: usize, to: usize| group.nodes.get(from..to).unwrap_or_default();
        Ok(Scaled {
            more: between(before, wanted).to_vec(),
            fewer: between(wanted, before).iter().rev().copied().collect(),
        })
    }

    fn no_service(&self, name: &str) -> String {
        let services = self.members.iter().filter(|(_, group)| group.role == Role::Service);
        let hint = hint(name, services.map(|(name, _)| name.as_str()));
        format!("no service `{name}` in this world{hint}")
    }

    /// What a caller is told that looks for somebody whom the world does not have.
    fn unknown(&self, name: &str) -> String {
        let replicas = self.members.values().flat_map(|group| &group.nodes);
        let replicas = replicas.map(|id| current::with(|kernel| kernel.node_name(*id)));
        let known: Vec<String> = self.members.keys().cloned().chain(replicas).collect();
        let hint = hint(name, known.iter().map(String::as_str));
        format!("no service or node `{name}` in this world{hint}")
    }
}

/// Puts a member's nodes on networks.
pub(crate) fn set_place(member: &str, place: &Place) {
    with(|nodes| {
        let mut names = nodes.names.borrow_mut();
        let names = &mut *names;
        let nodes = names.members.get(member).map_or(&[][..], |group| &group.nodes);
        names.places.set(member, nodes, place);
    });
}

/// The replica that has that name, and its member.
fn replica<'n>(members: &BTreeMap<String, Group>, name: &'n str) -> Option<(&'n str, NodeId)> {
    let (member, index) = name.rsplit_once('-')?;
    let replica = *members.get(member)?.nodes.get(index.parse::<usize>().ok()?)?;
    let is_it = current::with(|kernel| kernel.with_recorder(|r| r.node_name(replica) == name));
    is_it.then_some((member, replica))
}

/// The nodes that a name stands for, whether they run or not: a service's replicas, or one node.
pub(crate) fn named(name: &str) -> Vec<NodeId> {
    with(|nodes| {
        let names = nodes.names.borrow();
        let members = &names.members;
        match members.get(name) {
            Some(group) => group.nodes.clone(),
            None => match replica(members, name) {
                Some((_, id)) => vec![id],
                None => {
                    let member = names.places.member(None, name).and_then(|name| members.get(name));
                    member.map(|group| group.nodes.clone()).unwrap_or_default()
                }
            },
        }
    })
}

/// Where `caller` finds `name`: replicas in turn.
pub(crate) fn resolve(caller: NodeId, name: &str) -> io::Result<NodeId> {
    if name == "localhost" {
        return Ok(caller);
    }
    with(|nodes| {
        let mut names = nodes.names.borrow_mut();
        if !names.places.is_empty() {
            return names.resolve_on_networks(caller, name);
        }
        let found = names.resolve(caller, name);
        found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, names.unknown(name)))
    })
}
