//! Faults of links and of messages.

use stormglass::net::Tally;

use super::*;

fn partition(a: &str, b: &str, one_way: bool, at: Duration, lasts: Duration) -> Fault {
    let (a, b) = (vec![a.to_owned()], vec![b.to_owned()]);
    Fault::Partition { a, b, one_way, at, lasts: Some(lasts) }
}

fn message(n: u64, effect: Effect) -> Fault {
    let (from, to, label) = ("here".to_owned(), "there".to_owned(), Some("tick".to_owned()));
    Fault::Message { from, to, label, n, leg: Leg::Message, effect }
}

/// What arrived of ten datagrams, one a millisecond, as `number@milliseconds`.
#[track_caller]
fn check(faults: Vec<Fault>, expected: &str) -> Run {
    let flow = Flow { count: 10, gap: ms(1), ..Flow::under(faults) };
    let run = flow.run();
    let arrived = arrivals(&run, "there");
    let text: Vec<_> =
        arrived.iter().map(|a| format!("{}@{}", a.number, a.at as f64 / 1e6)).collect();
    assert_eq!(text.join(" "), expected);
    run
}

const ALL: &str = "0@2 1@3 2@4 3@5 4@6 5@7 6@8 7@9 8@10 9@11";

#[test]
fn nothing_happens_without_faults() {
    check(vec![], ALL);
}

/// What is sent while the link is cut is lost, and what is on its way when it is cut.
#[test]
fn a_partition_cuts() {
    let both = partition("here", "there", false, micros(3500), ms(3));
    let run = check(vec![both], "0@2 1@3 6@8 7@9 8@10 9@11");
    assert_eq!(losses(&run), [("partition".to_owned(), 4)]);
    assert_eq!(run.tallies, [Tally { opportunities: 4, hits: 4 }]);
}

#[test]
fn half_a_partition_cuts_one_way() {
    let (at, lasts) = (micros(3500), ms(3));
    let forth = partition("here", "there", true, at, lasts);
    check(vec![forth], "0@2 1@3 6@8 7@9 8@10 9@11");
    let back = partition("there", "here", true, at, lasts);
    let run = check(vec![back], ALL);
    assert_eq!(run.idle_faults(), [0]);
    assert!(run.is_vacuous());
}

#[test]
fn a_message_fault_strikes_one_message() {
    let run = check(vec![message(3, Effect::Drop)], "0@2 1@3 3@5 4@6 5@7 6@8 7@9 8@10 9@11");
    assert_eq!(run.tallies, [Tally { opportunities: 10, hits: 1 }]);
    let lost = run.journal.of_kind(Kind::Drop).next().unwrap();
    assert_eq!((lost.symbol(), lost.value()), ("fault", 1));
    check(vec![message(3, Effect::Duplicate)], &ALL.replace("2@4", "2@4 2@4"));
    let late = ALL.replace("2@4 ", "").replace("5@7", "2@6.5 5@7");
    check(vec![message(3, Effect::Delay(micros(2500)))], &late);
    let corrupt = check(vec![message(3, Effect::Corrupt)], ALL);
    assert_eq!(corrupt.journal.of_kind(Kind::FaultHit).count(), 1);
    check(vec![message(11, Effect::Drop)], ALL);
}

/// There is no bit to flip: the fault had its chance and struck nothing.
#[test]
fn an_empty_datagram_cannot_be_corrupted() {
    let (from, to) = ("here".to_owned(), "there".to_owned());
    let link = Fault::Corrupt { from, to, percent: 100.0, at: ms(0), lasts: None };
    let world = |sim: &mut Sim| {
        sim.process("there", |ctx| async move {
            let socket = ctx.bind(7).unwrap();
            while let Ok((bytes, _)) = socket.receive().await {
                ctx.record(bytes.len());
            }
        });
        sim.client("here", |ctx| async move {
            let socket = ctx.bind(0)?;
            let there = ctx.lookup("there", 7)?;
            ctx.sleep(ms(1)).await;
            socket.send_as("tick", there, "");
            socket.send_as("tick", there, "x");
            ctx.sleep(ms(10)).await;
            Ok::<(), std::io::Error>(())
        });
    };
    let plan = FaultPlan::new([message(1, Effect::Corrupt), link, message(2, Effect::Corrupt)]);
    let run = run(&world, &RunConfig::seed(1).plan(plan));
    let tally = |opportunities, hits| Tally { opportunities, hits };
    assert_eq!(run.tallies, [tally(2, 0), tally(2, 1), tally(2, 1)]);
    // That of the link, and that of the second message.
    assert_eq!(run.journal.of_kind(Kind::FaultHit).count(), 2);
}

