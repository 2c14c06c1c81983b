//! What services show of themselves: probes, recorded texts, and the points that were reached.

use std::any::Any;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::rc::Rc;

use crate::journal::{Entry, EventId, Kind, NodeId};
use crate::kernel::current::{self, Installed, Part};

/// One probe's last value on each node, and the event that told it.
type ByNode = BTreeMap<String, (EventId, Rc<dyn Any>)>;

/// The last value of every probe of a world.
#[derive(Default)]
pub(crate) struct Board {
    /// By the probe's name.
    probes: RefCell<BTreeMap<String, ByNode>>,
    reached: RefCell<BTreeSet<String>>,
    recorded: RefCell<BTreeMap<String, u64>>,
}

thread_local! {
    static BOARD: Part<Board> = const { Part::empty() };
}

pub(super) fn install() -> (Rc<Board>, Installed<Board>) {
    let board = Rc::new(Board::default());
    (board.clone(), current::install(&BOARD, board))
}

/// Sets a probe, and lets the properties look.
pub(crate) fn publish<T: Any + Debug>(node: NodeId, name: &str, value: T) {
    current::with(|kernel| {
        let entry = Entry::new(Kind::Probe, node).symbol(kernel.symbol(name));
        let event = kernel.record_text(entry, format!("{value:?}"));
        kernel.touch();
        let node = kernel.node_name(node);
        let before = current::part(&BOARD, |board| {
            let mut probes = board.probes.borrow_mut();
            let by_node = match probes.get_mut(name) {
                Some(by_node) => by_node,
                None => probes.entry(name.to_owned()).or_default(),
            };
            by_node.insert(node, (event, Rc::new(value) as Rc<dyn Any>))
        });
        drop(before);
    });
}

/// Notes that a point was reached; the journal keeps the first time.
pub(crate) fn reach(node: NodeId, point: &str) {
    let first = current::part(&BOARD, |board| {
        let mut reached = board.reached.borrow_mut();
        !reached.contains(point) && reached.insert(point.to_owned())
    });
    if first {
        current::with(|kernel| {
            kernel.record(Entry::new(Kind::Reach, node).symbol(kernel.symbol(point)));
        });
    }
}

/// Counts a text that a service recorded.
pub(crate) fn count(text: &str) {
    current::part(&BOARD, |board| {
        let mut recorded = board.recorded.borrow_mut();
        match recorded.get_mut(text) {
            Some(count) => *count += 1,
            None => {
                recorded.insert(text.to_owned(), 1);
            }
        }
    });
}

impl Board {
    pub(super) fn get(&self, node: &str, name: &str) -> Option<Rc<dyn Any>> {
        self.probes.borrow().get(name)?.get(node).map(|(_, value)| value.clone())
    }

    pub(super) fn all(&self, name: &str) -> Vec<(String, Rc<dyn Any>)> {
        let probes = self.probes.borrow();
        let by_node = probes.get(name).into_iter().flatten();
        by_node.map(|(node, (_, value))| (node.clone(), value.clone())).collect()
    }

    pub(super) fn events(&self, name: &str) -> Vec<EventId> {
        self.probes.borrow().get(name).into_iter().flatten().map(|(_, (event, _))| *event).collect()
    }

    pub(super) fn recorded(&self, text: &str) -> u64 {
        self.recorded.borrow().get(text).copied().unwrap_or(0)
    }

    pub(super) fn reached(&self) -> BTreeSet<String> {
        self.reached.borrow().clone()
    }
}
