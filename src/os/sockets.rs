//! Sockets: made, bound, connected, asked and closed.

use std::net::SocketAddr;
use std::rc::Rc;

use libc::c_int;

use super::gate::{Reply, Wait};
use super::object::{Closed, Object, State};
use super::{Os, address, real_fd};
use crate::journal::NodeId;
use crate::kernel::current;
use crate::net::{Addr, Connection, Endpoint, How, Listener};

impl Os {
    /// A new descriptor for a new object.
    pub(super) fn open(
        &self,
        node: NodeId,
        family: c_int,
        kind: c_int,
        nonblocking: bool,
        state: State,
    ) -> Reply {
        let object = self.table.borrow_mut().insert(node, family, kind, nonblocking, state);
        object.watch();
        self.describe(&object)
    }

    /// One more descriptor for an object: the number of a real one, so that no other has it.
    pub(super) fn describe(&self, object: &Object) -> Reply {
        match real_fd() {
            Ok(fd) => {
                self.table.borrow_mut().name(fd, object);
                Reply::Value(fd as isize)
            }
            Err(error) => error.into(),
        }
    }

    pub(super) fn object(&self, fd: c_int) -> Option<Rc<Object>> {
        self.table.borrow().get(fd).cloned()
    }

    /// `socket`.
    pub(super) fn socket(&self, node: NodeId, family: c_int, kind: c_int) -> Reply {
        let nonblocking = kind & libc::SOCK_NONBLOCK != 0;
        let kind = kind & !(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC);
        match (family, kind) {
            (libc::AF_INET | libc::AF_INET6, libc::SOCK_STREAM | libc::SOCK_DGRAM) => {
                self.open(node, family, kind, nonblocking, State::Fresh)
            }
            (libc::AF_INET | libc::AF_INET6, _) => {
                self.refuse("socket", "raw sockets are not simulated", "use TCP or UDP");
                Reply::Errno(libc::EPROTONOSUPPORT)
            }
            (libc::AF_UNIX, _) => {
                self.refuse(
                    "socket",
                    "Unix sockets are not simulated",
                    "listen on TCP: take the address from the environment",
                );
                Reply::Errno(libc::EAFNOSUPPORT)
            }
            // The C library asks the host's own tables with it, which nobody sees.
            (libc::AF_NETLINK, _) => Reply::Errno(libc::EAFNOSUPPORT),
            _ => {
                self.refuse("socket", "sockets of that family are not simulated", "use TCP or UDP");
                Reply::Errno(libc::EAFNOSUPPORT)
            }
        }
    }

    /// `bind`. A TCP port is taken from here on; that it does not listen yet is not modelled.
    pub(super) fn bind(&self, node: NodeId, fd: c_int, at: Option<SocketAddr>) -> Reply {
        let Some(object) = self.object(fd) else { return Reply::Pass };
        let Some(at) = at else { return Reply::Errno(libc::EINVAL) };
        if !matches!(*object.state.borrow(), State::Fresh) {
            return Reply::Errno(libc::EINVAL);
        }
        if self.node_at(node, at) != Some(node) {
            return Reply::Errno(libc::EADDRNOTAVAIL);
        }
        let state = match object.kind {
            libc::SOCK_STREAM => Listener::bind(node, at.port()).map(State::Listener),
            _ => Endpoint::bind(node, at.port())
                .map(|endpoint| State::Datagram { endpoint, peer: None }),
        };
        match state {
            Ok(state) => {
                object.loopback.set(at.ip().is_loopback());
                if let State::Listener(listener) = &state
                    && at.ip().is_loopback()
                {
                    listener.hear_own_node_only();
                }
                set_state(&object, state);
                Reply::Value(0)
            }
            Err(error) => error.into(),
        }
    }

    fn node_at(&self, me: NodeId, at: SocketAddr) -> Option<NodeId> {
        address::node(at.ip(), me, current::with(|kernel| kernel.nodes()))
    }

    /// `listen`.
    pub(super) fn listen(&self, node: NodeId, fd: c_int, backlog: c_int) -> Reply {
        let Some(object) = self.object(fd) else { return Reply::Pass };
        if matches!(*object.state.borrow(), State::Fresh) && object.kind == libc::SOCK_STREAM {
            match Listener::bind(node, 0) {
                Ok(listener) => set_state(&object, State::Listener(listener)),
                Err(error) => return error.into(),
            }
        }
        match &*object.state.borrow() {
            State::Listener(listener) => {
                listener.set_backlog(usize::try_from(backlog).unwrap_or(0));
                object.options.borrow_mut().insert((libc::SOL_SOCKET, libc::SO_ACCEPTCONN), 1);
                Reply::Value(0)
            }
            _ => Reply::Errno(libc::EOPNOTSUPP),
        }
    }

