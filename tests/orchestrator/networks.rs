//! Who finds whom: networks, aliases, replicas; and the environment.

use expect_test::expect;

use super::*;

const TEXT: &str = "
networks: { front: {}, back: {} }
services:
  web: { networks: [front] }
  api: { networks: { front: {}, back: { aliases: [api.internal] } }, deploy: { replicas: 2 } }
  db: { networks: [back], container_name: postgres }
  alone: { network_mode: none }
";

/// What each service finds under a name.
fn asker(names: &'static [&'static str]) -> impl Fn(Ctx) -> futures::future::Pending<()> {
    move |ctx| {
        for name in names {
            let found = match ctx.lookup(name, 80) {
                Ok(_) => "found".to_owned(),
                Err(error) => error.to_string(),
            };
            ctx.record(format_args!("{name}: {found}"));
        }
        futures::future::pending()
    }
}

#[test]
fn a_service_finds_those_on_its_networks() {
    let names: &[&str] = &["web", "api", "api-1", "api.internal", "db", "postgres", "localhost"];
    let world = world(TEXT, move |system, sim| {
        for service in ["web", "api", "db", "alone"] {
            system.process(service, asker(names)).unwrap();
        }
        sim.client("test", move |ctx| {
            let all = asker(names)(ctx);
            async move {
                drop(all);
                Ok::<(), String>(())
            }
        });
    });
    let run = run(&world, &RunConfig::seed(1).plan(FaultPlan::default()));
    let notes = run.journal.of_kind(Kind::Note);
    let notes = notes.map(|e| format!("{}: {}\n", e.node_name(), e.text().unwrap()));
    expect![[r#"
        web: web: found
        web: api: found
        web: api-1: found
        web: api.internal: no service or node `api.internal` in this world
        web: db: `db` is on no network that `web` is on
        web: postgres: no service or node `postgres` in this world
        web: localhost: found
        api-0: web: found
        api-0: api: found
        api-0: api-1: found
        api-0: api.internal: found
        api-0: db: found
        api-0: postgres: found
        api-0: localhost: found
        api-1: web: found
        api-1: api: found
        api-1: api-1: found
        api-1: api.internal: found
        api-1: db: found
        api-1: postgres: found
        api-1: localhost: found
        db: web: `web` is on no network that `db` is on
        db: api: found
        db: api-1: found
        db: api.internal: found
        db: db: found
        db: postgres: found
        db: localhost: found
        alone: web: `web` is on no network that `alone` is on
        alone: api: `api` is on no network that `alone` is on
        alone: api-1: `api-1` is on no network that `alone` is on
        alone: api.internal: no service or node `api.internal` in this world
        alone: db: `db` is on no network that `alone` is on
        alone: postgres: no service or node `postgres` in this world
        alone: localhost: found
        test: web: found
        test: api: found
        test: api-1: found
        test: api.internal: found
        test: db: found
        test: postgres: found
        test: localhost: found
    "#]]
    .assert_eq(&notes.collect::<String>());
}

/// A call ends where the name does.
#[test]
fn a_call_to_another_network_finds_nobody() {
    let world = world(TEXT, |system, sim| {
        system
            .process("web", |ctx| async move {
                let answer = ctx.http().get("http://db/health").send().await;
                ctx.record(
                    answer.map_or_else(|error| error.to_string(), |_| "answered".to_owned()),
                );
                std::future::pending::<()>().await;
            })
            .unwrap();
        system
            .process("api", |ctx| async move {
                let answer = ctx.http().get("http://postgres/health").send().await;
                ctx.record(
                    answer.map_or_else(|error| error.to_string(), |_| "answered".to_owned()),
                );
                std::future::pending::<()>().await;
            })
            .unwrap();
        system.service("db", healthy).unwrap();
        system.process("alone", |_| std::future::pending::<()>()).unwrap();
        waits(sim, 100);
    });
    let run = run(&world, &RunConfig::seed(1).plan(FaultPlan::default()));
    let notes = run.journal.of_kind(Kind::Note);
    let notes = notes.map(|e| format!("{}: {}\n", e.node_name(), e.text().unwrap()));
    expect![[r#"
        web: `db` is on no network that `web` is on
        api-0: answered
        api-1: answered
    "#]]
    .assert_eq(&notes.collect::<String>());
}

#[test]
fn none_are_started_of_a_service_without_replicas() {
    let text =
        "services: { web: { deploy: { replicas: 0 } }, api: { depends_on: [web], scale: 3 } }";
    let world = world(text, |system, _| {
        system.service("web", healthy).unwrap();
        system.service("api", healthy).unwrap();
    });
    let run = run(&world, &RunConfig::seed(1).plan(FaultPlan::default()));
    assert!(run.verdict().holds(), "{}", run.verdict());
    let starts = run.journal.of_kind(Kind::Start).map(|e| e.node_name()).collect::<Vec<_>>();
    assert_eq!(starts, ["api-0", "api-1", "api-2"]);
}

/// Programs ask the operating system for it.
#[cfg(all(madsim, target_os = "linux", target_env = "gnu"))]
#[test]
fn a_program_has_the_environment_of_the_file() {
    let text = "
services:
  shop:
    environment: { PORT: 8080, GREETING: '${WORD:-hello}', EMPTY: '' }
    healthcheck: { test: 'curl -f http://localhost:8080/', interval: 50ms }
";
    let world = world(text, |system, sim| {
        system
            .program("shop", || async {
                let port = std::env::var("PORT").unwrap();
                assert_eq!(std::env::var("EMPTY").as_deref(), Ok(""));
                assert!(std::env::var("HOME").is_err());
                let greeting = std::env::var("GREETING").unwrap();
                let app = Router::new().route("/", get(|| async { greeting }));
                let listener =
                    tokio::net::TcpListener::bind(format!("0.0.0.0:{port}")).await.unwrap();
                axum::serve(listener, app).await
            })
            .unwrap();
        sim.client("shopper", |ctx| async move {
            let answer = ctx.http().get("http://shop:8080/").send().await?;
            ctx.record(answer.text());
            Ok::<(), HttpError>(())
        });
        sim.sometimes("it is greeted", |view| view.recorded("hello") == 1);
    });
    let run = run(&world, &RunConfig::seed(1).plan(FaultPlan::default()));
    assert!(run.outcomes.iter().all(|o| o.verdict.holds()), "{:?}", run.outcomes);
}

/// What returns an error has failed, and its policy acts.
#[cfg(all(madsim, target_os = "linux", target_env = "gnu"))]
#[test]
fn a_program_that_returns_an_error_is_started_again() {
    let world = world("services: { job: { restart: 'on-failure:2' } }", |system, sim| {
        system
            .program("job", || async {
                tokio::time::sleep(ms(10)).await;
                Err::<(), _>("no")
            })
            .unwrap();
        waits(sim, 600);
    });
    check(
        &world,
        [],
        expect![[r#"
        0.000 ms  job start
        0.000 ms  job is running
        0.000 ms  world all services are ready
        0.000 ms  waits start
        10.000 ms  job note: exits: "no"
        10.000 ms  job is down: it has returned an error
        10.000 ms  job restarts: in 100.000 ms (on-failure:2, restart 1)
        110.000 ms  job start
        110.000 ms  job is running
        120.000 ms  job note: exits: "no"
        120.000 ms  job is down: it has returned an error
        120.000 ms  job restarts: in 200.000 ms (on-failure:2, restart 2)
        320.000 ms  job start
        320.000 ms  job is running
        330.000 ms  job note: exits: "no"
        330.000 ms  job is down: it has returned an error
        330.000 ms  job stays down: restart: on-failure:2
        600.000 ms  world heal
        600.000 ms  job start
        600.000 ms  job is running
    "#]],
    );
}
