//! One test binary: the map of the tests.

mod clock;
mod kernel;

mod disk;
mod journal;
mod script;
