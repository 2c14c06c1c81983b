//! Wrong files, wrong numbers, worlds that are not what they were: each is said, none is a pass.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};

use stormglass::chaos::Replay;
use stormglass::seed::Seed;

use super::*;

fn error(search: &Search) -> String {
    search.try_find().unwrap_err().to_string()
}

#[test]
fn a_state_that_cannot_be_written_is_told_before_the_search() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("nowhere/state.json");
    static SEEDS: AtomicU32 = AtomicU32::new(0);
    let world = |sim: &mut Sim| {
        SEEDS.fetch_add(1, Ordering::Relaxed);
        shop(sim);
    };
    let text = error(&explore(world).variant("fixed").seeds(0..100).resume(&file));
    assert!(text.contains("nowhere/state.json: No such file or directory"), "{text}");
    assert!(SEEDS.load(Ordering::Relaxed) < 3, "the throw-away run is no search");
}

#[test]
fn a_state_of_more_seeds_than_are_asked_for_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("state.json");
    let search = |seeds| explore(shop).variant("fixed").seeds(seeds).resume(&file);
    assert!(search(0..40).find().verdict().holds());
    let text = error(&search(0..30)).replace(&file.display().to_string(), "FILE");
    expect!["FILE: 40 seeds are done in it, and this search has 30: ask for at least as many"]
        .assert_eq(&text);
}

#[test]
fn a_state_that_is_another_program_s_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("state.json");
    let search = || explore(shop).variant("fixed").seeds(0..5).resume(&file);
    let _ = search().find();
    let text = fs::read_to_string(&file).unwrap();
    let broken = [
        (text.replace("\"format\": 1", "\"format\": 2"), "format 2, shop fixed"),
        (text.replace("\"swarm\"", "\"fifo\""), "shop fixed, fifo"),
        (text.replace("\"swarm\"", "\"storm\""), "it is no state of a search (unknown variant"),
        (text.replace("\"first_seed\": 0", "\"first_seed\": -1"), "it is no state of a search"),
        (String::new(), "it is no state of a search (EOF"),
    ];
    for (text, expected) in broken {
        fs::write(&file, text).unwrap();
        let error = error(&search());
        assert!(error.contains(expected), "{expected}: {error}");
    }
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert!(error(&search()).contains("Is a directory"), "{}", error(&search()));
}

#[test]
fn a_script_that_cannot_be_written_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let taken = directory.path().join("taken");
    fs::write(&taken, "a file").unwrap();
    let text = error(&in_shop(&taken));
    assert!(text.contains("taken/shop-4.toml: "), "{text}");
}

#[test]
fn seeds_the_wrong_way_round_are_none() {
    #[expect(clippy::reversed_empty_ranges, reason = "it is what is wrong")]
    let report = explore(shop).seeds(9..3).find();
    assert_eq!(report.verdict().to_string(), "unknown: no seed was run");
    let report = explore(shop).variant("fixed").seeds(0..3).jobs(0).find();
    assert_eq!(report.coverage.runs, 3);
}

/// The end of all numbers is a seed as any other.
#[test]
fn the_last_seeds_of_all_are_run() {
    let report = explore(shop).variant("fixed").seeds(u64::MAX - 5..u64::MAX).shard(1, 2).find();
    assert_eq!(report.coverage.runs, 2);
    assert!(!report.verdict().is_violated(), "{report}");
}

/// Its shape depends on the seed: a script names what the world of its own seed has.
fn drawn(sim: &mut Sim) {
    for n in 0..=sim.seed().0 {
        sim.process(&format!("node{n}"), |ctx| async move { ctx.publish("up", ctx.clock().now()) });
    }
    sim.client("client", |ctx| async move { Ok::<(), String>(ctx.sleep(ms(500)).await) });
    sim.never("a node starts again", |view| {
        let late = |at: &stormglass::time::Time| at.as_nanos() > 0;
        view.probes::<stormglass::time::Time>("up").iter().any(|(_, at)| late(at))
    });
}

#[test]
fn a_script_is_checked_against_the_world_of_its_seed() {
    let directory = tempfile::tempdir().unwrap();
    let search = explore(drawn).out(directory.path());
    let crash = Fault::Crash { node: "node7".into(), at: ms(5), lasts: Some(ms(5)) };
    let config = RunConfig::seed(7).plan(FaultPlan::new([crash]));
    let report = search.shrink(&config).unwrap();
    let failure = &report.failures[0];
    assert_eq!(failure.in_fresh, Ok(()), "{report}");
    assert_eq!(failure.run.plan.faults[0].node(), Some("node7"));
    let world = World::new("drawn", drawn);
    let small = Script::load(&failure.script, &world.topology(Seed(7), "")).unwrap();
    assert!(Script::load(&failure.script, &world.topology(Seed(0), "")).is_err());
    let again = search.replay(&small).unwrap();
    assert_eq!(again.failures[0].run.fingerprint(), failure.run.fingerprint());
}

