//! One test binary: the map of the tests.

mod chaos;
mod clock;
mod disk;
mod journal;
mod kernel;
mod net;
mod script;
mod storage;
mod stream;