/// Each counts for itself: of two that want the same message the first one has it.
#[test]
fn message_faults_count_by_label() {
    let mut other_label = message(1, Effect::Drop);
    if let Fault::Message { label, .. } = &mut other_label {
        *label = Some("tock".to_owned());
    }
    let mut any_label = message(2, Effect::Drop);
    if let Fault::Message { label, .. } = &mut any_label {
        *label = None;
    }
    let faults = vec![other_label, any_label, message(2, Effect::Delay(ms(1)))];
    let run = check(faults, "0@2 2@4 3@5 4@6 5@7 6@8 7@9 8@10 9@11");
    let hits: Vec<_> = run.tallies.iter().map(|t| (t.opportunities, t.hits)).collect();
    assert_eq!(hits, [(0, 0), (10, 1), (10, 0)]);
}

#[test]
fn loss_by_a_fault_is_as_frequent_as_said() {
    let flow = Flow::under(vec![on_link(|from, to, at, lasts| Fault::Loss {
        from,
        to,
        percent: 20.0,
        burst: None,
        at,
        lasts,
    })]);
    let run = flow.run();
    let lost = 10_000 - arrivals(&run, "there").len();
    check_share(lost, 10_000, 0.2);
    assert_eq!(run.tallies, [Tally { opportunities: 10_000, hits: lost as u64 }]);
    assert!(run.journal.of_kind(Kind::Drop).all(|event| event.value() == 1));
}

#[test]
fn loss_in_bursts_keeps_its_share() {
    let flow = Flow::under(vec![on_link(|from, to, at, lasts| Fault::Loss {
        from,
        to,
        percent: 20.0,
        burst: Some(10.0),
        at,
        lasts,
    })]);
    let flow = Flow { count: 50_000, gap: micros(10), ..flow };
    let arrived = flow.arrivals();
    let share = 1.0 - arrived.len() as f64 / 50_000.0;
    assert!((share - 0.2).abs() < 0.02, "{share}");
    let gaps = arrived.windows(2).filter(|pair| pair[1].number != pair[0].number + 1).count();
    let mean = (50_000 - arrived.len()) as f64 / gaps as f64;
    assert!((mean - 10.0).abs() < 1.0, "bursts of {mean}");
}

#[test]
fn delay_reorder_duplicate_and_corrupt_add_up() {
    let delay = on_link(|from, to, at, lasts| Fault::Delay {
        from,
        to,
        delay: ms(2),
        jitter: ms(1),
        at,
        lasts,
    });
    let took: Vec<u64> = Flow::under(vec![delay]).arrivals().iter().map(|a| a.took).collect();
    assert!(took.iter().all(|took| (3_000_000..=4_000_000).contains(took)));
    let mean = took.iter().sum::<u64>() / 10_000;
    assert!(mean.abs_diff(3_500_000) < 20_000, "{mean}");

    let reorder = on_link(|from, to, at, lasts| Fault::Reorder {
        from,
        to,
        percent: 30.0,
        by: ms(5),
        at,
        lasts,
    });
    let late = Flow::under(vec![reorder]).arrivals();
    check_share(late.iter().filter(|a| a.took == 6_000_000).count(), 10_000, 0.3);

    let percent = 30.0;
    let duplicate =
        on_link(|from, to, at, lasts| Fault::Duplicate { from, to, percent, at, lasts });
    check_share(Flow::under(vec![duplicate]).arrivals().len() - 10_000, 10_000, 0.3);

    let corrupt = on_link(|from, to, at, lasts| Fault::Corrupt { from, to, percent, at, lasts });
    let run = Flow::under(vec![corrupt]).run();
    let hits = run.tallies[0].hits;
    check_share(hits as usize, 10_000, 0.3);
    let seen = run.journal.of_kind(Kind::Note).count() as u64;
    assert!((hits * 9 / 10..=hits).contains(&seen), "{seen} of {hits}");
}

