//! Traces: made of journals, read and written, analysed and checked.
#![allow(clippy::unwrap_used, reason = "a test's helpers are tests, too")]

mod command;
mod context;
mod flows;
mod formats;
mod hostile;
mod paths;
#[cfg(all(madsim, target_os = "linux", target_env = "gnu"))]
mod programs;
mod recorded;
mod traffic;

use std::fmt::Write as _;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use expect_test::{Expect, expect};
use stormglass::chaos::{Effect, Leg};
use stormglass::net::LinkProfile;
use stormglass::prelude::*;
use stormglass::service::Retry;
use stormglass::time::Time;
use stormglass::trace::{
    CriticalPath, DistributedTracer, Format, Pattern, Span, SpanKind, SpanRef, SpanSet, Status,
};

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Checkout asks payment, which needs 3 ms; the shopper orders `orders` times, and tries again twice.
pub(crate) fn shop(orders: u32) -> impl Fn(&mut Sim) {
    move |sim| {
        sim.links(LinkProfile::with_delay(ms(1)));
        sim.service("payment", |ctx: Ctx| {
            let charge = move || async move {
                ctx.sleep(ms(3)).await;
                StatusCode::CREATED
            };
            Router::new().route("/charge", post(charge))
        });
        sim.service("checkout", |ctx: Ctx| {
            let order = move |body: String| async move {
                let call = ctx.http().post("http://payment/charge").body(body).timeout(ms(50));
                match call.retry(Retry::times(1)).send().await {
                    Ok(_) => StatusCode::OK,
                    Err(_) => StatusCode::BAD_GATEWAY,
                }
            };
            Router::new().route("/orders", post(order))
        });
        sim.client("shopper", move |ctx| async move {
            for order in 0..orders {
                let order = format!("{{\"order\":{order}}}");
                let call = ctx.http().post("http://checkout/orders").body(order);
                let _ = call.timeout(ms(500)).send().await;
            }
            Ok::<(), String>(())
        });
    }
}

/// A fault of the n-th message from checkout to payment.
pub(crate) fn strike(leg: Leg, n: u64, effect: Effect) -> Fault {
    let label = Some("POST /charge".to_owned());
    Fault::Message { from: "checkout".into(), to: "payment".into(), label, n, leg, effect }
}

pub(crate) fn run_with(faults: impl IntoIterator<Item = Fault>, world: impl Fn(&mut Sim)) -> Run {
    let run = run(&world, &RunConfig::seed(1).plan(FaultPlan::new(faults)));
    assert!(run.verdict().holds(), "{}", run.verdict());
    run
}

/// The trees of all traces: times, kinds, what failed, and what happened, but for what services tell.
fn trees(tracer: &DistributedTracer) -> String {
    let mut text = String::new();
    for trace in tracer.traces() {
        let mut open: Vec<(SpanRef<'_>, usize)> = trace.roots().map(|root| (root, 0)).collect();
        open.reverse();
        while let Some((span, depth)) = open.pop() {
            let (start, end) = (span.start, span.end);
            let _ = write!(
                text,
                "{:depth$}{} {} {start}..{end}",
                "",
                span.kind,
                *span,
                depth = 2 * depth
            );
            if let Status::Error(how) = &span.status {
                let _ = write!(text, " failed: {how}");
            }
            for key in ["sim.parent", "http.request.resend_count", "sim.delivery", "sim.unfinished"]
            {
                let value = span.attribute(key);
                let _ = value.map(|value| write!(text, " {key}={value}"));
            }
            text.push('\n');
            for event in &span.events {
                let more = event.attributes.iter().map(|(key, value)| format!(" {key}={value}"));
                let more: String = more.collect();
                let depth = 2 * depth + 2;
                let _ = writeln!(text, "{:depth$}- {} {}{more}", "", event.at, event.name);
            }
            let mut below: Vec<_> = span.children().map(|child| (child, depth + 1)).collect();
            below.reverse();
            open.extend(below);
        }
    }
    text
}

/// A span of nanoseconds.
fn span(id: u64, parent: u64, start: u64, end: u64) -> Span {
    Span {
        trace: 1,
        id,
        parent: (parent != 0).then_some(parent),
        service: format!("s{id}").into(),
        operation: "work".into(),
        start: Time(start),
        end: Time(end),
        finished: true,
        ..Span::default()
    }
}
