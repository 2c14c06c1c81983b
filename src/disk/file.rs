//! An open file of a simulated disk.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::Disk;
#[cfg(feature = "redb")]
use super::databases::Holder;
use super::faults::{DiskError, DiskFault};
use super::image::{FileId, Image};
use super::operation::DiskOperationKind;
use super::state::{Request, State};

/// The longest file: that of Linux, 2^63 - 1 bytes.
const LEN_MAX: u64 = i64::MAX as u64;

/// How to open a file, as in [`std::fs::OpenOptions`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenOptions {
    read: bool,
    write: bool,
    create: bool,
    create_new: bool,
    truncate: bool,
}

impl OpenOptions {
    /// Nothing is allowed yet.
    #[must_use]
    pub const fn new() -> OpenOptions {
        OpenOptions { read: false, write: false, create: false, create_new: false, truncate: false }
    }

    /// Whether it can be read.
    #[must_use]
    pub const fn read(self, read: bool) -> OpenOptions {
        OpenOptions { read, ..self }
    }

    /// Whether it can be written, cut and grown.
    #[must_use]
    pub const fn write(self, write: bool) -> OpenOptions {
        OpenOptions { write, ..self }
    }

    /// Whether it is made if there is none. Unlike that of `std` this needs no `write`.
    #[must_use]
    pub const fn create(self, create: bool) -> OpenOptions {
        OpenOptions { create, ..self }
    }

    /// Whether it is made, and opening fails if there is one.
    #[must_use]
    pub const fn create_new(self, create_new: bool) -> OpenOptions {
        OpenOptions { create_new, ..self }
    }

    /// Whether it is emptied if there is one.
    #[must_use]
    pub const fn truncate(self, truncate: bool) -> OpenOptions {
        OpenOptions { truncate, ..self }
    }

    pub(super) fn find_or_create(self, image: &mut Image, path: &str) -> io::Result<FileId> {
        match image.find(path) {
            Ok(_) if self.create_new => Err(io::ErrorKind::AlreadyExists.into()),
            Ok(file) => {
                if self.truncate {
                    image.set_len(file, 0);
                }
                Ok(file)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let create = self.create || self.create_new;
                if create { image.create(path) } else { Err(error) }
            }
            Err(error) => Err(error),
        }
    }
}

/// An open file. It stays open through a rename and a removal, and is closed by a crash, a power
/// loss, or when the last clone is dropped.
///
/// Every method is one operation, and besides the errors that it names fails with those of the
/// disk ([`DiskError`]).
#[derive(Clone)]
pub struct DiskFile {
    disk: Disk,
    id: FileId,
    path: Arc<str>,
    options: OpenOptions,
    /// The life of the node in which it was opened.
    life: u64,
    /// Keeps the file alive when it has lost its name.
    _open: Arc<()>,
    /// Holds the lock, if this is open as a database.
    #[cfg(feature = "redb")]
    holder: Holder,
}

impl DiskFile {
    pub(super) fn new(
        disk: Disk,
        (id, open, life): (FileId, Arc<()>, u64),
        path: &str,
        options: OpenOptions,
    ) -> DiskFile {
        DiskFile {
            disk,
            id,
            path: path.into(),
            options,
            life,
            _open: open,
            #[cfg(feature = "redb")]
            holder: Holder::default(),
        }
    }

    /// The path by which it was opened, without a leading slash.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Reads from `offset` into `out` and says how many bytes that were: fewer at the end.
    ///
    /// # Errors
    ///
    /// `PermissionDenied` if it is not open for reading.
    pub fn read_at(&self, out: &mut [u8], offset: u64) -> io::Result<usize> {
        self.operation(DiskOperationKind::Read, offset, out.len(), |state, fault| {
            self.check(self.options.read)?;
            let count = state.image.read(self.id, offset, out);
            if *fault == Some(DiskFault::Corruption) {
                state.corrupt(&mut out[..count], fault);
            }
            Ok(count)
        })
    }

