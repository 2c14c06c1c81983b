//! Bytes: `read`, `recv`, `write`, `send` and all their relatives.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

use libc::{c_int, iovec, msghdr, size_t, sockaddr, socklen_t, ssize_t};

use super::super::gate::{Reply, Role, ask, role};
use super::{address, input, inputs, output, outputs};

mod real {
    use libc::{c_int, iovec, msghdr, size_t, sockaddr, socklen_t, ssize_t};
    use std::ffi::c_void;

    crate::os::real::real! {
        read(fd: c_int, to: *mut c_void, length: size_t) -> ssize_t;
        readv(fd: c_int, to: *const iovec, count: c_int) -> ssize_t;
        recv(fd: c_int, to: *mut c_void, length: size_t, flags: c_int) -> ssize_t;
        recvfrom(
            fd: c_int, to: *mut c_void, length: size_t, flags: c_int,
            from: *mut sockaddr, room: *mut socklen_t
        ) -> ssize_t;
        recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t;
        write(fd: c_int, from: *const c_void, length: size_t) -> ssize_t;
        writev(fd: c_int, from: *const iovec, count: c_int) -> ssize_t;
        send(fd: c_int, from: *const c_void, length: size_t, flags: c_int) -> ssize_t;
        sendto(
            fd: c_int, from: *const c_void, length: size_t, flags: c_int,
            to: *const sockaddr, size: socklen_t
        ) -> ssize_t;
        sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t;
        __read_chk(fd: c_int, to: *mut c_void, length: size_t, room: size_t) -> ssize_t;
        __recv_chk(fd: c_int, to: *mut c_void, length: size_t, room: size_t, flags: c_int)
            -> ssize_t;
        __recvfrom_chk(
            fd: c_int, to: *mut c_void, length: size_t, room: size_t, flags: c_int,
            from: *mut sockaddr, size: *mut socklen_t
        ) -> ssize_t;
    }
}

/// Receives into one buffer.
///
/// # Safety
///
/// `to` must point to `length` bytes; `from` and `room` as for `recvfrom`.
unsafe fn receive(
    fd: c_int,
    to: *mut c_void,
    length: size_t,
    flags: c_int,
    from: *mut sockaddr,
    room: *mut socklen_t,
) -> Option<isize> {
    ask("recv", |os, node| {
        // SAFETY: the caller promises it.
        let buffer = unsafe { output(to.cast(), length) };
        match os.receive(node, fd, &mut [buffer], flags) {
            Ok(received) => {
                if let Some(sender) = received.from {
                    // SAFETY: the caller promises room for an address, or none.
                    unsafe { super::super::address::write(sender, from, room) };
                }
                Reply::Value(received.length as isize)
            }
            Err(reply) => reply,
        }
    })
}

/// Sends one buffer.
///
/// # Safety
///
/// `from` must point to `length` bytes, `to` to an address of `size` bytes or to nothing.
unsafe fn transmit(
    fd: c_int,
    from: *const c_void,
    length: size_t,
    flags: c_int,
    to: *const sockaddr,
    size: socklen_t,
) -> Option<isize> {
    ask("send", |os, node| {
        // SAFETY: the caller promises it.
        let (buffer, to) = unsafe { (input(from.cast(), length), address(to, size)) };
        os.send(node, fd, &[buffer], flags, to)
    })
}

const NOBODY: *mut sockaddr = std::ptr::null_mut();
const NO_LENGTH: *mut socklen_t = std::ptr::null_mut();

