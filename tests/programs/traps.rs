//! Traps that others who stand before the C library fell into.
#![expect(clippy::disallowed_methods, reason = "programs sleep and make threads")]
#![expect(unsafe_code, reason = "calls of the C library are what is tested")]

use std::ffi::{c_int, c_void};
use std::io::{self, Write};
use std::net::{TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicI32, Ordering};
use std::task::Poll;
use std::thread;
use std::time::Instant;

use expect_test::{Expect, expect};
use tokio::io::AsyncWriteExt;
use tokio::task::{spawn_blocking, yield_now};

use super::*;

unsafe extern "C" {
    fn __read_chk(fd: c_int, to: *mut c_void, length: usize, room: usize) -> isize;
    fn __recv_chk(fd: c_int, to: *mut c_void, length: usize, room: usize, flags: c_int) -> isize;
    fn __open_2(path: *const std::ffi::c_char, flags: c_int) -> c_int;
    fn __poll_chk(fds: *mut libc::pollfd, count: u64, timeout: c_int, room: usize) -> c_int;
    fn __ppoll_chk(
        fds: *mut libc::pollfd,
        count: u64,
        timeout: *const libc::timespec,
        mask: *const c_void,
        room: usize,
    ) -> c_int;
}

/// Sends six bytes to everybody after 50 ms, and nothing more.
pub(super) async fn six() -> io::Result<()> {
    let listener = tokio::net::TcpListener::bind("0.0.0.0:7").await?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            tokio::time::sleep(ms(50)).await;
            stream.write_all(b"abcdef").await?;
            idle().await
        });
    }
}

/// Compares what a thread of a program returns, which has a server (`six`) to talk to.
#[track_caller]
pub(super) fn on_a_thread(body: fn() -> String, expected: Expect) {
    let client = move || async move {
        tell(spawn_blocking(body).await?);
        Ok(())
    };
    check(six, client, vec![], expected);
}

