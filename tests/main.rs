//! One test binary: the map of the tests.

mod chaos;
mod script;
