//! Where programs cannot run: everywhere but in a sealed build on Linux with glibc.

use std::collections::BTreeMap;

use futures::future::LocalBoxFuture;

use crate::audit::SEAL;
use crate::journal::NodeId;

/// Says what to do.
///
/// # Panics
///
/// If the world has programs: there is no operating system to run them on.
pub(crate) fn install(has_programs: bool) {
    let remedy = match cfg!(all(target_os = "linux", target_env = "gnu")) {
        true => SEAL,
        false => "use `sim.service` or `sim.process` on this platform",
    };
    assert!(!has_programs, "`sim.program` needs the seal, on Linux with glibc: {remedy}");
}

pub(crate) fn program(
    _: NodeId,
    _: &BTreeMap<String, String>,
    _: &[String],
    _: impl FnOnce() -> LocalBoxFuture<'static, ()> + 'static,
) -> LocalBoxFuture<'static, ()> {
    unreachable!("a world with programs does not start here")
}
