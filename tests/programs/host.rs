//! What would let a program see the host: files, variables, clocks, descriptors, other processes.
#![expect(unsafe_code, reason = "calls of the C library are what is tested")]

use std::ffi::{c_char, c_int, c_long, c_uint};
use std::process::Command;
use std::ptr::{null, null_mut};

use expect_test::{Expect, expect};

use super::*;

unsafe extern "C" {
    safe fn _Fork() -> c_int;
    safe fn getsid(pid: c_int) -> c_int;
    safe fn closefrom(first: c_int);
    safe fn close_range(first: c_uint, last: c_uint, flags: c_int) -> c_int;
    fn clock_getres(clock: c_int, to: *mut libc::timespec) -> c_int;
}

/// What a world with one program comes to, without the place in our own code, and what it told.
fn outcome<C>(reads: &'static str, main: impl Fn() -> C + Copy + Sync + 'static) -> String
where
    C: Future + 'static,
    C::Output: ProgramOutput,
{
    let world = move |sim: &mut Sim| {
        calm(sim);
        sim.program("shop", main).reads(reads).env("RUST_LOG", "debug").drives();
    };
    let run = twice(&world, &RunConfig::seed(1));
    let verdict = run.verdict().to_string();
    format!("{}\n{}", verdict.split(" (src/").next().unwrap_or_default(), told(&run))
}

