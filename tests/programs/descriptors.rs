//! Descriptors: shared, counted, given back, and left alone where they are not the world's.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use expect_test::expect;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::child::is_own_process;

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

/// The connection ends with the last of the descriptors that stand for it.
#[test]
fn a_copy_keeps_a_connection_open() {
    check(
        echo,
        || async {
            let stream = tokio::net::TcpStream::connect("server:7").await?.into_std()?;
            let copy = stream.try_clone()?;
            tell(stream.peer_addr()? == copy.peer_addr()?);
            drop(stream);
            let mut stream = tokio::net::TcpStream::from_std(copy)?;
            stream.write_all(b"still here").await?;
            let mut answer = [0; 10];
            stream.read_exact(&mut answer).await?;
            tell(String::from_utf8_lossy(&answer));
            Ok(())
        },
        vec![],
        expect![[r#"
            2.000 ms client true
            4.000 ms client still here
        "#]],
    );
}

#[test]
fn socket2_makes_sockets_too() {
    check(
        || async {
            let socket = Socket::new(Domain::IPV6, Type::STREAM, Some(Protocol::TCP))?;
            socket.set_only_v6(false)?;
            socket.set_reuse_address(true)?;
            socket.set_nonblocking(true)?;
            socket.bind(&"[::]:7".parse::<std::net::SocketAddr>().unwrap().into())?;
            socket.listen(16)?;
            let listener = tokio::net::TcpListener::from_std(socket.into())?;
            let (mut stream, _) = listener.accept().await?;
            stream.write_all(b"hello").await
        },
        || async {
            let socket = Socket::new(Domain::IPV4, Type::STREAM.nonblocking(), None)?;
            socket.set_tcp_nodelay(true)?;
            socket.set_recv_buffer_size(64 << 10)?;
            socket.set_send_buffer_size(32 << 10)?;
            socket.set_linger(Some(secs(3)))?;
            socket.set_read_timeout(Some(ms(1500)))?;
            let alive = socket2::TcpKeepalive::new().with_time(secs(60)).with_interval(secs(10));
            socket.set_tcp_keepalive(&alive)?;
            socket.set_tcp_user_timeout(Some(secs(20)))?;
            let sizes = (socket.recv_buffer_size()?, socket.send_buffer_size()?);
            tell(format_args!("{sizes:?} {:?} {:?}", socket.linger()?, socket.read_timeout()?));
            let times = (socket.tcp_keepalive_time()?, socket.tcp_user_timeout()?);
            tell(format_args!("{} {} {times:?}", socket.tcp_nodelay()?, socket.keepalive()?));
            tell(format_args!("{:?} {:?}", socket.r#type()?, socket.domain()?));
            let stream = tokio::net::TcpSocket::from_std_stream(socket.into());
            let mut stream = stream.connect("10.0.0.1:7".parse().unwrap()).await?;
            let mut text = String::new();
            stream.read_to_string(&mut text).await?;
            tell(text);
            Ok(())
        },
        vec![],
        expect![[r#"
            0.000 ms client (131072, 65536) Some(3s) Some(1.5s)
            0.000 ms client true true (60s, Some(20s))
            0.000 ms client SOCK_STREAM AF_INET
            4.000 ms client hello
        "#]],
    );
}

fn here(what: &str) -> usize {
    std::fs::read_dir(format!("/proc/self/{what}")).expect("Linux tells").count()
}

/// Asks three times, in one connection each, and on a thread of its own.
async fn client() -> io::Result<()> {
    for n in 0..3 {
        let asked = async {
            let mut stream = tokio::net::TcpStream::connect("server:7").await?;
            stream.write_all(b"hello").await?;
            stream.read_exact(&mut [0; 5]).await
        };
        drop(tokio::time::timeout(ms(500), asked).await);
        let blocking = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect("server:7")?;
            stream.set_read_timeout(Some(ms(500)))?;
            stream.write_all(&[n; 5])?;
            stream.read_exact(&mut [0; 5])
        });
        drop(blocking.await);
    }
    Ok(())
}

fn stormy(sim: &mut Sim) {
    sim.time_limit(secs(20));
    sim.program("server", echo).replicas(2);
    sim.program("client", client).drives();
}

#[test]
fn worlds_leave_no_descriptor_and_no_thread() {
    if !is_own_process("programs::descriptors::worlds_leave_no_descriptor_and_no_thread") {
        return;
    }
    let seeds = if cfg!(debug_assertions) { 300 } else { 10_000 };
    let mut before = (0, 0);
    for seed in 0..seeds {
        if seed == 10 {
            before = (here("fd"), here("task"));
        }
        let run = run(&stormy, &RunConfig::seed(seed));
        assert!(!run.verdict().is_violated(), "seed {seed}: {}", run.verdict());
    }
    // A thread that has ended is listed for a moment more.
    for _ in 0..1_000_000 {
        if here("task") <= before.1 {
            break;
        }
        std::thread::yield_now();
    }
    assert_eq!(here("fd"), before.0);
    assert!(here("task") <= before.1);
}

/// tokio drops the tasks of a runtime in an order that depends on how many the process has had.
#[test]
fn connections_end_in_the_order_in_which_they_were_made() {
    let world = |sim: &mut Sim| {
        calm(sim);
        sim.program("server", echo);
        let client = || async {
            for _ in 0..6 {
                let stream = tokio::net::TcpStream::connect("server:7").await?;
                tokio::spawn(async move {
                    let _stream = stream;
                    idle().await
                });
            }
            Ok::<(), io::Error>(())
        };
        sim.program("client", client).drives();
    };
    let print = || apart(&world, &RunConfig::seed(1)).journal.fingerprint();
    let first = print();
    for _ in 0..4 {
        let elsewhere = tokio::runtime::Builder::new_current_thread().build().unwrap();
        drop(elsewhere.spawn(async {}));
        assert_eq!(print(), first);
    }
}

/// Real sockets of the same process, outside of any world, stay what they are.
#[test]
fn what_is_not_the_worlds_is_left_alone() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let (done, echoed) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (mut stream, _) = listener.accept().unwrap();
            let mut buffer = [0; 64];
            while let Ok(length @ 1..) = stream.read(&mut buffer) {
                stream.write_all(&buffer[..length]).unwrap();
            }
        });
        scope.spawn(|| {
            let mut stream = TcpStream::connect(addr).unwrap();
            while !done.load(Ordering::Relaxed) {
                stream.write_all(b"real").unwrap();
                let mut answer = [0; 4];
                stream.read_exact(&mut answer).unwrap();
                assert_eq!(&answer, b"real");
                echoed.fetch_add(1, Ordering::Relaxed);
            }
        });
        let worlds = [1, 2, 3, 4].map(|first| {
            scope.spawn(move || {
                for seed in (first..40).step_by(4) {
                    let run = run(&stormy, &RunConfig::seed(seed));
                    assert!(!run.verdict().is_violated(), "seed {seed}: {}", run.verdict());
                }
            })
        });
        for world in worlds {
            world.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(echoed.load(Ordering::Relaxed) > 0);
}
