//! What is not simulated fails with an error that names the call, the node and what to do.
#![expect(clippy::disallowed_methods, reason = "programs sleep where they must not")]

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use expect_test::{Expect, expect};

use super::*;

/// Runs a program alone, and compares the verdict.
#[track_caller]
fn check_verdict<C>(program: impl Fn() -> C + Copy + Sync + 'static, expected: Expect)
where
    C: Future<Output = io::Result<()>> + 'static,
{
    let world = move |sim: &mut Sim| {
        calm(sim);
        sim.program("program", program).env("GREETING", "hello").reads("tests/programs/").drives();
    };
    let run = twice(&world, &RunConfig::seed(1));
    let verdict = run.verdict().to_string();
    // Without the place in our own code.
    let verdict = verdict.split(" (src/").next().unwrap_or_default();
    expected.assert_eq(&format!("{verdict}\n{}", told(&run)));
}

#[test]
fn sleeping_in_async_code() {
    check_verdict(
        || async {
            std::thread::sleep(secs(1));
            tell("never told");
            Ok(())
        },
        expect![[r#"
            violated: no service panics: program: `sleep`: it would block the only thread of the program; use tokio's own, or make the call in `spawn_blocking`
            0.000 ms program never told
        "#]],
    );
}

#[test]
fn blocking_sockets_in_async_code() {
    check_verdict(
        || async {
            tell(kind(TcpStream::connect("10.0.0.1:80")));
            Ok(())
        },
        expect![[r#"
            violated: no service panics: program: `connect`: it would block the only thread of the program; use tokio's own, or make the call in `spawn_blocking`
            0.000 ms program Deadlock
        "#]],
    );
    check_verdict(
        || async {
            let listener = std::net::TcpListener::bind("0.0.0.0:80")?;
            tell(kind(listener.accept()));
            Ok(())
        },
        expect![[r#"
            violated: no service panics: program: `accept`: it would block the only thread of the program; use tokio's own, or make the call in `spawn_blocking`
            0.000 ms program Deadlock
        "#]],
    );
}

#[test]
fn waiting_for_a_thread_that_waits() {
    check_verdict(
        || async {
            let thread = std::thread::spawn(|| std::thread::sleep(secs(1)));
            tell(thread.join().is_ok());
            Ok(())
        },
        expect![[r#"
            violated: no service panics: program: `pthread_join`: it would block the only thread of the program; use tokio's own, or make the call in `spawn_blocking`
        "#]],
    );
}

#[test]
fn unix_sockets() {
    check_verdict(
        || async {
            tell(kind(UnixStream::connect("/var/run/docker.sock")));
            Ok(())
        },
        expect![[r#"
            violated: no service panics: program: `socket`: Unix sockets are not simulated; listen on TCP: take the address from the environment
            0.000 ms program Uncategorized
        "#]],
    );
}

#[test]
fn files_that_are_written() {
    check_verdict(
        || async {
            tell(kind(std::fs::write("/tmp/stormglass-must-not-be", "text")));
            Ok(())
        },
        expect![[r#"
            violated: no service panics: program: `open64 /tmp/stormglass-must-not-be`: files of the host are not simulated; let the sim name the folder that is read (`.reads("config/")`), or keep what is written behind a trait
            0.000 ms program PermissionDenied
        "#]],
    );
    assert!(!std::fs::exists("/tmp/stormglass-must-not-be").unwrap());
    check_verdict(
        || async {
            tell(kind(tokio::fs::create_dir("/tmp/stormglass-must-not-be").await));
            Ok(())
        },
        expect![[r#"
            violated: no service panics: program: `mkdir /tmp/stormglass-must-not-be`: files of the host are not simulated; let the sim name the folder that is read (`.reads("config/")`), or keep what is written behind a trait
            0.000 ms program PermissionDenied
        "#]],
    );
    check_verdict(
        || async {
            tell(kind(std::fs::OpenOptions::new().append(true).open("tests/programs/refused.rs")));
            Ok(())
        },
        expect![[r#"
            violated: no service panics: program: `open64 tests/programs/refused.rs`: files of the host are not simulated; let the sim name the folder that is read (`.reads("config/")`), or keep what is written behind a trait
            0.000 ms program PermissionDenied
        "#]],
    );
}

#[test]
fn files_that_are_read() {
    check_verdict(
        || async {
            let text = std::fs::read_to_string("tests/programs/refused.rs")?;
            tell(text.lines().next().unwrap_or_default());
            let text = tokio::fs::read_to_string("tests/programs/refused.rs").await?;
            tell(text.lines().next().unwrap_or_default());
            Ok(())
        },
        expect![[r#"
            holds
            0.000 ms program //! What is not simulated fails with an error that names the call, the node and what to do.
            0.000 ms program //! What is not simulated fails with an error that names the call, the node and what to do.
        "#]],
    );
    check_verdict(
        || async {
            tell(kind(std::fs::read("tests/programs.rs")));
            Ok(())
        },
        expect![[r#"
            violated: no service panics: program: `open64 tests/programs.rs`: files of the host are not simulated; let the sim name the folder that is read (`.reads("config/")`), or keep what is written behind a trait
            0.000 ms program PermissionDenied
        "#]],
    );
    check_verdict(
        || async {
            tell(kind(std::fs::read("tests/programs/../programs.rs")));
            Ok(())
        },
        expect![[r#"
            violated: no service panics: program: `open64 tests/programs/../programs.rs`: files of the host are not simulated; let the sim name the folder that is read (`.reads("config/")`), or keep what is written behind a trait
            0.000 ms program PermissionDenied
        "#]],
    );
}

#[test]
fn other_processes() {
    check_verdict(
        || async {
            tell(kind(std::process::Command::new("true").status()));
            Ok(())
        },
        expect![[r#"
            violated: no service panics: program: `posix_spawnp`: other processes are not simulated; make it a program of its own in the sim
            0.000 ms program PermissionDenied
        "#]],
    );
    check_verdict(
        || async {
            // With a working directory std forks.
            tell(kind(std::process::Command::new("true").current_dir("/").status()));
            Ok(())
        },
        expect![[r#"
            violated: no service panics: program: `posix_spawnp`: other processes are not simulated; make it a program of its own in the sim
            0.000 ms program PermissionDenied
        "#]],
    );
}

/// Its output is to be caught: std opens `/dev/null` before it asks for a process.
#[test]
fn a_process_whose_output_is_read() {
    check_verdict(
        || async {
            tell(kind(std::process::Command::new("true").output()));
            Ok(())
        },
        expect![[r#"
            violated: no service panics: program: `pipe2`: pipes are not simulated, nor are other processes; use a channel or `tokio::io::duplex`; make a process a program of its own in the sim
            0.000 ms program PermissionDenied
        "#]],
    );
}

#[test]
fn the_environment_is_the_nodes() {
    check_verdict(
        || async {
            tell(format_args!("{:?}", std::env::var("GREETING")));
            tell(format_args!("{:?}", std::env::var("PATH")));
            tell(format_args!("{:?}", std::env::var_os("HOME")));
            Ok(())
        },
        expect![[r#"
            holds
            0.000 ms program Ok("hello")
            0.000 ms program Err(NotPresent)
            0.000 ms program None
        "#]],
    );
}

/// As in life.
#[test]
fn a_runtime_in_a_runtime() {
    check_verdict(
        || async {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async { tell("never told") });
            Ok(())
        },
        expect![[r#"
            violated: no service panics: program: Cannot start a runtime from within a runtime. This happens because a function (like `block_on`) attempted to block the current thread while the thread is being used to drive asynchronous tasks. If you are in an async function, use `.await` on the future instead of blocking on it. (tests/programs/refused.rs:234)
        "#]],
    );
}

#[test]
fn a_thread_that_asks_for_too_much() {
    check_verdict(
        || async {
            let result = tokio::task::spawn_blocking(|| std::fs::write("/tmp/never", "text"));
            tell(kind(result.await?));
            Ok(())
        },
        expect![[r#"
            violated: no service panics: program: `open64 /tmp/never`: files of the host are not simulated; let the sim name the folder that is read (`.reads("config/")`), or keep what is written behind a trait
            0.000 ms program PermissionDenied
        "#]],
    );
}

#[test]
fn what_a_program_prints_is_printed() {
    check_verdict(
        || async {
            io::stderr().write_all(b"")?;
            tell(io::empty().read(&mut [])?);
            Ok(())
        },
        expect![[r#"
            holds
            0.000 ms program 0
        "#]],
    );
}
