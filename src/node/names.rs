//! Who is reached under which name.

use std::collections::BTreeMap;
use std::io;

use rustc_hash::FxHashMap;

use super::with;
use crate::error::nearest;
use crate::journal::NodeId;
use crate::kernel::current;

/// The names of a world. Those of single nodes are in the journal alone.
#[derive(Default)]
pub(super) struct Names {
    /// The replicas of each member.
    members: BTreeMap<String, Vec<NodeId>>,
    /// Whose turn it is, by caller and service: plain round robin, as a name server does it.
    turns: FxHashMap<(NodeId, NodeId), u32>,
}

impl Names {
    /// Adds the next replica of `member`.
    pub(super) fn add(&mut self, member: &str, id: NodeId) {
        match self.members.get_mut(member) {
            Some(replicas) => replicas.push(id),
            None => _ = self.members.insert(member.to_owned(), vec![id]),
        }
    }

    fn resolve(&mut self, caller: NodeId, name: &str) -> Option<NodeId> {
        let replicas = find(&self.members, name)?;
        if let [only] = replicas[..] {
            return Some(only);
        }
        let turn = self.turns.entry((caller, replicas[0])).or_insert(0);
        let chosen = replicas[*turn as usize % replicas.len()];
        *turn = turn.wrapping_add(1);
        Some(chosen)
    }

    /// What a caller is told that looks for somebody whom the world does not have.
    fn unknown(&self, name: &str) -> String {
        let replicas = self.members.values().flatten();
        let replicas = replicas.map(|id| current::with(|kernel| kernel.node_name(*id)));
        let known: Vec<String> = self.members.keys().cloned().chain(replicas).collect();
        let near = nearest(name, known.iter().map(String::as_str));
        let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        format!("no service or node `{name}` in this world{hint}")
    }
}

/// A member's replicas, or the one that has that name.
fn find<'a>(members: &'a BTreeMap<String, Vec<NodeId>>, name: &str) -> Option<&'a [NodeId]> {
    if let Some(replicas) = members.get(name) {
        return Some(replicas);
    }
    let (member, index) = name.rsplit_once('-')?;
    let replica = members.get(member)?.get(index.parse::<usize>().ok()?)?;
    let is_it = current::with(|kernel| kernel.with_recorder(|r| r.node_name(*replica) == name));
    is_it.then(|| std::slice::from_ref(replica))
}

/// The nodes that a name stands for: a service's replicas, or one node.
pub(crate) fn named(name: &str) -> Vec<NodeId> {
    with(|nodes| {
        let names = nodes.names.borrow();
        find(&names.members, name).map(<[_]>::to_vec).unwrap_or_default()
    })
}

/// Where `caller` finds `name`: replicas in turn.
pub(crate) fn resolve(caller: NodeId, name: &str) -> io::Result<NodeId> {
    if name == "localhost" {
        return Ok(caller);
    }
    with(|nodes| {
        let mut names = nodes.names.borrow_mut();
        let found = names.resolve(caller, name);
        found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, names.unknown(name)))
    })
}
