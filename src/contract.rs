//! What services promise each other, and whether two releases keep it: contracts as files, their
//! comparison, who may be deployed where, and a tap that checks every simulated message.
//!
//! A [`ContractRegistry`] is a directory:
//!
//! ```text
//! contracts/
//!   orders/1.2.0/payment.json               what orders 1.2.0 expects of payment: a Pact file (v1 to v4)
//!   orders/1.2.0/publishes/OrderPlaced.json the events it publishes: JSON Schema
//!   inventory/2.0.0/openapi.yaml            what inventory 2.0.0 serves: OpenAPI 3.0 or 3.1
//!   shipping/1.0.0/reads/OrderPlaced.json   the events it must be able to read: JSON Schema
//!   state.json                              environments, deployments, verifications (written by us)
//! ```
//!
//! The first two folders are a [`Release`]: service and version (semver 2.0.0). What a file is, is
//! seen from its content: `openapi` makes it an interface, `consumer` and `provider` a Pact.
//!
//! Two versions are compared as sets of messages ([`Schema::contains`]): a request that the old one
//! took must be taken by the new one, a response or an event that the new one sends must have been
//! allowed by the old one. A broken promise is shown with a payload that one side accepts and the
//! other refuses, and both validators have been asked. What cannot be decided is
//! [`Compatibility::Unknown`], and that never passes.
//!
//! Nothing here fetches: a reference to another file or to the network is refused.

mod change;
mod environment;
mod gate;
mod impact;
mod openapi;
mod pact;
mod registry;
mod release;
mod schema;
mod tap;
mod traffic;
mod witness;

pub use change::{Bump, Change, Compatibility, Diff, Direction};
pub use environment::{Deployment, Environment, Live, Placement, State, Verification};
pub use gate::{Gate, Pair};
pub use impact::{Impact, Struck};
pub use openapi::{OpenApi, Operation};
pub use pact::{Expectation, Fit, Pact};
pub use registry::{Contract, ContractRegistry, Source};
pub use release::Release;
pub use schema::{Containment, Profile, Schema, Settings};
pub use tap::{Checker, Finding, Level, Side, Summary};
pub use traffic::{Leg, Message, Tap};
