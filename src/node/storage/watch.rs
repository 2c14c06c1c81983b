//! What happens on a node's disk, told to the journal, the tallies and the node.

use super::{power_lost, with_used};
use crate::disk::{DiskError, DiskFault, DiskObserver, DiskOperation, DiskOperationKind, Loss};
use crate::journal::{Entry, Kind, NodeId};
use crate::kernel::{Home, Kernel, current};

/// The observer of a node's disk.
pub(super) struct Watch {
    pub(super) home: Home,
}

impl DiskObserver for Watch {
    fn operation(&mut self, operation: &DiskOperation<'_>) {
        // Whoever took the disk along to another world changes that disk alone.
        if !self.home.is_here() {
            return;
        }
        let node = self.home.number();
        current::with(|kernel| {
            let struck = with_used(node, |storage| storage.count(operation));
            for number in struck.into_iter().flatten() {
                let name = operation.fault.map_or("", DiskFault::name);
                let hit = Entry::new(Kind::FaultHit, node).symbol(kernel.symbol(name));
                let hit = kernel.record(hit.value(u64::from(number)));
                kernel.attach_text(hit, || what(operation));
            }
            record(kernel, node, operation);
        });
    }

    fn power_lost(&mut self, _: &Loss) {
        if self.home.is_here() {
            current::with(|kernel| power_lost(kernel, self.home.number()));
        }
    }
}

fn what(operation: &DiskOperation<'_>) -> String {
    format!("{} {}", operation.kind, operation.path)
}

fn record(kernel: &Kernel, node: NodeId, operation: &DiskOperation<'_>) {
    use DiskOperationKind::{Sync, Write};
    let DiskOperation { kind, path, offset, len, .. } = *operation;
    if operation.error.is_none() && matches!(kind, Write | Sync) {
        let (kind, value) =
            if kind == Write { (Kind::DiskWrite, offset) } else { (Kind::DiskSync, len) };
        let extra = u32::try_from(len).unwrap_or(u32::MAX);
        let entry = Entry::new(kind, node).symbol(kernel.symbol(path));
        kernel.record(entry.value(value).extra(extra));
        return;
    }
    let symbol = kernel.symbol(&what(operation));
    let error = match (operation.fault, operation.error) {
        (Some(DiskFault::IoError), Some(_)) => DiskError::Io,
        (Some(DiskFault::Full), Some(_)) => DiskError::Full,
        (Some(DiskFault::PowerLoss), Some(_)) => DiskError::PowerLost,
        // A file that is not there is an answer, and no failure of the disk.
        (_, error) => {
            let entry = Entry::new(Kind::DiskOp, node).symbol(symbol).value(offset);
            let id = kernel.record(entry.extra(u32::try_from(len).unwrap_or(u32::MAX)));
            if let Some(error) = error {
                kernel.attach_text(id, || error.to_string());
            }
            return;
        }
    };
    kernel.record_text(Entry::new(Kind::DiskFail, node).symbol(symbol), error.to_string());
}
