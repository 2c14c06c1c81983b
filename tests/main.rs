//! One test binary: the map of the tests.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod chaos;
mod child;
mod cli;
mod clock;
mod conformance;
mod consistency;
mod convergence;
mod contract;
mod determinism;
mod disk;
mod document;
mod events;
mod explore;
mod history;
mod http;
mod journal;
mod kernel;
mod memory;
#[cfg(feature = "wiremock")]
mod mock;
mod net;
mod node;
mod orchestrator;
#[cfg(all(madsim, target_os = "linux", target_env = "gnu"))]
mod programs;
mod readers;
mod report;
mod saga;
mod script;
mod seal;
mod shrink;
mod sim;
mod sims;
mod storage;
mod stream;
mod tidy;
mod trace;
