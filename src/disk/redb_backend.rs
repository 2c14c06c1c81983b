//! A real embedded database on the simulated disk: `redb` reads, writes and syncs a [`DiskFile`].

use std::io;
use std::ops::Bound;

use redb::{BackendError, Builder, Database, DatabaseError, StorageBackend};

use super::{Disk, DiskFile, OpenOptions, names::parent};

/// A file is open as one database, or as several that only read, and refuses another: the lock of the whole
/// file, which `redb` asks for when there are none of its parts. It ends with the database, at the latest with
/// the life of the node.
impl StorageBackend for DiskFile {
    fn len(&self) -> io::Result<u64> {
        DiskFile::len(self)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.read_exact_at(out, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        DiskFile::set_len(self, len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.write_all_at(data, offset)
    }

    fn close(&self) -> io::Result<()> {
        self.unlock();
        Ok(())
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        try_lock(self, (start, end), true)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        try_lock(self, (start, end), false)
    }
}

fn try_lock(
    file: &DiskFile,
    range: (Bound<u64>, Bound<u64>),
    exclusive: bool,
) -> Result<bool, BackendError> {
    match range {
        (Bound::Unbounded, Bound::Unbounded) => Ok(file.try_lock(exclusive)?),
        _ => Err(BackendError::Unsupported),
    }
}

impl Disk {
    /// Opens the `redb` database at `path`; makes one if there is none or the file is empty.
    ///
    /// After a power loss this repairs the database, as it does on a real machine. To set the
    /// builder's options, give it [`Disk::redb_file`].
    ///
    /// ```
    /// use stormglass::redb::{self, ReadableDatabase, TableDefinition};
    /// use stormglass::disk::Disk;
    /// use stormglass::seed::Seed;
    ///
    /// const COUNTS: TableDefinition<&str, u64> = TableDefinition::new("counts");
    ///
    /// let disk = Disk::new(Seed(1).stream("disk", 0));
    /// let db = disk.redb("data.redb")?;
    /// let write = db.begin_write()?;
    /// write.open_table(COUNTS)?.insert("orders", 7)?;
    /// write.commit()?;
    ///
    /// disk.power_loss();
    /// drop(db);
    /// disk.start();
    ///
    /// let db = disk.redb("data.redb")?;
    /// let counts = db.begin_read()?.open_table(COUNTS)?;
    /// assert_eq!(counts.get("orders")?.unwrap().value(), 7);
    /// # Ok::<(), redb::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// What `redb` says of the file, `DatabaseAlreadyOpen` among it, and the disk's faults as storage errors.
    pub fn redb(&self, path: &str) -> Result<Database, DatabaseError> {
        Builder::new().create_with_backend(self.redb_file(path)?)
    }

    /// A storage backend for [`redb::Builder::create_with_backend`], which refuses a file that is open as a
    /// database (`DatabaseAlreadyOpen`) until that is dropped, or the process or the power is gone.
    ///
    /// The directory is synced, so that the name of a new file is durable before the first commit
    /// is: `redb` itself leaves that to the file system.
    ///
    /// # Errors
    ///
    /// Those of [`Disk::open`] and [`Disk::sync_dir`].
    pub fn redb_file(&self, path: &str) -> io::Result<DiskFile> {
        let file = self.open(path, OpenOptions::new().read(true).write(true).create(true))?;
        self.sync_dir(parent(file.path()))?;
        Ok(file)
    }
}
