//! Faults under a connection.

use stormglass::chaos::{Effect, Leg};

use super::*;

/// A fault that strikes the n-th segment with a label.
pub(super) fn message(from: &str, to: &str, label: &str, n: u64, effect: Effect) -> Fault {
    let (from, to, label) = (from.to_owned(), to.to_owned(), Some(label.to_owned()));
    Fault::Message { from, to, label, n, leg: Leg::Message, effect }
}

fn partition(at: Duration, lasts: Duration, one_way: Option<(&str, &str)>) -> Fault {
    let (a, b) = one_way.unwrap_or(("client", "server"));
    let (a, b) = (vec![a.to_owned()], vec![b.to_owned()]);
    Fault::Partition { a, b, one_way: one_way.is_some(), at, lasts: Some(lasts) }
}

/// A client that sends a numbered byte every 50 ms and tells every answer that took long.
fn chat(sim: &mut Sim) {
    calm(sim);
    sim.process("server", echo);
    sim.client("client", |ctx| async move {
        let mut connection = ctx.connect("server", 7).await?;
        for n in 0..60u8 {
            let before = ctx.clock().now();
            let answer = ask(&mut connection, &[n]).await?;
            assert_eq!(answer, [n]);
            let took = ctx.clock().now().since(before);
            if took > ms(2) {
                ctx.record(format_args!("{n} took {took:?}"));
            }
            ctx.sleep(ms(50)).await;
        }
        ctx.record("whole");
        io::Result::Ok(())
    });
}

#[track_caller]
fn check(faults: Vec<Fault>, expected: expect_test::Expect) {
    let run = run_with(&chat, 1, faults);
    expected.assert_eq(&told(&run));
    assert!(run.idle_faults().is_empty(), "{:?}", run.tallies);
}