    /// Fills `out` from `offset`.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` if the file ends before; those of [`DiskFile::read_at`].
    pub fn read_exact_at(&self, out: &mut [u8], offset: u64) -> io::Result<()> {
        let complete = self.read_at(out, offset)? == out.len();
        if complete { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    /// Writes `data` at `offset`, all of it or nothing. The gap behind a shorter file is zeros.
    ///
    /// # Errors
    ///
    /// `PermissionDenied` if it is not open for writing, `FileTooLarge`, `StorageFull`.
    pub fn write_all_at(&self, data: &[u8], offset: u64) -> io::Result<()> {
        self.operation(DiskOperationKind::Write, offset, data.len(), |state, fault| {
            self.check(self.options.write)?;
            let end = offset.checked_add(data.len() as u64).filter(|end| *end <= LEN_MAX);
            let end = end.ok_or(io::ErrorKind::FileTooLarge)?;
            state.reserve(self.id, offset..end, fault)?;
            state.image.write(self.id, offset, data);
            Ok(())
        })
    }

    /// [`DiskFile::write_all_at`] with the signature of `std`'s `FileExt`: it writes all.
    ///
    /// # Errors
    ///
    /// Those of [`DiskFile::write_all_at`].
    pub fn write_at(&self, data: &[u8], offset: u64) -> io::Result<usize> {
        self.write_all_at(data, offset).map(|()| data.len())
    }

    /// Cuts, or grows by zeros, to `len` bytes.
    ///
    /// # Errors
    ///
    /// `PermissionDenied` if it is not open for writing, `FileTooLarge`.
    pub fn set_len(&self, len: u64) -> io::Result<()> {
        self.operation(DiskOperationKind::SetLen, len, 0, |state, _| {
            self.check(self.options.write)?;
            if len > LEN_MAX {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            state.image.set_len(self.id, len);
            Ok(())
        })
    }

    /// The length in bytes.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn len(&self) -> io::Result<u64> {
        self.operation(DiskOperationKind::Stat, 0, 0, |state, _| Ok(state.image.len(self.id)))
    }

    /// True if it has no bytes.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn is_empty(&self) -> io::Result<bool> {
        self.len().map(|len| len == 0)
    }

    /// Makes content and length durable; the name is a matter of [`Disk::sync_dir`].
    ///
    /// # Errors
    ///
    /// Those of the disk. After an error what was written since the last sync may never become
    /// durable, whatever a later sync says.
    pub fn sync(&self) -> io::Result<()> {
        self.operation(DiskOperationKind::Sync, 0, 0, |state, fault| {
            match fault {
                Some(DiskFault::LostSync) => (),
                Some(DiskFault::IoError) => {
                    state.fail_sync(self.id);
                    return Err(DiskError::Io.into());
                }
                _ => state.image.sync(self.id),
            }
            Ok(())
        })
    }

    /// How long an operation on `len` bytes takes now; a sync is as long as what it has to write.
    pub(super) fn latency(&self, kind: DiskOperationKind, len: usize) -> Duration {
        let state = self.disk.lock();
        let open = self.life == state.life;
        match kind {
            DiskOperationKind::Sync if open => {
                state.latency(kind, state.image.pending_bytes(self.id))
            }
            _ => state.latency(kind, len as u64),
        }
    }

    fn operation<T>(
        &self,
        kind: DiskOperationKind,
        offset: u64,
        len: usize,
        act: impl FnOnce(&mut State, &mut Option<DiskFault>) -> io::Result<T>,
    ) -> io::Result<T> {
        let file = Some((self.id, self.life));
        let request = Request { offset, len: len as u64, file, ..Request::new(kind, &self.path) };
        self.disk.operation(request, act)
    }

    /// Locks the file as a database, alone or with other readers; false if it is locked. That is no
    /// operation: it takes no time, and no fault strikes it.
    #[cfg(feature = "redb")]
    pub(super) fn try_lock(&self, exclusive: bool) -> io::Result<bool> {
        let mut state = self.disk.lock();
        let file = Some((self.id, self.life));
        state.admit(Request { file, ..Request::new(DiskOperationKind::Open, &self.path) })?;
        Ok(state.databases.try_lock(self.id, &self.holder, exclusive))
    }

    /// Gives the lock back. That of an earlier life is gone already.
    #[cfg(feature = "redb")]
    pub(super) fn unlock(&self) {
        let mut state = self.disk.lock();
        if self.life == state.life {
            state.databases.unlock(self.id, &self.holder);
        }
    }

    fn check(&self, allowed: bool) -> io::Result<()> {
        if allowed { Ok(()) } else { Err(DiskError::NotOpenForThat.into()) }
    }
}

impl fmt::Debug for DiskFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskFile").field("path", &self.path).finish_non_exhaustive()
    }
}
