//! Chaos: it is applied, it ends, everything heals.

use super::*;

/// A server that is asked every 100 ms for 3 s.
fn asked(sim: &mut Sim) {
    sim.service("server", || {
        axum::Router::new().route("/", axum::routing::get(|| async { "yes" }))
    })
    .replicas(2);
    client(sim, |ctx| async move {
        for _ in 0..30 {
            let answer = ctx.http().get("http://server/").timeout(ms(50)).send().await;
            ctx.record(if answer.is_ok() { "answered" } else { "not answered" });
            ctx.sleep(ms(100)).await;
        }
    });
    sim.process("prober", |ctx| async move {
        loop {
            ctx.sleep(ms(100)).await;
            let answer = ctx.http().get("http://server/").timeout(ms(50)).send().await;
            ctx.publish("fine", answer.is_ok());
        }
    });
    sim.sometimes("chaos is felt", |view| view.recorded("not answered") > 0);
    sim.eventually("the server is fine", |view| {
        view.probe::<bool>("prober", "fine").is_some_and(|fine| *fine)
    });
}

#[test]
fn every_storm_ends_and_everything_heals() {
    let mut felt = 0;
    let mut kinds = std::collections::BTreeSet::new();
    for seed in 0..150 {
        let run = run(&asked, &RunConfig::seed(seed));
        assert!(run.verdict().holds(), "seed {seed}: {}\n{}", run.verdict(), run.plan);
        assert_eq!(run.journal.of_kind(Kind::Heal).count(), 1);
        felt += u32::from(
            run.outcomes.iter().any(|o| o.property == "chaos is felt" && o.verdict.holds()),
        );
        kinds.extend(run.plan.faults.iter().map(|fault| fault.kind().name()));
    }
    assert!(kinds.len() >= 12, "only {kinds:?}");
    assert!((30..150).contains(&felt), "felt in {felt} of 150 seeds");
}

/// The windows of the plan end at healing at the latest, also those without an end.
#[test]
fn a_fault_without_an_end_ends_with_chaos() {
    let world = |sim: &mut Sim| {
        sim.links(LinkProfile::with_delay(ms(1)));
        asked(sim);
    };
    let cut = Fault::Partition {
        a: vec!["server".into()],
        b: vec!["client".into(), "prober".into()],
        one_way: false,
        at: ms(0),
        lasts: None,
    };
    let run = run(&world, &RunConfig::seed(1).plan(FaultPlan::new([cut])));
    assert!(run.verdict().holds(), "{}", run.verdict());
    let notes: Vec<&str> = run.journal.of_kind(Kind::Note).filter_map(|e| e.text()).collect();
    assert_eq!(notes, ["not answered"; 30]);
    let ends = run.journal.of_kind(Kind::FaultEnd).count();
    assert_eq!(ends, 1);
}

/// Nobody drives this world, so its storm says how long it lasts.
#[test]
fn a_world_of_processes_alone_has_its_whole_storm() {
    let world = |sim: &mut Sim| {
        sim.chaos(Chaos::none());
        sim.process("ticker", |ctx| async move {
            ctx.record("starts");
            loop {
                ctx.sleep(ms(10)).await;
                ctx.publish("tick", ());
            }
        });
        sim.eventually("it was started again", |view| view.recorded("starts") > 1);
    };
    let crash = Fault::Crash { node: "ticker".into(), at: ms(500), lasts: Some(ms(100)) };
    let run = run(&world, &RunConfig::seed(1).plan(FaultPlan::new([crash])));
    assert!(run.verdict().holds(), "{}", run.verdict());
    assert_eq!(run.tallies[0].hits, 1);
    let heal = run.journal.of_kind(Kind::Heal).next().unwrap();
    assert_eq!(heal.at(), ms(600).into());
}

/// Copies are not copied again.
#[test]
fn a_link_that_duplicates_everything_delivers_twice() {
    let world = |sim: &mut Sim| {
        sim.links(LinkProfile { duplicate: 1.0, ..LinkProfile::with_delay(ms(1)) });
        sim.process("server", |ctx| async move {
            let socket = ctx.bind(7).unwrap();
            while socket.receive().await.is_ok() {
                ctx.record("received");
            }
        });
        client(sim, |ctx| async move {
            let socket = ctx.bind(0).unwrap();
            ctx.sleep(ms(1)).await;
            socket.send("server", 7, "x").unwrap();
            ctx.sleep(ms(10)).await;
        });
        sim.eventually("twice", |view| view.recorded("received") == 2);
    };
    assert!(calm(world).verdict().holds());
    let (from, to) = ("client".into(), "server".into());
    let all = Fault::Duplicate { from, to, percent: 100.0, at: ms(0), lasts: None };
    let both = run(&world, &RunConfig::seed(1).plan(FaultPlan::new([all])));
    assert!(both.verdict().holds(), "{}", both.verdict());
}

/// What each of two datagrams of one instant led to rests on that one.
#[test]
fn the_journal_knows_which_message_led_to_which() {
    let run = calm(|sim| {
        sim.links(LinkProfile::with_delay(ms(1)));
        sim.process("server", |ctx| async move {
            let socket = ctx.bind(7).unwrap();
            while let Ok((bytes, _)) = socket.receive().await {
                ctx.record(String::from_utf8_lossy(&bytes));
            }
        });
        client(sim, |ctx| async move {
            let socket = ctx.bind(0).unwrap();
            for text in ["first", "second", "third"] {
                socket.send("server", 7, text).unwrap();
            }
            ctx.sleep(ms(5)).await;
        });
    });
    let sends: Vec<_> = run.journal.of_kind(Kind::Send).map(|e| e.id()).collect();
    let notes: Vec<_> = run.journal.of_kind(Kind::Note).map(|e| e.id()).collect();
    assert_eq!((sends.len(), notes.len()), (3, 3));
    for (send, note) in sends.iter().zip(&notes) {
        assert!(run.journal.happened_before(*send, *note), "{send:?} {note:?}");
    }
    assert!(!run.journal.happened_before(sends[2], notes[1]));
}
