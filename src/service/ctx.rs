//! What code inside of a world has in its hand.

use std::any::Any;
use std::fmt::{Debug, Display};
use std::future::{Future, poll_fn};
use std::io;
use std::panic::Location;
use std::task::Poll;
use std::time::Duration;

use super::HttpClient;
use crate::clock::{Clock, Sleep, Timeout};
use crate::disk::NodeDisk;
use crate::journal::{Entry, Kind, NodeId};
use crate::kernel::{Home, JoinHandle, TaskKey, completion, current};
use crate::net::{Addr, Connection, Endpoint, Listener};
use crate::node::{self, NodeRng, Stopping, Work};
use crate::sim;

/// The node that code runs on: its clock, network, disk, processors and randomness.
///
/// It is a number inside: copy it freely, move it into handlers and tasks. In another world than its
/// own it is of no use, nor is anything that comes from it: that panics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ctx {
    home: Home,
}

impl Ctx {
    pub(crate) fn of(node: NodeId) -> Ctx {
        Ctx { home: Home::of(node) }
    }

    /// The context of the code that runs now, for code that was not given one.
    ///
    /// # Panics
    ///
    /// Outside of a node of a running world.
    #[must_use]
    #[track_caller]
    pub fn current() -> Ctx {
        let node = current::with(|kernel| kernel.node());
        assert!(node != NodeId::WORLD, "Ctx::current() is for code that runs on a node");
        Ctx::of(node)
    }

    /// The node's name: `payment`, or `inventory-1` where there are several.
    #[must_use]
    pub fn name(&self) -> String {
        let node = self.home.node();
        current::with(|kernel| kernel.node_name(node))
    }

