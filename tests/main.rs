<<<<<<< HEAD
//! One test binary: the map of the tests.

mod journal;
mod script;
=======
mod disk;
>>>>>>> disk