#[test]
fn a_partition_stalls_and_heals() {
    check(
        vec![partition(ms(500), secs(3), None)],
        expect_test::expect![[r#"
             3524.000 ms client 10 took 3.002s
             6122.000 ms client whole
        "#]],
    );
}

#[test]
fn half_a_partition_stalls_too() {
    let one_way = Some(("server", "client"));
    check(
        vec![partition(ms(500), secs(3), one_way)],
        expect_test::expect![[r#"
             3524.000 ms client 10 took 3.002s
             6122.000 ms client whole
        "#]],
    );
}

#[test]
fn a_partition_longer_than_the_limit_times_out() {
    check(
        vec![partition(ms(500), secs(2000), None)],
        expect_test::expect![[r#"
        925122.000 ms client gives up: timed out
    "#]],
    );
}

/// Whoever only hears nothing gives up as well.
#[test]
fn half_a_partition_longer_than_the_limit_times_out() {
    let one_way = Some(("server", "client"));
    check(
        vec![partition(ms(500), secs(2000), one_way)],
        expect_test::expect![[r#"
        925123.000 ms client gives up: timed out
    "#]],
    );
}

#[test]
fn message_faults_strike_segments() {
    let strike = |n, effect| message("client", "server", "conn #1", n, effect);
    check(
        vec![
            strike(3, Effect::Drop),
            strike(5, Effect::Delay(ms(30))),
            strike(7, Effect::Duplicate),
            strike(9, Effect::Corrupt),
            message("server", "client", "conn #1", 11, Effect::Drop),
            strike(20, Effect::Reset),
        ],
        expect_test::expect![[r#"
            308.000 ms client 2 took 202ms
            442.000 ms client 4 took 32ms
            850.000 ms client 8 took 202ms
            1154.000 ms client 10 took 202ms
            1620.000 ms client gives up: connection reset
        "#]],
    );
}

#[test]
fn link_faults_cost_time() {
    let (from, to) = (String::from("client"), String::from("server"));
    let (at, lasts) = (ms(0), None);
    let (by, percent) = (ms(20), 5.0);
    let (f, t) = (from.clone(), to.clone());
    check(
        vec![
            Fault::Loss { from: f, to: t, percent, burst: None, at, lasts },
            Fault::Reorder { from: from.clone(), to: to.clone(), percent, by, at, lasts },
            Fault::Corrupt { from, to, percent, at, lasts },
        ],
        expect_test::expect![[r#"
            76.000 ms client 1 took 22ms
            380.000 ms client 3 took 202ms
            944.000 ms client 10 took 202ms
            1248.000 ms client 12 took 202ms
            1952.000 ms client 14 took 602ms
            2360.000 ms client 18 took 202ms
            2612.000 ms client 19 took 202ms
            3436.000 ms client 31 took 202ms
            3688.000 ms client 32 took 202ms
            4356.000 ms client 41 took 202ms
            4816.000 ms client 46 took 202ms
            5096.000 ms client 51 took 22ms
            5272.000 ms client 54 took 22ms
            5976.000 ms client 56 took 602ms
            6048.000 ms client 57 took 22ms
            6202.000 ms client whole
        "#]],
    );
}

/// The machine goes on while the process stands still.
#[test]
fn a_paused_process_is_a_slow_reader() {
    let world = |sim: &mut Sim| {
        calm(sim);
        sim.process("server", echo);
        sim.client("client", |ctx| async move {
            ctx.sleep(ms(200)).await;
            let mut first = ctx.connect("server", 7).await?;
            let mut second = ctx.connect("server", 7).await?;
            ctx.record("both connected");
            first.write_all(b"1").await?;
            second.write_all(&[2; 100_000]).await?;
            ctx.record("written");
            let (mut a, mut b) = ([0; 1], vec![0; 100_000]);
            first.read_exact(&mut a).await?;
            second.read_exact(&mut b).await?;
            ctx.record("answered");
            io::Result::Ok(())
        });
    };
    let pause = Fault::Pause { node: "server".into(), at: ms(100), lasts: Some(secs(2)) };
    let run = run_with(&world, 1, vec![pause]);
    expect_test::expect![[r#"
        204.000 ms client both connected
        204.000 ms client written
        2101.000 ms client answered
    "#]]
    .assert_eq(&told(&run));
}

/// What is written during a partition goes out in few long segments once it is over.
#[test]
fn what_a_partition_holds_back_gathers() {
    let world = |sim: &mut Sim| {
        calm(sim);
        sim.process("server", |ctx| async move {
            let listener = ctx.listen(7).unwrap();
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut all = Vec::new();
            connection.read_to_end(&mut all).await.unwrap();
            ctx.record(all.len());
        });
        sim.client("client", |ctx| async move {
            let mut connection = ctx.connect("server", 7).await?;
            for _ in 0..100 {
                connection.write_all(b"ten bytes.").await?;
                ctx.sleep(ms(10)).await;
            }
            connection.close().await
        });
    };
    let run = run_with(&world, 1, vec![partition(ms(105), ms(500), None)]);
    let segments = run.journal.of_kind(stormglass::journal::Kind::Send).count();
    expect_test::expect![[r#"
        41 segments
        1003.000 ms server 1000
    "#]]
    .assert_eq(&format!("{} segments\n{}", segments, told(&run)));
}

fn connection(leg: Leg, segment: Option<u64>, byte: Option<u64>, effect: Effect) -> Fault {
    let (from, to) = ("client".to_owned(), "server".to_owned());
    Fault::Connection { from, to, conn: 1, leg, segment, byte, effect }
}

/// The n-th byte of the client is the n-th segment.
#[test]
fn a_connection_is_struck_at_its_segments_and_bytes() {
    check(
        vec![
            connection(Leg::Request, Some(3), None, Effect::Drop),
            connection(Leg::Request, None, Some(5), Effect::Delay(ms(30))),
            connection(Leg::Reply, Some(8), None, Effect::Delay(ms(50))),
            connection(Leg::Reply, None, Some(12), Effect::Stall(Some(ms(500)))),
            connection(Leg::Request, None, Some(20), Effect::Reset),
        ],
        expect_test::expect![[r#"
            308.000 ms client 2 took 202ms
            494.000 ms client 5 took 32ms
            648.000 ms client 7 took 52ms
            1508.000 ms client 12 took 602ms
            1922.000 ms client gives up: connection reset
        "#]],
    );
}

/// What was on its way arrives before the connection breaks.
#[test]
fn a_connection_breaks_after_so_many_bytes() {
    let cut = connection(Leg::Request, Some(4), None, Effect::DropBytes { after: 6 });
    check(
        vec![cut],
        expect_test::expect![[r#"
        472.000 ms client gives up: connection reset
    "#]],
    );
}

/// Both ends find out: the one that sends by its retries, the other by what it sends itself.
#[test]
fn a_stall_for_good_times_out() {
    check(
        vec![connection(Leg::Request, Some(10), None, Effect::Stall(None))],
        expect_test::expect![[r#"
            925070.000 ms client gives up: timed out
        "#]],
    );
    check(
        vec![connection(Leg::Reply, Some(10), None, Effect::Stall(None))],
        expect_test::expect![[r#"
            925071.000 ms client gives up: timed out
        "#]],
    );
}