/// Compares the verdict of a program that is alone, and what it told.
#[track_caller]
fn alone<C>(main: impl Fn() -> C + Copy + Sync + 'static, expected: Expect)
where
    C: Future<Output = ()> + 'static,
{
    let world = move |sim: &mut Sim| {
        calm(sim);
        sim.program("shop", main).drives();
    };
    let run = apart(&world, &RunConfig::seed(1));
    let verdict = run.verdict().to_string();
    let verdict = verdict.split(" (src/").next().unwrap_or_default();
    expected.assert_eq(&format!("{verdict}\n{}", told(&run)));
}

/// What the calls returned that were made before `main`, and before anything of the simulator.
static BEFORE_MAIN: [AtomicI32; 4] = [const { AtomicI32::new(7) }; 4];

#[used]
#[unsafe(link_section = ".init_array")]
static CONSTRUCTOR: extern "C" fn() = {
    extern "C" fn calls() {
        // SAFETY: nothing is written.
        let results = unsafe {
            [
                libc::close(-1),
                libc::poll(std::ptr::null_mut(), 0, 0),
                c_int::from(libc::getenv(c"PATH".as_ptr()).is_null()),
                c_int::from(libc::getppid() > 0),
            ]
        };
        for (to, result) in BEFORE_MAIN.iter().zip(results) {
            to.store(result, Ordering::Relaxed);
        }
    }
    calls
};

#[test]
fn constructors_call_before_us() {
    assert_eq!(BEFORE_MAIN.each_ref().map(|result| result.load(Ordering::Relaxed)), [-1, 0, 0, 1]);
}

/// Talks and sleeps when its thread ends.
struct Farewell(TcpStream);

impl Drop for Farewell {
    fn drop(&mut self) {
        self.0.write_all(b"bye").unwrap();
        UdpSocket::bind("0.0.0.0:0").unwrap();
        assert!(std::env::var("PATH").is_err());
        thread::sleep(ms(30));
    }
}

#[test]
fn destructors_of_thread_locals_are_the_programs() {
    thread_local! {
        static FAREWELL: Farewell = Farewell(TcpStream::connect("server:7").unwrap());
    }
    on_a_thread(
        || {
            let ends = thread::spawn(|| FAREWELL.with(|_| Instant::now()));
            let end = ends.join().unwrap();
            format!("{} ms after its last line", end.elapsed().as_millis())
        },
        expect![[r#"
            32.000 ms client 30 ms after its last line
        "#]],
    );
}

#[test]
fn aliases_that_check_sizes_are_the_same_calls() {
    on_a_thread(
        || {
            let stream = TcpStream::connect("server:7").unwrap();
            let (fd, mut text) = (stream.as_raw_fd(), [0u8; 2]);
            let start = Instant::now();
            // SAFETY: there is room for what is asked for.
            unsafe {
                let to = text.as_mut_ptr().cast();
                let first = (__read_chk(fd, to, 2, 2), text);
                let second = (__recv_chk(fd, to, 2, 2, 0), text);
                let mut asked = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
                let room = size_of_val(&asked);
                let ready = __poll_chk(&raw mut asked, 1, 100, room);
                let late = __poll_chk(std::ptr::null_mut(), 0, 100, 0);
                let limit = libc::timespec { tv_sec: 0, tv_nsec: 100_000_000 };
                let none = std::ptr::null();
                let later = __ppoll_chk(std::ptr::null_mut(), 0, &raw const limit, none, 0);
                let file = __open_2(c"/proc/self/maps".as_ptr(), libc::O_RDONLY);
                libc::close(file);
                let polled = (ready, late, later, file >= 0, start.elapsed());
                format!("{first:?} {second:?} {polled:?}")
            }
        },
        expect![[r#"
            254.000 ms client (2, [97, 98]) (2, [99, 100]) (1, 0, 0, true, 252ms)
        "#]],
    );
    alone(
        || async {
            // SAFETY: a path, and flags.
            tell(unsafe { __open_2(c"/etc/hostname".as_ptr(), libc::O_RDONLY) });
        },
        expect![[r#"
            violated: no service panics: shop: `__open_2 /etc/hostname`: files of the host are not simulated; let the sim name the folder that is read (`.reads("config/")`), or keep what is written behind a trait
            0.000 ms shop -1
        "#]],
    );
}

/// `poll` without a descriptor is a way to sleep.
fn sleeps_by_poll() -> c_int {
    // SAFETY: no descriptor is passed.
    unsafe { libc::poll(std::ptr::null_mut(), 0, 700) }
}

#[test]
fn poll_of_nothing_sleeps_in_virtual_time() {
    on_a_thread(
        || {
            let start = Instant::now();
            let result = sleeps_by_poll();
            let mut others = [
                libc::pollfd { fd: -1, events: libc::POLLIN, revents: 7 },
                libc::pollfd { fd: 1, events: libc::POLLOUT, revents: 0 },
                libc::pollfd { fd: 9999, events: libc::POLLIN, revents: 0 },
            ];
            // SAFETY: there are so many descriptors.
            let found = unsafe { libc::poll(others.as_mut_ptr(), 3, 700) };
            let told = others.map(|other| other.revents);
            format!("{result} {found} {told:?} {:?}", start.elapsed())
        },
        expect![[r#"
            700.000 ms client 0 2 [0, 4, 32] 700ms
        "#]],
    );
    alone(
        || async { tell(sleeps_by_poll()) },
        expect![[r#"
            violated: no service panics: shop: `poll`: it would block the only thread of the program; use tokio's own, or make the call in `spawn_blocking`
            0.000 ms shop -1
        "#]],
    );
}

/// std waits for a connection with `poll`.
#[test]
fn who_connects_to_silence_is_told_in_time() {
    let off =
        Fault::PowerLoss { node: "server".to_owned(), at: Some(ms(5)), disk_op: None, lasts: None };
    let connects = || async {
        tokio::time::sleep(ms(10)).await;
        let connects = || TcpStream::connect_timeout(&"10.0.0.1:7".parse().unwrap(), secs(2));
        tell(kind(spawn_blocking(connects).await?));
        Ok(())
    };
    check(
        six,
        connects,
        vec![off],
        expect![[r#"
            2010.000 ms client TimedOut
        "#]],
    );
}

#[test]
fn waking_a_task_that_will_run_anyway_does_nothing() {
    let polls = || {
        let mut polls = 0;
        std::future::poll_fn(move |cx| {
            polls += 1;
            (0..5).for_each(|_| cx.waker().wake_by_ref());
            if polls < 3 { Poll::Pending } else { Poll::Ready(polls) }
        })
    };
    alone(
        move || async move {
            tell(polls().await);
            let task = tokio::spawn(polls());
            tell(task.await.unwrap());
            // Of the simulator's own: what comes in while a program has its turn.
            let one = tokio::net::UdpSocket::bind("127.0.0.1:81").await.unwrap();
            let mut looks = 0;
            for _ in 0..5 {
                one.send_to(b"x", "127.0.0.1:81").await.unwrap();
            }
            let receives = tokio::spawn(async move {
                let mut room = [0; 8];
                let mut next = Box::pin(one.recv_from(&mut room));
                std::future::poll_fn(|cx| {
                    looks += 1;
                    next.as_mut().poll(cx).map(|_| looks)
                })
                .await
            });
            tell(receives.await.unwrap());
        },
        expect![[r#"
            holds
            0.000 ms shop 3
            0.000 ms shop 3
            0.020 ms shop 2
        "#]],
    );
}

/// The clock stands still while code runs: a loop that yields until time has passed is moved on.
#[test]
fn who_spins_until_time_has_passed_is_moved_on() {
    alone(
        || async {
            for millis in [1, 10, 500] {
                let start = Instant::now();
                while start.elapsed() < ms(millis) {
                    yield_now().await;
                }
                tell(start.elapsed() < ms(millis + 2));
                tokio::time::sleep(ms(1)).await;
            }
            // What it waits for may be one of its own threads.
            let thread = thread::spawn(|| thread::sleep(ms(5)));
            while !thread.is_finished() {
                yield_now().await;
            }
            thread.join().unwrap();
            tell("the thread has ended");
        },
        expect![[r#"
            holds
            1.024 ms shop true
            13.048 ms shop true
            515.072 ms shop true
            522.072 ms shop the thread has ended
        "#]],
    );
}

#[test]
fn who_spins_for_ever_is_named() {
    alone(
        || async {
            loop {
                yield_now().await;
            }
        },
        expect![[r#"
            violated: no service panics: shop: a loop without `.await` on time or input (`yield_now`, `poll_immediate`, `try_recv`): nothing else has happened for 1s; sleep in it, or wait for what it looks for
        "#]],
    );
}

/// A crash ends any thread; a program that returns has to have ended its own.
#[test]
fn a_thread_that_does_not_end_is_an_error() {
    alone(
        || async {
            let stays = || {
                let never = (std::sync::Mutex::new(()), std::sync::Condvar::new());
                drop(never.1.wait_while(never.0.lock().unwrap(), |()| true));
            };
            thread::Builder::new().name("logger".to_owned()).spawn(stays).unwrap();
            tokio::time::sleep(ms(5)).await;
        },
        expect![[r#"
            violated: no service panics: shop: thread 1 `logger`, made at 0.000 ms, did not end with its program: it waits for a lock, a condition or a channel; let it end when its channel closes, and join it
            5.000 ms shop thread 1 `logger`, made at 0.000 ms, did not end with its program: it waits for a lock, a condition or a channel; it is killed
        "#]],
    );
}
