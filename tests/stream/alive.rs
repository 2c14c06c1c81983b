//! Keep-alive: who waits for an answer learns whether there is still somebody to give it.

use stormglass::chaos::{Effect, Leg};
use stormglass::net::KeepAlive;

use super::*;

/// As `reqwest` has it.
const OFTEN: KeepAlive = KeepAlive { idle: secs(15), interval: secs(15), probes: 3 };

/// Takes a connection and says something at 100 s.
async fn late(ctx: Ctx) {
    let mut connection = accept(ctx).await;
    ctx.sleep(secs(100)).await;
    _ = connection.write_all(b"x").await;
    never(ctx).await;
}

/// Takes a connection and says nothing.
async fn mute(ctx: Ctx) {
    let _connection = accept(ctx).await;
    never(ctx).await;
}

/// Waits for what the server says, with keep-alive and a user timeout.
async fn listen(ctx: Ctx, user_timeout: Option<Duration>) -> io::Result<()> {
    let mut connection = ctx.connect("server", 7).await?;
    connection.set_keep_alive(Some(OFTEN));
    connection.set_user_timeout(user_timeout);
    ctx.record(kind(connection.read(&mut [0; 8]).await));
    Ok(())
}

fn cut_off(lasts: Option<Duration>) -> Fault {
    let (a, b) = (vec!["client".to_owned()], vec!["server".to_owned()]);
    Fault::Partition { a, b, one_way: false, at: secs(5), lasts }
}

#[track_caller]
fn check_mute(fault: Fault, expected: Expect) {
    check(mute, |ctx| listen(ctx, None), vec![fault], expected);
}

#[track_caller]
fn check_late(fault: Fault, expected: Expect) -> Run {
    check(late, |ctx| listen(ctx, None), vec![fault], expected)
}

