//! What a caller sees of a service that is down, slow, cut off or full, and when.

use stormglass::service::Retry;

use super::*;

fn server() -> String {
    "server".to_owned()
}

#[test]
fn a_service_that_is_up_answers() {
    check(
        [],
        asks(1),
        expect![[r#"
        1.000 ms  server: is asked
        5.000 ms  client: sees done
    "#]],
    );
}

#[test]
fn a_process_that_is_down_refuses() {
    let crash = Fault::Crash { node: server(), at: ms(0), lasts: Some(ms(500)) };
    check(
        [crash],
        asks(1),
        expect![[r#"
        2.000 ms  client: connection refused
    "#]],
    );
}

#[test]
fn a_process_that_dies_in_the_middle_resets() {
    let crash = Fault::Crash { node: server(), at: ms(2), lasts: Some(ms(1)) };
    check(
        [crash],
        asks(2),
        expect![[r#"
        1.000 ms  server: is asked
        3.000 ms  client: connection reset by peer
        4.000 ms  server: is asked
        8.000 ms  client: sees done
    "#]],
    );
}

#[test]
fn a_machine_without_power_is_silent_until_the_timeout() {
    let dark = |at| Fault::PowerLoss { node: server(), at, disk_op: None, lasts: Some(ms(5_000)) };
    check(
        [dark(Some(ms(2)))],
        asks(2),
        expect![[r#"
        1.000 ms  server: is asked
        1000.000 ms  client: timed out after 1s
        2000.000 ms  client: timed out after 1s
    "#]],
    );
    check(
        [dark(Some(ms(0)))],
        asks(1),
        expect![[r#"
        1000.000 ms  client: timed out after 1s
    "#]],
    );
}

/// A client that asks once and gives up after that time, and stays.
fn asks_for(limit: u64) -> impl Fn(&mut Sim) {
    move |sim: &mut Sim| {
        sim.service("server", slow);
        client(sim, move |ctx| async move {
            let asked = ctx.http().get("http://server/").timeout(ms(limit)).send().await;
            let seen = asked.map_or_else(|error| error.to_string(), |answer| answer.text());
            ctx.record(format_args!("sees {seen}"));
            ctx.sleep(ms(3_000)).await;
        });
    }
}

/// The machine that starts again knows nothing of a connection from before, and nobody opens another.
#[test]
fn a_machine_that_starts_again_hears_only_those_who_still_wait() {
    let dark = || Fault::PowerLoss {
        node: server(),
        at: Some(ms(0)),
        disk_op: None,
        lasts: Some(ms(500)),
    };
    check(
        [dark()],
        asks_for(1_000),
        expect![[r#"
            603.000 ms  server: is asked
            607.000 ms  client: sees done
        "#]],
    );
    // Gives up in the dark, and after it.
    check(
        [dark()],
        asks_for(100),
        expect![[r#"
        100.000 ms  client: sees timed out after 100ms
    "#]],
    );
    check(
        [dark()],
        asks_for(550),
        expect![[r#"
        550.000 ms  client: sees timed out after 550ms
    "#]],
    );
    let run = run_with([dark()], asks_for(550));
    let story = run.journal.story().to_string();
    assert!(story.contains("nobody waits for it"), "{story}");
    // It is the same if only the process is new, and the network had kept the request from the old one.
    let crash = Fault::Crash { node: server(), at: ms(100), lasts: Some(ms(10)) };
    check(
        [cut(false, 150), crash],
        asks_for(120),
        expect![[r#"
        120.000 ms  client: sees timed out after 120ms
    "#]],
    );
}

/// What a caller that gave up had written, its machine still delivers to the process that it wrote to.
#[test]
fn a_request_that_is_under_way_is_served_though_nobody_waits() {
    check(
        [cut(false, 150)],
        asks_for(120),
        expect![[r#"
            120.000 ms  client: sees timed out after 120ms
            202.000 ms  server: is asked
        "#]],
    );
    check(
        [],
        asks_for(1),
        expect![[r#"
            1.000 ms  server: is asked
            1.000 ms  client: sees timed out after 1ms
        "#]],
    );
}

fn cut(one_way: bool, lasts: u64) -> Fault {
    let (a, b) = (vec!["client".into()], vec![server()]);
    Fault::Partition { a, b, one_way, at: ms(0), lasts: Some(ms(lasts)) }
}

/// Sent again after 200, 400, 800 ms ...: TCP finds the healed link at its next try.
#[test]
fn a_partition_is_silence_and_then_a_late_delivery() {
    check(
        [cut(false, 100)],
        asks(1),
        expect![[r#"
        202.000 ms  server: is asked
        206.000 ms  client: sees done
    "#]],
    );
    check(
        [cut(false, 500)],
        asks(1),
        expect![[r#"
        602.000 ms  server: is asked
        606.000 ms  client: sees done
    "#]],
    );
    check(
        [cut(false, 700)],
        asks(1),
        expect![[r#"
        1000.000 ms  client: timed out after 1s
    "#]],
    );
}

/// Only the answers are cut off: the work is done.
#[test]
fn a_partition_of_one_direction_loses_answers() {
    let (a, b) = (vec![server()], vec!["client".into()]);
    let cut = Fault::Partition { a, b, one_way: true, at: ms(0), lasts: Some(ms(100)) };
    check(
        [cut],
        asks(1),
        expect![[r#"
        1.000 ms  server: is asked
        205.000 ms  client: sees done
    "#]],
    );
}

/// Loss costs time, not messages.
#[test]
fn a_lost_segment_is_sent_again() {
    let (from, to) = ("client".into(), server());
    let all = Fault::Loss { from, to, percent: 100.0, burst: None, at: ms(0), lasts: Some(ms(1)) };
    let run = run_with([all], asks(1));
    assert!(notes(&run).contains("client: sees done"));
}

#[test]
fn a_full_service_answers_503_and_has_room_again_later() {
    let world = |sim: &mut Sim| {
        sim.service("server", slow).queue_limit(2);
        client(sim, |ctx| async move {
            let ask = || async move {
                let answer = ctx.http().get("http://server/").send().await.unwrap();
                ctx.record(format_args!("{}: {}", answer.status(), answer.text()));
            };
            futures::join!(ask(), ask(), ask(), ask());
            ask().await;
        });
    };
    check(
        [],
        world,
        expect![[r#"
        1.000 ms  server: is asked
        1.000 ms  server: is asked
        2.000 ms  client: 503 Service Unavailable: too many requests in progress
        2.000 ms  client: 503 Service Unavailable: too many requests in progress
        5.000 ms  client: 200 OK: done
        5.000 ms  client: 200 OK: done
        6.000 ms  server: is asked
        10.000 ms  client: 200 OK: done
    "#]],
    );
}

#[test]
fn retries_and_backoff_are_exact() {
    let world = |sim: &mut Sim| {
        sim.service("server", |ctx: Ctx| {
            let answer = move || async move {
                ctx.record("503");
                StatusCode::SERVICE_UNAVAILABLE
            };
            Router::new().route("/", get(answer))
        });
        client(sim, |ctx| async move {
            let retry = Retry::times(3).backoff(ms(10));
            let answer = ctx.http().get("http://server/").retry(retry).send().await.unwrap();
            ctx.record(format_args!("gives up: {}", answer.status()));
        });
    };
    check(
        [],
        world,
        expect![[r#"
        1.000 ms  server: 503
        13.000 ms  server: 503
        35.000 ms  server: 503
        77.000 ms  server: 503
        78.000 ms  client: gives up: 503 Service Unavailable
    "#]],
    );
}

#[test]
fn each_try_has_the_whole_timeout() {
    let world = |sim: &mut Sim| {
        sim.service("server", |ctx: Ctx| {
            Router::new().route("/", get(move || async move { ctx.sleep(ms(100)).await }))
        });
        client(sim, |ctx| async move {
            let retry = Retry::times(2).backoff(ms(5));
            let call = ctx.http().get("http://server/").timeout(ms(7)).retry(retry);
            ctx.record(call.send().await.unwrap_err());
        });
    };
    let run = check(
        [],
        world,
        expect![[r#"
        36.000 ms  client: timed out after 7ms
    "#]],
    );
    assert_eq!(run.journal.of_kind(Kind::Timeout).count(), 3);
}

/// Not transient: sent once.
#[test]
fn what_cannot_get_better_is_not_retried() {
    let world = |sim: &mut Sim| {
        sim.service("server", slow);
        client(sim, |ctx| async move {
            for url in ["http://server/missing", "http://sever/", "/relative", "http://a b/"] {
                let call = ctx.http().get(url).retry(Retry::times(5));
                match call.send().await {
                    Ok(answer) => ctx.record(answer.status()),
                    Err(error) => ctx.record(error),
                }
            }
            let call = ctx.http().get("http://server/").header("bad name", "x");
            ctx.record(call.send().await.unwrap_err());
            let answer = ctx.http().get("http://server/").send().await.unwrap();
            ctx.record(answer.json::<u32>().unwrap_err());
        });
    };
    let run = check(
        [],
        world,
        expect![[r#"
        2.000 ms  client: 404 Not Found
        2.000 ms  client: no service or node `sever` in this world; did you mean `server`?
        2.000 ms  client: `/relative` names no service to call
        2.000 ms  client: http://a b/: invalid uri character
        2.000 ms  client: `bad name` is not a valid header
        3.000 ms  server: is asked
        7.000 ms  client: the body is not the expected JSON: expected value at line 1 column 1
    "#]],
    );
    assert_eq!(run.journal.of_kind(Kind::Send).count(), 4);
}

/// The labels of what a client sends.
#[test]
fn labels_are_templates_unless_they_are_given() {
    let world = |sim: &mut Sim| {
        sim.service("server", || Router::new().fallback(|| async {}));
        client(sim, |ctx| async move {
            let http = ctx.http();
            for path in ["", "orders/7?x=1", "u/67e55044-10b1-426f-9247-bb680e5fe0c8/cart"] {
                http.put(&format!("http://server/{path}")).send().await.unwrap();
            }
            http.delete("http://server/orders/7")
                .label("DELETE /orders/{order}")
                .send()
                .await
                .unwrap();
            let request = http::Request::get("http://server/users/ann")
                .extension(Label("GET /users/{name}".into()));
            let request = request.body(Body::empty()).unwrap();
            http.execute(request).await.unwrap();
        });
    };
    let run = run_with([], world);
    let names = message_ordinals(&run.journal);
    let names: String =
        names.values().filter(|name| !name.reply).map(|name| format!("{name}\n")).collect();
    expect![[r#"
        client -> server "PUT /" #1
        client -> server "PUT /orders/{id}" #1
        client -> server "PUT /u/{id}/cart" #1
        client -> server "DELETE /orders/{order}" #1
        client -> server "GET /users/{name}" #1
    "#]]
    .assert_eq(&names);
}
