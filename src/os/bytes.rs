//! Bytes and datagrams through descriptors.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use bytes::Bytes;
use libc::c_int;

use super::gate::{Reply, Wait};
use super::object::{Object, State};
use super::{Os, address, calls};
use crate::journal::NodeId;

/// What was received, and from whom, where that is of interest.
pub(super) struct Received {
    pub length: usize,
    pub from: Option<SocketAddr>,
    /// The datagram was longer than the buffers.
    pub truncated: bool,
}

impl Os {
    /// `recv`, `read` and their like, into several buffers in turn.
    pub(super) fn receive(
        &self,
        node: NodeId,
        fd: c_int,
        buffers: &mut [&mut [u8]],
        flags: c_int,
    ) -> Result<Received, Reply> {
        let Some(object) = self.table.borrow().get(fd).cloned() else {
            // Standard input is at its end, as in a container that nobody is attached to.
            let nothing = Received { length: 0, from: None, truncated: false };
            return if fd == libc::STDIN_FILENO { Ok(nothing) } else { Err(Reply::Pass) };
        };
        let peek = flags & libc::MSG_PEEK != 0;
        let received = match &mut *object.state.borrow_mut() {
            State::Stream(connection) => {
                let mut length = 0;
                let mut error = None;
                for buffer in buffers.iter_mut().filter(|buffer| !buffer.is_empty()) {
                    // A failure is told once: not to a call that has something to give.
                    if length > 0 && connection.readiness().error {
                        break;
                    }
                    let read = match peek {
                        true => connection.try_peek(buffer),
                        false => connection.try_read(buffer),
                    };
                    match read {
                        Ok(read) => {
                            length += read;
                            if read < buffer.len() || peek {
                                break;
                            }
                        }
                        Err(failure) => {
                            error = Some(failure);
                            break;
                        }
                    }
                }
                match error {
                    Some(error) if length == 0 => Err(error),
                    _ => Ok(Received { length, from: None, truncated: false }),
                }
            }
            State::Datagram { endpoint, peer } => {
                let next = loop {
                    let next = if peek { endpoint.peek() } else { endpoint.try_receive() };
                    match (next, &peer) {
                        // Whoever is connected hears nobody else; at loopback, no other node.
                        (Some((_, from)), peer)
                            if peer.is_some_and(|peer| from != peer)
                                || (object.loopback.get() && from.node != node) =>
                        {
                            if peek {
                                endpoint.try_receive();
                            }
                        }
                        (next, _) => break next,
                    }
                };
                next.map_or(Err(ErrorKind::WouldBlock.into()), |(bytes, from)| {
                    let from = address::socket_addr(from, node, object.family, true);
                    Ok(spread(&bytes, buffers, from))
                })
            }
            State::Event { count, semaphore } => read_event(count, *semaphore, buffers),
            State::Fresh | State::Listener(_) => Err(ErrorKind::NotConnected.into()),
            State::Epoll(_) => Err(ErrorKind::InvalidInput.into()),
        };
        received.map_err(|error| match error.kind() {
            ErrorKind::WouldBlock if flags & libc::MSG_DONTWAIT != 0 => Reply::Errno(libc::EAGAIN),
            _ => self.blocked(&object, fd, libc::POLLIN, error),
        })
    }

    /// `send`, `write` and their like, from several buffers in turn.
    pub(super) fn send(
        &self,
        node: NodeId,
        fd: c_int,
        buffers: &[&[u8]],
        flags: c_int,
        to: Option<SocketAddr>,
    ) -> Reply {
        let Some(object) = self.table.borrow().get(fd).cloned() else { return Reply::Pass };
        if object.kind == libc::SOCK_DGRAM {
            return self.send_datagram(node, &object, buffers, to);
        }
        let sent = match &mut *object.state.borrow_mut() {
            State::Stream(connection) => {
                let whole = joined(buffers);
                connection.try_write(&whole)
            }
            State::Event { count, .. } => write_event(count, buffers),
            State::Fresh | State::Listener(_) => Err(ErrorKind::NotConnected.into()),
            State::Datagram { .. } | State::Epoll(_) => Err(ErrorKind::InvalidInput.into()),
        };
        let is_event = matches!(*object.state.borrow(), State::Event { .. });
        if is_event && sent.is_ok() {
            self.notify(object.id);
        }
        match sent {
            Ok(length) => Reply::Value(length as isize),
            Err(error)
                if error.kind() == ErrorKind::WouldBlock && flags & libc::MSG_DONTWAIT != 0 =>
            {
                Reply::Errno(libc::EAGAIN)
            }
            Err(error) => self.blocked(&object, fd, libc::POLLOUT, error),
        }
    }

