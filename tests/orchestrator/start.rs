//! The order of the start: gates, deadlines, clients.

use expect_test::expect;
use stormglass::orchestrator::{StartReport, all_healthy};

use super::*;

const CHAIN: &str = "
services:
  web: { depends_on: { api: { condition: service_healthy }, migrate: { condition: service_started } } }
  api:
    depends_on: { db: { condition: service_healthy }, migrate: { condition: service_completed_successfully } }
    healthcheck: { test: curl -f http://localhost/health, interval: 100ms, timeout: 50ms }
  migrate: { depends_on: [db] }
  db: { healthcheck: { test: [CMD, wget, -q, 'http://localhost:5432/health'], interval: 100ms } }
";

fn chain(system: &mut ServiceTestOrchestrator, sim: &mut Sim) {
    system.service("web", healthy).unwrap();
    system.service("api", healthy_after(ms(150))).unwrap();
    system.process("migrate", |ctx| async move { ctx.sleep(ms(30)).await }).unwrap();
    system.service("db", healthy).unwrap();
    sim.client("shopper", |ctx| async move {
        ctx.record("begins");
        ctx.http().get("http://web/health").send().await.map(|_| ())
    });
    sim.eventually("all is well", all_healthy);
}

/// A check comes 100 ms after the one before has ended, which takes two loopbacks of 20 us.
#[test]
fn each_service_starts_when_its_dependencies_are_met() {
    let run = check(
        &world(CHAIN, chain),
        [],
        expect![[r#"
        0.000 ms  web waits
        0.000 ms  api waits
        0.000 ms  migrate waits
        0.000 ms  db start
        0.000 ms  db is starting
        0.000 ms  migrate may start: level 1, db has started
        0.000 ms  migrate start
        0.000 ms  migrate is running
        30.000 ms  migrate has completed
        100.040 ms  db is healthy
        100.040 ms  api may start: level 2, db is healthy, migrate has completed
        100.040 ms  api start
        100.040 ms  api is starting
        300.120 ms  api is healthy
        300.120 ms  web may start: level 3, api is healthy, migrate has started
        300.120 ms  web start
        300.120 ms  web is running
        300.120 ms  world all services are ready
        300.120 ms  shopper start
        300.120 ms  shopper note: begins
        302.120 ms  world heal
    "#]],
    );
    assert!(run.verdict().holds(), "{}", run.verdict());
}

#[test]
fn the_report_has_levels_and_times() {
    let world = world(CHAIN, |system, sim| {
        chain(system, sim);
        sim.sometimes("the report is as it is", |view| {
            let Some(report) = StartReport::of(view).filter(|r| r.complete.is_some()) else {
                return false;
            };
            assert_eq!(report.levels(), [vec!["db"], vec!["migrate"], vec!["api"], vec!["web"]]);
            let times = report.services.iter().map(|s| s.time_to_ready().unwrap().as_millis());
            assert_eq!(times.collect::<Vec<_>>(), [0, 200, 0, 100]);
            true
        });
    });
    let run = run(&world, &RunConfig::seed(1).plan(FaultPlan::default()));
    assert!(run.verdict().holds(), "{}", run.verdict());
    let seen = run.outcomes.iter().find(|o| o.property == "the report is as it is").unwrap();
    assert!(seen.verdict.holds());
}

/// What fails its checks holds up who waits for it, and the witness says so.
#[test]
fn a_start_that_takes_too_long_says_who_waits_for_whom() {
    let text = "
services:
  orders: { depends_on: { payment: { condition: service_healthy } } }
  payment: { healthcheck: { test: curl -f http://localhost/health, interval: 2s, retries: 3 } }
  report: { depends_on: { job: { condition: service_completed_successfully } } }
  job: {}
";
    let world = world(text, |system, _| {
        system.service("orders", healthy).unwrap();
        system.service("payment", healthy_after(ms(60_000))).unwrap();
        system.service("report", healthy).unwrap();
        system.process("job", |_| async { Err("no table") }).unwrap();
        system.start_deadline(ms(5_000));
    });
    let run = run(&world, &RunConfig::seed(1).plan(FaultPlan::default()));
    expect!["unknown: all services start in time: not all services are ready yet"]
        .assert_eq(&run.verdict().to_string());
}

/// Chaos strikes while the system starts: whatever it does, nothing starts before its time.
#[test]
fn no_storm_starts_a_service_before_its_dependencies() {
    let text = "
services:
  web: { deploy: { replicas: 2 }, depends_on: { api: { condition: service_healthy } } }
  api:
    restart: always
    depends_on: { db: { condition: service_healthy } }
    healthcheck: &check { test: curl -f http://localhost/health, interval: 100ms, timeout: 50ms, retries: 2 }
  db: { restart: always, healthcheck: *check }
";
    let world = world(text, |system, sim| {
        system.service("web", healthy).unwrap();
        system.service("api", healthy_after(ms(200))).unwrap();
        system.service("db", healthy_after(ms(300))).unwrap();
        waits(sim, 3_000);
        sim.eventually("all is well", all_healthy);
    });
    let mut struck = 0;
    for seed in 0..60 {
        let run = run(&world, &RunConfig::seed(seed));
        assert!(run.verdict().holds(), "seed {seed}: {}\n{}", run.verdict(), run.plan);
        let first = |kind: Kind, node: &str, what: &[&str]| {
            let mut events = run.journal.of_kind(kind).filter(|e| e.node_name() == node);
            events.find(|e| what.is_empty() || what.contains(&e.symbol())).unwrap().id()
        };
        // One that was found to be sick before it was ever healthy has recovered.
        let well = |node| first(Kind::Container, node, &["is healthy", "has recovered"]);
        for web in ["web-0", "web-1"] {
            assert!(well("api") < first(Kind::Start, web, &[]), "seed {seed}");
        }
        assert!(well("db") < first(Kind::Start, "api", &[]), "seed {seed}");
        struck += u32::from(run.tallies.iter().any(|tally| tally.hits > 0));
        let again = super::run(&world, &RunConfig::seed(seed));
        assert_eq!(run.fingerprint(), again.fingerprint(), "seed {seed}");
    }
    assert!(struck > 15, "{struck}");
}

#[test]
fn clients_may_start_at_once() {
    let world = world(CHAIN, |system, sim| {
        chain(system, sim);
        system.clients_start_at_once();
    });
    let run = run(&world, &RunConfig::seed(1).plan(FaultPlan::default()));
    let begins = run.journal.of_kind(Kind::Note).find(|e| e.text() == Some("begins")).unwrap();
    assert_eq!(begins.at().as_nanos(), 0);
}

#[test]
fn profiles_say_who_is_there() {
    let text = "
services:
  web: {}
  debug: { profiles: [dev], depends_on: [web] }
";
    let members = |profiles: &'static [&'static str]| {
        let world = world(text, move |system, _| {
            system.profiles(profiles.iter().copied());
            system.service("web", healthy).unwrap();
            system.service("debug", healthy).unwrap();
        });
        let run = run(&world, &RunConfig::seed(1).plan(FaultPlan::default()));
        run.topology.members.into_iter().map(|m| m.name).collect::<Vec<_>>()
    };
    assert_eq!(members(&[]), ["web"]);
    assert_eq!(members(&["dev"]), ["web", "debug"]);
    assert_eq!(members(&["*"]), ["web", "debug"]);
}

/// Said before the world runs, all at once.
#[test]
fn services_that_nobody_has_said_anything_of_are_named() {
    #[track_caller]
    fn refused(describe: impl Fn(&mut ServiceTestOrchestrator), expect: Expect) {
        let error = std::cell::RefCell::new(String::new());
        let world = |sim: &mut Sim| {
            let mut system = system("services:\n  web: {}\n  api: {}\n\n  db: {}\n");
            describe(&mut system);
            *error.borrow_mut() = system.install(sim).unwrap_err().to_string();
        };
        run(&world, &RunConfig::seed(1).plan(FaultPlan::default()));
        expect.assert_eq(&error.into_inner());
    }
    refused(
        |system| _ = system.service("api", healthy).unwrap(),
        expect![
            "compose.yml:2: nobody has said what these services do: `web` (line 2), `db` (line 5)"
        ],
    );
    let mut system = system("services: { web: {} }");
    system.service("web", healthy).unwrap();
    let twice = system.service("web", healthy).unwrap_err();
    expect!["`web` has been said twice what it does"].assert_eq(&twice.to_string());
    let unknown = system.service("wep", healthy).unwrap_err();
    expect!["compose.yml has no service `wep`; did you mean `web`?"]
        .assert_eq(&unknown.to_string());
}
