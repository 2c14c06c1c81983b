//! Unmodified programs as members of a world.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::Future;
use std::panic::Location;
use std::rc::Rc;

use futures::future::LocalBoxFuture;

use super::member::{MemberBuilder, Spec, Start};
use super::{Sim, course};
use crate::node::{self, Boot, Lane};
use crate::os;
use crate::service::Ctx;
use crate::topology::Role;

/// What the operating system is told of a program.
#[derive(Clone, Default)]
pub(super) struct Settings {
    pub(super) environment: BTreeMap<String, String>,
    pub(super) reads: Vec<String>,
    /// It runs on a tokio runtime, as programs always do.
    pub(super) on_tokio: bool,
}

impl Settings {
    /// What a node with a tokio runtime does; `start` is called inside of it.
    pub(super) fn host(
        &self,
        ctx: Ctx,
        start: impl FnOnce() -> LocalBoxFuture<'static, ()> + 'static,
    ) -> LocalBoxFuture<'static, ()> {
        let mut environment = self.environment.clone();
        // As in a container.
        environment.entry("HOSTNAME".to_owned()).or_insert_with(|| ctx.name());
        os::program(ctx.node(), &environment, &self.reads, start)
    }
}

/// What the main function of a program may return: nothing, or an error with which it ends.
pub trait ProgramOutput {
    /// The error's text, if it is one.
    fn error(self) -> Option<String>;
}

impl ProgramOutput for () {
    fn error(self) -> Option<String> {
        None
    }
}

impl<E: Debug> ProgramOutput for Result<(), E> {
    fn error(self) -> Option<String> {
        self.err().map(|error| format!("{error:?}"))
    }
}

impl Sim {
    /// Adds a program: an unmodified `async fn main` on tokio, with real sockets, called at every
    /// start of each of its nodes. Its calls of the operating system are simulated: it
    /// listens and connects by host name on the world's network, in the world's time.
    ///
    /// Each node has a tokio runtime of one thread. A program that returns an error, or `Ok`, has
    /// exited; its node stays up without it.
    ///
    /// # Panics
    ///
    /// If the world has a member of that name; when it runs, outside of Linux with glibc, without
    /// `--cfg madsim`, and in an executable with calls that nobody knows ([`Sim::allows`]).
    #[track_caller]
    pub fn program<F>(&mut self, name: &str, main: impl Fn() -> F + 'static) -> MemberBuilder<'_>
    where
        F: Future + 'static,
        F::Output: ProgramOutput,
    {
        let main = Rc::new(main);
        let start: Start = Rc::new(move |spec| boot(main.clone(), spec));
        let mut program = self.add(name, Role::Service, Lane::Sockets, start, Location::caller());
        program.on_tokio();
        program
    }

    /// Lets programs call functions of the C library, or of another library, that
    /// [`stormglass audit`](crate::audit) does not know. Without it a world with programs does not
    /// start in an executable that asks for such a one, since what reaches the host does not replay.
    pub fn allows<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) -> &mut Self {
        self.allowed.extend(names.into_iter().map(str::to_owned));
        self
    }
}

/// What starts a program on a node.
fn boot<F>(main: Rc<impl Fn() -> F + 'static>, spec: &Spec) -> Boot
where
    F: Future + 'static,
    F::Output: ProgramOutput,
{
    let (settings, role) = (spec.settings.clone(), spec.role);
    Rc::new(move |ctx| {
        let main = main.clone();
        let start = move || -> LocalBoxFuture<'static, ()> {
            Box::pin(async move {
                if let Some(error) = main().await.error() {
                    ctx.record(format_args!("exits: {error}"));
                    node::fail(ctx.node());
                }
                if role == Role::Client {
                    course::client_ended();
                }
            })
        };
        Some(settings.host(ctx, start))
    })
}

impl MemberBuilder<'_> {
    /// Sets a variable of the environment of a program, or of handlers on tokio: `std::env::var` finds
    /// it, and nothing of the host's.
    pub fn env(&mut self, name: &str, value: impl ToString) -> &mut Self {
        self.0.settings.environment.insert(name.to_owned(), value.to_string());
        self
    }

    /// Lets a program read the files of the host below a folder, or one file.
    pub fn reads(&mut self, path: &str) -> &mut Self {
        self.0.settings.reads.push(path.to_owned());
        self
    }

    /// Says that this program drives the world, as a client does: the world ends when all that do
    /// have returned.
    pub fn drives(&mut self) -> &mut Self {
        self.0.role = Role::Client;
        self
    }
}
