//! Stormglass.
pub mod error;
pub mod seed;
pub mod time;
pub mod verdict;
pub mod topology;
pub mod journal;

mod kernel;
pub mod clock;
pub mod disk;
pub mod net;
mod node;
pub mod service;
pub mod sim;
pub mod chaos;

pub mod prelude;
