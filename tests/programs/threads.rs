//! Threads that programs make: one at a time, in virtual time.
#![expect(clippy::disallowed_methods, reason = "programs make threads, and sleep in virtual time")]
#![expect(unsafe_code, reason = "a lock that is made of system calls is what is tested")]

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Barrier, Condvar, Mutex, mpsc};
use std::thread;
use std::time::Instant;

use expect_test::{Expect, expect};
use tokio::task::spawn_blocking;

use super::*;

/// Answers every byte with itself.
async fn echo() -> io::Result<()> {
    let listener = tokio::net::TcpListener::bind("0.0.0.0:7").await?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            let (mut read, mut write) = stream.split();
            tokio::io::copy(&mut read, &mut write).await
        });
    }
}

#[track_caller]
fn alone<C>(client: impl Fn() -> C + Copy + Sync + 'static, expected: Expect)
where
    C: Future<Output = io::Result<()>> + 'static,
{
    check(echo, client, vec![], expected);
}

#[test]
fn blocking_work_has_results() {
    alone(
        || async {
            let work: Vec<_> = (0..5).map(|n| spawn_blocking(move || n * n)).collect();
            for work in work {
                tell(work.await?);
            }
            let panics = spawn_blocking(|| panic!("a bug")).await;
            tell(panics.is_err_and(|error| error.is_panic()));
            Ok(())
        },
        expect![[r#"
            0.000 ms client 0
            0.000 ms client 1
            0.000 ms client 4
            0.000 ms client 9
            0.000 ms client 16
            0.000 ms client true
        "#]],
    );
}

/// A lock of the whole process that is not where std's are: `parking_lot` has such, for its table of
/// who waits for what.
#[derive(Default)]
struct Lock {
    taken: AtomicU32,
    is_wanted: AtomicBool,
    is_over: AtomicBool,
}

impl Lock {
    fn futex(&self, operation: libc::c_int) {
        let operation = operation | libc::FUTEX_PRIVATE_FLAG;
        // SAFETY: the number lives; no time is passed.
        unsafe { libc::syscall(libc::SYS_futex, self.taken.as_ptr(), operation, 1, 0) };
    }

    /// As it waits: it yields a few times before it sleeps.
    fn wait(&self) {
        self.taken.store(1, Ordering::SeqCst);
        self.is_wanted.store(true, Ordering::SeqCst);
        (0..7).for_each(|_| thread::yield_now());
        while self.taken.load(Ordering::SeqCst) == 1 {
            self.futex(libc::FUTEX_WAIT);
        }
    }

    /// Who holds it, a thread of no world, takes its time.
    fn hold(&self) {
        while !self.is_over.load(Ordering::SeqCst) {
            thread::yield_now();
            if self.is_wanted.swap(false, Ordering::SeqCst) {
                (0..200).for_each(|_| thread::yield_now());
                self.taken.store(0, Ordering::SeqCst);
                self.futex(libc::FUTEX_WAKE);
            }
        }
    }
}

#[test]
fn a_lock_that_others_hold_takes_no_time_of_the_world() {
    let lock: &'static Lock = Box::leak(Box::default());
    let holder = thread::spawn(|| lock.hold());
    alone(
        move || async move {
            for _ in 0..20 {
                spawn_blocking(|| lock.wait()).await?;
            }
            tell("it was free in the end");
            // On the program's main thread.
            lock.wait();
            tell("and again");
            Ok(())
        },
        expect![[r#"
            0.000 ms client it was free in the end
            0.000 ms client and again
        "#]],
    );
    lock.is_over.store(true, Ordering::SeqCst);
    holder.join().unwrap();
}

#[test]
fn threads_sleep_in_virtual_time() {
    alone(
        || async {
            let sleeps = |millis| {
                spawn_blocking(move || {
                    let start = Instant::now();
                    thread::sleep(ms(millis));
                    start.elapsed()
                })
            };
            let (long, short) = (sleeps(3500), sleeps(1500));
            tell(format_args!("short {:?}", short.await?));
            tell(format_args!("long {:?}", long.await?));
            Ok(())
        },
        expect![[r#"
            1500.000 ms client short 1.5s
            3500.000 ms client long 3.5s
        "#]],
    );
}

fn ask(text: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect("server:7")?;
    stream.write_all(text.as_bytes())?;
    stream.shutdown(std::net::Shutdown::Write)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn a_blocking_client_blocks_its_thread_alone() {
    alone(
        || async {
            let one = spawn_blocking(|| ask("one"));
            let two = spawn_blocking(|| ask("two"));
            tell("meanwhile");
            tell(one.await??);
            tell(two.await??);
            Ok(())
        },
        expect![[r#"
            0.000 ms client meanwhile
            4.000 ms client one
            4.000 ms client two
        "#]],
    );
}

#[test]
fn what_a_blocking_client_waits_for_has_limits() {
    let silent = || async {
        let listener = tokio::net::TcpListener::bind("0.0.0.0:7").await?;
        let (_stream, _) = listener.accept().await?;
        idle().await
    };
    let client = || async {
        let failures = spawn_blocking(|| {
            let mut stream = TcpStream::connect("server:7")?;
            stream.set_read_timeout(Some(ms(700)))?;
            let silence = kind(stream.read(&mut [0; 8]));
            let start = Instant::now();
            let addr = "10.0.0.1:99".parse().unwrap();
            let refused = kind(TcpStream::connect_timeout(&addr, secs(1)));
            Ok::<_, io::Error>(format!("{silence}, {refused} after {:?}", start.elapsed()))
        });
        tell(failures.await??);
        Ok(())
    };
    check(
        silent,
        client,
        vec![],
        expect![[r#"
        704.000 ms client WouldBlock, ConnectionRefused after 2ms
    "#]],
    );
}

#[test]
fn threads_are_joined() {
    alone(
        || async {
            // Threads that need no time can be waited for in async code too.
            tell(thread::spawn(|| "at once").join().unwrap());
            let joined = spawn_blocking(|| {
                let threads: Vec<_> = (1..4).map(|n| thread::spawn(move || sleepy(n))).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).sum::<u64>()
            });
            tell(joined.await?);
            let mut numbers = [1, 2, 3];
            thread::scope(|scope| {
                for number in &mut numbers {
                    scope.spawn(|| *number *= 10);
                }
            });
            tell(format_args!("{numbers:?}"));
            Ok(())
        },
        expect![[r#"
            0.000 ms client at once
            300.000 ms client 6
            300.000 ms client [10, 20, 30]
        "#]],
    );
}

fn sleepy(n: u64) -> u64 {
    thread::sleep(ms(100 * n));
    n
}

#[test]
fn threads_talk_to_each_other() {
    alone(
        || async {
            tell(spawn_blocking(channels).await?);
            tell(spawn_blocking(condition).await?);
            tell(spawn_blocking(parking).await?);
            tell(spawn_blocking(barrier).await?);
            Ok(())
        },
        expect![[r#"
            290.000 ms client [0, 1, 2, 3] Err(Timeout) 250ms
            590.000 ms client 200ms, late true after 300ms
            690.000 ms client 40ms 100ms
            780.000 ms client 90ms
        "#]],
    );
}

fn channels() -> String {
    let (send, receive) = mpsc::sync_channel(1);
    let sender = thread::spawn(move || {
        for n in 0..4 {
            thread::sleep(ms(10));
            send.send(n).unwrap();
        }
    });
    let numbers: Vec<i32> = receive.iter().collect();
    sender.join().unwrap();
    let (_send, receive) = mpsc::channel::<()>();
    let start = Instant::now();
    let late = receive.recv_timeout(ms(250));
    format!("{numbers:?} {late:?} {:?}", start.elapsed())
}

fn condition() -> String {
    let shared = Arc::new((Mutex::new(0), Condvar::new()));
    let other = shared.clone();
    let counts = thread::spawn(move || {
        for _ in 0..3 {
            thread::sleep(ms(100));
            *other.0.lock().unwrap() += 1;
            other.1.notify_all();
        }
    });
    let start = Instant::now();
    let guard = shared.1.wait_while(shared.0.lock().unwrap(), |count| *count < 2).unwrap();
    let first = start.elapsed();
    let (guard, late) = shared.1.wait_timeout(guard, ms(30)).unwrap();
    drop(guard);
    counts.join().unwrap();
    format!("{first:?}, late {} after {:?}", late.timed_out(), start.elapsed())
}

fn parking() -> String {
    let sleeper = thread::current();
    thread::spawn(move || {
        thread::sleep(ms(40));
        sleeper.unpark();
    });
    let start = Instant::now();
    thread::park();
    let woken = start.elapsed();
    thread::park_timeout(ms(60));
    format!("{woken:?} {:?}", start.elapsed())
}

fn barrier() -> String {
    let barrier = Barrier::new(3);
    let start = Instant::now();
    thread::scope(|scope| {
        for n in [70, 90] {
            let barrier = &barrier;
            scope.spawn(move || {
                thread::sleep(ms(n));
                barrier.wait();
            });
        }
        barrier.wait();
        format!("{:?}", start.elapsed())
    })
}

/// The channels of tokio, between its tasks and threads.
#[test]
fn threads_talk_to_tasks() {
    alone(
        || async {
            let (send, mut receive) = tokio::sync::mpsc::channel(1);
            let (reply, replied) = tokio::sync::oneshot::channel();
            let runtime = tokio::runtime::Handle::current();
            let worker = thread::spawn(move || {
                let mut sum = 0;
                while let Some(number) = receive.blocking_recv() {
                    sum += number;
                }
                runtime.block_on(async { tokio::time::sleep(ms(5)).await });
                reply.send(sum).unwrap();
            });
            for n in 1..=4 {
                tokio::time::sleep(ms(10)).await;
                send.send(n).await.unwrap();
            }
            drop(send);
            tell(replied.await.unwrap());
            worker.join().unwrap();
            Ok(())
        },
        expect![[r#"
            46.000 ms client 10
        "#]],
    );
}

/// As `reqwest::blocking` has it: a runtime of its own on a thread of its own.
#[test]
fn a_thread_may_have_a_runtime_of_its_own() {
    alone(
        || async {
            for threads in [0, 2] {
                let own = spawn_blocking(move || {
                    let mut builder = match threads {
                        0 => tokio::runtime::Builder::new_current_thread(),
                        _ => tokio::runtime::Builder::new_multi_thread(),
                    };
                    let runtime = builder.worker_threads(threads.max(1)).enable_all().build()?;
                    runtime.block_on(async {
                        use tokio::io::{AsyncReadExt, AsyncWriteExt};
                        tokio::time::sleep(ms(20)).await;
                        let mut stream = tokio::net::TcpStream::connect("server:7").await?;
                        stream.write_all(b"hello").await?;
                        let mut answer = [0; 5];
                        stream.read_exact(&mut answer).await?;
                        tokio::spawn(async move { Ok(answer) }).await?
                    })
                });
                let answer: io::Result<[u8; 5]> = own.await?;
                tell(String::from_utf8_lossy(&answer?));
            }
            Ok(())
        },
        expect![[r#"
            24.000 ms client hello
            49.000 ms client hello
        "#]],
    );
}

/// Threads of a process that is killed end, whatever they wait for.
#[test]
fn a_crash_ends_threads() {
    let world = |sim: &mut Sim| {
        calm(sim);
        sim.program("server", echo);
        sim.program("worker", || async {
            let (send, receive) = mpsc::channel::<()>();
            let receiver = thread::spawn(move || receive.recv().is_err());
            thread::spawn(move || receiver.join());
            thread::spawn(|| {
                let mut stream = TcpStream::connect("server:7").unwrap();
                drop(stream.read(&mut [0; 8]));
                drop(TcpStream::connect("server:7"));
                thread::spawn(|| tell("a thread of the dead")).join().unwrap();
            });
            thread::spawn(|| thread::sleep(secs(10_000)));
            let never = (Mutex::new(()), Condvar::new());
            let never = Arc::new(never);
            thread::spawn(move || drop(never.1.wait(never.0.lock().unwrap())));
            spawn_blocking(thread::park);
            tell("has threads");
            let _send = send;
            idle().await
        });
        sim.program("client", || tokio::time::sleep(secs(3))).drives();
    };
    let at = |at| Fault::Crash { node: "worker".to_owned(), at, lasts: Some(secs(1)) };
    let plan = FaultPlan::new(vec![at(ms(500))]);
    let run = twice(&world, &RunConfig::seed(1).plan(plan));
    assert!(run.verdict().holds(), "{}\n{}", run.verdict(), run.journal.story());
    expect![[r#"
        0.000 ms worker has threads
        500.000 ms worker thread 6 `tokio-rt-worker`, made at 0.000 ms, did not end with its program: it waits for a lock, a condition or a channel; it is killed
        1500.000 ms worker has threads
    "#]]
    .assert_eq(&told(&run));
}

#[test]
fn a_program_whose_clock_drifts_makes_threads_too() {
    check(
        || async {
            tokio::time::sleep(ms(10)).await;
            tell(spawn_blocking(|| sleepy(1)).await?);
            tell(tokio::net::lookup_host("client:7").await?.count());
            Ok(())
        },
        || async {
            tokio::time::sleep(secs(1)).await;
            Ok(())
        },
        vec![Fault::ClockDrift { node: "server".to_owned(), ppm: 50, at: ms(5), lasts: None }],
        expect![[r#"
            109.994 ms server 1
            109.994 ms server 1
        "#]],
    );
}
