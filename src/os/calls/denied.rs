//! What a program may not do in a world: make processes, ask for the host, end the simulation.
//!
//! Such a call fails, and so does the node that made it, with the call's name and what to do: the
//! texts stand in the table of [`crate::audit`]. `host` is about what would tell of the host or change
//! it.

mod host;

use std::ffi::{c_char, c_void};
use std::io::Write;

use libc::{c_int, c_long, c_uint, pid_t, pthread_t, size_t};

use super::super::gate::{Reply, Role, ask, fail, role};
use crate::audit;
use crate::kernel::current;

/// What a function returns that was refused.
pub(super) trait Denied {
    const DENIED: Self;
}

macro_rules! denied_as {
    ($($kind:ty = $value:expr;)*) => {$(
        impl Denied for $kind {
            const DENIED: $kind = $value;
        }
    )*};
}

denied_as! {
    () = ();
    c_int = -1;
    c_long = -1;
    isize = -1;
    c_uint = 0;
    f64 = 0.0;
    *mut c_void = std::ptr::null_mut();
}

/// Refuses a call that a program makes.
pub(super) fn denied(call: &'static str) -> Option<isize> {
    if role() == Role::Outside {
        return None;
    }
    ask(call, |os, _| {
        let (why, remedy) = audit::refusal(call);
        os.refuse(call, why, remedy);
        Reply::Errno(libc::EPERM)
    })
}

/// Defines functions that fail in a program. With `as error`, the result is itself the error.
macro_rules! refused {
    ($($name:ident($($arg:ident: $kind:ty),*) -> $result:ty $(as $error:ident)?;)*) => {
        #[allow(non_snake_case, reason = "C has names so")]
        mod real {
            use super::*;

            $(crate::os::real::real! { $name($($arg: $kind),*) -> $result; })*
        }

        $(
            #[unsafe(no_mangle)]
            #[allow(non_snake_case, reason = "C has names so")]
            unsafe extern "C" fn $name($($arg: $kind),*) -> $result {
                match denied(stringify!($name)) {
                    Some(_) => $crate::os::calls::denied::result!($result $(, $error)?),
                    // SAFETY: passed on as it came.
                    None => unsafe { real::$name($($arg),*) },
                }
            }
        )*
    };
}

/// What it returns.
macro_rules! result {
    ($result:ty) => {
        <$result as $crate::os::calls::denied::Denied>::DENIED
    };
    ($result:ty, error) => {
        libc::EPERM
    };
}

use {refused, result};

pub(super) type In = *const c_void;
pub(super) type Out = *mut c_void;
pub(super) type Text = *const c_char;

// `clone` is variadic in C: its arguments are in the same places either way on the platforms of this
// module.
refused! {
    // Processes.
    fork() -> pid_t;
    _Fork() -> pid_t;
    clone(start: In, stack: Out, flags: c_int, argument: Out, parent: Out, tls: Out, child: Out)
        -> c_int;
    execv(path: Text, arguments: In) -> c_int;
    execve(path: Text, arguments: In, environment: In) -> c_int;
    execvp(path: Text, arguments: In) -> c_int;
    execvpe(path: Text, arguments: In, environment: In) -> c_int;
    fexecve(fd: c_int, arguments: In, environment: In) -> c_int;
    execveat(folder: c_int, path: Text, arguments: In, environment: In, flags: c_int) -> c_int;
    posix_spawn(pid: Out, path: Text, actions: In, with: In, arguments: In, environment: In)
        -> c_int as error;
    posix_spawnp(pid: Out, path: Text, actions: In, with: In, arguments: In, environment: In)
        -> c_int as error;
    system(command: Text) -> c_int;
    popen(command: Text, mode: Text) -> Out;
    wait(status: Out) -> pid_t;
    wait3(status: Out, options: c_int, usage: Out) -> pid_t;
    wait4(pid: pid_t, status: Out, options: c_int, usage: Out) -> pid_t;
    waitpid(pid: pid_t, status: Out, options: c_int) -> pid_t;
    waitid(kind: c_uint, id: c_uint, to: Out, options: c_int) -> c_int;
    daemon(stays: c_int, speaks: c_int) -> c_int;
    setsid() -> pid_t;
    getsid(pid: pid_t) -> pid_t;
    setpgid(pid: pid_t, group: pid_t) -> c_int;
    getppid() -> pid_t;
    ptrace(request: c_long, pid: pid_t, address: Out, data: Out) -> c_long;
    unshare(flags: c_int) -> c_int;
    setns(fd: c_int, kind: c_int) -> c_int;
    pidfd_open(pid: pid_t, flags: c_uint) -> c_int;
    pidfd_send_signal(fd: c_int, signal: c_int, info: Out, flags: c_uint) -> c_int;
    // Signals.
    kill(pid: pid_t, signal: c_int) -> c_int;
    killpg(group: pid_t, signal: c_int) -> c_int;
    raise(signal: c_int) -> c_int;
    sigqueue(pid: pid_t, signal: c_int, value: Out) -> c_int;
    pthread_kill(thread: pthread_t, signal: c_int) -> c_int as error;
    pthread_cancel(thread: pthread_t) -> c_int as error;
    pause() -> c_int;
    sigsuspend(mask: In) -> c_int;
    sigwait(set: In, signal: Out) -> c_int as error;
    sigwaitinfo(set: In, info: Out) -> c_int;
    sigtimedwait(set: In, info: Out, limit: In) -> c_int;
    alarm(seconds: c_uint) -> c_uint;
    setitimer(kind: c_int, new: In, old: Out) -> c_int;
    timer_create(clock: c_int, event: Out, timer: Out) -> c_int;
    signalfd(fd: c_int, mask: In, flags: c_int) -> c_int;
    // Descriptors that are not simulated.
    close_range(first: c_uint, last: c_uint, flags: c_int) -> c_int;
    closefrom(first: c_int) -> ();
    pipe(fds: Out) -> c_int;
    pipe2(fds: Out, flags: c_int) -> c_int;
    socketpair(family: c_int, kind: c_int, protocol: c_int, fds: Out) -> c_int;
    select(count: c_int, reads: Out, writes: Out, errors: Out, limit: Out) -> c_int;
    pselect(count: c_int, reads: Out, writes: Out, errors: Out, limit: In, mask: In) -> c_int;
    epoll_pwait2(epfd: c_int, events: Out, most: c_int, limit: In, mask: In) -> c_int;
    timerfd_create(clock: c_int, flags: c_int) -> c_int;
    inotify_init() -> c_int;
    inotify_init1(flags: c_int) -> c_int;
    inotify_add_watch(fd: c_int, path: Text, mask: c_uint) -> c_int;
    fanotify_init(flags: c_uint, event_flags: c_uint) -> c_int;
    recvmmsg(fd: c_int, messages: Out, count: c_uint, flags: c_int, limit: Out) -> c_int;
    sendmmsg(fd: c_int, messages: Out, count: c_uint, flags: c_int) -> c_int;
    tmpfile() -> Out;
    tmpfile64() -> Out;
    // Memory that is shared.
    shm_open(name: Text, flags: c_int, mode: c_uint) -> c_int;
    shm_unlink(name: Text) -> c_int;
    shmget(key: c_int, size: size_t, flags: c_int) -> c_int;
    semget(key: c_int, count: c_int, flags: c_int) -> c_int;
    msgget(key: c_int, flags: c_int) -> c_int;
    sem_open(name: Text, flags: c_int, mode: c_uint, value: c_uint) -> Out;
    mq_open(name: Text, flags: c_int, mode: c_uint, attributes: Out) -> c_int;
}

