//! Where programs cannot run: everywhere but in a sealed build on Linux with glibc.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::LocalBoxFuture;

use crate::audit::SEAL;
use crate::journal::NodeId;

pub(crate) fn install() {}

pub(crate) fn goes_on() -> bool {
    false
}

/// Called before every world with programs: says what to do.
///
/// # Panics
///
/// Always: there is no operating system to run them on.
pub(crate) fn check(_: bool, _: &BTreeSet<String>) -> Vec<String> {
    let remedy = match cfg!(all(target_os = "linux", target_env = "gnu")) {
        true => SEAL,
        false => "use `sim.service` or `sim.process` on this platform",
    };
    panic!("`sim.program` needs the seal, on Linux with glibc: {remedy}")
}

pub(crate) fn program(
    _: NodeId,
    _: &BTreeMap<String, String>,
    _: &[String],
    _: impl FnOnce() -> LocalBoxFuture<'static, ()> + 'static,
) -> LocalBoxFuture<'static, ()> {
    unreachable!("no world with programs starts here")
}
