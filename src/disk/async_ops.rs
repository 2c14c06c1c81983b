//! A disk as the programs of a node use it: operations take their time.

use std::fmt;
use std::io;
use std::time::Duration;

use super::operation::DiskOperationKind;
use super::{Disk, DiskFile, OpenOptions};
use crate::kernel::{Timer, WorldId, current};

/// The disk of a node, from `ctx.disk()`. A clone is the same disk.
///
/// Every operation waits for as long as it takes, on true time (a disk does not follow its node's
/// clock), and then happens: a sync whose power is lost while it waits has not happened, and one
/// that was dropped while it waited never does.
///
/// Libraries that know only blocking calls, such as `redb`, take [`NodeDisk::handle`]: its
/// operations happen at once. A blocking call cannot let virtual time pass, because nothing but an
/// `.await` can; its time is accounted in [`DiskStats::busy`](super::DiskStats::busy).
/// [`NodeDisk::blocking`] waits for it afterwards.
///
/// ```
/// use stormglass::disk::OpenOptions;
/// use stormglass::prelude::*;
///
/// fn world(sim: &mut Sim) {
///     sim.chaos(Chaos::none());
///     sim.client("writer", |ctx| async move {
///         let disk = ctx.disk();
///         let log = disk.open("log", OpenOptions::new().write(true).create(true)).await?;
///         log.write_all_at(b"order 7", 0).await?;
///         log.sync().await?;
///         disk.sync_dir("").await?;
///         assert_eq!(disk.read("log").await?, b"order 7");
///         Ok::<(), std::io::Error>(())
///     });
/// }
///
/// let run = run(&world, &RunConfig::seed(1));
/// assert!(run.verdict().holds());
/// assert!(run.duration.as_nanos() > 100_000);
/// ```
#[derive(Clone)]
pub struct NodeDisk {
    pub(super) disk: Disk,
    world: WorldId,
}

impl NodeDisk {
    pub(crate) fn of(disk: Disk) -> NodeDisk {
        NodeDisk { disk, world: WorldId::here() }
    }

    /// The same disk with blocking operations, which take no virtual time.
    #[must_use]
    pub fn handle(&self) -> Disk {
        self.disk.clone()
    }

    /// Calls `work`, then waits for as long as the operations took that it did. What it did has
    /// happened by then, whoever waits.
    ///
    /// ```
    /// # use stormglass::redb::{self, TableDefinition};
    /// # use stormglass::prelude::*;
    /// const COUNTS: TableDefinition<&str, u64> = TableDefinition::new("counts");
    ///
    /// async fn count(ctx: Ctx, db: redb::Database) -> Result<(), redb::Error> {
    ///     let commit = || {
    ///         let write = db.begin_write()?;
    ///         write.open_table(COUNTS)?.insert("orders", 7)?;
    ///         Ok(write.commit()?)
    ///     };
    ///     ctx.disk().blocking(commit).await
    /// }
    /// ```
    pub async fn blocking<T>(&self, work: impl FnOnce() -> T) -> T {
        let before = self.disk.stats().busy;
        let result = work();
        let took = self.disk.stats().busy.saturating_sub(before);
        wait(self.world, took).await;
        result
    }

