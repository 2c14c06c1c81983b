//! The inside of a [`Disk`](super::Disk): its image, its faults, and how one operation meets them.

use std::io;
use std::ops::Range;
use std::time::Duration;

#[cfg(feature = "redb")]
use super::databases::Databases;
use super::faults::{DiskError, DiskFault, DiskFaults, FaultCounts};
use super::image::{FileId, Image};
use super::operation::{DiskOperationKind, DiskSpeed, DiskStats};
use super::survival::{Loss, Survival};
use crate::seed::{Seed, Stream};

/// All of a disk but its observer.
pub(super) struct State {
    pub(super) image: Image,
    pub(super) faults: DiskFaults,
    pub(super) counts: FaultCounts,
    pub(super) stats: DiskStats,
    pub(super) speed: DiskSpeed,
    /// What all draws of this disk follow from.
    seed: Seed,
    /// Why the disk refuses every operation, if it does.
    pub(super) down: Option<DiskError>,
    /// Which life of the node it is: files that an earlier one opened are closed.
    pub(super) life: u64,
    /// What is open as a database in this life.
    #[cfg(feature = "redb")]
    pub(super) databases: Databases,
}

/// What a program asks for.
#[derive(Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) kind: DiskOperationKind,
    pub(super) path: &'a str,
    pub(super) to: Option<&'a str>,
    pub(super) offset: u64,
    pub(super) len: u64,
    /// The open file, and the life in which it was opened.
    pub(super) file: Option<(FileId, u64)>,
}

impl<'a> Request<'a> {
    pub(super) fn new(kind: DiskOperationKind, path: &'a str) -> Request<'a> {
        Request { kind, path, to: None, offset: 0, len: 0, file: None }
    }
}

impl State {
    pub(super) fn new(image: Image, seed: Seed) -> State {
        State {
            image,
            faults: DiskFaults::default(),
            counts: FaultCounts::default(),
            stats: DiskStats::default(),
            speed: DiskSpeed::default(),
            seed,
            down: None,
            life: 0,
            #[cfg(feature = "redb")]
            databases: Databases::default(),
        }
    }

    /// Refuses what nobody is there to ask or to answer; such a request is no operation.
    pub(super) fn admit<'a>(&self, mut request: Request<'a>) -> io::Result<Request<'a>> {
        if let Some(reason) = self.down {
            return Err(reason.into());
        }
        if let Some((file, life)) = request.file {
            if life != self.life {
                return Err(DiskError::Crashed.into());
            }
            if request.kind == DiskOperationKind::Sync {
                request.len = self.image.pending_bytes(file);
            }
        }
        Ok(request)
    }

    /// Counts the operation and says how long it takes.
    pub(super) fn begin(&mut self, request: Request<'_>) -> Duration {
        self.stats.count(request.kind);
        match request.kind {
            DiskOperationKind::Read => self.stats.bytes_read += request.len,
            DiskOperationKind::Write => self.stats.bytes_written += request.len,
            _ => (),
        }
        if !self.faults.latency.is_zero() {
            self.counts.count(DiskFault::Latency, true);
        }
        let latency = self.latency(request.kind, request.len);
        self.stats.busy += latency;
        latency
    }

    pub(super) fn latency(&self, kind: DiskOperationKind, bytes: u64) -> Duration {
        self.speed.latency(kind, bytes) + self.faults.latency
    }

    /// The fault that the operation that was just counted meets before it is done.
    pub(super) fn strike(&mut self, kind: DiskOperationKind) -> Option<DiskFault> {
        self.faults.strike(kind, self.seed, &self.stats, &mut self.counts)
    }

    /// True if the operation that was just counted is the one in which power is to be lost.
    fn power_fails(&self) -> bool {
        self.faults.power_loss_at == Some(self.stats.operations())
    }

    /// True if power is to be lost before this sync is through: every other time, and else just
    /// after it. All other operations leave to the disk what is to become of them.
    pub(super) fn cuts_short(&self, kind: DiskOperationKind) -> bool {
        let sync = kind == DiskOperationKind::Sync && self.power_fails();
        sync && self.stream("sync at power loss").chance(0.5)
    }

    /// Loses the power if this is the operation in which it is to be lost.
    pub(super) fn strike_power(&mut self) -> Option<Loss> {
        self.faults.power_loss_at?;
        let struck = self.power_fails();
        self.counts.count(DiskFault::PowerLoss, struck).then(|| {
            self.faults.power_loss_at = None;
            self.power_loss()
        })
    }

    pub(super) fn power_loss(&mut self) -> Loss {
        if self.down == Some(DiskError::PowerLost) {
            return Loss::default();
        }
        self.stop(DiskError::PowerLost);
        let (survival, mut stream) = self.survival(DiskFault::PowerLoss);
        let loss = self.image.power_loss(survival, &mut stream);
        self.stats.power_losses += 1;
        self.stats.loss.add(loss);
        loss
    }

    pub(super) fn stop(&mut self, reason: DiskError) {
        self.end_life();
        self.down = Some(reason);
    }

    /// What was open is closed, and nobody holds a lock.
    pub(super) fn end_life(&mut self) {
        self.life += 1;
        #[cfg(feature = "redb")]
        {
            self.databases = Databases::default();
        }
    }

    /// Serves again, if it did not. What a dying process named meanwhile is not of the new life.
    pub(super) fn start(&mut self) {
        if self.down.is_some() {
            self.end_life();
            self.down = None;
        }
    }

    pub(super) fn fail_sync(&mut self, file: FileId) {
        let (survival, mut stream) = self.survival(DiskFault::IoError);
        self.image.fail_sync(file, survival, &mut stream);
    }

    /// Turns over one bit of what was read. Where nothing was, the fault has struck nothing.
    pub(super) fn corrupt(&mut self, bytes: &mut [u8], fault: &mut Option<DiskFault>) {
        if bytes.is_empty() {
            self.counts.take_back(DiskFault::Corruption);
            *fault = None;
            return;
        }
        let mut stream = self.stream("corrupt bit");
        let bit = stream.below(bytes.len() as u64 * 8);
        bytes[(bit / 8) as usize] ^= 1 << (bit % 8);
    }

    /// Checks that there is room for the bytes of `range`.
    pub(super) fn reserve(
        &mut self,
        file: FileId,
        range: Range<u64>,
        fault: &mut Option<DiskFault>,
    ) -> io::Result<()> {
        let Some(capacity) = self.faults.capacity else { return Ok(()) };
        let more = self.image.room_for(file, range);
        if more > 0 && self.counts.count(DiskFault::Full, self.image.used() + more > capacity) {
            *fault = Some(DiskFault::Full);
            return Err(DiskError::Full.into());
        }
        Ok(())
    }

    fn survival(&self, fault: DiskFault) -> (Survival, Stream) {
        let mut stream = self.stream(match fault {
            DiskFault::PowerLoss => "survival of power loss",
            _ => "survival of failed sync",
        });
        (self.faults.survival.unwrap_or_else(|| Survival::draw(&mut stream)), stream)
    }

    fn stream(&self, domain: &str) -> Stream {
        self.seed.stream(domain, self.stats.operations())
    }
}
