//! A broker's log on its disk: what was appended is synced before anybody is told.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use futures::channel::oneshot;

use super::record::{Record, decode, encode};
use super::signal::Signal;
use super::state::State;
use crate::disk::{NodeFile, OpenOptions};
use crate::service::Ctx;

/// The log's file.
const PATH: &str = "events.log";
/// How long a broker waits before it asks a disk again that has failed.
const PAUSE: Duration = Duration::from_millis(20);

/// Where an event of an append is; none for other records.
pub(super) type Appended = Vec<Option<(u32, u64)>>;

/// Records that wait for the next write, and who waits for them.
struct Waiting {
    records: Vec<Record>,
    done: oneshot::Sender<Option<Appended>>,
}

/// The log of a running broker, and the state that follows from it.
pub(super) struct Log {
    pub(super) state: RefCell<State>,
    waiting: RefCell<Vec<Waiting>>,
    more: Signal,
}

/// Where the next frame goes, and what it continues.
#[derive(Clone, Copy, Default)]
struct End {
    position: u64,
    checksum: u64,
}

impl Log {
    /// Reads the log, and takes more records from then on.
    pub(super) async fn open(ctx: Ctx) -> Rc<Log> {
        let (file, state, end) = loop {
            match recover(ctx).await {
                Ok(found) => break found,
                Err(error) => {
                    ctx.record(format_args!("cannot read its log: {error}"));
                    ctx.sleep(PAUSE).await;
                }
            }
        };
        let log = Rc::new(Log {
            state: RefCell::new(state),
            waiting: RefCell::default(),
            more: Signal::default(),
        });
        ctx.spawn(log.clone().write(file, end));
        log
    }

    /// Appends records, all or none, and waits until they are durable. `None` if the disk failed:
    /// they may be there after the next start, or not.
    pub(super) async fn append(&self, records: Vec<Record>) -> Option<Appended> {
        let (done, result) = oneshot::channel();
        self.waiting.borrow_mut().push(Waiting { records, done });
        self.more.notify();
        result.await.ok().flatten()
    }

    /// As [`Log::append`], until it succeeds.
    pub(super) async fn insist(&self, ctx: Ctx, records: Vec<Record>) {
        while self.append(records.clone()).await.is_none() {
            ctx.sleep(PAUSE).await;
        }
    }

    /// Writes what waits, all of it with one sync, again and again.
    async fn write(self: Rc<Log>, file: NodeFile, mut end: End) {
        loop {
            let seen = self.more.seen();
            let batch = self.waiting.take();
            if batch.is_empty() {
                self.more.after(seen).await;
                continue;
            }
            let mut bytes = Vec::new();
            let mut checksum = end.checksum;
            for waiting in &batch {
                checksum = encode(&waiting.records, checksum, &mut bytes);
            }
            let durable = async {
                file.write_all_at(&bytes, end.position).await?;
                file.sync().await
            };
            // After an error the next batch is written over this one.
            if durable.await.is_err() {
                batch.into_iter().for_each(|waiting| drop(waiting.done.send(None)));
                continue;
            }
            end = End { position: end.position + bytes.len() as u64, checksum };
            for Waiting { records, done } in batch {
                let mut state = self.state.borrow_mut();
                let places = records.into_iter().map(|record| state.apply(record)).collect();
                drop(state);
                drop(done.send(Some(places)));
            }
        }
    }
}

/// The file, what its records say, and where they end.
async fn recover(ctx: Ctx) -> io::Result<(NodeFile, State, End)> {
    let disk = ctx.disk();
    let options = OpenOptions::new().read(true).write(true).create(true);
    let file = disk.open(PATH, options).await?;
    // The name has to outlive a power loss, too.
    disk.sync_dir("").await?;
    let mut state = State::default();
    let mut end = End::default();
    let bytes = disk.read(PATH).await?;
    let mut rest = &bytes[..];
    while let Some((records, length, checksum)) = decode(rest, end.checksum) {
        for record in records {
            state.apply(record);
        }
        end = End { position: end.position + length as u64, checksum };
        rest = &rest[length..];
    }
    if !rest.is_empty() {
        ctx.record(format_args!("its log is not whole: {} bytes are left out", rest.len()));
    }
    // What was read may be in the cache alone, if a process died before its sync, and after a sync that
    // failed another one does not write it: consumers must not see what a power loss could take back.
    let whole = bytes.len() - rest.len();
    if whole > 0 {
        file.write_all_at(&bytes[..whole], 0).await?;
        file.sync().await?;
    }
    Ok((file, state, end))
}