    /// [`Disk::open`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn open(&self, path: &str, options: OpenOptions) -> io::Result<NodeFile> {
        self.wait_for(DiskOperationKind::Open).await;
        self.disk.open(path, options).map(|file| NodeFile { file, world: self.world })
    }

    /// All bytes of a file: opens, measures and reads it.
    ///
    /// # Errors
    ///
    /// Those of [`Disk::read`].
    pub async fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let file = self.open(path, OpenOptions::new().read(true)).await?;
        let mut bytes = vec![0; usize::try_from(file.len().await?).map_err(io::Error::other)?];
        file.read_exact_at(&mut bytes, 0).await?;
        Ok(bytes)
    }

    /// [`Disk::sync_dir`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.wait_for(DiskOperationKind::Sync).await;
        self.disk.sync_dir(dir)
    }

    /// [`Disk::rename`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.wait_for(DiskOperationKind::Rename).await;
        self.disk.rename(from, to)
    }

    /// [`Disk::remove`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn remove(&self, path: &str) -> io::Result<()> {
        self.wait_for(DiskOperationKind::Remove).await;
        self.disk.remove(path)
    }

    /// [`Disk::list`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.wait_for(DiskOperationKind::List).await;
        self.disk.list(dir)
    }

    /// [`Disk::exists`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn exists(&self, path: &str) -> io::Result<bool> {
        self.wait_for(DiskOperationKind::Stat).await;
        self.disk.exists(path)
    }

    /// Opens the `redb` database at `path`, or makes one; blocking, so that factories can call it.
    ///
    /// `redb` cannot open a file whose power was lost while it was being made. So this makes a new
    /// one aside and renames it; [`Disk::redb`] does not.
    ///
    /// # Errors
    ///
    /// What `redb` says of the file, and the disk's faults as storage errors.
    #[cfg(feature = "redb")]
    pub fn redb(&self, path: &str) -> Result<redb::Database, redb::DatabaseError> {
        if !self.disk.exists(path)? {
            let aside = format!("{path}.new");
            let truncated = OpenOptions::new().write(true).create(true).truncate(true);
            drop(self.disk.open(&aside, truncated)?);
            drop(self.disk.redb(&aside)?);
            self.disk.rename(&aside, path)?;
        }
        self.disk.redb(path)
    }

    async fn wait_for(&self, kind: DiskOperationKind) {
        wait(self.world, self.disk.latency(kind, 0)).await;
    }
}

impl fmt::Debug for NodeDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.disk.fmt(f)
    }
}

/// An open file of a node's disk, from [`NodeDisk::open`]. A clone is the same file.
#[derive(Clone, Debug)]
pub struct NodeFile {
    file: DiskFile,
    world: WorldId,
}

impl NodeFile {
    /// The same file with blocking operations; see [`NodeDisk::handle`].
    #[must_use]
    pub fn handle(&self) -> DiskFile {
        self.file.clone()
    }

    /// The path by which it was opened, without a leading slash.
    #[must_use]
    pub fn path(&self) -> &str {
        self.file.path()
    }

    /// [`DiskFile::read_at`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn read_at(&self, out: &mut [u8], offset: u64) -> io::Result<usize> {
        self.wait_for(DiskOperationKind::Read, out.len()).await;
        self.file.read_at(out, offset)
    }

    /// [`DiskFile::read_exact_at`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn read_exact_at(&self, out: &mut [u8], offset: u64) -> io::Result<()> {
        self.wait_for(DiskOperationKind::Read, out.len()).await;
        self.file.read_exact_at(out, offset)
    }

    /// [`DiskFile::write_all_at`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn write_all_at(&self, data: &[u8], offset: u64) -> io::Result<()> {
        self.wait_for(DiskOperationKind::Write, data.len()).await;
        self.file.write_all_at(data, offset)
    }

    /// [`DiskFile::write_at`]: it writes all.
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn write_at(&self, data: &[u8], offset: u64) -> io::Result<usize> {
        self.write_all_at(data, offset).await.map(|()| data.len())
    }

    /// [`DiskFile::set_len`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn set_len(&self, len: u64) -> io::Result<()> {
        self.wait_for(DiskOperationKind::SetLen, 0).await;
        self.file.set_len(len)
    }

    /// [`DiskFile::len`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn len(&self) -> io::Result<u64> {
        self.wait_for(DiskOperationKind::Stat, 0).await;
        self.file.len()
    }

    /// True if it has no bytes.
    ///
    /// # Errors
    ///
    /// As [`DiskFile::len`].
    pub async fn is_empty(&self) -> io::Result<bool> {
        self.len().await.map(|len| len == 0)
    }

    /// [`DiskFile::sync`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn sync(&self) -> io::Result<()> {
        self.wait_for(DiskOperationKind::Sync, 0).await;
        self.file.sync()
    }

    async fn wait_for(&self, kind: DiskOperationKind, len: usize) {
        wait(self.world, self.file.latency(kind, len)).await;
    }
}

/// Waits on true time, in the disk's own world.
async fn wait(world: WorldId, duration: Duration) {
    world.check_here();
    current::with(|kernel| Timer::at(kernel, kernel.now() + duration)).await;
}
