//! Socket options: what is set is remembered, and what TCP heeds is told to the connection.

use std::ops::RangeInclusive;
use std::time::Duration;

use libc::c_int;

use super::Os;
use super::gate::Reply;
use super::object::{Object, State};
use crate::net::KeepAlive;

const KEEP_ALIVE: (c_int, c_int) = (libc::SOL_SOCKET, libc::SO_KEEPALIVE);

/// The values that Linux takes for an option (`MAX_TCP_KEEPIDLE` and its like).
fn allowed(level: c_int, name: c_int) -> RangeInclusive<c_int> {
    match (level, name) {
        (libc::IPPROTO_TCP, libc::TCP_KEEPIDLE | libc::TCP_KEEPINTVL) => 1..=32_767,
        (libc::IPPROTO_TCP, libc::TCP_KEEPCNT) => 1..=127,
        (libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT) => 0..=c_int::MAX,
        _ => c_int::MIN..=c_int::MAX,
    }
}

/// Options that mean something here; all others of these levels are remembered.
impl Os {
    /// `setsockopt` with a number.
    pub(super) fn set_option(&self, fd: c_int, level: c_int, name: c_int, value: c_int) -> Reply {
        let Some(object) = self.object(fd) else { return Reply::Pass };
        let known = [libc::SOL_SOCKET, libc::IPPROTO_TCP, libc::IPPROTO_IP, libc::IPPROTO_IPV6];
        if !known.contains(&level) {
            return Reply::Errno(libc::ENOPROTOOPT);
        }
        if !allowed(level, name).contains(&value) {
            return Reply::Errno(libc::EINVAL);
        }
        let value = if (level, name) == KEEP_ALIVE { c_int::from(value != 0) } else { value };
        object.options.borrow_mut().insert((level, name), value);
        self.apply_options(&object);
        Reply::Value(0)
    }

    /// `SO_RCVTIMEO` and `SO_SNDTIMEO`; a time of zero is none.
    pub(super) fn set_limit(&self, fd: c_int, name: c_int, limit: Duration) -> Reply {
        let Some(object) = self.object(fd) else { return Reply::Pass };
        let limit = Some(limit).filter(|limit| !limit.is_zero());
        match name {
            libc::SO_RCVTIMEO => object.receive_limit.set(limit),
            _ => object.send_limit.set(limit),
        }
        Reply::Value(0)
    }

    /// `SO_LINGER`. A time above zero is as good as none: what was written is sent all the same.
    pub(super) fn set_linger(&self, fd: c_int, on: bool, seconds: c_int) -> Reply {
        let Some(object) = self.object(fd) else { return Reply::Pass };
        object.resets.set(on && seconds == 0);
        let linger = if on { seconds } else { -1 };
        object.options.borrow_mut().insert((libc::SOL_SOCKET, libc::SO_LINGER), linger);
        Reply::Value(0)
    }

    /// True if an option was ever set.
    pub(super) fn has_option(&self, fd: c_int, level: c_int, name: c_int) -> bool {
        let object = self.object(fd);
        object.is_some_and(|object| object.options.borrow().contains_key(&(level, name)))
    }

    /// `getsockopt` of what is not a number.
    pub(super) fn limit(&self, fd: c_int, name: c_int) -> Option<Duration> {
        let object = self.object(fd)?;
        let limit = match name {
            libc::SO_RCVTIMEO => object.receive_limit.get(),
            _ => object.send_limit.get(),
        };
        Some(limit.unwrap_or_default())
    }

    /// A connection that was accepted has the options of its listener.
    pub(super) fn inherit_options(&self, listener: &Object, accepted: &Object) {
        let mut options = listener.options.borrow().clone();
        options.remove(&(libc::SOL_SOCKET, libc::SO_ACCEPTCONN));
        accepted.options.replace(options);
        accepted.resets.set(listener.resets.get());
        self.apply_options(accepted);
    }

    pub(super) fn apply_options(&self, object: &Object) {
        let options = object.options.borrow();
        let State::Stream(connection) = &*object.state.borrow() else { return };
        let get =
            |level, name| options.get(&(level, name)).and_then(|value| u64::try_from(*value).ok());
        let send = get(libc::SOL_SOCKET, libc::SO_SNDBUF);
        let receive = get(libc::SOL_SOCKET, libc::SO_RCVBUF);
        if send.is_some() || receive.is_some() {
            // Linux doubles what it is asked for.
            let bytes = |asked: Option<u64>| asked.map_or(128 << 10, |n| n as usize * 2);
            connection.set_buffers(bytes(send), bytes(receive));
        }
        if let Some(limit) = get(libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT) {
            let limit = (limit > 0).then(|| Duration::from_millis(limit));
            connection.set_user_timeout(limit);
        }
        if let Some(on) = get(libc::SOL_SOCKET, libc::SO_KEEPALIVE) {
            let or = |name, default| get(libc::IPPROTO_TCP, name).unwrap_or(default);
            let seconds =
                |name, default: Duration| Duration::from_secs(or(name, default.as_secs()));
            let linux = KeepAlive::default();
            let settings = KeepAlive {
                idle: seconds(libc::TCP_KEEPIDLE, linux.idle),
                interval: seconds(libc::TCP_KEEPINTVL, linux.interval),
                probes: or(libc::TCP_KEEPCNT, linux.probes.into()) as u32,
            };
            connection.set_keep_alive((on != 0).then_some(settings));
        }
    }

    /// `getsockopt` of a number.
    pub(super) fn option(&self, fd: c_int, level: c_int, name: c_int) -> Result<c_int, Reply> {
        let Some(object) = self.object(fd) else { return Err(Reply::Pass) };
        match (level, name) {
            (libc::SOL_SOCKET, libc::SO_ERROR) => {
                let State::Stream(connection) = &*object.state.borrow() else { return Ok(0) };
                match connection.take_error().map(Reply::from) {
                    Some(Reply::Errno(errno)) => Ok(errno),
                    _ => Ok(0),
                }
            }
            (libc::SOL_SOCKET, libc::SO_TYPE) => Ok(object.kind),
            (libc::SOL_SOCKET, libc::SO_DOMAIN) => Ok(object.family),
            (libc::SOL_SOCKET, libc::SO_PROTOCOL) => Ok(match object.kind {
                libc::SOCK_STREAM => libc::IPPROTO_TCP,
                _ => libc::IPPROTO_UDP,
            }),
            (libc::SOL_SOCKET, libc::SO_SNDBUF | libc::SO_RCVBUF) => {
                Ok(object.options.borrow().get(&(level, name)).map_or(128 << 10, |n| n * 2))
            }
            (libc::IPPROTO_TCP, libc::TCP_KEEPIDLE | libc::TCP_KEEPINTVL | libc::TCP_KEEPCNT) => {
                let set = object.options.borrow().get(&(level, name)).copied();
                let KeepAlive { idle, interval, probes } = KeepAlive::default();
                Ok(set.unwrap_or(match name {
                    libc::TCP_KEEPIDLE => idle.as_secs() as c_int,
                    libc::TCP_KEEPINTVL => interval.as_secs() as c_int,
                    _ => probes as c_int,
                }))
            }
            (libc::IPPROTO_TCP, libc::TCP_INFO) => Err(Reply::Errno(libc::ENOPROTOOPT)),
            _ => Ok(object.options.borrow().get(&(level, name)).copied().unwrap_or(0)),
        }
    }
}
