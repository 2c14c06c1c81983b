//! One test binary: the map of the tests.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod chaos;
mod child;
mod cli;
mod clock;
mod conformance;
mod contract;
mod determinism;
mod disk;
mod document;
mod explore;
mod http;
mod journal;
mod kernel;
mod memory;
mod net;
mod node;
#[cfg(all(madsim, target_os = "linux", target_env = "gnu"))]
mod programs;
mod report;
mod script;
mod seal;
mod shrink;
mod sim;
mod sims;
mod storage;
mod stream;
mod tidy;
