//! What is no pass: a search that was blind, whose faults never struck, or that ran nothing.

use super::*;

fn verdict(search: Search) -> String {
    search.find().verdict().to_string()
}

fn idle(sim: &mut Sim) {
    sim.process("server", |_| async {});
    sim.client("client", |ctx| async move {
        ctx.sleep(ms(1)).await;
        Ok::<(), String>(())
    })
    .calls(["server"]);
    // No message is ever sent, so none can be lost.
    sim.chaos(Chaos::default().only([FaultKind::Message]));
}

#[test]
fn faults_that_never_strike_prove_nothing() {
    let text = verdict(explore(idle).seeds(0..10));
    assert!(text.starts_with("unknown: vacuous: none of "), "{text}");
    assert!(text.ends_with(" faults ever struck"), "{text}");
    let panic = panic_of(|| explore(idle).seeds(0..10).check());
    assert!(panic.contains("unknown: vacuous"), "{panic}");
    assert!(panic.contains("struck; never: message"), "{panic}");
}

#[test]
fn a_world_without_faults_is_not_vacuous() {
    let calm = |sim: &mut Sim| {
        idle(sim);
        sim.chaos(Chaos::none());
    };
    assert_eq!(verdict(explore(calm).seeds(0..10)), "holds");
}

#[test]
fn a_search_that_never_sees_what_it_should_is_blind() {
    let blind = |sim: &mut Sim| {
        shop(sim);
        sim.sometimes("the shopper is refunded", |_| false);
    };
    let report = explore(blind).variant("fixed").seeds(0..10).find();
    let expected = "unknown: blind: no seed ever saw \"the shopper is refunded\"";
    assert_eq!(report.verdict().to_string(), expected);
    assert_eq!(report.coverage.unseen(), ["the shopper is refunded"]);
    let text = report.to_string();
    assert!(text.contains("sometimes \"the shopper is refunded\": never"), "{text}");
    assert!(panic_of(|| explore(blind).variant("fixed").seeds(0..10).check()).contains("blind"));
}

#[test]
fn points_that_nobody_reached_are_listed() {
    let world = |sim: &mut Sim| {
        idle(sim);
        sim.chaos(Chaos::none());
        sim.points(["the cellar", "the roof"]);
        sim.client("climber", |ctx| async move {
            ctx.reachable("the roof");
            Ok::<(), String>(())
        });
    };
    let report = explore(world).seeds(0..5).find();
    assert_eq!(report.coverage.unreached(), ["the cellar"]);
    assert!(report.to_string().contains("points: 1 of 2 reached; never: the cellar"), "{report}");
    assert!(report.verdict().holds());
}

#[test]
fn no_seed_is_no_pass() {
    assert_eq!(verdict(explore(shop).seeds(3..3)), "unknown: no seed was run");
    let none = explore(shop).seeds(0..1_000).time(Duration::ZERO).find();
    assert!(none.coverage.runs < 1_000);
}

#[test]
fn a_run_that_was_stopped_is_no_pass() {
    let endless = |sim: &mut Sim| {
        sim.chaos(Chaos::none());
        sim.events_max(2_000);
        sim.client("client", |ctx| async move {
            loop {
                ctx.sleep(Duration::from_nanos(1)).await;
            }
            #[expect(unreachable_code, reason = "it tells the type")]
            Ok::<(), String>(())
        });
    };
    let text = verdict(explore(endless).seeds(0..2));
    let expected = "unknown: 2 seeds without a verdict, the first of them 0: every client ends: the \
                    run was stopped: Events";
    assert_eq!(text, expected);
}

#[test]
fn a_time_budget_says_what_was_not_run() {
    let report = explore(shop).variant("fixed").seeds(0..u64::MAX).time(ms(300)).find();
    assert!(report.verdict().holds(), "{report}");
    assert!(report.to_string().contains(" not run"), "{report}");
}

