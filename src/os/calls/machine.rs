//! What a program asks of its machine: the date, the processors, entropy, its own number.

use std::ffi::c_void;

use libc::{c_char, c_int, c_uint, pid_t, size_t, time_t, timespec, utsname};

use super::super::gate::{Reply, Role, ask, role};
use crate::kernel::current;

mod real {
    use libc::{c_int, pid_t, utsname};

    crate::os::real::real! {
        getpid() -> pid_t;
        sched_getcpu() -> c_int;
        uname(to: *mut utsname) -> c_int;
    }
}

/// As in a container, where a program is the first process.
const PROCESS: pid_t = 1;

fn is_program() -> bool {
    role() != Role::Outside
}

#[unsafe(no_mangle)]
unsafe extern "C" fn getpid() -> pid_t {
    match is_program() {
        true => PROCESS,
        // SAFETY: nothing is passed.
        false => unsafe { real::getpid() },
    }
}

/// Programs run on one thread at a time.
#[unsafe(no_mangle)]
unsafe extern "C" fn sched_getcpu() -> c_int {
    match is_program() {
        true => 0,
        // SAFETY: nothing is passed.
        false => unsafe { real::sched_getcpu() },
    }
}

/// Writes a text of C, as much of it as there is room for.
fn fill(room: &mut [c_char], text: &str) {
    room.fill(0);
    let (_, room) = room.split_last_mut().expect("there is room for the end");
    for (to, byte) in room.iter_mut().zip(text.bytes()) {
        *to = byte as c_char;
    }
}

/// The node's name; of its kernel no more than that it is Linux on this processor.
#[unsafe(no_mangle)]
unsafe extern "C" fn uname(to: *mut utsname) -> c_int {
    let answered = ask("uname", |_, node| {
        // SAFETY: the caller promises room for it, or null.
        let Some(to) = (unsafe { to.as_mut() }) else { return Reply::Errno(libc::EFAULT) };
        fill(&mut to.sysname, "Linux");
        fill(&mut to.nodename, &current::with(|kernel| kernel.node_name(node)));
        fill(&mut to.release, "6.0.0");
        fill(&mut to.version, "stormglass");
        fill(&mut to.machine, std::env::consts::ARCH);
        fill(&mut to.domainname, "(none)");
        Reply::Value(0)
    });
    // SAFETY: passed on as it came.
    answered.map_or_else(|| unsafe { real::uname(to) }, |result| result as c_int)
}

/// Defines the older names for the number of processors, which the seal gives.
macro_rules! processors {
    ($($name:ident),*) => {$(
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name() -> c_int {
            // SAFETY: nothing is passed but a number.
            unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) as c_int }
        }
    )*};
}

processors!(get_nprocs, get_nprocs_conf);

/// The date as `clock_gettime` tells it, which is the seal's inside of a world.
fn date() -> timespec {
    // SAFETY: a structure of numbers that may be zero, which the call fills.
    unsafe {
        let mut now: timespec = std::mem::zeroed();
        libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut now);
        now
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn time(to: *mut time_t) -> time_t {
    let now = date().tv_sec;
    if !to.is_null() {
        // SAFETY: the caller promises room for it, or null.
        unsafe { *to = now };
    }
    now
}

#[unsafe(no_mangle)]
unsafe extern "C" fn timespec_get(to: *mut timespec, base: c_int) -> c_int {
    const TIME_UTC: c_int = 1;
    if base != TIME_UTC {
        return 0;
    }
    // SAFETY: the caller promises room for it.
    unsafe { *to = date() };
    base
}

#[unsafe(no_mangle)]
unsafe extern "C" fn arc4random_buf(to: *mut c_void, length: size_t) {
    // At most 256 bytes come without an interruption.
    for start in (0..length).step_by(256) {
        // SAFETY: the caller promises room for all of them.
        unsafe { libc::getrandom(to.byte_add(start), (length - start).min(256), 0) };
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn arc4random() -> c_uint {
    let mut drawn: c_uint = 0;
    // SAFETY: the number has room for its bytes.
    unsafe { arc4random_buf((&raw mut drawn).cast(), size_of::<c_uint>()) };
    drawn
}

#[unsafe(no_mangle)]
unsafe extern "C" fn arc4random_uniform(bound: c_uint) -> c_uint {
    if bound < 2 {
        return 0;
    }
    // What is below this would make small numbers more likely.
    let least = bound.wrapping_neg() % bound;
    loop {
        // SAFETY: nothing is passed.
        let drawn = unsafe { arc4random() };
        if drawn >= least {
            return drawn % bound;
        }
    }
}
