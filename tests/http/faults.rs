//! Faults that strike one message by its name.

use super::*;

fn strike(leg: Leg, n: u64, effect: Effect) -> Fault {
    let label = Some("GET /".to_owned());
    Fault::Message { from: "client".into(), to: "server".into(), label, n, leg, effect }
}

/// Two requests, one fault; it must have struck once.
#[track_caller]
fn check_strike(leg: Leg, effect: Effect, expect: Expect) {
    let run = check([strike(leg, 1, effect)], asks(2), expect);
    assert_eq!(run.tallies[0].hits, 1);
    assert!(run.idle_faults().is_empty() && !run.is_vacuous());
}

#[test]
fn a_dropped_request_is_not_seen() {
    check_strike(
        Leg::Request,
        Effect::Drop,
        expect![[r#"
        1000.000 ms  client: timed out after 1s
        1001.000 ms  server: is asked
        1005.000 ms  client: sees done
    "#]],
    );
}

#[test]
fn a_dropped_reply_was_worked_for() {
    check_strike(
        Leg::Reply,
        Effect::Drop,
        expect![[r#"
        1.000 ms  server: is asked
        1000.000 ms  client: timed out after 1s
        1001.000 ms  server: is asked
        1005.000 ms  client: sees done
    "#]],
    );
}

#[test]
fn a_duplicated_request_is_worked_on_twice() {
    check_strike(
        Leg::Request,
        Effect::Duplicate,
        expect![[r#"
        1.000 ms  server: is asked
        1.000 ms  server: is asked
        5.000 ms  client: sees done
        6.000 ms  server: is asked
        10.000 ms  client: sees done
    "#]],
    );
}

#[test]
fn a_duplicated_reply_is_seen_once() {
    check_strike(
        Leg::Reply,
        Effect::Duplicate,
        expect![[r#"
        1.000 ms  server: is asked
        5.000 ms  client: sees done
        6.000 ms  server: is asked
        10.000 ms  client: sees done
    "#]],
    );
}

#[test]
fn a_delayed_request_is_late() {
    check_strike(
        Leg::Request,
        Effect::Delay(ms(100)),
        expect![[r#"
        101.000 ms  server: is asked
        105.000 ms  client: sees done
        106.000 ms  server: is asked
        110.000 ms  client: sees done
    "#]],
    );
}

/// The caller has given up; the late reply is not taken for an answer to its second request.
#[test]
fn a_reply_after_the_timeout_is_nobodys() {
    check_strike(
        Leg::Reply,
        Effect::Delay(ms(999)),
        expect![[r#"
        1.000 ms  server: is asked
        1000.000 ms  client: timed out after 1s
        1001.000 ms  server: is asked
        1005.000 ms  client: sees done
    "#]],
    );
}

#[test]
fn a_reset_request_is_not_seen() {
    check_strike(
        Leg::Request,
        Effect::Reset,
        expect![[r#"
        0.000 ms  client: connection reset by peer
        1.000 ms  server: is asked
        5.000 ms  client: sees done
    "#]],
    );
}

#[test]
fn a_reset_reply_was_worked_for() {
    check_strike(
        Leg::Reply,
        Effect::Reset,
        expect![[r#"
        1.000 ms  server: is asked
        4.000 ms  client: connection reset by peer
        5.000 ms  server: is asked
        9.000 ms  client: sees done
    "#]],
    );
}

#[test]
fn a_corrupt_reply_has_a_flipped_bit() {
    check_strike(
        Leg::Reply,
        Effect::Corrupt,
        expect![[r#"
        1.000 ms  server: is asked
        5.000 ms  client: sees eone
        6.000 ms  server: is asked
        10.000 ms  client: sees done
    "#]],
    );
}

#[test]
fn the_second_message_is_struck_by_its_number() {
    check(
        [strike(Leg::Request, 2, Effect::Reset)],
        asks(3),
        expect![[r#"
        1.000 ms  server: is asked
        5.000 ms  client: sees done
        5.000 ms  client: connection reset by peer
        6.000 ms  server: is asked
        10.000 ms  client: sees done
    "#]],
    );
}

/// A refusal is no reply: the fault counts as the story does.
#[test]
fn a_refusal_is_not_the_first_reply() {
    let crash = Fault::Crash { node: "server".into(), at: ms(0), lasts: Some(ms(2)) };
    let faults = [crash, strike(Leg::Reply, 1, Effect::Reset)];
    let run = check(
        faults,
        asks(3),
        expect![[r#"
        2.000 ms  client: connection refused
        3.000 ms  server: is asked
        6.000 ms  client: connection reset by peer
        7.000 ms  server: is asked
        11.000 ms  client: sees done
    "#]],
    );
    let names = message_ordinals(&run.journal);
    let struck = run.journal.of_kind(Kind::Reset).find(|e| e.value() != 0).unwrap();
    expect![[r#"client -> server "GET /" #1 reply"#]]
        .assert_eq(&names[&struck.cause().max(struck.prev())].to_string());
}

#[test]
fn a_fault_that_never_strikes_is_idle() {
    let other = Fault::Message {
        from: "client".into(),
        to: "server".into(),
        label: Some("POST /".into()),
        n: 1,
        leg: Leg::Request,
        effect: Effect::Drop,
    };
    let late = strike(Leg::Request, 9, Effect::Drop);
    let run = run_with([other.clone(), late, strike(Leg::Reply, 1, Effect::Drop)], asks(2));
    assert_eq!(run.idle_faults(), [0, 1]);
    assert_eq!(run.tallies[1].opportunities, 2);
    assert!(!run.is_vacuous());
    assert!(run_with([other], asks(1)).is_vacuous());
    assert!(!run_with([], asks(1)).is_vacuous(), "nothing was to strike");
}
