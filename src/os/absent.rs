//! Where programs cannot run: everywhere but in a sealed build on Linux with glibc.

use std::collections::BTreeMap;

use futures::future::LocalBoxFuture;

use crate::journal::NodeId;

pub(crate) fn install() {}

/// Says what to do.
///
/// # Panics
///
/// Always: there is no operating system to run the program on.
pub(crate) fn program(
    _: NodeId,
    _: &BTreeMap<String, String>,
    _: &[String],
    _: impl FnOnce() -> LocalBoxFuture<'static, ()> + 'static,
) -> LocalBoxFuture<'static, ()> {
    let remedy = if cfg!(all(target_os = "linux", target_env = "gnu")) {
        "add to `.cargo/config.toml`, under `[build]`: `rustflags = [\"--cfg\", \"madsim\"]` and \
         `rustdocflags = [\"--cfg\", \"madsim\"]`"
    } else {
        "use `sim.service` or `sim.process` on this platform"
    };
    panic!("`sim.program` needs the seal, on Linux with glibc: {remedy}")
}