#[test]
fn a_machine_that_is_back_resets_at_the_first_probe() {
    check_mute(
        power_loss("server", secs(5), Some(ms(4))),
        expect![[r#"
            15004.000 ms client ConnectionReset
        "#]],
    );
}

#[test]
fn a_machine_without_power_answers_no_probe() {
    check_mute(
        power_loss("server", secs(5), None),
        expect![[r#"
            60002.000 ms client TimedOut
        "#]],
    );
}

#[test]
fn who_is_cut_off_gives_up() {
    check_mute(
        cut_off(None),
        expect![[r#"
            60002.000 ms client TimedOut
        "#]],
    );
}

/// Probes at 15 s and 30 s are lost, the one at 45 s is answered; from then on it counts anew.
#[test]
fn a_partition_that_heals_in_time_is_survived() {
    let run = check_late(
        cut_off(Some(secs(39))),
        expect![[r#"
            100004.000 ms client ok
        "#]],
    );
    assert_eq!(run.journal.of_kind(Kind::Drop).count(), 2, "none is sent again");
}

/// The machine answers for it.
#[test]
fn a_paused_process_is_alive() {
    let pause = |lasts| Fault::Pause { node: "server".to_owned(), at: secs(5), lasts: Some(lasts) };
    check_late(
        pause(secs(200)),
        expect![[r#"
            205001.000 ms client ok
        "#]],
    );
}

#[test]
fn a_user_timeout_takes_the_place_of_the_count() {
    let listen_for_30s = |ctx| listen(ctx, Some(secs(30)));
    let fault = power_loss("server", secs(5), None);
    check(
        mute,
        listen_for_30s,
        vec![fault.clone()],
        expect![[r#"
            30002.000 ms client TimedOut
        "#]],
    );
    // The first probe is sent in any case, and it is judged when the next one is due.
    check(
        mute,
        |ctx| listen(ctx, Some(secs(1))),
        vec![fault],
        expect![[r#"
            30002.000 ms client TimedOut
        "#]],
    );
}

/// What was written and is not acknowledged has limits of its own.
#[test]
fn no_probe_is_sent_while_data_is_on_its_way() {
    check(
        echo,
        |ctx| async move {
            let write = |user_timeout| async move {
                let mut connection = ctx.connect("server", 7).await?;
                connection.set_keep_alive(Some(OFTEN));
                connection.set_user_timeout(user_timeout);
                ctx.sleep(secs(10)).await;
                connection.write_all(b"into the void").await?;
                ctx.record(format_args!(
                    "{user_timeout:?} {}",
                    kind(connection.read(&mut [0; 8]).await)
                ));
                io::Result::Ok(())
            };
            futures::try_join!(write(None), write(Some(secs(20))))?;
            Ok(())
        },
        vec![power_loss("server", secs(5), None)],
        expect![[r#"
            30002.000 ms client Some(20s) TimedOut
            934618.000 ms client None TimedOut
        "#]],
    );
}

/// What a full buffer holds back is asked about too, by whoever waits to send it.
#[test]
fn a_closed_window_does_not_hide_a_power_loss() {
    check(
        late,
        |ctx| async move {
            let mut connection = ctx.connect("server", 7).await?;
            let written = connection.write_all(&[0; 1 << 20]).await;
            ctx.record(kind(written));
            Ok(())
        },
        vec![power_loss("server", secs(5), Some(secs(1)))],
        expect![[r#"
            6605.000 ms client ConnectionReset
        "#]],
    );
}

/// Two that wait for each other: with keep-alive or not, and however little of it.
fn deadlock(keep_alive: Option<KeepAlive>) -> Run {
    let world = move |sim: &mut Sim| {
        calm(sim);
        sim.process("server", |ctx| async move {
            let mut connection = accept(ctx).await;
            _ = connection.read(&mut [0; 8]).await;
        });
        sim.client("client", move |ctx| async move {
            let mut connection = ctx.connect("server", 7).await?;
            connection.set_keep_alive(keep_alive);
            connection.read(&mut [0; 8]).await.map(|_| ())
        });
    };
    run(&world, &RunConfig::seed(1))
}

#[test]
fn probes_do_not_hide_a_deadlock() {
    let run = deadlock(Some(OFTEN));
    assert!(matches!(run.end, End::Deadlock(_)), "{:?}", run.end);
    expect!["violated: every client ends: client waits for bytes from server since 2.000 ms; server waits for bytes from client since 3.000 ms"]
        .assert_eq(&run.verdict().to_string());
    assert!(run.duration.to_string().contains("3.0"), "{}", run.duration);
    assert_eq!(run.fingerprint(), deadlock(None).fingerprint());
}

/// Under a fault that could break the connection the world goes on, until it is broken or healed.
#[test]
fn a_probe_that_may_be_lost_is_waited_for() {
    let world = |sim: &mut Sim| {
        calm(sim);
        sim.process("server", mute);
        sim.client("client", |ctx| listen(ctx, None));
    };
    let loss = Fault::Loss {
        from: "server".to_owned(),
        to: "client".to_owned(),
        percent: 100.0,
        burst: None,
        at: secs(5),
        lasts: None,
    };
    let run = run_with(&world, 1, vec![loss]);
    expect![[r#"
        60002.000 ms client TimedOut
    "#]]
    .assert_eq(&told(&run));
}

#[test]
fn a_closed_connection_leaves_no_timer() {
    let client = |ctx: Ctx| async move {
        let connection = ctx.connect("server", 7).await?;
        connection.set_keep_alive(Some(OFTEN));
        drop(connection);
        let connection = ctx.connect("server", 7).await?;
        connection.set_keep_alive(Some(OFTEN));
        connection.set_keep_alive(None);
        ctx.sleep(secs(300)).await;
        Ok(())
    };
    let run = check(echo, client, vec![cut_off(None)], expect![""]);
    // The end of the second one is all that was sent over the cut link.
    let lost = run.journal.of_kind(Kind::Drop).map(|event| event.at().to_string());
    expect!["300004.000 ms"].assert_eq(&lost.collect::<Vec<_>>().join("\n"));
}

/// Segments are counted without probes, and these have no event of their own.
#[test]
fn message_faults_do_not_know_probes() {
    let client = |ctx: Ctx| async move {
        let mut connection = ctx.connect("server", 7).await?;
        connection.set_keep_alive(Some(OFTEN));
        for n in 1..=3 {
            ctx.record(format_args!("{n} {}", kind(ask(&mut connection, b"x").await)));
            ctx.sleep(secs(100)).await;
        }
        Ok(())
    };
    let second = Fault::Connection {
        from: "client".to_owned(),
        to: "server".to_owned(),
        conn: 1,
        leg: Leg::Request,
        segment: Some(2),
        byte: None,
        effect: Effect::Reset,
    };
    let run = check(
        echo,
        client,
        vec![second],
        expect![[r#"
            4.000 ms client 1 ok
            100004.000 ms client 2 ConnectionReset
            200004.000 ms client 3 BrokenPipe
        "#]],
    );
    assert_eq!(run.journal.of_kind(Kind::Send).count(), 3);
}
