//! Faults of links become faults of the one message that matters, by its name.

use futures::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

fn partition(at: u64, lasts: u64) -> Fault {
    let (a, b) = (vec!["shopper".to_owned()], vec!["payment".to_owned()]);
    Fault::Partition { a, b, one_way: false, at: Duration::from_micros(at), lasts: Some(ms(lasts)) }
}

#[test]
fn a_partition_becomes_the_message_that_it_lost() {
    check(
        [partition(1_500, 90)],
        expect![[r#"
        shopper -> payment "POST /charge" #1 reply: drop
        shopper keeps [0]
        without 1: Holds
    "#]],
    );
}

#[test]
fn a_loss_becomes_the_message_that_it_lost() {
    let loss = Fault::Loss {
        from: "payment".into(),
        to: "shopper".into(),
        percent: 100.0,
        burst: None,
        at: Duration::ZERO,
        lasts: Some(ms(50)),
    };
    check(
        [loss],
        expect![[r#"
        shopper -> payment "POST /charge" #1 reply: drop
        shopper keeps [0]
        without 1: Holds
    "#]],
    );
}

#[test]
fn a_delay_becomes_the_message_that_was_late() {
    let delay = Fault::Delay {
        from: "shopper".into(),
        to: "payment".into(),
        delay: Duration::from_nanos(100_123_456),
        jitter: Duration::ZERO,
        at: Duration::ZERO,
        lasts: Some(ms(40)),
    };
    check(
        [delay],
        expect![[r#"
        shopper -> payment "POST /charge" #1 request: delay 100ms
        shopper keeps [0]
        without 1: Holds
    "#]],
    );
}

#[test]
fn any_message_becomes_the_one_that_was_struck() {
    let any = Fault::Message {
        from: "shopper".into(),
        to: "payment".into(),
        label: None,
        n: 2,
        leg: Leg::Reply,
        effect: Effect::Drop,
    };
    check(
        [any.clone()],
        expect![[r#"
        shopper -> payment "POST /charge" #1 reply: drop
        shopper keeps [0]
        without 1: Holds
    "#]],
    );
    let Fault::Message { from, to, label, n, leg, .. } = any else { unreachable!() };
    let twice = Fault::Message { from, to, label, n, leg: Leg::Request, effect: Effect::Duplicate };
    assert_eq!(leg, Leg::Reply);
    check(
        [twice],
        expect![[r#"
        shopper -> payment "POST /charge" #1 request: duplicate
        shopper keeps [0]
        without 1: Holds
    "#]],
    );
}

/// A counter that is told its number by datagrams, once each, it hopes.
fn counter(sim: &mut Sim) {
    sim.links(LinkProfile::with_delay(ms(1)));
    sim.process("counter", |ctx| async move {
        let socket = ctx.bind(7).unwrap();
        let mut seen = Vec::new();
        while let Ok((bytes, _)) = socket.receive().await {
            seen.push(bytes[0]);
            ctx.publish("seen", seen.clone());
        }
    });
    sim.client("teller", |ctx| async move {
        let socket = ctx.bind(0).unwrap();
        let counter = ctx.lookup("counter", 7).unwrap();
        for n in 0..10u8 {
            socket.send_as("count", counter, vec![n]);
            ctx.sleep(ms(10)).await;
        }
        Ok::<(), String>(())
    });
    sim.never("a number is missing", |view| {
        let seen = view.probe::<Vec<u8>>("counter", "seen").unwrap_or_default();
        seen.iter().zip(0..).any(|(n, expected)| *n != expected)
    });
}

#[test]
fn a_datagram_has_a_name_too() {
    let world = World::new("counter", counter);
    let cut = Fault::Partition {
        a: vec!["teller".into()],
        b: vec!["counter".into()],
        one_way: true,
        at: ms(33),
        lasts: Some(ms(20)),
    };
    let config = RunConfig::seed(1).plan(FaultPlan::new([cut]));
    let shrunk = shrink(&world, &config, "a number is missing", 500);
    expect![[r#"
        teller -> counter "count" #1 message: drop
        without 1: Holds
    "#]]
    .assert_eq(&text(&shrunk));
}

/// A teller and a clerk who must not be late; `tell` sends the n-th number.
fn on_time<F: Future<Output = ()> + 'static>(
    sim: &mut Sim,
    clerk: impl Fn(Ctx) -> F + 'static,
    teller: impl AsyncFn(Ctx) + Clone + 'static,
) {
    sim.links(LinkProfile::with_delay(ms(1)));
    sim.process("clerk", clerk);
    sim.client("teller", move |ctx| {
        let teller = teller.clone();
        async move {
            teller(ctx).await;
            ctx.sleep(ms(500)).await;
            Ok::<(), String>(())
        }
    });
    sim.never("a number is late", |view| {
        view.probe::<u64>("clerk", "at").is_some_and(|at| *at > 150_000_000)
    });
}

fn cut(at: u64, lasts: u64) -> Fault {
    let (a, b) = (vec!["teller".to_owned()], vec!["clerk".to_owned()]);
    Fault::Partition { a, b, one_way: false, at: ms(at), lasts: Some(ms(lasts)) }
}

#[track_caller]
fn check_late(world: impl Fn(&mut Sim) + Send + Sync + 'static, expect: Expect) {
    let config = RunConfig::seed(1).plan(FaultPlan::new([cut(25, 10)]));
    let shrunk = shrink(&World::new("late", world), &config, "a number is late", 500);
    expect.assert_eq(&text(&shrunk));
}

/// What goes over a connection has its label and number, and is sent again when it is lost.
#[test]
fn a_piece_of_a_stream_has_a_name_too() {
    check_late(
        |sim| {
            let clerk = |ctx: Ctx| async move {
                let mut connection = ctx.listen(7).unwrap().accept().await.unwrap().0;
                while connection.read(&mut [0; 1]).await.is_ok_and(|length| length > 0) {
                    ctx.publish("at", ctx.clock().now().as_nanos());
                }
            };
            on_time(sim, clerk, async |ctx: Ctx| {
                let mut connection = ctx.connect("clerk", 7).await.unwrap();
                for _ in 0..10 {
                    connection.write_all(b"n").await.unwrap();
                    ctx.sleep(ms(10)).await;
                }
            });
        },
        expect![[r#"
            teller -> clerk "conn #1" #1 message: drop
            without 1: Holds
        "#]],
    );
}

/// Labels are what their callers like: a call need not look like one, nor a datagram unlike one.
#[test]
fn legs_are_told_from_answers_and_not_from_labels() {
    check_late(
        |sim| {
            let clerk = |ctx: Ctx| async move {
                let socket = ctx.bind(7).unwrap();
                while let Ok((_, from)) = socket.receive().await {
                    ctx.publish("at", ctx.clock().now().as_nanos());
                    socket.send_as("well received", from, "");
                }
            };
            on_time(sim, clerk, async |ctx: Ctx| {
                let socket = ctx.bind(0).unwrap();
                let clerk = ctx.lookup("clerk", 7).unwrap();
                for _ in 0..10 {
                    socket.send_as("POST it", clerk, "");
                    while ctx.timeout(ms(200), socket.receive()).await.is_err() {
                        socket.send_as("POST it", clerk, "");
                    }
                    ctx.sleep(ms(10)).await;
                }
            });
        },
        expect![[r#"
            teller -> clerk "POST it" #1 message: drop
            without 1: Holds
        "#]],
    );
    check_late(
        |sim| {
            sim.service("clerk", |ctx: Ctx| {
                tower::service_fn(move |_: http::Request<stormglass::service::Body>| async move {
                    ctx.publish("at", ctx.clock().now().as_nanos());
                    Ok::<_, std::convert::Infallible>(http::Response::new(String::new()))
                })
            });
            sim.links(LinkProfile::with_delay(ms(1)));
            sim.client("teller", |ctx| async move {
                for _ in 0..10 {
                    let call = ctx.http().post("http://clerk/").label("tell");
                    call.send().await.unwrap();
                    ctx.sleep(ms(10)).await;
                }
                Ok::<(), String>(())
            });
            sim.never("a number is late", |view| {
                view.probe::<u64>("clerk", "at").is_some_and(|at| *at > 150_000_000)
            });
        },
        expect![[r#"
            teller -> clerk "tell" #1 request: delay 50ms
            without 1: Holds
        "#]],
    );
}
