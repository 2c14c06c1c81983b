//! What a program's descriptors stand for: sockets, event counters, `epoll` instances.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::Duration;

use libc::c_int;
use rustc_hash::FxHashMap;
use slab::Slab;

use super::epoll::Epoll;
use crate::journal::NodeId;
use crate::net::{Addr, Connection, Endpoint, Listener};

/// An open file description of a program; several descriptors may share it.
pub(super) struct Object {
    pub id: ObjectId,
    pub node: NodeId,
    /// `AF_INET` or `AF_INET6`; of no meaning for what is not a socket.
    pub family: c_int,
    /// `SOCK_STREAM` or `SOCK_DGRAM`.
    pub kind: c_int,
    pub nonblocking: Cell<bool>,
    pub state: RefCell<State>,
    /// True once it was bound or connected to a loopback address: it shows one then.
    pub loopback: Cell<bool>,
    pub receive_limit: Cell<Option<Duration>>,
    pub send_limit: Cell<Option<Duration>>,
    /// `SO_LINGER` with a time of zero: closing resets.
    pub resets: Cell<bool>,
    /// The options that were set and are only remembered.
    pub options: RefCell<BTreeMap<(c_int, c_int), c_int>>,
    /// The `epoll` instances in which it is registered, and the registration's place in each.
    pub watchers: RefCell<Vec<(ObjectId, usize)>>,
    descriptors: Cell<usize>,
}

/// What is behind an object.
pub(super) enum State {
    /// A socket that is neither bound nor connected.
    Fresh,
    /// Bound, and, once it was asked to, listening.
    Listener(Listener),
    Stream(Connection),
    Datagram {
        endpoint: Endpoint,
        /// Set by `connect`: nobody else is heard.
        peer: Option<Addr>,
    },
    /// The counter of an eventfd, and whether it counts like a semaphore.
    Event {
        count: u64,
        semaphore: bool,
    },
    Epoll(Epoll),
}

/// An object's place in the table, and which of those that lived there it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ObjectId {
    place: usize,
    serial: u64,
}

impl Object {
    /// What `poll` would say of it: `POLLIN`, `POLLOUT` and their like.
    pub(super) fn events(&self) -> i16 {
        match &*self.state.borrow() {
            State::Fresh => libc::POLLOUT | libc::POLLHUP,
            State::Listener(listener) => flag(listener.readiness().0 > 0, libc::POLLIN),
            State::Stream(connection) => {
                let ready = connection.readiness();
                flag(ready.readable, libc::POLLIN)
                    | flag(ready.writable, libc::POLLOUT)
                    | flag(ready.read_closed, libc::POLLRDHUP)
                    | flag(ready.read_closed && ready.write_closed, libc::POLLHUP)
                    | flag(ready.error, libc::POLLERR)
            }
            State::Datagram { endpoint, .. } => {
                flag(endpoint.is_readable(), libc::POLLIN) | libc::POLLOUT
            }
            State::Event { count, .. } => {
                flag(*count > 0, libc::POLLIN) | flag(*count < u64::MAX - 1, libc::POLLOUT)
            }
            State::Epoll(epoll) => flag(epoll.has_news(), libc::POLLIN),
        }
    }

    /// Wakes the program when something changes.
    pub(super) fn watch(&self) {
        let waker = Some(Waker::from(Arc::new(Notify(self.id))));
        match &*self.state.borrow() {
            State::Listener(listener) => listener.watch(waker),
            State::Stream(connection) => connection.watch(waker),
            State::Datagram { endpoint, .. } => endpoint.watch(waker),
            State::Fresh | State::Event { .. } | State::Epoll(_) => {}
        }
    }
}

fn flag(set: bool, flag: i16) -> i16 {
    if set { flag } else { 0 }
}

/// Wakes the program whose object something happened to.
struct Notify(ObjectId);

impl Wake for Notify {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        super::try_with(|os| os.notify(self.0));
    }
}

/// All objects of a world, by descriptor.
#[derive(Default)]
pub(super) struct Table {
    objects: Slab<Rc<Object>>,
    by_fd: FxHashMap<c_int, ObjectId>,
    serials: u64,
}

impl Table {
    pub(super) fn by_id(&self, id: ObjectId) -> Option<&Rc<Object>> {
        self.objects.get(id.place).filter(|object| object.id == id)
    }

    pub(super) fn get(&self, fd: c_int) -> Option<&Rc<Object>> {
        self.by_id(*self.by_fd.get(&fd)?)
    }

    /// Makes an object that has no descriptor yet.
    pub(super) fn insert(
        &mut self,
        node: NodeId,
        family: c_int,
        kind: c_int,
        nonblocking: bool,
        state: State,
    ) -> Rc<Object> {
        self.serials += 1;
        let entry = self.objects.vacant_entry();
        let object = Rc::new(Object {
            id: ObjectId { place: entry.key(), serial: self.serials },
            node,
            family,
            kind,
            nonblocking: Cell::new(nonblocking),
            state: RefCell::new(state),
            loopback: Cell::new(false),
            receive_limit: Cell::new(None),
            send_limit: Cell::new(None),
            resets: Cell::new(false),
            options: RefCell::default(),
            watchers: RefCell::default(),
            descriptors: Cell::new(0),
        });
        entry.insert(object.clone());
        object
    }

    /// Gives an object one more descriptor.
    pub(super) fn name(&mut self, fd: c_int, object: &Object) {
        object.descriptors.set(object.descriptors.get() + 1);
        self.by_fd.insert(fd, object.id);
    }

    /// A descriptor is closed. Its object is out of the table if it was the last one.
    pub(super) fn unname(&mut self, fd: c_int) -> Option<Closed> {
        let id = self.by_fd.remove(&fd)?;
        let object = self.by_id(id)?.clone();
        object.descriptors.set(object.descriptors.get() - 1);
        if object.descriptors.get() > 0 {
            return Some(Closed::Shared);
        }
        self.objects.remove(id.place);
        Some(Closed::Last(object))
    }

    /// The descriptors of a node's program, in the order in which their objects were made.
    pub(super) fn of_node(&self, node: NodeId) -> Vec<c_int> {
        let mut found: Vec<(u64, c_int)> = Vec::new();
        #[expect(clippy::iter_over_hash_type, reason = "they are sorted below")]
        for (fd, id) in &self.by_fd {
            if self.by_id(*id).is_some_and(|object| object.node == node) {
                found.push((id.serial, *fd));
            }
        }
        found.sort_unstable();
        found.into_iter().map(|(_, fd)| fd).collect()
    }
}

/// What closing a descriptor came to.
pub(super) enum Closed {
    /// Others stand for the same object.
    Shared,
    /// Nothing stands for it any more.
    Last(Rc<Object>),
}
