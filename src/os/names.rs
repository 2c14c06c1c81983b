//! Names: what a program finds when it looks one up, and its environment.

use std::ffi::{CStr, CString, c_char};
use std::net::IpAddr;

use libc::c_int;

use super::{Os, address};
use crate::journal::NodeId;
use crate::node;

/// Variables of the host that programs see: they change what is printed, not what is done.
const OF_THE_HOST: [&CStr; 4] =
    [c"RUST_BACKTRACE", c"RUST_LIB_BACKTRACE", c"RUST_LOG", c"RUST_MIN_STACK"];

/// What of the host any program may read: about itself, and what does not change what it does.
/// Libraries are read for the backtrace of a panic.
const HARMLESS: [&str; 7] = [
    "/proc/self/",
    "/sys/fs/cgroup",
    "/etc/localtime",
    "/usr/share/zoneinfo",
    "/usr/lib/",
    "/lib/",
    "/lib64/",
];

/// What a name stands for.
pub(super) enum Found {
    /// A number already: the C library reads it.
    Number,
    Addresses(Vec<IpAddr>),
    Nobody,
}

impl Os {
    /// The addresses of a name: a service's replicas, each look-up beginning with the next one.
    pub(super) fn look_up(&self, me: NodeId, name: &CStr, family: c_int) -> Found {
        let Ok(name) = name.to_str() else { return Found::Nobody };
        if name.parse::<IpAddr>().is_ok() {
            return Found::Number;
        }
        let family = if family == libc::AF_INET6 { family } else { libc::AF_INET };
        if name == "localhost" {
            let loopback = match family {
                libc::AF_INET6 => std::net::Ipv6Addr::LOCALHOST.into(),
                _ => std::net::Ipv4Addr::LOCALHOST.into(),
            };
            return Found::Addresses(vec![loopback]);
        }
        let Ok(first) = node::resolve(me, name) else { return Found::Nobody };
        let mut replicas = node::named(name);
        let place = replicas.iter().position(|node| *node == first).unwrap_or(0);
        replicas.rotate_left(place);
        Found::Addresses(replicas.into_iter().map(|node| address::ip(node, family)).collect())
    }

    /// A variable of the node's environment; none of the host's leaks in.
    pub(super) fn variable(&self, me: NodeId, name: &CStr) -> Option<*const c_char> {
        if OF_THE_HOST.contains(&name) {
            return None;
        }
        let host = self.host(me)?;
        let value = host.environment.get(name);
        // The host lives as long as the program that asks.
        Some(value.map_or(std::ptr::null(), |value: &CString| value.as_ptr()))
    }

    /// True if a program may read that file of the host.
    pub(super) fn may_read(&self, me: NodeId, path: &str) -> bool {
        let host = self.host(me);
        let named = host.iter().flat_map(|host| host.reads.iter().map(String::as_str));
        // The executable itself, and what lies beside it of debug information, is read for the
        // backtrace of a panic.
        let own = std::env::current_exe().unwrap_or_default();
        let is_own = own.to_str().is_some_and(|own| !own.is_empty() && path.starts_with(own));
        let climbs = path.split('/').any(|part| part == "..");
        let is_in = |start: &str| path.starts_with(start) || start.strip_suffix('/') == Some(path);
        is_own || !climbs && HARMLESS.into_iter().chain(named).any(is_in)
    }
}
