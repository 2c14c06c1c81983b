//! Names: `getaddrinfo`, `getnameinfo`, `getenv`.

use std::ffi::{CStr, CString, c_char};
use std::net::IpAddr;

use libc::{addrinfo, c_int, sockaddr, socklen_t};

use super::super::gate::{Reply, ask};
use super::super::names::Found;

mod real {
    use libc::{addrinfo, c_int, sockaddr, socklen_t};
    use std::ffi::c_char;

    crate::os::real::real! {
        getaddrinfo(
            node: *const c_char, service: *const c_char, hints: *const addrinfo,
            result: *mut *mut addrinfo
        ) -> c_int;
        getnameinfo(
            addr: *const sockaddr, length: socklen_t, host: *mut c_char, room: socklen_t,
            service: *mut c_char, service_room: socklen_t, flags: c_int
        ) -> c_int;
        getenv(name: *const c_char) -> *mut c_char;
        secure_getenv(name: *const c_char) -> *mut c_char;
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn getaddrinfo(
    name: *const c_char,
    service: *const c_char,
    hints: *const addrinfo,
    result: *mut *mut addrinfo,
) -> c_int {
    // SAFETY: the caller promises texts, hints or null.
    let family = unsafe { hints.as_ref() }.map_or(libc::AF_UNSPEC, |hints| hints.ai_family);
    let mut found = Found::Number;
    if !name.is_null() {
        // SAFETY: the caller promises a text.
        let text = unsafe { CStr::from_ptr(name) };
        let mut in_world = None;
        let asked = ask("getaddrinfo", |os, node| {
            in_world = Some(os.look_up(node, text, family));
            Reply::Value(0)
        });
        // A thread of the dead gets no answer; nor does the host's resolver hear of it.
        found = in_world.unwrap_or(if asked.is_some() { Found::Nobody } else { Found::Number });
    }
    match found {
        // SAFETY: passed on as it came.
        Found::Number => unsafe { real::getaddrinfo(name, service, hints, result) },
        Found::Nobody => libc::EAI_NONAME,
        // SAFETY: passed on as it came, but for the name.
        Found::Addresses(ips) => unsafe { list(&ips, service, hints, result) },
    }
}

/// Lets the C library make the list of these addresses, so that it can free it as well.
///
/// # Safety
///
/// As `getaddrinfo`.
unsafe fn list(
    ips: &[IpAddr],
    service: *const c_char,
    hints: *const addrinfo,
    result: *mut *mut addrinfo,
) -> c_int {
    // SAFETY: a structure of numbers and pointers that may be zero; hints are hints or null.
    let mut own = unsafe { hints.as_ref().copied().unwrap_or_else(|| std::mem::zeroed()) };
    // The interfaces of the host do not matter, and nobody else is to be asked.
    own.ai_flags = own.ai_flags & !libc::AI_ADDRCONFIG | libc::AI_NUMERICHOST;
    let mut end = result;
    // SAFETY: each result is a list that ends with null; `end` is where the next one is tied on,
    // as the C library frees a list link by link.
    unsafe {
        *result = std::ptr::null_mut();
        for ip in ips {
            let text = CString::new(ip.to_string()).unwrap_or_default();
            let error = real::getaddrinfo(text.as_ptr(), service, &raw const own, end);
            if error != 0 {
                return if (*result).is_null() { error } else { 0 };
            }
            while !(*end).is_null() {
                end = &raw mut (**end).ai_next;
            }
        }
    }
    0
}

/// Names of the world's addresses are their numbers: nobody keeps a reverse zone.
#[unsafe(no_mangle)]
unsafe extern "C" fn getnameinfo(
    addr: *const sockaddr,
    length: socklen_t,
    host: *mut c_char,
    room: socklen_t,
    service: *mut c_char,
    service_room: socklen_t,
    flags: c_int,
) -> c_int {
    let of_the_world = ask("getnameinfo", |_, _| Reply::Value(0)).is_some();
    let flags = if of_the_world { flags | libc::NI_NUMERICHOST } else { flags };
    // SAFETY: passed on as it came.
    unsafe { real::getnameinfo(addr, length, host, room, service, service_room, flags) }
}

/// The variable of the node's environment, or what `otherwise` says.
///
/// # Safety
///
/// `name` must be a text.
unsafe fn variable(name: *const c_char, otherwise: impl FnOnce() -> *mut c_char) -> *mut c_char {
    let mut value = None;
    // SAFETY: the caller promises it.
    let text = unsafe { CStr::from_ptr(name) };
    let answered = ask("getenv", |os, node| {
        value = os.variable(node, text);
        value.map_or(Reply::Pass, |_| Reply::Value(0))
    });
    match (answered, value) {
        (Some(_), Some(value)) => value.cast_mut(),
        // A thread of the dead sees nothing of the host's either.
        (Some(_), None) => std::ptr::null_mut(),
        (None, _) => otherwise(),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn getenv(name: *const c_char) -> *mut c_char {
    // SAFETY: passed on as it came.
    unsafe { variable(name, || real::getenv(name)) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn secure_getenv(name: *const c_char) -> *mut c_char {
    // SAFETY: passed on as it came.
    unsafe { variable(name, || real::secure_getenv(name)) }
}
