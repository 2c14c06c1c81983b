//! The diagram in characters: what each sign stands for, and that it keeps its width.

use bytes::Bytes;
use expect_test::{Expect, expect};
use stormglass::journal::{Entry, EventId, Kind, NodeId, Recorder, Recording};
use stormglass::prelude::*;
use stormglass::report::Diagram;
use stormglass::topology::Role;

use super::generated::{long, member, run_of};

/// Everything that a diagram can show, once: late, lost, doubled, crashed, up again.
fn eventful() -> Run {
    let mut recorder = Recorder::new(Recording::Full);
    let (a, b, c) =
        (recorder.add_node("asks"), recorder.add_node("answers"), recorder.add_node("idle"));
    let (label, loss) = (recorder.symbol("GET /stock/{item}"), recorder.symbol("partition"));
    let none = EventId::NONE;
    let request = Entry::new(Kind::Send, a).peer(b).symbol(label);
    let arrives = Entry::new(Kind::Deliver, b).peer(a).symbol(label);
    let note = |recorder: &mut Recorder, at, node, text: &str| {
        let note = recorder.append(at, Entry::new(Kind::Note, node), none, none);
        recorder.attach_text(note, text.to_owned());
    };
    recorder.append(0, Entry::new(Kind::Start, b), none, none);
    // Late: something happens before it arrives.
    let sent = recorder.append(1_000_000, request, none, none);
    recorder.attach_payload(sent, &Bytes::from_static(b"{}"));
    note(&mut recorder, 1_500_000, a, "is impatient");
    recorder.append(2_000_000, arrives, none, sent);
    let reply = Entry::new(Kind::Send, b).peer(a).symbol(label).extra(200);
    let replied = recorder.append(2_100_000, reply, none, none);
    let lost = Entry::new(Kind::Drop, b).peer(a).symbol(loss).value(2);
    recorder.append(2_100_000, lost, replied, none);
    recorder.append(9_000_000, Entry::new(Kind::Timeout, a).peer(b).symbol(label), none, replied);
    // Doubled: two arrivals.
    let sent = recorder.append(9_100_000, request, none, none);
    let copy = Entry::new(Kind::Duplicate, a).peer(b).symbol(label);
    let copy = recorder.append(9_100_000, copy, none, sent);
    recorder.append(9_200_000, arrives, none, sent);
    recorder.append(9_300_000, arrives, none, copy);
    recorder.append(10_000_000, Entry::new(Kind::Crash, b), none, none);
    note(&mut recorder, 11_000_000, a, "sees nobody");
    recorder.append(12_000_000, Entry::new(Kind::Start, b), none, none);
    recorder.append(13_000_000, Entry::new(Kind::Pause, b), none, none);
    let own = Entry::new(Kind::Send, a).peer(a).symbol(label);
    let own = recorder.append(14_000_000, own, none, none);
    recorder.append(14_000_000, Entry::new(Kind::Deliver, a).peer(a).symbol(label), none, own);
    recorder.append(15_000_000, Entry::new(Kind::Resume, b), none, none);
    recorder.append(16_000_000, Entry::new(Kind::Send, a).peer(b).symbol(label), none, none);
    recorder.append(17_000_000, Entry::new(Kind::Heal, NodeId::WORLD), none, none);
    recorder.append(0, Entry::new(Kind::Spawn, c), none, none);
    let members = vec![
        member("answers", Role::Service),
        member("asks", Role::Client),
        member("idle", Role::Service),
    ];
    run_of(recorder.finish(), members, Vec::new())
}

#[track_caller]
fn check(diagram: &Diagram<'_>, expect: Expect) {
    let text = diagram.to_string();
    assert!(text.lines().all(|line| line.chars().count() <= 100), "too wide:\n{text}");
    // The common indentation of an expected text is stripped: it begins at column 0.
    expect.assert_eq(&format!("diagram:\n{text}"));
}

