//! Copies between descriptors: `sendfile`, `splice` and their relatives.
//!
//! In a program they fail as they do between descriptors that cannot do it. Whoever uses them, such as
//! `std::io::copy`, reads and writes then.

use std::ffi::c_void;

use libc::{c_int, c_uint, iovec, size_t, ssize_t};

use super::super::gate::{Reply, ask};

/// Defines them.
macro_rules! copies {
    ($($name:ident($($arg:ident: $kind:ty),*);)*) => {
        mod real {
            use super::*;

            $(crate::os::real::real! { $name($($arg: $kind),*) -> ssize_t; })*
        }

        $(
            #[unsafe(no_mangle)]
            unsafe extern "C" fn $name($($arg: $kind),*) -> ssize_t {
                let refused = ask(stringify!($name), |_, _| Reply::Errno(libc::EINVAL));
                // SAFETY: passed on as it came.
                refused.unwrap_or_else(|| unsafe { real::$name($($arg),*) })
            }
        )*
    };
}

type Place = *mut c_void;

copies! {
    sendfile(to: c_int, from: c_int, place: Place, count: size_t);
    sendfile64(to: c_int, from: c_int, place: Place, count: size_t);
    splice(from: c_int, at: Place, to: c_int, place: Place, count: size_t, flags: c_uint);
    copy_file_range(from: c_int, at: Place, to: c_int, place: Place, count: size_t, flags: c_uint);
    tee(from: c_int, to: c_int, count: size_t, flags: c_uint);
    vmsplice(fd: c_int, from: *const iovec, count: size_t, flags: c_uint);
}