/// Bufferbloat: the delay grows to what the queue holds, then packets are lost.
#[test]
fn a_narrowed_link_queues_then_loses() {
    let queue = 50_000;
    let narrow = on_link(|from, to, at, lasts| Fault::Bandwidth {
        from,
        to,
        rate: 1_000_000,
        queue,
        at,
        lasts,
    });
    let run = Flow::under(vec![narrow]).run();
    let arrivals = arrivals(&run, "there");
    let longest = arrivals.iter().map(|a| a.took).max().unwrap();
    let bound = 1_000_000 + queue * 1000 + 128_000;
    assert!((bound * 95 / 100..=bound).contains(&longest), "{longest} and {bound}");
    assert!(losses(&run)[0].0 == "queue full");
}

/// A fault on one link moves nothing on another, nor does one draw more.
#[test]
fn faults_elsewhere_move_nothing() {
    let profile = LinkProfile { duplicate: 0.1, reorder: 0.1, ..LinkProfile::default() };
    let calm = Flow { bystander: true, count: 2000, ..Flow::over(profile) };
    let loss = Fault::Loss {
        from: "here".into(),
        to: "elsewhere".into(),
        percent: 30.0,
        burst: None,
        at: Duration::ZERO,
        lasts: None,
    };
    let struck = Flow { faults: vec![loss], ..calm.clone() };
    let (calm, struck) = (calm.run(), struck.run());
    assert!(arrivals(&calm, "there") == arrivals(&struck, "there"));
    assert!(arrivals(&calm, "elsewhere").len() > arrivals(&struck, "elsewhere").len());
}

#[test]
fn same_seed_same_run() {
    for seed in 0..20 {
        let flow = Flow { seed, count: 500, ..Flow::over(LinkProfile::mobile()) };
        assert_eq!(flow.run().fingerprint(), flow.run().fingerprint(), "seed {seed}");
    }
}

fn of_link(effect: &str) -> Fault {
    let (from, to) = ("here".to_owned(), "there".to_owned());
    let (at, lasts) = (micros(3500), Some(ms(3)));
    match effect {
        "loss" => Fault::Loss { from, to, percent: 100.0, burst: None, at, lasts },
        _ => Fault::Delay { from, to, delay: micros(700), jitter: ms(0), at, lasts },
    }
}

/// A fault that finds a packet lost already has done nothing to it, whichever began first.
#[test]
fn a_loss_is_the_doing_of_the_fault_that_lost_it() {
    let lost = Tally { opportunities: 3, hits: 3 };
    let idle = Tally { opportunities: 3, hits: 0 };
    for (faults, number) in [(["loss", "delay"], 1), (["delay", "loss"], 2)] {
        let run = check(faults.map(of_link).to_vec(), "0@2 1@3 2@4 6@8 7@9 8@10 9@11");
        let by: Vec<u64> = run.journal.of_kind(Kind::Drop).map(|drop| drop.value()).collect();
        assert_eq!(by, [number; 3], "{faults:?}");
        assert_eq!(run.tallies[number as usize - 1], lost, "{faults:?}");
        // A delay that comes first delays what is then lost.
        let other = run.tallies[2 - number as usize];
        assert_eq!(other, if number == 1 { idle } else { lost }, "{faults:?}");
    }
}

/// Why a message was late, or did not come: the fault is in its past.
#[test]
fn what_a_link_fault_does_rests_on_its_beginning() {
    let late = check(vec![of_link("delay")], "0@2 1@3 2@4 3@5.7 4@6.7 5@7.7 6@8 7@9 8@10 9@11");
    assert_eq!(late.journal.of_kind(Kind::FaultHit).count(), 3);
    let begun = |run: &Run| run.journal.of_kind(Kind::FaultBegin).next().unwrap().id();
    let rests = |run: &Run, event: Event<'_>| run.journal.past(event.id()).contains(&begun(run));
    let struck: Vec<bool> =
        late.journal.of_kind(Kind::Deliver).map(|event| rests(&late, event)).collect();
    assert_eq!(struck, [[false; 3].as_slice(), &[true; 3], &[false; 4]].concat());
    for cut in [of_link("loss"), partition("here", "there", false, micros(3500), ms(3))] {
        let run = Flow { count: 10, gap: ms(1), ..Flow::under(vec![cut]) }.run();
        assert!(run.journal.of_kind(Kind::Drop).all(|event| rests(&run, event)));
    }
}
