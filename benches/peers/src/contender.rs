//! The table of contenders and cases. One function per kind of work, the same work for all: see [`crate::work`].

use crate::work::{Idle, Outcome, Posts, Timers, Traffic};

/// How a contender's executable is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// Without flags: nothing stands between the program and libc.
    Plain,
    /// With `--cfg madsim`, which interposes the clock and entropy of the whole process.
    #[cfg_attr(not(madsim), allow(dead_code, reason = "the plain build runs no sealed contender"))]
    Sealed,
}

/// Brings nodes up, calls its last argument when all are up, takes them down.
pub type IdleWork = fn(&Idle, &mut dyn FnMut()) -> Outcome;

/// One simulator and how it does each kind of work. `None`: it does not take part.
pub struct Contender {
    /// The name in the table.
    pub name: &'static str,
    /// The package whose version the table shows.
    pub package: &'static str,
    /// The build it runs in.
    pub build: Build,
    /// Requests and replies between nodes, in one world: cases `echo` and `peers`.
    pub traffic: Option<fn(&Traffic) -> Outcome>,
    /// The same, when it is one seed of many: case `seeds`.
    pub seed: Option<fn(&Traffic) -> Outcome>,
    /// Sleeping tasks.
    pub timers: Option<fn(&Timers) -> Outcome>,
    /// Idle nodes.
    pub idle: Option<IdleWork>,
    /// HTTP calls.
    pub posts: Option<fn(&Posts) -> Outcome>,
    /// The same calls between unmodified programs, on sockets.
    pub programs: Option<fn(&Posts) -> Outcome>,
    /// Worlds of three programs, a thread each.
    pub trios: Option<fn(u32) -> Outcome>,
    /// A program that sleeps and wakes.
    pub turns: Option<fn(u32) -> Outcome>,
    /// Programs with open connections, so many in all.
    pub crowd: Option<IdleWork>,
    /// Cases that would take too long at full size, and how much is done instead. Rates are per unit.
    pub cut: &'static [(Case, u32)],
}

impl Contender {
    /// A contender that takes part in nothing yet.
    pub const fn new(name: &'static str, package: &'static str, build: Build) -> Self {
        Self {
            name,
            package,
            build,
            traffic: None,
            seed: None,
            timers: None,
            idle: None,
            posts: None,
            programs: None,
            trios: None,
            turns: None,
            crowd: None,
            cut: &[],
        }
    }

    /// Does this contender take part in `case`?
    pub fn enters(&self, case: Case) -> bool {
        match case {
            Case::Echo | Case::Peers => self.traffic.is_some(),
            Case::Seeds => self.seed.is_some(),
            Case::Timers => self.timers.is_some(),
            Case::Idle => self.idle.is_some(),
            Case::Posts => self.posts.is_some(),
            Case::Programs => self.programs.is_some(),
            Case::Trios => self.trios.is_some(),
            Case::Turns => self.turns.is_some(),
            Case::Crowd => self.crowd.is_some(),
        }
    }

    /// How much of `case` this contender does in one run.
    pub fn size(&self, case: Case) -> u32 {
        let cut = self.cut.iter().find(|(cut, _)| *cut == case);
        cut.map_or(case.size(), |(_, size)| *size)
    }

    /// Does `size` of `case` once. `ready` is called by `Case::Idle` and `Case::Crowd` only, when all is up.
    pub fn run(&self, case: Case, size: u32, ready: &mut dyn FnMut()) -> Option<Outcome> {
        match case {
            Case::Echo => self.traffic.map(|run| run(&Traffic::echo(size))),
            Case::Peers => self.traffic.map(|run| run(&Traffic::peers(size))),
            Case::Seeds => self.seed.map(|run| seeds(run, size)),
            Case::Timers => self.timers.map(|run| run(&Timers::new(size))),
            Case::Idle => self.idle.map(|run| run(&Idle { nodes: size }, ready)),
            Case::Posts => self.posts.map(|run| run(&Posts { calls: size })),
            Case::Programs => self.programs.map(|run| run(&Posts { calls: size })),
            Case::Trios => self.trios.map(|run| run(size)),
            Case::Turns => self.turns.map(|run| run(size)),
            Case::Crowd => self.crowd.map(|run| run(&Idle { nodes: size }, ready)),
        }
    }
}

fn seeds(run: fn(&Traffic) -> Outcome, count: u32) -> Outcome {
    let worlds = (1..=u64::from(count)).map(|seed| run(&Traffic::small_world(seed)));
    let virtual_time = worlds.map(|world| world.virtual_time).sum();
    Outcome { units: u64::from(count), virtual_time }
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// One client, one server.
    Echo,
    /// 100 nodes, random peers.
    Peers,
    /// Many seeds of a small world.
    Seeds,
    /// 1,000 tasks that sleep.
    Timers,
    /// Idle nodes with a bound socket.
    Idle,
    /// POST with JSON through an axum router.
    Posts,
    /// The same by HTTP/1.1 between two programs on sockets.
    Programs,
    /// Many seeds of a world of three programs.
    Trios,
    /// A program that sleeps a millisecond at a time.
    Turns,
    /// 100 programs with open connections to each other.
    Crowd,
}

impl Case {
    /// All cases, in the order of the table.
    pub const ALL: [Self; 10] = [
        Self::Echo,
        Self::Peers,
        Self::Seeds,
        Self::Timers,
        Self::Idle,
        Self::Posts,
        Self::Programs,
        Self::Trios,
        Self::Turns,
        Self::Crowd,
    ];

    /// The name on the command line and in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Peers => "peers",
            Self::Seeds => "seeds",
            Self::Timers => "timers",
            Self::Idle => "idle",
            Self::Posts => "posts",
            Self::Programs => "programs",
            Self::Trios => "trios",
            Self::Turns => "turns",
            Self::Crowd => "crowd",
        }
    }

    /// The case with that name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|case| case.name() == name)
    }

    /// True if what is measured is being there: the time until all is up, and its memory.
    pub fn is_idle(self) -> bool {
        matches!(self, Self::Idle | Self::Crowd)
    }

    /// What a rate counts.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Echo | Self::Peers => "message",
            Self::Seeds => "seed",
            Self::Timers => "sleep",
            Self::Idle => "node",
            Self::Posts | Self::Programs => "call",
            Self::Trios => "world",
            Self::Turns => "turn",
            Self::Crowd => "connection",
        }
    }

    /// The contender that the others are measured by.
    pub fn floor(self) -> &'static str {
        match self {
            Self::Posts => "axum oneshot",
            Self::Programs => "real loopback",
            Self::Trios | Self::Turns | Self::Crowd => "stormglass programs",
            _ => "bare loop",
        }
    }

    /// Full size: round trips, requests per node, seeds, sleeps per task, nodes, calls.
    fn size(self) -> u32 {
        match self {
            Self::Echo => 100_000,
            Self::Peers | Self::Seeds | Self::Timers => 1_000,
            Self::Idle => 10_000,
            Self::Posts => 100_000,
            Self::Programs => 20_000,
            Self::Trios => 500,
            Self::Turns => 100_000,
            Self::Crowd => 1_000,
        }
    }
}
