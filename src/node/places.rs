//! Networks: who can find whom. Nodes of which nobody has said where they are can find all, and be
//! found.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use rustc_hash::FxHashMap;

use crate::journal::NodeId;

/// The networks that a member's nodes are on, each with other names by which it is known there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub networks: BTreeMap<String, BTreeSet<String>>,
}

/// The places of a world.
#[derive(Default)]
pub(super) struct Places {
    by_node: FxHashMap<NodeId, Rc<BTreeSet<String>>>,
    /// By alias: networks, and the members that are called so there.
    aliases: BTreeMap<String, Vec<(String, String)>>,
}

impl Places {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.by_node.is_empty()
    }

    pub(super) fn set(&mut self, member: &str, nodes: &[NodeId], place: &Place) {
        let networks: Rc<BTreeSet<String>> = Rc::new(place.networks.keys().cloned().collect());
        self.by_node.extend(nodes.iter().map(|id| (*id, networks.clone())));
        for (network, aliases) in &place.networks {
            for alias in aliases {
                let known = self.aliases.entry(alias.clone()).or_default();
                known.push((network.clone(), member.to_owned()));
            }
        }
    }

    /// The member that `caller` knows under another name; anybody who is called so without a caller.
    pub(super) fn member(&self, caller: Option<NodeId>, alias: &str) -> Option<&str> {
        let networks = caller.and_then(|caller| self.by_node.get(&caller));
        let known = self.aliases.get(alias)?;
        let on = |network: &String| networks.is_none_or(|networks| networks.contains(network));
        known.iter().find(|(network, _)| on(network)).map(|(_, member)| member.as_str())
    }

    /// True if the two have a network in common.
    pub(super) fn are_joined(&self, a: NodeId, b: NodeId) -> bool {
        match (self.by_node.get(&a), self.by_node.get(&b)) {
            (Some(a), Some(b)) => !a.is_disjoint(b),
            _ => true,
        }
    }
}
