//! Who has a lane in the picture, and in which order: clients above, whom they call below.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::journal::{EventId, Journal, Kind, NodeId};
use crate::sim::Run;
use crate::topology::Role;

/// More lanes than this nobody reads.
const LANES_MAX: usize = 64;

/// The nodes that are drawn.
pub(super) struct Lanes {
    pub(super) nodes: Vec<NodeId>,
    /// Nodes that do something, and for which there is no room.
    pub(super) left_out: usize,
    place: BTreeMap<NodeId, usize>,
}

impl Lanes {
    /// The lanes of a run; those that `focus` rests on come first where there are too many.
    pub(super) fn of(run: &Run, focus: &[EventId]) -> Lanes {
        let journal = &run.journal;
        let mut weight: BTreeMap<NodeId, u64> = BTreeMap::new();
        let mut idle: BTreeSet<NodeId> = BTreeSet::new();
        for event in journal.events().filter(|event| event.node() != NodeId::WORLD) {
            let peer = Some(event.peer()).filter(|peer| *peer != NodeId::WORLD);
            for node in [event.node()].into_iter().chain(peer) {
                match event.kind() {
                    Kind::Start | Kind::Spawn => _ = idle.insert(node),
                    _ => *weight.entry(node).or_default() += 1,
                }
            }
        }
        if weight.is_empty() {
            weight.extend(idle.into_iter().map(|node| (node, 0)));
        }
        for event in focus.iter().filter_map(|id| journal.get(*id)) {
            if let Some(weight) = weight.get_mut(&event.node()) {
                *weight += 1 << 40;
            }
        }
        let mut nodes: Vec<NodeId> = weight.keys().copied().collect();
        nodes.sort_by_key(|node| std::cmp::Reverse(weight[node]));
        let left_out = nodes.len().saturating_sub(LANES_MAX);
        nodes.truncate(LANES_MAX);
        let depths = depths(run);
        nodes.sort_by_key(|node| (depths.get(node).copied().unwrap_or(usize::MAX), *node));
        let place = nodes.iter().enumerate().map(|(place, node)| (*node, place)).collect();
        Lanes { nodes, left_out, place }
    }

    /// The lane of a node; the world has none.
    pub(super) fn place(&self, node: NodeId) -> Option<usize> {
        self.place.get(&node).copied()
    }
}

/// How many requests away from a client each node is.
pub(in crate::report) fn depths(run: &Run) -> BTreeMap<NodeId, usize> {
    let journal = &run.journal;
    let mut calls: BTreeMap<NodeId, BTreeSet<NodeId>> = BTreeMap::new();
    for send in journal.of_kind(Kind::Send).filter(|send| send.extra() == 0) {
        calls.entry(send.node()).or_default().insert(send.peer());
    }
    let clients: BTreeSet<NodeId> = clients(run, journal).collect();
    let mut depths: BTreeMap<NodeId, usize> = clients.iter().map(|node| (*node, 0)).collect();
    let mut open: VecDeque<NodeId> = clients.into_iter().collect();
    while let Some(node) = open.pop_front() {
        let depth = depths[&node] + 1;
        for next in calls.get(&node).into_iter().flatten() {
            if !depths.contains_key(next) {
                depths.insert(*next, depth);
                open.push_back(*next);
            }
        }
    }
    depths
}

/// The nodes of the clients.
fn clients<'a>(run: &Run, journal: &'a Journal) -> impl Iterator<Item = NodeId> + use<'a> {
    let members = run.topology.members.iter().filter(|member| member.role == Role::Client);
    let names: BTreeSet<String> = members.flat_map(crate::topology::Member::nodes).collect();
    let named = (0..).map(NodeId).zip(journal.nodes());
    named.filter(move |(_, name)| names.contains(*name)).map(|(node, _)| node)
}
