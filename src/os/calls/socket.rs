//! Sockets: `socket`, `bind`, `listen`, `accept`, `connect`, their names and options.

use std::ffi::c_void;
use std::time::Duration;

use libc::{c_int, sockaddr, socklen_t};

use super::super::gate::{Reply, ask};
use super::address;

mod real {
    use libc::{c_int, sockaddr, socklen_t};
    use std::ffi::c_void;

    crate::os::real::real! {
        socket(family: c_int, kind: c_int, protocol: c_int) -> c_int;
        bind(fd: c_int, at: *const sockaddr, length: socklen_t) -> c_int;
        listen(fd: c_int, backlog: c_int) -> c_int;
        accept(fd: c_int, from: *mut sockaddr, length: *mut socklen_t) -> c_int;
        accept4(fd: c_int, from: *mut sockaddr, length: *mut socklen_t, flags: c_int) -> c_int;
        connect(fd: c_int, to: *const sockaddr, length: socklen_t) -> c_int;
        getsockname(fd: c_int, to: *mut sockaddr, length: *mut socklen_t) -> c_int;
        getpeername(fd: c_int, to: *mut sockaddr, length: *mut socklen_t) -> c_int;
        setsockopt(fd: c_int, level: c_int, name: c_int, value: *const c_void, length: socklen_t)
            -> c_int;
        getsockopt(fd: c_int, level: c_int, name: c_int, value: *mut c_void, length: *mut socklen_t)
            -> c_int;
        shutdown(fd: c_int, how: c_int) -> c_int;
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn socket(family: c_int, kind: c_int, protocol: c_int) -> c_int {
    match ask("socket", |os, node| os.socket(node, family, kind)) {
        Some(fd) => fd as c_int,
        // SAFETY: passed on as it came.
        None => unsafe { real::socket(family, kind, protocol) },
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn bind(fd: c_int, at: *const sockaddr, length: socklen_t) -> c_int {
    // SAFETY: the caller promises an address of that length.
    match ask("bind", |os, node| os.bind(node, fd, unsafe { address(at, length) })) {
        Some(result) => result as c_int,
        // SAFETY: passed on as it came.
        None => unsafe { real::bind(fd, at, length) },
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn listen(fd: c_int, backlog: c_int) -> c_int {
    match ask("listen", |os, node| os.listen(node, fd, backlog)) {
        Some(result) => result as c_int,
        // SAFETY: passed on as it came.
        None => unsafe { real::listen(fd, backlog) },
    }
}

/// # Safety
///
/// As `accept4`.
unsafe fn accept_any(
    fd: c_int,
    from: *mut sockaddr,
    length: *mut socklen_t,
    flags: c_int,
) -> Option<isize> {
    ask("accept", |os, node| match os.accept(node, fd, flags) {
        Ok((fd, peer)) => {
            // SAFETY: the caller promises room for an address, or none.
            unsafe { super::super::address::write(peer, from, length) };
            Reply::Value(fd as isize)
        }
        Err(reply) => reply,
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn accept(fd: c_int, from: *mut sockaddr, length: *mut socklen_t) -> c_int {
    // SAFETY: passed on as it came.
    unsafe {
        match accept_any(fd, from, length, 0) {
            Some(fd) => fd as c_int,
            None => real::accept(fd, from, length),
        }
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn accept4(
    fd: c_int,
    from: *mut sockaddr,
    length: *mut socklen_t,
    flags: c_int,
) -> c_int {
    // SAFETY: passed on as it came.
    unsafe {
        match accept_any(fd, from, length, flags) {
            Some(fd) => fd as c_int,
            None => real::accept4(fd, from, length, flags),
        }
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn connect(fd: c_int, to: *const sockaddr, length: socklen_t) -> c_int {
    // SAFETY: the caller promises an address of that length.
    match ask("connect", |os, node| os.connect(node, fd, unsafe { address(to, length) })) {
        Some(result) => result as c_int,
        // SAFETY: passed on as it came.
        None => unsafe { real::connect(fd, to, length) },
    }
}

/// # Safety
///
/// As `getsockname`.
unsafe fn name_of(
    fd: c_int,
    to: *mut sockaddr,
    length: *mut socklen_t,
    of_peer: bool,
) -> Option<isize> {
    ask("getsockname", |os, node| match os.name(node, fd, of_peer) {
        Ok(name) => {
            // SAFETY: the caller promises room for an address.
            unsafe { super::super::address::write(name, to, length) };
            Reply::Value(0)
        }
        Err(reply) => reply,
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn getsockname(fd: c_int, to: *mut sockaddr, length: *mut socklen_t) -> c_int {
    // SAFETY: passed on as it came.
    unsafe {
        match name_of(fd, to, length, false) {
            Some(result) => result as c_int,
            None => real::getsockname(fd, to, length),
        }
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn getpeername(fd: c_int, to: *mut sockaddr, length: *mut socklen_t) -> c_int {
    // SAFETY: passed on as it came.
    unsafe {
        match name_of(fd, to, length, true) {
            Some(result) => result as c_int,
            None => real::getpeername(fd, to, length),
        }
    }
}

/// A value of C, if it is long enough.
///
/// # Safety
///
/// `value` must point to `length` bytes.
unsafe fn value<T>(value: *const c_void, length: socklen_t) -> Option<T> {
    // SAFETY: see above.
    (length as usize >= size_of::<T>()).then(|| unsafe { value.cast::<T>().read_unaligned() })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn setsockopt(
    fd: c_int,
    level: c_int,
    name: c_int,
    given: *const c_void,
    length: socklen_t,
) -> c_int {
    let result = ask("setsockopt", |os, _| {
        // SAFETY: the caller promises a value of that length.
        let reply = unsafe {
            match (level, name) {
                (libc::SOL_SOCKET, libc::SO_RCVTIMEO | libc::SO_SNDTIMEO) => {
                    value::<libc::timeval>(given, length).map(|time| {
                        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
                        let micros = u64::try_from(time.tv_usec).unwrap_or(0);
                        let limit = Duration::from_secs(seconds) + Duration::from_micros(micros);
                        os.set_limit(fd, name, limit)
                    })
                }
                (libc::SOL_SOCKET, libc::SO_LINGER) => value::<libc::linger>(given, length)
                    .map(|linger| os.set_linger(fd, linger.l_onoff != 0, linger.l_linger)),
                _ => value::<c_int>(given, length)
                    .map(|number| os.set_option(fd, level, name, number)),
            }
        };
        // Values of another kind, such as an address to join, have no meaning here.
        reply.unwrap_or_else(|| match os.option(fd, libc::SOL_SOCKET, libc::SO_TYPE) {
            Ok(_) => Reply::Value(0),
            Err(reply) => reply,
        })
    });
    match result {
        Some(result) => result as c_int,
        // SAFETY: passed on as it came.
        None => unsafe { real::setsockopt(fd, level, name, given, length) },
    }
}

/// Copies a value out, cut off where there is no room.
///
/// # Safety
///
/// `to` must point to as many bytes as `length` says.
unsafe fn give<T>(value: &T, to: *mut c_void, length: *mut socklen_t) {
    // SAFETY: no more is copied than there is room for, and than the value has.
    unsafe {
        let room = (*length as usize).min(size_of::<T>());
        std::ptr::copy_nonoverlapping((&raw const *value).cast::<u8>(), to.cast(), room);
        *length = room as socklen_t;
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn getsockopt(
    fd: c_int,
    level: c_int,
    name: c_int,
    to: *mut c_void,
    length: *mut socklen_t,
) -> c_int {
    let result = ask("getsockopt", |os, _| match os.option(fd, level, name) {
        Ok(number) => {
            // SAFETY: the caller promises room for as many bytes as the length says.
            unsafe {
                match (level, name) {
                    (libc::SOL_SOCKET, libc::SO_RCVTIMEO | libc::SO_SNDTIMEO) => {
                        let limit = os.limit(fd, name).unwrap_or_default();
                        let tv_sec = limit.as_secs().cast_signed();
                        let tv_usec = limit.subsec_micros().into();
                        give(&libc::timeval { tv_sec, tv_usec }, to, length);
                    }
                    (libc::SOL_SOCKET, libc::SO_LINGER) => {
                        let l_onoff = c_int::from(number > -1 && os.has_option(fd, level, name));
                        give(&libc::linger { l_onoff, l_linger: number.max(0) }, to, length);
                    }
                    _ => give(&number, to, length),
                }
            }
            Reply::Value(0)
        }
        Err(reply) => reply,
    });
    match result {
        Some(result) => result as c_int,
        // SAFETY: passed on as it came.
        None => unsafe { real::getsockopt(fd, level, name, to, length) },
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn shutdown(fd: c_int, how: c_int) -> c_int {
    match ask("shutdown", |os, _| os.shutdown(fd, how)) {
        Some(result) => result as c_int,
        // SAFETY: passed on as it came.
        None => unsafe { real::shutdown(fd, how) },
    }
}
