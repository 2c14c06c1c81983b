//! One test binary: the map of the tests.

mod chaos;
mod clock;
mod determinism;
mod disk;
mod http;
mod journal;
mod kernel;
mod memory;
mod net;
mod node;
mod script;
mod seal;
mod sim;
mod sims;
mod storage;
mod stream;
mod tidy;
