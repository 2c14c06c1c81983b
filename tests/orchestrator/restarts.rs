//! Who starts a container again, and when: exact virtual times.

use expect_test::expect;
use stormglass::orchestrator::all_healthy;

use super::*;

/// A process that fails 10 ms after its start, for so often; then it stays.
fn failing(
    times: u32,
) -> impl Fn(Ctx) -> std::pin::Pin<Box<dyn Future<Output = Result<(), String>>>> {
    let lives = std::rc::Rc::new(std::cell::Cell::new(0));
    move |ctx| {
        let life = lives.replace(lives.get() + 1);
        Box::pin(async move {
            if life < times {
                ctx.sleep(ms(10)).await;
                return Err(format!("life {life}"));
            }
            std::future::pending().await
        })
    }
}

#[test]
fn the_backoff_doubles() {
    let world = world("services: { job: { restart: on-failure } }", |system, sim| {
        system.process("job", failing(4)).unwrap();
        waits(sim, 2_000);
        sim.eventually("all is well", all_healthy);
    });
    check(
        &world,
        [],
        expect![[r#"
        0.000 ms  job start
        0.000 ms  job is running
        0.000 ms  world all services are ready
        0.000 ms  waits start
        10.000 ms  job note: exits: "life 0"
        10.000 ms  job is down: it has returned an error
        10.000 ms  job restarts: in 100.000 ms (on-failure, restart 1)
        110.000 ms  job start
        110.000 ms  job is running
        120.000 ms  job note: exits: "life 1"
        120.000 ms  job is down: it has returned an error
        120.000 ms  job restarts: in 200.000 ms (on-failure, restart 2)
        320.000 ms  job start
        320.000 ms  job is running
        330.000 ms  job note: exits: "life 2"
        330.000 ms  job is down: it has returned an error
        330.000 ms  job restarts: in 400.000 ms (on-failure, restart 3)
        730.000 ms  job start
        730.000 ms  job is running
        740.000 ms  job note: exits: "life 3"
        740.000 ms  job is down: it has returned an error
        740.000 ms  job restarts: in 800.000 ms (on-failure, restart 4)
        1540.000 ms  job start
        1540.000 ms  job is running
        2000.000 ms  world heal
    "#]],
    );
}

#[test]
fn after_so_many_failures_it_stays_down_until_chaos_ends() {
    let world = world("services: { job: { restart: 'on-failure:1' } }", |system, sim| {
        system.process("job", failing(2)).unwrap();
        waits(sim, 500);
    });
    check(
        &world,
        [],
        expect![[r#"
        0.000 ms  job start
        0.000 ms  job is running
        0.000 ms  world all services are ready
        0.000 ms  waits start
        10.000 ms  job note: exits: "life 0"
        10.000 ms  job is down: it has returned an error
        10.000 ms  job restarts: in 100.000 ms (on-failure:1, restart 1)
        110.000 ms  job start
        110.000 ms  job is running
        120.000 ms  job note: exits: "life 1"
        120.000 ms  job is down: it has returned an error
        120.000 ms  job stays down: restart: on-failure:1
        500.000 ms  world heal
        500.000 ms  job start
        500.000 ms  job is running
    "#]],
    );
}

/// Under `no` and `on-failure` a job that is done is done, also when chaos ends; under `always` not.
#[test]
fn what_is_done_is_not_done_again() {
    let text = "services: { once: { restart: on-failure }, again: { restart: always } }";
    let world = world(text, |system, sim| {
        system.process("once", |ctx| async move { ctx.sleep(ms(20)).await }).unwrap();
        system.process("again", |ctx| async move { ctx.sleep(ms(20)).await }).unwrap();
        waits(sim, 200);
    });
    check(
        &world,
        [],
        expect![[r#"
        0.000 ms  again start
        0.000 ms  again is running
        0.000 ms  once start
        0.000 ms  once is running
        0.000 ms  world all services are ready
        0.000 ms  waits start
        20.000 ms  again has completed
        20.000 ms  again restarts: in 100.000 ms (always, restart 1)
        20.000 ms  once has completed
        120.000 ms  again start
        120.000 ms  again is running
        140.000 ms  again has completed
        140.000 ms  again restarts: in 200.000 ms (always, restart 2)
        200.000 ms  world heal
        200.000 ms  again start
        200.000 ms  again is running
    "#]],
    );
}

/// A panic is a crash by itself.
#[test]
fn what_panics_is_started_again() {
    let world = world("services: { web: { restart: unless-stopped } }", |system, sim| {
        sim.may_panic();
        system
            .process("web", |ctx| async move {
                if ctx.clock().now().as_nanos() == 0 {
                    ctx.sleep(ms(5)).await;
                    panic!("a bug");
                }
                std::future::pending::<()>().await;
            })
            .unwrap();
        waits(sim, 200);
    });
    check(
        &world,
        [],
        expect![[r#"
        0.000 ms  web start
        0.000 ms  web is running
        0.000 ms  world all services are ready
        0.000 ms  waits start
        5.000 ms  web crash
        5.000 ms  web is down
        5.000 ms  web restarts: in 100.000 ms (unless-stopped, restart 1)
        105.000 ms  web start
        105.000 ms  web is running
        200.000 ms  world heal
    "#]],
    );
}

fn crash(at: u64, lasts: Option<u64>) -> Fault {
    Fault::Crash { node: "web".into(), at: ms(at), lasts: lasts.map(ms) }
}

/// The policy waits for the end of a fault that has one: a script means what it says.
#[test]
fn a_fault_with_an_end_starts_what_it_took_down() {
    let world = world("services: { web: { restart: always } }", |system, sim| {
        system.service("web", healthy).unwrap();
        waits(sim, 1_000);
    });
    check(
        &world,
        [crash(100, Some(500))],
        expect![[r#"
        0.000 ms  web start
        0.000 ms  web is running
        0.000 ms  world all services are ready
        0.000 ms  waits start
        100.000 ms  web crash
        100.000 ms  web is down
        600.000 ms  world fault_end
        600.000 ms  web start
        600.000 ms  web is running
        1000.000 ms  world heal
    "#]],
    );
}

#[test]
fn a_crash_without_an_end_is_the_policys() {
    let text = "services: { web: { restart: always } }";
    let world = world(text, |system, sim| {
        system.service("web", healthy).unwrap();
        waits(sim, 1_000);
    });
    check(
        &world,
        [crash(100, None)],
        expect![[r#"
        0.000 ms  web start
        0.000 ms  web is running
        0.000 ms  world all services are ready
        0.000 ms  waits start
        100.000 ms  web crash
        100.000 ms  web is down
        100.000 ms  web restarts: in 100.000 ms (always, restart 1)
        200.000 ms  web start
        200.000 ms  web is running
        1000.000 ms  world heal
        1000.000 ms  world fault_end
    "#]],
    );
}

/// A power loss ends a restart that is due: the machine is off.
#[test]
fn without_power_nothing_restarts() {
    let world = world("services: { web: { restart: always } }", |system, sim| {
        sim.may_panic();
        system
            .process("web", |ctx| async move {
                ctx.sleep(ms(100)).await;
                assert!(ctx.clock().now() > ms(500).into(), "a bug");
                std::future::pending::<()>().await;
            })
            .unwrap();
        waits(sim, 1_000);
    });
    let loss = Fault::PowerLoss {
        node: "web".into(),
        at: Some(ms(150)),
        disk_op: None,
        lasts: Some(ms(400)),
    };
    check(
        &world,
        [loss],
        expect![[r#"
        0.000 ms  web start
        0.000 ms  web is running
        0.000 ms  world all services are ready
        0.000 ms  waits start
        100.000 ms  web crash
        100.000 ms  web is down
        100.000 ms  web restarts: in 100.000 ms (always, restart 1)
        150.000 ms  web is down
        550.000 ms  world fault_end
        550.000 ms  web start
        550.000 ms  web is running
        1000.000 ms  world heal
    "#]],
    );
}

#[test]
fn under_no_a_crash_lasts_until_chaos_ends() {
    let world = world("services: { web: {} }", |system, sim| {
        system.service("web", healthy).unwrap();
        waits(sim, 1_000);
    });
    check(
        &world,
        [crash(100, None)],
        expect![[r#"
        0.000 ms  web start
        0.000 ms  web is running
        0.000 ms  world all services are ready
        0.000 ms  waits start
        100.000 ms  web crash
        100.000 ms  web is down
        100.000 ms  web stays down: restart: no
        1000.000 ms  world heal
        1000.000 ms  world fault_end
        1000.000 ms  web start
        1000.000 ms  web is running
    "#]],
    );
}

/// A container that has not been let start yet cannot be crashed, and a fault's end starts it not.
#[test]
fn a_fault_of_a_waiting_container_does_not_strike() {
    let text = "
services:
  web: { depends_on: { db: { condition: service_healthy } } }
  db: { healthcheck: { test: curl -f http://localhost/, interval: 300ms } }
";
    let world = world(text, |system, sim| {
        system.service("web", healthy).unwrap();
        system.service("db", || Router::new().route("/", get(|| async { "fine" }))).unwrap();
        waits(sim, 100);
    });
    let run = check(
        &world,
        [crash(100, Some(100))],
        expect![[r#"
        0.000 ms  web waits
        0.000 ms  db start
        0.000 ms  db is starting
        200.000 ms  world fault_end
        300.040 ms  db is healthy
        300.040 ms  web may start: level 1, db is healthy
        300.040 ms  web start
        300.040 ms  web is running
        300.040 ms  world all services are ready
        300.040 ms  waits start
        400.040 ms  world heal
    "#]],
    );
    assert_eq!(run.tallies[0].hits, 0);
}
