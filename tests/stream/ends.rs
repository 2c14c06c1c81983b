//! How connections end, and what each side is told.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use expect_test::{Expect, expect};
use futures::io::{AsyncReadExt, AsyncWriteExt};
use stormglass::journal::Kind;
use stormglass::net::{How, Listener};

use super::*;

/// Runs one client of one server under faults and compares what they told.
#[track_caller]
fn check<S, C>(
    server: impl Fn(Ctx) -> S + 'static + Copy,
    client: impl Fn(Ctx) -> C + 'static + Copy,
    faults: Vec<Fault>,
    expected: Expect,
) -> Run
where
    S: Future<Output = ()> + 'static,
    C: Future<Output = io::Result<()>> + 'static,
{
    let world = move |sim: &mut Sim| {
        calm(sim);
        sim.process("server", server);
        sim.client("client", client);
    };
    let run = run_with(&world, 1, faults);
    expected.assert_eq(&told(&run));
    run
}

/// Waits for the next connection of a listener at port 7, and what to do next.
async fn accept(ctx: Ctx) -> Connection {
    let listener = ctx.listen(7).unwrap();
    listener.accept().await.unwrap().0
}

async fn never(_: Ctx) {
    std::future::pending().await
}

fn kind<T>(result: io::Result<T>) -> String {
    match result {
        Ok(_) => "ok".to_owned(),
        Err(error) => format!("{:?}", error.kind()),
    }
}

fn crash(node: &str, at: Duration, lasts: Option<Duration>) -> Fault {
    Fault::Crash { node: node.to_owned(), at, lasts }
}

fn power_loss(node: &str, at: Duration, lasts: Option<Duration>) -> Fault {
    Fault::PowerLoss { node: node.to_owned(), at: Some(at), disk_op: None, lasts }
}

/// Connects at a time, and tells what came of it.
async fn connect_at(ctx: Ctx, at: Duration) -> io::Result<()> {
    ctx.sleep(at).await;
    let result = ctx.connect("server", 7).await;
    ctx.record(kind(result));
    Ok(())
}

