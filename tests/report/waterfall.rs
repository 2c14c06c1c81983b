//! The waterfall and the map of a page: they say what the traces of the run say.

use std::fmt::Write as _;

use axum::routing::{get, post};
use serde_json::Value;

use super::html::{data, page_of};
use super::*;
use crate::trace::{run_with, shop as checkout, strike};

/// The lines of the waterfall: who, at what, how it ended, the times of work and of the critical path.
fn lines(page: &str) -> String {
    let data = data(page);
    let mut at: Vec<u64> = Vec::new();
    for since in data["at"].as_array().unwrap() {
        at.push(at.last().unwrap_or(&0) + since.as_u64().unwrap());
    }
    let ms = |row: &Value| match row.as_u64() {
        Some(row) => (at[row as usize] / 1_000_000).to_string(),
        None => "?".to_owned(),
    };
    let pieces = |list: &Value| {
        let piece = |piece: &Value| {
            let failed = if piece[2] == 1 { " failed" } else { "" };
            format!("{}-{}{failed}", ms(&piece[0]), ms(&piece[1]))
        };
        list.as_array().unwrap().iter().map(piece).collect::<Vec<_>>().join(" ")
    };
    let mut out = String::new();
    for line in data["spans"].as_array().unwrap() {
        let text = |column: usize| {
            data["texts"][line[column].as_u64().unwrap() as usize].as_str().unwrap().to_owned()
        };
        let depth = 2 * line[3].as_u64().unwrap() as usize;
        let look = ["fine", "failed", "unanswered", "open"][line[7].as_u64().unwrap() as usize];
        let (who, label, how) = (text(4), text(5), text(6));
        let (from, to) = (ms(&line[0]), ms(&line[1]));
        let _ = writeln!(
            out,
            "{:depth$}{who} {label} {from}-{to} {look} [{how}] work {} path {}",
            "",
            pieces(&line[8]),
            pieces(&line[9])
        );
    }
    out
}

/// The texts of the map.
fn map(page: &str) -> Vec<String> {
    let (_, map) = page.split_once("<section class=\"map\">").unwrap();
    let texts = map.split_once("</svg>").unwrap().0.split("<text ").skip(1);
    let text =
        |element: &str| element.split_once('>').unwrap().1.split_once('<').unwrap().0.to_owned();
    texts.map(text).collect()
}

fn struck() -> String {
    let faults = [
        strike(Leg::Request, 1, Effect::Drop),
        strike(Leg::Reply, 2, Effect::Duplicate),
        strike(Leg::Reply, 3, Effect::Drop),
        strike(Leg::Request, 5, Effect::Duplicate),
    ];
    page_of(&run_with(faults, checkout(3)))
}

#[test]
fn the_waterfall_tells_losses_copies_and_the_critical_path() {
    expect![[r#"
        checkout POST /orders 0-57 fine [200] work 1-56 path 0-1 56-57
          payment POST /charge 1-51 unanswered [timed out, request lost by fault 1] work  path 1-51
          payment POST /charge 51-56 fine [201, retry 1] work 52-55 path 51-52 52-55 55-56
        checkout POST /orders 57-64 fine [200] work 58-63 path 57-58 63-64
          payment POST /charge 58-63 fine [201, reply doubled] work 59-62 path 58-59 59-62 62-63
        checkout POST /orders 64-121 fine [200] work 65-120 path 64-65 120-121
          payment POST /charge 65-115 unanswered [timed out, reply lost by fault 3] work 66-69 path 65-66 66-69 69-115
          payment POST /charge 115-120 fine [201, retry 1, request doubled] work 116-119 116-119 path 115-116 116-119 119-120
    "#]].assert_eq(&lines(&struck()));
}

#[test]
fn the_map_counts_what_befell_the_calls() {
    expect![[r#"
        5 calls
        2 errors, 1 lost
        1 reply lost, 2 doubled
        2 timed out
        3 calls
        checkout
        payment
        shopper"#]]
    .assert_eq(&map(&struck()).join("\n"));
}

/// Datagrams are no requests, and are on the map all the same; to oneself they stand in the box.
#[test]
fn the_map_has_messages_that_are_no_requests() {
    let world = |sim: &mut Sim| {
        sim.links(LinkProfile::with_delay(ms(1)));
        sim.process("node", |ctx| async move {
            let endpoint = ctx.bind(7).unwrap();
            let others = ["node-0", "node-1"].into_iter().filter(|name| *name != ctx.name());
            for other in others {
                let _ = endpoint.send(other, 7, "gossip");
            }
            while let Ok((bytes, from)) = endpoint.receive().await {
                if bytes == "ask" {
                    endpoint.send_to(from, "answer");
                }
            }
        })
        .replicas(2);
        sim.client("client", |ctx| async move {
            let endpoint = ctx.bind(8)?;
            for _ in 0..3 {
                endpoint.send("node-0", 7, "ask")?;
                endpoint.receive().await?;
            }
            Ok::<(), std::io::Error>(())
        });
    };
    expect![[r#"
        3 messages
        3 messages
        client
        node
        2 messages within"#]]
    .assert_eq(&map(&page_of(&run_with([], world))).join("\n"));
}

/// What befell the calls of replicas to each other stands below the name, in two lines that fit the box.
#[test]
fn what_is_within_is_told_in_two_lines() {
    let world = |sim: &mut Sim| {
        sim.links(LinkProfile::with_delay(ms(1)));
        sim.service("node", |ctx: Ctx| {
            let ask = post(move || async move {
                for _ in 0..9 {
                    let other = if ctx.name() == "node-0" { "node-1" } else { "node-0" };
                    let call = ctx.http().get(&format!("http://{other}/state"));
                    let _ = call.timeout(ms(10)).send().await;
                }
            });
            axum::Router::new().route("/ask", ask).route("/state", get(|| async { "fine" }))
        })
        .replicas(2)
        .calls(["node"]);
        sim.client("client", |ctx| async move {
            ctx.http().post("http://node-0/ask").send().await?;
            Ok::<(), HttpError>(())
        });
    };
    let on = |leg, n, effect| {
        let label = Some("GET /state".to_owned());
        Fault::Message { from: "node-0".into(), to: "node-1".into(), label, n, leg, effect }
    };
    let faults = [
        on(Leg::Request, 1, Effect::Drop),
        on(Leg::Reply, 2, Effect::Drop),
        on(Leg::Request, 3, Effect::Duplicate),
    ];
    expect![[r#"
        1 call
        client
        node
        9 calls within, 1 error
        1 lost, 1 doubled, …"#]]
    .assert_eq(&map(&page_of(&run_with(faults, world))).join("\n"));
}
