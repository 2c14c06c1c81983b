//! One file's content: what programs see, what is on the disk, and the changes between the two.

use std::ops::Range;

use super::pages::{Pages, sectors};
use super::survival::{Fate, Loss};

/// Unsynced changes that a file holds at most. Then the older half is written back, as a kernel
/// does after some seconds, so that a log that nobody syncs cannot fill the memory.
pub(super) const WRITE_BACK: usize = 4096;

/// The content of a file, without its name.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    /// What a read sees.
    live: Pages,
    /// What a power loss cannot take.
    durable: Pages,
    /// What a read saw before the first of `pending`, if that is not `durable`: after a sync that
    /// failed, the cache holds data that is not on the disk and counts as clean.
    base: Option<Pages>,
    /// What was done since, in order.
    pending: Vec<Change>,
    /// The bytes of `pending`.
    pending_bytes: u64,
}

#[derive(Clone, Debug)]
enum Change {
    Write { offset: u64, data: Box<[u8]> },
    SetLen(u64),
}

impl Content {
    /// What a read sees.
    pub(super) fn live(&self) -> &Pages {
        &self.live
    }

    /// How many changes are not synced.
    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// How many bytes a sync would write.
    pub(super) fn pending_bytes(&self) -> u64 {
        self.pending_bytes
    }

    pub(super) fn write(&mut self, offset: u64, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        self.pending_bytes += data.len() as u64;
        self.push(Change::Write { offset, data: data.into() });
    }

    pub(super) fn set_len(&mut self, len: u64) {
        if len != self.live.len() {
            self.push(Change::SetLen(len));
        }
    }

    /// All that was done is on the disk from now on.
    pub(super) fn sync(&mut self) {
        self.write_back(self.pending.len(), &mut |_| Fate::Kept);
    }

    /// A sync that failed: each change reached the disk or not, and is forgotten either way.
    pub(super) fn fail_sync(&mut self, fates: &mut dyn FnMut(usize) -> Fate) {
        self.base.get_or_insert_with(|| self.durable.clone());
        self.write_back(self.pending.len(), fates);
    }

    /// Power is lost: what is on the disk is what a read sees from now on.
    pub(super) fn power_loss(&mut self, fates: &mut dyn FnMut(usize) -> Fate) -> Loss {
        let loss = self.write_back(self.pending.len(), fates);
        self.live = self.durable.clone();
        self.base = None;
        loss
    }

    /// Turns over the bits of `mask` in the byte at `offset`, in the cache and on the disk.
    pub(super) fn flip(&mut self, offset: u64, mask: u8) {
        for pages in [Some(&mut self.live), Some(&mut self.durable), self.base.as_mut()] {
            pages.into_iter().for_each(|pages| pages.flip(offset, mask));
        }
    }

    fn push(&mut self, change: Change) {
        change.apply(&mut self.live);
        self.pending.push(change);
        if self.pending.len() > WRITE_BACK {
            self.write_back(WRITE_BACK / 2, &mut |_| Fate::Kept);
        }
    }

    /// Writes the oldest `count` changes back. `fates` is asked for each change, with the number
    /// of its parts: its sectors, and the file's length if it changes that.
    ///
    /// A sector and a length hold one version at a time, and a version contains all earlier ones:
    /// of two writes to one sector, the second cannot be on the disk without the first.
    fn write_back(&mut self, count: usize, fates: &mut dyn FnMut(usize) -> Fate) -> Loss {
        let mut cache = self.base.as_ref().unwrap_or(&self.durable).clone();
        let mut disk = std::mem::take(&mut self.durable);
        let mut len = disk.len();
        // Data behind a cut lies in new blocks, which only a file that was cut leads to.
        let mut reachable = u64::MAX;
        let mut loss = Loss::default();
        for change in self.pending.drain(..count) {
            let before = cache.len();
            change.apply(&mut cache);
            let sectors = sectors(change.range());
            let data_parts = (sectors.end - sectors.start) as usize;
            let fate = fates(data_parts + usize::from(cache.len() != before));
            loss.count(&fate);
            for (part, sector) in sectors.enumerate() {
                if fate.keeps(part) && (sector + 1) * super::SECTOR <= reachable {
                    disk.copy_sector(&cache, sector);
                }
            }
            let resized = cache.len() != before;
            if resized && reachable == u64::MAX && fate.keeps(data_parts) {
                len = cache.len();
                if len < before {
                    disk.set_len(len);
                }
            } else if cache.len() < before {
                reachable = reachable.min(cache.len());
            }
            self.pending_bytes -= change.range().end - change.range().start;
        }
        disk.set_len(len);
        self.durable = disk;
        if self.base.is_some() {
            self.base = Some(cache);
        }
        loss
    }
}

impl Change {
    fn apply(&self, pages: &mut Pages) {
        match self {
            Change::Write { offset, data } => pages.write(*offset, data),
            Change::SetLen(len) => pages.set_len(*len),
        }
    }

    /// The bytes that it writes.
    fn range(&self) -> Range<u64> {
        match self {
            Change::Write { offset, data } => *offset..offset + data.len() as u64,
            Change::SetLen(_) => 0..0,
        }
    }
}