#[test]
fn an_eventual_property_is_told_with_its_whole_story() {
    let world = |sim: &mut Sim| {
        sim.chaos(Chaos::none());
        sim.client("client", |ctx| async move {
            ctx.record("does nothing");
            Ok::<(), String>(())
        });
        sim.eventually("the order is paid", |_: &View<'_>| Err::<(), _>("nobody pays"));
    };
    let directory = tempfile::tempdir().unwrap();
    check(
        explore(world).seeds(0..3).out(directory.path()),
        directory.path(),
        expect![[r#"
            violated: the order is paid        seed 0, found after 1 seed, replayed 3/3 identical, also in a fresh process
            shrunk to 0 faults from 0 (1 run)
            story:
            time             node    what
                   0.000 ms  client  does nothing
                   0.000 ms  world   chaos ends, all is healed
                   0.000 ms  world   property "the order is paid"  <- here: nobody pays
                   0.000 ms  world   the world ends: finished
            diagram:
                                 client
                   0.000 ms        *   does nothing
                   0.000 ms        |   chaos ends, all is healed
                   0.000 ms        |   <- here: nobody pays
                   0.000 ms        |   the world ends: finished
            it takes no fault at all.
            replay:  STORMGLASS_REPLAY=DIR/an_eventual_property_is_told_with_its_whole_story-0.toml cargo test explore::verdicts::an_eventual_property_is_told_with_its_whole_story -- --exact
            report:  DIR/an_eventual_property_is_told_with_its_whole_story-0.html

            an_eventual_property_is_told_with_its_whole_story: violated: the order is paid: nobody pays
                1 seed of 0..3, swarm, 1 run twice, sealed
        "#]],
    );
}

#[test]
fn a_property_of_the_journal_is_decided_in_a_search() {
    let world = |sim: &mut Sim| {
        sim.chaos(Chaos::none());
        sim.client("client", |ctx| async move {
            ctx.record("swears");
            Ok::<(), String>(())
        });
        sim.check("nobody swears", |journal: &stormglass::journal::Journal| {
            journal.events().all(|event| event.text() != Some("swears"))
        });
    };
    let directory = tempfile::tempdir().unwrap();
    let report = explore(world).seeds(0..3).out(directory.path()).find();
    assert_eq!(report.verdict(), Verdict::violated("nobody swears"));
    assert!(report.failures[0].to_string().contains("client  swears\n"), "{report}");
}

#[test]
fn a_long_story_says_what_it_leaves_out_and_keeps_the_fault() {
    let world = |sim: &mut Sim| {
        sim.links(LinkProfile::with_delay(ms(1)));
        sim.process("server", |ctx| async move {
            for n in 0..100 {
                ctx.record(format_args!("breath {n}"));
                ctx.sleep(ms(10)).await;
            }
        });
        sim.client("client", |ctx| async move { Ok::<(), String>(ctx.sleep(ms(2_000)).await) });
        sim.chaos(Chaos::default().only([FaultKind::Crash]));
        sim.never("the server begins anew and ends", |view| {
            view.recorded("breath 0") > 1 && view.recorded("breath 99") > 0
        });
    };
    let directory = tempfile::tempdir().unwrap();
    let report = explore(world).out(directory.path()).find();
    let text = report.failures[0].to_string();
    assert!(text.lines().count() < 95, "{text}");
    assert!(text.contains(" lines left out\n"), "{text}");
    for part in ["fault 1 begins: ", "server  crashes", "breath 0\n", "breath 99\n", "<- here"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// What a test sees that loads a script: the same as a search whose faults are all idle.
#[test]
fn a_script_whose_faults_are_idle_is_vacuous() {
    let lost = |n| Fault::Message {
        from: "shopper".into(),
        to: "payment".into(),
        label: None,
        n,
        leg: stormglass::chaos::Leg::Request,
        effect: stormglass::chaos::Effect::Drop,
    };
    let script = |faults: Vec<Fault>| Script {
        plan: FaultPlan::new(faults),
        replay: stormglass::chaos::Replay {
            seed: Some(stormglass::seed::Seed(1)),
            ..Default::default()
        },
    };
    let late = Fault::Crash { node: "payment".into(), at: ms(30_000), lasts: None };
    let search = explore(shop).variant("fixed");
    let report = search.replay(&script(vec![lost(99), late.clone()])).unwrap();
    assert_eq!(report.verdict().to_string(), "unknown: vacuous: none of 2 faults ever struck");
    let text = report.to_string();
    for part in ["#99 request: drop) never struck: only 3 messages", ": the run ended at "] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(search.replay(&script(vec![lost(1), late])).unwrap().verdict(), Verdict::Holds);
    assert_eq!(search.replay(&script(vec![])).unwrap().verdict(), Verdict::Holds);

    // The way out is a `request`, as there is a way back.
    let mut odd = lost(1);
    if let Fault::Message { leg, .. } = &mut odd {
        *leg = stormglass::chaos::Leg::Message;
    }
    let text = search.replay(&script(vec![odd])).unwrap().to_string();
    assert!(text.contains("it was not sent as a `message`; did you mean `request`?"), "{text}");

    // Of a single run, too; but not of faults that the seed drew.
    let world = World::new("shop", shop);
    let run = world.run(&RunConfig::seed(1).variant("fixed").plan(FaultPlan::new([lost(99)])));
    assert!(run.verdict().holds() && !run.verdict_of_plan().holds());
    let junit = stormglass::report::junit::run_junit("shop", &run);
    assert!(junit.contains("a fault of the plan strikes"), "{junit}");
    let page = stormglass::report::html::run(&world, &run, Default::default());
    for part in ["Nothing can be said", "never struck: only 3 messages are such ones"] {
        assert!(page.contains(part), "{part}");
    }
    let drawn = explore(idle).replay_run(&RunConfig::seed(3)).unwrap();
    assert!(drawn.coverage.is_vacuous() && drawn.verdict().holds(), "{drawn}");
}