    /// The node's number in the journal.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.home.number()
    }

    /// The node's clock.
    #[must_use]
    pub fn clock(&self) -> Clock {
        Clock::of(self.home)
    }

    /// Waits for a time on the node's clock.
    #[must_use]
    pub fn sleep(&self, duration: Duration) -> Sleep {
        Sleep::new(self.home.node(), duration)
    }

    /// Gives `future` a limit on the node's clock.
    pub fn timeout<F: Future>(&self, limit: Duration, future: F) -> Timeout<F> {
        Timeout::new(self.sleep(limit), future)
    }

    /// Runs `future` beside the caller, until it ends or the node goes down. On a node that is down
    /// already, as a destructor may find it, the task is cancelled at once.
    #[track_caller]
    pub fn spawn<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> JoinHandle<T> {
        let (node, location) = (self.home.node(), Location::caller());
        let (done, handle) = completion();
        let task = async move { done.complete(future.await) };
        if !node::life(node).is_up() {
            return handle(TaskKey::NONE);
        }
        handle(current::with(|kernel| kernel.spawn(node, location, task)))
    }

    /// The node's own stream of random numbers; a draw here moves nothing elsewhere.
    #[must_use]
    pub fn rng(&self) -> NodeRng {
        NodeRng::of(self.home)
    }

    /// The node's disk. What is on it outlives a crash of the process; what was synced outlives a
    /// power loss.
    #[must_use]
    pub fn disk(&self) -> NodeDisk {
        NodeDisk::of(node::disk(self.home.node()))
    }

    /// The node's HTTP client.
    #[must_use]
    pub fn http(&self) -> HttpClient {
        HttpClient::of(self.home)
    }

    /// Binds a port for datagrams; 0 takes a free one.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if the port is bound.
    pub fn bind(&self, port: u16) -> io::Result<Endpoint> {
        Endpoint::bind(self.home.node(), port)
    }

    /// Listens for connections at a port; 0 takes a free one.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if somebody listens there.
    pub fn listen(&self, port: u16) -> io::Result<Listener> {
        Listener::bind(self.home.node(), port)
    }

    /// Connects to a port of a node or service, by name: ready after a round trip. Fault scripts and
    /// stories call what goes over the n-th connection from here to there `conn #n`.
    ///
    /// # Errors
    ///
    /// `NotFound` if the world has nobody of that name; `ConnectionRefused` if nobody listens or
    /// the process is down; `TimedOut` after 127 s of silence; `AddrNotAvailable` if no port is
    /// free.
    pub async fn connect(&self, name: &str, port: u16) -> io::Result<Connection> {
        Connection::connect(self.home.node(), self.lookup(name, port)?, None).await
    }

    /// Connects under a name that fault scripts and stories use for the connection's data.
    ///
    /// # Errors
    ///
    /// As [`Ctx::connect`].
    pub async fn connect_as(&self, label: &str, name: &str, port: u16) -> io::Result<Connection> {
        Connection::connect(self.home.node(), self.lookup(name, port)?, Some(label)).await
    }

    /// Where `name` is: a service's replicas take turns.
    ///
    /// # Errors
    ///
    /// `NotFound` if the world has nobody of that name.
    pub fn lookup(&self, name: &str, port: u16) -> io::Result<Addr> {
        node::resolve(self.home.node(), name).map(|node| Addr { node, port })
    }

    /// Keeps one of the node's processors busy for `duration`; waits while all are.
    pub fn work(&self, duration: Duration) -> Work {
        node::work(self.home, duration)
    }

    /// Sets how many replicas a service or process has from now on, as `kubectl scale` does; the
    /// journal and its story tell of it.
    ///
    /// Callers by the service's name are sent to the replicas that are to run, at once. More
    /// replicas start anew, through the same factory. Fewer: those with the highest numbers are
    /// asked to stop ([`Ctx::stopping`]), and killed after 1 s. A replica that comes back has the
    /// disk that it had, as the pods of a Kubernetes `StatefulSet` keep their volumes; if it is
    /// still stopping, it starts when it has stopped. A service with 0 replicas refuses connections.
    ///
    /// A fault of a replica that is not there when it begins does not strike; one of its links or
    /// its disk does as soon as it is. A node that is down scales nothing: nobody hears it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use stormglass::prelude::*;
    ///
    /// fn world(sim: &mut Sim) {
    ///     sim.process("worker", |ctx| async move { ctx.record("works") }).replicas_max(3);
    ///     sim.client("operator", |ctx| async move {
    ///         ctx.sleep(Duration::from_millis(10)).await;
    ///         ctx.scale("worker", 3)
    ///     });
    ///     sim.eventually("all work", |view: &View<'_>| view.recorded("works") >= 3);
    /// }
    ///
    /// assert!(run(&world, &RunConfig::seed(1)).verdict().holds());
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::World`](crate::error::Error::World) if the world has no service of that name, for a
    /// client, for a single replica's name, and for more replicas than were declared
    /// ([`MemberBuilder::replicas_max`](crate::sim::MemberBuilder::replicas_max)).
    pub fn scale(&self, service: &str, replicas: u32) -> crate::error::Result {
        let node = self.home.node();
        if !node::life(node).is_up() {
            return Ok(());
        }
        current::with(|kernel| node::scale(kernel, node, service, replicas))
    }

    /// Tells the journal what happens here, in words; stories show it. Nobody hears a node that is
    /// down: of a process that has just died, destructors still run.
    pub fn record(&self, what: impl Display) {
        let node = self.home.node();
        if !node::life(node).is_up() {
            return;
        }
        current::with(|kernel| {
            let what = what.to_string();
            sim::count(&what);
            kernel.record_text(Entry::new(Kind::Note, node), what);
            kernel.touch();
        });
    }

    /// Shows `value` under `name` to the world's properties, which are checked at once. Nobody sees
    /// it if the node is down.
    pub fn publish<T: Any + Debug>(&self, name: &str, value: T) {
        let node = self.home.node();
        if node::life(node).is_up() {
            sim::publish(node, name, value);
        }
    }

    /// Says that this point was reached; a search lists the ones that no seed reached.
    pub fn reachable(&self, point: &str) {
        sim::reach(self.home.node(), point);
    }

    /// Ready when the node is asked to stop: finish what is open, then return.
    #[must_use]
    pub fn stopping(&self) -> Stopping {
        Stopping::of(self.home)
    }

    /// Gives every other ready task a turn.
    pub async fn yield_now(&self) {
        let mut yielded = false;
        poll_fn(|cx| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}
