//! The holder's side of a connection: reads, writes, waits, closes.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::io::{AsyncRead, AsyncWrite};

use super::end::{End, State};
use super::{Addr, BUFFER_MIN, EndId, KeepAlive, Streams};
use crate::journal::NodeId;
use crate::kernel::current;
use crate::kernel::{Kernel, Wait, WorldId};
use crate::node;

/// Which half of a connection [`Connection::shutdown`] ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Reads come to an end after what has arrived.
    Read,
    /// The other end reads the end of the stream after what was written, and may go on writing.
    Write,
    /// Both.
    Both,
}

/// What can be done with a connection now, as `epoll` tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// The handshake is done.
    pub connected: bool,
    /// A read returns at once: bytes, the end of the stream, or an error.
    pub readable: bool,
    /// A write returns at once: there is room, or an error.
    pub writable: bool,
    /// The other end has sent its last byte, or the connection is dead.
    pub read_closed: bool,
    /// This end has said that it writes no more, or the connection is dead.
    pub write_closed: bool,
    /// The connection has failed, and nobody was told.
    pub error: bool,
    /// Grows whenever something changed: data came, room was made, the connection failed. An
    /// edge-triggered `epoll` tells news from what it has told by it.
    pub edge: u64,
}

/// One end of a connection, from `ctx.connect` or [`super::Listener::accept`].
///
/// It implements [`AsyncRead`] and [`AsyncWrite`] of `futures`, whose `split` parts it in two.
/// Errors come as under Linux: what has arrived is read first; then the failure is told once
/// (`ConnectionReset`, `TimedOut`); then reads return the end of the stream, and writes
/// `BrokenPipe`. An end whose node has gone down returns `NotConnected`.
///
/// Dropped, it is closed: what was written is still sent. But if something has arrived that was
/// not read, or comes later, the other end sees a reset.
#[derive(Debug)]
pub struct Connection {
    id: EndId,
    local: Addr,
    peer: Addr,
    number: u64,
    world: WorldId,
}

/// Which half a call waits for.
#[derive(Clone, Copy)]
enum Half {
    Read = 0,
    Write = 1,
}

