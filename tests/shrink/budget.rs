//! Shrinking ends: it is bounded by runs, and asks nothing twice.

use super::*;

fn many() -> FaultPlan {
    FaultPlan::new((1..=9).map(|n| message(n, Leg::Reply, Effect::Drop)))
}

#[test]
fn it_takes_no_more_runs_than_it_is_allowed() {
    let world = World::new("shop", shop);
    let config = RunConfig::seed(1).plan(many());
    for runs in [1, 2, 5] {
        let shrunk = shrink(&world, &config, TWICE, runs);
        let counterfactuals = shrunk.without.len();
        assert!(shrunk.runs <= runs + counterfactuals + 9, "{} of {runs}", shrunk.runs);
        assert!(shrunk.cut_short);
        let again = world.run(&config.clone().plan(shrunk.plan));
        assert_eq!(again.violated().unwrap().property, TWICE);
    }
}

#[test]
fn nothing_is_made_smaller_without_runs() {
    let world = World::new("shop", shop);
    let config = RunConfig::seed(1).plan(many());
    let shrunk = shrink(&world, &config, TWICE, 0);
    assert_eq!(shrunk.plan, many());
    assert!(shrunk.without.contains(&Without::Same));
}

/// Another property, or none at all, is violated: there is nothing to make smaller.
#[test]
fn what_does_not_fail_stays_as_it_is() {
    let world = World::new("shop", shop);
    let config = RunConfig::seed(1).plan(many());
    let shrunk = shrink(&world, &config, "no such property", 500);
    assert_eq!((shrunk.plan, shrunk.runs), (many(), many().faults.len()));
    assert!(
        shrunk.without.iter().all(|without| matches!(without, Without::Other(p) if p == TWICE))
    );
    let calm = RunConfig::seed(1).plan(FaultPlan::default());
    let shrunk = shrink(&world, &calm, TWICE, 500);
    assert_eq!((shrunk.plan, shrunk.runs, shrunk.without), (FaultPlan::default(), 0, vec![]));
}

#[test]
fn the_same_failure_shrinks_the_same_way() {
    let (a, b) = (shrunk(many().faults), shrunk(many().faults));
    assert_eq!((a.plan, a.runs, a.without), (b.plan, b.runs, b.without));
}

#[test]
fn a_small_script_stays_as_it_is() {
    let small = shrunk([message(1, Leg::Reply, Effect::Drop)]);
    let config = RunConfig::seed(1).plan(small.plan.clone());
    let again = shrink(&World::new("shop", shop), &config, TWICE, 500);
    assert_eq!(again.plan, small.plan);
    let script = Script { plan: small.plan.clone(), ..Script::default() };
    let topology = World::new("shop", shop).topology(stormglass::seed::Seed(1), "");
    assert_eq!(Script::parse(&script.to_toml(), "script", &topology).unwrap().plan, small.plan);
}
