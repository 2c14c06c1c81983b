//! The functions of the C library that programs call, defined here in its place.
//!
//! Each one turns its pointers into safe types, puts the call before the world, and passes it on
//! to the C library if it is none of the world's business: on a thread of no program, on a
//! descriptor that is not the world's. What libc does inside of itself does not come here: its own
//! calls go to hidden names.

mod bytes;
mod copy;
mod denied;
mod descriptor;
mod files;
mod futex;
mod machine;
mod name;
mod raw;
mod readiness;
mod signal;
mod socket;
mod thread;

pub(super) use descriptor::{is_open, real_eventfd};
pub(super) use futex::{changes_soon, has_changed, vanish, wait_futex, wake_futex};
pub(super) use thread::{at_thread_end, detach, name_of_thread, reap};

use std::net::SocketAddr;

use libc::{iovec, sockaddr, socklen_t};

/// A buffer of C that is read from.
///
/// # Safety
///
/// Unless `length` is 0, `start` must point to so many bytes for as long as the result is used.
unsafe fn input<'a>(start: *const u8, length: usize) -> &'a [u8] {
    match length {
        0 => &[],
        // SAFETY: see above.
        _ => unsafe { std::slice::from_raw_parts(start, length) },
    }
}

/// A buffer of C that is written to.
///
/// # Safety
///
/// As [`input`], and nobody else uses the bytes.
unsafe fn output<'a>(start: *mut u8, length: usize) -> &'a mut [u8] {
    match length {
        0 => &mut [],
        // SAFETY: see above.
        _ => unsafe { std::slice::from_raw_parts_mut(start, length) },
    }
}

/// Several of them.
///
/// # Safety
///
/// `first` must point to `count` descriptions of buffers, each as for [`input`].
unsafe fn inputs<'a>(first: *const iovec, count: usize) -> Vec<&'a [u8]> {
    // SAFETY: see above.
    unsafe {
        let list = if count == 0 { &[] } else { std::slice::from_raw_parts(first, count) };
        list.iter().map(|one| input(one.iov_base.cast(), one.iov_len)).collect()
    }
}

/// Several of them.
///
/// # Safety
///
/// `first` must point to `count` descriptions of buffers, each as for [`output`].
unsafe fn outputs<'a>(first: *const iovec, count: usize) -> Vec<&'a mut [u8]> {
    // SAFETY: see above.
    unsafe {
        let list = if count == 0 { &[] } else { std::slice::from_raw_parts(first, count) };
        list.iter().map(|one| output(one.iov_base.cast(), one.iov_len)).collect()
    }
}

/// An address of C; none if there is none, or it is not one of IP.
///
/// # Safety
///
/// Unless it is null, `from` must point to `length` bytes.
unsafe fn address(from: *const sockaddr, length: socklen_t) -> Option<SocketAddr> {
    // SAFETY: see above.
    unsafe { super::address::read(from, length) }
}
