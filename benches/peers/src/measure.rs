//! One measurement: a contender does a case in a fresh process, after a warm-up, and its CPU time is taken.
//!
//! CPU time is that of the process, all threads, user and system. It is read through `rustix`, which asks the kernel
//! itself: madsim interposes libc's `clock_gettime` and panics on this clock inside of a runtime.

use std::{fs, time::Duration};

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use crate::{
    Result,
    contender::{Case, Contender},
};

/// The first word on the command line of a process that measures.
pub const CHILD: &str = "child";

/// How much to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Full sizes, repeated until they have taken long enough to be measured well.
    Full,
    /// A twentieth of the work, once.
    Quick,
}

impl Effort {
    /// How much of a full size to do.
    fn size(self, full: u32) -> u32 {
        match self {
            Self::Full => full,
            Self::Quick => (full / 20).max(1),
        }
    }

    /// Runs are repeated until they have taken this much CPU time together.
    fn at_least(self) -> Duration {
        match self {
            Self::Full => Duration::from_millis(300),
            Self::Quick => Duration::ZERO,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Quick => "quick",
        }
    }
}

/// What one process measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sample {
    /// Messages, worlds, sleeps, nodes or calls done.
    pub units: u64,
    /// CPU time that they took, in seconds.
    pub cpu_seconds: f64,
    /// Virtual time of one run, in milliseconds.
    pub virtual_ms: f64,
    /// Growth of resident memory a node, for idle nodes.
    pub bytes_per_node: Option<f64>,
}

impl Sample {
    /// Units per CPU second.
    pub fn rate(&self) -> f64 {
        self.units as f64 / self.cpu_seconds
    }
}

/// The command line of the process that measures `contender` doing `case`.
pub fn child_command(contender: &Contender, case: Case, effort: Effort) -> [&'static str; 4] {
    [CHILD, contender.name, case.name(), effort.name()]
}

/// Measures what the command line says and prints the [`Sample`] as JSON.
pub fn child(contenders: &[&Contender], words: &[String]) -> Result<()> {
    let [name, case, effort] = words else {
        return Err("child: contender, case and effort".into());
    };
    let contender = contenders.iter().find(|contender| contender.name == *name);
    let contender = contender.ok_or_else(|| format!("no contender {name} in this build"))?;
    let case = Case::by_name(case).ok_or_else(|| format!("no case {case}"))?;
    let effort = if effort == Effort::Quick.name() { Effort::Quick } else { Effort::Full };
    println!("{}", serde_json::to_string(&measure(contender, case, effort))?);
    Ok(())
}

fn measure(contender: &Contender, case: Case, effort: Effort) -> Sample {
    let size = effort.size(contender.size(case));
    if case.is_idle() {
        set_up(contender, case, size)
    } else {
        repeat(contender, case, size, effort.at_least())
    }
}

fn repeat(contender: &Contender, case: Case, size: u32, at_least: Duration) -> Sample {
    let run = |size| contender.run(case, size, &mut || ()).expect("it has entered");
    run((size / 20).max(1));
    let start = cpu_time();
    let mut units = 0;
    loop {
        let outcome = run(size);
        units += outcome.units;
        let took = cpu_time() - start;
        if took >= at_least {
            return Sample {
                units,
                cpu_seconds: took.as_secs_f64(),
                virtual_ms: outcome.virtual_time.as_secs_f64() * 1e3,
                bytes_per_node: None,
            };
        }
    }
}

/// Measures up to the moment when all nodes are up. Once only: what one world frees the next would get for nothing.
fn set_up(contender: &Contender, case: Case, nodes: u32) -> Sample {
    contender.run(case, (nodes / 100).max(1), &mut || ());
    let (memory, start) = (resident_bytes(), cpu_time());
    let mut up = None;
    let outcome = contender.run(case, nodes, &mut || {
        let took = cpu_time() - start;
        up = Some((took, resident_bytes() - memory));
    });
    let outcome = outcome.expect("it has entered");
    let (took, grown) = up.expect("a contender says when its nodes are up");
    Sample {
        units: outcome.units,
        cpu_seconds: took.as_secs_f64(),
        virtual_ms: outcome.virtual_time.as_secs_f64() * 1e3,
        bytes_per_node: Some(grown / f64::from(nodes)),
    }
}

/// CPU time of this process so far.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).expect("CPU time is never negative")
}

fn resident_bytes() -> f64 {
    let page = rustix::param::page_size() as f64;
    let sizes = fs::read_to_string("/proc/self/statm").expect("Linux tells a process its size");
    let pages = sizes.split(' ').nth(1).and_then(|pages| pages.parse::<f64>().ok());
    pages.expect("the second number is the resident set") * page
}
