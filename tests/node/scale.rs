//! Scaling: replicas come and go while the world runs.

mod faults;

use stormglass::disk::OpenOptions;

use super::*;

/// Answers with its name, says when it starts and when it is asked to stop.
fn who(ctx: Ctx) -> Router {
    ctx.record("starts");
    ctx.spawn(async move {
        ctx.stopping().await;
        ctx.record("is asked to stop");
    });
    Router::new().route("/", get(move || async move { ctx.name() }))
}

/// Asks so many times, and records who answered.
async fn ask(ctx: Ctx, name: &str, times: u32) {
    let mut answers = Vec::new();
    for _ in 0..times {
        answers.push(match ctx.http().get(&format!("http://{name}")).send().await {
            Ok(answer) => answer.text(),
            Err(error) => error.to_string(),
        });
    }
    ctx.record(answers.join(" "));
}

#[test]
fn more_replicas_start_anew_and_are_called_at_once() {
    let world = |sim: &mut Sim| {
        sim.service("who", who).replicas(2).replicas_max(4);
        client(sim, |ctx| async move {
            ask(ctx, "who", 3).await;
            ctx.scale("who", 4).unwrap();
            ask(ctx, "who", 4).await;
            ask(ctx, "who-3", 1).await;
        });
    };
    check(
        [],
        world,
        expect![[r#"
            0.000 ms  who-0: starts
            0.000 ms  who-1: starts
            6.000 ms  client: who-0 who-1 who-0
            6.000 ms  who-2: starts
            6.000 ms  who-3: starts
            14.000 ms  client: who-3 who-0 who-1 who-2
            16.000 ms  client: who-3
        "#]],
    );
}

/// As at any graceful stop, what is open may finish; what does not within 1 s is killed.
#[test]
fn fewer_replicas_stop_in_good_order_the_last_one_first() {
    let slow = |ctx: Ctx| {
        let answer = move || async move {
            ctx.sleep(ms(50)).await;
            ctx.name()
        };
        who(ctx).route("/slow", get(answer))
    };
    let world = move |sim: &mut Sim| {
        sim.service("who", slow).replicas(3);
        client(sim, |ctx| async move {
            let open = ctx.spawn(ask(ctx, "who-2/slow", 1));
            ctx.sleep(ms(10)).await;
            ctx.scale("who", 1).unwrap();
            ask(ctx, "who", 3).await;
            ask(ctx, "who-1", 1).await;
            open.await.unwrap();
            ctx.sleep(ms(2_000)).await;
            ask(ctx, "who-2", 1).await;
        });
    };
    check(
        [],
        world,
        expect![[r#"
            0.000 ms  who-0: starts
            0.000 ms  who-1: starts
            0.000 ms  who-2: starts
            10.000 ms  who-2: is asked to stop
            10.000 ms  who-1: is asked to stop
            16.000 ms  client: who-0 who-0 who-0
            18.000 ms  client: connection refused
            52.000 ms  client: who-2
            2054.000 ms  client: connection refused
        "#]],
    );
}

/// A counter that keeps on its disk how often it was started, and in memory how often it was asked.
#[test]
fn a_replica_that_comes_back_has_its_disk_and_no_memory() {
    let world = |sim: &mut Sim| {
        sim.process("counter", |ctx| async move {
            let disk = ctx.disk();
            let options = OpenOptions::new().read(true).write(true).create(true);
            let file = disk.open("starts", options).await.unwrap();
            let starts = file.len().await.unwrap();
            file.write_all_at(b"x", starts).await.unwrap();
            ctx.record(format_args!("starts with {starts} on its disk"));
            pending::<()>().await;
        })
        .replicas(2);
        client(sim, |ctx| async move {
            ctx.sleep(ms(10)).await;
            ctx.scale("counter", 1).unwrap();
            ctx.sleep(ms(1_500)).await;
            ctx.scale("counter", 2).unwrap();
            ctx.sleep(ms(10)).await;
        });
    };
    check(
        [],
        world,
        expect![[r#"
            0.003 ms  counter-0: starts with 0 on its disk
            0.003 ms  counter-1: starts with 0 on its disk
            1510.003 ms  counter-1: starts with 1 on its disk
        "#]],
    );
}

/// There are never two processes of one name: the old one has its time to end.
#[test]
fn a_replica_that_is_still_stopping_comes_back_when_it_has_stopped() {
    let world = |sim: &mut Sim| {
        sim.service("who", who).replicas(2);
        client(sim, |ctx| async move {
            ctx.scale("who", 1).unwrap();
            ctx.sleep(ms(100)).await;
            ctx.scale("who", 2).unwrap();
            ask(ctx, "who-1", 1).await;
            ctx.sleep(ms(1_000)).await;
            ask(ctx, "who-1", 1).await;
        });
    };
    check(
        [],
        world,
        expect![[r#"
            0.000 ms  who-0: starts
            0.000 ms  who-1: starts
            0.000 ms  who-1: is asked to stop
            102.000 ms  client: connection refused
            1000.000 ms  who-1: starts
            1104.000 ms  client: who-1
        "#]],
    );
}

#[test]
fn a_service_without_replicas_refuses() {
    let world = |sim: &mut Sim| {
        sim.service("who", who);
        client(sim, |ctx| async move {
            ctx.scale("who", 0).unwrap();
            ask(ctx, "who", 2).await;
            ctx.sleep(ms(1_500)).await;
            ctx.scale("who", 1).unwrap();
            ask(ctx, "who", 2).await;
        });
    };
    check(
        [],
        world,
        expect![[r#"
            0.000 ms  who: starts
            0.000 ms  who: is asked to stop
            4.000 ms  client: connection refused connection refused
            1504.000 ms  who: starts
            1508.000 ms  client: who who
        "#]],
    );
}

#[test]
fn what_cannot_be_scaled_is_refused_with_a_suggestion() {
    let world = |sim: &mut Sim| {
        sim.service("inventory", who).replicas(2);
        sim.service("payment", who);
        client(sim, |ctx| async move {
            let wrong = [
                ("invetory", 1),
                ("inventory-1", 1),
                ("client", 2),
                ("inventory", 3),
                ("payment", 5),
            ];
            for (name, replicas) in wrong {
                ctx.record(ctx.scale(name, replicas).unwrap_err());
            }
            ask(ctx, "inventory", 2).await;
        });
    };
    check(
        [],
        world,
        expect![[r#"
            0.000 ms  inventory-0: starts
            0.000 ms  inventory-1: starts
            0.000 ms  payment: starts
            0.000 ms  client: no service `invetory` in this world; did you mean `inventory`?
            0.000 ms  client: `inventory-1` is one replica: scale `inventory`
            0.000 ms  client: `client` is a client; only services and processes are scaled
            0.000 ms  client: `inventory` has at most 2 replicas; to have more, declare it with `.replicas_max(3)`
            0.000 ms  client: `payment` has at most 1 replica; to have more, declare it with `.replicas_max(5)`
            4.000 ms  client: inventory-0 inventory-1
        "#]],
    );
}

#[test]
fn the_story_tells_who_scaled_what() {
    let run = run_with([], |sim| {
        sim.process("worker", |_| pending()).replicas(2);
        client(sim, |ctx| async move {
            ctx.sleep(ms(5)).await;
            ctx.scale("worker", 1).unwrap();
            ctx.sleep(ms(1_500)).await;
            ctx.scale("worker", 2).unwrap();
            ctx.sleep(ms(5)).await;
        });
    });
    expect![[r#"
        time             node      what
               5.000 ms  client    scales worker to 1
               5.000 ms  worker-1  stops
            1505.000 ms  client    scales worker to 2
            1505.000 ms  worker-1  starts
            1510.000 ms  world     chaos ends, all is healed
            1510.000 ms  world     the world ends: finished
    "#]]
    .assert_eq(&run.journal.story().to_string());
    let scale = run.journal.of_kind(Kind::Scale).next().unwrap();
    let stop = run.journal.of_kind(Kind::Stop).next().unwrap();
    assert_eq!(stop.cause(), scale.id());
}
