//! What a program asks of a disk, how long that takes, and who is told about it.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::faults::DiskFault;
use super::survival::Loss;

/// What a program asks of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiskOperationKind {
    /// Open a file, and create or empty it if asked to.
    Open,
    /// Read bytes.
    Read,
    /// Write bytes.
    Write,
    /// Cut or grow a file.
    SetLen,
    /// Make a file or a directory durable.
    Sync,
    /// Rename a file or a directory.
    Rename,
    /// Remove a file.
    Remove,
    /// List a directory.
    List,
    /// Ask for a length or whether a file exists.
    Stat,
}

impl DiskOperationKind {
    /// All kinds, in the order of their declaration.
    pub const ALL: [DiskOperationKind; 9] = {
        use DiskOperationKind::{List, Open, Read, Remove, Rename, SetLen, Stat, Sync, Write};
        [Open, Read, Write, SetLen, Sync, Rename, Remove, List, Stat]
    };

    /// The kind as scripts and stories spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            DiskOperationKind::Open => "open",
            DiskOperationKind::Read => "read",
            DiskOperationKind::Write => "write",
            DiskOperationKind::SetLen => "set_len",
            DiskOperationKind::Sync => "sync",
            DiskOperationKind::Rename => "rename",
            DiskOperationKind::Remove => "remove",
            DiskOperationKind::List => "list",
            DiskOperationKind::Stat => "stat",
        }
    }
}

impl fmt::Display for DiskOperationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One operation that was done, or that a fault kept from being done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskOperation<'a> {
    /// Its number among all operations of this disk, from 1. Scripts name operations by it.
    pub number: u64,
    /// What was asked.
    pub kind: DiskOperationKind,
    /// The file or directory; for a file that is open, the path it was opened by.
    pub path: &'a str,
    /// Of a rename, the new path.
    pub to: Option<&'a str>,
    /// Of a read or write the first byte; of `set_len` the new length; else 0.
    pub offset: u64,
    /// Of a read or write the bytes asked for; of a sync the bytes it has to write; else 0.
    pub len: u64,
    /// How long it takes, in virtual time: the caller waits, or accounts for it.
    pub latency: Duration,
    /// The fault that struck it, latency aside.
    pub fault: Option<DiskFault>,
    /// The error the program got, if it got one.
    pub error: Option<std::io::ErrorKind>,
}

/// Number, kind, path, range, and what went wrong: `#7 write a/log 512+20: power_loss`.
impl fmt::Display for DiskOperation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} {} {}", self.number, self.kind, self.path)?;
        if let Some(to) = self.to {
            write!(f, " -> {to}")?;
        }
        match self.kind {
            DiskOperationKind::Read | DiskOperationKind::Write => {
                write!(f, " {}+{}", self.offset, self.len)?;
            }
            DiskOperationKind::SetLen => write!(f, " {}", self.offset)?,
            DiskOperationKind::Sync => write!(f, " {}", self.len)?,
            _ => (),
        }
        match (self.fault, self.error) {
            (Some(fault), _) => write!(f, ": {fault}"),
            (None, Some(error)) => write!(f, ": {error}"),
            (None, None) => Ok(()),
        }
    }
}

/// Who is told what happens on a disk: the journal, and the node that must die with its power.
///
/// It is called after the operation, before the program sees the result, in the program's stack.
/// It may ask the disk for [`stats`](super::Disk::stats), but must not operate it.
pub trait DiskObserver: Send {
    /// An operation was done, or struck by a fault.
    fn operation(&mut self, operation: &DiskOperation<'_>);

    /// Power was lost at the operation that was just told. All operations fail until
    /// [`Disk::start`](super::Disk::start), but the program runs on until it next waits: what it
    /// does up to there must not leave the node.
    fn power_lost(&mut self, loss: &Loss);
}

/// How fast a disk is, without any fault. There is no page cache in this: every read waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskSpeed {
    /// The time to the first byte of a read.
    pub read: Duration,
    /// The time of a write: it only goes to the kernel's memory.
    pub write: Duration,
    /// The time until the first byte of a sync is on the disk.
    pub sync: Duration,
    /// The time of all other operations: they only change the kernel's memory.
    pub metadata: Duration,
    /// Bytes a second that a read brings.
    pub read_rate: u64,
    /// Bytes a second that a sync writes.
    pub write_rate: u64,
}

impl DiskSpeed {
    /// A data-centre drive: Intel SSD DC P4500 2 TB, random read 85 us, random write 20 us, 3.2 and
    /// 1.05 GB/s (data sheet as given in Lenovo's product guide for the P4500). A write into the
    /// page cache and other calls into the kernel count 1 us, an estimate.
    pub const NVME: DiskSpeed = DiskSpeed {
        read: Duration::from_micros(85),
        write: Duration::from_micros(1),
        sync: Duration::from_micros(20),
        metadata: Duration::from_micros(1),
        read_rate: 3_200_000_000,
        write_rate: 1_050_000_000,
    };

    /// How long an operation on `bytes` bytes takes.
    ///
    /// ```
    /// use std::time::Duration;
    /// use stormglass::disk::{DiskOperationKind, DiskSpeed};
    ///
    /// let read = DiskSpeed::NVME.latency(DiskOperationKind::Read, 3_200_000);
    /// assert_eq!(read, Duration::from_micros(85 + 1_000));
    /// ```
    #[must_use]
    pub fn latency(&self, kind: DiskOperationKind, bytes: u64) -> Duration {
        let transfer = |rate: u64| {
            let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(rate.max(1));
            Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
        };
        match kind {
            DiskOperationKind::Read => self.read + transfer(self.read_rate),
            DiskOperationKind::Sync => self.sync + transfer(self.write_rate),
            DiskOperationKind::Write => self.write,
            _ => self.metadata,
        }
    }
}

impl Default for DiskSpeed {
    fn default() -> DiskSpeed {
        DiskSpeed::NVME
    }
}

/// What a disk was asked for, since the start of its world.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiskStats {
    counts: [u64; DiskOperationKind::ALL.len()],
    /// Bytes that programs read.
    pub bytes_read: u64,
    /// Bytes that programs wrote.
    pub bytes_written: u64,
    /// The time that all operations took together.
    pub busy: Duration,
    /// How often power was lost.
    pub power_losses: u64,
    /// What all power losses did together.
    pub loss: Loss,
}

impl DiskStats {
    /// The operations of all kinds: the number of the last one.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The operations of one kind.
    #[must_use]
    pub fn of(&self, kind: DiskOperationKind) -> u64 {
        self.counts[kind as usize]
    }

    pub(super) fn count(&mut self, kind: DiskOperationKind) {
        self.counts[kind as usize] += 1;
    }
}
