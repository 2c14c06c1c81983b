//! What a program may not do in a world: make processes, write files of the host.
//!
//! Such a call fails, and so does the node that made it, with the call's name and what to do.

use std::ffi::{CStr, c_char, c_void};

use libc::{c_int, c_uint, mode_t, pid_t};

use super::super::gate::{Reply, Role, ask, role};

mod real {
    use libc::{c_int, c_uint, mode_t, pid_t};
    use std::ffi::{c_char, c_void};

    crate::os::real::real! {
        fork() -> pid_t;
        execve(path: *const c_char, arguments: *const c_void, environment: *const c_void) -> c_int;
        execvp(path: *const c_char, arguments: *const c_void) -> c_int;
        posix_spawn(
            pid: *mut pid_t, path: *const c_char, actions: *const c_void, attributes: *const c_void,
            arguments: *const c_void, environment: *const c_void
        ) -> c_int;
        posix_spawnp(
            pid: *mut pid_t, path: *const c_char, actions: *const c_void, attributes: *const c_void,
            arguments: *const c_void, environment: *const c_void
        ) -> c_int;
        open(path: *const c_char, flags: c_int, mode: c_uint) -> c_int;
        open64(path: *const c_char, flags: c_int, mode: c_uint) -> c_int;
        openat(folder: c_int, path: *const c_char, flags: c_int, mode: c_uint) -> c_int;
        openat64(folder: c_int, path: *const c_char, flags: c_int, mode: c_uint) -> c_int;
        unlink(path: *const c_char) -> c_int;
        rename(from: *const c_char, to: *const c_char) -> c_int;
        mkdir(path: *const c_char, mode: mode_t) -> c_int;
        rmdir(path: *const c_char) -> c_int;
    }
}

const NO_PROCESSES: (&str, &str) =
    ("other processes are not simulated", "make it a program of its own in the sim");
const NO_FILES: (&str, &str) = (
    "files of the host are not simulated",
    "let the sim name the folder that is read (`.reads(\"config/\")`), or keep what is written behind a trait",
);

/// Refuses a call that a program makes.
fn denied(call: &'static str, (why, remedy): (&str, &str)) -> Option<isize> {
    if role() == Role::Outside {
        return None;
    }
    ask(call, |os, _| {
        os.refuse(call, why, remedy);
        Reply::Errno(libc::EPERM)
    })
}

/// Refuses a call with the path that it is about.
///
/// # Safety
///
/// `path` must be a text.
unsafe fn denied_file(call: &'static str, path: *const c_char, writes: bool) -> Option<isize> {
    if role() == Role::Outside {
        return None;
    }
    // SAFETY: the caller promises it.
    let path = unsafe { CStr::from_ptr(path) }.to_string_lossy();
    ask(call, |os, node| {
        if !writes && os.may_read(node, &path) {
            return Reply::Pass;
        }
        let (why, remedy) = NO_FILES;
        os.refuse(&format!("{call} {path}"), why, remedy);
        Reply::Errno(libc::EPERM)
    })
}

fn writes(flags: c_int) -> bool {
    flags & libc::O_ACCMODE != libc::O_RDONLY || flags & (libc::O_CREAT | libc::O_TRUNC) != 0
}

/// Defines `open` and its relatives, whose last argument C leaves out where it means nothing.
macro_rules! opens {
    ($($name:ident($($folder:ident)?);)*) => {$(
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(
            $($folder: c_int,)?
            path: *const c_char,
            flags: c_int,
            mode: c_uint,
        ) -> c_int {
            // SAFETY: the path is a text; the rest is passed on as it came.
            unsafe {
                match denied_file(stringify!($name), path, writes(flags)) {
                    Some(result) => result as c_int,
                    None => real::$name($($folder,)? path, flags, mode),
                }
            }
        }
    )*};
}

opens! {
    open();
    open64();
    openat(folder);
    openat64(folder);
}

#[unsafe(no_mangle)]
unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    // SAFETY: the path is a text.
    match unsafe { denied_file("unlink", path, true) } {
        Some(result) => result as c_int,
        // SAFETY: passed on as it came.
        None => unsafe { real::unlink(path) },
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    // SAFETY: the path is a text.
    match unsafe { denied_file("rename", from, true) } {
        Some(result) => result as c_int,
        // SAFETY: passed on as it came.
        None => unsafe { real::rename(from, to) },
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mkdir(path: *const c_char, mode: mode_t) -> c_int {
    // SAFETY: the path is a text.
    match unsafe { denied_file("mkdir", path, true) } {
        Some(result) => result as c_int,
        // SAFETY: passed on as it came.
        None => unsafe { real::mkdir(path, mode) },
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rmdir(path: *const c_char) -> c_int {
    // SAFETY: the path is a text.
    match unsafe { denied_file("rmdir", path, true) } {
        Some(result) => result as c_int,
        // SAFETY: passed on as it came.
        None => unsafe { real::rmdir(path) },
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn fork() -> pid_t {
    match denied("fork", NO_PROCESSES) {
        Some(result) => result as pid_t,
        // SAFETY: nothing is passed.
        None => unsafe { real::fork() },
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn execve(
    path: *const c_char,
    arguments: *const c_void,
    environment: *const c_void,
) -> c_int {
    match denied("execve", NO_PROCESSES) {
        Some(result) => result as c_int,
        // SAFETY: passed on as it came.
        None => unsafe { real::execve(path, arguments, environment) },
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn execvp(path: *const c_char, arguments: *const c_void) -> c_int {
    match denied("execvp", NO_PROCESSES) {
        Some(result) => result as c_int,
        // SAFETY: passed on as it came.
        None => unsafe { real::execvp(path, arguments) },
    }
}

/// Defines the two ways to spawn, which return their error instead of setting `errno`.
macro_rules! spawns {
    ($($name:ident),*) => {$(
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(
            pid: *mut pid_t,
            path: *const c_char,
            actions: *const c_void,
            attributes: *const c_void,
            arguments: *const c_void,
            environment: *const c_void,
        ) -> c_int {
            match denied(stringify!($name), NO_PROCESSES) {
                Some(_) => libc::EPERM,
                // SAFETY: passed on as it came.
                None => unsafe {
                    real::$name(pid, path, actions, attributes, arguments, environment)
                },
            }
        }
    )*};
}

spawns!(posix_spawn, posix_spawnp);
