//! What programs could ask of the host: the audit of this binary, and what stands in the way.
#![expect(clippy::disallowed_methods, reason = "programs ask for what a world must not")]
#![expect(unsafe_code, reason = "calls of the C library are what is tested")]

use std::ffi::CStr;
use std::io::{self, Read};
use std::net::{TcpListener, TcpStream};
use std::ptr::{null, null_mut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use expect_test::{Expect, expect};
use stormglass::audit::{Audit, Class};

use super::*;

/// A function of the C library, and a call of it that does no harm to this process.
type Call = (&'static str, fn() -> i64);

/// Defines calls; each returns what the function returns, or 0 for a pointer of null.
macro_rules! calls {
    ($($name:ident($($arg:expr),*);)*) => {
        // SAFETY: no function here writes through the pointers that it is given.
        &[$((stringify!($name), || unsafe { libc::$name($($arg),*) } as i64)),*]
    };
}

const CALLS: &[Call] = calls! {
    fork();
    execv(null(), null());
    waitpid(-1, null_mut(), libc::WNOHANG);
    getppid();
    kill(0, 0);
    pthread_kill(libc::pthread_self(), 0);
    alarm(0);
    signalfd(-1, null(), 0);
    pipe2(null_mut(), 0);
    socketpair(libc::AF_UNIX, libc::SOCK_STREAM, 0, null_mut());
    select(0, null_mut(), null_mut(), null_mut(), null_mut());
    timerfd_create(libc::CLOCK_MONOTONIC, 0);
    inotify_init1(0);
    recvmmsg(0, null_mut(), 0, 0, null_mut());
    shm_open(c"/stormglass".as_ptr(), 0, 0);
    setenv(c"STORMGLASS_X".as_ptr(), c"1".as_ptr(), 1);
    getuid();
    getpwuid_r(0, null_mut(), null_mut(), 0, null_mut());
    sysinfo(null_mut());
    getrlimit(libc::RLIMIT_NOFILE, null_mut());
    nice(0);
    getifaddrs(null_mut());
    rand();
    stat64(c"/tmp".as_ptr(), null_mut());
    opendir(c"/tmp".as_ptr());
    fopen(c"/tmp/x".as_ptr(), c"r".as_ptr());
    chdir(c"/".as_ptr());
    mkstemp(null_mut());
};

/// Runs a program, which must end well, and compares what it told.
#[track_caller]
fn check_told<C>(program: impl Fn() -> C + Copy + Sync + 'static, expected: Expect)
where
    C: Future<Output = io::Result<()>> + 'static,
{
    let world = move |sim: &mut Sim| {
        calm(sim);
        sim.program("program", program).reads("tests/programs/").drives();
    };
    let run = twice(&world, &RunConfig::seed(1));
    assert!(run.verdict().holds(), "{}", run.verdict());
    expected.assert_eq(&told(&run));
}

#[test]
fn nothing_of_this_binary_is_unknown() {
    let audit = Audit::own().unwrap();
    assert_eq!(audit.unknown().collect::<Vec<_>>(), [""; 0]);
    assert_eq!(audit.missing().collect::<Vec<_>>(), [""; 0]);
    for (name, class) in [
        ("epoll_wait", Class::Simulated),
        ("clock_gettime", Class::Simulated),
        ("open64", Class::Refused),
        ("malloc", Class::Harmless),
        ("environ", Class::Host),
    ] {
        let symbol = audit.symbols().iter().find(|symbol| symbol.name == name);
        assert_eq!(symbol.map(|symbol| symbol.class), Some(class), "{name}");
    }
}

#[test]
fn what_is_refused_fails_at_the_call_with_its_remedy() {
    let audit = Audit::own().unwrap();
    for (name, call) in CALLS {
        let symbol = audit.symbols().iter().find(|symbol| symbol.name == *name);
        let symbol = symbol.unwrap_or_else(|| panic!("{name} is not in the table"));
        let world = move |sim: &mut Sim| {
            calm(sim);
            sim.program("shop", move || async move { tell(call()) }).drives();
        };
        let verdict = apart(&world, &RunConfig::seed(1)).verdict().to_string();
        let (start, end) =
            (format!("shop: `{name}"), format!("{}; {}", symbol.inside, symbol.remedy));
        assert!(verdict.contains(&start) && verdict.contains(&end), "{name}: {verdict}");
    }
}

#[test]
fn what_is_refused_works_elsewhere() {
    let mut ends = [0; 2];
    // SAFETY: the pointers lead to what the functions write.
    unsafe {
        assert!(libc::getppid() > 0);
        assert_eq!(libc::kill(libc::getpid(), 0), 0);
        assert_eq!(libc::syscall(libc::SYS_getpid), i64::from(libc::getpid()));
        assert_eq!(libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC), 0);
        assert_eq!((libc::close(ends[0]), libc::close(ends[1])), (0, 0));
        assert!(libc::time(null_mut()).abs_diff(now() as i64) <= 1);
    }
    assert!(std::fs::metadata("tests").unwrap().is_dir());
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[test]
fn raw_system_calls_are_refused_by_name() {
    let world = |sim: &mut Sim| {
        calm(sim);
        // SAFETY: nothing is passed but a number.
        let call = || async { tell(unsafe { libc::syscall(libc::SYS_io_uring_setup, 1, 0) }) };
        sim.program("shop", call).drives();
    };
    let verdict = twice(&world, &RunConfig::seed(1)).verdict().to_string();
    let verdict = verdict.split(" (src/").next().unwrap_or_default();
    expect!["violated: no service panics: shop: `syscall(SYS_io_uring_setup)`: it is not simulated; use the C library's own function, as `rustix` does with its feature `use-libc`; no io_uring"].assert_eq(verdict);
}

#[test]
fn raw_clocks_and_entropy_are_the_seeds() {
    check_told(
        || async {
            let mut drawn = 0u64;
            let room = (&raw mut drawn).cast::<libc::c_void>();
            // SAFETY: the number has room for its bytes.
            let (length, seconds) =
                unsafe { (libc::syscall(libc::SYS_getrandom, room, 8, 0), libc::time(null_mut())) };
            tell(format_args!("{length} {drawn:x} {}", seconds as u64 == now()));
            tell(std::process::id());
            Ok(())
        },
        expect![[r#"
            0.000 ms program 8 bf08119f05cd56d6 true
            0.000 ms program 1
        "#]],
    );
}

#[test]
fn a_machine_has_the_nodes_name_and_nothing_on_standard_input() {
    check_told(
        || async {
            // SAFETY: a structure of bytes that may be zero, which the call fills with texts.
            let (result, name) = unsafe {
                let mut machine: libc::utsname = std::mem::zeroed();
                (
                    libc::uname(&raw mut machine),
                    CStr::from_ptr(machine.nodename.as_ptr()).to_owned(),
                )
            };
            tell(format_args!(
                "{result} {} {}",
                name.to_string_lossy(),
                std::env::var("HOSTNAME").unwrap()
            ));
            let asked = tokio::task::spawn_blocking(|| io::stdin().lines().count()).await?;
            tell(format_args!("{asked} lines"));
            Ok(())
        },
        expect![[r#"
            0.000 ms program 0 program program
            0.000 ms program 0 lines
        "#]],
    );
}

/// Without `biased`: tokio draws which branch it looks at first.
#[cfg(tokio_unstable)]
#[test]
fn the_choices_of_select_are_the_seeds() {
    async fn choices() -> String {
        let mut all = String::new();
        for _ in 0..16 {
            all += tokio::select! { one = async { "1" } => one, two = async { "2" } => two };
        }
        all
    }
    check_told(
        || async {
            tell(choices().await);
            tell(tokio::spawn(choices()).await?);
            let handle = tokio::runtime::Handle::current();
            tell(tokio::task::spawn_blocking(move || handle.block_on(choices())).await?);
            Ok(())
        },
        expect![[r#"
            0.000 ms program 2121211112112212
            0.000 ms program 1212222221221211
            0.000 ms program 1112221122221211
        "#]],
    );
}

#[test]
fn no_signal_comes() {
    check_told(
        || async {
            let waited = tokio::time::timeout(secs(3600), tokio::signal::ctrl_c()).await;
            tell(waited.is_err());
            Ok(())
        },
        expect![[r#"
            3600000.000 ms program true
        "#]],
    );
}

#[test]
fn who_waits_in_a_loop_lets_others_run() {
    check_told(
        || async {
            let is_done = Arc::new(AtomicBool::new(false));
            let done = is_done.clone();
            let waits = thread::spawn(move || {
                while !is_done.load(Ordering::SeqCst) {
                    thread::yield_now();
                }
            });
            thread::spawn(move || done.store(true, Ordering::SeqCst));
            tokio::task::spawn_blocking(|| waits.join().is_ok()).await?;
            tell("both have ended");
            Ok(())
        },
        expect![[r#"
            0.001 ms program both have ended
        "#]],
    );
}

/// `std::io::copy` would have the kernel copy.
#[test]
fn a_file_is_copied_into_a_socket() {
    check_told(
        || async {
            let path = "tests/programs/audit.rs";
            let listener = TcpListener::bind("127.0.0.1:80")?;
            let sent = tokio::task::spawn_blocking(move || {
                io::copy(&mut std::fs::File::open(path)?, &mut TcpStream::connect("127.0.0.1:80")?)
            });
            let received = tokio::task::spawn_blocking(move || {
                let mut text = String::new();
                listener.accept()?.0.read_to_string(&mut text).map(|_| text)
            });
            let (sent, received) = (sent.await??, received.await??);
            tell(sent as usize == received.len() && received == std::fs::read_to_string(path)?);
            Ok(())
        },
        expect![[r#"
            0.060 ms program true
        "#]],
    );
}

/// A program that ended the process with 0 would make every test pass.
#[test]
fn the_process_is_not_a_programs_to_end() {
    let test = "programs::audit::the_process_is_not_a_programs_to_end";
    let text = last_words(test, async || -> () { std::process::exit(0) });
    expect![[r#"
        stormglass: shop: `exit`: it would end the whole simulation; return from the program's main function instead
    "#]].assert_eq(&text);
}

#[test]
fn programs_need_the_seal() {
    let world = |sim: &mut Sim| {
        sim.program("shop", idle);
    };
    let config = RunConfig { sealed: false, ..RunConfig::seed(1) };
    let panic = std::panic::catch_unwind(|| run(&world, &config)).unwrap_err();
    let text = panic.downcast_ref::<&str>().map_or("", |text| text);
    assert!(text.starts_with("`sim.program` needs the seal"), "{text}");
}