#[test]
fn a_script_says_which_world_and_variant_it_is_of() {
    let directory = tempfile::tempdir().unwrap();
    let search = in_shop(directory.path());
    let found = search.clone().variant("broken").find();
    let failure = &found.failures[0];
    let mut script = Script::load(&failure.script, &failure.run.topology).unwrap();
    assert_eq!(script.replay.variant.as_deref(), Some("broken"));

    // A search of another variant replays that of the script.
    let report = search.clone().variant("fixed").replay(&script).unwrap();
    assert_eq!(report.variant, "broken");
    assert_eq!(report.failures[0].run.fingerprint(), failure.run.fingerprint());
    assert_eq!(report.failures[0].in_fresh, Ok(()));

    script.replay.sim = Some("warehouse".to_owned());
    let error = search.replay(&script).unwrap_err().to_string();
    assert_eq!(error, "the script is of `warehouse`, not of `shop`");
}

#[test]
fn where_a_script_comes_from_is_read_without_its_world() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("script.toml");
    let load = |text: &str| {
        fs::write(&path, text).unwrap();
        let error = |error: stormglass::error::Error| {
            error.to_string().replace(&path.display().to_string(), "FILE")
        };
        Replay::load(&path).map_err(error)
    };
    let replay = load("format = 1\n[replay]\nsim = \"far\"\nseed = 7\n[[fault]]\nkind = \"x\"\n");
    let replay = replay.unwrap();
    assert_eq!((replay.sim.as_deref(), replay.seed), (Some("far"), Some(Seed(7))));
    assert_eq!(load("format = 1\n"), Ok(Replay::default()));
    let wrong = load("format = 1\n[replay]\nsead = 7\n").unwrap_err();
    assert_eq!(wrong, "FILE:3: no field `sead`; did you mean `seed`?");
    assert!(load("[replay\n").unwrap_err().starts_with("FILE:1: "));
    fs::remove_file(&path).unwrap();
    let missing = Replay::load(&path).unwrap_err().to_string();
    assert!(missing.contains("No such file"), "{missing}");
}

/// It fails for as long as nobody looks too closely.
#[test]
fn a_failure_that_ends_while_it_is_made_smaller_is_no_pass() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let world = |sim: &mut Sim| {
        sim.chaos(Chaos::none());
        // The throw-away run, the one that finds it, three that prove it.
        let fails = RUNS.fetch_add(1, Ordering::Relaxed) < 5;
        sim.client("client", |ctx| async move { Ok::<(), String>(ctx.sleep(ms(1)).await) });
        sim.never("it is early", move |_| fails);
    };
    let directory = tempfile::tempdir().unwrap();
    let search = explore(world).seeds(0..1).jobs(1).verify_sample(0).out(directory.path());
    let report = search.find();
    assert!(report.failures.is_empty(), "{report}");
    assert_eq!(report.verdict().to_string(), "unknown: seed 0 does not replay");
    assert!(report.nondeterminism[0].text.contains("it failed several times"), "{report}");
}

#[test]
fn the_same_in_a_single_run_that_is_to_be_shrunk() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let world = |sim: &mut Sim| {
        sim.chaos(Chaos::none());
        let fails = RUNS.fetch_add(1, Ordering::Relaxed) < 4;
        sim.client("client", |ctx| async move { Ok::<(), String>(ctx.sleep(ms(1)).await) });
        sim.never("it is early", move |_| fails);
    };
    let directory = tempfile::tempdir().unwrap();
    let search = Search::new(World::new("early", world)).out(directory.path());
    let report = search.shrink(&RunConfig::seed(0)).unwrap();
    assert_eq!(report.verdict().to_string(), "unknown: seed 0 does not replay");
}

#[test]
fn a_world_that_panics_is_named_by_the_comparison_too() {
    let panic = panic_of(|| {
        let world = |sim: &mut Sim| {
            assert!(sim.seed().0 < 3, "no world for seed {}", sim.seed());
            shop(sim);
        };
        let _ = explore(world).seeds(0..5).jobs(2).fingerprints(1);
    });
    assert!(panic.starts_with("no world for seed "), "{panic}");
}
