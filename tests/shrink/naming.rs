//! Faults of links become faults of the one message that matters, by its name.

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
