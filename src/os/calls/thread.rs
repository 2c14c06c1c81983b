//! Threads: `pthread_create`, `pthread_join`, futexes, and sleep.

use std::ffi::c_void;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use libc::{c_int, c_long, c_uint, pthread_attr_t, pthread_t, timespec};

use super::super::gate::{Reply, Role, Until, Wait, ask, role};
use super::super::threads::{self, Newborn, Start};

mod real {
    use super::Start;
    use libc::{c_int, c_long, c_uint, pthread_attr_t, pthread_t, timespec};
    use std::ffi::c_void;

    crate::os::real::real! {
        pthread_create(
            handle: *mut pthread_t, attributes: *const pthread_attr_t, start: Start,
            argument: *mut c_void
        ) -> c_int;
        pthread_join(handle: pthread_t, result: *mut *mut c_void) -> c_int;
        syscall(
            number: c_long, a: c_long, b: c_long, c: c_long, d: c_long, e: c_long, f: c_long
        ) -> c_long;
        nanosleep(time: *const timespec, rest: *mut timespec) -> c_int;
        clock_nanosleep(clock: c_int, flags: c_int, time: *const timespec, rest: *mut timespec)
            -> c_int;
        usleep(micros: c_uint) -> c_int;
        sleep(seconds: c_uint) -> c_uint;
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_create(
    handle: *mut pthread_t,
    attributes: *const pthread_attr_t,
    start: Start,
    argument: *mut c_void,
) -> c_int {
    let mut newborn = None;
    let announced = ask("pthread_create", |os, node| {
        let Some(host) = os.host(node) else { return Reply::Pass };
        let (number, thread) = threads::announce(&host, start, argument);
        newborn = Some(thread);
        Reply::Value(number as isize)
    });
    let (Some(number), Some(newborn)) = (announced, newborn) else {
        if super::super::is_handler() {
            return libc::EAGAIN;
        }
        // SAFETY: passed on as it came.
        return unsafe { real::pthread_create(handle, attributes, start, argument) };
    };
    let newborn = Box::into_raw(Box::new(newborn)).cast();
    // SAFETY: `begin` takes back the box that it is given.
    let error = unsafe { real::pthread_create(handle, attributes, begin, newborn) };
    if error != 0 {
        // SAFETY: no thread has taken it.
        drop(unsafe { Box::from_raw(newborn.cast::<Newborn>()) });
    }
    // SAFETY: without an error there is a handle.
    let made = (error == 0).then(|| unsafe { *handle });
    ask("pthread_create", |os, node| {
        if let Some(host) = os.host(node) {
            threads::made(&host, number as u64, made);
        }
        Reply::Value(0)
    });
    error
}

unsafe extern "C" fn begin(newborn: *mut c_void) -> *mut c_void {
    // SAFETY: `pthread_create` above made it, for this thread alone.
    let newborn = unsafe { Box::from_raw(newborn.cast::<Newborn>()) };
    threads::run_newborn(*newborn)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_join(handle: pthread_t, result: *mut *mut c_void) -> c_int {
    ask("pthread_join", |os, node| match os.host(node) {
        Some(host) if host.threads.has(handle) => {
            Reply::Wait(Wait { until: Until::Ended(handle), deadline: None, late: Ok(0) })
        }
        _ => Reply::Pass,
    });
    // SAFETY: passed on as it came; the thread has nothing left to do.
    unsafe { real::pthread_join(handle, result) }
}

/// Variadic in C; its arguments are passed in the same places either way on the platforms of this
/// module. Of all system calls only futexes are the world's: std's locks and parking.
#[unsafe(no_mangle)]
unsafe extern "C" fn syscall(
    number: c_long,
    a: c_long,
    b: c_long,
    c: c_long,
    d: c_long,
    e: c_long,
    f: c_long,
) -> c_long {
    if number == libc::SYS_futex && role() != Role::Outside {
        // SAFETY: these are the arguments of a futex call.
        if let Some(result) = unsafe { futex(a, b as c_int, c as u32, d, f) } {
            return result as c_long;
        }
    }
    // SAFETY: passed on as it came.
    unsafe { real::syscall(number, a, b, c, d, e, f) }
}

/// # Safety
///
/// The arguments must be those of a futex call.
unsafe fn futex(
    address: c_long,
    operation: c_int,
    value: u32,
    timeout: c_long,
    _mask: c_long,
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
            let now = unsafe { &*(address as *const AtomicU32) }.load(Ordering::SeqCst);
            if now != value {
                return Some(super::super::gate::fail(libc::EAGAIN));
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
                let until = Until::Futex(address as usize);
                Reply::Wait(Wait { until, deadline, late: Err(libc::ETIMEDOUT) })
            })
        }
        libc::FUTEX_WAIT | libc::FUTEX_WAIT_BITSET => {
            // The program's main thread: its other threads may be what it waits for. If not, it is
            // a lock that somebody outside of the world holds, for a moment.
            ask("futex", |os, node| {
                if let Some(host) = os.host(node) {
                    threads::run(os, &host);
                }
                Reply::Value(0)
            });
            // SAFETY: the caller promises the address of a number.
            let now = unsafe { &*(address as *const AtomicU32) }.load(Ordering::SeqCst);
            (now != value).then_some(0)
        }
        _ => None,
    }
}

