//! A port, its backlog, and what an event loop sees of it.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use stormglass::net::{How, Listener};

use super::*;

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
