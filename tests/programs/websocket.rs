//! A pair of WebSocket ends (`tokio-tungstenite`).

use expect_test::expect;
use futures::{SinkExt, StreamExt};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{accept_async, connect_async};

use super::*;

async fn serve() -> Result<(), Error> {
    let listener = TcpListener::bind("0.0.0.0:80").await?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            let mut socket = accept_async(stream).await?;
            while let Some(message) = socket.next().await {
                let message = message?;
                if message.is_text() {
                    socket.send(message).await?;
                }
            }
            Ok::<(), Error>(())
        });
    }
}

/// Says a word a second, and connects again when that fails.
async fn talk() -> Result<(), Error> {
    for _ in 0..5 {
        let talk = async {
            let (mut socket, _) = connect_async("ws://server/").await?;
            for n in 0..10 {
                socket.send(Message::text(format!("word {n}"))).await?;
                let answer = timeout(secs(2), socket.next()).await;
                match answer {
                    Ok(Some(answer)) => tell(answer?),
                    Ok(None) => return Ok(()),
                    Err(late) => {
                        tell(late);
                        return Ok(());
                    }
                }
                sleep(secs(1)).await;
            }
            socket.close(None).await?;
            while let Some(Ok(_)) = socket.next().await {}
            tell("closed");
            Ok::<(), Error>(())
        };
        match timeout(secs(20), talk).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tell(error),
            Err(late) => tell(late),
        }
        sleep(secs(1)).await;
    }
    Ok(())
}

fn world(sim: &mut Sim) {
    calm(sim);
    sim.program("server", serve);
    sim.program("client", talk).drives();
}

/// The first of what is told in a world with one fault, from 3.5 s on.
#[track_caller]
fn during(fault: Fault, expected: Expect) {
    let run = twice(&world, &RunConfig::seed(1).plan(FaultPlan::new([fault])));
    assert!(run.verdict().holds(), "{}\n{}", run.verdict(), run.journal.story());
    let told: String = told(&run).lines().take(18).map(|line| format!("{line}\n")).collect();
    expected.assert_eq(&told);
}

#[test]
fn words_are_echoed_and_a_crash_is_noticed() {
    let fault = Fault::Crash { node: "server".to_owned(), at: ms(3_500), lasts: Some(secs(2)) };
    during(
        fault,
        expect![[r#"
        6.000 ms client word 0
        1008.000 ms client word 1
        2010.000 ms client word 2
        3012.000 ms client word 3
        4012.000 ms client IO error: Connection reset by peer (os error 104)
        5014.000 ms client IO error: Connection refused (os error 111)
        6020.000 ms client word 0
        7022.000 ms client word 1
        8024.000 ms client word 2
        9026.000 ms client word 3
        10028.000 ms client word 4
        11030.000 ms client word 5
        12032.000 ms client word 6
        13034.000 ms client word 7
        14036.000 ms client word 8
        15038.000 ms client word 9
        16040.000 ms client closed
        17046.000 ms client word 0
    "#]],
    );
}

/// What was said meanwhile is late; who gives up after 2 s connects again, when that is possible.
#[test]
fn a_partition_is_waited_for() {
    let (a, b) = (vec!["server".to_owned()], vec!["client".to_owned()]);
    let cut = |lasts| Fault::Partition {
        a: a.clone(),
        b: b.clone(),
        one_way: false,
        at: ms(3_500),
        lasts: Some(lasts),
    };
    during(
        cut(secs(1)),
        expect![[r#"
        6.000 ms client word 0
        1008.000 ms client word 1
        2010.000 ms client word 2
        3012.000 ms client word 3
        4614.000 ms client word 4
        5616.000 ms client word 5
        6618.000 ms client word 6
        7620.000 ms client word 7
        8622.000 ms client word 8
        9624.000 ms client word 9
        10626.000 ms client closed
        11632.000 ms client word 0
        12634.000 ms client word 1
        13636.000 ms client word 2
        14638.000 ms client word 3
        15640.000 ms client word 4
        16642.000 ms client word 5
        17644.000 ms client word 6
    "#]],
    );
    during(
        cut(secs(6)),
        expect![[r#"
        6.000 ms client word 0
        1008.000 ms client word 1
        2010.000 ms client word 2
        3012.000 ms client word 3
        6012.000 ms client deadline has elapsed
        10018.000 ms client word 0
        11020.000 ms client word 1
        12022.000 ms client word 2
        13024.000 ms client word 3
        14026.000 ms client word 4
        15028.000 ms client word 5
        16030.000 ms client word 6
        17032.000 ms client word 7
        18034.000 ms client word 8
        19036.000 ms client word 9
        20038.000 ms client closed
        21044.000 ms client word 0
        22046.000 ms client word 1
    "#]],
    );
}

#[test]
fn a_pause_is_waited_for() {
    let pause =
        |lasts| Fault::Pause { node: "server".to_owned(), at: ms(3_500), lasts: Some(lasts) };
    during(
        pause(secs(1)),
        expect![[r#"
        6.000 ms client word 0
        1008.000 ms client word 1
        2010.000 ms client word 2
        3012.000 ms client word 3
        4501.000 ms client word 4
        5503.000 ms client word 5
        6505.000 ms client word 6
        7507.000 ms client word 7
        8509.000 ms client word 8
        9511.000 ms client word 9
        10513.000 ms client closed
        11519.000 ms client word 0
        12521.000 ms client word 1
        13523.000 ms client word 2
        14525.000 ms client word 3
        15527.000 ms client word 4
        16529.000 ms client word 5
        17531.000 ms client word 6
    "#]],
    );
    during(
        pause(secs(6)),
        expect![[r#"
        6.000 ms client word 0
        1008.000 ms client word 1
        2010.000 ms client word 2
        3012.000 ms client word 3
        6012.000 ms client deadline has elapsed
        9503.000 ms client word 0
        10505.000 ms client word 1
        11507.000 ms client word 2
        12509.000 ms client word 3
        13511.000 ms client word 4
        14513.000 ms client word 5
        15515.000 ms client word 6
        16517.000 ms client word 7
        17519.000 ms client word 8
        18521.000 ms client word 9
        19523.000 ms client closed
        20529.000 ms client word 0
        21531.000 ms client word 1
    "#]],
    );
}

#[test]
fn every_storm_replays() {
    let stormy = |sim: &mut Sim| {
        world(sim);
        sim.chaos(Chaos::default()).time_limit(secs(300));
    };
    storms(&stormy, "programs::websocket::every_storm_replays");
}
