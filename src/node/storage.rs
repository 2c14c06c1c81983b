//! A node's disk.

use crate::chaos::Fault;
use crate::journal::NodeId;
use crate::kernel::Kernel;
use crate::net::Tally;

pub(crate) fn disk_fault(_: &Kernel, _: NodeId, _: u32, _: &Fault, _: bool) {}
pub(crate) fn heal_disk(_: &Kernel, _: NodeId) {}
pub(crate) fn disk_tallies() -> Vec<(u32, Tally)> {
    Vec::new()
}
