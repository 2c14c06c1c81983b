//! Who looks after the processes of nodes beside chaos: what an orchestrator is told, and what it may do.
//!
//! The rule between the two: a fault that says when it ends holds its node down until then, and
//! starts it; the keeper leaves it alone. A process that dies by itself, or by a crash without an
//! end, is the keeper's. When chaos ends, everything starts that is not held.

use std::rc::Rc;
use std::time::Duration;

use super::{Life, life, start, with, with_node};
use crate::journal::NodeId;
use crate::kernel::Kernel;
use crate::topology::Role;

/// Is told of the lives of processes.
pub(crate) trait Keeper {
    /// A node's process has started.
    fn started(self: Rc<Self>, kernel: &Kernel, id: NodeId);

    /// A node's process is gone. `comes_back` says that whoever took it down will start it.
    fn went_down(self: Rc<Self>, kernel: &Kernel, id: NodeId, comes_back: bool);

    /// A node's process has returned; true if it takes the node down then.
    fn returned(self: Rc<Self>, kernel: &Kernel, id: NodeId, success: bool) -> bool;
}

/// Sets who is told, for the rest of the world.
pub(crate) fn set_keeper(keeper: Rc<dyn Keeper>) {
    with(|nodes| nodes.keeper.replace(Some(keeper)));
}

/// The world's keeper, if it has one.
pub(super) fn keeper() -> Option<Rc<dyn Keeper>> {
    with(|nodes| nodes.keeper.borrow().clone())
}

/// Keeps a node from being started, by whomever, until [`release`].
pub(crate) fn hold(id: NodeId) {
    with_node(id, |node| node.held = true);
}

/// Lets a node that was held start, and starts it.
pub(crate) fn release(kernel: &Kernel, id: NodeId) {
    with_node(id, |node| node.held = false);
    start(kernel, id);
}

/// True if the node is to run, now or later.
pub(crate) fn is_replica_wanted(id: NodeId) -> bool {
    with_node(id, |node| node.wanted)
}

/// Says that what the node's process returns is an error.
pub(crate) fn fail(id: NodeId) {
    with_node(id, |node| node.failed = true);
}

/// The nodes of clients.
pub(crate) fn clients() -> Vec<NodeId> {
    let is_client = |id: &NodeId| with_node(*id, |node| node.plan.role == Role::Client);
    super::all().into_iter().filter(is_client).collect()
}

/// How long the node's process has run, or had when it ended at this instant.
pub(crate) fn run_time(kernel: &Kernel, id: NodeId) -> Duration {
    kernel.now().since(with_node(id, |node| node.started))
}

/// What the node's process was has returned.
pub(super) fn returned(kernel: &Kernel, id: NodeId) {
    let success = with_node(id, |node| !node.failed);
    let Some(keeper) = keeper().filter(|_| life(id) == Life::Up) else { return };
    if keeper.clone().returned(kernel, id, success) {
        super::end_process(kernel, id);
    }
}