    /// `accept4`; the address of who connects comes with the descriptor.
    pub(super) fn accept(
        &self,
        node: NodeId,
        fd: c_int,
        flags: c_int,
    ) -> Result<(c_int, SocketAddr), Reply> {
        let Some(object) = self.object(fd) else { return Err(Reply::Pass) };
        let accepted = match &*object.state.borrow() {
            State::Listener(listener) => listener.try_accept(),
            _ => return Err(Reply::Errno(libc::EINVAL)),
        };
        let (connection, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => return Err(self.blocked(&object, fd, libc::POLLIN, error)),
        };
        let is_own = peer.node == node;
        let peer = address::socket_addr(peer, node, object.family, true);
        let nonblocking = flags & libc::SOCK_NONBLOCK != 0;
        let mut table = self.table.borrow_mut();
        let state = State::Stream(connection);
        let made = table.insert(node, object.family, libc::SOCK_STREAM, nonblocking, state);
        drop(table);
        made.loopback.set(is_own);
        made.watch();
        self.inherit_options(&object, &made);
        match self.describe(&made) {
            Reply::Value(fd) => Ok((fd as c_int, peer)),
            other => Err(other),
        }
    }

    /// What a call does that could not go on: the error itself, or a wait where it may block.
    pub(super) fn blocked(
        &self,
        object: &Object,
        fd: c_int,
        events: i16,
        error: std::io::Error,
    ) -> Reply {
        if error.kind() != std::io::ErrorKind::WouldBlock || object.nonblocking.get() {
            return error.into();
        }
        let limit = match events {
            libc::POLLOUT => object.send_limit.get(),
            _ => object.receive_limit.get(),
        };
        let deadline = limit.map(|limit| self.local_now(object.node) + limit);
        Reply::Wait(Wait { deadline, ..Wait::ready(fd, events) })
    }

    /// `connect`.
    pub(super) fn connect(&self, node: NodeId, fd: c_int, to: Option<SocketAddr>) -> Reply {
        let Some(object) = self.object(fd) else { return Reply::Pass };
        if object.kind == libc::SOCK_DGRAM {
            return self.connect_datagrams(node, &object, to);
        }
        let Some(to) = to else { return Reply::Errno(libc::EAFNOSUPPORT) };
        if let State::Stream(connection) = &*object.state.borrow() {
            let ready = connection.readiness();
            return match connection.take_error() {
                Some(error) => error.into(),
                // A blocking connect that has waited, or a second one.
                None if ready.connected => match object.nonblocking.get() {
                    true => Reply::Errno(libc::EISCONN),
                    false => Reply::Value(0),
                },
                None if object.nonblocking.get() => Reply::Errno(libc::EALREADY),
                None => Reply::Wait(Wait::ready(fd, libc::POLLOUT)),
            };
        }
        let Some(target) = self.node_at(node, to) else { return Reply::Errno(libc::ENETUNREACH) };
        // Who bound first and connects gives its port up: the connection has one of its own.
        set_state(&object, State::Fresh);
        let addr = Addr { node: target, port: to.port() };
        match Connection::open(node, addr, None) {
            Ok(connection) => {
                object.loopback.set(to.ip().is_loopback() || to.ip().is_unspecified());
                set_state(&object, State::Stream(connection));
                self.apply_options(&object);
                if object.nonblocking.get() {
                    Reply::Errno(libc::EINPROGRESS)
                } else {
                    Reply::Wait(Wait::ready(fd, libc::POLLOUT))
                }
            }
            Err(error) => error.into(),
        }
    }

    fn connect_datagrams(&self, node: NodeId, object: &Object, to: Option<SocketAddr>) -> Reply {
        if let Err(error) = self.bind_datagrams(node, object) {
            return error.into();
        }
        let target = match to {
            Some(to) => match self.node_at(node, to) {
                Some(node) => Some(Addr { node, port: to.port() }),
                None => return Reply::Errno(libc::ENETUNREACH),
            },
            None => None,
        };
        if let State::Datagram { peer, .. } = &mut *object.state.borrow_mut() {
            *peer = target;
        }
        object.loopback.set(to.is_some_and(|to| to.ip().is_loopback()));
        Reply::Value(0)
    }

    /// Who sends before it has bound gets a port.
    pub(super) fn bind_datagrams(&self, node: NodeId, object: &Object) -> std::io::Result<()> {
        if matches!(*object.state.borrow(), State::Fresh) {
            let endpoint = Endpoint::bind(node, 0)?;
            set_state(object, State::Datagram { endpoint, peer: None });
        }
        Ok(())
    }

