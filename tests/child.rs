//! A test in a process of its own.

use std::process::Command;

/// Set in the child.
const CHILD: &str = "STORMGLASS_TEST_CHILD";

/// Runs the test of that full name again, in a process of its own where no other test runs, and gives
/// what it prints there; none in that process.
#[track_caller]
pub(crate) fn printed_by(test: &str) -> Option<String> {
    if std::env::var_os(CHILD).is_some() {
        return None;
    }
    let own = std::env::current_exe().expect("a test has a file");
    let child = Command::new(own)
        .args(["--exact", "--nocapture", test])
        .env(CHILD, "1")
        .output()
        .expect("it can be started again");
    let text = String::from_utf8_lossy(&child.stdout).into_owned();
    assert!(child.status.success(), "{text}{}", String::from_utf8_lossy(&child.stderr));
    assert!(text.contains("1 passed"), "there is no test {test}");
    Some(text)
}

/// Runs the test of that full name in a process of its own, where nothing else allocates, opens files
/// or makes threads; true in that process.
#[track_caller]
pub(crate) fn is_own_process(test: &str) -> bool {
    printed_by(test).is_none()
}
