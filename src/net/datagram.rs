//! Datagrams: what UDP promises, which is nothing. They are lost, doubled, and overtake each other.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::task::{Poll, Waker};

use bytes::{Bytes, BytesMut};
use slab::Slab;
use smallvec::SmallVec;
use xxhash_rust::xxh3::xxh3_64;

use super::{NET, Net, Packet, Payload, transmit};
use crate::chaos::Leg;
use crate::journal::{Entry, EventId, Kind, NodeId, Symbol};
use crate::kernel::current;
use crate::kernel::{Kernel, Wait, WorldId};
use crate::node;

/// Bytes of IPv4 and UDP headers around a datagram.
const HEADERS: usize = 28;
/// Datagrams that wait to be received; more are lost (a socket's receive buffer).
const QUEUE: usize = 4096;

/// The first port that is given to who asks for any.
const EPHEMERAL: u16 = 49152;

/// Where a datagram goes, or came from: a node and a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Addr {
    /// The node.
    pub node: NodeId,
    /// The port on it.
    pub port: u16,
}

/// A datagram on its way.
#[derive(Clone)]
pub(crate) struct Datagram {
    from_port: u16,
    to_port: u16,
    bytes: Bytes,
}

impl Datagram {
    pub(super) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    pub(super) fn flip_a_bit(&mut self, draw: u64) {
        if !self.bytes.is_empty() {
            let mut bytes = BytesMut::from(&self.bytes[..]);
            let index = (draw / 8) as usize % bytes.len();
            bytes[index] ^= 1 << (draw % 8);
            self.bytes = bytes.freeze();
        }
    }
}

/// All bound endpoints of a world.
#[derive(Default)]
pub(super) struct Sockets {
    /// By node, sorted by port.
    bound: Vec<SmallVec<[Bound; 1]>>,
    inboxes: Slab<Inbox>,
}

/// A port that is taken, and the inbox behind it.
#[derive(Clone, Copy)]
struct Bound {
    port: u16,
    inbox: u32,
}

struct Inbox {
    addr: Addr,
    queue: VecDeque<(Bytes, Addr, EventId)>,
    waker: Option<Waker>,
}

impl Sockets {
    /// Closes what a node has bound; the result is dropped outside of the borrow.
    pub(super) fn close_all(&mut self, node: NodeId) -> Vec<impl Sized + use<>> {
        let closed = self.bound.get_mut(node.0 as usize).map(std::mem::take).unwrap_or_default();
        closed.into_iter().map(|bound| self.inboxes.remove(bound.inbox as usize)).collect()
    }

    fn of(&self, node: NodeId) -> &[Bound] {
        self.bound.get(node.0 as usize).map_or(&[], |bound| bound)
    }

    /// The inbox behind an address.
    #[inline]
    fn find(&self, addr: Addr) -> Option<usize> {
        let bound = self.of(addr.node);
        let place = bound.binary_search_by_key(&addr.port, |bound| bound.port).ok()?;
        Some(bound[place].inbox as usize)
    }

    /// The first port from [`EPHEMERAL`] that is free.
    fn free_port(&self, node: NodeId) -> Option<u16> {
        let bound = self.of(node);
        let taken = &bound[bound.partition_point(|bound| bound.port < EPHEMERAL)..];
        let run = (EPHEMERAL..).zip(taken).take_while(|(port, bound)| *port == bound.port).count();
        u16::try_from(usize::from(EPHEMERAL) + run).ok()
    }

    /// Binds a port that is free.
    fn insert(&mut self, addr: Addr) -> usize {
        let inbox = self.inboxes.insert(Inbox { addr, queue: VecDeque::new(), waker: None });
        let index = addr.node.0 as usize;
        if self.bound.len() <= index {
            self.bound.resize_with(index + 1, SmallVec::new);
        }
        let bound = &mut self.bound[index];
        let place = bound.partition_point(|bound| bound.port < addr.port);
        bound.insert(place, Bound { port: addr.port, inbox: inbox as u32 });
        inbox
    }

    /// Closes that inbox, if it is still the one behind its address.
    fn close(&mut self, addr: Addr, inbox: usize) -> Option<Inbox> {
        let bound = self.bound.get_mut(addr.node.0 as usize)?;
        let mine = |bound: &Bound| bound.port == addr.port && bound.inbox as usize == inbox;
        let place = bound.iter().position(mine)?;
        bound.remove(place);
        Some(self.inboxes.remove(inbox))
    }
}

/// A bound port of a node.
#[derive(Debug)]
pub struct Endpoint {
    addr: Addr,
    /// `datagram`, the label of unlabelled datagrams.
    label: Symbol,
    inbox: usize,
    world: WorldId,
}

impl Endpoint {
    /// Binds `port` of `node`; port 0 takes the first free one from [`EPHEMERAL`].
    pub(crate) fn bind(node: NodeId, port: u16) -> io::Result<Endpoint> {
        current::with(|kernel| {
            current::part(&NET, |net| {
                let mut sockets = net.sockets.borrow_mut();
                let port = match port {
                    0 => sockets.free_port(node).ok_or(io::ErrorKind::AddrNotAvailable)?,
                    port if sockets.find(Addr { node, port }).is_none() => port,
                    _ => return Err(io::ErrorKind::AddrInUse.into()),
                };
                let addr = Addr { node, port };
                let inbox = sockets.insert(addr);
                let label = kernel.symbol("datagram");
                Ok(Endpoint { addr, label, inbox, world: WorldId::of(kernel) })
            })
        })
    }

    /// Where others reach it.
    #[must_use]
    pub fn local_addr(&self) -> Addr {
        self.addr
    }