impl Streams {
    fn existing(&mut self, id: EndId) -> io::Result<&mut End> {
        self.get(id).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn read(&mut self, kernel: &Kernel, id: EndId, buffer: &mut [u8]) -> io::Result<usize> {
        let end = self.existing(id)?;
        let length = end.incoming.read(buffer);
        if length > 0 {
            if end.state == State::Open && end.incoming.must_open() {
                self.ack(kernel, id);
            }
            return Ok(length);
        }
        if buffer.is_empty() {
            return Ok(0);
        }
        end.take_error()?;
        if end.read_shut || end.incoming.is_finished() || end.state == State::Dead {
            return Ok(0);
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn write(&mut self, kernel: &Kernel, id: EndId, bytes: &[u8]) -> io::Result<usize> {
        let end = self.existing(id)?;
        end.take_error()?;
        if end.out.is_shut() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if end.state != State::Open {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let length = end.out.write(bytes);
        if length == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.push(kernel, id);
        Ok(length)
    }

    /// Notes that somebody waits for a half of an end.
    fn wait(&mut self, kernel: &Kernel, id: EndId, half: Half, waker: &Waker) {
        let Some(end) = self.get(id) else { return };
        let peer = end.peer.node;
        let symbol = *end.waits[half as usize].get_or_insert_with(|| {
            let peer = kernel.node_name(peer);
            kernel.symbol(&match half {
                Half::Read => format!("bytes from {peer}"),
                Half::Write => format!("{peer} to take bytes"),
            })
        });
        kernel.waits_for(Wait::For(symbol));
        let slot = match half {
            Half::Read => &mut end.reader,
            Half::Write => &mut end.writer,
        };
        if !slot.as_ref().is_some_and(|old| old.will_wake(waker)) {
            *slot = Some(waker.clone());
        }
    }

    fn readiness(&mut self, id: EndId) -> Readiness {
        let Some(end) = self.get(id) else { return Readiness::default() };
        let dead = end.state == State::Dead;
        let read_closed = dead || end.read_shut || end.incoming.is_finished();
        let write_closed = end.out.is_shut();
        let connected = end.state == State::Open;
        Readiness {
            connected,
            readable: read_closed || end.incoming.unread() > 0,
            writable: dead || (connected && (write_closed || end.out.room() > 0)),
            read_closed,
            write_closed,
            error: end.error.is_some(),
            edge: end.edge,
        }
    }
}

impl Connection {
    pub(super) fn of(id: EndId, local: Addr, peer: Addr, number: u64) -> Connection {
        Connection { id, local, peer, number, world: WorldId::here() }
    }

    /// Begins to connect from a node; see [`Connection::poll_connected`].
    pub(crate) fn open(node: NodeId, to: Addr, label: Option<&str>) -> io::Result<Connection> {
        current::with(|kernel| {
            super::change(kernel, |streams, kernel| {
                let id = streams.open(kernel, node, to, label)?;
                let end = streams.existing(id)?;
                Ok(Connection::of(id, end.local, to, end.numbers.world))
            })
        })
    }

    /// Connects a node.
    pub(crate) async fn connect(
        node: NodeId,
        to: Addr,
        label: Option<&str>,
    ) -> io::Result<Connection> {
        let connection = Connection::open(node, to, label)?;
        poll_fn(|cx| connection.poll_connected(cx)).await?;
        Ok(connection)
    }

    /// Ready when the handshake is done.
    pub(crate) fn poll_connected(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(cx, Half::Write, |streams, _| {
            let end = streams.existing(self.id)?;
            end.take_error()?;
            match end.state {
                State::Connecting | State::Arriving => Err(io::ErrorKind::WouldBlock.into()),
                State::Open => Ok(()),
                State::Dead => Err(io::ErrorKind::NotConnected.into()),
            }
        })
    }

    /// The address of this end.
    #[must_use]
    pub fn local_addr(&self) -> Addr {
        self.local
    }

    /// The address of the other end.
    #[must_use]
    pub fn peer_addr(&self) -> Addr {
        self.peer
    }

    /// The connection's number in its world, from 1; the journal's connection events have it.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Copies bytes that have arrived; 0 means the end of the stream.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there are none; for all others see [`Connection`].
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.change(|streams, kernel| streams.read(kernel, self.id, buffer))
    }

    /// Copies bytes that have arrived and leaves them there (`MSG_PEEK`).
    ///
    /// # Errors
    ///
    /// As [`Connection::try_read`].
    pub fn try_peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.change(|streams, kernel| {
            let length = streams.existing(self.id)?.incoming.peek(buffer);
            if length > 0 { Ok(length) } else { streams.read(kernel, self.id, buffer) }
        })
    }

    /// Bytes that can be read now.
    #[must_use]
    pub fn unread(&self) -> usize {
        self.change(|streams, _| streams.get(self.id).map_or(0, |end| end.incoming.unread()))
    }

    /// Takes as many bytes as there is room for, to be sent.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no room; for all others see [`Connection`].
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.change(|streams, kernel| streams.write(kernel, self.id, bytes))
    }

    /// Ends one half or both. The connection itself ends when both ends have closed it.
    ///
    /// # Errors
    ///
    /// `NotConnected` if the connection has failed.
    pub fn shutdown(&self, how: How) -> io::Result<()> {
        self.change(|streams, kernel| {
            if how != How::Write {
                streams.existing(self.id)?.read_shut = true;
                streams.wake(self.id, true, false);
            }
            if how == How::Read { Ok(()) } else { streams.shut(kernel, self.id) }
        })
    }

    /// Ends the connection at once: the other end sees a reset, and what was on its way is lost
    /// (`SO_LINGER` with a time of zero).
    pub fn reset(self) {
        self.change(|streams, kernel| streams.abort(kernel, self.id));
    }

    /// Closes the connection and waits until the other machine has everything that was written
    /// (`SO_LINGER`; give it a limit with `ctx.timeout`).
    ///
    /// # Errors
    ///
    /// See [`Connection`].
    pub async fn close(self) -> io::Result<()> {
        self.shutdown(How::Write)?;
        poll_fn(|cx| {
            self.poll(cx, Half::Write, |streams, _| {
                let end = streams.existing(self.id)?;
                end.take_error()?;
                if end.out.is_drained() { Ok(()) } else { Err(io::ErrorKind::WouldBlock.into()) }
            })
        })
        .await
    }

    /// Sets the sizes of this end's buffers, in bytes, by default 128 KiB; less than 4,608 and
    /// 2,304 counts as that, as under Linux. A smaller receive buffer does not take back what the other end was promised.
    pub fn set_buffers(&self, send: usize, receive: usize) {
        self.change(|streams, _| {
            if let Some(end) = streams.get(self.id) {
                end.out.set_capacity(send.max(BUFFER_MIN.0));
                end.incoming.set_capacity(receive.max(BUFFER_MIN.1));
            }
        });
    }

    /// Ends the connection with `TimedOut` when what was written makes no progress for so long, or
    /// keep-alive probes are not answered for so long (`TCP_USER_TIMEOUT`). None waits for the net to
    /// give up, after about 15 minutes, and for the count of [`KeepAlive::probes`].
    pub fn set_user_timeout(&self, limit: Option<Duration>) {
        self.change(|streams, kernel| {
            let Some(end) = streams.get(self.id).filter(|end| end.patience != limit) else {
                return;
            };
            end.patience = limit;
            if end.state != State::Connecting {
                end.progress = kernel.now();
            }
            streams.push(kernel, self.id);
        });
    }

    /// Asks the other end, while nothing comes from it, whether it is still there (`SO_KEEPALIVE`);
    /// off by default. Off or on, what a process does with a connection is not seen: the machine
    /// answers for a process that is paused or busy.
    pub fn set_keep_alive(&self, settings: Option<KeepAlive>) {
        self.change(|streams, kernel| streams.keep_alive(kernel, self.id, settings));
    }

    /// What can be done now without waiting.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        self.change(|streams, _| streams.readiness(self.id))
    }

