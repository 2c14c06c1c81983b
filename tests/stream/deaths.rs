//! What the other end is told when a process or a machine dies.

use stormglass::net::How;

use super::*;

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