    /// A future of a program is woken by code of the world: its runtime is told by a counter. None
    /// if the descriptor is no counter.
    pub(super) fn count(&self, fd: c_int, number: &[u8]) -> Option<isize> {
        let object = self.table.borrow().get(fd).cloned()?;
        let counted = match &mut *object.state.borrow_mut() {
            State::Event { count, .. } => write_event(count, &[number]),
            _ => return None,
        };
        self.notify(object.id);
        counted.ok().map(|length| length as isize)
    }

    fn send_datagram(
        &self,
        node: NodeId,
        object: &Object,
        buffers: &[&[u8]],
        to: Option<SocketAddr>,
    ) -> Reply {
        if let Err(error) = self.bind_datagrams(node, object) {
            return error.into();
        }
        let State::Datagram { endpoint, peer } = &*object.state.borrow() else {
            return Reply::Errno(libc::EINVAL);
        };
        let target = match to {
            Some(to) => match self.target(node, to) {
                Some(target) => target,
                None => return Reply::Errno(libc::ENETUNREACH),
            },
            None => match peer {
                Some(peer) => *peer,
                None => return Reply::Errno(libc::EDESTADDRREQ),
            },
        };
        let whole = Bytes::from(joined(buffers).into_owned());
        let length = whole.len();
        if length > 65_507 {
            return Reply::Errno(libc::EMSGSIZE);
        }
        endpoint.send_to(target, whole);
        Reply::Value(length as isize)
    }

    /// Bytes that can be read at once (`FIONREAD`).
    pub(super) fn unread(&self, fd: c_int) -> c_int {
        let object = self.table.borrow().get(fd).cloned();
        let Some(object) = object else { return 0 };
        match &*object.state.borrow() {
            State::Stream(connection) => connection.unread() as c_int,
            State::Datagram { endpoint, .. } => {
                endpoint.peek().map_or(0, |(bytes, _)| bytes.len() as c_int)
            }
            _ => 0,
        }
    }

    /// `poll`: how many descriptors have one of the events that they are asked for, which are
    /// written down.
    pub(super) fn poll(&self, asked: &mut [libc::pollfd], wait: Option<Wait>) -> Reply {
        let table = self.table.borrow();
        let mut found = 0;
        for one in asked.iter_mut() {
            let has = match table.get(one.fd) {
                Some(object) => object.events(),
                None if one.fd < 0 => 0,
                // Files and the output of the process never make anybody wait.
                None if calls::is_open(one.fd) => libc::POLLIN | libc::POLLOUT,
                None => libc::POLLNVAL,
            };
            let always = libc::POLLERR | libc::POLLHUP | libc::POLLNVAL;
            one.revents = has & (one.events | always);
            found += isize::from(one.revents != 0);
        }
        match (found, wait) {
            (0, Some(wait)) => Reply::Wait(wait),
            _ => Reply::Value(found),
        }
    }
}

/// Several buffers as one: a message is one datagram, and one segment where it fits.
fn joined<'a>(buffers: &[&'a [u8]]) -> std::borrow::Cow<'a, [u8]> {
    match buffers {
        [] => (&[]).into(),
        [only] => (*only).into(),
        several => several.concat().into(),
    }
}

/// Copies a datagram into buffers; what does not fit is lost.
fn spread(bytes: &[u8], buffers: &mut [&mut [u8]], from: SocketAddr) -> Received {
    let mut rest = bytes;
    for buffer in buffers.iter_mut() {
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        rest = &rest[length..];
    }
    let length = bytes.len() - rest.len();
    Received { length, from: Some(from), truncated: !rest.is_empty() }
}

fn read_event(count: &mut u64, semaphore: bool, buffers: &mut [&mut [u8]]) -> io::Result<Received> {
    let Some(buffer) = buffers.first_mut().filter(|buffer| buffer.len() >= 8) else {
        return Err(ErrorKind::InvalidInput.into());
    };
    if *count == 0 {
        return Err(ErrorKind::WouldBlock.into());
    }
    let taken = if semaphore { 1 } else { *count };
    *count -= taken;
    buffer[..8].copy_from_slice(&taken.to_ne_bytes());
    Ok(Received { length: 8, from: None, truncated: false })
}

fn write_event(count: &mut u64, buffers: &[&[u8]]) -> io::Result<usize> {
    let number = buffers.first().and_then(|buffer| buffer.first_chunk::<8>());
    let Some(number) = number.map(|bytes| u64::from_ne_bytes(*bytes)).filter(|n| *n < u64::MAX)
    else {
        return Err(ErrorKind::InvalidInput.into());
    };
    match count.checked_add(number).filter(|sum| *sum < u64::MAX) {
        Some(sum) => {
            *count = sum;
            Ok(8)
        }
        None => Err(ErrorKind::WouldBlock.into()),
    }
}
