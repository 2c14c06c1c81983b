//! The text timeline, and the stable names of messages.

use super::*;

#[test]
fn the_first_page() {
    let journal = shop();
    check(
        journal.story().mark(last(&journal), "<- second charge"),
        expect![[r#"
        time             node      what
               0.000 ms  shopper   -> checkout  POST /orders
               1.204 ms  checkout  -> payment   POST /charge  (order 7)
               2.517 ms  payment   charges order 7
               2.517 ms  payment   -x checkout  201          dropped: fault 1
             101.204 ms  checkout  timed out waiting for payment, retries
             101.204 ms  checkout  -> payment   POST /charge
             102.466 ms  payment   charges order 7           <- second charge
    "#]],
    );
}

#[test]
fn every_event_has_its_line_in_all() {
    let journal = shop();
    let all = journal.story().all();
    assert_eq!(all.events().len(), journal.len());
    check(
        all,
        expect![[r#"
            time             node      what
                   0.000 ms  shopper   starts
                   0.000 ms  checkout  starts
                   0.000 ms  payment   starts
                   0.000 ms  shopper   -> checkout  POST /orders
                   1.000 ms  checkout  <- shopper   POST /orders             sent 0.000 ms
                   1.204 ms  checkout  a timer fires
                   1.204 ms  checkout  -> payment   POST /charge  (order 7)
                   2.000 ms  payment   <- checkout  POST /charge  (order 7)  sent 1.204 ms
                   2.000 ms  payment   spawns a task at src/payment.rs:12:5
                   2.517 ms  payment   charges order 7
                   2.517 ms  payment   -> checkout  201
                   2.517 ms  payment   -x checkout  201                      dropped: fault 1
                 101.204 ms  checkout  timed out waiting for payment, retries
                 101.204 ms  checkout  -> payment   POST /charge
                 102.000 ms  payment   <- checkout  POST /charge             sent 101.204 ms
                 102.466 ms  payment   charges order 7
        "#]],
    );
}

#[test]
fn the_past_tells_who_caused_it() {
    let mut s = Script::new();
    let ask = s.send(SHOPPER, CHECKOUT, "GET /", NONE);
    s.note(PAYMENT, "is idle", NONE);
    let asked = s.at(500).deliver(SHOPPER, CHECKOUT, ask);
    let answer = s.at(700).add(Entry::new(Kind::Note, CHECKOUT), NONE, asked, "answers");
    s.note(CHECKOUT, "thinks of something else", NONE);
    let journal = s.finish();
    check(
        journal.story().past_of(answer),
        expect![[r#"
        time             node      what
               0.000 ms  shopper   -> checkout  GET /
               0.700 ms  checkout  answers
    "#]],
    );
}

#[test]
fn only_some_nodes() {
    check(
        shop().story().of_nodes(["shopper"]),
        expect![[r#"
        time             node     what
               0.000 ms  shopper  -> checkout  POST /orders
    "#]],
    );
    check(
        shop().story().of_nodes(["nobody"]),
        expect![[r#"
        time             node  what
    "#]],
    );
}

#[test]
fn an_arrival_has_a_line_where_its_sending_has_none() {
    let story = shop();
    let story = story.story().between(Time(1_500_000), Time(2_517_000));
    check(
        story,
        expect![[r#"
        time             node     what
               2.000 ms  payment  <- checkout  POST /charge  (order 7)  sent 1.204 ms
               2.517 ms  payment  charges order 7
               2.517 ms  payment  -x checkout  201                      dropped: fault 1
    "#]],
    );
}

#[test]
fn a_limit_says_what_it_leaves_out() {
    let journal = shop();
    let first_charge = EventId(10);
    let story = journal.story().limit(3).mark(first_charge, "<- first charge");
    check(
        &story,
        expect![[r#"
        time             node     what
               0.000 ms  shopper  -> checkout  POST /orders
        ... 1 line left out
               2.517 ms  payment  charges order 7           <- first charge
        ... 3 lines left out
             102.466 ms  payment  charges order 7
    "#]],
    );
    assert_eq!(story.to_string().lines().count(), 1 + 3 + 2);
    check(
        journal.story().limit(0),
        expect![[r#"
        time             node  what
        ... 7 lines left out
    "#]],
    );
    assert_eq!(journal.story().limit(99).to_string(), journal.story().to_string());
}

#[test]
fn what_becomes_of_messages() {
    let mut s = Script::new();
    let (a, b) = (SHOPPER, CHECKOUT);
    let lost = s.send(a, b, "lost", NONE);
    s.strike(Kind::Drop, (a, b), "loss", 0, lost);
    let cut = s.at(1_000).send(a, b, "cut", NONE);
    s.strike(Kind::Drop, (a, b), "partition", 2, cut);
    let refused = s.at(2_000).send(a, b, "refused", NONE);
    s.strike(Kind::Reset, (a, b), "process is down", 0, refused);
    let doubled = s.at(3_000).send(a, b, "doubled", NONE);
    let hit = s.tell(Kind::FaultHit, a, "", 4, "");
    assert_eq!(hit.0, 8);
    let copy = s.strike(Kind::Duplicate, (a, b), "", 0, doubled);
    s.at(3_500).deliver(a, b, doubled);
    s.deliver(a, b, copy);
    let copied = s.at(3_900).send(a, b, "copied", NONE);
    let edge = |kind| Entry::new(kind, a).peer(b);
    let hit = s.add(edge(Kind::FaultHit).value(5), copied, NONE, "");
    let copy = s.add(edge(Kind::Duplicate), hit, NONE, "");
    s.deliver(a, b, copied);
    s.deliver(a, b, copy);
    let slow = s.at(4_000).send(a, b, "slow", NONE);
    s.add(edge(Kind::FaultHit).value(6), slow, NONE, "");
    let fast = s.at(4_100).send(a, b, "fast", NONE);
    s.at(4_200).deliver(a, b, fast);
    s.at(9_000).deliver(a, b, slow);
    let resent = s.send(a, b, "resent", NONE);
    for attempt in 1..=2 {
        let why = s.recorder.symbol("partition");
        let entry = edge(Kind::Drop).symbol(why).extra(attempt);
        s.add(entry, resent, NONE, "");
    }
    s.at(609_000).deliver(a, b, resent);
    s.send(a, b, "waiting", NONE);
    check(
        s.finish().story(),
        expect![[r#"
            time             node     what
                   0.000 ms  shopper  -x checkout  lost         dropped: loss
                   1.000 ms  shopper  -x checkout  cut          dropped: partition, fault 2
                   2.000 ms  shopper  -x checkout  refused      reset: process is down
                   3.000 ms  shopper  => checkout  doubled      duplicated
                   3.000 ms  shopper  fault 5 strikes
                   3.900 ms  shopper  => checkout  copied       fault 6; duplicated
                   4.000 ms  shopper  -> checkout  slow         fault 7; overtaken, arrives 9.000 ms
                   4.100 ms  shopper  -> checkout  fast
                   9.000 ms  shopper  -> checkout  resent       resent 2 times: partition; arrives 609.000 ms
                 609.000 ms  shopper  -> checkout  waiting      still under way at the end
        "#]],
    );
}

/// One event of every kind.
fn one_of_each(entry: impl Fn(Entry) -> Entry, text: &str) -> Journal {
    let mut s = Script::new();
    let symbol = s.recorder.symbol("symbol");
    for kind in Kind::ALL {
        let told = entry(Entry::new(*kind, SHOPPER).symbol(symbol));
        s.add(told, NONE, NONE, text);
    }
    s.finish()
}

#[test]
fn the_words_of_every_kind() {
    let full = |entry: Entry| entry.peer(CHECKOUT).value(3).extra(12);
    check(
        one_of_each(full, "").story().all(),
        expect![[r#"
            time             node     what
                   0.000 ms  shopper  starts
                   0.000 ms  shopper  stops
                   0.000 ms  shopper  crashes
                   0.000 ms  shopper  loses power
                   0.000 ms  shopper  pauses
                   0.000 ms  shopper  resumes
                   0.000 ms  shopper  its disk is wiped
                   0.000 ms  shopper  its clock changes
                   0.000 ms  shopper  spawns a task at symbol
                   0.000 ms  shopper  panics
                   0.000 ms  shopper  a timer fires
                   0.000 ms  shopper  -> checkout  12
                   0.000 ms  shopper  <- checkout
                   0.000 ms  shopper  -x checkout               dropped: symbol, fault 3
                   0.000 ms  shopper  => checkout               duplicated: symbol, fault 3
                   0.000 ms  shopper  reset by checkout: symbol
                   0.000 ms  shopper  timed out waiting for checkout
                   0.000 ms  shopper  fault 4 begins
                   0.000 ms  shopper  fault 4 ends
                   0.000 ms  shopper  fault 4 strikes
                   0.000 ms  shopper  writes 12 bytes at 3 to symbol
                   0.000 ms  shopper  syncs symbol
                   0.000 ms  shopper  disk symbol
                   0.000 ms  shopper  disk fails symbol
                   0.000 ms  shopper  symbol
                   0.000 ms  shopper  symbol
                   0.000 ms  shopper  enters symbol
                   0.000 ms  shopper  leaves symbol
                   0.000 ms  shopper  symbol =
                   0.000 ms  shopper  reaches symbol
                   0.000 ms  shopper  operation 3 symbol
                   0.000 ms  shopper  chaos ends, all is healed
                   0.000 ms  shopper  property "symbol"
                   0.000 ms  shopper  the world ends: symbol
                   0.000 ms  shopper  connection 3 with checkout: symbol
                   0.000 ms  shopper  scales symbol to 3
                   0.000 ms  shopper  calls symbol
                   0.000 ms  shopper  returns symbol
                   0.000 ms  shopper  symbol
                   0.000 ms  shopper  symbol
        "#]],
    );
}

#[test]
fn the_words_of_every_kind_with_a_text_alone() {
    let bare = |entry: Entry| Entry::new(entry.kind, entry.node);
    check(
        one_of_each(bare, "text").story().all(),
        expect![[r#"
            time             node     what
                   0.000 ms  shopper  starts: text
                   0.000 ms  shopper  stops: text
                   0.000 ms  shopper  crashes: text
                   0.000 ms  shopper  loses power: text
                   0.000 ms  shopper  pauses: text
                   0.000 ms  shopper  resumes: text
                   0.000 ms  shopper  its disk is wiped: text
                   0.000 ms  shopper  its clock changes: text
                   0.000 ms  shopper  spawns a task: text
                   0.000 ms  shopper  panics: text
                   0.000 ms  shopper  a timer fires: text
                   0.000 ms  shopper  -> world    (text)
                   0.000 ms  shopper  <- world
                   0.000 ms  shopper  -x world                  dropped
                   0.000 ms  shopper  => world                  duplicated
                   0.000 ms  shopper  reset by world
                   0.000 ms  shopper  timed out, text
                   0.000 ms  shopper  fault 1 begins: text
                   0.000 ms  shopper  fault 1 ends: text
                   0.000 ms  shopper  fault 1 strikes: text
                   0.000 ms  shopper  writes 0 bytes at 0 to
                   0.000 ms  shopper  syncs its disk
                   0.000 ms  shopper  disk: text
                   0.000 ms  shopper  disk fails: text
                   0.000 ms  shopper  text
                   0.000 ms  shopper  text
                   0.000 ms  shopper  enters: text
                   0.000 ms  shopper  leaves: text
                   0.000 ms  shopper   = text
                   0.000 ms  shopper  reaches
                   0.000 ms  shopper  operation 0: text
                   0.000 ms  shopper  chaos ends, all is healed: text
                   0.000 ms  shopper  property "": text
                   0.000 ms  shopper  the world ends: done: text
                   0.000 ms  shopper  connection 0 with world:
                   0.000 ms  shopper  scales  to 0
                   0.000 ms  shopper  calls: text
                   0.000 ms  shopper  returns: text
                   0.000 ms  shopper  : text
                   0.000 ms  shopper  container: text
        "#]],
    );
}

#[test]
fn life_and_faults() {
    let mut s = Script::new();
    let world = NodeId::WORLD;
    s.tell(Kind::Start, PAYMENT, "", 0, "");
    s.at(10).tell(Kind::FaultBegin, world, "", 0, "power loss of payment");
    s.tell(Kind::PowerLoss, PAYMENT, "", 0, "");
    s.at(20).tell(Kind::FaultEnd, world, "", 0, "power loss of payment");
    s.tell(Kind::Start, PAYMENT, "", 0, "");
    s.at(30).tell(Kind::Property, world, "no order is charged twice", 0, "order 7: 2\ncharges");
    s.tell(Kind::Operation, SHOPPER, "invoke", 5, "write x 1");
    s.at(40).tell(Kind::End, world, "budget", 0, "");
    check(
        s.finish().story(),
        expect![[r#"
        time             node     what
               0.010 ms  world    fault 1 begins: power loss of payment
               0.010 ms  payment  loses power
               0.020 ms  world    fault 1 ends: power loss of payment
               0.020 ms  payment  starts
               0.030 ms  world    property "no order is charged twice": order 7: 2
                                  charges
               0.030 ms  shopper  operation 5 invoke: write x 1
               0.040 ms  world    the world ends: budget
    "#]],
    );
}

#[test]
fn columns_follow_their_contents() {
    let mut s = Script::with_nodes(&["α", "a-very-long-node-name"]);
    s.send(NodeId(1), NodeId(2), "ping", NONE);
    s.at(1_000_000_000_000).note(NodeId(1), &"long ".repeat(20), NONE);
    s.note(NodeId(9), "who?", NONE);
    check(
        s.finish().story(),
        expect![[r#"
        time               node  what
                 0.000 ms  α     -> a-very-long-node-name  ping  still under way at the end
        1000000000.000 ms  α     long long long long long long long long long long long long long long long long long long long long
        1000000000.000 ms  ?     who?
    "#]],
    );
}

#[test]
fn no_events_no_lines() {
    check(
        Script::new().finish().story(),
        expect![[r#"
        time             node  what
    "#]],
    );
    let mut recorder = Recorder::new(Recording::Digest);
    recorder.append(0, Entry::new(Kind::Heal, NodeId::WORLD), NONE, NONE);
    check(
        recorder.finish().story().mark(EventId(1), "gone"),
        expect![[r#"
            time             node  what
            the run's events (1) were hashed, but not kept
        "#]],
    );
}

#[test]
fn a_million_events_are_no_trouble() {
    let mut s = Script::new();
    let mut before = NONE;
    for i in 0..250_000 {
        let ask = s.at(i).send(SHOPPER, CHECKOUT, "GET /", before);
        let asked = s.deliver(SHOPPER, CHECKOUT, ask);
        let said = s.add(Entry::new(Kind::Note, CHECKOUT), before, asked, "hears");
        before = s.reply(CHECKOUT, SHOPPER, "GET /", 200, said);
    }
    let journal = s.finish();
    let story = journal.story().past_of(before).limit(2);
    let text = story.to_string();
    assert!(text.contains("... 749998 lines left out"), "{text}");
    assert_eq!(message_ordinals(&journal).len(), 500_000);
    assert_eq!(journal.story().to_string().lines().count(), 1 + 750_000);
}

mod names {
    use super::*;

    #[test]
    fn the_nth_of_its_label_on_its_edge() {
        let journal = shop();
        let names: Vec<String> =
            message_ordinals(&journal).values().map(ToString::to_string).collect();
        check(
            names.join("\n"),
            expect![[r#"
            shopper -> checkout "POST /orders" #1
            checkout -> payment "POST /charge" #1
            checkout -> payment "POST /charge" #1 reply
            checkout -> payment "POST /charge" #2"#]],
        );
    }

    #[test]
    fn replicas_are_one_service() {
        let mut s = Script::with_nodes(&["web-0", "web-1", "db-0", "area-51"]);
        let send = [(1, 3), (2, 3), (1, 2), (3, 4)]
            .map(|(from, to)| s.send(NodeId(from), NodeId(to), "get", NONE));
        let journal = s.finish();
        let names = message_ordinals(&journal);
        assert_eq!(names.keys().copied().collect::<Vec<_>>(), send);
        let names: Vec<String> = names.values().map(ToString::to_string).collect();
        check(
            names.join("\n"),
            expect![[r#"
            web -> db-0 "get" #1
            web -> db-0 "get" #2
            web -> web "get" #1
            db-0 -> area-51 "get" #1"#]],
        );
    }
}

/// A database syncs many times at one instant, with other operations in between: that is one line, also
/// where every event is marked but those that it stands for.
#[test]
fn syncs_of_one_instant_are_one_line() {
    let mut s = Script::new();
    let first = s.tell(Kind::DiskSync, SHOPPER, "", 0, "");
    for _ in 0..2 {
        s.tell(Kind::DiskOp, SHOPPER, "rename", 0, "");
        s.tell(Kind::DiskSync, SHOPPER, "stock.redb", 0, "");
    }
    s.tell(Kind::DiskSync, PAYMENT, "", 0, "");
    let shows = s.tell(Kind::DiskSync, PAYMENT, "", 0, "");
    s.tell(Kind::DiskSync, PAYMENT, "", 0, "");
    s.at(1_000).tell(Kind::DiskSync, SHOPPER, "", 0, "");
    let journal = s.finish();
    check(
        journal.story(),
        expect![[r#"
        time             node     what
               0.000 ms  shopper  syncs its disk            and 2 times more at this instant
               0.000 ms  payment  syncs its disk            and 2 times more at this instant
               1.000 ms  shopper  syncs its disk
    "#]],
    );
    let nobody: [&str; 0] = [];
    let story = journal.story().of_nodes(nobody);
    check(
        story.mark(first, "").mark(shows, "<-"),
        expect![[r#"
        time             node     what
               0.000 ms  shopper  syncs its disk            and 2 times more at this instant
               0.000 ms  payment  syncs its disk            and once more at this instant  <-
    "#]],
    );
}
