//! Scenarios, snapshots, and what survives what.

use super::*;

fn ladder() -> Stubs {
    let step = |from: &'static str, to: &'static str| {
        let reply = Reply::status(200).body(to).delay(Delay::Fixed(ms(100)));
        Stub::new(charge(), reply).named(to).when("ladder", from).then(to)
    };
    Stubs::new().with(step("Started", "one")).with(step("one", "two"))
}

#[test]
fn a_scenario_goes_from_state_to_state() {
    let asks = vec![ask("POST /charge"); 3];
    check(
        &ladder(),
        asks,
        expect![[r#"
        1.000 ms payment: scenario "ladder": Started -> one
        102.000 ms client: 200 one
        103.000 ms payment: scenario "ladder": one -> two
        204.000 ms client: 200 two
        205.000 ms payment: no stub matches POST /charge
        206.000 ms client: 404 no stub of `payment` matches POST /charge
        the nearest is `two`
          scenario ladder: expected one, found two
    "#]],
    );
}

/// Measured with WireMock 3.13.2: a request that comes during the delay of the one before it gets the
/// next answer.
#[test]
fn a_scenario_moves_before_the_delay() {
    let world = asking(&ladder(), vec![ask("POST /charge")], |sim, _| {
        sim.client("hasty", |ctx| async move {
            ctx.sleep(ms(40)).await;
            let seen = ask("POST /charge").send(ctx).await;
            ctx.record(seen);
            Ok::<(), String>(())
        });
    });
    let run = run(&world, &RunConfig::seed(1));
    expect![[r#"
        1.000 ms payment: scenario "ladder": Started -> one
        41.000 ms payment: scenario "ladder": one -> two
        102.000 ms client: 200 one
        142.000 ms hasty: 200 two
    "#]]
    .assert_eq(&notes(&run));
}

#[test]
fn a_snapshot_brings_scenarios_stubs_and_draws_back() {
    let random =
        Stub::new(RequestPattern::new("GET"), Reply::status(200).template("{{randomValue}}"));
    let world = asking(&ladder().with(random), Vec::new(), |sim, payment| {
        sim.client("tester", move |ctx| {
            let payment = payment.clone();
            async move {
                let start = payment.snapshot();
                let mut seen = Vec::new();
                for _ in 0..2 {
                    seen.push([ask("POST /charge").send(ctx).await, ask("GET /").send(ctx).await]);
                    assert_eq!(payment.scenario("ladder"), "one");
                    payment.stub(Stub::new(charge(), Reply::status(500)).priority(1));
                    assert_eq!(ask("POST /charge").send(ctx).await, "500");
                    payment.restore(&start);
                }
                assert_eq!(seen[0], seen[1]);
                assert_eq!(payment.scenario("ladder"), "Started");
                assert_eq!(payment.requests().len(), 6, "what was received stays");
                payment.set_scenario("ladder", "one");
                assert_eq!(ask("POST /charge").send(ctx).await, "200 two");
                payment.reset();
                assert!(payment.requests().is_empty() && payment.scenarios().is_empty());
                let first = ask("GET /").send(ctx).await;
                payment.reset();
                let second = ask("GET /").send(ctx).await;
                assert_ne!(first, second, "a reset repeats no draws");
                ctx.record("done");
                Ok::<(), String>(())
            }
        });
    });
    let run = run(&world, &RunConfig::seed(1));
    assert!(notes(&run).ends_with("tester: done\n"), "{}", run.journal.story());
}

#[test]
fn the_manager_takes_all_mocks_back() {
    let mocks = ServiceMockManager::new();
    let seed = stormglass::seed::Seed(1);
    let (a, b) = (mocks.mock(seed, "a", &ladder()), mocks.mock(seed, "b", &ladder()));
    let start = mocks.snapshot();
    a.set_scenario("ladder", "two");
    mocks.get("b").unwrap().set_scenario("ladder", "one");
    assert_eq!((&*a.scenario("ladder"), &*b.scenario("ladder")), ("two", "one"));
    mocks.restore(&start);
    assert_eq!((&*a.scenario("ladder"), &*b.scenario("ladder")), ("Started", "Started"));
    assert_eq!(mocks.all().iter().map(|m| m.service().to_owned()).collect::<Vec<_>>(), ["a", "b"]);
    assert!(mocks.get("c").is_none());
}

/// The provider is outside: a crash of its node in the world is an outage, no loss of memory.
#[test]
fn what_a_mock_knows_survives_its_node() {
    let world = |sim: &mut Sim| {
        asking(&ladder(), vec![ask("POST /charge")], |_, _| {})(sim);
        sim.client("later", |ctx| async move {
            ctx.sleep(ms(2_000)).await;
            let seen = ask("POST /charge").send(ctx).await;
            ctx.record(seen);
            Ok::<(), String>(())
        });
    };
    let crash = Fault::Crash { node: "payment".into(), at: ms(50), lasts: Some(ms(500)) };
    let run = run(&world, &RunConfig::seed(1).plan(FaultPlan::new([crash])));
    expect![[r#"
        1.000 ms payment: scenario "ladder": Started -> one
        51.000 ms client: connection reset by peer
        2001.000 ms payment: scenario "ladder": one -> two
        2102.000 ms later: 200 two
    "#]]
    .assert_eq(&notes(&run));
}
