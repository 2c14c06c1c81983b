//! The names of the faults, without their values.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::chaos::Fault;
use crate::error::nearest;

/// Which sort of fault: what the swarm switches on and off, and what counters and coverage count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each is documented at the variant of `Fault` of the same name")]
pub enum FaultKind {
    Message,
    Partition,
    Loss,
    Delay,
    Duplicate,
    Reorder,
    Corrupt,
    Bandwidth,
    Crash,
    PowerLoss,
    Pause,
    Stop,
    Wipe,
    Slow,
    ClockStep,
    ClockDrift,
    ClockFreeze,
    DiskFull,
    DiskSlow,
    DiskError,
    FsyncLies,
    DiskCorrupt,
    Connection,
}

impl FaultKind {
    /// Every kind, in order.
    pub const ALL: [FaultKind; 23] = [
        FaultKind::Message,
        FaultKind::Partition,
        FaultKind::Loss,
        FaultKind::Delay,
        FaultKind::Duplicate,
        FaultKind::Reorder,
        FaultKind::Corrupt,
        FaultKind::Bandwidth,
        FaultKind::Crash,
        FaultKind::PowerLoss,
        FaultKind::Pause,
        FaultKind::Stop,
        FaultKind::Wipe,
        FaultKind::Slow,
        FaultKind::ClockStep,
        FaultKind::ClockDrift,
        FaultKind::ClockFreeze,
        FaultKind::DiskFull,
        FaultKind::DiskSlow,
        FaultKind::DiskError,
        FaultKind::FsyncLies,
        FaultKind::DiskCorrupt,
        FaultKind::Connection,
    ];

    /// The name that scripts use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            FaultKind::Message => "message",
            FaultKind::Partition => "partition",
            FaultKind::Loss => "loss",
            FaultKind::Delay => "delay",
            FaultKind::Duplicate => "duplicate",
            FaultKind::Reorder => "reorder",
            FaultKind::Corrupt => "corrupt",
            FaultKind::Bandwidth => "bandwidth",
            FaultKind::Crash => "crash",
            FaultKind::PowerLoss => "power-loss",
            FaultKind::Pause => "pause",
            FaultKind::Stop => "stop",
            FaultKind::Wipe => "wipe",
            FaultKind::Slow => "slow",
            FaultKind::ClockStep => "clock-step",
            FaultKind::ClockDrift => "clock-drift",
            FaultKind::ClockFreeze => "clock-freeze",
            FaultKind::DiskFull => "disk-full",
            FaultKind::DiskSlow => "disk-slow",
            FaultKind::DiskError => "disk-error",
            FaultKind::FsyncLies => "fsync-lies",
            FaultKind::DiskCorrupt => "disk-corrupt",
            FaultKind::Connection => "connection",
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for FaultKind {
    type Err = String;

    /// The kind of that name; the error suggests the nearest one, or lists them all.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let known = FaultKind::ALL.iter().find(|kind| kind.name() == name);
        known.copied().ok_or_else(|| match nearest(name, FaultKind::ALL.iter().map(|k| k.name())) {
            Some(near) => format!("no fault kind `{name}`; did you mean `{near}`?"),
            None => {
                let names: Vec<&str> = FaultKind::ALL.iter().map(|k| k.name()).collect();
                format!("no fault kind `{name}`; the kinds are {}", names.join(", "))
            }
        })
    }
}

impl Fault {
    /// Which sort of fault it is.
    #[must_use]
    pub fn kind(&self) -> FaultKind {
        match self {
            Fault::Message { .. } => FaultKind::Message,
            Fault::Partition { .. } => FaultKind::Partition,
            Fault::Loss { .. } => FaultKind::Loss,
            Fault::Delay { .. } => FaultKind::Delay,
            Fault::Duplicate { .. } => FaultKind::Duplicate,
            Fault::Reorder { .. } => FaultKind::Reorder,
            Fault::Corrupt { .. } => FaultKind::Corrupt,
            Fault::Bandwidth { .. } => FaultKind::Bandwidth,
            Fault::Crash { .. } => FaultKind::Crash,
            Fault::PowerLoss { .. } => FaultKind::PowerLoss,
            Fault::Pause { .. } => FaultKind::Pause,
            Fault::Stop { .. } => FaultKind::Stop,
            Fault::Wipe { .. } => FaultKind::Wipe,
            Fault::Slow { .. } => FaultKind::Slow,
            Fault::ClockStep { .. } => FaultKind::ClockStep,
            Fault::ClockDrift { .. } => FaultKind::ClockDrift,
            Fault::ClockFreeze { .. } => FaultKind::ClockFreeze,
            Fault::DiskFull { .. } => FaultKind::DiskFull,
            Fault::DiskSlow { .. } => FaultKind::DiskSlow,
            Fault::DiskError { .. } => FaultKind::DiskError,
            Fault::FsyncLies { .. } => FaultKind::FsyncLies,
            Fault::DiskCorrupt { .. } => FaultKind::DiskCorrupt,
            Fault::Connection { .. } => FaultKind::Connection,
        }
    }
}
