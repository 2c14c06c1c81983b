//! How the seeds of a search choose the order in which ready tasks run.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::nearest;
use crate::kernel::Scheduling;
use crate::seed::Seed;

/// The deepest PCT that is drawn: few bugs need more than four ordered steps.
const DEPTH_MAX: u64 = 4;

/// How a search turns a seed into a [`Scheduling`]. Faults do not depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// First ready, first run: in every seed.
    Fifo,
    /// Uniformly at random: in every seed.
    Random,
    /// Priorities with change points (Burckhardt et al. 2010); each seed draws a depth of 1 to 4.
    Pct,
    /// Each seed draws one of the three.
    #[default]
    Swarm,
}

impl Strategy {
    /// All strategies.
    pub const ALL: [Strategy; 4] =
        [Strategy::Fifo, Strategy::Random, Strategy::Pct, Strategy::Swarm];

    /// The name that commands use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Strategy::Fifo => "fifo",
            Strategy::Random => "random",
            Strategy::Pct => "pct",
            Strategy::Swarm => "swarm",
        }
    }

    /// How the run of `seed` chooses. `steps` is an estimate of the polls of a run.
    #[must_use]
    pub fn scheduling(self, seed: Seed, steps: u32) -> Scheduling {
        let pct = || {
            let depth = 1 + seed.named_stream("strategy", "depth").below(DEPTH_MAX);
            Scheduling::Pct { depth: u32::try_from(depth).unwrap_or(1), steps }
        };
        match self {
            Strategy::Fifo => Scheduling::Fifo,
            Strategy::Random => Scheduling::Random,
            Strategy::Pct => pct(),
            Strategy::Swarm => match seed.named_stream("strategy", "swarm").below(3) {
                0 => Scheduling::Fifo,
                1 => Scheduling::Random,
                _ => pct(),
            },
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Strategy {
    type Err = String;

    /// The strategy of that name; the error suggests one.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let names = || Strategy::ALL.iter().map(|strategy| strategy.name());
        let known = Strategy::ALL.into_iter().find(|strategy| strategy.name() == name);
        known.ok_or_else(|| match nearest(name, names()) {
            Some(near) => format!("no strategy `{name}`; did you mean `{near}`?"),
            None => {
                let names: Vec<_> = names().collect();
                format!("no strategy `{name}`; there is {}", names.join(", "))
            }
        })
    }
}
