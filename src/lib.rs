//! Stormglass.
pub mod error;
pub mod journal;
pub mod seed;
pub mod time;
pub mod topology;
pub mod verdict;

pub mod chaos;
pub mod clock;
pub mod disk;
pub mod kernel;
pub mod net;
pub mod node;
pub mod service;
pub mod sim;

#[cfg(feature = "cli")]
pub mod cli;
pub mod explore;
pub mod report;
pub mod shrink;

pub mod prelude;
