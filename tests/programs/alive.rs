//! What finds a dead machine for programs: keep-alive, user timeouts, and nothing while it lives.

use std::io;

use expect_test::expect;
use socket2::{Domain, SockRef, Socket, TcpKeepalive, Type};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

use super::*;

fn often() -> TcpKeepalive {
    TcpKeepalive::new().with_time(secs(15)).with_interval(secs(15)).with_retries(3)
}

/// Takes a connection and says nothing.
async fn mute() -> io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:7").await?;
    let _held = listener.accept().await?;
    std::future::pending().await
}

/// Waits for what `mute` will not say.
async fn listen(user_timeout: Option<Duration>) -> io::Result<()> {
    let mut stream = TcpStream::connect("server:7").await?;
    let socket = SockRef::from(&stream);
    socket.set_tcp_keepalive(&often())?;
    socket.set_tcp_user_timeout(user_timeout)?;
    tell(kind(stream.read(&mut [0; 8]).await));
    Ok(())
}

fn power_loss(at: Duration, lasts: Option<Duration>) -> Fault {
    Fault::PowerLoss { node: "server".to_owned(), at: Some(at), disk_op: None, lasts }
}

#[test]
fn a_machine_that_is_back_resets_at_the_first_probe() {
    check(
        mute,
        || listen(None),
        vec![power_loss(secs(5), Some(ms(4)))],
        expect![[r#"
            15004.000 ms client ConnectionReset
        "#]],
    );
}

#[test]
fn a_machine_without_power_times_out() {
    let fault = || vec![power_loss(secs(5), None)];
    check(
        mute,
        || listen(None),
        fault(),
        expect![[r#"
            60002.000 ms client TimedOut
        "#]],
    );
    check(
        mute,
        || listen(Some(secs(30))),
        fault(),
        expect![[r#"
            30002.000 ms client TimedOut
        "#]],
    );
}

/// Its `Client::new()` has keep-alive of 15 s, and a user timeout of 30 s.
#[test]
fn reqwest_finds_a_dead_machine_and_waits_for_a_living_one() {
    let serve = || async {
        let wait = axum::routing::get(|| async {
            sleep(secs(200)).await;
            "late"
        });
        let listener = TcpListener::bind("0.0.0.0:80").await?;
        axum::serve(listener, axum::Router::new().route("/", wait)).await
    };
    let ask = || async {
        sleep(ms(10)).await;
        let answer = reqwest::get("http://server/").await;
        tell(answer.is_ok());
        Ok(())
    };
    check(
        serve,
        ask,
        vec![power_loss(secs(5), Some(ms(4)))],
        expect![[r#"
            15056.000 ms client false
        "#]],
    );
    check(
        serve,
        ask,
        vec![power_loss(secs(5), None)],
        expect![[r#"
            30054.000 ms client false
        "#]],
    );
    let pause = Fault::Pause { node: "server".to_owned(), at: secs(5), lasts: Some(secs(100)) };
    check(
        serve,
        ask,
        vec![pause],
        expect![[r#"
            200014.000 ms client true
        "#]],
    );
}

#[test]
fn a_user_timeout_ends_connecting() {
    check(
        mute,
        || async {
            sleep(ms(10)).await;
            let connect = |limit| async move {
                let socket = TcpSocket::new_v4()?;
                SockRef::from(&socket).set_tcp_user_timeout(limit)?;
                let stream = socket.connect("10.0.0.1:7".parse().unwrap()).await;
                tell(format_args!("{limit:?} {}", kind(stream)));
                io::Result::Ok(())
            };
            tokio::try_join!(connect(Some(secs(5))), connect(None))?;
            Ok(())
        },
        vec![power_loss(ms(5), None)],
        expect![[r#"
            5010.000 ms client Some(5s) TimedOut
            127010.000 ms client None TimedOut
        "#]],
    );
}

#[test]
fn options_are_given_back_and_handed_on() {
    let times = |socket: &Socket| -> io::Result<String> {
        let times = (socket.tcp_keepalive_time()?, socket.tcp_keepalive_interval()?);
        Ok(format!("{} {times:?} {}", socket.keepalive()?, socket.tcp_keepalive_retries()?))
    };
    check(
        move || async move {
            let socket = Socket::new(Domain::IPV4, Type::STREAM.nonblocking(), None)?;
            tell(times(&socket)?);
            socket.set_tcp_keepalive(&often())?;
            tell(times(&socket)?);
            let wrong = TcpKeepalive::new().with_retries(128);
            tell(kind(socket.set_tcp_keepalive(&wrong)));
            socket.bind(&"0.0.0.0:7".parse::<std::net::SocketAddr>().unwrap().into())?;
            socket.listen(16)?;
            let listener = TcpListener::from_std(socket.into())?;
            let (stream, _) = listener.accept().await?;
            tell(times(&SockRef::from(&stream))?);
            SockRef::from(&stream).set_keepalive(false)?;
            tell(times(&SockRef::from(&stream))?);
            Ok(())
        },
        || async {
            TcpStream::connect("server:7").await?;
            sleep(ms(10)).await;
            Ok(())
        },
        vec![],
        expect![[r#"
            0.000 ms server false (7200s, 75s) 9
            0.000 ms server true (15s, 15s) 3
            0.000 ms server InvalidInput
            3.000 ms server true (15s, 15s) 3
            3.000 ms server false (15s, 15s) 3
        "#]],
    );
}

/// Who is accepted looks after its client by itself.
#[test]
fn a_server_finds_a_dead_client() {
    let world = |sim: &mut Sim| {
        calm(sim);
        sim.program("server", || async {
            let socket = TcpSocket::new_v4()?;
            SockRef::from(&socket).set_tcp_keepalive(&often())?;
            socket.bind("0.0.0.0:7".parse().unwrap())?;
            let (mut stream, _) = socket.listen(16)?.accept().await?;
            tell(kind(stream.read(&mut [0; 8]).await));
            io::Result::Ok(())
        })
        .drives();
        sim.program("client", || async {
            let _held = TcpStream::connect("server:7").await?;
            std::future::pending::<io::Result<()>>().await
        });
    };
    let fault = Fault::PowerLoss {
        node: "client".to_owned(),
        at: Some(secs(5)),
        disk_op: None,
        lasts: None,
    };
    let run = twice(&world, &RunConfig::seed(1).plan(FaultPlan::new(vec![fault])));
    expect![[r#"
        60003.000 ms server TimedOut
    "#]]
    .assert_eq(&told(&run));
}

/// SYNs are not heard while two wait to be accepted: whoever connects asks again after 1 s, 3 s, ...
#[test]
fn a_full_backlog_is_silence() {
    check(
        || async {
            let socket = TcpSocket::new_v4()?;
            socket.bind("0.0.0.0:7".parse().unwrap())?;
            let listener = socket.listen(2)?;
            sleep(ms(2500)).await;
            let mut held = Vec::new();
            loop {
                held.push(listener.accept().await?);
            }
        },
        || async {
            sleep(ms(10)).await;
            let connect = |n: u32| async move {
                let stream = timeout(secs(60), TcpStream::connect("10.0.0.1:7")).await?;
                tell(format_args!("{n} {}", kind(stream)));
                io::Result::Ok(())
            };
            tokio::try_join!(connect(1), connect(2), connect(3))?;
            let late = timeout(ms(500), TcpStream::connect("server:8")).await;
            tell(kind(late?));
            Ok(())
        },
        vec![],
        expect![[r#"
            12.000 ms client 1 ok
            12.000 ms client 2 ok
            3014.000 ms client 3 ok
            3016.000 ms client ConnectionRefused
        "#]],
    );
}
