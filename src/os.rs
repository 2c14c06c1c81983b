//! Unmodified programs: the operating system as they see it.
//!
//! A program is an `async fn main` on real tokio with real sockets. Its calls of the C library end
//! here: on descriptors of the world they act on the simulated network, everything else passes
//! through. Each node has a tokio runtime of one thread. When it would sleep in `epoll_wait`, its
//! *turn* is over: the kernel comes back when something arrives, or when the sleep is over in
//! virtual time. Threads that a program makes run one at a time, in lock-step with its turns.
//!
//! This is the only module with `unsafe` code. `calls` defines the functions of the C library, one
//! file for each family, and turns pointers into safe types; the rest is safe Rust but for the
//! looking up of the real functions (`real`) and the baton that threads hand on (`threads`).
//!
//! Linux with glibc, and sealed; elsewhere `absent` stands in its place.

mod address;
mod bytes;
mod calls;
mod check;
mod epoll;
mod gate;
mod host;
mod names;
mod object;
mod options;
mod real;
mod sockets;
mod threads;

pub(crate) use check::check;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;

use futures::future::LocalBoxFuture;
use libc::c_int;

use crate::clock;
use crate::journal::NodeId;
use crate::kernel::Kernel;
use crate::kernel::current::{self, Installed, Part};
use crate::time::Time;
use gate::{Over, Role, Until, Wait};
use host::{Host, Program};
use object::Table;

/// The programs of a world, and their descriptors.
pub(crate) struct Os {
    table: RefCell<Table>,
    hosts: RefCell<BTreeMap<NodeId, Rc<Host>>>,
    /// The threads that all programs have made.
    threads: Cell<u64>,
}

thread_local! {
    static OS: Part<Os> = const { Part::empty() };
}

pub(crate) fn install() -> Installed<Os> {
    let os = Os { table: RefCell::default(), hosts: RefCell::default(), threads: Cell::new(0) };
    current::install(&OS, Rc::new(os))
}

/// The process that is a program, on a node; `start` is called on its first turn.
pub(crate) fn program(
    node: NodeId,
    environment: &BTreeMap<String, String>,
    reads: &[String],
    start: impl FnOnce() -> LocalBoxFuture<'static, ()> + 'static,
) -> LocalBoxFuture<'static, ()> {
    Box::pin(Program::new(node, environment, reads, start))
}

/// Called when nothing more happens in a world; true if its programs go on after all, since a lock has
/// been let go that another world or none held.
pub(crate) fn goes_on() -> bool {
    with(threads::wait_for_others)
}

fn with<R>(f: impl FnOnce(&Os) -> R) -> R {
    current::part(&OS, |os| f(os))
}

fn try_with<R>(f: impl FnOnce(&Os) -> R) -> Option<R> {
    current::try_part(&OS, |os| f(os))
}

/// True on the thread of a sealed world while it runs what is no program.
fn is_in_a_handler() -> bool {
    let runs_a_node = |kernel: &Kernel| kernel.sealed() && kernel.node() != NodeId::WORLD;
    gate::role() == Role::Outside && current::try_with(runs_a_node).unwrap_or(false)
}

/// A real descriptor that does nothing: its number is in use, so no other has it.
fn real_fd() -> io::Result<c_int> {
    let fd = calls::real_eventfd();
    if fd < 0 { Err(io::Error::last_os_error()) } else { Ok(fd) }
}

impl Os {
    fn host(&self, node: NodeId) -> Option<Rc<Host>> {
        self.hosts.borrow().get(&node).cloned()
    }

    /// The number of the next thread of this world.
    fn next_thread(&self) -> u64 {
        self.threads.set(self.threads.get() + 1);
        self.threads.get()
    }

    /// Gives a node's program a turn.
    fn wake(&self, node: NodeId) {
        if let Some(host) = self.host(node) {
            host.wake();
        }
    }

    /// What the node's monotonic clock shows.
    fn local_now(&self, node: NodeId) -> Time {
        current::with(|kernel| clock::monotonic(kernel, node))
    }

    /// The count of what happened to the descriptors of a program.
    fn news(&self, node: NodeId) -> u64 {
        self.host(node).map_or(0, |host| host.news())
    }

    /// A program has asked for what is not simulated: its node will fail with this message.
    fn refuse(&self, call: &str, why: &str, remedy: &str) {
        let node = current::with(|kernel| kernel.node());
        if let Some(host) = self.host(node) {
            host.refuse(format!("`{call}`: {why}; {remedy}"));
        }
    }

    /// True if what a call waits for is there.
    fn is_over(&self, node: NodeId, wait: &Wait) -> Option<Over> {
        let is_there = match wait.until {
            Until::Ready(fd, events) => {
                let table = self.table.borrow();
                table.get(fd).is_none_or(|object| {
                    object.events() & (events | libc::POLLERR | libc::POLLHUP) != 0
                })
            }
            Until::News(before) => self.host(node).is_none_or(|host| host.news() != before),
            Until::Ended(thread) => self.host(node).is_none_or(|host| !host.threads.has(thread)),
            Until::Lock(address, value) => calls::has_changed(address, value),
            Until::Futex(_) | Until::Deadline => false,
        };
        if is_there {
            return Some(Over::Again);
        }
        let late = wait.deadline.is_some_and(|deadline| self.local_now(node) >= deadline);
        late.then_some(Over::With(wait.late))
    }

    /// A call on the program's main thread would block: its other threads may help, else it is an
    /// error, since nothing else can happen before the turn is over.
    fn wait_in_turn(&self, call: &str, wait: Wait) -> Over {
        let node = current::with(|kernel| kernel.node());
        loop {
            if let Some(over) = self.is_over(node, &wait) {
                return over;
            }
            if !self.host(node).is_some_and(|host| threads::run(self, &host)) {
                break;
            }
        }
        self.refuse(
            call,
            "it would block the only thread of the program",
            "use tokio's own, or make the call in `spawn_blocking`",
        );
        Over::With(Err(libc::EDEADLK))
    }

    /// The descriptors of a program that is no more stand for nothing. Their numbers are not
    /// closed: whoever still holds one, such as a static, does so.
    fn forget(&self, node: NodeId) {
        let open = self.table.borrow().of_node(node);
        for fd in open {
            self.close(fd);
        }
    }
}
