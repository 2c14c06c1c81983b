//! `syscall`: system calls by their number.
//!
//! What std, tokio and `parking_lot` use it for is answered; any other number is refused by its name.

use std::ffi::c_void;

use libc::{c_int, c_long, c_uint, c_ulong};

use super::super::gate::{Reply, Role, ask, fail, role};
use super::denied::Denied;
use super::futex::futex;
use crate::{audit, kernel};

mod real {
    use libc::{c_int, c_long, c_ulong};

    crate::os::real::real! {
        syscall(
            number: c_long, a: c_long, b: c_long, c: c_long, d: c_long, e: c_long, f: c_long
        ) -> c_long;
        prctl(option: c_int, a: c_ulong, b: c_ulong, c: c_ulong, d: c_ulong) -> c_int;
    }
}

/// What is about memory, or about a thread and nobody else.
const HARMLESS: [c_long; 13] = [
    libc::SYS_brk,
    libc::SYS_get_mempolicy,
    libc::SYS_gettid,
    libc::SYS_madvise,
    libc::SYS_mbind,
    libc::SYS_membarrier,
    libc::SYS_memfd_create,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_rseq,
    libc::SYS_set_mempolicy,
];

/// Variadic in C; its arguments are passed in the same places either way on the platforms of this
/// module.
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
    // The seal has entropy for handlers as well.
    let is_sealed =
        role() != Role::Outside || number == libc::SYS_getrandom && super::super::is_in_a_handler();
    if is_sealed {
        // SAFETY: these are the arguments of that call.
        if let Some(result) = unsafe { answer(number, [a, b, c, d, e, f]) } {
            return result;
        }
    }
    // SAFETY: passed on as it came.
    unsafe { real::syscall(number, a, b, c, d, e, f) }
}

/// What a system call of a program comes to; none if the kernel has the word.
///
/// # Safety
///
/// The arguments must be those of the call.
unsafe fn answer(number: c_long, [a, b, c, d, e, _]: [c_long; 6]) -> Option<c_long> {
    // SAFETY: the functions of the C library take what the system calls take.
    unsafe {
        match number {
            libc::SYS_futex => futex(a, b as c_int, c as u32, d).map(|result| result as c_long),
            libc::SYS_getrandom => {
                Some(libc::getrandom(a as *mut c_void, b as usize, c as c_uint) as c_long)
            }
            libc::SYS_clock_gettime if !CLOCKS.contains(&(a as c_int)) => Some(refuse_clock(a)),
            libc::SYS_clock_gettime => Some(libc::clock_gettime(a as c_int, b as *mut _).into()),
            libc::SYS_gettimeofday => {
                Some(libc::gettimeofday(a as *mut _, std::ptr::null_mut()).into())
            }
            libc::SYS_sched_yield => Some(libc::sched_yield().into()),
            libc::SYS_getpid => Some(libc::getpid().into()),
            libc::SYS_statx => Some(
                libc::statx(a as c_int, b as *const _, c as c_int, d as c_uint, e as *mut _).into(),
            ),
            libc::SYS_copy_file_range | libc::SYS_sendfile | libc::SYS_splice => {
                Some(fail(libc::EINVAL) as c_long)
            }
            _ if HARMLESS.contains(&number) => None,
            _ => Some(refuse(number)),
        }
    }
}

/// The clocks that the seal has.
const CLOCKS: [c_int; 6] = [
    libc::CLOCK_REALTIME,
    libc::CLOCK_REALTIME_COARSE,
    libc::CLOCK_MONOTONIC,
    libc::CLOCK_MONOTONIC_COARSE,
    libc::CLOCK_MONOTONIC_RAW,
    libc::CLOCK_BOOTTIME,
];

fn refuse_clock(id: c_long) -> c_long {
    let refused = ask("syscall", |os, _| {
        let (why, remedy) = kernel::CLOCKS;
        os.refuse(&format!("syscall(SYS_clock_gettime, {id})"), why, remedy);
        Reply::Errno(libc::EINVAL)
    });
    refused.map_or(c_long::DENIED, |result| result as c_long)
}

fn refuse(number: c_long) -> c_long {
    let refused = ask("syscall", |os, _| {
        let (_, remedy) = audit::refusal("syscall");
        os.refuse(&format!("syscall({})", name(number)), "it is not simulated", remedy);
        Reply::Errno(libc::EPERM)
    });
    refused.map_or(c_long::DENIED, |result| result as c_long)
}

/// Variadic in C, as `syscall` is. A program may name its threads and its memory.
#[unsafe(no_mangle)]
unsafe extern "C" fn prctl(option: c_int, a: c_ulong, b: c_ulong, c: c_ulong, d: c_ulong) -> c_int {
    let allowed =
        [libc::PR_SET_NAME, libc::PR_GET_NAME, libc::PR_SET_VMA, libc::PR_SET_THP_DISABLE];
    if role() != Role::Outside && !allowed.contains(&option) {
        let refused = ask("prctl", |os, _| {
            let (_, remedy) = audit::refusal("prctl");
            os.refuse(&format!("prctl({option})"), "it is not simulated", remedy);
            Reply::Errno(libc::EPERM)
        });
        return refused.map_or(c_int::DENIED, |result| result as c_int);
    }
    // SAFETY: passed on as it came.
    unsafe { real::prctl(option, a, b, c, d) }
}

/// The names of numbers, for messages.
macro_rules! names {
    ($($name:ident)*) => {
        &[$((libc::$name, stringify!($name))),*]
    };
}

const NAMES: &[(c_long, &str)] = names! {
    SYS_accept4 SYS_bind SYS_clone SYS_clone3 SYS_close SYS_connect SYS_dup SYS_epoll_create1
    SYS_epoll_ctl SYS_epoll_pwait SYS_eventfd2 SYS_execve SYS_execveat SYS_exit SYS_exit_group
    SYS_fcntl SYS_getrusage SYS_inotify_init1 SYS_io_setup SYS_io_submit SYS_io_uring_enter
    SYS_io_uring_register SYS_io_uring_setup SYS_ioctl SYS_kill SYS_listen SYS_memfd_secret
    SYS_mount SYS_nanosleep SYS_openat SYS_openat2 SYS_perf_event_open SYS_pidfd_open
    SYS_pipe2 SYS_ppoll SYS_pread64 SYS_process_vm_readv SYS_pselect6 SYS_ptrace SYS_read
    SYS_readv SYS_recvmsg SYS_rt_sigaction SYS_rt_sigprocmask SYS_sched_setaffinity
    SYS_seccomp SYS_sendmsg SYS_sendto SYS_shmget SYS_signalfd4 SYS_socket SYS_socketpair
    SYS_tgkill SYS_timer_create SYS_timerfd_create SYS_uname SYS_unlinkat SYS_unshare
    SYS_userfaultfd SYS_wait4 SYS_write SYS_writev
};

fn name(number: c_long) -> String {
    let known = NAMES.iter().find(|(known, _)| *known == number);
    known.map_or_else(|| number.to_string(), |(_, name)| name.to_string())
}
