//! What an executable asks of the C library, and what becomes of it in a world with
//! [programs](crate::sim::Sim::program).
//!
//! Every function that an executable imports is in one [`Class`]. What is in none of the tables is
//! [`Class::Unknown`], and a reason to look: a program that calls it may reach the host, and then no
//! seed replays it. `stormglass audit` prints the table; in a test it is one line:
//!
//! ```no_run
//! let unknown: Vec<String> = stormglass::audit::Audit::own()?.unknown().map(String::from).collect();
//! assert!(unknown.is_empty(), "{unknown:?}");
//! # Ok::<(), stormglass::error::Error>(())
//! ```
//!
//! Only calls by name are seen. Machine instructions that enter the kernel by themselves (io_uring crates
//! with assembly of their own), and libraries that are loaded later, are in no such table. Those of
//! `rustix` stand in it as [`RAW_RUSTIX`] where they are recognized.

mod elf;
mod passes;
mod table;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::path::Path;

use crate::error::{Error, Result};

/// What becomes of a call that a program makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Nobody has looked at it.
    Unknown,
    /// It reaches the host, and no function of ours can stand before it.
    Host,
    /// It fails with the names of the node and of the call, and with what to do.
    Refused,
    /// It acts on the world.
    Simulated,
    /// It neither tells of the host nor changes it.
    Harmless,
}

impl Class {
    /// All of them, the worst first.
    pub const ALL: [Class; 5] =
        [Class::Unknown, Class::Host, Class::Refused, Class::Simulated, Class::Harmless];

    /// Its name: `unknown`, `host`, `refused`, `simulated` or `harmless`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Class::Unknown => "unknown",
            Class::Host => "host",
            Class::Refused => "refused",
            Class::Simulated => "simulated",
            Class::Harmless => "harmless",
        }
    }

    fn is_ours(self) -> bool {
        matches!(self, Class::Refused | Class::Simulated)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A function, or a piece of data, that an executable has from the C library or in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Its name, without a version.
    pub name: String,
    /// What becomes of it.
    pub class: Class,
    /// What it does inside of a node; for what is refused, why.
    pub inside: &'static str,
    /// What to do instead; empty if there is nothing to do.
    pub remedy: &'static str,
    /// True if the executable defines it itself, as one with Stormglass does with what is simulated
    /// or refused.
    pub is_defined: bool,
}

/// How to have the seal.
pub(crate) const SEAL: &str = "add to `.cargo/config.toml`, under `[build]`: `rustflags = \
    [\"--cfg\", \"madsim\", \"--cfg\", \"tokio_unstable\"]` and the same as `rustdocflags`, as `stormglass init` does";

/// The name under which the system calls stand that `rustix` makes by instructions of its own.
pub const RAW_RUSTIX: &str = "raw system calls: rustix";

/// What an executable asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// By class, the worst first, then by name.
    symbols: Vec<Symbol>,
    /// The libraries beside the C library.
    libraries: Vec<String>,
}

/// Libraries whose functions need no look: numbers, and what compilers add.
const KNOWN_LIBRARIES: [&str; 2] = ["libm.so.", "libgcc_s.so."];
/// The C library and its parts, whose functions are looked at one by one.
const C_LIBRARY: [&str; 7] = [
    "libc.so.",
    "libpthread.so.",
    "libdl.so.",
    "librt.so.",
    "libresolv.so.",
    "libutil.so.",
    "ld-linux",
];

impl Audit {
    /// Reads an executable or a shared library.
    ///
    /// # Errors
    ///
    /// If it cannot be read, is none of ELF, or is not linked with glibc dynamically.
    pub fn of(path: impl AsRef<Path>) -> Result<Audit> {
        let path = path.as_ref();
        let failed = |source| Error::io(path, source);
        // Opening a pipe would wait for somebody who writes.
        let is_file = path.metadata().map_err(failed)?.is_file();
        let facts = match is_file {
            true => elf::read(File::open(path).map_err(failed)?),
            false => Err("it is no file".to_owned()),
        };
        let facts = facts.map_err(|reason| Error::Executable { path: path.into(), reason })?;
        Ok(Audit::new(facts))
    }

    /// Reads the executable of this process.
    ///
    /// # Errors
    ///
    /// As [`Audit::of`].
    pub fn own() -> Result<Audit> {
        // Its file may have been replaced since; this name leads to what runs.
        Audit::of("/proc/self/exe")
    }

    fn new(facts: elf::Facts) -> Audit {
        let mut symbols = BTreeMap::new();
        for (name, is_defined, library) in facts.symbols {
            if library.is_some_and(|library| !is_any(&library, &C_LIBRARY)) {
                continue;
            }
            let row = table::row(&name);
            // What an executable offers to others is its own affair.
            if is_defined && !row.is_some_and(|row| row.class.is_ours()) {
                continue;
            }
            let (class, inside, remedy) = match row {
                Some(row) => (row.class, row.inside, row.remedy),
                None => (Class::Unknown, UNKNOWN.0, UNKNOWN.1),
            };
            let symbol = Symbol { name: name.clone(), class, inside, remedy, is_defined };
            symbols.insert((class, name), symbol);
        }
        if facts.has_raw_rustix {
            let class = Class::Host;
            let (inside, remedy) = table::RAW;
            let name = RAW_RUSTIX.to_owned();
            let symbol = Symbol { name: name.clone(), class, inside, remedy, is_defined: true };
            symbols.insert((class, name), symbol);
        }
        let known =
            |library: &String| is_any(library, &C_LIBRARY) || is_any(library, &KNOWN_LIBRARIES);
        let libraries = facts.libraries.into_iter().filter(|library| !known(library)).collect();
        Audit { symbols: symbols.into_values().collect(), libraries }
    }

    /// All symbols: the worst class first, then by name.
    #[must_use]
    pub fn symbols(&self) -> &[Symbol] {
        &self.symbols
    }

    /// What nobody has looked at: names of functions, and of libraries with functions of their own.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        let is_unknown = |symbol: &&Symbol| symbol.class == Class::Unknown;
        let names = self.symbols.iter().filter(is_unknown).map(|symbol| symbol.name.as_str());
        names.chain(self.libraries.iter().map(String::as_str))
    }

    /// What Stormglass defines elsewhere and the C library does here: all of it in an executable
    /// without Stormglass or without the seal, nothing in one with both.
    pub fn missing(&self) -> impl Iterator<Item = &str> {
        let is_missing = |symbol: &&Symbol| symbol.class.is_ours() && !symbol.is_defined;
        self.symbols.iter().filter(is_missing).map(|symbol| symbol.name.as_str())
    }
}

const UNKNOWN: (&str, &str) =
    ("it may reach the host", "look at what it does; tell the authors of Stormglass its name");

fn is_any(library: &str, names: &[&str]) -> bool {
    names.iter().any(|name| library.starts_with(name))
}

/// Why a program may not call that function, and what to do instead.
#[cfg(all(madsim, target_os = "linux", target_env = "gnu"))]
pub(crate) fn refusal(name: &str) -> (&'static str, &'static str) {
    let row = table::row(name).expect("every refused function is in the table");
    (row.inside, row.remedy)
}
