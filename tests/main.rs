//! One test binary: the map of the tests.

mod chaos;
mod clock;
mod disk;
mod journal;
mod kernel;
mod script;
mod storage;