    /// Sends a datagram to a port of a node or service, by name. It may not arrive, and nobody
    /// will say so.
    ///
    /// # Errors
    ///
    /// `NotFound` if the world has nobody of that name.
    pub fn send(&self, to: &str, port: u16, bytes: impl Into<Bytes>) -> io::Result<()> {
        self.world.check_here();
        let node = node::resolve(self.addr.node, to)?;
        self.send_to(Addr { node, port }, bytes);
        Ok(())
    }

    /// Sends a datagram.
    pub fn send_to(&self, to: Addr, bytes: impl Into<Bytes>) {
        self.send_labelled(to, self.label, bytes.into());
    }

    /// Sends a datagram under a name that fault scripts and stories use for it, such as `vote`.
    pub fn send_as(&self, label: &str, to: Addr, bytes: impl Into<Bytes>) {
        let label = current::with(|kernel| kernel.symbol(label));
        self.send_labelled(to, label, bytes.into());
    }

    fn send_labelled(&self, to: Addr, label: Symbol, bytes: Bytes) {
        let from = self.addr.node;
        current::with(|kernel| {
            self.world.check(kernel);
            let entry = Entry::new(Kind::Send, from).peer(to.node).symbol(label);
            let entry = entry.value(xxh3_64(&bytes));
            let size = (bytes.len() + HEADERS) as u32;
            let datagram = Datagram { from_port: self.addr.port, to_port: to.port, bytes };
            transmit(
                kernel,
                Packet {
                    from,
                    to: to.node,
                    label,
                    leg: Leg::Message,
                    size,
                    reliable: false,
                    attempts: 0,
                    sent: EventId::NONE,
                    hit: EventId::NONE,
                    payload: Payload::Datagram(datagram),
                },
                entry,
            );
        });
    }

    /// Waits for the next datagram and tells who sent it.
    ///
    /// # Errors
    ///
    /// `NotConnected` if the endpoint's node has gone down since.
    pub async fn receive(&self) -> io::Result<(Bytes, Addr)> {
        poll_fn(|cx| {
            current::with(|kernel| {
                self.world.check(kernel);
                current::part(&NET, |net| {
                    let mut sockets = net.sockets.borrow_mut();
                    let Some(inbox) = self.inbox(&mut sockets) else {
                        return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
                    };
                    if let Some((bytes, from, delivered)) = inbox.queue.pop_front() {
                        kernel.rests_on(delivered);
                        return Poll::Ready(Ok((bytes, from)));
                    }
                    if !inbox.waker.as_ref().is_some_and(|w| w.will_wake(cx.waker())) {
                        inbox.waker = Some(cx.waker().clone());
                    }
                    kernel.waits_for(Wait::Datagram(self.addr.port));
                    Poll::Pending
                })
            })
        })
        .await
    }

    /// The next datagram, if one is there.
    pub fn try_receive(&self) -> Option<(Bytes, Addr)> {
        self.world.check_here();
        super::with(|net| {
            let mut sockets = net.sockets.borrow_mut();
            let (bytes, from, delivered) = self.inbox(&mut sockets)?.queue.pop_front()?;
            current::with(|kernel| kernel.rests_on(delivered));
            Some((bytes, from))
        })
    }

    /// The next datagram, left where it is.
    #[must_use]
    pub fn peek(&self) -> Option<(Bytes, Addr)> {
        super::with(|net| {
            let mut sockets = net.sockets.borrow_mut();
            let (bytes, from, _) = self.inbox(&mut sockets)?.queue.front()?;
            Some((bytes.clone(), *from))
        })
    }

    /// True if a datagram is there.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        super::with(|net| {
            let mut sockets = net.sockets.borrow_mut();
            self.inbox(&mut sockets).is_some_and(|inbox| !inbox.queue.is_empty())
        })
    }

    /// Wakes `watcher` whenever a datagram comes, until another one, or none, takes its place.
    pub fn watch(&self, watcher: Option<Waker>) {
        let before = super::with(|net| {
            let mut sockets = net.sockets.borrow_mut();
            self.inbox(&mut sockets).map(|inbox| std::mem::replace(&mut inbox.waker, watcher))
        });
        drop(before);
    }

    #[inline]
    fn inbox<'a>(&self, sockets: &'a mut Sockets) -> Option<&'a mut Inbox> {
        sockets.inboxes.get_mut(self.inbox).filter(|inbox| inbox.addr == self.addr)
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        if self.world.is_here() {
            let closed = super::with(|net| net.sockets.borrow_mut().close(self.addr, self.inbox));
            drop(closed);
        }
    }
}

/// Hands an arrived datagram to its endpoint.
#[inline]
pub(super) fn deliver(net: &Net, kernel: &Kernel, packet: Packet) {
    let Payload::Datagram(datagram) = &packet.payload else { return };
    let to = Addr { node: packet.to, port: datagram.to_port };
    let mut sockets = net.sockets.borrow_mut();
    let sockets = &mut *sockets;
    let inbox = sockets.find(to).and_then(|key| sockets.inboxes.get_mut(key));
    let Some(inbox) = inbox else {
        return net.lose(kernel, packet, net.reasons.nobody, None);
    };
    if inbox.queue.len() == QUEUE {
        return net.lose(kernel, packet, net.reasons.queue, None);
    }
    let delivered = Net::record_delivery(kernel, &packet);
    let from = Addr { node: packet.from, port: datagram.from_port };
    let Payload::Datagram(datagram) = packet.payload else { return };
    inbox.queue.push_back((datagram.bytes, from, delivered));
    if let Some(waker) = &inbox.waker {
        waker.wake_by_ref();
    }
}
