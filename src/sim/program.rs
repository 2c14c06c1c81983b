//! Unmodified programs as members of a world.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::Future;
use std::panic::Location;
use std::rc::Rc;

use super::member::{MemberBuilder, Start};
use super::{Sim, course};
use crate::node::Boot;
use crate::topology::Role;

/// What the operating system is told of a program.
#[derive(Clone, Default)]
pub(super) struct Settings {
    pub(super) environment: BTreeMap<String, String>,
    pub(super) reads: Vec<String>,
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
    /// If the world has a member of that name; when it runs, outside of Linux with glibc and
    /// without `--cfg madsim`.
    #[track_caller]
    pub fn program<F>(&mut self, name: &str, main: impl Fn() -> F + 'static) -> MemberBuilder<'_>
    where
        F: Future + 'static,
        F::Output: ProgramOutput,
    {
        let main = Rc::new(main);
        let start =
            Start::Program(Rc::new(move |settings, role| boot(main.clone(), settings, role)));
        self.add(name, Role::Service, start, Location::caller())
    }
}

/// What starts a program on a node.
fn boot<F>(main: Rc<impl Fn() -> F + 'static>, settings: Settings, role: Role) -> Boot
where
    F: Future + 'static,
    F::Output: ProgramOutput,
{
    Rc::new(move |ctx| {
        let main = main.clone();
        let started = move || -> futures::future::LocalBoxFuture<'static, ()> {
            Box::pin(async move {
                if let Some(error) = main().await.error() {
                    ctx.record(format_args!("exits: {error}"));
                }
                if role == Role::Client {
                    course::client_ended();
                }
            })
        };
        Some(crate::os::program(ctx.node(), &settings.environment, &settings.reads, started))
    })
}

impl MemberBuilder<'_> {
    /// Sets a variable of the environment of a program: `std::env::var` finds it, and nothing of
    /// the host's. Of no meaning for other members.
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