#[test]
fn every_sign_has_its_meaning() {
    let run = eventful();
    let told = run.journal.story().events();
    check(
        &Diagram::of(&run, &told),
        expect![[r#"
            diagram:
                                  asks               answers
                   1.000 ms        o- GET /stock/{i.. -a|
                   1.500 ms        *                    |   is impatient
                   2.000 ms        |a------------------>|   sent 1.000 ms
                   2.100 ms        |  x---- 200 --------o   dropped: partition, fault 2
                   9.000 ms        !                    |   timed out waiting for answers
                   9.100 ms        o= GET /stock/{i.. =b|   doubled
                   9.200 ms        |b------------------>|   sent 9.100 ms
                   9.300 ms        |b------------------>|   sent 9.100 ms
                  10.000 ms        |                    X   crashes
                  11.000 ms        *                        sees nobody
                  12.000 ms        |                    ^   starts
                  13.000 ms        |                    "   pauses
                  14.000 ms        o                    :   -> itself  GET /stock/{item}
                  15.000 ms        |                    ^   resumes
                  16.000 ms        o-----------------~  |   GET /stock/{item}
                  17.000 ms        |                    |   chaos ends, all is healed
        "#]],
    );
}

#[test]
fn boxes_draw_the_same() {
    let run = eventful();
    let told: Vec<EventId> = run.journal.story().events().into_iter().take(6).collect();
    check(
        &Diagram::of(&run, &told).unicode(),
        expect![[r#"
            diagram:
                                  asks               answers
                   1.000 ms        ●─ GET /stock/{i.. ─a│
                   1.500 ms        *                    │   is impatient
                   2.000 ms        │a──────────────────▶│   sent 1.000 ms
                   2.100 ms        │  ✕──── 200 ────────●   dropped: partition, fault 2
                   9.000 ms        !                    │   timed out waiting for answers
                   9.100 ms        ●═ GET /stock/{i.. ═b│   doubled
                   9.200 ms        │b──────────────────▶│   sent 9.100 ms
                   9.300 ms        │b──────────────────▶│   sent 9.100 ms
                  10.000 ms        │                    X   crashes
        "#]],
    );
}

/// Eight nodes have room for some of them, and 10,000 messages for the last.
#[test]
fn what_has_no_room_is_counted() {
    let run = long(200);
    let text = Diagram::of(&run, &run.journal.story().events()).to_string();
    assert!(text.contains(" rows left out\n"), "{text}");
    assert!(text.lines().count() < 42, "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    assert!(text.trim_end().ends_with("has no lane") || text.trim_end().ends_with("have no lane"));
}

/// It went down in a row that is left out: its lane stays empty until it comes up again.
#[test]
fn what_is_down_stays_down_when_rows_are_left_out() {
    let mut recorder = Recorder::new(Recording::Full);
    let (up, down) = (recorder.add_node("up"), recorder.add_node("down"));
    let none = EventId::NONE;
    recorder.append(0, Entry::new(Kind::Start, down), none, none);
    recorder.append(0, Entry::new(Kind::Start, up), none, none);
    recorder.append(1_000_000, Entry::new(Kind::Crash, down), none, none);
    for n in 2..40 {
        let note = recorder.append(n * 1_000_000, Entry::new(Kind::Note, up), none, none);
        recorder.attach_text(note, format!("counts {n}"));
    }
    recorder.append(40_000_000, Entry::new(Kind::Start, down), none, none);
    let after = recorder.append(41_000_000, Entry::new(Kind::Note, up), none, none);
    recorder.attach_text(after, "is done".to_owned());
    let run = run_of(recorder.finish(), Vec::new(), Vec::new());
    let text = Diagram::of(&run, &run.journal.story().events()).to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[1].ends_with(" rows left out"), "{text}");
    let (first, last) = (lines[2], lines.len() - 2);
    assert!(first.contains("counts") && !first.contains('|'), "{text}");
    assert!(lines[last].contains('^') && lines[last + 1].contains('|'), "{text}");
}

#[test]
fn nothing_is_drawn_of_nothing() {
    let run = run_of(Recorder::new(Recording::Full).finish(), Vec::new(), Vec::new());
    assert_eq!(Diagram::of(&run, &[]).to_string(), "\n");
}
