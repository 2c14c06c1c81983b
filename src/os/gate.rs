//! Whose call it is: a program's of this world, or somebody else's.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use libc::c_int;

use super::{Os, threads};
use crate::journal::NodeId;
use crate::time::Time;

/// What this thread does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Nothing of a program's: calls go to the C library.
    Outside,
    /// It runs a world, and in it a turn of this node's program.
    Turn(NodeId),
    /// It was made by a program, and asks its world's thread.
    Thread,
}

thread_local! {
    // Without a destructor, so that it can be asked while a thread ends.
    static ROLE: Cell<Role> = const { Cell::new(Role::Outside) };
    /// How often it has yielded since its last other call.
    static YIELDS: Cell<u32> = const { Cell::new(0) };
}

/// Yields in a row after which a thread is taken to wait for another one. Locks and queues yield a
/// few times before they wait: that is no event.
const YIELDS_MAX: u32 = 64;

/// Counts that this thread yields; true if it has done so for long.
pub(super) fn yields_for_long() -> bool {
    YIELDS.set(YIELDS.get() + 1);
    YIELDS.get() >= YIELDS_MAX
}

/// True if this thread has yielded since its last other call, as who finds a lock taken does.
pub(super) fn has_yielded() -> bool {
    YIELDS.get() > 0
}

#[inline]
pub(super) fn role() -> Role {
    ROLE.get()
}

/// For what is left of this thread's life.
pub(super) fn set_role(role: Role) {
    ROLE.set(role);
}

/// Calls `f` in another role.
pub(super) fn in_role<R>(role: Role, f: impl FnOnce() -> R) -> R {
    struct Back(Role);
    impl Drop for Back {
        fn drop(&mut self) {
            ROLE.set(self.0);
        }
    }
    let _back = Back(ROLE.replace(role));
    f()
}

/// What the world says to a call.
#[derive(Debug)]
pub(super) enum Reply {
    /// It is not about anything of the world.
    Pass,
    /// It returns this.
    Value(isize),
    /// It fails with that `errno`.
    Errno(c_int),
    /// It waits, and is then made again. In a turn only the program's own threads can end the wait.
    Wait(Wait),
}

/// What a call that blocks waits for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait {
    pub until: Until,
    /// On the node's monotonic clock.
    pub deadline: Option<Time>,
    /// What the call comes to at the deadline: a value, or an `errno`.
    pub late: Result<isize, c_int>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Until {
    /// The descriptor has one of these events of `poll`.
    Ready(c_int, i16),
    /// Something happened to a descriptor of the program since the count of news was this.
    News(u64),
    /// Somebody wakes this futex.
    Futex(usize),
    /// As `Futex`, or somebody outside of the world changes its number from this one.
    Lock(usize, u32),
    /// That thread has ended.
    Ended(libc::pthread_t),
    /// The deadline alone.
    Deadline,
}

impl Wait {
    /// True if another thread of the program ends it.
    pub(super) fn is_for_threads(&self) -> bool {
        let ends = matches!(self.until, Until::Futex(_) | Until::Lock(..) | Until::Ended(_));
        self.deadline.is_none() && ends
    }

    pub(super) fn ready(fd: c_int, events: i16) -> Wait {
        Wait { until: Until::Ready(fd, events), deadline: None, late: Err(libc::EAGAIN) }
    }
}

impl From<std::io::Error> for Reply {
    fn from(error: std::io::Error) -> Reply {
        use std::io::ErrorKind;
        Reply::Errno(error.raw_os_error().unwrap_or(match error.kind() {
            ErrorKind::WouldBlock => libc::EAGAIN,
            ErrorKind::ConnectionRefused => libc::ECONNREFUSED,
            ErrorKind::ConnectionReset => libc::ECONNRESET,
            ErrorKind::TimedOut => libc::ETIMEDOUT,
            ErrorKind::BrokenPipe => libc::EPIPE,
            ErrorKind::NotConnected => libc::ENOTCONN,
            ErrorKind::AddrInUse => libc::EADDRINUSE,
            ErrorKind::AddrNotAvailable => libc::EADDRNOTAVAIL,
            ErrorKind::InvalidInput => libc::EINVAL,
            _ => libc::EIO,
        }))
    }
}

impl From<std::io::Result<usize>> for Reply {
    fn from(result: std::io::Result<usize>) -> Reply {
        result.map_or_else(Reply::from, |count| Reply::Value(count as isize))
    }
}

impl From<std::io::Result<()>> for Reply {
    fn from(result: std::io::Result<()>) -> Reply {
        Reply::from(result.map(|()| 0))
    }
}

/// Puts a call before the world whose program made it. None if no program did, or the call is
/// about nothing of the world: then the C library has the word.
#[inline]
pub(super) fn ask(call: &'static str, f: impl FnMut(&Os, NodeId) -> Reply) -> Option<isize> {
    match role() {
        Role::Outside => None,
        _ => ask_the_world(call, f),
    }
}

fn ask_the_world(call: &'static str, mut f: impl FnMut(&Os, NodeId) -> Reply) -> Option<isize> {
    let asker = role();
    YIELDS.set(0);
    // Whatever the world does to answer is no call of the program.
    in_role(Role::Outside, || {
        loop {
            // A panic must not leave a function of C.
            let reply = catch_unwind(AssertUnwindSafe(|| match asker {
                Role::Turn(node) => super::with(|os| f(os, node)),
                Role::Thread => threads::ask(call, &mut f),
                Role::Outside => Reply::Pass,
            }));
            match reply.unwrap_or(Reply::Errno(libc::EIO)) {
                Reply::Pass => return None,
                Reply::Value(value) => return Some(value),
                Reply::Errno(errno) => return Some(fail(errno)),
                Reply::Wait(wait) => {
                    let over = match asker {
                        Role::Thread => threads::wait(wait),
                        _ => super::with(|os| os.wait_in_turn(call, wait)),
                    };
                    match over {
                        Over::Again => {}
                        Over::With(Ok(value)) => return Some(value),
                        Over::With(Err(errno)) => return Some(fail(errno)),
                    }
                }
            }
        }
    })
}

/// How a wait ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum Over {
    /// What it waited for is there: the call is made again.
    Again,
    /// The call comes to this.
    With(Result<isize, c_int>),
}

/// Sets `errno`, and gives what a call returns then.
pub(super) fn fail(errno: c_int) -> isize {
    // SAFETY: the location is this thread's own.
    unsafe { *libc::__errno_location() = errno };
    -1
}

/// A timeout in milliseconds, as `poll` and `epoll_wait` have it: less than zero is none.
pub(super) fn millis(timeout: c_int) -> Option<Duration> {
    u64::try_from(timeout).ok().map(Duration::from_millis)
}
