//! Faults of replicas that come and go.

use stormglass::disk::OpenOptions;
use stormglass::journal::first_divergence;

use super::*;

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
