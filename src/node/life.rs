//! The lives of nodes: start, crash, power loss, wipe, graceful stop, pause.

use std::task::Waker;

use super::{keeper, storage, with_node};
use crate::journal::{Entry, EventId, Kind, NodeId};
use crate::kernel::Kernel;
use crate::kernel::current;
use crate::net;
use crate::service::{self, Ctx};

/// Whether a node's process runs, and its machine has power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// The process runs.
    Up,
    /// The process runs, takes nothing new, and will soon end.
    Stopping,
    /// The machine runs without the process.
    Down,
    /// The machine has no power.
    Off,
}

impl Life {
    pub(crate) fn is_up(self) -> bool {
        matches!(self, Life::Up | Life::Stopping)
    }

    pub(crate) fn machine_is_on(self) -> bool {
        self != Life::Off
    }
}

/// Whether a node is up.
#[inline]
pub(crate) fn life(id: NodeId) -> Life {
    net::with(|net| net.life(id))
}

/// How often the node has started.
#[cfg(all(madsim, tokio_unstable, target_os = "linux", target_env = "gnu"))]
pub(crate) fn starts(id: NodeId) -> u32 {
    with_node(id, |node| node.starts)
}

pub(super) fn set_life(id: NodeId, life: Life) {
    net::with(|net| net.set_life(id, life));
    if life == Life::Off {
        let last = EventId(current::with(Kernel::events) as u32);
        with_node(id, |node| node.dark = last);
    }
}

/// Starts a node's process, unless it runs or is not to run.
pub(crate) fn start(kernel: &Kernel, id: NodeId) {
    if life(id).is_up() || with_node(id, |node| !node.wanted || node.held) {
        return;
    }
    storage::start(kernel, id);
    set_life(id, Life::Up);
    let (boot, declared_at) = with_node(id, |node| {
        node.starts += 1;
        (node.started, node.failed) = (kernel.now(), false);
        (node.plan.boot.clone(), node.plan.declared_at)
    });
    let started = kernel.record(Entry::new(Kind::Start, id));
    with_node(id, |node| node.start = started);
    kernel.acting(id, started, || {
        kernel.spawn(id, declared_at, async move {
            if let Some(process) = boot(Ctx::of(id)) {
                process.await;
                current::with(|kernel| keeper::returned(kernel, id));
            }
        });
        if let Some(keeper) = keeper::keeper() {
            keeper.started(kernel, id);
        }
    });
}

/// The process dies at once: its peers see resets. `comes_back` says that the caller starts it again.
pub(crate) fn crash(kernel: &Kernel, id: NodeId, comes_back: bool) {
    if go_down(kernel, id, Life::Down, Kind::Crash)
        && let Some(keeper) = keeper::keeper()
    {
        keeper.went_down(kernel, id, comes_back);
    }
}

/// The process has returned, and its keeper says that the node is down then.
pub(crate) fn end_process(kernel: &Kernel, id: NodeId) {
    set_life(id, Life::Down);
    storage::go_down(id, Life::Down);
    forget(kernel, id);
}

/// The machine loses power: its peers hear nothing, what was not synced may be lost.
/// True if it had any, which a machine without a running process has, too.
pub(crate) fn power_loss(kernel: &Kernel, id: NodeId) -> bool {
    let struck = go_down(kernel, id, Life::Off, Kind::PowerLoss);
    tell_keeper(kernel, id, struck);
    struck
}

/// The node went down, and its fault will start it again.
pub(super) fn tell_keeper(kernel: &Kernel, id: NodeId, struck: bool) {
    if let Some(keeper) = keeper::keeper().filter(|_| struck) {
        keeper.went_down(kernel, id, true);
    }
}

/// The machine is lost with its disk.
pub(crate) fn wipe(kernel: &Kernel, id: NodeId) -> bool {
    let struck = go_down(kernel, id, Life::Off, Kind::Wipe);
    storage::wipe(id);
    tell_keeper(kernel, id, struck);
    struck
}

/// Asks the process to end; what still runs at the end of the grace period is killed by
/// [`end_stop`].
pub(crate) fn begin_stop(kernel: &Kernel, id: NodeId) {
    if life(id) == Life::Up {
        set_life(id, Life::Stopping);
    }
    let waiters = with_node(id, |node| std::mem::take(&mut node.stop_waiters));
    kernel.record(Entry::new(Kind::Stop, id));
    waiters.into_values().for_each(Waker::wake);
}

/// Ends a graceful stop.
pub(crate) fn end_stop(kernel: &Kernel, id: NodeId) {
    if life(id) == Life::Stopping {
        set_life(id, Life::Down);
        storage::go_down(id, Life::Down);
        forget(kernel, id);
        tell_keeper(kernel, id, true);
    }
}

/// True if the machine has lost its power since `event`: what it had sent and not delivered by
/// then, it cannot send again.
pub(crate) fn went_dark_after(id: NodeId, event: EventId) -> bool {
    with_node(id, |node| node.dark != EventId::NONE && event <= node.dark)
}

/// True if a connection to the node from before `event` is gone: the machine has no power, or its process
/// has started since.
pub(crate) fn is_new_since(id: NodeId, event: EventId) -> bool {
    !life(id).machine_is_on() || with_node(id, |node| node.start > event)
}

/// Stops polling the node's tasks: a long garbage collection.
pub(crate) fn pause(kernel: &Kernel, id: NodeId) {
    if life(id).is_up() {
        kernel.record(Entry::new(Kind::Pause, id));
        kernel.pause(id);
    }
}

/// Goes on after [`pause`].
pub(crate) fn resume(kernel: &Kernel, id: NodeId) {
    if life(id).is_up() {
        kernel.record(Entry::new(Kind::Resume, id));
        kernel.resume(id);
    }
}

/// True if this changed the node's life: it was up, or its machine at least had power.
fn go_down(kernel: &Kernel, id: NodeId, next: Life, kind: Kind) -> bool {
    let before = life(id);
    let was_up = before.is_up();
    // A machine without power stays so when its process is said to crash.
    let struck = was_up || (next == Life::Off && before == Life::Down);
    if struck {
        set_life(id, next);
        let down = kernel.record(Entry::new(kind, id));
        storage::go_down(id, next);
        if was_up {
            kernel.acting(NodeId::WORLD, down, || forget(kernel, id));
        }
    }
    struck
}

/// Drops everything that lived in the process.
pub(super) fn forget(kernel: &Kernel, id: NodeId) {
    kernel.kill(id);
    service::forget_node(id);
    net::forget_node(kernel, id);
    let cpu = with_node(id, |node| {
        node.stop_waiters.clear();
        node.cpu.restart()
    });
    drop(cpu);
    kernel.touch();
}
