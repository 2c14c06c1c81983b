//! Answers of a mock with 100 stubs.

use divan::Bencher;
use divan::counter::ItemsCount;
use serde_json::json;
use stormglass::mock::{Matcher, Reply, RequestPattern, ServiceMockManager, Stub, Stubs};
use stormglass::prelude::*;

use crate::run_quietly;

const MANY: u32 = 1_000;

/// 100 stubs, of which the 51st tried answers.
fn hundred(pattern: impl Fn(u32) -> RequestPattern, reply: impl Fn(u32) -> Reply) -> Stubs {
    let stub = |n| Stub::new(pattern(n), reply(n)).named(&n.to_string());
    (0..100).fold(Stubs::new(), |stubs, n| stubs.with(stub(n)))
}

fn answers(bencher: Bencher<'_, '_>, stubs: &Stubs, path: &'static str) {
    bencher.counter(ItemsCount::new(MANY)).bench(|| {
        let stubs = stubs.clone();
        run_quietly(move |sim| {
            ServiceMockManager::new().install(sim, "payment", &stubs);
            sim.client("shopper", move |ctx| async move {
                let body = json!({"id": 49, "amount": 12.5, "items": [{"id": 1}, {"id": 2}]});
                for _ in 0..MANY {
                    let request = ctx.http().post(&format!("http://payment{path}")).json(&body);
                    request.send().await?.error_for_status()?;
                }
                Ok::<(), HttpError>(())
            });
        })
    });
}

/// Each stub has a path of its own.
#[divan::bench]
fn by_path(bencher: Bencher<'_, '_>) {
    let pattern = |n| RequestPattern::new("POST").path(&format!("/charge/{n}"));
    answers(bencher, &hundred(pattern, |_| Reply::status(201)), "/charge/49");
}

/// All are for one path, and tell requests apart by their JSON.
#[divan::bench]
fn by_body(bencher: Bencher<'_, '_>) {
    let pattern = |n| {
        let id = Matcher::json_path(&format!("$[?(@.id == {n})]"));
        RequestPattern::new("POST").path("/charge").body(id)
    };
    answers(bencher, &hundred(pattern, |_| Reply::status(201)), "/charge");
}

/// Each stub has a path of its own and a template.
#[divan::bench]
fn template(bencher: Bencher<'_, '_>) {
    let pattern = |n| RequestPattern::new("POST").path(&format!("/charge/{n}"));
    let template =
        |_| Reply::status(201).template("{{jsonPath request.body '$.id'}}-{{randomInt}}");
    answers(bencher, &hundred(pattern, template), "/charge/49");
}
