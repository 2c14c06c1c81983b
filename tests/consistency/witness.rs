//! Witnesses, as people see them.

use expect_test::{Expect, expect};
use stormglass::consistency::kv;

use super::*;

#[track_caller]
fn shows<M: Model>(model: &M, history: &History<M::Input, M::Output>, expect: Expect) {
    let verdict = Verdict::from(&check(model, history, BUDGET));
    assert!(verdict.is_violated(), "it is linearizable");
    expect.assert_eq(verdict.text());
}

/// Three operations out of nine: without the first write 1 could have been written late.
#[test]
fn a_stale_read() {
    let history = register(
        "a 0 1 w1\nb 0 3 w7\na 2 9 w2\nc 4 8 r2\nc 10 11 r2\nb 10 20 w3\nd 12 13 r2\nc 21 22 r3\nd 23 24 r2",
    );
    shows(
        &register::Register::new(),
        &history,
        expect![[r#"
        3 of its 9 operations contradict each other, whatever became of the others
                12.000 ms  d  read -> 2  |--|
                21.000 ms  c  read -> 3        |--|
                23.000 ms  d  read -> 2              |--|"#]],
    );
}

#[test]
fn a_value_from_nowhere() {
    let history = register("a 0 1 w1\nb 2 3 r1\nb 4 6 r9\na 5 7 w2");
    shows(
        &register::Register::new(),
        &history,
        expect![[r#"
        1 of its 4 operations cannot be, whatever became of the others
                 4.000 ms  b  read -> 9  |--|"#]],
    );
}

#[test]
fn a_lost_append() {
    let history = import_edn(
        "lost.edn",
        r#"{:process 0 :type :invoke :f :append :key "x" :value "a"}
           {:process 0 :type :ok :f :append :key "x" :value "a"}
           {:process 1 :type :invoke :f :append :key "x" :value "b"}
           {:process 2 :type :invoke :f :get :key "y"}
           {:process 2 :type :ok :f :get :key "y" :value ""}
           {:process 1 :type :ok :f :append :key "x" :value "b"}
           {:process 0 :type :invoke :f :get :key "x"}
           {:process 0 :type :ok :f :get :key "x" :value "b"}"#,
    );
    shows(
        &kv::Kv,
        &kv::of_jepsen(&history.unwrap()).unwrap(),
        expect![[r#"
        2 of `x`'s 3 operations contradict each other, whatever became of the others
                 0.000 ms  0  append "a" -> ok  |--|
                 0.000 ms  0  get -> "b"              |--|"#]],
    );
}

/// Too long for a picture: the last lines, without bars. One addition is lost, and any of them may be it.
#[test]
fn a_long_one() {
    use stormglass::consistency::counter::{Call, Counter, Reply};
    let add =
        |n: u64| operation("a", (2 * n, Some(2 * n + 1)), Call::Add(1), Outcome::Ok(Reply::Done));
    let read = operation("b", (90, Some(91)), Call::Read, Outcome::Ok(Reply::Value(29)));
    let history = (0..30).map(add).chain([read]).collect();
    let verdict = Verdict::from(&check(&Counter::new(), &history, BUDGET));
    assert!(verdict.is_violated(), "one is lost");
    let text = verdict.text();
    assert!(text.starts_with("31 of its 31 operations contradict each other\n"), "{text}");
    assert!(text.lines().count() == 26 && text.ends_with("b  read -> 29"), "{text}");
}
