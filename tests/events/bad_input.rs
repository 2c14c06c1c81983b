//! What is not an event is refused, with words that help.

use std::convert::Infallible;

use expect_test::expect;
use http::Method;
use stormglass::events::EventError;
use stormglass::prelude::*;

use super::{MS, notes, run_with};

#[test]
fn a_topic_that_is_not_there_is_refused_with_a_suggestion() {
    let world = |sim: &mut Sim| {
        sim.broker("events").topic("orders", 1).topic("payments", 2);
        sim.client("shop", |ctx| async move {
            ctx.sleep(50 * MS).await;
            for topic in ["order", "no topic", "payments.dead"] {
                let result = ctx.events().publish(topic, "7", "x").await;
                ctx.record(format_args!("{:?}", result.map(|_| "published")));
            }
            ctx.events().consume("shop", ["paymens"], |_| async { Ok::<(), Infallible>(()) });
            ctx.sleep(10 * MS).await;
            Ok::<(), Infallible>(())
        });
    };
    expect![[r#"
        Err(Refused("the broker has no topic `order`; did you mean `orders`?"))
        Err(Refused("`no topic` cannot be the name of a topic"))
        Ok("published")
        cannot join group shop: the broker has no topic `paymens`; did you mean `payments`?"#]]
    .assert_eq(&notes(&run_with(&world, []), "shop").join("\n"));
}

#[test]
fn nonsense_is_refused() {
    let world = |sim: &mut Sim| {
        sim.broker("events");
        sim.client("shop", |ctx| async move {
            ctx.sleep(50 * MS).await;
            for (method, path, header, body) in [
                (Method::POST, "topics/a%20b", ("event-key", "7"), ""),
                (Method::POST, "topics/placed", ("event-key", "%zz"), ""),
                (Method::POST, "groups/g/members/m", ("x", "y"), "{"),
                (
                    Method::POST,
                    "groups/g/members/m",
                    ("x", "y"),
                    r#"{"node":"no","mailbox":1,"topics":[]}"#,
                ),
                (Method::PUT, "groups/g/members/m", ("x", "y"), ""),
                (Method::GET, "nonsense", ("x", "y"), ""),
            ] {
                let url = format!("http://events/{path}");
                let request = ctx.http().request(method, &url).header(header.0, header.1);
                let reply = request.body(body).send().await?;
                ctx.record(format_args!("{} {}", reply.status().as_u16(), reply.text()));
            }
            Ok::<(), HttpError>(())
        });
    };
    expect![[r#"
        404 the broker has no topic `a%20b`
        400 `event-key` is not percent-encoded
        400 EOF while parsing an object at line 1 column 1
        400 the world has no node for `m`
        404 you are no member: join again
        404 a broker has no /nonsense"#]]
    .assert_eq(&notes(&run_with(&world, []), "shop").join("\n"));
}

#[test]
fn a_broker_that_is_not_there_is_an_error() {
    let world = |sim: &mut Sim| {
        sim.client("shop", |ctx| async move {
            let result = ctx.events().publish("placed", "7", "x").await;
            assert!(matches!(result, Err(EventError::NoAnswer(HttpError::NotFound(_)))));
            ctx.record("refused");
            Ok::<(), Infallible>(())
        });
    };
    assert_eq!(notes(&run_with(&world, []), "shop"), ["refused"]);
}
