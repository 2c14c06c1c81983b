//! TCP as std and tokio show it to programs.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;

use expect_test::expect;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::time::{sleep, timeout};

use super::*;

/// Answers every byte with itself, on every connection.
async fn echo() -> io::Result<()> {
    echo_at("0.0.0.0:7").await
}

async fn echo_at(addr: &str) -> io::Result<()> {
    let listener = TcpListener::bind(addr).await?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            let (mut read, mut write) = stream.split();
            tokio::io::copy(&mut read, &mut write).await
        });
    }
}

async fn accept() -> io::Result<TcpStream> {
    let listener = TcpListener::bind("0.0.0.0:7").await?;
    Ok(listener.accept().await?.0)
}

/// Sends `text` and reads as much back.
async fn ask(stream: &mut TcpStream, text: &str) -> io::Result<String> {
    stream.write_all(text.as_bytes()).await?;
    let mut answer = vec![0; text.len()];
    stream.read_exact(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn crash(at: Duration) -> Fault {
    Fault::Crash { node: "server".to_owned(), at, lasts: None }
}

fn power_loss(at: Duration) -> Fault {
    Fault::PowerLoss { node: "server".to_owned(), at: Some(at), disk_op: None, lasts: None }
}

/// Nobody sleeps: what wakes a program is what arrives.
#[test]
fn answers_come_without_timers() {
    check(
        echo,
        || async {
            let mut stream = TcpStream::connect("server:7").await?;
            for text in ["one", "two", "three"] {
                tell(ask(&mut stream, text).await?);
            }
            Ok(())
        },
        vec![],
        expect![[r#"
            4.000 ms client one
            6.000 ms client two
            8.000 ms client three
        "#]],
    );
}

#[test]
fn a_port_where_nobody_listens_refuses() {
    check(
        idle,
        || async {
            tell(kind(TcpStream::connect("server:7").await));
            tell(kind(TcpStream::connect("10.0.0.77:7").await));
            tell(kind(TcpStream::connect("nobody:7").await));
            Ok(())
        },
        vec![],
        expect![[r#"
            2.000 ms client ConnectionRefused
            2.000 ms client NetworkUnreachable
            2.000 ms client Uncategorized
        "#]],
    );
}

#[test]
fn a_machine_without_power_says_nothing() {
    check(
        echo,
        || async {
            sleep(ms(100)).await;
            tell(timeout(secs(5), TcpStream::connect("server:7")).await.is_err());
            tell(kind(TcpStream::connect("server:7").await));
            Ok(())
        },
        vec![power_loss(ms(50))],
        expect![[r#"
            5100.000 ms client true
            132100.000 ms client TimedOut
        "#]],
    );
}

#[test]
fn a_crash_resets() {
    check(
        echo,
        || async {
            let mut stream = TcpStream::connect("server:7").await?;
            tell(ask(&mut stream, "one").await?);
            tell(kind(stream.read(&mut [0; 8]).await));
            tell(kind(stream.write_all(b"two").await));
            tell(kind(TcpStream::connect("server:7").await));
            Ok(())
        },
        vec![crash(ms(50))],
        expect![[r#"
            4.000 ms client one
            51.000 ms client ConnectionReset
            51.000 ms client BrokenPipe
            53.000 ms client ConnectionRefused
        "#]],
    );
}

#[test]
fn half_a_connection_goes_on() {
    check(
        || async {
            let mut stream = accept().await?;
            let mut text = String::new();
            stream.read_to_string(&mut text).await?;
            tell(format_args!("asked {text}, and no more"));
            sleep(secs(1)).await;
            stream.write_all(b"an answer").await
        },
        || async {
            let mut stream = TcpStream::connect("server:7").await?;
            stream.write_all(b"a question").await?;
            stream.shutdown().await?;
            tell(kind(stream.write_all(b"more").await));
            let mut text = String::new();
            stream.read_to_string(&mut text).await?;
            tell(text);
            Ok(())
        },
        vec![],
        expect![[r#"
            2.000 ms client BrokenPipe
            3.000 ms server asked a question, and no more
            1004.000 ms client an answer
        "#]],
    );
}

#[test]
fn who_writes_waits_for_who_reads() {
    check(
        || async {
            let mut stream = accept().await?;
            sleep(secs(2)).await;
            let length = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
            tell(format_args!("{length} bytes"));
            Ok(())
        },
        || async {
            let mut stream = TcpStream::connect("server:7").await?;
            let bytes = vec![7; 1 << 20];
            let mut written = 0;
            while let Ok(length) = timeout(secs(1), stream.write(&bytes[written..])).await {
                written += length?;
            }
            tell(format_args!("{written} bytes, no more for a second"));
            stream.write_all(&bytes[written..]).await?;
            tell("all");
            sleep(secs(1)).await;
            Ok(())
        },
        vec![],
        expect![[r#"
            1004.000 ms client 262144 bytes, no more for a second
            2016.000 ms client all
        "#]],
    );
}

#[test]
fn a_node_talks_to_itself() {
    check(
        idle,
        || async {
            tokio::spawn(echo_at("127.0.0.1:7"));
            tokio::spawn(echo_at("[::]:8"));
            tokio::task::yield_now().await;
            for to in ["127.0.0.1:7", "localhost:7", "0.0.0.0:7", "[::1]:8", "client:8"] {
                let mut stream = TcpStream::connect(to).await?;
                let (own, peer) = (stream.local_addr()?, stream.peer_addr()?);
                tell(format_args!("{to} {} {peer} {}", own.ip(), ask(&mut stream, "x").await?));
            }
            Ok(())
        },
        vec![],
        expect![[r#"
            0.080 ms client 127.0.0.1:7 127.0.0.1 127.0.0.1:7 x
            0.160 ms client localhost:7 127.0.0.1 127.0.0.1:7 x
            0.240 ms client 0.0.0.0:7 127.0.0.1 127.0.0.1:7 x
            0.320 ms client [::1]:8 ::1 [::1]:8 x
            0.400 ms client client:8 10.0.0.2 10.0.0.2:8 x
        "#]],
    );
}

#[test]
fn who_listens_on_loopback_is_heard_by_nobody_else() {
    check(
        || echo_at("127.0.0.1:7"),
        || async {
            sleep(ms(10)).await;
            tell(kind(TcpStream::connect("server:7").await));
            Ok(())
        },
        vec![],
        expect![[r#"
            12.000 ms client ConnectionRefused
        "#]],
    );
}

#[test]
fn ports_are_taken_and_given_back() {
    check(
        idle,
        || async {
            let first = TcpListener::bind("0.0.0.0:80").await?;
            tell(kind(TcpListener::bind("0.0.0.0:80").await));
            tell(kind(TcpListener::bind("127.0.0.1:80").await));
            tell(first.local_addr()?);
            drop(first);
            tell(kind(TcpListener::bind("0.0.0.0:80").await));
            let any = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
            tell(format_args!("{} {}", any.ip(), any.port() >= 32_768));
            tell(kind(TcpListener::bind("10.0.0.1:80").await));
            tell(kind(TcpListener::bind("192.168.0.1:80").await));
            Ok(())
        },
        vec![],
        expect![[r#"
            0.000 ms client AddrInUse
            0.000 ms client AddrInUse
            0.000 ms client 0.0.0.0:80
            0.000 ms client ok
            0.000 ms client 127.0.0.1 true
            0.000 ms client AddrNotAvailable
            0.000 ms client AddrNotAvailable
        "#]],
    );
}

#[test]
fn a_name_is_its_replicas_in_turn() {
    let world = |sim: &mut Sim| {
        calm(sim);
        sim.program("server", echo).replicas(3);
        let client = || async {
            for name in
                ["server:7", "server:7", "server:7", "server:7", "server-1:7", "localhost:7"]
            {
                let found: Vec<SocketAddr> = lookup_host(name).await?.collect();
                tell(format_args!("{found:?}"));
            }
            for _ in 0..4 {
                tell(TcpStream::connect("server:7").await?.peer_addr()?);
            }
            Ok::<(), io::Error>(())
        };
        sim.program("client", client).drives();
    };
    let run = twice(&world, &RunConfig::seed(1));
    expect![[r#"
        0.000 ms client [10.0.0.1:7, 10.0.0.2:7, 10.0.0.3:7]
        0.000 ms client [10.0.0.2:7, 10.0.0.3:7, 10.0.0.1:7]
        0.000 ms client [10.0.0.3:7, 10.0.0.1:7, 10.0.0.2:7]
        0.000 ms client [10.0.0.1:7, 10.0.0.2:7, 10.0.0.3:7]
        0.000 ms client [10.0.0.2:7]
        0.000 ms client [127.0.0.1:7]
        2.000 ms client 10.0.0.2:7
        4.000 ms client 10.0.0.3:7
        6.000 ms client 10.0.0.1:7
        8.000 ms client 10.0.0.2:7
    "#]]
    .assert_eq(&told(&run));
}

/// tokio takes a read that did not fill its buffer as a sign that there is no more: what arrives
/// then must be news, also while nobody waits.
#[test]
fn what_comes_after_a_short_read_is_news() {
    check(
        || async {
            let mut stream = accept().await?;
            for text in ["one", "two", "three", "four"] {
                stream.write_all(text.as_bytes()).await?;
                sleep(ms(10)).await;
            }
            Ok(())
        },
        || async {
            let mut stream = TcpStream::connect("server:7").await?;
            for room in [64, 2, 64, 64, 64] {
                let mut buffer = vec![0; room];
                let length = stream.read(&mut buffer).await?;
                tell(String::from_utf8_lossy(&buffer[..length]));
                sleep(ms(if room == 2 { 15 } else { 0 })).await;
            }
            Ok(())
        },
        vec![],
        expect![[r#"
            4.000 ms client one
            14.000 ms client tw
            29.000 ms client othree
            34.000 ms client four
            44.000 ms client 
        "#]],
    );
}

#[test]
fn several_buffers_are_one_text() {
    check(
        || async {
            let stream = accept().await?;
            stream.readable().await?;
            let (mut one, mut two) = ([0; 4], [0; 16]);
            assert_eq!(stream.peek(&mut one).await?, 4);
            tell(String::from_utf8_lossy(&one));
            one = [0; 4];
            let mut buffers = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)];
            let length = stream.try_read_vectored(&mut buffers)?;
            tell(format_args!("{length}: {} {}", text(&one), text(&two)));
            Ok(())
        },
        || async {
            let mut stream = TcpStream::connect("server:7").await?;
            let parts = [IoSlice::new(b"some"), IoSlice::new(b""), IoSlice::new(b" bytes")];
            tell(stream.write_vectored(&parts).await?);
            sleep(ms(10)).await;
            Ok(())
        },
        vec![],
        expect![[r#"
            2.000 ms client 10
            3.000 ms server some
            3.000 ms server 10: some  bytes
        "#]],
    );
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned()
}

#[test]
fn no_linger_is_a_reset() {
    check(
        || async {
            let mut stream = accept().await?;
            tell(kind(stream.read(&mut [0; 8]).await));
            Ok(())
        },
        || async {
            let stream = TcpStream::connect("server:7").await?;
            stream.set_zero_linger()?;
            drop(stream);
            sleep(ms(10)).await;
            Ok(())
        },
        vec![],
        expect![[r#"
            3.000 ms server ConnectionReset
        "#]],
    );
}
