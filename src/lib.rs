//! A deterministic simulator of distributed systems: services, clocks, disks and the network between
//! them run inside one seeded world; chaos strikes reproducibly; a failing seed replays exactly,
//! shrinks to the faults that matter, and tells its story.
//!
//! ```
//! use std::time::Duration;
//! use stormglass::prelude::*;
//!
//! /// A counter that forgets what it has not answered for, and a client that asks again.
//! fn world(sim: &mut Sim) {
//!     sim.process("counter", |ctx| async move {
//!         let Ok(endpoint) = ctx.bind(7) else { return };
//!         let mut count = 0u32;
//!         while let Ok((_, from)) = endpoint.receive().await {
//!             count += 1;
//!             ctx.publish("count", count);
//!             endpoint.send_to(from, "counted");
//!         }
//!     });
//!     sim.client("asker", |ctx| async move {
//!         let endpoint = ctx.bind(0)?;
//!         for _ in 0..20 {
//!             endpoint.send("counter", 7, "count")?;
//!             if ctx.timeout(Duration::from_millis(50), endpoint.receive()).await.is_ok() {
//!                 break;
//!             }
//!         }
//!         Ok::<(), std::io::Error>(())
//!     });
//!     sim.always("it counts once", |view: &View<'_>| {
//!         view.probe::<u32>("counter", "count").is_none_or(|count| *count <= 1)
//!     });
//! }
//!
//! let report = explore(world).seeds(0..200).find();
//! assert!(report.verdict().is_violated(), "a lost answer makes it count twice");
//! ```
//!
//! # The map
//!
//! Words, plain data:
//! [`error`], [`document`] (files with their lines), [`seed`] (named streams of randomness),
//! [`time`](mod@time), [`verdict`], [`topology`], [`journal`] (what happened, and why), [`history`] (what
//! clients asked and were answered), `contract` (what services promise each other), [`trace`] (who
//! worked for which request).
//!
//! The world: [`kernel`] (the executor), [`clock`] (what a node believes the time is), [`disk`], [`net`]
//! (links, datagrams, streams), [`audit`] (what an executable asks of the C library), [`node`]
//! (machines and processes), [`service`] (HTTP, and [`service::Ctx`], what code in the world has in its
//! hand), [`events`] (a broker, outbox and inbox), [`saga`] (steps and compensations, and what must be
//! true of them), `mock` (stubs that answer for services of others), [`sim`] (the description of a
//! world, and its run), [`chaos`] (faults as data, and who draws them), [`orchestrator`]
//! (systems from compose files).
//!
//! Oracles, functions of what was recorded: [`consistency`], [`convergence`].
//!
//! Search: [`explore()`](explore::explore) (many seeds), [`shrink`] (the smallest plan), [`report`] (the
//! text), `cli` (the command line for worlds of your own).
//!
//! [`rand`], `redb` and `proptest` are re-exported: `stormglass::redb::Database` is the type that
//! [`disk`] gives, whichever version your own crate has.
//!
//! Start with [`sim::Sim`], then [`service::Ctx`], then [`explore::explore`].

pub mod error;
pub mod document;
pub mod seed;
pub mod time;
pub mod verdict;
pub mod topology;
pub mod journal;
pub mod history;
mod ddmin;
#[cfg(feature = "contracts")]
pub mod contract;
pub mod trace;

pub mod kernel;
pub mod clock;
pub mod disk;
pub mod net;
pub mod audit;
pub mod node;
// A private module: programs are members of a `Sim`.
#[cfg(all(madsim, target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "it stands where the C library stood")]
mod os;
#[cfg(not(all(madsim, target_os = "linux", target_env = "gnu")))]
#[path = "os/absent.rs"]
mod os;
pub mod service;
pub mod events;
pub mod saga;
#[cfg(feature = "wiremock")]
pub mod mock;
pub mod sim;
pub mod chaos;
pub mod orchestrator;

pub mod consistency;
pub mod convergence;

pub mod explore;
pub mod shrink;
pub mod report;
#[cfg(feature = "cli")]
pub mod cli;

pub mod prelude;

// Libraries whose types are in the interface, in the version that it means.
#[cfg(feature = "proptest")]
pub use proptest;
pub use rand;
#[cfg(feature = "redb")]
pub use redb;
