//! One test binary: the map of the tests.

mod clock;
mod determinism;
mod http;
mod kernel;
mod memory;
mod node;
mod seal;
mod sim;
mod tidy;

mod disk;
mod journal;
mod script;
