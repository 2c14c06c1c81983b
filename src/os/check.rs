//! What is made sure of before programs run: that their calls end here.

use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::thread;

use super::host;
use crate::audit::{Audit, SEAL};
use crate::error::{Error, Result};

/// Called before every world with programs, with the functions that its sim allows although nobody has
/// looked at them; what is worth a note in its journal.
///
/// # Panics
///
/// If calls of programs would not end here, with what to do.
pub(crate) fn check(is_sealed: bool, allowed: &BTreeSet<String>) -> Vec<String> {
    assert!(
        is_sealed,
        "`sim.program` needs the seal, and this run was asked for without it: leave \
         `RunConfig::sealed` as it is"
    );
    let mut notes = Vec::new();
    if cfg!(not(tokio_unstable)) {
        notes.push(SELECT.to_owned());
    }
    match own() {
        Ok(audit) => refuse(audit, allowed),
        Err(error @ Error::Executable { .. }) => panic!("`sim.program`: {error}"),
        // Where nobody may look at a process, as without `/proc`, there is still the seal.
        Err(error) => notes.push(format!("the executable is not audited: {error}")),
    }
    notes
}

/// Without that flag nothing fails, but not every run replays.
const SELECT: &str = "`tokio::select!` without `biased` draws from no seed: add `--cfg tokio_unstable`, as \
                      `stormglass init` does";

/// # Panics
///
/// If calls would not end here, or nobody knows where they end.
fn refuse(audit: &Audit, allowed: &BTreeSet<String>) {
    let missing: Vec<&str> = audit.missing().collect();
    assert!(
        missing.is_empty(),
        "`sim.program`: these calls do not reach the world: {}; {SEAL}",
        missing.join(", ")
    );
    if let Some(complaint) = complaint(audit.unknown(), allowed) {
        panic!("{complaint}");
    }
}

/// What is said of functions and libraries that nobody knows, if there are any that are not allowed.
fn complaint<'a>(
    unknown: impl Iterator<Item = &'a str>,
    allowed: &BTreeSet<String>,
) -> Option<String> {
    let names: Vec<&str> = unknown.filter(|name| !allowed.contains(*name)).collect();
    let first = names.first()?;
    Some(format!(
        "`sim.program`: nobody has looked at what these do, and they may reach the host: {}; see \
         `stormglass audit`, and name what programs may call: `sim.allows([{first:?}])`",
        names.join(", ")
    ))
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

#[cfg(test)]
mod tests {
    use super::complaint;

    #[test]
    fn what_nobody_knows_is_named_unless_it_is_allowed() {
        let unknown = ["frobnicate", "libssl.so.3"];
        let text = complaint(unknown.into_iter(), &["libssl.so.3".to_owned()].into()).unwrap();
        assert!(text.contains(": frobnicate;") && text.contains(r#"`sim.allows(["frobnicate"])`"#));
        let all = unknown.map(str::to_owned).into();
        assert_eq!(complaint(unknown.into_iter(), &all), None);
    }
}
