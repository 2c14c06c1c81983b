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

#[test]
fn words_are_echoed_and_a_crash_is_noticed() {
    let fault = Fault::Crash { node: "server".to_owned(), at: ms(3_500), lasts: Some(secs(2)) };
    let run = twice(&world, &RunConfig::seed(1).plan(FaultPlan::new(vec![fault])));
    assert!(run.verdict().holds(), "{}\n{}", run.verdict(), run.journal.story());
    let told: String = told(&run).lines().take(18).map(|line| format!("{line}\n")).collect();
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
    "#]]
    .assert_eq(&told);
}

#[test]
fn every_storm_replays() {
    let stormy = |sim: &mut Sim| {
        world(sim);
        sim.chaos(Chaos::default()).time_limit(secs(300));
    };
    storms(&stormy, "programs::websocket::every_storm_replays");
}
