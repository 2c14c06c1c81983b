//! What a search reports: the lowest failing seed, whatever the number of jobs.

use super::*;

#[test]
fn the_first_failure_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let report = check(
        in_shop(directory.path()),
        directory.path(),
        expect![[r#"
            violated: no order is charged twice        seed 4, found after 5 seeds, replayed 3/3 identical, also in a fresh process
            shrunk to 1 fault from 3, of which 2 never struck (11 runs):
                shopper -> payment "POST /charge" #1 reply: drop
                shopper does only operation 0 of 3
            story:
            time             node     what
                   0.000 ms  shopper  operation 0 invoke: 1
                   0.000 ms  shopper  -> payment  POST /charge
                   1.000 ms  payment  charges order 1
                   1.000 ms  payment  -x shopper  200                       dropped: fault 1
                 100.000 ms  shopper  timed out waiting for payment
                 100.000 ms  shopper  -> payment  POST /charge
                 101.000 ms  payment  charges order 1
                 101.000 ms  payment  -> shopper  200                       still under way at the end
                 101.000 ms  world    property "no order is charged twice"  <- here: order 1 was charged 2 times
            diagram:
                                shopper              payment
                   0.000 ms        *                    |   operation 0 invoke: 1
                   0.000 ms        o--- POST /charge -->|
                   1.000 ms        |                    *   charges order 1
                   1.000 ms        |  x---- 200 --------o   dropped: fault 1
                 100.000 ms        !                    |   timed out waiting for payment
                 100.000 ms        o--- POST /charge -->|
                 101.000 ms        |                    *   charges order 1
                 101.000 ms        |  ~---- 200 --------o
                 101.000 ms        |                    |   <- here: order 1 was charged 2 times
            without fault 1 it holds.
            replay:  STORMGLASS_REPLAY=DIR/shop-4.toml cargo test explore::search::the_first_failure_is_told -- --exact
            report:  DIR/shop-4.html

            shop: violated: no order is charged twice: order 1 was charged 2 times
                5 seeds of 0..1000, swarm, 1 run twice, sealed
                faults: 4 of 11 struck; never: crash, clock-step, disk-slow
                sometimes "an order is charged": in 5 seeds
                points: 0 of 1 reached; never: the till is full
        "#]],
    );
    let failure = &report.failures[0];
    assert_eq!(failure.in_fresh, Ok(()));
    assert_eq!(failure.run.plan.faults.len(), 1);
    assert!(failure.script.exists());
    assert!(report.verdict().is_violated());
}

#[test]
fn a_repaired_shop_holds() {
    let directory = tempfile::tempdir().unwrap();
    let search = in_shop(directory.path()).variant("fixed").seeds(0..200);
    let report = check(
        search,
        directory.path(),
        expect![[r#"
            shop (fixed): holds
                200 seeds of 0..200, swarm, 4 run twice, sealed
                faults: 306 of 886 struck; never: duplicate, reorder, disk-full, disk-slow, disk-error
                sometimes "an order is charged": in 188 seeds
                points: 0 of 1 reached; never: the till is full
        "#]],
    );
    assert!(report.verdict().holds());
    explore(shop).variant("fixed").seeds(0..20).check();
}

#[test]
fn the_report_does_not_depend_on_the_number_of_jobs() {
    let directory = tempfile::tempdir().unwrap();
    let with = |jobs| text(&in_shop(directory.path()).jobs(jobs).find(), directory.path());
    let one = with(1);
    assert_eq!(one, with(2));
    assert_eq!(one, with(7));
    let all = |jobs| {
        let search = in_shop(directory.path()).jobs(jobs).seeds(0..60).collect_all();
        text(&search.find(), directory.path())
    };
    assert_eq!(all(1), all(4));
}

#[test]
fn a_failure_of_many_seeds_is_told_once() {
    let directory = tempfile::tempdir().unwrap();
    let report = in_shop(directory.path()).seeds(0..150).collect_all().find();
    assert_eq!(report.coverage.runs, 150);
    let mut signatures: Vec<_> = report.failures.iter().map(|f| f.signature()).collect();
    let told = signatures.len();
    signatures.sort();
    signatures.dedup();
    assert_eq!(signatures.len(), told, "{signatures:#?}");
    let seeds: usize = report.failures.iter().map(|f| 1 + f.alike.len()).sum();
    assert!(seeds > told, "{seeds} seeds, {told} causes");
    assert!(report.to_string().contains("failed alike"), "{report}");
}

#[test]
fn failures_beyond_the_budget_are_listed_but_not_shrunk() {
    let directory = tempfile::tempdir().unwrap();
    let report = in_shop(directory.path()).seeds(0..150).collect_all().shrink_runs(1).find();
    assert!(report.verdict().is_violated());
    assert!(!report.unshrunk.is_empty());
    assert!(report.to_string().contains("failures that nothing was made of:"), "{report}");
    assert!(report.to_string().contains("all that it was allowed"), "{report}");
}

#[test]
fn the_scheduling_of_a_failure_is_in_its_script() {
    let directory = tempfile::tempdir().unwrap();
    let search = in_shop(directory.path()).strategy(Strategy::Pct).shrink_runs(0);
    let report = search.clone().find();
    let failure = &report.failures[0];
    let script = Script::load(&failure.script, &failure.run.topology).unwrap();
    assert_eq!(script.replay.scheduling, Some(failure.scheduling));
    assert!(failure.scheduling.to_string().starts_with("pct depth "), "{}", failure.scheduling);
    let again = search.replay(&script).unwrap();
    assert_eq!(again.failures[0].run.fingerprint(), failure.run.fingerprint());
}

#[test]
fn a_strategy_draws_what_it_says() {
    let kinds = |strategy: Strategy| {
        let drawn = (0..100).map(|seed| {
            let text = strategy.scheduling(stormglass::seed::Seed(seed), 64).to_string();
            text.split(" steps").next().unwrap().to_owned()
        });
        let mut counts = BTreeMap::<String, u32>::new();
        drawn.for_each(|kind| *counts.entry(kind).or_default() += 1);
        counts.keys().cloned().collect::<Vec<_>>().join(", ")
    };
    assert_eq!(kinds(Strategy::Fifo), "fifo");
    assert_eq!(kinds(Strategy::Random), "random");
    assert_eq!(kinds(Strategy::Pct), "pct depth 1, pct depth 2, pct depth 3, pct depth 4");
    assert_eq!(
        kinds(Strategy::Swarm),
        "fifo, pct depth 1, pct depth 2, pct depth 3, pct depth 4, random"
    );
    for strategy in Strategy::ALL {
        assert_eq!(strategy.name().parse(), Ok(strategy));
    }
    assert_eq!(
        "swrm".parse::<Strategy>().unwrap_err(),
        "no strategy `swrm`; did you mean `swarm`?"
    );
}

#[test]
fn a_variant_is_checked_with_a_suggestion() {
    let world = World::new("shop", shop).variants(["broken", "fixed"]);
    assert_eq!(world.variant(None).unwrap(), "broken");
    assert_eq!(world.variant(Some("fixed")).unwrap(), "fixed");
    let error = world.variant(Some("fixt")).unwrap_err().to_string();
    assert_eq!(error, "`shop` has no variant `fixt`; did you mean `fixed`?");
    let error = world.variant(Some("purple")).unwrap_err().to_string();
    assert_eq!(error, "`shop` has no variant `purple`; there is broken, fixed");
    assert_eq!(World::new("shop", shop).variant(Some("any")).unwrap(), "any");
}

/// Nobody who tests a variant that is not there should be told that it holds.
#[test]
fn a_search_of_an_unknown_variant_is_an_error() {
    let error = |search: Search| search.try_find().unwrap_err().to_string();
    let known = || explore(shop).variants(["broken", "fixed"]).seeds(0..3);
    let expected = "`shop` has no variant `fixt`; did you mean `fixed`?";
    assert_eq!(error(known().variant("fixt")), expected);
    let world = World::new("shop", shop).variants(["broken", "fixed"]);
    assert_eq!(error(Search::new(world.clone()).variant("fixt")), expected);
    let config = RunConfig::seed(1);
    assert_eq!(known().variant("fixt").replay_run(&config).unwrap_err().to_string(), expected);
    assert_eq!(panic_of(|| drop(world.run(&config.clone().variant("fixt")))), expected);

    // A function whose variants nobody has named: it never asks, so that all would be the same.
    let calm = |sim: &mut Sim| {
        sim.client("client", |ctx| async move { Ok::<(), String>(ctx.sleep(ms(1)).await) });
    };
    let text = error(explore(calm).variant("fixed"));
    assert!(text.ends_with("has no variants: it never asks for `sim.variant()`"), "{text}");
    assert!(explore(shop).variant("any").seeds(0..1).try_find().is_ok());
}

/// Tests, single runs and the command line mean the same world by no name at all.
#[test]
fn the_default_is_the_first_variant_everywhere() {
    let variants = ["fixed", "broken"];
    let world = World::new("shop", shop).variants(variants);
    assert_eq!(world.run(&RunConfig::seed(1)).variant, "fixed");
    let searches = [Search::new(world), explore(shop).variants(variants)];
    for search in searches {
        let report = search.seeds(0..20).find();
        assert_eq!((report.variant.as_str(), report.verdict()), ("fixed", Verdict::Holds));
    }
}

#[test]
fn a_search_shows_how_far_it_is() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    let search = explore(shop).variant("fixed").seeds(0..30);
    let report = search.on_progress(move |p| log.lock().unwrap().push((p.done, p.total))).find();
    assert!(report.verdict().holds());
    assert_eq!(seen.lock().unwrap().last(), Some(&(30, 30)));
}

#[test]
fn a_world_that_cannot_be_is_a_panic_of_the_search() {
    let panic = panic_of(|| {
        let _ = explore(|sim: &mut Sim| {
            sim.process("twin", |_| async {});
            sim.process("twin", |_| async {});
        })
        .find();
    });
    assert_eq!(panic, "the world has a member `twin` already");
}