#[test]
fn a_port_where_nobody_listens_refuses() {
    let run = check(
        never,
        |ctx| connect_at(ctx, ms(10)),
        vec![],
        expect![[r#"
               12.000 ms client ConnectionRefused
        "#]],
    );
    let reset = run.journal.of_kind(Kind::Reset).next().unwrap();
    assert_eq!((reset.node_name(), reset.symbol()), ("client", "refused"));
}

#[test]
fn a_machine_without_its_process_refuses() {
    let down = crash("server", ms(5), None);
    check(
        echo,
        |ctx| connect_at(ctx, ms(10)),
        vec![down],
        expect![[r#"
               12.000 ms client ConnectionRefused
        "#]],
    );
}

#[test]
fn a_machine_without_power_says_nothing() {
    let off = power_loss("server", ms(5), None);
    let run = check(
        echo,
        |ctx| connect_at(ctx, ms(10)),
        vec![off],
        expect![[r#"
        127010.000 ms client TimedOut
    "#]],
    );
    assert_eq!(run.journal.of_kind(Kind::Drop).count(), 7, "one SYN and six retries");
}

#[test]
fn a_syn_is_sent_again_until_somebody_hears_it() {
    let off = power_loss("server", ms(5), Some(secs(2)));
    check(
        echo,
        |ctx| connect_at(ctx, ms(10)),
        vec![off],
        expect![[r#"
             3014.000 ms client ok
        "#]],
    );
}

#[test]
fn nobody_has_that_name() {
    check(
        echo,
        |ctx| async move {
            ctx.record(kind(ctx.connect("sever", 7).await));
            Ok(())
        },
        vec![],
        expect![[r#"
                0.000 ms client NotFound
        "#]],
    );
}

/// Sends a byte every 100 ms and tells the first failure, and what comes after it.
async fn chatter(ctx: Ctx) -> io::Result<()> {
    let mut connection = ctx.connect("server", 7).await?;
    for n in 0.. {
        if let Err(error) = ask(&mut connection, &[n]).await {
            ctx.record(format_args!("{:?} after {n}", error.kind()));
            break;
        }
        ctx.sleep(ms(100)).await;
    }
    ctx.record(kind(connection.write(b"x").await));
    ctx.record(connection.read(&mut [0; 8]).await?);
    ctx.record(kind(connection.shutdown(How::Write)));
    Ok(())
}

#[test]
fn a_crash_resets() {
    check(
        echo,
        chatter,
        vec![crash("server", ms(550), None)],
        expect![[r#"
              614.000 ms client ConnectionReset after 6
              614.000 ms client BrokenPipe
              614.000 ms client 0
              614.000 ms client NotConnected
        "#]],
    );
}

#[test]
fn a_reader_learns_of_a_crash() {
    check(
        |ctx| async move {
            let _connection = accept(ctx).await;
            never(ctx).await;
        },
        |ctx| async move {
            let mut connection = ctx.connect("server", 7).await?;
            ctx.record(kind(connection.read(&mut [0; 8]).await));
            Ok(())
        },
        vec![crash("server", ms(550), None)],
        expect![[r#"
              551.000 ms client ConnectionReset
        "#]],
    );
}

#[test]
fn a_power_loss_is_silent_until_the_net_gives_up() {
    check(
        echo,
        chatter,
        vec![power_loss("server", ms(550), None)],
        expect![[r#"
        925230.000 ms client TimedOut after 6
        925230.000 ms client BrokenPipe
        925230.000 ms client 0
        925230.000 ms client NotConnected
    "#]],
    );
}

#[test]
fn a_machine_that_is_back_resets_what_it_does_not_know() {
    check(
        echo,
        chatter,
        vec![power_loss("server", ms(550), Some(secs(5)))],
        expect![[r#"
             6821.000 ms client ConnectionReset after 6
             6821.000 ms client BrokenPipe
             6821.000 ms client 0
             6821.000 ms client NotConnected
        "#]],
    );
}

/// What had arrived, but was not acknowledged when the power went, is sent again.
#[test]
fn data_that_nobody_acknowledged_is_sent_again_to_the_dead() {
    let silent = |ctx: Ctx| async move {
        let mut connection = accept(ctx).await;
        let length = connection.read(&mut [0; 8]).await;
        ctx.record(format_args!("has {}", kind(length)));
        never(ctx).await;
    };
    let client = |ctx: Ctx| async move {
        let mut connection = ctx.connect("server", 7).await?;
        connection.write_all(b"x").await?;
        ctx.record(kind(connection.read(&mut [0; 8]).await));
        Ok(())
    };
    check(
        silent,
        client,
        vec![power_loss("server", ms(20), Some(secs(5)))],
        expect![[r#"
            3.000 ms server has ok
            6427.000 ms client ConnectionReset
        "#]],
    );
    check(
        silent,
        client,
        vec![power_loss("server", ms(20), None)],
        expect![[r#"
            3.000 ms server has ok
            924836.000 ms client TimedOut
        "#]],
    );
}

#[test]
fn a_user_timeout_ends_the_silence() {
    check(
        echo,
        |ctx| async move {
            let mut connection = ctx.connect("server", 7).await?;
            connection.set_user_timeout(Some(secs(3)));
            ask(&mut connection, b"hello").await?;
            ctx.sleep(secs(10)).await;
            ctx.record(kind(connection.write_all(b"into the void").await));
            ctx.record(kind(connection.read(&mut [0; 8]).await));
            Ok(())
        },
        vec![power_loss("server", secs(5), None)],
        expect![[r#"
            10004.000 ms client ok
            13004.000 ms client TimedOut
        "#]],
    );
}

#[test]
fn half_a_connection_goes_on() {
    check(
        |ctx| async move {
            let mut connection = accept(ctx).await;
            let mut text = String::new();
            connection.read_to_string(&mut text).await.unwrap();
            ctx.record(format_args!("asked {text}, and no more"));
            ctx.sleep(secs(1)).await;
            connection.write_all(b"an answer").await.unwrap();
        },
        |ctx| async move {
            let mut connection = ctx.connect("server", 7).await?;
            connection.write_all(b"a question").await?;
            connection.shutdown(How::Write)?;
            ctx.record(kind(connection.write(b"more").await));
            let mut text = String::new();
            connection.read_to_string(&mut text).await?;
            ctx.record(text);
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
fn reading_can_be_ended_too() {
    check(
        echo,
        |ctx| async move {
            let mut connection = ctx.connect("server", 7).await?;
            ask(&mut connection, b"one").await?;
            connection.shutdown(How::Read)?;
            ctx.record(connection.read(&mut [0; 8]).await?);
            connection.shutdown(How::Both)?;
            ctx.record(kind(connection.write(b"x").await));
            Ok(())
        },
        vec![],
        expect![[r#"
                4.000 ms client 0
                4.000 ms client BrokenPipe
        "#]],
    );
}

#[test]
fn a_reset_in_the_middle_of_data() {
    check(
        |ctx| async move {
            let mut connection = accept(ctx).await;
            connection.read_exact(&mut [0; 1000]).await.unwrap();
            connection.reset();
        },
        |ctx| async move {
            let mut connection = ctx.connect("server", 7).await?;
            let mut written = 0;
            let failure = loop {
                match connection.write(&[7; 1000]).await {
                    Ok(length) => written += length,
                    Err(error) => break error.kind(),
                }
            };
            ctx.record(format_args!("{failure:?} after {written}"));
            ctx.record(kind(connection.write(b"x").await));
            ctx.record(connection.read(&mut [0; 8]).await?);
            Ok(())
        },
        vec![],
        expect![[r#"
                4.000 ms client ConnectionReset after 131072
                4.000 ms client BrokenPipe
                4.000 ms client 0
        "#]],
    );
}

/// What had arrived before a reset can be read.
#[test]
fn a_reset_takes_nothing_that_was_there() {
    check(
        |ctx| async move {
            let mut connection = accept(ctx).await;
            connection.write_all(b"last words").await.unwrap();
            ctx.sleep(ms(10)).await;
            connection.reset();
        },
        |ctx| async move {
            let mut connection = ctx.connect("server", 7).await?;
            ctx.sleep(ms(100)).await;
            let mut text = [0; 10];
            connection.read_exact(&mut text).await?;
            ctx.record(String::from_utf8_lossy(&text));
            assert!(connection.readiness().error);
            ctx.record(kind(connection.read(&mut text).await));
            ctx.record(connection.read(&mut text).await?);
            Ok(())
        },
        vec![],
        expect![[r#"
              102.000 ms client last words
              102.000 ms client ConnectionReset
              102.000 ms client 0
        "#]],
    );
}

#[test]
fn closing_with_unread_bytes_resets() {
    check(
        |ctx| async move {
            let connection = accept(ctx).await;
            ctx.sleep(ms(100)).await;
            drop(connection);
            never(ctx).await;
        },
        |ctx| async move {
            let mut connection = ctx.connect("server", 7).await?;
            connection.write_all(b"never read").await?;
            ctx.record(kind(connection.read(&mut [0; 8]).await));
            Ok(())
        },
        vec![],
        expect![[r#"
              104.000 ms client ConnectionReset
        "#]],
    );
}

#[test]
fn writing_to_a_closed_end_fails_in_two_steps() {
    check(
        |ctx| async move {
            drop(accept(ctx).await);
            never(ctx).await;
        },
        |ctx| async move {
            let mut connection = ctx.connect("server", 7).await?;
            ctx.record(connection.read(&mut [0; 8]).await?);
            ctx.record(kind(connection.write(b"the first is sent").await));
            ctx.sleep(ms(10)).await;
            ctx.record(kind(connection.write(b"the second knows").await));
            Ok(())
        },
        vec![],
        expect![[r#"
            4.000 ms client 0
            4.000 ms client ok
            14.000 ms client BrokenPipe
        "#]],
    );
}

/// Dropped before its data was sent, a connection still sends it, through losses too, and though
/// its process is dead.
#[test]
fn a_closed_connection_finishes_its_work() {
    let lossy = Fault::Loss {
        from: "server".into(),
        to: "client".into(),
        percent: 60.0,
        burst: None,
        at: ms(0),
        lasts: None,
    };
    check(
        |ctx| async move {
            let connection = accept(ctx).await;
            assert_eq!(connection.try_write(&pattern(100_000)).unwrap(), 100_000);
            drop(connection);
            ctx.record("closed");
            never(ctx).await;
        },
        |ctx| async move {
            let mut connection = ctx.connect("server", 7).await?;
            let mut all = Vec::new();
            connection.read_to_end(&mut all).await?;
            ctx.record(format_args!("{} {}", all.len(), all == pattern(100_000)));
            Ok(())
        },
        vec![lossy, crash("server", secs(60), None)],
        expect![[r#"
            3.000 ms server closed
            606.000 ms client 100000 true
        "#]],
    );
}

#[test]
fn closing_can_be_waited_for() {
    check(
        echo,
        |ctx| async move {
            let mut connection = ctx.connect("server", 7).await?;
            connection.write_all(b"x").await?;
            ctx.record(kind(connection.close().await));
            let mut connection = ctx.connect("server", 7).await?;
            ctx.sleep(secs(1)).await;
            connection.write_all(b"x").await?;
            let closed = ctx.timeout(secs(3), connection.close()).await;
            ctx.record(format_args!("in time: {}", closed.is_ok()));
            Ok(())
        },
        vec![power_loss("server", ms(500), None)],
        expect![[r#"
            4.000 ms client ok
            4006.000 ms client in time: false
        "#]],
    );
}

#[test]
fn a_port_belongs_to_one_listener() {
    check(
        never,
        |ctx| async move {
            let listener = ctx.listen(80)?;
            ctx.record(kind(ctx.listen(80)));
            drop(listener);
            let listener: Listener = ctx.listen(80)?;
            let free = ctx.listen(0)?;
            ctx.record(format_args!("{} {}", listener.local_addr().port, free.local_addr().port));
            ctx.record(kind(listener.try_accept()));
            Ok(())
        },
        vec![],
        expect![[r#"
                0.000 ms client AddrInUse
                0.000 ms client 80 32768
                0.000 ms client WouldBlock
        "#]],
    );
}

#[test]
fn a_dropped_listener_resets_those_who_wait() {
    check(
        |ctx| async move {
            let listener = ctx.listen(7).unwrap();
            ctx.sleep(ms(50)).await;
            ctx.record(format_args!("{:?} wait", listener.readiness()));
            drop(listener);
            never(ctx).await;
        },
        |ctx| async move {
            let mut connection = ctx.connect("server", 7).await?;
            ctx.record(kind(connection.read(&mut [0; 8]).await));
            connect_at(ctx, ms(0)).await
        },
        vec![],
        expect![[r#"
               50.000 ms server (1, 1) wait
               51.000 ms client ConnectionReset
               53.000 ms client ConnectionRefused
        "#]],
    );
}

#[test]
fn a_full_backlog_does_not_hear() {
    check(
        |ctx| async move {
            let listener = ctx.listen(7).unwrap();
            listener.set_backlog(2);
            ctx.sleep(ms(2500)).await;
            let mut open = Vec::new();
            while let Ok((connection, _)) = listener.accept().await {
                open.push(connection);
            }
        },
        |ctx| async move {
            let connect = |n: u32| async move {
                let connection = ctx.connect("server", 7).await;
                ctx.record(n);
                connection
            };
            let all = futures::join!(connect(1), connect(2), connect(3), connect(4));
            drop(all);
            Ok(())
        },
        vec![],
        expect![[r#"
            2.000 ms client 1
            2.000 ms client 2
            3004.000 ms client 3
            3004.000 ms client 4
        "#]],
    );
}

/// A connect that nobody waits for any more leaves no connection behind.
#[test]
fn a_connect_can_be_given_up() {
    check(
        |ctx| async move {
            let listener = ctx.listen(7).unwrap();
            ctx.sleep(ms(100)).await;
            ctx.record(format_args!("{:?} wait", listener.readiness()));
            never(ctx).await;
        },
        |ctx| async move {
            let given_up = ctx.timeout(Duration::from_micros(1500), ctx.connect("server", 7)).await;
            ctx.record(format_args!("{}", given_up.is_err()));
            ctx.sleep(ms(200)).await;
            Ok(())
        },
        vec![],
        expect![[r#"
            1.500 ms client true
            100.000 ms server (0, 0) wait
        "#]],
    );
}

/// The calls that never wait, as an event loop uses them: edges tell news.
#[test]
fn edges_tell_what_is_new() {
    check(
        echo,
        |ctx| async move {
            let connection = ctx.connect("server", 7).await?;
            let edges = Rc::new(RefCell::new(Vec::new()));
            let seen = edges.clone();
            let mut wait = 3;
            connection.try_write(b"ab")?;
            poll_fn(|cx| {
                connection.watch(Some(cx.waker().clone()));
                let now = connection.readiness();
                seen.borrow_mut().push((now.edge, now.readable, now.read_closed));
                wait -= 1;
                match wait {
                    0 => Poll::Ready(()),
                    1 => {
                        connection.shutdown(How::Write).unwrap();
                        Poll::Pending
                    }
                    _ => Poll::Pending,
                }
            })
            .await;
            ctx.record(format_args!("{:?}", edges.borrow()));
            let mut one = [0; 1];
            for _ in 0..4 {
                let read = connection.try_read(&mut one);
                ctx.record(format_args!("{read:?}"));
                ctx.sleep(ms(5)).await;
            }
            assert!(connection.take_error().is_none());
            Ok(())
        },
        vec![],
        expect![[r#"
            6.000 ms client [(1, false, false), (2, true, false), (3, true, false)]
            6.000 ms client Ok(1)
            11.000 ms client Ok(1)
            16.000 ms client Ok(0)
            21.000 ms client Ok(0)
        "#]],
    );
}
