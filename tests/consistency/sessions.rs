//! What sessions may expect.

use std::collections::BTreeSet;

use expect_test::{Expect, expect};
use stormglass::consistency::sessions::{Access, Guarantee, check, of_register};

use super::*;

/// What is said of a register's history, given one guarantee.
#[track_caller]
fn says(guarantee: Guarantee, text: &str, expect: Expect) {
    let accesses = of_register(&register(text));
    expect.assert_eq(&check(&accesses, &[guarantee]).to_string());
    // The others alone have nothing against it.
    let others: Vec<_> = Guarantee::ALL.into_iter().filter(|other| *other != guarantee).collect();
    for other in others {
        let verdict = check(&accesses, &[other]);
        assert!(verdict.holds(), "{other}: {verdict}");
    }
}

#[test]
fn read_your_writes() {
    says(
        Guarantee::ReadYourWrites,
        "a 0 1 w1\na 2 3 r",
        expect!["violated: a read at 2.000 ms: [] without 1 (read your writes)"],
    );
    says(
        Guarantee::ReadYourWrites,
        "a 0 1 w1\nb 0 1 w2\na 2 3 r2\nb 2 3 r1",
        expect![
            "violated: no order of the versions fits: 1 before 2 (read your writes: a read 2 at 2.000 ms), 2 before 1 (read your writes: b read 1 at 2.000 ms)"
        ],
    );
}

#[test]
fn monotonic_reads() {
    says(
        Guarantee::MonotonicReads,
        "a 0 1 w1\nb 0 1 w2\nc 2 3 r1\nc 4 5 r2\nc 6 7 r1",
        expect![
            "violated: no order of the versions fits: 1 before 2 (monotonic reads: c read 2 at 4.000 ms), 2 before 1 (monotonic reads: c read 1 at 6.000 ms)"
        ],
    );
    says(
        Guarantee::MonotonicReads,
        "a 0 1 w1\nc 2 3 r1\nc 4 5 r",
        expect!["violated: c read at 4.000 ms: [] without 1 (monotonic reads)"],
    );
}

#[test]
fn writes_follow_reads() {
    let text = "a 0 1 w1\nb 0 1 w2\nb 2 3 r1\nc 2 3 w3\nc 4 5 r3\nc 6 7 w4\nd 8 9 r4";
    assert!(check(&of_register(&register(text)), &Guarantee::ALL).holds());
    // 1 is before 2 (its writer had read it), and 2 before 1.
    let text = "a 0 1 w1\nb 2 3 r1\nb 4 5 w2\nc 6 7 r2\nd 8 9 r2\nd 10 11 r1";
    let accesses = of_register(&register(text));
    assert!(check(&accesses, &[Guarantee::WritesFollowReads]).holds(), "some order fits");
    assert!(check(&accesses, &[Guarantee::MonotonicReads]).holds(), "some order fits");
    let both = check(&accesses, &[Guarantee::MonotonicReads, Guarantee::WritesFollowReads]);
    expect!["violated: no order of the versions fits: 1 before 2 (writes follow reads: c read 2 at 6.000 ms), 2 before 1 (monotonic reads: d read 1 at 10.000 ms)"].assert_eq(&both.to_string());
}

/// All is well, and stale: sessions promise nothing about others.
#[test]
fn stale_is_not_wrong() {
    let text = "a 0 1 w1\na 2 3 w2\nb 4 5 r\nb 6 7 r1\nb 8 9 r1\na 10 11 r2\nb 12 13 r2";
    assert!(check(&of_register(&register(text)), &Guarantee::ALL).holds());
    assert!(!holds(&register::Register::new(), &register(text)), "but not linearizable");
}

/// An outcome that nobody knows obliges to nothing.
#[test]
fn unknown_writes_need_not_be_seen() {
    let holds = |text| check(&of_register(&register(text)), &Guarantee::ALL).holds();
    assert!(holds("a 0 1 w1?\na 2 3 r"));
    assert!(holds("a 0 1 w1?\na 2 3 r1"));
    assert!(!holds("a 0 1 w1?\na 2 3 r1\na 4 5 r"));
}

#[test]
fn what_cannot_be_told_is_unknown() {
    let verdict = |text| check(&of_register(&register(text)), &Guarantee::ALL).to_string();
    expect!["unknown: 1 is written twice: which of the two a read saw cannot be told"]
        .assert_eq(&verdict("a 0 1 w1\nb 2 3 w1\na 4 5 r1"));
    expect!["violated: a read at 0.000 ms: 1, which nobody wrote"].assert_eq(&verdict("a 0 1 r1"));
    expect!["violated: a read at 0.000 ms: 1, which was written only later"]
        .assert_eq(&verdict("a 0 1 r1\na 2 3 w1"));
}

/// Elements of a set, across keys.
#[test]
fn collections() {
    let at = |process: &str, n: u64, key: &str, access| {
        let mut made = operation(process, (2 * n, Some(2 * n + 1)), access, Outcome::Ok(()));
        made.key = key.to_owned();
        made
    };
    let read = |values: &[i64]| Access::All(values.iter().copied().collect::<BTreeSet<_>>());
    let says = |operations: Vec<_>, guarantee| {
        check(&operations.into_iter().collect(), &[guarantee]).to_string()
    };
    // An order is seen, and then not the payment that its writer had made before.
    let orders = vec![
        at("a", 0, "payments", Access::Write(1)),
        at("a", 1, "orders", Access::Write(7)),
        at("b", 2, "orders", read(&[7])),
        at("b", 3, "payments", read(&[])),
    ];
    expect!["violated: b read `payments` at 6.000 ms: [] without 1 (monotonic writes)"]
        .assert_eq(&says(orders, Guarantee::MonotonicWrites));
    let replies = vec![
        at("a", 0, "questions", Access::Write(1)),
        at("b", 1, "questions", read(&[1])),
        at("b", 2, "answers", Access::Write(2)),
        at("c", 3, "answers", read(&[2])),
        at("c", 4, "questions", read(&[])),
    ];
    expect!["violated: c read `questions` at 8.000 ms: [] without 1 (writes follow reads)"]
        .assert_eq(&says(replies.clone(), Guarantee::WritesFollowReads));
    assert_eq!(says(replies, Guarantee::MonotonicReads), "holds");
}
