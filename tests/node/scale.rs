//! Scaling: replicas come and go while the world runs.

use stormglass::disk::OpenOptions;
use stormglass::journal::first_divergence;

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

/// Every fault of a node's process, machine or clock; `who-1` comes at 100 ms and goes at 200 ms.
fn node_faults(at: Duration) -> Vec<Fault> {
    let (node, lasts) = (|| "who-1".to_owned(), Some(ms(1)));
    let spaced = |n: u64| at + ms(n * 2);
    vec![
        Fault::Crash { node: node(), at: spaced(0), lasts },
        Fault::PowerLoss { node: node(), at: Some(spaced(1)), disk_op: None, lasts },
        Fault::Pause { node: node(), at: spaced(2), lasts },
        Fault::Stop { node: node(), at: spaced(3), lasts },
        Fault::Wipe { node: node(), at: spaced(4), lasts },
        Fault::Slow { node: node(), factor: 2.0, at: spaced(5), lasts },
        Fault::ClockStep { node: node(), at: spaced(6), by_ns: 1_000_000 },
        Fault::ClockDrift { node: node(), ppm: 50, at: spaced(7), lasts },
        Fault::ClockFreeze { node: node(), at: spaced(8), lasts },
    ]
}

fn coming_and_going(sim: &mut Sim) {
    sim.service("who", who).replicas_max(2);
    client(sim, |ctx| async move {
        ctx.sleep(ms(100)).await;
        ctx.scale("who", 2).unwrap();
        ctx.sleep(ms(100)).await;
        ctx.scale("who", 1).unwrap();
        ctx.sleep(ms(1_500)).await;
    });
}

#[test]
fn faults_strike_a_replica_while_it_is_there() {
    let run = run_with(node_faults(ms(150)), coming_and_going);
    assert_eq!(run.idle_faults(), [0; 0]);
}

/// Neither do they begin what is not there, nor does their end or the end of chaos.
#[test]
fn faults_of_a_replica_that_is_not_there_strike_nothing() {
    for at in [ms(50), ms(1_300)] {
        let faults = node_faults(at);
        let count = faults.len();
        let run = run_with(faults, coming_and_going);
        assert_eq!(run.idle_faults(), (0..count).collect::<Vec<_>>());
        assert!(run.tallies.iter().all(|tally| tally.opportunities == 0));
        let of_it = run.journal.events().filter(|event| event.node_name() == "who-1");
        let kinds: Vec<Kind> = of_it.map(|event| event.kind()).collect();
        let life = [Kind::Start, Kind::Spawn, Kind::Spawn, Kind::Note, Kind::Stop, Kind::Note];
        assert_eq!(kinds.iter().filter(|kind| **kind == Kind::Start).count(), 1, "{kinds:?}");
        assert!(kinds.iter().all(|kind| life.contains(kind)), "{kinds:?}");
    }
}

/// It is down when it is scaled away: the end of the outage brings nothing back.
#[test]
fn the_end_of_an_outage_starts_no_replica_that_was_scaled_away() {
    let world = |sim: &mut Sim| {
        sim.service("who", who).replicas(2);
        client(sim, |ctx| async move {
            ctx.sleep(ms(20)).await;
            ctx.scale("who", 1).unwrap();
            ctx.sleep(ms(100)).await;
        });
    };
    let crash = Fault::Crash { node: "who".into(), at: ms(10), lasts: Some(ms(50)) };
    check(
        [crash],
        world,
        expect![[r#"
            0.000 ms  who-0: starts
            0.000 ms  who-1: starts
            60.000 ms  who-0: starts
        "#]],
    );
}

/// It is killed before the end of its grace period, and that of its next life is its own.
#[test]
fn a_grace_period_ends_one_life_alone() {
    let world = |sim: &mut Sim| {
        sim.service("who", who).replicas(2);
        client(sim, |ctx| async move {
            ctx.scale("who", 1).unwrap();
            ctx.sleep(ms(500)).await;
            ctx.scale("who", 2).unwrap();
            ctx.sleep(ms(200)).await;
            ctx.scale("who", 1).unwrap();
            ctx.sleep(ms(600)).await;
            ctx.scale("who", 2).unwrap();
            ctx.sleep(ms(600)).await;
        });
    };
    let crash = Fault::Crash { node: "who-1".into(), at: ms(100), lasts: Some(ms(1)) };
    check(
        [crash],
        world,
        expect![[r#"
            0.000 ms  who-0: starts
            0.000 ms  who-1: starts
            0.000 ms  who-1: is asked to stop
            500.000 ms  who-1: starts
            700.000 ms  who-1: is asked to stop
            1700.000 ms  who-1: starts
        "#]],
    );
}

/// A cut around the service is one around the replica that joins it, and its disk is full already.
#[test]
fn faults_of_links_and_disks_meet_a_replica_when_it_comes() {
    let world = |sim: &mut Sim| {
        sim.service("who", |ctx: Ctx| {
            ctx.spawn(async move {
                let options = OpenOptions::new().write(true).create(true);
                let file = ctx.disk().open("log", options).await.unwrap();
                let wrote = file.write_all_at(b"x", 0).await;
                ctx.record(wrote.map_or_else(|e| e.kind().to_string(), |()| "wrote".to_owned()));
            });
            Router::new().route("/", get(|| async { "there" }))
        })
        .replicas_max(2);
        client(sim, |ctx| async move {
            ctx.sleep(ms(100)).await;
            ctx.scale("who", 2).unwrap();
            let call = ctx.http().get("http://who-1/").timeout(ms(20)).send().await;
            ctx.record(call.map_or_else(|e| e.to_string(), |answer| answer.text()));
            ctx.sleep(ms(200)).await;
        });
    };
    let cut = Fault::Partition {
        a: vec!["client".into()],
        b: vec!["who".into()],
        one_way: false,
        at: ms(50),
        lasts: Some(ms(100)),
    };
    let full = Fault::DiskFull { node: "who-1".into(), at: ms(50), lasts: Some(ms(100)) };
    check(
        [cut, full],
        world,
        expect![[r#"
            0.002 ms  who-0: wrote
            100.002 ms  who-1: no storage space
            120.000 ms  client: timed out after 20ms
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

/// Chaos knows the replicas that may come, and the same seed makes the same run.
#[test]
fn scaling_under_chaos_replays() {
    let world = |sim: &mut Sim| {
        sim.service("who", who).replicas(1).replicas_max(4);
        client(sim, |ctx| async move {
            for replicas in [3, 0, 4, 2, 1] {
                ctx.scale("who", replicas).unwrap();
                for _ in 0..4 {
                    let call = ctx.http().get("http://who/").timeout(ms(50));
                    ctx.record(call.send().await.is_ok());
                    ctx.sleep(ms(100)).await;
                }
            }
        });
    };
    let mut struck = std::collections::BTreeSet::new();
    for seed in 0..40 {
        let one = run(&world, &RunConfig::seed(seed));
        let again = run(&world, &RunConfig::seed(seed));
        assert!(one.verdict().holds(), "seed {seed}: {}\n{}", one.verdict(), one.plan);
        assert!(first_divergence(&one.journal, &again.journal).is_none(), "seed {seed}");
        let faults = one.plan.faults.iter().zip(&one.tallies);
        let hit = faults.filter(|(_, tally)| tally.hits > 0).filter_map(|(fault, _)| fault.node());
        struck.extend(hit.map(str::to_owned));
    }
    assert!(struck.contains("who-0") && struck.contains("who-3"), "{struck:?}");
}
