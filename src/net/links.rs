//! All links of a world, found by their ends.

use std::rc::Rc;

use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::link::{Link, LinkProfile, Weather};
use crate::journal::NodeId;
use crate::kernel::Kernel;

/// Nodes up to which links are found in a table: at most 256 KB.
const TABLE_NODES: usize = 256;

/// The links, each made when it first carries something.
pub(super) struct Links {
    list: Vec<Link>,
    /// By ends: the place in the list, from 1. For the nodes that were there when it was made.
    table: Vec<u32>,
    width: usize,
    /// The same for nodes outside of the table.
    by_ends: FxHashMap<(NodeId, NodeId), u32>,
    common: Rc<Weather>,
    /// Links whose profile is not the world's, by ends.
    own: FxHashMap<(NodeId, NodeId), Rc<Weather>>,
}

impl Links {
    pub(super) fn new(profile: LinkProfile) -> Links {
        Links {
            list: Vec::new(),
            table: Vec::new(),
            width: 0,
            by_ends: FxHashMap::default(),
            common: Rc::new(Weather::new(profile)),
            own: FxHashMap::default(),
        }
    }

    pub(super) fn set_profile(&mut self, from: NodeId, to: NodeId, profile: Rc<Weather>) {
        self.own.insert((from, to), profile);
    }

    /// The link between two nodes.
    #[inline]
    pub(super) fn get(&mut self, kernel: &Kernel, from: NodeId, to: NodeId) -> &mut Link {
        let place = match self.cell(from, to) {
            Some(cell) => self.table[cell],
            None => self.by_ends.get(&(from, to)).copied().unwrap_or_default(),
        };
        let index = match place {
            0 => self.add(kernel, from, to),
            place => place as usize - 1,
        };
        &mut self.list[index]
    }

    /// Where the table has the link between two nodes, if it has it.
    #[inline]
    fn cell(&self, from: NodeId, to: NodeId) -> Option<usize> {
        let (from, to) = (from.0 as usize, to.0 as usize);
        (from < self.width && to < self.width).then(|| from * self.width + to)
    }

    #[cold]
    fn add(&mut self, kernel: &Kernel, from: NodeId, to: NodeId) -> usize {
        let nodes = kernel.nodes();
        if self.list.is_empty() && nodes <= TABLE_NODES {
            self.width = nodes;
            self.table = vec![0; nodes * nodes];
        }
        let weather = self.own.get(&(from, to)).unwrap_or(&self.common).clone();
        // By names: a node that is added moves no other link's draws.
        let key = kernel.with_recorder(|recorder| {
            let to = xxh3_64(recorder.node_name(to).as_bytes());
            xxh3_64_with_seed(recorder.node_name(from).as_bytes(), to)
        });
        self.list.push(Link::new(weather, kernel.seed(), key));
        let place = self.list.len();
        match self.cell(from, to) {
            Some(cell) => self.table[cell] = place as u32,
            None => _ = self.by_ends.insert((from, to), place as u32),
        }
        place - 1
    }
}
