//! What is made sure of before programs run: that their calls end here.

use std::sync::OnceLock;
use std::thread;

use super::host;
use crate::audit::{Audit, SEAL};
use crate::error::Result;

/// Called before every world with programs; what is worth a note in its journal.
///
/// # Panics
///
/// If calls of programs would not end here, with what to do.
pub(crate) fn check(is_sealed: bool) -> Option<String> {
    assert!(
        is_sealed,
        "`sim.program` needs the seal, and this run was asked for without it: leave \
         `RunConfig::sealed` as it is"
    );
    let audit = match own() {
        Ok(audit) => audit,
        Err(error) => return Some(format!("the executable is not audited: {error}")),
    };
    let missing: Vec<&str> = audit.missing().collect();
    assert!(
        missing.is_empty(),
        "`sim.program`: these calls do not reach the world: {}; {SEAL}",
        missing.join(", ")
    );
    let unknown: Vec<&str> = audit.unknown().collect();
    let names = unknown.join(", ");
    let note = || format!("not known to be harmless: {names} (see `stormglass audit`)");
    (!unknown.is_empty()).then(note)
}

/// The audit of this process, which is made once.
fn own() -> &'static Result<Audit> {
    static OWN: OnceLock<Result<Audit>> = OnceLock::new();
    OWN.get_or_init(|| {
        // On a thread of its own: hash keys are drawn, and those of a world's thread are its seed's.
        let apart = || {
            // tokio's signals have a pair of sockets in each process: made here it is the host's.
            drop(host::builder().build());
            Audit::own()
        };
        thread::scope(|scope| scope.spawn(apart).join()).expect("reading a file does not panic")
    })
}
