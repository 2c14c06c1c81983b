//! The command line: what it says, in text and in JSON, and how it ends.
#![allow(clippy::unwrap_used, reason = "a test's helpers are tests, too")]
#![allow(clippy::unit_arg, reason = "a client of one line is easier to read")]

mod audit;
mod binary;
mod commands;
mod init;
mod misuse;

use std::path::Path;

use expect_test::{Expect, expect};
use serde_json::Value;
use stormglass::cli;
use stormglass::explore::World;
use stormglass::prelude::*;

use crate::explore::{ms, shop};

/// What a command wrote, and how it ended.
struct Ended {
    code: u8,
    out: String,
    err: String,
}

fn calm(sim: &mut Sim) {
    sim.chaos(Chaos::none());
    sim.client("client", |ctx| async move {
        ctx.sleep(ms(1)).await;
        Ok::<(), String>(())
    });
}

fn blind(sim: &mut Sim) {
    calm(sim);
    sim.sometimes("it snows", |_| false);
}

fn worlds() -> Vec<World> {
    vec![
        World::new("shop", shop).about("three orders").variants(["broken", "fixed"]),
        World::new("calm", calm),
        World::new("blind", blind).about("sees nothing"),
    ]
}

fn stormglass(args: &[&str]) -> Ended {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let all = ["stormglass"].iter().chain(args).copied();
    let code = cli::run(&worlds(), all, &mut out, &mut err);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code, out: text(out), err: text(err) }
}

/// The lines of JSON that a command writes.
fn json(args: &[&str]) -> (u8, Vec<Value>) {
    let ended = stormglass(&[args, &["--json"]].concat());
    assert_eq!(ended.err, "");
    let lines: Vec<Value> = ended.out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert!(lines.iter().all(|line| line["schema"] == 1), "{}", ended.out);
    (ended.code, lines)
}

/// An argument for a file in a directory.
fn file(directory: &Path, name: &str) -> String {
    directory.join(name).display().to_string()
}

#[track_caller]
fn check(args: &[&str], code: u8, expect: Expect) {
    let ended = stormglass(args);
    expect.assert_eq(&format!("{}{}", ended.out, ended.err));
    assert_eq!(ended.code, code);
}
