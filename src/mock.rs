//! Mocks of services outside of the system under test: stubs that answer, read from WireMock's
//! mapping files or written in Rust.
//!
//! ```
//! use stormglass::mock::{Count, Fault, Matcher, Reply, RequestPattern, ServiceMockManager, Stub, Stubs};
//! use stormglass::prelude::*;
//!
//! fn world(sim: &mut Sim) {
//!     let charges = RequestPattern::new("POST").path("/charge");
//!     let stubs = Stubs::new()
//!         .with(Stub::new(charges.clone(), Reply::status(201)))
//!         .with(
//!             Stub::new(charges.clone(), Reply::fault(Fault::ConnectionResetByPeer))
//!                 .named("the first charge breaks off")
//!                 .when("charges", "Started")
//!                 .then("once"),
//!         );
//!     let mocks = ServiceMockManager::new();
//!     let payment = mocks.install(sim, "payment", &stubs);
//!     sim.client("shopper", |ctx| async move {
//!         let request = ctx.http().post("http://payment/charge").body("7");
//!         let status = request.retry(Retry::times(1)).send().await?.status();
//!         ctx.record(status);
//!         Ok::<(), HttpError>(())
//!     });
//!     sim.chaos(Chaos::none());
//!     sim.eventually("it is charged at the second try", move |_: &View<'_>| {
//!         payment.verify(&charges, Count::Exactly(2))
//!     });
//! }
//!
//! assert!(run(&world, &RunConfig::seed(1)).verdict().holds());
//! ```
//!
//! A mock is a service of the message lane, and reached by sockets where programs call it. It stands
//! for somebody else's service, so what it knows (scenarios, requests received) is kept outside of its
//! nodes: it survives their crashes, and replicas share it. What it does at random comes from a stream
//! of each stub, keyed by service and stub: another stub, or another draw, moves nothing elsewhere.
//!
//! Two things are as in WireMock, measured: a scenario moves when a request is matched, before the
//! answer's delay; and of stubs with equal priority the newest answers.

mod date;
mod import;
mod json_equal;
mod json_path;
mod manager;
mod matcher;
mod pattern;
mod read;
mod regex;
mod request;
mod response;
mod serve;
mod stub;
mod template;
mod verify;

pub use import::{ImportOptions, Stubs};
pub use manager::{Mock, MockSnapshot, ServiceMockManager, Snapshot};
pub use matcher::Matcher;
pub use pattern::RequestPattern;
pub use request::ReceivedRequest;
pub use response::{Delay, Fault, Reply};
pub use serve::MockService;
pub use stub::Stub;
pub use verify::{Count, NearMiss};
