//! Simulated disks: what programs wrote, what of it is durable, and the faults in between.
//!
//! - [`NodeDisk`] - the disk as a node's programs use it, from `ctx.disk()`: operations take time.
//! - [`Disk`] - the disk itself: operations, faults, power. Start here.
//! - [`DiskFile`] - an open file. With the feature `redb` it is a storage backend of that database.
//! - [`DiskFaults`] - which faults are active; [`Disk::fault_count`] says how often they struck.
//! - `Store` - a `redb` database that is opened again after an error (feature `redb`).
//! - [`DiskObserver`] - who is told of each operation.
//! - [`Image`] - the state alone, without faults; a snapshot of a disk.
//!
//! # What a power loss leaves
//!
//! A program sees all that it did at once: it is in the page cache, which outlives the process
//! ([`Disk::crash`]) but not the power ([`Disk::power_loss`]). What is on the disk then:
//!
//! - **A synced file** has the content and length that it had at its last sync, or newer ones.
//! - **Unsynced writes** are kept, lost or torn, each on its own and in any order: a cache is
//!   written back as the kernel likes. They are torn between sectors of 512 bytes ([`SECTOR`]); a
//!   sector is written whole, and bytes outside of a write never change ("powersafe overwrite",
//!   <https://sqlite.org/psow.html>). Of two writes to one sector the second does not survive
//!   without the first. A file's length is kept or lost apart from the data: a file can grow by
//!   zeros, or not grow and lose what was written behind its end. Data written after a cut is not
//!   found in a file that was not cut.
//! - **Names** (create, rename, remove) are durable when their directory was synced
//!   ([`Disk::sync_dir`]), not when the file was: `fsync(2)` promises no more. Each change is
//!   atomic, and they reach the disk in the order in which they were made, in a journal as ext4 and
//!   XFS have it. So a file that was synced can be without a name, and a file renamed over
//!   another without a sync can be empty: the classic zero-length file.
//! - **A sync that fails** leaves each change written or not, and forgets all: the pages count as
//!   clean although the disk does not have them, and the next sync succeeds without writing them
//!   (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020).
//!
//! That is the contract that portable programs are written against, as in Pillai et al., "All File
//! Systems Are Not Created Equal" (OSDI 2014), and in turmoil's file system. It is weaker than one
//! given file system: ext4 syncs the name of a new file with the file. It is stronger in one point:
//! btrfs may reorder changes of names. Directories come and go with the files in them; there are
//! no links and no permissions.

mod async_ops;
mod content;
#[cfg(feature = "redb")]
mod databases;
mod faults;
mod file;
mod image;
mod names;
mod operation;
mod pages;
#[cfg(feature = "redb")]
mod redb_backend;
mod state;
#[cfg(feature = "redb")]
mod store;
mod survival;

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::Rng;

pub use async_ops::{NodeDisk, NodeFile};
pub use faults::{DiskError, DiskFault, DiskFaults, FaultCount, IoErrors};
pub use file::{DiskFile, OpenOptions};
pub use image::{FileId, Image};
pub use operation::{DiskObserver, DiskOperation, DiskOperationKind, DiskSpeed, DiskStats};
pub use pages::SECTOR;
#[cfg(feature = "redb")]
pub use store::Store;
pub use survival::{Loss, Survival};

use crate::seed::{Seed, Stream};
use state::{Request, State};

/// The disk of one node. A clone is the same disk.
///
/// ```
/// use stormglass::disk::{Disk, OpenOptions};
/// use stormglass::seed::Seed;
///
/// let disk = Disk::new(Seed(7).stream("disk", 0));
/// let file = disk.open("log", OpenOptions::new().write(true).create(true))?;
/// file.write_all_at(b"order 7", 0)?;
/// file.sync()?;
/// disk.sync_dir("")?;
///
/// disk.power_loss();
/// assert!(file.len().is_err());
/// disk.start();
/// assert_eq!(disk.read("log")?, b"order 7");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Disk {
    state: Arc<Mutex<State>>,
    /// Apart from the state, so that an observer may ask the disk for its statistics.
    observer: Arc<Mutex<Option<Box<dyn DiskObserver>>>>,
}

