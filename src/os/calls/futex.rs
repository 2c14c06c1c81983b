//! System calls of our own: futexes, of which std's locks and parking are made, and a thread's end.

use std::sync::atomic::{AtomicU32, Ordering};

use libc::{c_int, c_long, timespec};

use super::super::gate::{Reply, Role, Until, Wait, ask, fail, has_yielded, role};
use super::super::threads;
use super::thread::{duration, monotonic};

mod real {
    use libc::c_long;

    crate::os::real::real! {
        syscall(
            number: c_long, a: c_long, b: c_long, c: c_long, d: c_long, e: c_long, f: c_long
        ) -> c_long;
    }
}

/// # Safety
///
/// The arguments must be those of a futex call.
pub(super) unsafe fn futex(
    address: c_long,
    operation: c_int,
    value: u32,
    timeout: c_long,
) -> Option<isize> {
    let command = operation & !(libc::FUTEX_PRIVATE_FLAG | libc::FUTEX_CLOCK_REALTIME);
    match command {
        libc::FUTEX_WAKE | libc::FUTEX_WAKE_BITSET => {
            ask("futex", |os, node| {
                if let Some(host) = os.host(node) {
                    host.threads.wake_futex(address as usize, value as usize);
                }
                Reply::Value(0)
            });
            // Others than the world's threads may wait for it as well.
            None
        }
        libc::FUTEX_WAIT | libc::FUTEX_WAIT_BITSET if role() == Role::Thread => {
            // SAFETY: the caller promises the address of a number.
            let number = unsafe { &*(address as *const AtomicU32) };
            let may_be_others = has_yielded();
            let times = match may_be_others {
                _ if is_static(address as usize) => 50,
                true => 10,
                false => 0,
            };
            if wait_for_others(number, value, times) {
                return Some(fail(libc::EAGAIN));
            }
            // SAFETY: a time or null.
            let limit = unsafe { (timeout as *const timespec).as_ref() }.map(duration);
            let limit = limit.map(|limit| match command {
                libc::FUTEX_WAIT_BITSET => limit.saturating_sub(monotonic()),
                _ => limit,
            });
            let mut waited = false;
            ask("futex", |os, node| {
                if std::mem::replace(&mut waited, true) {
                    return Reply::Value(0);
                }
                let deadline = limit.map(|limit| os.local_now(node) + limit);
                let until = match may_be_others {
                    true => Until::Lock(address as usize, value),
                    false => Until::Futex(address as usize),
                };
                Reply::Wait(Wait { until, deadline, late: Err(libc::ETIMEDOUT) })
            })
        }
        libc::FUTEX_WAIT | libc::FUTEX_WAIT_BITSET => {
            // SAFETY: the caller promises the address of a number.
            let number = unsafe { &*(address as *const AtomicU32) };
            // The program's main thread: its other threads may be what it waits for. If not, it is
            // a lock that somebody outside of the world holds, for a moment, or of which one of its
            // threads waits for such a one.
            loop {
                ask("futex", |os, node| {
                    if let Some(host) = os.host(node) {
                        threads::run(os, &host);
                    }
                    Reply::Value(0)
                });
                if number.load(Ordering::SeqCst) != value {
                    return Some(0);
                }
                if timeout != 0 {
                    return None;
                }
                wait_for_others(number, value, 1);
            }
        }
        _ => None,
    }
}

/// True for what the executable has from its start: a lock there may be one of std, which threads
/// of no program and of other worlds take as well.
fn is_static(address: usize) -> bool {
    unsafe extern "C" {
        static __data_start: u8;
        static _end: u8;
    }
    (&raw const __data_start as usize..&raw const _end as usize).contains(&address)
}

/// Gives others than the world's threads, which stand still meanwhile, so many times 10 ms of real
/// time to change a number; true if it has changed.
///
/// Locks of the whole process are such: those of std, and those of `parking_lot`'s table of who waits
/// for what. A thread of another world, or of none, holds them for microseconds; what happens in the
/// world must not depend on it.
fn wait_for_others(number: &AtomicU32, value: u32, times: u32) -> bool {
    let limit = timespec { tv_sec: 0, tv_nsec: 10_000_000 };
    for _ in 0..times {
        if number.load(Ordering::SeqCst) != value {
            return true;
        }
        real_futex(number, libc::FUTEX_WAIT, value, Some(&limit));
    }
    number.load(Ordering::SeqCst) != value
}

/// True if the number at an address, for which a thread waits, is not `value` any more.
pub(in crate::os) fn has_changed(address: usize, value: u32) -> bool {
    // SAFETY: who waits for it keeps it alive.
    unsafe { &*(address as *const AtomicU32) }.load(Ordering::SeqCst) != value
}

/// As [`has_changed`], after 10 ms of real time at most.
pub(in crate::os) fn changes_soon(address: usize, value: u32) -> bool {
    // SAFETY: who waits for it keeps it alive.
    wait_for_others(unsafe { &*(address as *const AtomicU32) }, value, 1)
}

/// Sleeps until a number is not `value` any more, or for no reason.
pub(in crate::os) fn wait_futex(number: &AtomicU32, value: u32) {
    real_futex(number, libc::FUTEX_WAIT, value, None);
}

/// Wakes who sleeps in [`wait_futex`].
pub(in crate::os) fn wake_futex(number: &AtomicU32) {
    real_futex(number, libc::FUTEX_WAKE, 1, None);
}

fn real_futex(number: &AtomicU32, operation: c_int, value: u32, limit: Option<&timespec>) {
    let operation = c_long::from(operation | libc::FUTEX_PRIVATE_FLAG);
    let limit = limit.map_or(0, |limit| std::ptr::from_ref(limit) as c_long);
    // SAFETY: the number and the time live.
    unsafe {
        let address = number.as_ptr() as c_long;
        real::syscall(libc::SYS_futex, address, operation, value.into(), limit, 0, 0);
    }
}

/// Ends this thread and nothing else: no destructor runs, nothing is unwound.
pub(in crate::os) fn vanish() -> ! {
    loop {
        // SAFETY: the thread waits in a call of the world and holds none of its locks; its stack is
        // freed by who calls `reap`.
        unsafe { real::syscall(libc::SYS_exit, 0, 0, 0, 0, 0, 0) };
    }
}
