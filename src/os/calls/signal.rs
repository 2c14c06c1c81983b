//! Signals: none reaches a node, so who waits for one may do so for ever.

use std::ffi::c_void;

use libc::{c_int, sigaction as Action, sighandler_t, sigset_t};

use super::super::gate::{Reply, ask};

mod real {
    use libc::{c_int, sigaction as Action, sighandler_t, sigset_t};
    use std::ffi::c_void;

    crate::os::real::real! {
        sigaction(signal: c_int, new: *const c_void, old: *mut Action) -> c_int;
        signal(signal: c_int, handler: sighandler_t) -> sighandler_t;
        sigprocmask(how: c_int, new: *const c_void, old: *mut sigset_t) -> c_int;
        pthread_sigmask(how: c_int, new: *const c_void, old: *mut sigset_t) -> c_int;
    }
}

/// The host is not told; nothing was set before.
///
/// # Safety
///
/// `old` must have room for a structure that may be zero, or be null.
unsafe fn nothing<T>(call: &'static str, old: *mut T) -> Option<c_int> {
    ask(call, |_, _| Reply::Value(0))?;
    if !old.is_null() {
        // SAFETY: the caller promises it.
        unsafe { old.write_bytes(0, 1) };
    }
    Some(0)
}

/// `tokio::signal` asks for this.
#[unsafe(no_mangle)]
unsafe extern "C" fn sigaction(signal: c_int, new: *const c_void, old: *mut Action) -> c_int {
    // SAFETY: passed on as it came.
    unsafe { nothing("sigaction", old).unwrap_or_else(|| real::sigaction(signal, new, old)) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn signal(signal: c_int, handler: sighandler_t) -> sighandler_t {
    match ask("signal", |_, _| Reply::Value(0)) {
        Some(_) => libc::SIG_DFL,
        // SAFETY: passed on as it came.
        None => unsafe { real::signal(signal, handler) },
    }
}

/// Defines the two ways to hold signals back.
macro_rules! masks {
    ($($name:ident),*) => {$(
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(how: c_int, new: *const c_void, old: *mut sigset_t) -> c_int {
            // SAFETY: passed on as it came.
            unsafe {
                nothing(stringify!($name), old).unwrap_or_else(|| real::$name(how, new, old))
            }
        }
    )*};
}

masks!(sigprocmask, pthread_sigmask);