    /// Wakes `watcher` at every edge of the readiness, until another one, or none, takes its place.
    pub fn watch(&self, watcher: Option<Waker>) {
        let before = self.change(|streams, _| match streams.get(self.id) {
            Some(end) => std::mem::replace(&mut end.watcher, watcher),
            None => watcher,
        });
        drop(before);
    }

    /// The failure of the connection, if nobody was told of it yet (`SO_ERROR`).
    #[must_use]
    pub fn take_error(&self) -> Option<io::Error> {
        self.change(|streams, _| streams.get(self.id)?.take_error().err())
    }

    fn change<R>(&self, f: impl FnOnce(&mut Streams, &Kernel) -> R) -> R {
        current::with(|kernel| {
            self.world.check(kernel);
            super::change(kernel, f)
        })
    }

    /// Makes a call that would block wait.
    fn poll<R>(
        &self,
        cx: &mut Context<'_>,
        half: Half,
        f: impl FnOnce(&mut Streams, &Kernel) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.change(|streams, kernel| match f(streams, kernel) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                streams.wait(kernel, self.id, half, cx.waker());
                Poll::Pending
            }
            result => Poll::Ready(result),
        })
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.poll(cx, Half::Read, |streams, kernel| streams.read(kernel, self.id, buffer))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll(cx, Half::Write, |streams, kernel| streams.write(kernel, self.id, bytes))
    }

    /// Ready at once: what was written is on its way.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Ends the writing half.
    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.shutdown(How::Write))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // When the process dies, its machine sees to it.
        if self.world.is_here() && node::life(self.local.node).is_up() {
            self.change(|streams, kernel| streams.close(kernel, self.id));
        }
    }
}
