//! Streams: what TCP promises. Bytes arrive whole and in order, or the connection fails and says
//! so; what is lost on the way costs time.
//!
//! A connection has two [`End`]s, each on its machine. The machine's side of it (acknowledging,
//! sending again, refusing, filling the accept queue) goes on while the process is paused. Which
//! life of the machine shows the other end what:
//!
//! | what happens | what the other end sees |
//! |---|---|
//! | nobody listens, the process is down | a refusal, after a round trip |
//! | the process crashes | a reset; connections that it had closed finish their work |
//! | the machine loses power | nothing, until a limit below; once it is back, a reset |
//! | the accept queue is full | nothing: the SYN is sent again, as under Linux |
//! | a partition | nothing; healed in time, nothing is missing |
//!
//! The numbers are Linux's, where it has one; see the constants. A lost segment is sent again by
//! the net (first after 200 ms, doubling); one that is given up after about 15 minutes ends its
//! connection with `TimedOut`. Not modelled: slow start and fast retransmission (a loss always
//! costs a timeout), Nagle's algorithm (as if `TCP_NODELAY` were set), `TIME_WAIT` (ports are free
//! at once). Idle ends ask for each other only where [`KeepAlive`] is set.
//!
//! Nothing here names a file descriptor or a future: [`Connection`] and [`Listener`] have calls that
//! never wait, readiness as numbers that only grow, and wakers.

mod alive;
mod arrive;
mod connection;
mod end;
mod incoming;
mod life;
mod listener;
mod outgoing;
mod segment;
mod wire;
#[cfg(test)]
mod tests;

pub use alive::KeepAlive;
pub use connection::{Connection, How, Readiness};
pub use listener::Listener;

pub(super) use arrive::deliver;
pub(super) use life::{forget_node, give_up, is_wanted, note_loss, patience, reset};
pub(crate) use segment::Segment;
pub(super) use segment::cut;

use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};
use slab::Slab;

use super::{Addr, Net, Packet};
use crate::journal::{Entry, EventId, Kind, NodeId, Symbol};
use crate::kernel::{Kernel, Target};
use end::{End, State};
use listener::Door;
use segment::Content;

/// Bytes that an end buffers in each direction (Linux: the default of `tcp_rmem`; that of
/// `tcp_wmem` is lower, and grows by itself).
const BUFFER: usize = 128 << 10;
/// The least buffers that can be asked for (Linux: `SOCK_MIN_SNDBUF` and `SOCK_MIN_RCVBUF`).
const BUFFER_MIN: (usize, usize) = (4608, 2304);
/// The first wait before a SYN is sent again; it doubles (RFC 6298, Linux `TCP_TIMEOUT_INIT`).
const SYN_FIRST: Duration = Duration::from_secs(1);
/// How often a SYN is sent again (Linux: `tcp_syn_retries` 6); `connect` gives up after 127 s, as
/// the waits add up.
const SYN_RETRIES: u8 = 6;
/// When a listener forgets who asked and went silent (Linux: `tcp_synack_retries` 5).
const ACCEPT_LIMIT: Duration = Duration::from_secs(63);
/// How long an acknowledgement waits for data to travel with (Linux: `TCP_DELACK_MIN`).
const ACK_DELAY: Duration = Duration::from_millis(40);
/// How long a closed end keeps trying without progress (Linux: `tcp_orphan_retries` 8).
const ORPHAN_LIMIT: Duration = Duration::from_millis(102_200);
/// How long a closed end waits for the other one to close (Linux: `tcp_fin_timeout`).
const FIN_LIMIT: Duration = Duration::from_secs(60);
/// Connections that wait to be accepted (std's `TcpListener`: 128).
const BACKLOG: usize = 128;
/// Ports of those who connect (Linux: `ip_local_port_range`).
const PORTS: std::ops::RangeInclusive<u16> = 32_768..=60_999;

/// One end's place in the table, and which of the ends that lived there it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct EndId {
    index: u32,
    serial: u32,
}

impl EndId {
    fn token(self) -> u64 {
        u64::from(self.index) << 32 | u64::from(self.serial)
    }

    fn of_token(token: u64) -> EndId {
        EndId { index: (token >> 32) as u32, serial: token as u32 }
    }
}

/// The numbers of a connection, from 1.
#[derive(Clone, Copy, Debug)]
struct Numbers {
    /// In its world.
    world: u64,
    /// Among those from the one node to the other, as in `conn #3`; 0 if it has a label of its own.
    pair: u64,
}

/// The connections and listeners of a world.
#[derive(Default)]
pub(super) struct Streams {
    ends: Slab<End>,
    serials: u32,
    /// Connections so far: each has a number.
    opened: u64,
    /// Connections so far from one node to another: the next label.
    labels: FxHashMap<(NodeId, NodeId), u64>,
    doors: FxHashMap<Addr, Door>,
    /// Ports taken by those who connect, and the last one of each node.
    ports: FxHashSet<Addr>,
    last_port: FxHashMap<NodeId, u16>,
    /// True while a fault asks where in a segment bodies are.
    wants_bodies: bool,
    /// What is to be done when nothing is borrowed.
    jobs: VecDeque<Job>,
    words: Option<Rc<Words>>,
}

/// What a change of the tables leads to.
enum Job {
    /// Data goes out: message faults may strike it.
    Send(Packet),
    /// A segment without data goes out.
    Control(Packet),
    /// A segment goes out after a wait, as one that was lost does.
    Again(Packet, Duration),
    Wake(Waker),
}

