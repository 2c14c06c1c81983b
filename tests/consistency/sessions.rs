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

/// The cases by which Terry et al. 1994 motivate the four, refused and accepted.
mod of_the_paper {
    use super::*;

    #[track_caller]
    fn says(text: &str, expect: Expect) {
        expect.assert_eq(&check(&of_register(&register(text)), &Guarantee::ALL).to_string());
    }

    /// Grapevine: who changes a password is refused with the new one by a server that has the old.
    #[test]
    fn a_password_that_was_changed() {
        says("user 0 1 w1\nuser 2 3 w2\nuser 4 5 r2", expect!["holds"]);
        says(
            "user 0 1 w1\nuser 2 3 w2\nuser 4 5 r1",
            expect![
                "violated: no order of the versions fits: 1 before 2 (monotonic writes: user wrote 2 at 2.000 ms), 2 before 1 (read your writes: user read 1 at 4.000 ms)"
            ],
        );
    }

    /// The calendar: a meeting that was there is gone when the user looks again.
    #[test]
    fn a_meeting_that_disappears() {
        says("secretary 0 1 w1\nuser 2 3 r\nuser 4 5 r1", expect!["holds"]);
        says(
            "secretary 0 1 w1\nuser 2 3 r1\nuser 4 5 r",
            expect!["violated: user read at 4.000 ms: [] without 1 (monotonic reads)"],
        );
    }

    /// The bibliography: a correction stands behind the entry that its author had read.
    #[test]
    fn a_correction_before_what_it_corrects() {
        let correction = "author 0 1 w1\nreader 2 3 r1\nreader 4 5 w2\nother 6 7 r";
        says(&format!("{correction}1\nother 8 9 r2"), expect!["holds"]);
        says(
            &format!("{correction}2\nother 8 9 r1"),
            expect![
                "violated: no order of the versions fits: 1 before 2 (writes follow reads: other read 2 at 6.000 ms), 2 before 1 (monotonic reads: other read 1 at 8.000 ms)"
            ],
        );
    }

    /// The editor: the second save of a file must not be replaced by the first.
    #[test]
    fn a_file_that_is_saved_twice() {
        let saved = "editor 0 1 w1\neditor 2 3 w2\nother 4 5 r";
        says(&format!("{saved}1\nother 6 7 r2"), expect!["holds"]);
        says(
            &format!("{saved}2\nother 6 7 r1"),
            expect![
                "violated: no order of the versions fits: 1 before 2 (monotonic writes: other read 2 at 4.000 ms), 2 before 1 (monotonic reads: other read 1 at 6.000 ms)"
            ],
        );
    }
}

/// All orders of the versions are tried: the twin knows of no duties, graphs and cycles.
mod twin {
    use proptest::prelude::*;
    use stormglass::history::{History, Operation};

    use super::super::twin::permutations;
    use super::*;

    type Op = Operation<Access<usize>, ()>;

    /// What a session had done, and knows of, before an operation.
    fn before<'h>(all: &[&'h Op], operation: &Op) -> Vec<&'h Op> {
        let own = all.iter().copied().filter(|o| o.process == operation.process);
        own.filter(|o| o.output().is_some() && o.is_before(operation)).collect()
    }

    fn brute(history: &History<Access<usize>, ()>, guarantees: &[Guarantee]) -> bool {
        let all: Vec<&Op> = history.operations().iter().collect();
        let wants = |guarantee| guarantees.contains(&guarantee);
        let writer = |value: usize| {
            all.iter().copied().find(|o| o.input == Access::Write(value)).expect("it was written")
        };
        // What must stand before a version, or be it: what its writer had written and seen.
        let behind = |value: usize| -> Vec<usize> {
            let known = before(&all, writer(value)).into_iter();
            let known = known.filter_map(|o| match o.input {
                Access::Write(value) if wants(Guarantee::MonotonicWrites) => Some(value),
                Access::Last(seen) if wants(Guarantee::WritesFollowReads) => seen,
                _ => None,
            });
            known.collect()
        };
        let reads: Vec<(&Op, Option<usize>)> = all
            .iter()
            .filter_map(|o| match o.input {
                Access::Last(seen) => Some((*o, seen)),
                _ => None,
            })
            .collect();
        if reads.iter().any(|(read, seen)| seen.is_some_and(|v| read.is_before(writer(v)))) {
            return false;
        }
        let mut versions: Vec<usize> = all
            .iter()
            .filter_map(|o| match o.input {
                Access::Write(value) => Some(value),
                _ => None,
            })
            .collect();
        permutations(&mut versions, 0, &mut |order| {
            let rank = |v: usize| order.iter().position(|other| *other == v).map(|at| at + 1);
            let is_in_order = |v: &usize| behind(*v).into_iter().all(|u| rank(u) < rank(*v));
            order.iter().all(is_in_order)
                && reads.iter().all(|(read, seen)| {
                    let shown = seen.and_then(rank);
                    before(&all, read).into_iter().all(|earlier| match earlier.input {
                        Access::Write(own) => {
                            !wants(Guarantee::ReadYourWrites) || rank(own) <= shown
                        }
                        Access::Last(Some(old)) => {
                            (!wants(Guarantee::MonotonicReads) || rank(old) <= shown)
                                && behind(old).into_iter().all(|v| rank(v) <= shown)
                        }
                        _ => true,
                    })
                })
        })
    }

    /// Up to six operations of three sessions; one write in four has an outcome that nobody knows.
    fn histories() -> impl Strategy<Value = History<Access<usize>, ()>> {
        let one = (0..3u8, 0..12u64, 1..4u64, 0..8u8, 0..8usize);
        proptest::collection::vec(one, 0..=6).prop_map(|all| {
            let is_write = |kind: u8| kind < 4;
            let writes = all.iter().filter(|one| is_write(one.3)).count();
            let mut made = 0;
            let make = |(process, from, lasts, kind, seen)| {
                let times = (from, Some(from + lasts));
                let (access, outcome) = match kind {
                    kind if is_write(kind) => {
                        made += 1;
                        let outcome = if kind == 0 { Outcome::Info } else { Outcome::Ok(()) };
                        (Access::Write(made - 1), outcome)
                    }
                    _ => {
                        let seen = seen % (writes + 1);
                        (Access::Last((seen < writes).then_some(seen)), Outcome::Ok(()))
                    }
                };
                operation(&format!("p{process}"), times, access, outcome)
            };
            all.into_iter().map(make).collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn all_orders_say_the_same(history in histories(), chosen in 0..16usize) {
            let all = Guarantee::ALL.into_iter().enumerate();
            let chosen: Vec<_> =
                all.filter(|(at, _)| chosen >> at & 1 == 1).map(|(_, one)| one).collect();
            let verdict = check(&history, &chosen);
            prop_assert_eq!(verdict.holds(), brute(&history, &chosen), "{:?}: {}", chosen, verdict);
        }
    }
}
