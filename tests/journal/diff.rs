//! Where two runs part.

use super::*;

#[track_caller]
fn check_parting(a: &Journal, b: &Journal, expect: Expect) {
    let parting = first_divergence(a, b).expect("the runs differ");
    let mirror = first_divergence(b, a).expect("and so they do the other way round");
    assert_eq!((parting.left, parting.right), (mirror.right, mirror.left));
    check(parting.render(a, b), expect);
}

fn notes(texts: &[&str]) -> Journal {
    let mut s = Script::new();
    let mut prev = NONE;
    for (i, text) in (0..).zip(texts) {
        prev = s.at(i * 1_000).note(SHOPPER, text, prev);
    }
    s.finish()
}

#[test]
fn equal_runs_do_not_part() {
    assert_eq!(first_divergence(&shop(), &shop()), None);
    assert_eq!(first_divergence(&notes(&[]), &notes(&[])), None);
}

#[test]
fn other_numbers_for_the_same_names_are_the_same_run() {
    let mut s = Script::new();
    s.recorder.symbol("made early");
    s.send(SHOPPER, CHECKOUT, "GET /", NONE);
    let mut t = Script::new();
    t.send(SHOPPER, CHECKOUT, "GET /", NONE);
    let (s, t) = (s.finish(), t.finish());
    assert_ne!(s.fingerprint(), t.fingerprint());
    assert_eq!(first_divergence(&s, &t), None);
}

