//! Which task runs next, and which of two actions of the same instant comes first.

use stormglass::kernel::Scheduling;

use super::*;

#[test]
fn timers_of_one_instant_fire_in_the_order_in_which_they_were_set() {
    check(
        |ctx| async move {
            let tasks = [3, 1, 2].map(|n| {
                ctx.spawn(async move {
                    ctx.sleep(ms(10)).await;
                    ctx.record(n);
                })
            });
            ctx.sleep(ms(10)).await;
            ctx.record("last set was the tasks'");
            for task in tasks {
                task.await.unwrap();
            }
        },
        expect![[r"
            10000000 client last set was the tasks'
            10000000 client 3
            10000000 client 1
            10000000 client 2
        "]],
    );
}

#[test]
fn time_is_exact_to_the_nanosecond() {
    check(
        |ctx| async move {
            for nanos in [0, 1, 999, 1_000_001] {
                ctx.sleep(Duration::from_nanos(nanos)).await;
                ctx.record("woke");
            }
        },
        expect![[r"
            0 client woke
            1 client woke
            1000 client woke
            1001001 client woke
        "]],
    );
}

#[test]
fn first_ready_runs_first() {
    check(
        |ctx| async move {
            let turns = |name: &'static str| async move {
                for turn in 1..=2 {
                    ctx.record(format_args!("{name}{turn}"));
                    ctx.yield_now().await;
                }
            };
            let (a, b) = (ctx.spawn(turns("a")), ctx.spawn(turns("b")));
            ctx.yield_now().await;
            ctx.record("all others had a turn");
            a.await.unwrap();
            b.await.unwrap();
        },
        expect![[r"
            0 client a1
            0 client b1
            0 client all others had a turn
            0 client a2
            0 client b2
        "]],
    );
}

/// A bug that needs two ordered steps: all twelve of `b` between the two of `a`.
fn twelve_between_two(sim: &mut Sim) {
    sim.chaos(Chaos::none());
    client(sim, "client", |ctx| async move {
        let a = ctx.spawn(async move {
            ctx.record("a1");
            ctx.yield_now().await;
            ctx.record("a2");
        });
        let b = ctx.spawn(async move {
            for _ in 0..12 {
                ctx.record("b");
                ctx.yield_now().await;
            }
        });
        a.await.unwrap();
        b.await.unwrap();
    });
    sim.check("never all of b between the two steps of a", |journal| {
        let steps = journal.of_kind(Kind::Note).filter_map(|e| e.text());
        let steps: String = steps.map(|text| &text[..1]).collect();
        !steps.contains("abbbbbbbbbbbba")
    });
}

#[track_caller]
fn check_found(scheduling: Scheduling, seeds: u64, found: std::ops::Range<usize>) {
    let violated = |seed: &u64| {
        let config = RunConfig { scheduling, ..RunConfig::seed(*seed) };
        let one = run(&twelve_between_two, &config);
        let again = run(&twelve_between_two, &config);
        assert_eq!(one.fingerprint(), again.fingerprint(), "{scheduling:?} {seed} replays");
        one.verdict().is_violated()
    };
    let count = (0..seeds).filter(violated).count();
    assert!(found.contains(&count), "{scheduling:?} found it {count} times in {seeds}");
}

#[test]
fn in_turn_the_bug_of_depth_two_is_never_found() {
    check_found(Scheduling::Fifo, 200, 0..1);
}

#[test]
fn at_random_the_bug_of_depth_two_is_hardly_found() {
    check_found(Scheduling::Random, 1_000, 0..4);
}

/// Two tasks and 18 polls: PCT's bound is one seed in 2 * 18, the client's own polls aside.
#[test]
fn pct_finds_the_bug_of_depth_two() {
    check_found(Scheduling::Pct { depth: 2, steps: 18 }, 1_000, 15..400);
}

#[test]
fn pct_of_depth_one_has_no_change_point_and_does_not_find_it() {
    check_found(Scheduling::Pct { depth: 1, steps: 18 }, 300, 0..1);
}
