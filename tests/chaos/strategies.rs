//! Plans, seeds and workloads as `proptest!` draws and shrinks them.

use proptest::prelude::*;
use proptest::test_runner::{TestError, TestRunner};
use stormglass::chaos::strategies::{fault_plans, seeds, workloads};
use stormglass::chaos::{Effect, Leg, Script, text};

use super::nemesis::sound;
use super::*;

fn runner() -> TestRunner {
    TestRunner::new_with_rng(
        ProptestConfig { failure_persistence: None, ..ProptestConfig::default() },
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    )
}

/// Shrinks until `fails` no longer holds of anything simpler.
#[track_caller]
fn check_shrunk(chaos: &Chaos, fails: impl Fn(&FaultPlan) -> bool, expect: Expect) {
    let strategy = fault_plans(&shop(), chaos);
    let result = runner().run(&strategy, |plan| {
        sound(&Chaos { length: Duration::MAX, ..chaos.clone() }, &plan, &shop())
            .map_err(TestCaseError::fail)?;
        prop_assert!(!fails(&plan));
        Ok(())
    });
    let Err(TestError::Fail(why, plan)) = result else { panic!("no plan fails: {result:?}") };
    assert!(why.message().contains("fails"), "{why}");
    let dir = tempfile::tempdir().expect("a directory for the script");
    let path = dir.path().join("shrunk.toml");
    Script { plan: plan.clone(), ..Script::default() }.save(&path).expect("it can be written");
    assert_eq!(FaultPlan::load(&path, &shop()).expect("it can be read"), plan);
    check(&plan, expect);
}

#[test]
fn a_failing_plan_shrinks_to_what_matters() {
    let charged_twice = |plan: &FaultPlan| {
        plan.faults.iter().any(|fault| {
            matches!(fault, Fault::Message { to, leg: Leg::Reply, effect: Effect::Delay(by), .. }
                if to == "payment" && *by > 100 * MS)
        })
    };
    check_shrunk(
        &Chaos::default().intensity(3.0),
        charged_twice,
        expect![[r#"
            checkout -> payment * #1 reply: delay 200ms
        "#]],
    );
    let down_for_long = |plan: &FaultPlan| {
        let lasts = plan.faults.iter().filter(|f| f.kind() == FaultKind::Crash);
        lasts.filter_map(|f| f.window()?.1).sum::<Duration>() > 137 * MS
    };
    check_shrunk(
        &Chaos::default().intensity(3.0),
        down_for_long,
        expect![[r#"
            at 0s for 100ms: crash checkout
            at 0s for 50ms: crash payment
        "#]],
    );
}

proptest! {
    #![proptest_config(stormglass::regressions!("chaos"))]

    #[test]
    fn a_script_reads_back_what_was_drawn(
        seed in seeds(),
        plan in fault_plans(
            &shop(),
            &Chaos::default().tolerance(Tolerance::everything()).intensity(2.0),
        ),
        kept in workloads(0..10_usize, 5),
    ) {
        let replay = stormglass::chaos::Replay { seed: Some(seed), ..Default::default() };
        let plan = FaultPlan { workload: [("shopper".to_owned(), kept)].into(), ..plan };
        let script = Script { replay, plan };
        let read = Script::parse(&script.to_toml(), "drawn", &shop());
        prop_assert_eq!(read.map_err(|error| error.to_string()), Ok(script));
    }

    #[test]
    fn every_plan_of_the_strategy_is_sound(plan in fault_plans(&shop(), &Chaos::default())) {
        sound(&Chaos::default(), &plan, &shop()).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn every_duration_is_read_back(nanos in any::<u64>(), signed in any::<i64>()) {
        let duration = Duration::from_nanos(nanos);
        prop_assert_eq!(text::parse(&text::show(duration)), Ok(duration));
        let signed = signed.max(-i64::MAX);
        prop_assert_eq!(text::parse_signed(&text::show_signed(signed)), Ok(signed));
    }
}

#[test]
fn seeds_do_not_shrink() {
    let result = runner().run(&seeds(), |seed| {
        prop_assert!(seed.0 < 1_000);
        Ok(())
    });
    let Err(TestError::Fail(_, seed)) = result else { panic!("{result:?}") };
    assert!(seed.0 > 1_000_000, "seed {seed} has shrunk");
}

#[test]
fn regressions_are_kept_beside_the_manifest() {
    let config = stormglass::regressions!("chaos");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/chaos.txt");
    let direct = format!("Some(Direct({path:?}))");
    assert_eq!(format!("{:?}", config.failure_persistence), direct);
}

#[test]
fn a_failure_is_kept_and_tried_first() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("proptest-regressions/shop.txt").display().to_string();
    // Proptest wants a path that lives as long as the program.
    let path: &'static str = Box::leak(path.into_boxed_str());
    let run = |fails: &dyn Fn(&FaultPlan) -> bool| {
        let strategy = fault_plans(&shop(), &Chaos::default());
        let config = ProptestConfig { cases: 50, ..stormglass::chaos::strategies::config(path) };
        TestRunner::new(config).run(&strategy, |plan| {
            prop_assert!(!fails(&plan));
            Ok(())
        })
    };
    let drawn = std::cell::RefCell::new(None);
    let fails = |plan: &FaultPlan| {
        drawn.borrow_mut().get_or_insert(plan.clone());
        !plan.faults.is_empty()
    };
    let Err(TestError::Fail(_, shrunk)) = run(&fails) else { panic!("there are faults") };
    assert_eq!(shrunk.faults.len(), 1);
    assert!(std::fs::read_to_string(path).unwrap().contains("\ncc "));
    // The second run begins with the plan that failed first, as it was before it shrank.
    let first = std::cell::RefCell::new(None);
    let keep = |plan: &FaultPlan| {
        let is_first = first.borrow().is_none();
        first.borrow_mut().get_or_insert(plan.clone());
        is_first
    };
    assert!(run(&keep).is_err());
    assert_eq!(first.take(), drawn.take());
}

/// What proptest prints of a failure is a script that can be loaded.
#[test]
fn a_failing_plan_is_shown_as_its_script() {
    let strategy = fault_plans(&shop(), &Chaos::default().intensity(3.0));
    let result = runner().run(&strategy, |plan| {
        prop_assert!(plan.faults.is_empty());
        Ok(())
    });
    let Err(TestError::Fail(_, plan)) = &result else { panic!("no plan fails: {result:?}") };
    let shown = result.as_ref().unwrap_err().to_string();
    let (_, script) = shown.split_once("minimal failing input: ").expect("it is shown");
    assert_eq!(FaultPlan::parse(script, "shown", &shop()).as_ref().ok(), Some(plan), "{shown}");
}
