//! What can go wrong, as plain data: faults, plans of faults, scripts, and who draws them.
//!
//! - [`fault`]: the vocabulary, one enum; [`kind`] names its variants; [`text`] its durations.
//! - [`plan`]: everything that goes wrong in one run; [`script`] keeps it as TOML.
//! - [`tolerance`]: what a system promises to survive.
//! - [`nemesis`]: draws a plan within the tolerance for each seed.
//! - `strategies`: the same for `proptest!`, with the feature of that name.
//!
//! Nothing here knows a running world: applying a fault is the world's business.

mod effect;
pub mod fault;
pub mod kind;
mod line;
pub mod text;

mod field;
mod round;

mod check;
pub mod plan;
mod scheduling;
pub mod script;

pub mod tolerance;

mod draw;
pub mod nemesis;

#[cfg(feature = "proptest")]
pub mod strategies;

pub use check::Label;
pub use effect::{DiskOperation, Effect, Leg};
pub use fault::Fault;
pub use kind::FaultKind;
pub use nemesis::Chaos;
pub use plan::FaultPlan;
pub use script::{Replay, Script};
pub use tolerance::Tolerance;
