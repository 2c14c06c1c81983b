//! Health checks in virtual time, what they ask, and what is known of it.

use expect_test::expect;
use stormglass::orchestrator::{HealthReport, all_healthy, recovers_within};

use super::*;

/// Sick from 1 s to 2 s of its life.
fn sick_for_a_while(ctx: Ctx) -> Router {
    let started = ctx.clock().now();
    let answer = move || async move {
        let age = ctx.clock().now().since(started);
        match (ms(1_000)..ms(2_000)).contains(&age) {
            true => StatusCode::INTERNAL_SERVER_ERROR,
            false => StatusCode::OK,
        }
    };
    Router::new().route("/health", get(answer))
}

/// Three failures 200 ms apart make it unhealthy; one success makes it healthy again.
#[test]
fn a_service_becomes_unhealthy_and_recovers() {
    let text = "
services:
  web: { healthcheck: { test: curl -f http://localhost/health, interval: 200ms, timeout: 50ms } }
";
    let world = world(text, |system, sim| {
        system.service("web", sick_for_a_while).unwrap();
        waits(sim, 2_500);
        sim.sometimes("it is seen to be sick", |view| {
            HealthReport::of(view).unwell().any(|(node, _)| node == "web")
        });
    });
    let run = check(
        &world,
        [],
        expect![[r#"
            0.000 ms  web start
            0.000 ms  web is starting
            200.040 ms  web is healthy
            200.040 ms  world all services are ready
            200.040 ms  waits start
            1400.280 ms  web is unhealthy: 3 checks have failed, the last: status 500 Internal Server Error
            2000.400 ms  web has recovered
            2700.040 ms  world heal
        "#]],
    );
    assert!(run.outcomes.iter().all(|o| o.verdict.holds()), "{:?}", run.outcomes);
}

/// A paused process does not answer: each check fails at its timeout.
#[test]
fn a_check_of_a_paused_container_takes_too_long() {
    let text = "
services:
  web: { healthcheck: { test: curl -f http://localhost/health, interval: 100ms, timeout: 50ms, retries: 2 } }
";
    let world = world(text, |system, sim| {
        system.service("web", healthy).unwrap();
        waits(sim, 1_000);
        sim.eventually("all is well", all_healthy);
    });
    let pause = Fault::Pause { node: "web".into(), at: ms(250), lasts: Some(ms(500)) };
    check(
        &world,
        [pause],
        expect![[r#"
            0.000 ms  web start
            0.000 ms  web is starting
            100.040 ms  web is healthy
            100.040 ms  world all services are ready
            100.040 ms  waits start
            500.080 ms  web is unhealthy: 2 checks have failed, the last: it took too long
            750.000 ms  world fault_end
            750.120 ms  web has recovered
            1100.040 ms  world heal
        "#]],
    );
}

/// A process that listens, one that does not, and one whose health the world asks for itself.
#[test]
fn ports_and_probes_are_asked() {
    let text = "
services:
  open: { expose: [5432], healthcheck: { test: pg_isready, interval: 100ms } }
  shut: { healthcheck: { test: nc -z localhost 5432, interval: 100ms, retries: 1 } }
  own: { healthcheck: { test: ./health.sh, interval: 100ms, retries: 1 } }
  unnamed: { healthcheck: { test: ./health.sh, interval: 100ms } }
";
    let world = move |sim: &mut Sim| {
        let mut system = system(text);
        system
            .process("open", |ctx| async move {
                let listener = ctx.listen(5432).unwrap();
                while listener.accept().await.is_ok() {}
            })
            .unwrap();
        system.process("shut", |_| std::future::pending::<()>()).unwrap();
        system.process("own", |_| std::future::pending::<()>()).unwrap();
        system.process("unnamed", |_| std::future::pending::<()>()).unwrap();
        system.probe("own", |_| async { Err("not yet") }).unwrap();
        system.clients_start_at_once();
        let warnings = system.install(sim).unwrap();
        let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
        expect![[r#"
            compose.yml:3: `pg_isready` cannot run in a simulation: the check is that the service takes connections
            compose.yml:5: `./health.sh` cannot run in a simulation: the check is that the service takes connections
            compose.yml:6: `./health.sh` cannot run in a simulation: the check is that the service takes connections
            compose.yml:6: the file names no port of `unnamed`: its health check is that its process runs"#]].assert_eq(&warnings.join("\n"));
        waits(sim, 150);
    };
    check(
        &world,
        [],
        expect![[r#"
        0.000 ms  waits start
        0.000 ms  open start
        0.000 ms  open is starting
        0.000 ms  shut start
        0.000 ms  shut is starting
        0.000 ms  own start
        0.000 ms  own is starting
        0.000 ms  unnamed start
        0.000 ms  unnamed is starting
        100.000 ms  own is unhealthy: a check has failed: not yet
        100.000 ms  unnamed is healthy
        100.040 ms  open is healthy
        100.040 ms  shut is unhealthy: a check has failed: connection refused
        150.000 ms  world heal
    "#]],
    );
}

/// The one that stays down under its policy is there again when chaos has ended.
#[test]
fn recovery_is_a_property() {
    let text = "
services:
  web: { restart: always, healthcheck: { test: curl -f http://localhost/health, interval: 100ms } }
  db: { healthcheck: { test: curl -f http://localhost/health, interval: 3s } }
";
    let verdict = |limit: u64| {
        let world = world(text, move |system, sim| {
            system.service("web", healthy).unwrap();
            system.service("db", healthy).unwrap();
            waits(sim, 500);
            sim.eventually("all is well", all_healthy);
            sim.check("all recover in time", recovers_within(ms(limit)));
        });
        let crash = |node: &str| Fault::Crash { node: node.into(), at: ms(3_200), lasts: None };
        let plan = FaultPlan { faults: vec![crash("web"), crash("db")], ..FaultPlan::default() };
        run(&world, &RunConfig::seed(3).plan(plan)).verdict().to_string()
    };
    assert_eq!(verdict(10_000), "holds");
    expect!["violated: all recover in time: db is down from 3200.000 ms to 6500.080 ms"]
        .assert_eq(&verdict(1_000));
}
