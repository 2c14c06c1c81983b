//! Jaeger's JSON, as its HTTP API answers and its UI opens (`{"data": [...]}`): times in microseconds.

mod read;
mod write;

pub(super) use read::read;
pub(super) use write::write;
