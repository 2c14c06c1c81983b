//! Which ready task runs next: in turn, at random, or by PCT priorities.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::task::TaskKey;
use crate::seed::{Seed, Stream};

/// How the next of several ready tasks is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheduling {
    /// First ready, first run.
    #[default]
    Fifo,
    /// Uniformly at random.
    Random,
    /// Priorities with `depth - 1` change points among the first `steps` polls: finds a bug that
    /// needs `depth` ordered steps with probability at least `1 / (tasks * steps^(depth - 1))`
    /// (Burckhardt et al., "A Randomized Scheduler with Probabilistic Guarantees", ASPLOS 2010).
    Pct {
        /// The number of ordering constraints that the bug needs, from 1.
        depth: u32,
        /// An estimate of the polls of a run.
        steps: u32,
    },
}

/// The ready tasks, under one way of choosing.
pub(crate) enum Ready {
    Fifo(VecDeque<TaskKey>),
    Random { tasks: Vec<TaskKey>, stream: Box<Stream> },
    Pct(Box<Pct>),
}

impl Ready {
    pub(crate) fn new(scheduling: Scheduling, seed: Seed) -> Ready {
        let mut stream = seed.stream("scheduler", 0);
        match scheduling {
            Scheduling::Fifo => Ready::Fifo(VecDeque::new()),
            Scheduling::Random => Ready::Random { tasks: Vec::new(), stream: Box::new(stream) },
            Scheduling::Pct { depth, steps } => {
                let mut changes: Vec<u64> =
                    (1..depth.max(1)).map(|_| stream.below(u64::from(steps.max(1)))).collect();
                changes.sort_unstable();
                let priorities = Vec::new();
                Ready::Pct(Box::new(Pct {
                    tasks: Vec::new(),
                    priorities,
                    changes,
                    step: 0,
                    stream,
                }))
            }
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, key: TaskKey) {
        match self {
            Ready::Fifo(tasks) => tasks.push_back(key),
            Ready::Random { tasks, .. } => tasks.push(key),
            Ready::Pct(pct) => pct.push(key),
        }
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<TaskKey> {
        match self {
            Ready::Fifo(tasks) => tasks.pop_front(),
            Ready::Random { tasks, stream } => match tasks.len() as u64 {
                0 => None,
                1 => tasks.pop(),
                n => Some(tasks.swap_remove(stream.below(n) as usize)),
            },
            Ready::Pct(pct) => pct.pop(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Ready::Fifo(tasks) => tasks.is_empty(),
            Ready::Random { tasks, .. } => tasks.is_empty(),
            Ready::Pct(pct) => pct.tasks.is_empty(),
        }
    }
}

/// The state of PCT: a task keeps its priority until a change point lowers it.
pub(crate) struct Pct {
    tasks: Vec<TaskKey>,
    /// By task slot: the generation it was drawn for, and the priority. Drawn priorities have the
    /// highest bit set, so every lowered one is below them.
    priorities: Vec<(u32, u64)>,
    changes: Vec<u64>,
    step: u64,
    stream: Stream,
}

impl Pct {
    fn push(&mut self, key: TaskKey) {
        let slot = key.index as usize;
        if self.priorities.len() <= slot {
            self.priorities.resize(slot + 1, (u32::MAX, 0));
        }
        if self.priorities[slot].0 != key.generation {
            let drawn = 1 << 63 | self.stream.below(1 << 62);
            self.priorities[slot] = (key.generation, drawn);
        }
        self.tasks.push(key);
    }

    fn pop(&mut self) -> Option<TaskKey> {
        let priority = |key: &TaskKey| self.priorities[key.index as usize].1;
        let best = (0..self.tasks.len()).max_by_key(|i| (priority(&self.tasks[*i]), *i))?;
        let key = self.tasks[best];
        while self.changes.first() == Some(&self.step) {
            self.changes.remove(0);
            self.priorities[key.index as usize].1 = self.changes.len() as u64;
        }
        self.step += 1;
        let best = (0..self.tasks.len())
            .max_by_key(|i| (self.priorities[self.tasks[*i].index as usize].1, *i))?;
        Some(self.tasks.swap_remove(best))
    }
}
