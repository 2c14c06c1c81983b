//! Who is reached under which name.

use super::*;

/// A service whose nodes answer with their names.
fn who(ctx: Ctx) -> Router {
    Router::new().route("/", get(move || async move { ctx.name() }))
}

async fn ask(ctx: Ctx, name: &str) {
    let answer = ctx.http().get(&format!("http://{name}")).send().await;
    match answer {
        Ok(answer) => ctx.record(answer.text()),
        Err(error) => ctx.record(error),
    }
}

#[test]
fn replicas_take_turns_for_each_caller() {
    let world = |sim: &mut Sim| {
        sim.service("who", who).replicas(3);
        sim.process("other", |ctx| async move {
            ctx.sleep(ms(1)).await;
            _ = ctx.http().get("http://who/").send().await;
        });
        client(sim, |ctx| async move {
            for _ in 0..4 {
                ask(ctx, "who").await;
            }
            ask(ctx, "who-2").await;
        });
    };
    check(
        [],
        world,
        expect![[r#"
        2.000 ms  client: who-0
        4.000 ms  client: who-1
        6.000 ms  client: who-2
        8.000 ms  client: who-0
        10.000 ms  client: who-2
    "#]],
    );
}

#[test]
fn localhost_is_the_node_itself() {
    let world = |sim: &mut Sim| {
        sim.service("who", |ctx: Ctx| {
            let through = move || async move {
                let own = ctx.http().get("http://localhost/").send().await;
                own.unwrap().text()
            };
            who(ctx).route("/through", get(through))
        })
        .replicas(2);
        client(sim, |ctx| async move {
            for _ in 0..2 {
                ask(ctx, "who/through").await;
            }
            ask(ctx, "localhost").await;
        });
    };
    check(
        [],
        world,
        expect![[r#"
        2.040 ms  client: who-0
        4.080 ms  client: who-1
        4.120 ms  client: connection refused
    "#]],
    );
}

#[test]
fn an_unknown_name_gives_a_suggestion() {
    let world = |sim: &mut Sim| {
        sim.service("inventory", who);
        client(sim, |ctx| async move {
            ask(ctx, "invetory").await;
            ask(ctx, "payment").await;
            ctx.record(ctx.lookup("cleint", 7).unwrap_err());
            let socket = ctx.bind(7).unwrap();
            ctx.record(socket.send("inventori", 7, "x").unwrap_err());
            ctx.record(ctx.bind(7).unwrap_err().kind());
        });
    };
    check(
        [],
        world,
        expect![[r#"
        0.000 ms  client: no service or node `invetory` in this world; did you mean `inventory`?
        0.000 ms  client: no service or node `payment` in this world
        0.000 ms  client: no service or node `cleint` in this world; did you mean `client`?
        0.000 ms  client: no service or node `inventori` in this world; did you mean `inventory`?
        0.000 ms  client: address in use
    "#]],
    );
}

#[track_caller]
fn check_refused(world: impl Fn(&mut Sim), plan: FaultPlan, expect: Expect) {
    let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        run(&|sim: &mut Sim| world(sim), &RunConfig::seed(1).plan(plan))
    }));
    let payload = refused.expect_err("it must be refused");
    let text = payload.downcast_ref::<String>().map(String::as_str);
    expect.assert_eq(text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("?"));
}

#[test]
fn a_name_twice_is_refused() {
    let world = |sim: &mut Sim| {
        sim.service("who", who);
        sim.process("who", |_| pending());
    };
    check_refused(world, FaultPlan::default(), expect!["the world has a member `who` already"]);
}

#[test]
fn a_reserved_name_is_refused() {
    let world = |sim: &mut Sim| {
        sim.process("localhost", |_| pending());
    };
    check_refused(
        world,
        FaultPlan::default(),
        expect!["`localhost` cannot be the name of a member"],
    );
}

#[test]
fn a_call_to_nobody_is_refused() {
    let world = |sim: &mut Sim| {
        sim.service("payment", who);
        sim.service("shop", who).calls(["payemnt"]);
    };
    check_refused(
        world,
        FaultPlan::default(),
        expect!["`shop` calls `payemnt`, which is not in this world; did you mean `payment`?"],
    );
}

#[test]
fn a_link_to_nobody_is_refused() {
    let world = |sim: &mut Sim| {
        sim.service("payment", who);
        sim.link("payment", "shop", LinkProfile::wide_area());
    };
    check_refused(
        world,
        FaultPlan::default(),
        expect!["a link leads to `shop`, which is not in this world"],
    );
}

/// A fault that names nobody would strike nothing, and prove nothing.
#[test]
fn a_plan_that_names_nobody_is_refused() {
    let world = |sim: &mut Sim| {
        sim.service("payment", who);
    };
    let crash = Fault::Crash { node: "paymnet".into(), at: ms(1), lasts: None };
    check_refused(
        world,
        FaultPlan::new([crash]),
        expect!["fault 1 (from 1ms: crash paymnet): no service `paymnet`; did you mean `payment`?"],
    );
}

/// A replica that the service may be scaled to has a name; one beyond that has none.
#[test]
fn a_plan_that_names_a_replica_that_never_comes_is_refused() {
    let world = |sim: &mut Sim| {
        sim.service("payment", who).replicas_max(2);
    };
    let crash =
        |node: &str| FaultPlan::new([Fault::Crash { node: node.into(), at: ms(1), lasts: None }]);
    check_refused(
        world,
        crash("payment-2"),
        expect![
            "fault 1 (from 1ms: crash payment-2): no service `payment-2`; did you mean `payment-0`?"
        ],
    );
    let run = run(&world, &RunConfig::seed(1).plan(crash("payment-1")));
    assert_eq!(run.idle_faults(), [0]);
}
