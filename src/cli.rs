//! The command line over a set of worlds: `list`, `run`, `explore`, `replay`, `shrink`, `diff`,
//! `determinism`; and what programs need: `init`, `audit`.
//!
//! A binary of your own gets it in three lines:
//!
//! ```no_run
//! use stormglass::explore::World;
//! use stormglass::prelude::*;
//!
//! fn shop(sim: &mut Sim) {
//!     sim.client("shopper", |ctx| async move { Ok::<(), String>(ctx.record("looks around")) });
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     stormglass::cli::main([World::new("shop", shop).about("nothing to buy")])
//! }
//! ```
//!
//! It ends with 0 if everything holds, 1 if something is violated, 2 if it was used the wrong way, 3
//! if nothing can be said: a verdict is unknown, or a run does not replay. With `--json` it writes
//! the lines of [`crate::report::json`] instead of text. Progress goes to standard error: a bar on a
//! terminal, else a line every few seconds.

mod args;
mod audit;
mod commands;
#[cfg(feature = "contracts")]
mod contract;
mod compose;
mod determinism;
mod help;
mod init;
mod pages;
mod progress;
mod trace;

use std::env;
use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use crate::error::Error;
use crate::explore::World;
use crate::verdict::Verdict;
use args::Args;

/// Everything holds.
pub const HOLDS: u8 = 0;
/// Something is violated.
pub const VIOLATED: u8 = 1;
/// The command was used the wrong way, or a file cannot be read or written.
pub const MISUSED: u8 = 2;
/// Nothing can be said: a verdict is unknown, or a run does not replay.
pub const UNKNOWN: u8 = 3;

/// Does what the arguments of this process ask for.
pub fn main(worlds: impl IntoIterator<Item = World>) -> ExitCode {
    let worlds: Vec<World> = worlds.into_iter().collect();
    let run = || run(&worlds, env::args_os(), &mut io::stdout().lock(), &mut io::stderr());
    // The message of the panic is printed already: a world that describes itself the wrong way.
    ExitCode::from(catch_unwind(AssertUnwindSafe(run)).unwrap_or(MISUSED))
}

/// Does what `args` ask for, the first of which is the program's name, by which help calls it; the exit
/// code. `out` gets what
/// was asked for, `err` what went wrong.
///
/// # Panics
///
/// If a world describes itself the wrong way.
pub fn run<A: Into<OsString>>(
    worlds: &[World],
    args: impl IntoIterator<Item = A>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> u8 {
    let args: Vec<OsString> = args.into_iter().map(Into::into).collect();
    let mut command = help::fitted(Args::command(), args.first().map(OsString::as_os_str), worlds);
    let parsed = command.try_get_matches_from_mut(args);
    let parsed = parsed.and_then(|matches| Args::from_arg_matches(&matches));
    let args = match parsed.map_err(|problem| problem.format(&mut command)) {
        Ok(args) => args,
        Err(problem) => {
            let text = problem.render();
            if problem.use_stderr() {
                let _ = write!(err, "{text}");
                return MISUSED;
            }
            let _ = write!(out, "{text}");
            return HOLDS;
        }
    };
    match commands::run(worlds, args.command, out) {
        Ok(code) => code,
        // Whoever read the output has seen enough.
        Err(Failed::Out(error)) if error.kind() == ErrorKind::BrokenPipe => HOLDS,
        Err(Failed::Out(error)) => {
            let _ = writeln!(err, "error: standard output: {error}");
            MISUSED
        }
        Err(Failed::Asked(error)) => {
            let _ = writeln!(err, "error: {error}");
            MISUSED
        }
    }
}

/// Why a command did not come to an end.
enum Failed {
    /// What was asked for cannot be done.
    Asked(Error),
    /// The answer cannot be written.
    Out(io::Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Failed {
        Failed::Asked(error)
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Failed {
        Failed::Out(error)
    }
}

fn exit_code(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Holds => HOLDS,
        Verdict::Violated(_) => VIOLATED,
        Verdict::Unknown(_) => UNKNOWN,
    }
}
