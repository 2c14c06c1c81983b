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
//! at once), keep-alive probes.
//!
//! Nothing here names a file descriptor or a future: [`Connection`] and [`Listener`] have calls that
//! never wait, readiness as numbers that only grow, and wakers.

mod arrive;
mod connection;
mod end;
mod incoming;
mod life;
mod listener;
mod outgoing;
mod segment;

pub use connection::{Connection, How, Readiness};
pub use listener::Listener;

pub(super) use arrive::deliver;
pub(super) use life::{forget_node, give_up, is_wanted, note_loss, patience, reset};
pub(crate) use segment::Segment;

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
/// How often a SYN is sent again (Linux: `tcp_syn_retries` 6).
const SYN_RETRIES: u8 = 6;
/// When `connect` gives up: 1 + 2 + ... + 64 s, as those retries add up.
const CONNECT_LIMIT: Duration = Duration::from_secs(127);
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
        let number = self.opened;
        let name = label.map_or_else(
            || {
                let n = self.labels.entry((node, to.node)).or_default();
                *n += 1;
                format!("conn #{n}")
            },
            str::to_owned,
        );
        let label = kernel.symbol(&name);
        let id = self.insert(|id| End::new(id, State::Connecting, number, local, to, label));
        let entry = Entry::new(Kind::Connection, node).peer(to.node).symbol(words.connect);
        let sent = kernel.record(entry.value(number));
        let port = to.port;
        kernel.attach_text(sent, || format!("port {port}, {name}"));
        let syn = self.syn(id, sent);
        self.jobs.extend(syn.map(Job::Control));
        self.set_deadline(kernel, id, CONNECT_LIMIT);
        Ok(id)
    }

    /// The SYN of an end that connects.
    fn syn(&mut self, id: EndId, sent: EventId) -> Option<Packet> {
        let end = self.get(id)?;
        let content = Content::Syn { from: end.local, to: end.peer, number: end.number };
        Some(end.packet(content, sent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::{Chaos, Fault, FaultPlan};
    use crate::journal::Recording;
    use crate::prelude::*;
    use futures::io::{AsyncReadExt, AsyncWriteExt};

    /// What is in the tables: ends, listeners, ports, jobs, packets.
    fn left() -> [usize; 5] {
        super::super::with(|net| {
            let streams = net.streams.borrow();
            let (ends, doors) = (streams.ends.len(), streams.doors.len());
            let in_flight = net.in_flight.borrow().len();
            [ends, doors, streams.ports.len(), streams.jobs.len(), in_flight]
        })
    }

    async fn serve(ctx: Ctx) {
        let listener = ctx.listen(7).expect("nobody else listens");
        listener.set_backlog(4096);
        while let Ok((mut connection, _)) = listener.accept().await {
            ctx.spawn(async move {
                let mut byte = [0; 1];
                // A limit, as every server has one: some clients vanish without a word.
                let limit = Duration::from_secs(60);
                while let Ok(Ok(1)) = ctx.timeout(limit, connection.read(&mut byte)).await {
                    drop(connection.write(&byte).await);
                }
            });
        }
    }

    async fn ask(ctx: Ctx, n: usize) -> io::Result<()> {
        let mut connection = ctx.connect("server", 7).await?;
        connection.write_all(b"x").await?;
        connection.read_exact(&mut [0; 1]).await?;
        match n % 7 {
            0 => connection.reset(),
            1 => connection.close().await?,
            2 => _ = connection.try_write(b"not waited for")?,
            _ => {}
        }
        Ok(())
    }

    /// Makes `rounds` times 1,000 connections at a time; what is left when all is quiet.
    #[track_caller]
    fn check(rounds: usize, faults: Vec<Fault>, expected: [usize; 5]) {
        let some_fail = !faults.is_empty();
        let world = move |sim: &mut Sim| {
            sim.chaos(Chaos::none()).time_limit(Duration::from_secs(5000));
            sim.process("server", serve);
            sim.client("client", move |ctx| async move {
                let mut failed = 0;
                for _ in 0..rounds {
                    let all = (0..1000).map(|n| ask(ctx, n));
                    let all = futures::future::join_all(all).await;
                    failed += all.iter().filter(|asked| asked.is_err()).count();
                }
                ctx.publish("failed", failed);
                ctx.sleep(Duration::from_secs(1200)).await;
                ctx.publish("left", left());
                io::Result::Ok(())
            });
            sim.eventually("nothing is left", move |view: &View<'_>| {
                let left = view.probe::<[usize; 5]>("client", "left");
                let failed = view.probe::<usize>("client", "failed");
                match (left, failed) {
                    (Some(left), Some(failed))
                        if *left == expected && (*failed > 0) == some_fail =>
                    {
                        Ok(())
                    }
                    other => Err(format!("{other:?}")),
                }
            });
        };
        let config = RunConfig::seed(1).plan(FaultPlan::new(faults));
        let config = RunConfig { recording: Recording::Digest, ..config };
        let run = run(&world, &config);
        assert!(run.verdict().holds(), "{:?}", run.verdict());
    }

    #[test]
    fn a_hundred_thousand_connections_leave_nothing_behind() {
        check(100, vec![], [0, 1, 0, 0, 0]);
    }

    /// However they end.
    #[test]
    fn connections_that_fail_leave_nothing_behind() {
        let (node, at) = ("server".to_owned(), Duration::from_micros(1400));
        let lasts = Some(Duration::from_secs(30));
        let crash = Fault::Crash { node: node.clone(), at, lasts };
        check(2, vec![crash], [0, 1, 0, 0, 0]);
        let power_loss = Fault::PowerLoss { node, at: Some(at), disk_op: None, lasts };
        check(2, vec![power_loss], [0, 1, 0, 0, 0]);
        let (a, b) = (vec!["client".to_owned()], vec!["server".to_owned()]);
        for one_way in [false, true] {
            let (a, b) = (a.clone(), b.clone());
            let lasts = Some(Duration::from_secs(1100));
            check(2, vec![Fault::Partition { a, b, one_way, at, lasts }], [0, 1, 0, 0, 0]);
        }
    }
}
