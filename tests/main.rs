//! One test binary: the map of the tests.

mod disk;
mod journal;
mod net;
mod script;
mod stream;
