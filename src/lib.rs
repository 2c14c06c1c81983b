//! Stormglass.
pub mod error;
pub mod journal;
pub mod seed;
pub mod time;
pub mod topology;
pub mod verdict;
