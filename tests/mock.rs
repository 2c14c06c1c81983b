//! Mocks: stubs that answer for services of others.
#![allow(clippy::unwrap_used, reason = "a test's helpers are tests, too")]

mod answers;
mod faults;
mod import;
#[cfg(all(madsim, target_os = "linux", target_env = "gnu"))]
mod programs;
mod replay;
mod state;
mod templates;
mod verify;

use std::rc::Rc;
use std::time::Duration;

use expect_test::{Expect, expect};
use http::Method;
use stormglass::journal::Kind;
use stormglass::mock::{
    Count, Delay, Fault as MockFault, Matcher, Mock, Reply, RequestPattern, ServiceMockManager,
    Stub, Stubs,
};
use stormglass::net::LinkProfile;
use stormglass::prelude::*;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A request of a test: `POST /charge`, headers as `name: value`, a body.
#[derive(Clone, Debug, Default)]
struct Ask {
    line: String,
    headers: Vec<(String, String)>,
    body: String,
}

fn ask(line: &str) -> Ask {
    Ask { line: line.to_owned(), ..Ask::default() }
}

impl Ask {
    fn header(mut self, name: &str, value: &str) -> Ask {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn body(self, body: &str) -> Ask {
        Ask { body: body.to_owned(), ..self }
    }

    /// Sends it, and says what came of it.
    async fn send(&self, ctx: Ctx) -> String {
        let (method, path) = self.line.split_once(' ').unwrap();
        let url = format!("http://payment{path}");
        let mut request = ctx.http().request(Method::from_bytes(method.as_bytes()).unwrap(), &url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        match request.body(self.body.clone()).send().await {
            Ok(reply) => format!("{} {}", reply.status().as_u16(), reply.text()).trim().to_owned(),
            Err(error) => error.to_string(),
        }
    }
}

/// A world with a mock `payment` and a client that asks one request after the other. `setup` may do
/// more to both.
fn asking<S: Fn(&mut Sim, Mock) + 'static>(
    stubs: &Stubs,
    asks: Vec<Ask>,
    setup: S,
) -> impl Fn(&mut Sim) + use<S> {
    let (stubs, asks, setup) = (stubs.clone(), Rc::new(asks), Rc::new(setup));
    move |sim: &mut Sim| {
        sim.links(LinkProfile::with_delay(ms(1)));
        sim.chaos(Chaos::none());
        let payment = ServiceMockManager::new().install(sim, "payment", &stubs);
        let asks = asks.clone();
        sim.client("client", move |ctx| {
            let asks = asks.clone();
            async move {
                for ask in asks.iter() {
                    let seen = ask.send(ctx).await;
                    ctx.record(seen);
                }
                Ok::<(), String>(())
            }
        });
        setup(sim, payment);
    }
}

fn notes(run: &Run) -> String {
    let line = |e: stormglass::journal::Event<'_>| {
        format!("{} {}: {}\n", e.at(), e.node_name(), e.text().unwrap_or_default())
    };
    run.journal.of_kind(Kind::Note).map(line).collect()
}

/// Asks, and compares what is recorded; links take 1 ms.
#[track_caller]
fn check(stubs: &Stubs, asks: impl IntoIterator<Item = Ask>, expect: Expect) {
    let world = asking(stubs, asks.into_iter().collect(), |_, _| {});
    let run = run(&world, &RunConfig::seed(1));
    assert!(run.verdict().holds(), "{}", run.verdict());
    expect.assert_eq(&notes(&run));
}

fn charge() -> RequestPattern {
    RequestPattern::new("POST").path("/charge")
}
