//! What a power loss leaves of the changes that were not synced.

use serde::{Deserialize, Serialize};

use crate::seed::Stream;

/// How likely an unsynced change is to outlive a power loss.
///
/// ```
/// use stormglass::disk::Survival;
///
/// assert_eq!(Survival::NOTHING, Survival { keep: 0.0, tear: 0.0 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Survival {
    /// The probability that a change is kept whole rather than lost whole.
    pub keep: f64,
    /// The probability that a change is torn: some of its sectors are kept, others not. It is
    /// decided before `keep`.
    pub tear: f64,
}

impl Survival {
    /// All that is unsynced is lost: the simplest power loss, and the only one of `LazyFS`'s
    /// `clear-cache`.
    pub const NOTHING: Survival = Survival { keep: 0.0, tear: 0.0 };

    /// All that is unsynced is kept, by luck.
    pub const EVERYTHING: Survival = Survival { keep: 1.0, tear: 0.0 };

    /// One of 15 kinds of power loss. With one fixed probability a long list of changes would
    /// practically never be lost whole, or kept but for one.
    pub fn draw(stream: &mut Stream) -> Survival {
        Survival { keep: stream.below(5) as f64 / 4.0, tear: stream.below(3) as f64 / 4.0 }
    }

    /// The fate of a change that consists of `parts` parts.
    ///
    /// Half of the torn ones are torn at one place, as by a drive that stops; in the others each
    /// part has its own coin, as with a cache that is written back in any order.
    pub(super) fn fate(self, parts: usize, stream: &mut Stream) -> Fate {
        if parts == 0 || !stream.chance(self.tear) {
            return if stream.chance(self.keep) { Fate::Kept } else { Fate::Lost };
        }
        let kept: Vec<bool> = if stream.chance(0.5) {
            let end = stream.below(parts as u64 + 1) as usize;
            (0..parts).map(|part| part < end).collect()
        } else {
            (0..parts).map(|_| stream.chance(0.5)).collect()
        };
        match kept.iter().filter(|kept| **kept).count() {
            0 => Fate::Lost,
            n if n == parts => Fate::Kept,
            _ => Fate::Torn(kept),
        }
    }

    /// How many of `count` changes that are written in order are kept.
    pub(super) fn prefix(self, count: usize, stream: &mut Stream) -> usize {
        match self.keep {
            keep if keep <= 0.0 => 0,
            keep if keep >= 1.0 => count,
            _ => stream.below(count as u64 + 1) as usize,
        }
    }
}

/// What became of one unsynced change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// All of it is on the disk.
    Kept,
    /// Nothing of it is.
    Lost,
    /// The parts that say `true` are.
    Torn(Vec<bool>),
}

impl Fate {
    /// True if the part is on the disk.
    pub(super) fn keeps(&self, part: usize) -> bool {
        match self {
            Fate::Kept => true,
            Fate::Lost => false,
            Fate::Torn(kept) => kept[part],
        }
    }
}

/// What one power loss did, or several together: how many unsynced changes had which fate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// Changes that are on the disk although nobody had synced them.
    pub kept: u64,
    /// Changes that are gone.
    pub lost: u64,
    /// Writes of which some sectors, or only the data or the new length, are on the disk.
    pub torn: u64,
}

impl Loss {
    pub(super) fn count(&mut self, fate: &Fate) {
        match fate {
            Fate::Kept => self.kept += 1,
            Fate::Lost => self.lost += 1,
            Fate::Torn(_) => self.torn += 1,
        }
    }

    pub(super) fn add(&mut self, other: Loss) {
        self.kept += other.kept;
        self.lost += other.lost;
        self.torn += other.torn;
    }
}
