//! How many replicas a service has, changed while the world runs.
//!
//! The nodes are there from the start, so that faults, links and journals know them by name; scaling
//! starts and stops their processes. The highest-numbered go first and come back last, with the
//! disks that they had: Kubernetes keeps the volume of a `StatefulSet`'s pod in the same way.

use std::rc::Rc;

use super::{GRACE, Life, begin_stop, end_stop, life, start, with, with_node};
use crate::error::Result;
use crate::journal::{Entry, Kind, NodeId};
use crate::kernel::{Kernel, Target};

/// Sets how many replicas of `service` run, on behalf of `actor`.
pub(crate) fn scale(kernel: &Kernel, actor: NodeId, service: &str, replicas: u32) -> Result {
    let change = with(|nodes| nodes.names.borrow_mut().scale(service, replicas))?;
    let entry = Entry::new(Kind::Scale, actor).symbol(kernel.symbol(service));
    let scaled = kernel.record(entry.value(u64::from(replicas)));
    kernel.acting(NodeId::WORLD, scaled, || {
        for id in change.more {
            with_node(id, |node| node.wanted = true);
            // One that is still stopping starts at the end of its grace period.
            start(kernel, id);
        }
        for id in change.fewer {
            with_node(id, |node| node.wanted = false);
            retire(kernel, id);
        }
    });
    Ok(())
}

/// True if there is no such replica now: nothing can be done to it.
pub(crate) fn is_absent(id: NodeId) -> bool {
    with_node(id, |node| !node.wanted || node.held) && !life(id).is_up()
}

/// Asks a replica that is not wanted any more to stop.
fn retire(kernel: &Kernel, id: NodeId) {
    if life(id) == Life::Up {
        begin_stop(kernel, id);
        let token = u64::from(with_node(id, |node| node.starts)) << 32 | u64::from(id.0);
        kernel.schedule(kernel.now() + GRACE, Rc::new(Retirement), token);
    }
}

/// The end of a retired replica's grace period. The token holds the node's number, and above it
/// which of its lives ends: a fault may have ended that one before.
struct Retirement;

impl Target for Retirement {
    fn fire(self: Rc<Self>, kernel: &Kernel, token: u64) {
        let (id, of) = (NodeId(token as u32), (token >> 32) as u32);
        if life(id) == Life::Stopping && with_node(id, |node| node.starts) == of {
            end_stop(kernel, id);
            start(kernel, id);
        }
    }
}
