//! Work takes a processor, and waits for one.

use super::*;

/// Three pieces of work of 10 ms, asked for at once.
async fn work(ctx: Ctx) {
    let tasks = ["a", "b", "c"].map(|name| {
        ctx.spawn(async move {
            ctx.work(ms(10)).await;
            ctx.record(name);
        })
    });
    for task in tasks {
        task.await.unwrap();
    }
}

#[track_caller]
fn check_work(processors: u32, faults: impl IntoIterator<Item = Fault>, expect: Expect) {
    let world = |sim: &mut Sim| {
        sim.process("worker", work).processors(processors);
        client(sim, |ctx| async move { ctx.sleep(ms(100)).await });
    };
    check(faults, world, expect);
}

#[test]
fn one_processor_works_in_turn() {
    check_work(
        1,
        [],
        expect![[r#"
        10.000 ms  worker: a
        20.000 ms  worker: b
        30.000 ms  worker: c
    "#]],
    );
}

#[test]
fn two_processors_work_side_by_side() {
    check_work(
        2,
        [],
        expect![[r#"
        10.000 ms  worker: a
        10.000 ms  worker: b
        20.000 ms  worker: c
    "#]],
    );
}

#[test]
fn a_slow_node_takes_longer_for_what_it_begins() {
    let node = || "worker".to_owned();
    let slow = Fault::Slow { node: node(), factor: 2.5, at: ms(5), lasts: Some(ms(20)) };
    check_work(
        1,
        [slow],
        expect![[r#"
        10.000 ms  worker: a
        35.000 ms  worker: b
        45.000 ms  worker: c
    "#]],
    );
}

#[test]
fn a_crash_frees_the_processors() {
    let crash = Fault::Crash { node: "worker".into(), at: ms(15), lasts: Some(ms(5)) };
    check_work(
        1,
        [crash],
        expect![[r#"
        10.000 ms  worker: a
        30.000 ms  worker: a
        40.000 ms  worker: b
        50.000 ms  worker: c
    "#]],
    );
}

#[test]
fn work_that_is_given_up_gives_its_place_away() {
    let world = |sim: &mut Sim| {
        sim.process("worker", |ctx| async move {
            let running = ctx.timeout(ms(4), ctx.work(ms(10)));
            let waiting = ctx.timeout(ms(2), ctx.work(ms(10)));
            let third = ctx.spawn(async move {
                ctx.yield_now().await;
                ctx.work(ms(10)).await;
                ctx.record("worked from 4 ms");
            });
            _ = futures::join!(running, waiting);
            third.await.unwrap();
        });
        client(sim, |ctx| async move { ctx.sleep(ms(100)).await });
    };
    check(
        [],
        world,
        expect![[r#"
        14.000 ms  worker: worked from 4 ms
    "#]],
    );
}

/// A queue builds up where requests come faster than one processor works.
#[test]
fn requests_queue_up_before_a_busy_processor() {
    let world = |sim: &mut Sim| {
        sim.service("busy", |ctx: Ctx| {
            Router::new().route("/", get(move || async move { ctx.work(ms(5)).await }))
        });
        client(sim, |ctx| async move {
            let calls: Vec<_> = (0..4)
                .map(|_| {
                    ctx.spawn(async move {
                        let answer = ctx.http().get("http://busy/").send().await;
                        ctx.record(answer.unwrap().status());
                    })
                })
                .collect();
            futures::future::join_all(calls).await;
        });
    };
    check(
        [],
        world,
        expect![[r#"
        7.000 ms  client: 200 OK
        12.000 ms  client: 200 OK
        17.000 ms  client: 200 OK
        22.000 ms  client: 200 OK
    "#]],
    );
}
