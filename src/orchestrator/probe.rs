//! What a health check asks of a container in the simulation.

use std::rc::Rc;

use super::compose::{Service, Test, Warning};
use super::supervisor::Probe;
use crate::service::Ctx;

/// How a container can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Its node hands requests to a handler: it takes them as long as it is up.
    Handler,
    /// It listens at ports of its own.
    Sockets,
}

/// The probe that asks what a test asks, and what is to be said of it.
pub(super) fn of(test: &Test, service: &Service, kind: Asked) -> (Probe, Option<Warning>) {
    match (test, kind, service.ports.first()) {
        (Test::Http { port, path, status }, ..) => (http(*port, path, *status), None),
        (Test::Tcp { port }, Asked::Sockets, _) => (tcp(*port), None),
        (Test::Command { .. }, Asked::Sockets, Some(port)) => (tcp(*port), None),
        (Test::Command { .. }, Asked::Sockets, None) => {
            let text = format!(
                "the file names no port of `{}`: its health check is that its process runs",
                service.name
            );
            (runs(), Some(Warning { place: service.place.clone(), text }))
        }
        (_, Asked::Handler, _) => (runs(), None),
    }
}

fn http(port: u16, path: &str, status: bool) -> Probe {
    let url = format!("http://localhost:{port}{path}");
    Rc::new(move |ctx: Ctx| {
        let request = ctx.http().get(&url);
        Box::pin(async move {
            let answer = request.send().await.map_err(|error| error.to_string())?;
            match answer.status() {
                code if status && code.as_u16() >= 400 => Err(format!("status {code}")),
                _ => Ok(()),
            }
        })
    })
}

fn tcp(port: u16) -> Probe {
    Rc::new(move |ctx: Ctx| {
        Box::pin(async move {
            ctx.connect("localhost", port).await.map(drop).map_err(|error| error.to_string())
        })
    })
}

/// A process that does not run does not answer at all.
fn runs() -> Probe {
    Rc::new(|_| Box::pin(std::future::ready(Ok(()))))
}