/// A child that shares the memory of its parent cannot be passed on to; one that does not may take
/// its place.
#[unsafe(no_mangle)]
unsafe extern "C" fn vfork() -> pid_t {
    match denied("vfork") {
        Some(_) => pid_t::DENIED,
        // SAFETY: nothing is passed.
        None => unsafe { real::fork() },
    }
}

/// `execl` and its relatives are variadic in C. The arguments are in the same places either way on the
/// platforms of this module: first in registers, then above the caller's frame, where more may be read
/// than was passed.
macro_rules! listed {
    ($($name:ident, $real:ident: $environment:literal;)*) => {$(
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(
            path: Text, a: Text, b: Text, c: Text, d: Text, e: Text, f: Text, g: Text, h: Text,
            i: Text, j: Text, k: Text, l: Text, m: Text, n: Text, o: Text, p: Text
        ) -> c_int {
            if denied(stringify!($name)).is_some() {
                return c_int::DENIED;
            }
            let all = [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p];
            let end = all.iter().position(|text| text.is_null());
            let Some(end) = end.filter(|end| !$environment || end + 1 < all.len()) else {
                return fail(libc::E2BIG) as c_int;
            };
            let arguments = all.as_ptr().cast();
            // SAFETY: the list ends with null; the environment, if any, stands behind it.
            unsafe {
                match $environment {
                    true => real::execve(path, arguments, all[end + 1].cast()),
                    false => real::$real(path, arguments),
                }
            }
        }
    )*};
}

listed! {
    execl, execv: false;
    execlp, execvp: false;
    execle, execv: true;
}

#[expect(non_snake_case, reason = "C has a name so")]
mod end {
    use super::*;

    crate::os::real::real! {
        exit(code: c_int) -> !;
        _exit(code: c_int) -> !;
        _Exit(code: c_int) -> !;
        quick_exit(code: c_int) -> !;
    }
}

/// Nothing can be returned to who asks for the end of the process, and an end with his code might
/// pass for a success: so it ends loudly.
fn refuse_to_end(call: &'static str) {
    if role() == Role::Outside {
        return;
    }
    ask(call, |_, node| {
        let node = current::with(|kernel| kernel.node_name(node));
        let (why, remedy) = audit::refusal(call);
        // Not by a macro, whose output a test would keep to itself.
        let _ = writeln!(std::io::stderr(), "stormglass: {node}: `{call}`: {why}; {remedy}");
        std::process::abort()
    });
}

/// Defines the ways to end the process.
macro_rules! ends {
    ($($name:ident),*) => {$(
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(code: c_int) -> ! {
            refuse_to_end(stringify!($name));
            // SAFETY: passed on as it came.
            unsafe { end::$name(code) }
        }
    )*};
}

ends!(exit, _exit, _Exit, quick_exit);
