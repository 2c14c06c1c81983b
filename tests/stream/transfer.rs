//! Bytes arrive whole and in order, as fast as the link and the reader take them.

use std::rc::Rc;

use expect_test::expect;
use futures::io::{AsyncReadExt, AsyncWriteExt};
use proptest::prelude::*;
use stormglass::journal::Kind;
use stormglass::net::{Delay, How, LinkProfile, Loss};

use super::*;

/// One client of one server, each an async function.
fn pair<S, C>(
    sim: &mut Sim,
    server: impl Fn(Ctx) -> S + 'static,
    client: impl Fn(Ctx) -> C + 'static,
) where
    S: Future<Output = ()> + 'static,
    C: Future<Output = io::Result<()>> + 'static,
{
    calm(sim);
    sim.process("server", server);
    sim.client("client", client);
}

#[test]
fn an_echo_takes_its_round_trips() {
    let world = |sim: &mut Sim| {
        pair(sim, echo, |ctx| async move {
            let mut connection = ctx.connect("server", 7).await?;
            ctx.record("connected");
            let answer = ask(&mut connection, b"hello").await?;
            ctx.record(String::from_utf8_lossy(&answer));
            Ok(())
        });
    };
    let run = run_with(&world, 1, vec![]);
    expect![[r#"
            2.000 ms client connected
            4.000 ms client hello
    "#]]
    .assert_eq(&told(&run));
}

#[test]
fn the_journal_tells_a_connection() {
    let world = |sim: &mut Sim| {
        pair(sim, echo, |ctx| async move {
            let mut connection = ctx.connect("server", 7).await?;
            ask(&mut connection, b"a").await?;
            connection.close().await
        });
    };
    let run = run_with(&world, 1, vec![]);
    let kinds = [Kind::Connection, Kind::Send, Kind::Deliver, Kind::Drop, Kind::Reset];
    let events = run.journal.events().filter(|event| kinds.contains(&event.kind()));
    let mut lines = String::new();
    for event in events {
        let (name, kind, symbol) = (event.node_name(), event.kind().name(), event.symbol());
        lines += &format!("{} {name} {kind} {symbol}\n", event.at());
    }
    expect![[r#"
        0.000 ms client connection connect
        2.000 ms client send conn #1
        3.000 ms server connection accept
        3.000 ms server deliver conn #1
        3.000 ms server send conn #1
        4.000 ms client deliver conn #1
        4.000 ms client connection shut
        5.000 ms server connection close
        6.000 ms client connection close
    "#]]
    .assert_eq(&lines);
    let connect = run.journal.of_kind(Kind::Connection).next().unwrap();
    assert_eq!((connect.value(), connect.text()), (1, Some("port 7, conn #1")));
    let send = run.journal.of_kind(Kind::Send).next().unwrap();
    assert_eq!(send.payload().unwrap(), &b"a"[..]);
    let deliver = run.journal.of_kind(Kind::Deliver).next().unwrap();
    assert_eq!(deliver.cause(), send.id());
}

/// Sends `size` bytes one way over a link, and says when they were there.
fn transfer(sim: &mut Sim, size: usize, profile: LinkProfile, chunk: usize) {
    let (sent, expected) = (Rc::new(pattern(size)), Rc::new(pattern(size)));
    pair(
        sim,
        move |ctx| {
            let expected = expected.clone();
            async move {
                let listener = ctx.listen(7).unwrap();
                let (mut connection, _) = listener.accept().await.unwrap();
                let mut all = Vec::new();
                connection.read_to_end(&mut all).await.unwrap();
                ctx.publish("whole", all == *expected);
                ctx.record(format_args!("{} bytes", all.len()));
                connection.write_all(b"thanks").await.unwrap();
            }
        },
        move |ctx| {
            let sent = sent.clone();
            async move {
                // One connection in a few thousand over the worst links here loses all seven SYNs.
                let mut connection = loop {
                    match ctx.connect("server", 7).await {
                        Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
                        result => break result?,
                    }
                };
                for chunk in sent.chunks(chunk) {
                    connection.write_all(chunk).await?;
                }
                connection.shutdown(How::Write)?;
                let mut thanks = String::new();
                connection.read_to_string(&mut thanks).await?;
                ctx.publish("thanked", thanks == "thanks");
                Ok(())
            }
        },
    );
    sim.links(profile);
    sim.eventually("the bytes arrive whole and in order", |view: &View<'_>| {
        view.probe::<bool>("server", "whole").is_some_and(|whole| *whole)
            && view.probe::<bool>("client", "thanked").is_some_and(|thanked| *thanked)
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn any_size_over_any_link_arrives_whole(
        size in prop_oneof![0..200_usize, 0..400_000_usize],
        chunk in 1..100_000_usize,
        loss in 0.0..0.3,
        jitter in 0..5_000_u64,
        reorder in 0.0..0.5,
        seed in any::<u64>(),
    ) {
        let profile = LinkProfile {
            delay: Delay::Uniform(ms(1), ms(1) + Duration::from_micros(jitter)),
            loss: Loss::Bernoulli(loss),
            duplicate: 0.1,
            corrupt: 0.05,
            reorder,
            ..LinkProfile::default()
        };
        let chunk = chunk.max(size / 200);
        run_with(&move |sim: &mut Sim| transfer(sim, size, profile.clone(), chunk), seed, vec![]);
    }
}

#[test]
fn the_window_and_the_round_trip_bound_the_rate() {
    let world = |sim: &mut Sim| {
        transfer(sim, 10 << 20, LinkProfile::with_delay(ms(10)), 1 << 16);
    };
    let run = run_with(&world, 1, vec![]);
    // 128 KiB a round trip of 20 ms: 80 of them, and the handshake.
    expect![[r#"
         1610.000 ms server 10485760 bytes
    "#]]
    .assert_eq(&told(&run));
}

#[test]
fn the_rate_of_the_link_bounds_the_rate() {
    let world = |sim: &mut Sim| {
        let rate = Some(1_000_000);
        let profile = LinkProfile { rate, ..LinkProfile::with_delay(ms(1)) };
        transfer(sim, 1_000_000, profile, 1 << 16);
    };
    let run = run_with(&world, 1, vec![]);
    expect![[r#"
         1030.600 ms server 1000000 bytes
    "#]]
    .assert_eq(&told(&run));
}

#[test]
fn a_writer_waits_for_its_reader() {
    let world = |sim: &mut Sim| {
        pair(
            sim,
            |ctx| async move {
                let listener = ctx.listen(7).unwrap();
                let (mut connection, _) = listener.accept().await.unwrap();
                ctx.sleep(secs(5)).await;
                let mut all = Vec::new();
                connection.read_to_end(&mut all).await.unwrap();
                ctx.record(format_args!("{} bytes", all.len()));
            },
            |ctx| async move {
                let mut connection = ctx.connect("server", 7).await?;
                let mut written = 0;
                while let Ok(length) = connection.try_write(&[7; 1000]) {
                    written += length;
                    if length == 0 {
                        break;
                    }
                    ctx.sleep(Duration::from_micros(10)).await;
                }
                ctx.record(format_args!("{written} bytes fit"));
                ctx.sleep(secs(1)).await;
                while let Ok(length) = connection.try_write(&[7; 1000]) {
                    written += length;
                }
                ctx.record(format_args!("{written} bytes fit"));
                assert!(!connection.readiness().writable);
                connection.write_all(&[7; 1000]).await?;
                ctx.record("and 1000 more");
                connection.close().await
            },
        );
    };
    let run = run_with(&world, 1, vec![]);
    // The writer's buffer and the reader's: 128 KiB each.
    expect![[r#"
        3.320 ms client 131072 bytes fit
        1003.320 ms client 262144 bytes fit
        5006.000 ms client and 1000 more
        5007.000 ms server 263144 bytes
    "#]]
    .assert_eq(&told(&run));
}

#[test]
fn small_buffers_make_small_steps() {
    let world = |sim: &mut Sim| {
        pair(
            sim,
            |ctx| async move {
                let listener = ctx.listen(7).unwrap();
                let (mut connection, _) = listener.accept().await.unwrap();
                let mut all = Vec::new();
                connection.read_to_end(&mut all).await.unwrap();
                ctx.record(format_args!("{} {}", all.len(), all == pattern(20_000)));
            },
            |ctx| async move {
                let mut connection = ctx.connect("server", 7).await?;
                connection.set_buffers(1000, 1000);
                connection.write_all(&pattern(20_000)).await?;
                connection.close().await
            },
        );
    };
    let run = run_with(&world, 1, vec![]);
    expect![[r#"
           11.000 ms server 20000 true
    "#]]
    .assert_eq(&told(&run));
}

#[test]
fn both_ways_at_once() {
    let world = |sim: &mut Sim| {
        pair(sim, echo, |ctx| async move {
            let connection = ctx.connect("server", 7).await?;
            let (mut reader, mut writer) = connection.split();
            let text = pattern(1_000_000);
            let sent = text.clone();
            let writing = async move {
                writer.write_all(&sent).await?;
                writer.close().await
            };
            let mut all = Vec::new();
            let (wrote, read) = futures::join!(writing, reader.read_to_end(&mut all));
            wrote?;
            ctx.record(format_args!("{} {}", read?, all == text));
            Ok(())
        });
    };
    let run = run_with(&world, 1, vec![]);
    expect![[r#"
           18.000 ms client 1000000 true
    "#]]
    .assert_eq(&told(&run));
}

#[test]
fn a_lost_segment_costs_its_retransmission() {
    let world = |sim: &mut Sim| {
        pair(sim, echo, |ctx| async move {
            let mut connection = ctx.connect("server", 7).await?;
            for n in 0..3u8 {
                ask(&mut connection, &[n]).await?;
                ctx.record(n);
            }
            Ok(())
        });
    };
    let second = faults::message("client", "server", "conn #1", 2, stormglass::chaos::Effect::Drop);
    let run = run_with(&world, 1, vec![second]);
    expect![[r#"
        4.000 ms client 0
        206.000 ms client 1
        208.000 ms client 2
    "#]]
    .assert_eq(&told(&run));
}

#[test]
fn a_label_names_the_data() {
    let world = |sim: &mut Sim| {
        pair(sim, echo, |ctx| async move {
            let mut connection = ctx.connect_as("orders", "server", 7).await?;
            ask(&mut connection, b"x").await?;
            Ok(())
        });
    };
    let run = run_with(&world, 1, vec![]);
    assert!(run.journal.of_kind(Kind::Send).all(|event| event.symbol() == "orders"));
    assert_eq!(run.journal.of_kind(Kind::Send).count(), 2);
}

#[test]
fn a_node_talks_to_itself() {
    let world = |sim: &mut Sim| {
        calm(sim);
        sim.client("both", |ctx| async move {
            ctx.spawn(echo(ctx));
            ctx.yield_now().await;
            let mut connection = ctx.connect("localhost", 7).await?;
            let answer = ask(&mut connection, b"me").await?;
            ctx.record(String::from_utf8_lossy(&answer));
            io::Result::Ok(())
        });
    };
    let run = run_with(&world, 1, vec![]);
    expect![[r#"
            0.080 ms both me
    "#]]
    .assert_eq(&told(&run));
}
