//! Searches: what they find, what they prove before they say it, and what they refuse to call a pass.
#![allow(clippy::unwrap_used, reason = "a test's helpers are tests, too")]
#![allow(clippy::unit_arg, reason = "a client of one line is easier to read")]

mod bad_input;
mod fresh;
mod nondeterminism;
mod resume;
mod search;
mod verdicts;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use expect_test::{Expect, expect};
use stormglass::chaos::{FaultKind, Script};
use stormglass::explore::{Search, SearchReport, Strategy, World};
use stormglass::net::LinkProfile;
use stormglass::prelude::*;
use stormglass::service::Body;
use stormglass::verdict::Verdict;

type Request = http::Request<Body>;

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A payment that takes every request for a new one; `key` makes it know those that it has seen.
fn payment(
    ctx: Ctx,
    key: bool,
) -> impl tower::Service<Request, Response = http::Response<Body>, Error = Infallible, Future: 'static>
+ Clone {
    let charges: Arc<Mutex<BTreeMap<String, u32>>> = Arc::default();
    tower::service_fn(move |request: Request| {
        let charges = charges.clone();
        async move {
            let order = request.headers()["order"].to_str().unwrap().to_owned();
            let mut charges = charges.lock().unwrap();
            let count = charges.entry(order.clone()).or_insert(0);
            if *count == 0 || !key {
                *count += 1;
                ctx.record(format_args!("charges order {order}"));
            }
            ctx.publish("charges", charges.clone());
            Ok(http::Response::new(Body::default()))
        }
    })
}

/// A shopper who pays three orders, and asks again when no answer comes. The variant `fixed` has a
/// payment that knows what it has done.
pub(crate) fn shop(sim: &mut Sim) {
    let key = sim.variant() == "fixed";
    sim.links(LinkProfile::with_delay(ms(1)));
    sim.service("payment", move |ctx: Ctx| payment(ctx, key));
    sim.workload("shopper", vec![1, 2, 3], |ctx, order: u32| async move {
        let request = ctx.http().post("http://payment/charge").header("order", order.to_string());
        request.timeout(ms(100)).retry(Retry::times(3)).send().await.map(|_| ())
    })
    .calls(["payment"]);
    sim.points(["the till is full"]);
    sim.sometimes("an order is charged", |view| {
        view.probe::<BTreeMap<String, u32>>("payment", "charges").is_some()
    });
    sim.always("no order is charged twice", |view: &View<'_>| {
        let charges = view.probe::<BTreeMap<String, u32>>("payment", "charges").unwrap_or_default();
        match charges.iter().find(|(_, times)| **times > 1) {
            Some((order, times)) => Err(format!("order {order} was charged {times} times")),
            None => Ok(()),
        }
    });
}

/// A search of the shop that writes its scripts where nobody minds.
#[track_caller]
fn in_shop(directory: &Path) -> Search {
    explore(shop).out(directory)
}

/// The report, the same with and without the seal, with the directory of its scripts called `DIR`.
fn text(report: &SearchReport, directory: &Path) -> String {
    let text = report.to_string().replace(&directory.display().to_string(), "DIR");
    text.replace(", not sealed", ", sealed")
}

#[track_caller]
fn check(search: Search, directory: &Path, expect: Expect) -> SearchReport {
    let report = search.find();
    expect.assert_eq(&text(&report, directory));
    report
}

/// What `run` panics with.
fn panic_of(run: impl FnOnce()) -> String {
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).unwrap_err();
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(other) => (*other.downcast::<&str>().unwrap()).to_owned(),
    }
}
