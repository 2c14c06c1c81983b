//! Stormglass.
pub mod error;
pub mod journal;
mod kernel;
pub mod clock;
pub mod seed;
pub mod time;
pub mod topology;
pub mod verdict;

pub mod chaos;
