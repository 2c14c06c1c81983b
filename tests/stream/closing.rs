//! How connections are ended in good order and in bad, and what each side is told.

use stormglass::net::How;

use super::*;

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
