//! Descriptors: `close`, `dup`, `fcntl`, `ioctl`, `eventfd`.

use libc::{c_int, c_long, c_uint, c_ulong};

use super::super::gate::{Reply, ask};
use super::super::object::State;

mod real {
    use libc::{c_int, c_long, c_uint, c_ulong};

    crate::os::real::real! {
        close(fd: c_int) -> c_int;
        dup(fd: c_int) -> c_int;
        dup2(fd: c_int, to: c_int) -> c_int;
        dup3(fd: c_int, to: c_int, flags: c_int) -> c_int;
        fcntl(fd: c_int, command: c_int, argument: c_long) -> c_int;
        fcntl64(fd: c_int, command: c_int, argument: c_long) -> c_int;
        ioctl(fd: c_int, request: c_ulong, argument: c_long) -> c_int;
        eventfd(count: c_uint, flags: c_int) -> c_int;
    }
}

/// A descriptor of the host that does nothing.
pub(in crate::os) fn real_eventfd() -> c_int {
    // SAFETY: no pointer is passed.
    unsafe { real::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) }
}

/// True if a number stands for anything, be it the host's.
pub(in crate::os) fn is_open(fd: c_int) -> bool {
    // SAFETY: no pointer is passed.
    unsafe { real::fcntl(fd, libc::F_GETFD, 0) >= 0 }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn close(fd: c_int) -> c_int {
    ask("close", |os, _| {
        os.close(fd);
        Reply::Pass
    });
    // SAFETY: passed on as it came: the number behind an object is a real descriptor.
    unsafe { real::close(fd) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn dup(fd: c_int) -> c_int {
    match ask("dup", |os, _| os.duplicate(fd)) {
        Some(fd) => fd as c_int,
        // SAFETY: passed on as it came.
        None => unsafe { real::dup(fd) },
    }
}

/// Asks for a number of the caller's choice, which may be anybody's.
fn to_a_number(call: &'static str, fd: c_int) -> Option<isize> {
    ask(call, |os, _| match os.nonblocking(fd, None) {
        Some(_) => {
            os.refuse(call, "a socket to a number of your own is not simulated", "use `dup`");
            Reply::Errno(libc::ENOSYS)
        }
        None => Reply::Pass,
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn dup2(fd: c_int, to: c_int) -> c_int {
    match to_a_number("dup2", fd) {
        Some(fd) => fd as c_int,
        // SAFETY: passed on as it came.
        None => unsafe { real::dup2(fd, to) },
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn dup3(fd: c_int, to: c_int, flags: c_int) -> c_int {
    match to_a_number("dup3", fd) {
        Some(fd) => fd as c_int,
        // SAFETY: passed on as it came.
        None => unsafe { real::dup3(fd, to, flags) },
    }
}

fn control(fd: c_int, command: c_int, argument: c_long) -> Option<isize> {
    ask("fcntl", |os, _| match command {
        libc::F_DUPFD | libc::F_DUPFD_CLOEXEC => os.duplicate(fd),
        libc::F_GETFL => match os.nonblocking(fd, None) {
            Some(nonblocking) => {
                let flag = if nonblocking { libc::O_NONBLOCK } else { 0 };
                Reply::Value((libc::O_RDWR | flag) as isize)
            }
            None => Reply::Pass,
        },
        libc::F_SETFL => {
            let nonblocking = argument & c_long::from(libc::O_NONBLOCK) != 0;
            os.nonblocking(fd, Some(nonblocking)).map_or(Reply::Pass, |_| Reply::Value(0))
        }
        // The descriptor behind it has the rest, such as `FD_CLOEXEC`.
        _ => Reply::Pass,
    })
}

/// Variadic in C; its third argument, if any, is an integer or a pointer and is passed in a
/// register either way on the platforms of this module.
#[unsafe(no_mangle)]
unsafe extern "C" fn fcntl(fd: c_int, command: c_int, argument: c_long) -> c_int {
    match control(fd, command, argument) {
        Some(result) => result as c_int,
        // SAFETY: passed on as it came.
        None => unsafe { real::fcntl(fd, command, argument) },
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn fcntl64(fd: c_int, command: c_int, argument: c_long) -> c_int {
    match control(fd, command, argument) {
        Some(result) => result as c_int,
        // SAFETY: passed on as it came.
        None => unsafe { real::fcntl64(fd, command, argument) },
    }
}

/// Variadic in C, as `fcntl` is.
#[unsafe(no_mangle)]
unsafe extern "C" fn ioctl(fd: c_int, request: c_ulong, argument: c_long) -> c_int {
    let result = ask("ioctl", |os, _| {
        if os.nonblocking(fd, None).is_none() {
            return Reply::Pass;
        }
        let value = argument as *mut c_int;
        match request {
            libc::FIONBIO => {
                // SAFETY: this request comes with a pointer to a number.
                os.nonblocking(fd, Some(unsafe { *value } != 0));
                Reply::Value(0)
            }
            libc::FIONREAD => {
                // SAFETY: this request comes with a pointer to a number.
                unsafe { *value = os.unread(fd) };
                Reply::Value(0)
            }
            // Set when a descriptor is made and never looked at: nothing is executed.
            libc::FIOCLEX | libc::FIONCLEX => Reply::Value(0),
            _ => Reply::Errno(libc::ENOTTY),
        }
    });
    match result {
        Some(result) => result as c_int,
        // SAFETY: passed on as it came.
        None => unsafe { real::ioctl(fd, request, argument) },
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn eventfd(count: c_uint, flags: c_int) -> c_int {
    let result = ask("eventfd", |os, node| {
        let semaphore = flags & libc::EFD_SEMAPHORE != 0;
        let state = State::Event { count: u64::from(count), semaphore };
        os.open(node, 0, 0, flags & libc::EFD_NONBLOCK != 0, state)
    });
    match result {
        Some(fd) => fd as c_int,
        // SAFETY: passed on as it came.
        None => unsafe { real::eventfd(count, flags) },
    }
}
