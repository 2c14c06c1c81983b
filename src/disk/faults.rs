//! What can go wrong with one disk, and how often it did.

use std::fmt;
use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::operation::{DiskOperationKind, DiskStats};
use super::survival::Survival;
use crate::seed::Seed;

/// The kinds of disk faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiskFault {
    /// Power is lost at an operation.
    PowerLoss,
    /// An operation fails (`EIO`).
    IoError,
    /// A sync says that it was done, and was not.
    LostSync,
    /// A read brings a wrong bit.
    Corruption,
    /// There is no room left (`ENOSPC`).
    Full,
    /// Operations take longer.
    Latency,
}

impl DiskFault {
    /// All kinds, in the order of their declaration.
    pub const ALL: [DiskFault; 6] = {
        use DiskFault::{Corruption, Full, IoError, Latency, LostSync, PowerLoss};
        [PowerLoss, IoError, LostSync, Corruption, Full, Latency]
    };

    /// The kind as scripts and stories spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            DiskFault::PowerLoss => "power_loss",
            DiskFault::IoError => "io_error",
            DiskFault::LostSync => "lost_sync",
            DiskFault::Corruption => "corruption",
            DiskFault::Full => "full",
            DiskFault::Latency => "latency",
        }
    }
}

impl fmt::Display for DiskFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The faults of a disk that are active. The default has none.
///
/// Each fault draws from streams of its own, named by the number of the operation: one fault more
/// or less moves no other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DiskFaults {
    /// The room in bytes, holes not counted; `Some(0)` is a disk on which nothing can grow.
    pub capacity: Option<u64>,
    /// Time that is added to every operation.
    pub latency: Duration,
    /// Operations that fail without having done anything.
    pub io_errors: Vec<IoErrors>,
    /// The probability that a sync is lost: it says `Ok`, and what it should have written is as
    /// unsynced as before. A later sync that is not lost makes good for it.
    pub lost_sync: f64,
    /// The probability that a read brings one wrong bit. The bit on the disk is right.
    pub corruption: f64,
    /// The number of the operation in the midst of which power is lost, from 1; see
    /// [`DiskStats::operations`]. What it changes is lost, kept or torn as everything that is not
    /// synced; a sync is through every other time, and has synced nothing else. The program sees an
    /// error. Power is lost once, not at this number of every life.
    pub power_loss_at: Option<u64>,
    /// What power losses leave; `None` draws one for each, and is the default.
    pub survival: Option<Survival>,
}

/// Operations that fail. A sync that fails is worse than one that was not tried: see
/// [`crate::disk`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IoErrors {
    /// The kind of operation; `None` is any.
    pub kind: Option<DiskOperationKind>,
    /// The probability that such an operation fails.
    pub rate: f64,
    /// The number of one that fails for sure, from 1: the n-th of this disk and kind.
    pub at: Option<u64>,
}

/// How often a fault could have struck since the world began, and how often it did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultCount {
    /// Operations that it could have struck while it was active.
    pub opportunities: u64,
    /// Operations that it struck.
    pub hits: u64,
}

/// Why a disk refused: the source of the [`io::Error`] that a program gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiskError {
    /// Power is lost, until [`Disk::start`](super::Disk::start).
    #[error("the power is lost")]
    PowerLost,
    /// The program that had the file open has crashed.
    #[error("the process that used this disk has crashed")]
    Crashed,
    /// An injected `EIO`.
    #[error("input/output error")]
    Io,
    /// An injected `ENOSPC`.
    #[error("no space left on device")]
    Full,
    /// The file was not opened for this.
    #[error("the file is not open for that")]
    NotOpenForThat,
}

impl From<DiskError> for io::Error {
    fn from(error: DiskError) -> io::Error {
        let kind = match error {
            DiskError::PowerLost | DiskError::Crashed => io::ErrorKind::BrokenPipe,
            DiskError::Full => io::ErrorKind::StorageFull,
            DiskError::NotOpenForThat => io::ErrorKind::PermissionDenied,
            DiskError::Io => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}

/// The counts of all kinds of faults.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FaultCounts([FaultCount; DiskFault::ALL.len()]);

impl FaultCounts {
    pub(super) fn of(&self, fault: DiskFault) -> FaultCount {
        self.0[fault as usize]
    }

    /// Counts an opportunity, and a hit if it `struck`. Returns `struck`.
    pub(super) fn count(&mut self, fault: DiskFault, struck: bool) -> bool {
        let count = &mut self.0[fault as usize];
        count.opportunities += 1;
        count.hits += u64::from(struck);
        struck
    }

    /// Uncounts a hit that changed nothing.
    pub(super) fn take_back(&mut self, fault: DiskFault) {
        self.0[fault as usize].hits -= 1;
    }
}

impl DiskFaults {
    /// Which fault the operation that was last counted in `stats` meets before it is done.
    pub(super) fn strike(
        &self,
        kind: DiskOperationKind,
        seed: Seed,
        stats: &DiskStats,
        counts: &mut FaultCounts,
    ) -> Option<DiskFault> {
        let number = stats.operations();
        let chance = |fault: DiskFault, rate: f64| {
            (rate > 0.0).then(|| seed.stream(fault.name(), number).chance(rate))
        };
        let matching = || self.io_errors.iter().filter(|rule| rule.concerns(kind));
        if matching().next().is_some() {
            let due = matching().any(|rule| rule.is_due(kind, stats));
            // Rules that overlap are independent: both must miss for the operation to pass.
            let pass: f64 = matching().map(|rule| 1.0 - rule.rate).product();
            let struck = due || chance(DiskFault::IoError, 1.0 - pass).unwrap_or(false);
            if counts.count(DiskFault::IoError, struck) {
                return Some(DiskFault::IoError);
            }
        }
        let (fault, rate) = match kind {
            DiskOperationKind::Sync => (DiskFault::LostSync, self.lost_sync),
            DiskOperationKind::Read => (DiskFault::Corruption, self.corruption),
            _ => return None,
        };
        let struck = chance(fault, rate)?;
        counts.count(fault, struck).then_some(fault)
    }
}

impl IoErrors {
    fn concerns(&self, kind: DiskOperationKind) -> bool {
        self.kind.is_none_or(|wanted| wanted == kind)
    }

    fn is_due(&self, kind: DiskOperationKind, stats: &DiskStats) -> bool {
        let number = if self.kind.is_some() { stats.of(kind) } else { stats.operations() };
        self.at == Some(number)
    }
}
