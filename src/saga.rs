//! Sagas: work over several services that is done everywhere or taken back everywhere, without a common
//! transaction (Garcia-Molina & Salem, "Sagas", SIGMOD 1987).
//!
//! - [`Saga`] - steps with their compensations, and an orchestrator with a durable log that goes on after a
//!   crash (feature `redb`). Start here.
//! - [`Participant`] - what a service needs so that each step happens once, is undone once, and stays
//!   undone when its request comes late (feature `redb`).
//! - [`effect()`], [`found`] - how a service without a [`Participant`] says what it did.
//! - [`Definition`], [`check()`] - what must be true of every saga, whoever orchestrates it, decided from the
//!   journal. [`Sim::saga`] asks for all of it in one line.
//!
//! # What must be true
//!
//! | | invariant | violated, for example, by |
//! |---|---|---|
//! | S1 | every saga ends | an orchestrator that forgets in a crash what it had begun |
//! | S2 | its steps are all in effect, or none is | a compensation that nobody made |
//! | S3 | what is undone was done, or may have been; what may have been done is undone | a refund without a charge |
//! | S5 | what is delivered again changes nothing | a charge without an idempotency key |
//! | S7 | what comes late does not bring back what was undone | a reservation that overtakes nothing and outlives its cancellation |
//!
//! The numbers are those of the invariants that the field's kits miss; S4 (reverse order), S6 (after the pivot there is
//! no way back), S8 (no compensation fails silently) and S9 (the same end after a crash at each
//! persisted point) are how [`Saga`] works, and no part of this oracle.

mod check;
mod definition;
mod event;
#[cfg(feature = "redb")]
mod kit;
#[cfg(feature = "redb")]
mod log;
#[cfg(feature = "redb")]
mod orchestrator;
#[cfg(feature = "redb")]
mod participant;
mod property;
mod witness;

pub use check::{Ended, check, check_history, findings};
pub use definition::Definition;
pub use event::{Effect, SagaEvent, What, effect, found};
#[cfg(feature = "redb")]
pub use kit::{Saga, Step, StepError, Task, accepted};
#[cfg(feature = "redb")]
pub use orchestrator::{Ending, Orchestrator};
#[cfg(feature = "redb")]
pub use participant::{Acted, Participant};
pub use witness::{Finding, Invariant};

#[cfg(doc)]
use crate::sim::Sim;
pub(crate) use event::install;
