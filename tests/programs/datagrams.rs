//! UDP as std and tokio show it to programs.

use std::io;

use expect_test::expect;
use tokio::net::UdpSocket;
use tokio::time::{sleep, timeout};

use super::*;

/// Answers every datagram with itself.
async fn echo() -> io::Result<()> {
    let socket = UdpSocket::bind("0.0.0.0:7").await?;
    let mut buffer = [0; 2048];
    loop {
        let (length, from) = socket.recv_from(&mut buffer).await?;
        socket.send_to(&buffer[..length], from).await?;
    }
}

#[test]
fn datagrams_go_there_and_back() {
    check(
        echo,
        || async {
            let socket = UdpSocket::bind("0.0.0.0:0").await?;
            let mut buffer = [0; 64];
            for text in ["one", "", "three"] {
                tell(socket.send_to(text.as_bytes(), "server:7").await?);
                let (length, from) = socket.recv_from(&mut buffer).await?;
                tell(format_args!("{from} {}", String::from_utf8_lossy(&buffer[..length])));
            }
            Ok(())
        },
        vec![],
        expect![[r#"
            0.000 ms client 3
            2.000 ms client 10.0.0.1:7 one
            2.000 ms client 0
            4.000 ms client 10.0.0.1:7 
            4.000 ms client 5
            6.000 ms client 10.0.0.1:7 three
        "#]],
    );
}

#[test]
fn who_is_connected_hears_nobody_else() {
    check(
        echo,
        || async {
            let socket = UdpSocket::bind("0.0.0.0:9").await?;
            socket.connect("server:7").await?;
            tell(format_args!("{} {}", socket.local_addr()?, socket.peer_addr()?));
            let stranger = UdpSocket::bind("0.0.0.0:0").await?;
            stranger.send_to(b"noise", "127.0.0.1:9").await?;
            socket.send(b"a word").await?;
            let mut buffer = [0; 64];
            let length = socket.recv(&mut buffer).await?;
            tell(String::from_utf8_lossy(&buffer[..length]));
            tell(timeout(secs(1), socket.recv(&mut buffer)).await.is_err());
            Ok(())
        },
        vec![],
        expect![[r#"
            0.000 ms client 10.0.0.2:9 10.0.0.1:7
            2.000 ms client a word
            1002.000 ms client true
        "#]],
    );
}

#[test]
fn what_does_not_fit_is_lost() {
    check(
        echo,
        || async {
            let socket = UdpSocket::bind("0.0.0.0:0").await?;
            socket.connect("server:7").await?;
            socket.send(b"a long text").await?;
            socket.send(b"next").await?;
            let mut buffer = [0; 6];
            for _ in 0..2 {
                let length = socket.peek(&mut buffer).await?;
                tell(String::from_utf8_lossy(&buffer[..length]));
                let length = socket.recv(&mut buffer).await?;
                tell(String::from_utf8_lossy(&buffer[..length]));
            }
            tell(kind(socket.send(&vec![0; 70_000]).await));
            Ok(())
        },
        vec![],
        expect![[r#"
            2.000 ms client a long
            2.000 ms client a long
            2.000 ms client next
            2.000 ms client next
            2.000 ms client Uncategorized
        "#]],
    );
}

#[test]
fn a_crash_is_silent() {
    check(
        echo,
        || async {
            let socket = UdpSocket::bind("0.0.0.0:0").await?;
            sleep(ms(100)).await;
            socket.send_to(b"anybody?", "server:7").await?;
            tell(timeout(secs(1), socket.recv(&mut [0; 8])).await.is_err());
            Ok(())
        },
        vec![Fault::Crash { node: "server".to_owned(), at: ms(50), lasts: None }],
        expect![[r#"
            1100.000 ms client true
        "#]],
    );
}

/// Asks every second, and waits half of one for an answer.
async fn ask() -> io::Result<()> {
    let socket = UdpSocket::bind("0.0.0.0:0").await?;
    for n in 0..8_u8 {
        socket.send_to(&[n], "server:7").await?;
        let mut buffer = [0; 8];
        while let Ok(received) = timeout(ms(500), socket.recv_from(&mut buffer)).await {
            let (length, _) = received?;
            tell(format_args!("{n} is answered by {:?}", &buffer[..length]));
        }
        sleep(ms(500)).await;
    }
    Ok(())
}

/// What is sent into a partition is gone: nobody sends it again.
#[test]
fn a_partition_swallows() {
    let (a, b) = (vec!["server".to_owned()], vec!["client".to_owned()]);
    let (at, lasts) = (ms(1_500), Some(secs(2)));
    let cut = Fault::Partition { a, b, one_way: false, at, lasts };
    check(
        echo,
        ask,
        vec![cut],
        expect![[r#"
        2.000 ms client 0 is answered by [0]
        1004.000 ms client 1 is answered by [1]
        4006.000 ms client 4 is answered by [4]
        5008.000 ms client 5 is answered by [5]
        6010.000 ms client 6 is answered by [6]
        7012.000 ms client 7 is answered by [7]
    "#]],
    );
}

#[test]
fn a_crash_loses_what_is_sent_meanwhile() {
    let (at, lasts) = (ms(1_500), Some(secs(2)));
    check(
        echo,
        ask,
        vec![Fault::Crash { node: "server".to_owned(), at, lasts }],
        expect![[r#"
        2.000 ms client 0 is answered by [0]
        1004.000 ms client 1 is answered by [1]
        4006.000 ms client 4 is answered by [4]
        5008.000 ms client 5 is answered by [5]
        6010.000 ms client 6 is answered by [6]
        7012.000 ms client 7 is answered by [7]
    "#]],
    );
}

/// The socket of a process that stands still keeps what arrives.
#[test]
fn a_pause_answers_late() {
    let (at, lasts) = (ms(1_500), Some(secs(2)));
    check(
        echo,
        ask,
        vec![Fault::Pause { node: "server".to_owned(), at, lasts }],
        expect![[r#"
        2.000 ms client 0 is answered by [0]
        1004.000 ms client 1 is answered by [1]
        3501.000 ms client 3 is answered by [2]
        3501.000 ms client 3 is answered by [3]
        4503.000 ms client 4 is answered by [4]
        5505.000 ms client 5 is answered by [5]
        6507.000 ms client 6 is answered by [6]
        7509.000 ms client 7 is answered by [7]
    "#]],
    );
}

#[test]
fn every_storm_replays() {
    let stormy = |sim: &mut Sim| {
        calm(sim);
        sim.program("server", echo);
        sim.program("client", ask).drives();
        sim.chaos(Chaos::default()).time_limit(secs(300));
    };
    storms(&stormy, "programs::datagrams::every_storm_replays");
}
