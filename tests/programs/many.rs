//! Many programs in one world.

use std::io;

use stormglass::journal::Kind;
use stormglass::sim::End;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use super::*;

const PROGRAMS: usize = if cfg!(debug_assertions) { 40 } else { 100 };
const CONNECTIONS: usize = 10;
const CALLS: usize = 3;

async fn echo(listener: TcpListener) -> io::Result<()> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            let (mut read, mut write) = stream.split();
            tokio::io::copy(&mut read, &mut write).await
        });
    }
}

/// Asks over one connection, which stays open; gives how many answers were right.
async fn ask(own: usize, other: usize) -> io::Result<usize> {
    let mut stream = TcpStream::connect(format!("program-{other}:7")).await?;
    let mut right = 0;
    for call in 0..CALLS {
        let question = format!("{own:3} asks {other:3} for the {call}th time");
        stream.write_all(question.as_bytes()).await?;
        let mut answer = vec![0; question.len()];
        stream.read_exact(&mut answer).await?;
        right += usize::from(answer == question.as_bytes());
        sleep(ms(100)).await;
    }
    Ok(right)
}

/// Serves, and asks its next ten neighbours at once.
async fn program(own: usize) -> io::Result<()> {
    tokio::spawn(echo(TcpListener::bind("0.0.0.0:7").await?));
    sleep(ms(10)).await;
    let neighbours = (1..=CONNECTIONS).map(|n| (own + n) % PROGRAMS);
    let asked = neighbours.map(|other| tokio::spawn(ask(own, other)));
    for right in futures::future::join_all(asked).await {
        tell(right??);
    }
    // Others may still be asking.
    sleep(secs(1)).await;
    Ok(())
}

fn world(sim: &mut Sim) {
    calm(sim);
    for own in 0..PROGRAMS {
        sim.program(&format!("program-{own}"), move || program(own)).drives();
    }
}

#[test]
fn every_call_of_many_programs_is_answered() {
    let run = twice(&world, &RunConfig::seed(1));
    assert!(run.verdict().holds(), "{}", run.verdict());
    assert_eq!(run.end, End::Finished);
    let told = run.journal.of_kind(Kind::Note).map(|note| note.text().unwrap().parse::<usize>());
    let told: Vec<usize> = told.collect::<Result<_, _>>().unwrap();
    assert_eq!(told.len(), PROGRAMS * CONNECTIONS);
    assert_eq!(told.iter().sum::<usize>(), PROGRAMS * CONNECTIONS * CALLS);
}