fn duration(time: &timespec) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// What the clock of futex deadlines shows on this thread.
fn monotonic() -> Duration {
    // SAFETY: the call fills what it is given.
    unsafe {
        let mut now: timespec = std::mem::zeroed();
        libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now);
        duration(&now)
    }
}

/// Sleeps until a number is not `value` any more, or for no reason.
pub(in crate::os) fn wait_futex(number: &AtomicU32, value: u32) {
    // SAFETY: the address is that of a number that lives; no timeout is given.
    unsafe {
        let operation = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
        let address = number.as_ptr() as c_long;
        real::syscall(libc::SYS_futex, address, operation.into(), value.into(), 0, 0, 0);
    }
}

/// Wakes who sleeps in [`wait_futex`].
pub(in crate::os) fn wake_futex(number: &AtomicU32) {
    // SAFETY: the address is that of a number that lives.
    unsafe {
        let operation = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
        let address = number.as_ptr() as c_long;
        real::syscall(libc::SYS_futex, address, operation.into(), 1, 0, 0, 0);
    }
}

/// Sleeps in virtual time, on a thread of its own.
fn sleep_for(time: Duration) -> Option<isize> {
    let mut deadline = None;
    ask("sleep", |os, node| {
        let now = os.local_now(node);
        let due = *deadline.get_or_insert(now + time);
        match now >= due {
            true => Reply::Value(0),
            false => Reply::Wait(Wait { until: Until::Deadline, deadline: Some(due), late: Ok(0) }),
        }
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nanosleep(time: *const timespec, rest: *mut timespec) -> c_int {
    // SAFETY: the caller promises a time.
    match sleep_for(duration(unsafe { &*time })) {
        // A program whose main thread sleeps has said so in its error; std would try again for ever.
        Some(_) => 0,
        // SAFETY: passed on as it came.
        None => unsafe { real::nanosleep(time, rest) },
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn clock_nanosleep(
    clock: c_int,
    flags: c_int,
    time: *const timespec,
    rest: *mut timespec,
) -> c_int {
    // SAFETY: the caller promises a time.
    let given = duration(unsafe { &*time });
    let absolute = flags & libc::TIMER_ABSTIME != 0;
    let length =
        if absolute && role() != Role::Outside { given.saturating_sub(monotonic()) } else { given };
    match sleep_for(length) {
        Some(_) => 0,
        // SAFETY: passed on as it came.
        None => unsafe { real::clock_nanosleep(clock, flags, time, rest) },
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn usleep(micros: c_uint) -> c_int {
    match sleep_for(Duration::from_micros(micros.into())) {
        Some(_) => 0,
        // SAFETY: passed on as it came.
        None => unsafe { real::usleep(micros) },
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn sleep(seconds: c_uint) -> c_uint {
    match sleep_for(Duration::from_secs(seconds.into())) {
        Some(_) => 0,
        // SAFETY: passed on as it came.
        None => unsafe { real::sleep(seconds) },
    }
}
