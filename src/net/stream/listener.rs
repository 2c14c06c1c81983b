//! Listening: a port, and the connections that wait to be accepted at it.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, Waker};

use super::{Addr, BACKLOG, Connection, EndId, Streams};
use crate::journal::{NodeId, Symbol};
use crate::kernel::current;
use crate::kernel::{Kernel, Wait, WorldId};
use crate::node;

/// A port at which connections are accepted.
pub(super) struct Door {
    /// Which of the listeners that this port has had.
    serial: u32,
    backlog: usize,
    /// It is at an address of loopback.
    pub(super) own_node_only: bool,
    /// Complete handshakes that wait to be accepted, and incomplete ones.
    pub(super) queue: VecDeque<EndId>,
    pub(super) arriving: Vec<EndId>,
    pub(super) wakers: Vec<Waker>,
    pub(super) watcher: Option<Waker>,
    pub(super) edge: u64,
    waits_for: Symbol,
}

impl Door {
    /// True if the next SYN is not heard.
    pub(super) fn is_full(&self) -> bool {
        self.queue.len() + self.arriving.len() >= self.backlog
    }

    /// A handshake is complete, or will not be.
    pub(super) fn forget_arriving(&mut self, id: EndId) {
        if let Some(place) = self.arriving.iter().position(|other| *other == id) {
            self.arriving.swap_remove(place);
        }
    }
}

/// A port at which a node accepts connections, from `ctx.listen`.
///
/// The machine completes handshakes by itself, while the process is paused or busy too, until
/// the backlog is full. From then on SYNs are not heard, and whoever connects tries again after 1,
/// 2, 4 s ... as under Linux. Dropped, it resets the connections that were not accepted.
#[derive(Debug)]
pub struct Listener {
    addr: Addr,
    serial: u32,
    world: WorldId,
}

impl Streams {
    fn listen(&mut self, kernel: &Kernel, node: NodeId, port: u16) -> io::Result<Listener> {
        let port = if port == 0 { self.free_port(node)? } else { port };
        let addr = Addr { node, port };
        if self.doors.contains_key(&addr) || self.ports.contains(&addr) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        self.serials = self.serials.wrapping_add(1);
        let serial = self.serials;
        let waits_for = format!("a connection at {}:{port}", kernel.node_name(node));
        let door = Door {
            serial,
            backlog: BACKLOG,
            own_node_only: false,
            queue: VecDeque::new(),
            arriving: Vec::new(),
            wakers: Vec::new(),
            watcher: None,
            edge: 0,
            waits_for: kernel.symbol(&waits_for),
        };
        self.doors.insert(addr, door);
        Ok(Listener { addr, serial, world: WorldId::of(kernel) })
    }

    fn door(&mut self, listener: &Listener) -> io::Result<&mut Door> {
        let door = self.doors.get_mut(&listener.addr).filter(|d| d.serial == listener.serial);
        door.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn accept(&mut self, kernel: &Kernel, listener: &Listener) -> io::Result<(EndId, Addr, u64)> {
        let words = self.words(kernel);
        let id = self.door(listener)?.queue.pop_front().ok_or(io::ErrorKind::WouldBlock)?;
        let end = self.get(id).ok_or(io::ErrorKind::NotConnected)?;
        kernel.record(end.event(words.accept));
        Ok((id, end.peer, end.numbers.world))
    }

    fn close_door(&mut self, kernel: &Kernel, listener: &Listener) {
        if self.door(listener).is_err() {
            return;
        }
        let Some(door) = self.doors.remove(&listener.addr) else { return };
        for id in door.queue.into_iter().chain(door.arriving) {
            self.send_reset(kernel, id);
            self.remove(kernel, id);
        }
    }
}

impl Listener {
    /// Listens at a port of a node; port 0 takes a free one.
    pub(crate) fn bind(node: NodeId, port: u16) -> io::Result<Listener> {
        current::with(|kernel| super::change(kernel, |s, k| s.listen(k, node, port)))
    }

    /// Where others reach it.
    #[must_use]
    pub fn local_addr(&self) -> Addr {
        self.addr
    }

    /// Sets how many connections wait to be accepted, complete handshakes and others; at least 1,
    /// by default 128 as std's `TcpListener` has it. More are not heard.
    pub fn set_backlog(&self, connections: usize) {
        self.change(|streams, _| {
            if let Ok(door) = streams.door(self) {
                door.backlog = connections.max(1);
            }
        });
    }

    /// Refuses who comes from another node, as a listener at a loopback address does.
    #[cfg(all(madsim, target_os = "linux", target_env = "gnu"))]
    pub(crate) fn hear_own_node_only(&self) {
        self.change(|streams, _| {
            if let Ok(door) = streams.door(self) {
                door.own_node_only = true;
            }
        });
    }

    /// Waits for the next connection, and tells from where it comes.
    ///
    /// # Errors
    ///
    /// `NotConnected` if the listener's node has gone down since.
    pub async fn accept(&self) -> io::Result<(Connection, Addr)> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// The next connection, or the promise to wake whoever asks when there is one.
    ///
    /// # Errors
    ///
    /// As [`Listener::accept`].
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Connection, Addr)>> {
        match self.try_accept() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.change(|streams, kernel| {
                    let Ok(door) = streams.door(self) else { return };
                    if !door.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
                        door.wakers.push(cx.waker().clone());
                    }
                    kernel.waits_for(Wait::For(door.waits_for));
                });
                Poll::Pending
            }
            result => Poll::Ready(result),
        }
    }

    /// The next connection, if one is there.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if none is, and as [`Listener::accept`].
    pub fn try_accept(&self) -> io::Result<(Connection, Addr)> {
        let (id, peer, number) = self.change(|streams, kernel| streams.accept(kernel, self))?;
        Ok((Connection::of(id, self.addr, peer, number), peer))
    }

    /// The number of connections that could be accepted now, and a number that grew with each one
    /// that came: an edge-triggered `epoll` tells news from what it has told by it.
    #[must_use]
    pub fn readiness(&self) -> (usize, u64) {
        self.change(|s, _| s.door(self).map_or((0, 0), |door| (door.queue.len(), door.edge)))
    }

    /// Wakes `watcher` whenever a connection comes, until another one, or none, takes its place.
    pub fn watch(&self, watcher: Option<Waker>) {
        let before = self.change(|streams, _| match streams.door(self) {
            Ok(door) => std::mem::replace(&mut door.watcher, watcher),
            Err(_) => watcher,
        });
        drop(before);
    }

    fn change<R>(&self, f: impl FnOnce(&mut Streams, &Kernel) -> R) -> R {
        current::with(|kernel| {
            self.world.check(kernel);
            super::change(kernel, f)
        })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // When the process dies, its machine sees to it.
        if self.world.is_here() && node::life(self.addr.node).is_up() {
            self.change(|streams, kernel| streams.close_door(kernel, self));
        }
    }
}