/// The symbols that every connection uses, and the targets of its timers.
struct Words {
    connect: Symbol,
    accept: Symbol,
    shut: Symbol,
    close: Symbol,
    reset: Symbol,
    refused: Symbol,
    deadline: Rc<dyn Target>,
    ack: Rc<dyn Target>,
    probe: Rc<dyn Target>,
}

/// An end's deadline: of its handshake, its user timeout, its life after it was closed.
struct Deadline;

/// An end's acknowledgement has waited long enough.
struct AckDelay;

impl Target for Deadline {
    fn fire(self: Rc<Self>, kernel: &Kernel, token: u64) {
        change(kernel, |streams, kernel| streams.deadline(kernel, EndId::of_token(token)));
    }
}

impl Target for AckDelay {
    fn fire(self: Rc<Self>, kernel: &Kernel, token: u64) {
        change(kernel, |streams, kernel| streams.ack_is_due(kernel, EndId::of_token(token)));
    }
}

/// Changes the tables of the running world, then does what follows from it.
fn change<R>(kernel: &Kernel, f: impl FnOnce(&mut Streams, &Kernel) -> R) -> R {
    crate::kernel::current::part(&super::NET, |net| net.change_streams(kernel, f))
}

impl Net {
    fn change_streams<R>(
        self: &Rc<Self>,
        kernel: &Kernel,
        f: impl FnOnce(&mut Streams, &Kernel) -> R,
    ) -> R {
        let result = f(&mut self.streams.borrow_mut(), kernel);
        loop {
            let job = self.streams.borrow_mut().jobs.pop_front();
            match job {
                Some(Job::Send(packet)) => self.send(kernel, packet),
                Some(Job::Control(packet)) => self.route(kernel, packet, 0),
                Some(Job::Again(packet, wait)) => self.put_aside(kernel, packet, wait),
                Some(Job::Wake(waker)) => waker.wake(),
                None => return result,
            }
        }
    }
}

impl Streams {
    /// Whether segments are to say where in them bodies are.
    pub(super) fn want_bodies(&mut self, wanted: bool) {
        self.wants_bodies = wanted;
    }

    fn words(&mut self, kernel: &Kernel) -> Rc<Words> {
        let words = self.words.get_or_insert_with(|| {
            Rc::new(Words {
                connect: kernel.symbol("connect"),
                accept: kernel.symbol("accept"),
                shut: kernel.symbol("shut"),
                close: kernel.symbol("close"),
                reset: kernel.symbol("reset"),
                refused: kernel.symbol("refused"),
                deadline: Rc::new(Deadline),
                ack: Rc::new(AckDelay),
                probe: Rc::new(alive::ProbeDelay),
            })
        });
        words.clone()
    }

    fn get(&mut self, id: EndId) -> Option<&mut End> {
        self.ends.get_mut(id.index as usize).filter(|end| end.id.serial == id.serial)
    }

    fn insert(&mut self, make: impl FnOnce(EndId) -> End) -> EndId {
        self.serials = self.serials.wrapping_add(1);
        let entry = self.ends.vacant_entry();
        let id = EndId { index: entry.key() as u32, serial: self.serials };
        entry.insert(make(id));
        id
    }

    /// A port for a node that connects: the next free one after the last.
    fn free_port(&mut self, node: NodeId) -> io::Result<u16> {
        let last = self.last_port.entry(node).or_insert(*PORTS.end());
        let is_free = |port: u16| {
            let addr = Addr { node, port };
            !self.ports.contains(&addr) && !self.doors.contains_key(&addr)
        };
        let mut after = (*last..=*PORTS.end()).skip(1).chain(PORTS);
        let port = after.find(|port| is_free(*port)).ok_or(io::ErrorKind::AddrNotAvailable)?;
        *last = port;
        Ok(port)
    }

    /// Begins to connect.
    fn open(
        &mut self,
        kernel: &Kernel,
        node: NodeId,
        to: Addr,
        label: Option<&str>,
    ) -> io::Result<EndId> {
        let words = self.words(kernel);
        let local = Addr { node, port: self.free_port(node)? };
        self.ports.insert(local);
        self.opened += 1;
        let world = self.opened;
        let (pair, name) = label.map_or_else(
            || {
                let n = self.labels.entry((node, to.node)).or_default();
                *n += 1;
                (*n, format!("conn #{n}"))
            },
            |label| (0, label.to_owned()),
        );
        let label = kernel.symbol(&name);
        let numbers = Numbers { world, pair };
        let id = self.insert(|id| End::new(id, State::Connecting, numbers, local, to, label));
        if let Some(end) = self.get(id) {
            end.progress = kernel.now();
        }
        let entry = Entry::new(Kind::Connection, node).peer(to.node).symbol(words.connect);
        let sent = kernel.record(entry.value(world));
        let port = to.port;
        kernel.attach_text(sent, || format!("port {port}, {name}"));
        let syn = self.syn(id, sent);
        self.jobs.extend(syn.map(Job::Control));
        self.set_deadline(kernel, id, SYN_FIRST);
        Ok(id)
    }

    /// The SYN of an end that connects.
    fn syn(&mut self, id: EndId, sent: EventId) -> Option<Packet> {
        let end = self.get(id)?;
        let content = Content::Syn { from: end.local, to: end.peer, numbers: end.numbers };
        Some(end.packet(content, sent))
    }
}