#[unsafe(no_mangle)]
unsafe extern "C" fn read(fd: c_int, to: *mut c_void, length: size_t) -> ssize_t {
    // SAFETY: passed on as it came.
    unsafe {
        receive(fd, to, length, 0, NOBODY, NO_LENGTH).unwrap_or_else(|| real::read(fd, to, length))
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn __read_chk(
    fd: c_int,
    to: *mut c_void,
    length: size_t,
    room: size_t,
) -> ssize_t {
    // SAFETY: passed on as it came.
    unsafe {
        receive(fd, to, length.min(room), 0, NOBODY, NO_LENGTH)
            .unwrap_or_else(|| real::__read_chk(fd, to, length, room))
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn recv(fd: c_int, to: *mut c_void, length: size_t, flags: c_int) -> ssize_t {
    // SAFETY: passed on as it came.
    unsafe {
        receive(fd, to, length, flags, NOBODY, NO_LENGTH)
            .unwrap_or_else(|| real::recv(fd, to, length, flags))
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn __recv_chk(
    fd: c_int,
    to: *mut c_void,
    length: size_t,
    room: size_t,
    flags: c_int,
) -> ssize_t {
    // SAFETY: passed on as it came.
    unsafe {
        receive(fd, to, length.min(room), flags, NOBODY, NO_LENGTH)
            .unwrap_or_else(|| real::__recv_chk(fd, to, length, room, flags))
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn recvfrom(
    fd: c_int,
    to: *mut c_void,
    length: size_t,
    flags: c_int,
    from: *mut sockaddr,
    room: *mut socklen_t,
) -> ssize_t {
    // SAFETY: passed on as it came.
    unsafe {
        receive(fd, to, length, flags, from, room)
            .unwrap_or_else(|| real::recvfrom(fd, to, length, flags, from, room))
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn __recvfrom_chk(
    fd: c_int,
    to: *mut c_void,
    length: size_t,
    room: size_t,
    flags: c_int,
    from: *mut sockaddr,
    size: *mut socklen_t,
) -> ssize_t {
    // SAFETY: passed on as it came.
    unsafe {
        receive(fd, to, length.min(room), flags, from, size)
            .unwrap_or_else(|| real::__recvfrom_chk(fd, to, length, room, flags, from, size))
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn readv(fd: c_int, to: *const iovec, count: c_int) -> ssize_t {
    let result = ask("readv", |os, node| {
        // SAFETY: the caller promises so many buffers.
        let mut buffers = unsafe { outputs(to, usize::try_from(count).unwrap_or(0)) };
        match os.receive(node, fd, &mut buffers, 0) {
            Ok(received) => Reply::Value(received.length as isize),
            Err(reply) => reply,
        }
    });
    // SAFETY: passed on as it came.
    result.unwrap_or_else(|| unsafe { real::readv(fd, to, count) })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t {
    let result = ask("recvmsg", |os, node| {
        // SAFETY: the caller promises a message with its buffers.
        let (message, mut buffers) =
            unsafe { (&mut *message, outputs((*message).msg_iov, (*message).msg_iovlen)) };
        match os.receive(node, fd, &mut buffers, flags) {
            Ok(received) => {
                if let Some(sender) = received.from {
                    let (to, room) = (message.msg_name.cast(), &raw mut message.msg_namelen);
                    // SAFETY: the message has room for an address, or none.
                    unsafe { super::super::address::write(sender, to, room) };
                } else {
                    message.msg_namelen = 0;
                }
                message.msg_controllen = 0;
                message.msg_flags = if received.truncated { libc::MSG_TRUNC } else { 0 };
                Reply::Value(received.length as isize)
            }
            Err(reply) => reply,
        }
    });
    // SAFETY: passed on as it came.
    result.unwrap_or_else(|| unsafe { real::recvmsg(fd, message, flags) })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn write(fd: c_int, from: *const c_void, length: size_t) -> ssize_t {
    // SAFETY: passed on as it came.
    unsafe {
        transmit(fd, from, length, 0, NOBODY, 0)
            .or_else(|| count(fd, input(from.cast(), length)))
            .unwrap_or_else(|| real::write(fd, from, length))
    }
}

/// Code of the world wakes what waits in a program's runtime.
fn count(fd: c_int, number: &[u8]) -> Option<isize> {
    let is_number = number.len() == size_of::<u64>() && role() == Role::Outside;
    let count = || crate::os::try_with(|os| os.count(fd, number)).flatten();
    is_number.then(|| catch_unwind(AssertUnwindSafe(count)).ok().flatten()).flatten()
}

#[unsafe(no_mangle)]
unsafe extern "C" fn send(fd: c_int, from: *const c_void, length: size_t, flags: c_int) -> ssize_t {
    // SAFETY: passed on as it came.
    unsafe {
        transmit(fd, from, length, flags, NOBODY, 0)
            .unwrap_or_else(|| real::send(fd, from, length, flags))
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn sendto(
    fd: c_int,
    from: *const c_void,
    length: size_t,
    flags: c_int,
    to: *const sockaddr,
    size: socklen_t,
) -> ssize_t {
    // SAFETY: passed on as it came.
    unsafe {
        transmit(fd, from, length, flags, to, size)
            .unwrap_or_else(|| real::sendto(fd, from, length, flags, to, size))
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn writev(fd: c_int, from: *const iovec, count: c_int) -> ssize_t {
    let result = ask("writev", |os, node| {
        // SAFETY: the caller promises so many buffers.
        let buffers = unsafe { inputs(from, usize::try_from(count).unwrap_or(0)) };
        os.send(node, fd, &buffers, 0, None)
    });
    // SAFETY: passed on as it came.
    result.unwrap_or_else(|| unsafe { real::writev(fd, from, count) })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t {
    let result = ask("sendmsg", |os, node| {
        // SAFETY: the caller promises a message with its buffers and its address, if any.
        let (buffers, to) = unsafe {
            let message = &*message;
            let to = address(message.msg_name.cast(), message.msg_namelen);
            (inputs(message.msg_iov, message.msg_iovlen), to)
        };
        os.send(node, fd, &buffers, flags, to)
    });
    // SAFETY: passed on as it came.
    result.unwrap_or_else(|| unsafe { real::sendmsg(fd, message, flags) })
}
