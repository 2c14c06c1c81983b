//! Threads: `pthread_create`, `pthread_join`, `pthread_detach`, and sleep.

use std::ffi::c_void;
use std::sync::OnceLock;
use std::time::Duration;

use libc::{c_int, c_uint, pthread_attr_t, pthread_key_t, pthread_t, timespec};

use super::super::gate::{Reply, Role, Until, Wait, ask, role, yields_for_long};
use super::super::threads::{self, Held, Newborn, Start};

mod real {
    use super::Start;
    use libc::{c_int, c_uint, pthread_attr_t, pthread_t, timespec};
    use std::ffi::c_void;

    crate::os::real::real! {
        pthread_create(
            handle: *mut pthread_t, attributes: *const pthread_attr_t, start: Start,
            argument: *mut c_void
        ) -> c_int;
        pthread_join(handle: pthread_t, result: *mut *mut c_void) -> c_int;
        pthread_detach(handle: pthread_t) -> c_int;
        nanosleep(time: *const timespec, rest: *mut timespec) -> c_int;
        clock_nanosleep(clock: c_int, flags: c_int, time: *const timespec, rest: *mut timespec)
            -> c_int;
        sched_yield() -> c_int;
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
        let (number, thread) = threads::announce(os, &host, start, argument);
        newborn = Some(thread);
        Reply::Value(number as isize)
    });
    let (number, newborn) = match (announced, newborn) {
        (Some(number), Some(newborn)) => (number, newborn),
        // The dead make no threads.
        (Some(_), None) => return libc::EAGAIN,
        // Nobody would wait for a thread of a handler.
        (None, _) if super::super::is_in_a_handler() => return libc::EPERM,
        // SAFETY: passed on as it came.
        _ => return unsafe { real::pthread_create(handle, attributes, start, argument) },
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

/// Has [`threads::ended`] called on this thread after the destructors of its thread-locals: those of
/// keys come last.
pub(in crate::os) fn at_thread_end(held: *mut Held) {
    static KEY: OnceLock<pthread_key_t> = OnceLock::new();
    // SAFETY: a key has room for a pointer, which `end` takes back.
    unsafe {
        let key = *KEY.get_or_init(|| {
            let mut key = 0;
            let error = libc::pthread_key_create(&raw mut key, Some(end));
            assert_eq!(error, 0, "there is a key left");
            key
        });
        libc::pthread_setspecific(key, held.cast());
    }
}

unsafe extern "C" fn end(held: *mut c_void) {
    // SAFETY: `at_thread_end` was given it, for this thread alone.
    let held: Box<Held> = unsafe { Box::from_raw(held.cast()) };
    threads::ended(*held);
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_join(handle: pthread_t, result: *mut *mut c_void) -> c_int {
    let waited = ask("pthread_join", |os, node| match os.host(node) {
        Some(host) if host.threads.has(handle) => {
            Reply::Wait(Wait { until: Until::Ended(handle), deadline: None, late: Ok(0) })
        }
        _ => Reply::Pass,
    });
    if waited.is_some() {
        return libc::EDEADLK;
    }
    // SAFETY: passed on as it came; the thread has nothing left to do.
    unsafe { real::pthread_join(handle, result) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_detach(handle: pthread_t) -> c_int {
    let detached = ask("pthread_detach", |os, node| match os.host(node) {
        Some(host) if host.threads.detach(handle) => Reply::Value(0),
        _ => Reply::Pass,
    });
    match detached {
        Some(result) => result as c_int,
        // SAFETY: passed on as it came.
        None => unsafe { real::pthread_detach(handle) },
    }
}

/// Does what `pthread_detach` was asked to do.
pub(in crate::os) fn detach(handle: pthread_t) {
    // SAFETY: nobody has joined the thread, nor will.
    unsafe { real::pthread_detach(handle) };
}

/// The name that a program has given to one of its threads. A thread without one has that of who made
/// it, in the end the world's.
pub(in crate::os) fn name_of_thread(handle: pthread_t) -> Option<String> {
    let name = |handle| {
        let mut name = [0u8; 16];
        // SAFETY: the thread has not been joined; the name has at most 16 bytes with its end.
        let error =
            unsafe { libc::pthread_getname_np(handle, name.as_mut_ptr().cast(), name.len()) };
        let end = name.iter().position(|byte| *byte == 0).filter(|_| error == 0)?;
        Some(String::from_utf8_lossy(&name[..end]).into_owned())
    };
    // SAFETY: nothing is passed.
    let own = name(unsafe { libc::pthread_self() });
    name(handle).filter(|given| Some(given) != own.as_ref())
}

/// Waits until a thread has vanished, and frees its stack.
pub(in crate::os) fn reap(handle: pthread_t) {
    // SAFETY: nobody else joins it or has detached it: all who could are gone.
    unsafe { real::pthread_join(handle, std::ptr::null_mut()) };
}

/// The length of a time of C; what is no length is none.
pub(super) fn duration(time: &timespec) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// What the clock of futex deadlines shows on this thread.
pub(super) fn monotonic() -> Duration {
    // SAFETY: the call fills what it is given.
    unsafe {
        let mut now: timespec = std::mem::zeroed();
        libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now);
        duration(&now)
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

/// Who waits in a loop lets the others run, and a little time pass.
#[unsafe(no_mangle)]
unsafe extern "C" fn sched_yield() -> c_int {
    match role() {
        // SAFETY: nothing is passed.
        Role::Outside => return unsafe { real::sched_yield() },
        // Whoever holds a lock may be of another world.
        // SAFETY: nothing is passed.
        _ if !yields_for_long() => return unsafe { real::sched_yield() },
        Role::Thread => {
            sleep_for(Duration::from_micros(1));
        }
        Role::Turn(_) => {
            ask("sched_yield", |os, node| {
                if let Some(host) = os.host(node) {
                    threads::run(os, &host);
                }
                Reply::Value(0)
            });
        }
    }
    0
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
