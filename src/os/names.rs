//! Names: what a program finds when it looks one up, and its environment.

use std::ffi::{CStr, CString, c_char};
use std::net::IpAddr;
use std::path::{Component, Path};

use libc::c_int;

use super::{Os, address};
use crate::journal::NodeId;
use crate::node;

/// Variables of the host that programs see: they change what is printed, not what is done.
const OF_THE_HOST: [&CStr; 4] =
    [c"RUST_BACKTRACE", c"RUST_LIB_BACKTRACE", c"RUST_LOG", c"RUST_MIN_STACK"];

/// What of the host any program may read: about itself, and what does not change what it does.
/// Libraries are read for the backtrace of a panic.
const HARMLESS: [&str; 10] = [
    "/dev/null",
    "/proc/self/exe",
    "/proc/self/maps",
    "/proc/self/cgroup",
    "/proc/self/mountinfo",
    "/sys/fs/cgroup",
    "/usr/share/zoneinfo",
    "/usr/lib/",
    "/lib/",
    "/lib64/",
];

/// Where crates look for the host's time zone, one after the other. Unless the sim names one of them
/// there is none, so local time is UTC.
const TIME_ZONE: [&str; 3] = ["/etc/localtime", "/etc/timezone", "/etc/config/system"];

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

    /// A variable of the node's environment; none of the host's leaks in, but for what changes prints.
    pub(super) fn variable(&self, me: NodeId, name: &CStr) -> Option<*const c_char> {
        let host = self.host(me)?;
        // The host lives as long as the program that asks.
        match host.environment.get(name).map(|value: &CString| value.as_ptr()) {
            None if OF_THE_HOST.contains(&name) => None,
            value => Some(value.unwrap_or_default()),
        }
    }

    /// Whether a program may read that file of the host.
    pub(super) fn may_read(&self, me: NodeId, path: &str) -> Access {
        let host = self.host(me);
        let named = host.iter().flat_map(|host| host.reads.iter().map(String::as_str));
        // The executable itself, and what lies beside it of debug information, is read for the
        // backtrace of a panic.
        let own = std::env::current_exe().unwrap_or_default();
        let is_own = own.to_str().is_some_and(|own| !own.is_empty() && path.starts_with(own));
        let mut allowed = HARMLESS.into_iter().chain(named);
        match is_own && !path.contains("/../") || allowed.any(|folder| is_in(path, folder)) {
            true => Access::Granted,
            false if TIME_ZONE.into_iter().any(|file| is_in(path, file)) => Access::Absent,
            false => Access::Refused,
        }
    }
}

/// What a program is told of a file of the host.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Access {
    Granted,
    /// There is no such file.
    Absent,
    Refused,
}

/// True if a path leads to that folder or file, or below it, by its text alone: `..` leads nowhere.
fn is_in(path: &str, folder: &str) -> bool {
    let parts = |path| Path::new(path).components().filter(|part| *part != Component::CurDir);
    let (mut path_parts, is_named) = (parts(path), !folder.is_empty());
    let starts = parts(folder).all(|part| path_parts.next() == Some(part));
    let mut rest = path_parts;
    is_named && starts && rest.all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::is_in;

    #[test]
    fn a_folder_is_compared_part_by_part() {
        for folder in ["config", "config/", "./config", "config/."] {
            for path in ["config", "config/", "config/a", "./config/a", "config/./b/a", "config//a"]
            {
                assert!(is_in(path, folder), "{path} in {folder}");
            }
            for path in
                ["config.toml", "configs/a", "/config/a", "a/config", "config/../a", ".", ""]
            {
                assert!(!is_in(path, folder), "{path} in {folder}");
            }
        }
        assert!(is_in("../shared/a", "../shared/") && !is_in("../shared/../a", "../shared/"));
        assert!(is_in("a/b", ".") && !is_in("/etc/passwd", ".") && !is_in("../a", "."));
        assert!(is_in("/etc/passwd", "/") && !is_in("a", "/") && !is_in("a", ""));
    }
}
