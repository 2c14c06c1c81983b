//! What can go wrong, as plain data: faults, plans of faults, scripts, and who draws them.
//!
//! - [`fault`]: the vocabulary, one enum; [`kind`] names its variants.
//! - [`text`]: durations as people write them.
//!
//! Nothing here knows a running world: applying a fault is the world's business.

pub mod fault;
pub mod kind;
mod line;
pub mod text;

pub use fault::{DiskOperation, Effect, Fault, Leg};
pub use kind::FaultKind;
