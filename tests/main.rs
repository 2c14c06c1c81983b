//! One test binary: the map of the tests.

mod chaos;
mod disk;
mod journal;
mod script;
mod storage;