impl Disk {
    /// An empty disk without faults. `stream` is the one of its node; one number is drawn from it.
    #[must_use]
    pub fn new(stream: Stream) -> Disk {
        Disk::with_image(Image::default(), stream)
    }

    /// A disk that begins as `image`, which another one left.
    #[must_use]
    pub fn with_image(image: Image, mut stream: Stream) -> Disk {
        let state = State::new(image, Seed(stream.next_u64()));
        Disk { state: Arc::new(Mutex::new(state)), observer: Arc::default() }
    }

    /// Opens a file.
    ///
    /// # Errors
    ///
    /// `NotFound`, `AlreadyExists`, `IsADirectory`, `NotADirectory`, `InvalidInput` for a path with
    /// `..`, and the disk's faults ([`DiskError`]).
    pub fn open(&self, path: &str, options: OpenOptions) -> io::Result<DiskFile> {
        let request = Request::new(DiskOperationKind::Open, path);
        let handle = self.operation(request, |state, _| {
            let id = options.find_or_create(&mut state.image, path)?;
            Ok((id, state.image.open(id), state.life))
        })?;
        Ok(DiskFile::new(self.clone(), handle, &names::normal(path)?, options))
    }

    /// All bytes of a file: opens, measures and reads it.
    ///
    /// # Errors
    ///
    /// Those of [`Disk::open`].
    pub fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let file = self.open(path, OpenOptions::new().read(true))?;
        let mut bytes = vec![0; usize::try_from(file.len()?).map_err(io::Error::other)?];
        file.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    }

    /// Makes the entries of a directory durable, `""` being the root.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a path with `..`, and the disk's faults.
    pub fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.operation(Request::new(DiskOperationKind::Sync, dir), |state, fault| match fault {
            Some(DiskFault::LostSync) => Ok(()),
            Some(DiskFault::IoError) => Err(DiskError::Io.into()),
            _ => state.image.sync_dir(dir),
        })
    }

    /// Renames a file over whatever file is at `to`, or a directory.
    ///
    /// # Errors
    ///
    /// Those of [`Image::rename`], and the disk's faults.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let request = Request { to: Some(to), ..Request::new(DiskOperationKind::Rename, from) };
        self.operation(request, |state, _| state.image.rename(from, to))
    }

    /// Removes a file; handles that have it open can go on using it.
    ///
    /// # Errors
    ///
    /// `NotFound`, `IsADirectory`, and the disk's faults.
    pub fn remove(&self, path: &str) -> io::Result<()> {
        let request = Request::new(DiskOperationKind::Remove, path);
        self.operation(request, |state, _| state.image.remove(path))
    }

    /// The names in a directory, without the path to it, sorted; none if it does not exist.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a path with `..`, and the disk's faults.
    pub fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.operation(Request::new(DiskOperationKind::List, dir), |state, _| state.image.list(dir))
    }

    /// True if there is a file at `path`.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a path with `..`, and the disk's faults.
    pub fn exists(&self, path: &str) -> io::Result<bool> {
        let request = Request::new(DiskOperationKind::Stat, path);
        self.operation(request, |state, _| match state.image.find(path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Err(error),
            Err(_) => Ok(false),
        })
    }

    /// The process dies. Nothing is lost, but its files are closed and nothing can be done until
    /// [`Disk::start`]: destructors that run late cannot tidy up, as they could not in life.
    pub fn crash(&self) {
        self.lock().stop(DiskError::Crashed);
    }

    /// The power is lost, and the process with it. Does nothing if it was lost before.
    pub fn power_loss(&self) -> Loss {
        self.lock().power_loss()
    }

    /// Power and process are back. Files must be opened anew.
    pub fn start(&self) {
        self.lock().start();
    }

    /// A new, empty disk takes the place of this one: its node lost everything.
    pub fn wipe(&self) {
        let mut state = self.lock();
        state.end_life();
        state.image = Image::default();
    }

    /// Turns over the bits of `mask` in one byte of a file, for good: bit rot. This is done to the
    /// disk and not by its node: it is no operation.
    ///
    /// # Errors
    ///
    /// `NotFound`, `IsADirectory`.
    pub fn corrupt(&self, path: &str, offset: u64, mask: u8) -> io::Result<()> {
        let mut state = self.lock();
        let file = state.image.find(path)?;
        state.image.flip(file, offset, mask);
        Ok(())
    }

    /// The faults that are active.
    #[must_use]
    pub fn faults(&self) -> DiskFaults {
        self.lock().faults.clone()
    }

    /// Replaces the faults that are active.
    pub fn set_faults(&self, faults: DiskFaults) {
        self.lock().faults = faults;
    }

    /// How often a fault struck, and how often it could have.
    #[must_use]
    pub fn fault_count(&self, fault: DiskFault) -> FaultCount {
        self.lock().counts.of(fault)
    }

    /// What the disk was asked for so far.
    #[must_use]
    pub fn stats(&self) -> DiskStats {
        self.lock().stats.clone()
    }

    /// How long an operation on `bytes` bytes takes now: by the disk's speed and its latency fault.
    #[must_use]
    pub fn latency(&self, kind: DiskOperationKind, bytes: u64) -> Duration {
        self.lock().latency(kind, bytes)
    }

    /// Replaces the disk's speed, [`DiskSpeed::NVME`] by default.
    pub fn set_speed(&self, speed: DiskSpeed) {
        self.lock().speed = speed;
    }

    /// Tells `observer` of every operation from now on, instead of the one before.
    pub fn set_observer(&self, observer: impl DiskObserver + 'static) {
        *self.observer.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(observer));
    }

    /// The disk's state as of now: a snapshot.
    #[must_use]
    pub fn image(&self) -> Image {
        self.lock().image.clone()
    }

    /// The one way of every operation: counts it, lets faults strike, does it, tells the observer.
    ///
    /// `act` is told of the fault that it has to imitate, and may report one that it met itself.
    fn operation<T>(
        &self,
        request: Request<'_>,
        act: impl FnOnce(&mut State, &mut Option<DiskFault>) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut state = self.lock();
        let request = state.admit(request)?;
        let latency = state.begin(request);
        let mut fault = state.strike(request.kind);
        let mut result = match fault {
            // A sync that fails is not one that was never tried: it has to fail in its own way.
            Some(DiskFault::IoError) if request.kind != DiskOperationKind::Sync => {
                Err(DiskError::Io.into())
            }
            // What it was about to write is as unsynced as before.
            _ if state.cuts_short(request.kind) => Err(DiskError::PowerLost.into()),
            _ => act(&mut state, &mut fault),
        };
        let loss = state.strike_power();
        if loss.is_some() {
            fault = Some(DiskFault::PowerLoss);
            result = Err(DiskError::PowerLost.into());
        }
        let number = state.stats.operations();
        drop(state);
        if let Some(observer) = &mut *self.observer.lock().unwrap_or_else(PoisonError::into_inner) {
            let Request { kind, path, to, offset, len, .. } = request;
            let error = result.as_ref().err().map(io::Error::kind);
            observer.operation(&DiskOperation {
                number,
                kind,
                path,
                to,
                offset,
                len,
                latency,
                fault,
                error,
            });
            if let Some(loss) = &loss {
                observer.power_lost(loss);
            }
        }
        result
    }

    /// A program that panicked within an operation leaves the state whole: the lock holds no
    /// half-done change.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Disk")
            .field("operations", &state.stats.operations())
            .field("used", &state.image.used())
            .field("pending", &state.image.pending())
            .finish_non_exhaustive()
    }
}
