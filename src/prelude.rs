//! The names that a sim needs.

pub use crate::chaos::{Chaos, Fault, FaultPlan};
pub use crate::explore::explore;
#[cfg(feature = "wiremock")]
pub use crate::mock::ServiceMockManager;
pub use crate::service::{Ctx, HttpError, Retry};
pub use crate::sim::{Run, RunConfig, Sim, View, run};
pub use crate::verdict::Verdict;