    /// Whom a datagram goes to.
    pub(super) fn target(&self, me: NodeId, to: SocketAddr) -> Option<Addr> {
        Some(Addr { node: self.node_at(me, to)?, port: to.port() })
    }

    /// `getsockname` and `getpeername`.
    pub(super) fn name(&self, node: NodeId, fd: c_int, of_peer: bool) -> Result<SocketAddr, Reply> {
        let Some(object) = self.object(fd) else { return Err(Reply::Pass) };
        let family = object.family;
        let unbound = || SocketAddr::new(unspecified(family), 0);
        let local = |addr| address::socket_addr(addr, node, family, object.loopback.get());
        match (&*object.state.borrow(), of_peer) {
            (State::Stream(c), true) if c.readiness().connected => Ok(local(c.peer_addr())),
            (State::Datagram { peer: Some(peer), .. }, true) => {
                Ok(address::socket_addr(*peer, node, family, true))
            }
            (_, true) => Err(Reply::Errno(libc::ENOTCONN)),
            (State::Stream(connection), false) => Ok(local(connection.local_addr())),
            (State::Listener(listener), false) if object.loopback.get() => {
                Ok(local(listener.local_addr()))
            }
            (State::Listener(listener), false) => {
                Ok(SocketAddr::new(unspecified(family), listener.local_addr().port))
            }
            (State::Datagram { endpoint, peer }, false) => {
                let addr = endpoint.local_addr();
                match object.loopback.get() || peer.is_some() {
                    true => Ok(local(addr)),
                    false => Ok(SocketAddr::new(unspecified(family), addr.port)),
                }
            }
            (State::Fresh, false) => Ok(unbound()),
            (State::Event { .. } | State::Epoll(_), false) => Err(Reply::Errno(libc::ENOTSOCK)),
        }
    }

    /// `shutdown`.
    pub(super) fn shutdown(&self, fd: c_int, how: c_int) -> Reply {
        let Some(object) = self.object(fd) else { return Reply::Pass };
        let how = match how {
            libc::SHUT_RD => How::Read,
            libc::SHUT_WR => How::Write,
            libc::SHUT_RDWR => How::Both,
            _ => return Reply::Errno(libc::EINVAL),
        };
        match &*object.state.borrow() {
            State::Stream(connection) => connection.shutdown(how).into(),
            _ => Reply::Errno(libc::ENOTCONN),
        }
    }

    /// `close`. The real descriptor behind the number is the caller's to close.
    pub(super) fn close(&self, fd: c_int) -> bool {
        let closed = self.table.borrow_mut().unname(fd);
        match closed {
            None => false,
            Some(Closed::Shared) => true,
            Some(Closed::Last(object)) => {
                let watchers = object.watchers.take();
                for (instance, place) in watchers {
                    let instance = self.table.borrow().by_id(instance).cloned();
                    let Some(instance) = instance else { continue };
                    if let State::Epoll(epoll) = &mut *instance.state.borrow_mut() {
                        epoll.remove(place);
                    }
                }
                release(&object);
                true
            }
        }
    }

    /// Ends the connections of a program that is no more, in the order in which they were made. Else
    /// they would end as tokio drops its tasks: in an order that other worlds of the process have
    /// a say in.
    pub(super) fn hang_up(&self, node: NodeId) {
        let open = self.table.borrow().of_node(node);
        for object in open.into_iter().filter_map(|fd| self.object(fd)) {
            let is_socket =
                !matches!(*object.state.borrow(), State::Event { .. } | State::Epoll(_));
            if is_socket {
                release(&object);
            }
        }
    }

    /// `dup` and its like.
    pub(super) fn duplicate(&self, fd: c_int) -> Reply {
        match self.object(fd) {
            Some(object) => self.describe(&object),
            None => Reply::Pass,
        }
    }

    /// Whether a descriptor blocks, and that it should or should not.
    pub(super) fn nonblocking(&self, fd: c_int, set: Option<bool>) -> Option<bool> {
        let object = self.object(fd)?;
        if let Some(set) = set {
            object.nonblocking.set(set);
        }
        Some(object.nonblocking.get())
    }
}

fn unspecified(family: c_int) -> std::net::IpAddr {
    match family {
        libc::AF_INET6 => std::net::Ipv6Addr::UNSPECIFIED.into(),
        _ => std::net::Ipv4Addr::UNSPECIFIED.into(),
    }
}

/// What was behind an object ends.
fn release(object: &Object) {
    match object.state.replace(State::Fresh) {
        State::Stream(connection) if object.resets.get() => connection.reset(),
        state => drop(state),
    }
}

/// What was there before is dropped outside of the borrow: a connection that is dropped tells its
/// watchers.
fn set_state(object: &Object, state: State) {
    drop(object.state.replace(state));
    object.watch();
}
