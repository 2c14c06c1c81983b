//! What does not replay is never a seed: it is told with the first event that differs.

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

/// A service that knows how often this process has run it.
fn forgetful(sim: &mut Sim) {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    sim.chaos(Chaos::none());
    sim.client("client", |ctx| async move {
        ctx.sleep(ms(5)).await;
        ctx.record(format_args!("run {}", RUNS.fetch_add(1, Ordering::Relaxed)));
        Ok::<(), String>(())
    });
}

#[test]
fn a_sample_of_the_seeds_is_run_twice() {
    let report = explore(forgetful).seeds(0..10).find();
    let [found] = &report.nondeterminism[..] else { panic!("{report}") };
    assert_eq!((found.seed, &found.property), (0, &None));
    let unknown = Verdict::Unknown("seed 0 does not replay".to_owned());
    assert_eq!(report.verdict(), unknown);
    for part in ["the runs part after ", "text \"run ", "spawns a task at tests/explore/nondet"] {
        assert!(found.text.contains(part), "{part}: {}", found.text);
    }
    let text = report.to_string();
    assert!(text.starts_with("not reproducible: seed 0 does not replay\n"), "{text}");
    assert!(!text.contains("replay:"), "{text}");
    assert!(panic_of(|| explore(forgetful).seeds(0..3).check()).contains("not reproducible"));
}

#[test]
fn without_a_sample_it_is_not_noticed() {
    assert!(explore(forgetful).seeds(0..10).verify_sample(0).find().verdict().holds());
    let report = explore(forgetful).seeds(0..10).verify_sample(3).collect_all().find();
    assert_eq!(report.sampled, 4);
    let seeds: Vec<u64> = report.nondeterminism.iter().map(|found| found.seed).collect();
    assert_eq!(seeds, [0, 3, 6, 9]);
}

/// It differed once, and then not again: that is told, and is no pass.
#[test]
fn a_seed_that_differed_once_is_told_as_such() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let world = |sim: &mut Sim| {
        sim.chaos(Chaos::none());
        // The throw-away run, the first of the seed, and its second, which is odd.
        let odd = RUNS.fetch_add(1, Ordering::Relaxed) == 2;
        sim.client("client", move |ctx| async move {
            ctx.record(if odd { "odd" } else { "even" });
            Ok::<(), String>(())
        });
    };
    let report = explore(world).seeds(0..1).jobs(1).find();
    let expected = "two runs of it differed in the search; now they do not";
    assert_eq!(report.nondeterminism[0].text, expected);
    assert_eq!(report.verdict().to_string(), "unknown: seed 0 does not replay");
}

#[test]
fn a_failure_that_does_not_replay_is_not_told_as_a_seed() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let world = |sim: &mut Sim| {
        sim.chaos(Chaos::none());
        sim.client("client", |ctx| async move {
            ctx.publish("run", RUNS.fetch_add(1, Ordering::Relaxed));
            Ok::<(), String>(())
        });
        sim.always("it is not the fourth run", |view: &View<'_>| {
            view.probe::<u32>("client", "run").is_none_or(|run| *run != 3)
        });
    };
    let report = explore(world).seeds(0..10).jobs(1).verify_sample(0).find();
    assert!(report.failures.is_empty(), "{report}");
    assert_eq!(report.nondeterminism[0].property.as_deref(), Some("it is not the fourth run"));
    assert!(matches!(report.verdict(), Verdict::Unknown(_)));
}

#[test]
fn what_one_run_leaves_to_the_next_is_found() {
    static FIRST: AtomicU32 = AtomicU32::new(0);
    let world = |sim: &mut Sim| {
        sim.chaos(Chaos::none());
        // The throw-away run and one more see what is not there later.
        sim.client("client", |ctx| async move {
            ctx.publish("cold", FIRST.fetch_add(1, Ordering::Relaxed) < 2);
            Ok::<(), String>(())
        });
        sim.never("the cache is cold", |view| {
            view.probe::<bool>("client", "cold").is_some_and(|cold| *cold)
        });
    };
    let report = explore(world).seeds(0..10).jobs(1).verify_sample(0).find();
    let text = &report.nondeterminism[0].text;
    assert!(text.contains("something that one run leaves behind"), "{text}");
}

#[test]
fn fingerprints_of_every_seed_can_be_compared() {
    let search = explore(shop).seeds(0..20);
    let twice = search.fingerprints(2);
    assert_eq!(twice.len(), 20);
    assert!(twice.iter().all(|prints| prints[0] == prints[1]));
    let again: Vec<_> = search.jobs(3).fingerprints(1).concat();
    assert_eq!(again, twice.iter().map(|prints| prints[0]).collect::<Vec<_>>());
}

#[test]
fn how_a_seed_differs_is_told() {
    let search = explore(forgetful);
    assert!(search.how_it_differs(1).contains("the runs part after"));
    let told = explore(shop).how_it_differs(1);
    assert_eq!(told, "now its runs are all the same");
}
