//! Stormglass.
pub mod error;
pub mod seed;
pub mod time;
pub mod topology;
pub mod verdict;

pub mod disk;