#[test]
fn the_parting_and_what_led_there() {
    let with_status = |status| {
        let mut s = Script::new();
        let ask = s.send(SHOPPER, CHECKOUT, "POST /orders", NONE);
        let asked = s.at(1_000).deliver(SHOPPER, CHECKOUT, ask);
        let place = s.recorder.symbol("src/shop.rs:7:9");
        let spawn = s.add(Entry::new(Kind::Spawn, CHECKOUT).symbol(place), NONE, asked, "");
        let begins =
            s.at(2_000).add(Entry::new(Kind::Note, CHECKOUT), NONE, spawn, "takes the order");
        let symbol = s.recorder.symbol("POST /orders");
        let reply = Entry::new(Kind::Send, CHECKOUT).peer(SHOPPER).symbol(symbol);
        let reply = s.at(3_000).add(reply.extra(status), begins, NONE, "");
        s.at(4_000).deliver(CHECKOUT, SHOPPER, reply);
        s.finish()
    };
    check_parting(
        &with_status(201),
        &with_status(503),
        expect![[r#"
            the runs part after 4 events, in extra 201 / 503
                  time             node      what
            = #2         1.000 ms  checkout  <- shopper   POST /orders  sent 0.000 ms
            = #3         1.000 ms  checkout  spawns a task at src/shop.rs:7:9
            = #4         2.000 ms  checkout  takes the order
            A #5         3.000 ms  checkout  -> shopper   201
            B #5         3.000 ms  checkout  -> shopper   503
            A goes on:
            A #6         4.000 ms  shopper   <- checkout  201           sent 3.000 ms
            B goes on:
            B #6         4.000 ms  shopper   <- checkout  503           sent 3.000 ms
            what led to #5 in both:
            = #1         0.000 ms  shopper   -> checkout  POST /orders
            = #2         1.000 ms  checkout  <- shopper   POST /orders  sent 0.000 ms
            = #3         1.000 ms  checkout  spawns a task at src/shop.rs:7:9
            = #4         2.000 ms  checkout  takes the order
            its task was spawned at src/shop.rs:7:9
        "#]],
    );
}

#[test]
fn other_paths_to_the_parting() {
    let run = |node| {
        let mut s = Script::new();
        let a = s.note(SHOPPER, "one", NONE);
        let b = s.note(CHECKOUT, "two", NONE);
        s.note(node, "three", if node == SHOPPER { a } else { b });
        s.finish()
    };
    check_parting(
        &run(SHOPPER),
        &run(CHECKOUT),
        expect![[r#"
            the runs part after 2 events, in node shopper / checkout, program order #1 / #2
                  time             node      what
            = #1         0.000 ms  shopper   one
            = #2         0.000 ms  checkout  two
            A #3         0.000 ms  shopper   three
            B #3         0.000 ms  checkout  three
            what led to #3 in A:
            A #1         0.000 ms  shopper   one
            what led to #3 in B:
            B #2         0.000 ms  checkout  two
        "#]],
    );
}

#[test]
fn one_run_is_longer() {
    let (short, long) = (notes(&["one", "two"]), notes(&["one", "two", "three"]));
    check_parting(
        &short,
        &long,
        expect![[r#"
            the runs part after 2 events
                  time             node     what
            = #1         0.000 ms  shopper  one
            = #2         1.000 ms  shopper  two
            A has no further event
            B #3         2.000 ms  shopper  three
            what led to #3 in B:
            B #1         0.000 ms  shopper  one
            B #2         1.000 ms  shopper  two
        "#]],
    );
}

#[test]
fn from_the_start() {
    check_parting(
        &notes(&["one"]),
        &notes(&["eins"]),
        expect![[r#"
            the runs differ from the start, in text "one" / "eins"
                  time             node     what
            A #1         0.000 ms  shopper  one
            B #1         0.000 ms  shopper  eins
            what led to #1 in both: nothing
        "#]],
    );
}

#[test]
fn only_a_cause_differs() {
    let run = |second| {
        let mut s = Script::new();
        let ids = [s.note(SHOPPER, "one", NONE), s.note(SHOPPER, "two", NONE)];
        s.note(SHOPPER, "three", if second { ids[1] } else { ids[0] });
        s.finish()
    };
    check_parting(
        &run(true),
        &run(false),
        expect![[r#"
            the runs part after 2 events, in program order #2 / #1
                  time             node     what
            = #1         0.000 ms  shopper  one
            = #2         0.000 ms  shopper  two
            A #3         0.000 ms  shopper  three
            B #3         0.000 ms  shopper  three
            what led to #3 in A:
            A #2         0.000 ms  shopper  two
            what led to #3 in B:
            B #1         0.000 ms  shopper  one
        "#]],
    );
}

#[test]
fn long_chains_are_cut() {
    let mut texts: Vec<String> = (1..=30).map(|i| format!("step {i}")).collect();
    let run = |texts: &[String]| notes(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    let a = run(&texts);
    texts[29] = "another step".to_owned();
    check_parting(
        &a,
        &run(&texts),
        expect![[r#"
            the runs part after 29 events, in text "step 30" / "another step"
                   time             node     what
            = #27        26.000 ms  shopper  step 27
            = #28        27.000 ms  shopper  step 28
            = #29        28.000 ms  shopper  step 29
            A #30        29.000 ms  shopper  step 30
            B #30        29.000 ms  shopper  another step
            what led to #30 in both:
            ... 17 earlier steps left out
            = #18        17.000 ms  shopper  step 18
            = #19        18.000 ms  shopper  step 19
            = #20        19.000 ms  shopper  step 20
            = #21        20.000 ms  shopper  step 21
            = #22        21.000 ms  shopper  step 22
            = #23        22.000 ms  shopper  step 23
            = #24        23.000 ms  shopper  step 24
            = #25        24.000 ms  shopper  step 25
            = #26        25.000 ms  shopper  step 26
            = #27        26.000 ms  shopper  step 27
            = #28        27.000 ms  shopper  step 28
            = #29        28.000 ms  shopper  step 29
        "#]],
    );
}

#[test]
fn a_fingerprint_alone_shows_no_parting() {
    let mut recorder = Recorder::new(Recording::Digest);
    recorder.append(0, Entry::new(Kind::Heal, NodeId::WORLD), NONE, NONE);
    check_parting(
        &notes(&["one"]),
        &recorder.finish(),
        expect![[r#"
            the runs differ from the start
                  time             node     what
            A #1         0.000 ms  shopper  one
            B hashed its events (1), but did not keep them
            what led to #1 in A: nothing
        "#]],
    );
}