#[track_caller]
fn check_outcome<C>(main: impl Fn() -> C + Copy + Sync + 'static, expected: Expect)
where
    C: Future + 'static,
    C::Output: ProgramOutput,
{
    expected.assert_eq(&outcome("tests/programs/", main));
}

/// How a program fares that opens a file: `Ok`, `NotFound`, or refused.
fn opens(reads: &'static str, path: &'static str) -> String {
    let outcome = outcome(reads, move || async move { tell(kind(std::fs::File::open(path))) });
    match outcome.contains("violated") {
        true => "refused".to_owned(),
        false => outcome.trim().rsplit(' ').next().unwrap_or_default().to_owned(),
    }
}

#[test]
fn the_process_shows_no_way_to_the_host() {
    for path in
        ["cwd/Cargo.toml", "root/etc/hostname", "environ", "cmdline", "stat", "status", "fd/0"]
    {
        let path: &'static str = format!("/proc/self/{path}").leak();
        assert_eq!(opens("", path), "refused", "{path}");
    }
    for path in ["exe", "maps", "cgroup", "mountinfo"] {
        let path: &'static str = format!("/proc/self/{path}").leak();
        assert_eq!(opens("", path), "ok", "{path}");
    }
}

/// The host's time zone is none of a node's, unless the sim says so.
#[test]
fn local_time_is_utc() {
    // The places where `chrono` looks for it.
    for path in ["/etc/localtime", "/etc/timezone", "/etc/config/system"] {
        assert_eq!(opens("", path), "NotFound", "{path}");
    }
    let here = kind(std::fs::File::open("/etc/localtime"));
    assert_eq!(opens("/etc/localtime", "/etc/localtime"), here);
}

#[test]
fn a_folder_that_is_read_is_no_prefix() {
    assert_eq!(opens("tests/programs", "tests/programs/host.rs"), "ok");
    assert_eq!(opens("tests/programs", "./tests/programs/host.rs"), "ok");
    assert_eq!(opens("./tests/programs/", "tests//programs/./host.rs"), "ok");
    assert_eq!(opens("tests/programs", "tests/programs.rs"), "refused");
    assert_eq!(opens("tests/programs", "tests/programs/../programs.rs"), "refused");
    assert_eq!(opens("", "Cargo.toml"), "refused");
}

#[test]
fn the_nodes_own_variable_comes_first() {
    check_outcome(
        || async { tell(format_args!("{:?}", std::env::var("RUST_LOG"))) },
        expect![[r#"
            holds
            0.000 ms shop Ok("debug")
        "#]],
    );
}

/// A function of the C library, and a call of it that would do no harm.
type Call = (&'static str, fn() -> c_int);

/// What a child would do, if there was one.
extern "C" fn nothing(_: *mut std::ffi::c_void) -> c_int {
    0
}

/// Calls that the audit did not know, or let pass.
#[test]
fn what_makes_processes_or_closes_in_bulk_is_refused() {
    // SAFETY: nothing is done with what is passed.
    let calls: [Call; 8] = unsafe {
        [
            ("_Fork", || _Fork()),
            ("clone", || libc::clone(nothing, null_mut(), 0, null_mut())),
            ("getsid", || getsid(0)),
            ("closefrom", || {
                closefrom(1_000_000);
                -1
            }),
            ("close_range", || close_range(1000, 1000, 0)),
            ("execl", || libc::execl(c"/bin/false".as_ptr(), null::<c_char>())),
            ("execlp", || libc::execlp(c"false".as_ptr(), null::<c_char>())),
            ("execle", || {
                libc::execle(c"/bin/false".as_ptr(), null::<c_char>(), null::<*const c_char>())
            }),
        ]
    };
    for (name, call) in calls {
        let outcome = outcome("", move || async move { tell(call()) });
        assert!(outcome.starts_with("violated: no service panics: shop: `"), "{name}: {outcome}");
        assert!(outcome.contains(&format!("`{name}`: ")) && outcome.ends_with("-1\n"), "{outcome}");
    }
}

#[test]
fn the_resolution_of_a_clock_is_no_secret() {
    check_outcome(
        || async {
            // SAFETY: a structure of numbers, which the call fills.
            let nanos = unsafe {
                let mut time: libc::timespec = std::mem::zeroed();
                clock_getres(libc::CLOCK_MONOTONIC, &raw mut time);
                time.tv_nsec
            };
            tell(nanos);
        },
        expect![[r#"
            holds
            0.000 ms shop 1
        "#]],
    );
}

/// Outside of a world all arguments get through: some in registers, the rest above the frame.
#[test]
fn who_is_not_in_a_world_may_become_another_process() {
    const CHILD: &str = "STORMGLASS_EXECL_CHILD";
    let way = std::env::var(CHILD).unwrap_or_default();
    let (sh, text) = (c"/bin/sh".as_ptr(), c"echo $0 $1 $2 $3 $4 $5 $6 $7 $WHERE".as_ptr());
    let [a, b, c, d] = [c"a", c"b", c"c", c"d"].map(|text| text.as_ptr());
    let environment = [c"WHERE=here".as_ptr(), null()];
    let end = null::<c_char>();
    // SAFETY: the lists of texts end with null.
    unsafe {
        match way.as_str() {
            "execl" => libc::execl(sh, sh, c"-c".as_ptr(), text, a, b, c, d, a, b, c, d, end),
            "execlp" => libc::execlp(sh, sh, c"-c".as_ptr(), text, a, b, c, d, a, b, c, d, end),
            "execle" => {
                let environment = environment.as_ptr();
                libc::execle(sh, sh, c"-c".as_ptr(), text, a, b, c, d, a, b, c, d, end, environment)
            }
            _ => 0,
        };
    }
    for (way, printed) in [
        ("execl", "a b c d a b c d there\n"),
        ("execlp", "a b c d a b c d there\n"),
        ("execle", "a b c d a b c d here\n"),
    ] {
        let test = "programs::host::who_is_not_in_a_world_may_become_another_process";
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "--nocapture", test]).env(CHILD, way).env("WHERE", "there");
        let output = child.output().unwrap();
        assert!(output.stdout.ends_with(printed.as_bytes()), "{way}: {output:?}");
    }
}

/// A call with a clock that the seal does not have, which panics out of a function of C.
fn ask_for_cpu_time() -> c_int {
    // SAFETY: a structure of numbers, which the call fills.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut std::mem::zeroed()) }
}

#[test]
fn a_clock_that_is_not_there_is_named() {
    let text = last_words("programs::host::a_clock_that_is_not_there_is_named", || async {
        tell(ask_for_cpu_time());
    });
    expect![[r#"
        stormglass: shop: `clock_gettime(2)`: only the clocks of time and date are simulated, not those of CPU time, TAI and alarms; ask for `CLOCK_MONOTONIC` or `CLOCK_REALTIME`, as `Instant` and `SystemTime` do
    "#]].assert_eq(&text);
}

#[test]
fn a_clock_that_is_not_there_is_named_on_threads_too() {
    let test = "programs::host::a_clock_that_is_not_there_is_named_on_threads_too";
    let text = last_words(test, || async {
        tokio::task::spawn_blocking(ask_for_cpu_time).await.unwrap();
    });
    assert!(text.starts_with("stormglass: shop: `clock_gettime(2)`: "), "{text}");
}

#[test]
fn a_clock_that_is_not_there_is_refused_by_its_number() {
    check_outcome(
        || async {
            let (call, clock) = (libc::SYS_clock_gettime, libc::CLOCK_THREAD_CPUTIME_ID);
            // SAFETY: the call writes nothing.
            tell(unsafe { libc::syscall(call, clock, null_mut::<c_long>()) });
        },
        expect![[r#"
            violated: no service panics: shop: `syscall(SYS_clock_gettime, 3)`: only the clocks of time and date are simulated, not those of CPU time, TAI and alarms; ask for `CLOCK_MONOTONIC` or `CLOCK_REALTIME`, as `Instant` and `SystemTime` do
            0.000 ms shop -1
        "#]],
    );
}
