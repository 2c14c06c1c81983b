//! The definitions of libc behind ours: what a call does that is not a program's of the world.
//!
//! Each is looked up once, with `dlsym(RTLD_NEXT)`, on its first use: constructors may call
//! before anything of ours ran, so nothing here allocates or locks.

use std::ffi::{CStr, c_void};
use std::sync::atomic::{AtomicPtr, Ordering};

/// Where the next definition of `name` after ours is.
pub(super) fn next(slot: &AtomicPtr<c_void>, name: &CStr) -> *mut c_void {
    let known = slot.load(Ordering::Relaxed);
    if !known.is_null() {
        return known;
    }
    // SAFETY: `name` ends with a zero; `RTLD_NEXT` is a valid handle.
    let found = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) };
    if found.is_null() {
        absent(name);
    }
    slot.store(found, Ordering::Relaxed);
    found
}

/// A libc without a call that a program has just made is not one that this crate can stand before.
#[cold]
fn absent(name: &CStr) -> ! {
    let name = name.to_string_lossy();
    eprintln!(
        "stormglass: the C library has no `{name}`, or is linked statically: leave out \
         `-C target-feature=+crt-static`"
    );
    std::process::abort()
}

/// Defines functions that call the next definition of the same name.
macro_rules! real {
    ($($name:ident($($arg:ident: $kind:ty),*) -> $result:ty;)*) => {$(
        /// # Safety
        ///
        /// As the function of the C library with this name.
        #[inline]
        pub(in crate::os) unsafe fn $name($($arg: $kind),*) -> $result {
            use std::sync::atomic::AtomicPtr;
            static NEXT: AtomicPtr<std::ffi::c_void> = AtomicPtr::new(std::ptr::null_mut());
            const NAME: &str = concat!(stringify!($name), "\0");
            let name = std::ffi::CStr::from_bytes_with_nul(NAME.as_bytes()).unwrap_or_default();
            let found = $crate::os::real::next(&NEXT, name);
            // SAFETY: the C library's function of that name has this type.
            let function: unsafe extern "C" fn($($kind),*) -> $result =
                unsafe { std::mem::transmute(found) };
            // SAFETY: what the caller promises is what the function asks for.
            unsafe { function($($arg),*) }
        }
    )*};
}

pub(super) use real;
