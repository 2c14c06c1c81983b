//! The members of a world while it is being described: services, processes, clients.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::future::Future;
use std::panic::Location;
use std::rc::Rc;

use futures::future::LocalBoxFuture;

use super::program::Settings;
use super::{Sim, course};
use crate::node::{self, Boot, Lane};
use crate::service::{Ctx, HTTP_PORT, Hosted, ServiceFactory, serve};
use crate::topology::{Member, Role};

/// What the world knows of one member.
#[derive(Clone)]
pub(super) struct Spec {
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) lane: Lane,
    pub(super) replicas: u32,
    pub(super) replicas_max: u32,
    pub(super) calls: BTreeSet<String>,
    /// How many there are in its workload, kept or not.
    pub(super) operations: Option<usize>,
    pub(super) processors: u32,
    pub(super) queue_limit: u32,
    /// Where programs reach it.
    pub(super) port: u16,
    pub(super) start: Start,
    pub(super) settings: Settings,
    /// The networks that it is on; none: all.
    pub(super) place: Option<node::Place>,
    pub(super) declared_at: &'static Location<'static>,
}

/// Makes what is done when a node of the member starts, from what was said of it.
pub(super) type Start = Rc<dyn Fn(&Spec) -> Boot>;

impl Spec {
    pub(super) fn new(
        name: &str,
        role: Role,
        lane: Lane,
        start: Start,
        declared_at: &'static Location<'static>,
    ) -> Spec {
        Spec {
            name: name.to_owned(),
            role,
            lane,
            replicas: 1,
            replicas_max: 1,
            calls: BTreeSet::new(),
            operations: None,
            processors: 1,
            queue_limit: u32::MAX,
            port: HTTP_PORT,
            start,
            settings: Settings::default(),
            place: None,
            declared_at,
        }
    }

    pub(super) fn boot(&self) -> Boot {
        (self.start)(self)
    }

    pub(super) fn member(&self) -> Member {
        Member {
            name: self.name.clone(),
            replicas: self.replicas,
            // The world ends with its clients: there are no more and no fewer than declared.
            replicas_max: match self.role {
                Role::Service => self.replicas_max.max(self.replicas),
                Role::Client => self.replicas,
            },
            role: self.role,
            calls: self.calls.clone(),
            operations: self.operations,
        }
    }
}

/// Who is in the world.
impl Sim {
    /// Adds an HTTP service. The factory, `fn() -> S` or `fn(Ctx) -> S`, is called at every start of
    /// each of its nodes; `S` is any tower service of `http::Request<Body>`, such as an axum
    /// `Router`.
    ///
    /// # Panics
    ///
    /// If the world has a member of that name.
    #[track_caller]
    pub fn service<Args: 'static>(
        &mut self,
        name: &str,
        factory: impl ServiceFactory<Args>,
    ) -> MemberBuilder<'_> {
        self.hosted(name, move |ctx| factory.make(ctx))
    }

    /// Adds an HTTP service of any type.
    #[track_caller]
    pub(crate) fn hosted(
        &mut self,
        name: &str,
        make: impl Fn(Ctx) -> Hosted + 'static,
    ) -> MemberBuilder<'_> {
        let make = Rc::new(make);
        let start: Start = Rc::new(move |spec| {
            let (make, settings) = (make.clone(), spec.settings.clone());
            let (limit, port) = (spec.queue_limit, spec.port);
            Rc::new(move |ctx| {
                let make = make.clone();
                let serve = move || serve(ctx, make(ctx), limit, port);
                match settings.on_tokio {
                    true => Some(settings.host(ctx, move || {
                        serve().unwrap_or_else(|| Box::pin(std::future::pending()))
                    })),
                    false => serve(),
                }
            })
        });
        self.add(name, Role::Service, Lane::Messages, start, Location::caller())
    }

    /// Adds a process: an async function that is called at every start of each of its nodes, and
    /// may run for ever. A world without clients is healed when its storm is over.
    ///
    /// # Panics
    ///
    /// If the world has a member of that name.
    #[track_caller]
    pub fn process<F>(&mut self, name: &str, body: impl Fn(Ctx) -> F + 'static) -> MemberBuilder<'_>
    where
        F: Future<Output = ()> + 'static,
    {
        let start = run_on(move |ctx| Box::pin(body(ctx)));
        self.add(name, Role::Service, Lane::Sockets, start, Location::caller())
    }

    /// Adds a client: an async function that drives the world. The world ends when all clients
    /// have ended and its `eventually` properties hold. A client's error is recorded; it violates
    /// nothing by itself.
    ///
    /// # Panics
    ///
    /// If the world has a member of that name.
    #[track_caller]
    pub fn client<F, E>(
        &mut self,
        name: &str,
        body: impl Fn(Ctx) -> F + 'static,
    ) -> MemberBuilder<'_>
    where
        F: Future<Output = Result<(), E>> + 'static,
        E: Display,
    {
        let start = run_on(move |ctx| {
            let body = body(ctx);
            Box::pin(async move {
                if let Err(error) = body.await {
                    ctx.record(format_args!("gives up: {error}"));
                }
                course::client_ended();
            })
        });
        self.add(name, Role::Client, Lane::Sockets, start, Location::caller())
    }

    /// Adds a client that does a list of operations, one after the other. A failing run is shrunk
    /// by leaving operations out, so draw the list from [`Sim::stream`] and keep the operations
    /// independent of each other. An operation's error is recorded, and the next one follows.
    ///
    /// # Panics
    ///
    /// If the world has a member of that name.
    #[track_caller]
    pub fn workload<O, F, E>(
        &mut self,
        name: &str,
        operations: Vec<O>,
        body: impl Fn(Ctx, O) -> F + 'static,
    ) -> MemberBuilder<'_>
    where
        O: Clone + std::fmt::Debug + 'static,
        F: Future<Output = Result<(), E>> + 'static,
        E: Display,
    {
        let count = operations.len();
        let kept: Vec<(usize, O)> = operations
            .into_iter()
            .enumerate()
            .filter(|(i, _)| self.plan.as_ref().is_none_or(|plan| plan.keeps(name, *i)))
            .collect();
        let (kept, body) = (Rc::new(kept), Rc::new(body));
        let client = self.client(name, move |ctx| {
            let (kept, body) = (kept.clone(), body.clone());
            async move {
                for (index, operation) in kept.iter() {
                    course::record_operation(ctx, *index, "invoke", format!("{operation:?}"));
                    let result = body(ctx, operation.clone()).await;
                    let (what, text) = match result {
                        Ok(()) => ("ok", String::new()),
                        Err(error) => ("failed", error.to_string()),
                    };
                    course::record_operation(ctx, *index, what, text);
                }
                Ok::<(), E>(())
            }
        });
        client.0.operations = Some(count);
        client
    }

    #[track_caller]
    pub(super) fn add(
        &mut self,
        name: &str,
        role: Role,
        lane: Lane,
        start: Start,
        declared_at: &'static Location<'static>,
    ) -> MemberBuilder<'_> {
        let taken = self.members.iter().any(|member| member.name == name);
        assert!(!taken, "the world has a member `{name}` already");
        assert!(
            !name.is_empty() && name != "world" && name != "localhost",
            "`{name}` cannot be the name of a member"
        );
        self.members.push(Spec::new(name, role, lane, start, declared_at));
        MemberBuilder(self.members.last_mut().expect("pushed above"))
    }
}

/// What starts a process or client.
fn run_on(body: impl Fn(Ctx) -> LocalBoxFuture<'static, ()> + 'static) -> Start {
    let body = Rc::new(body);
    Rc::new(move |spec| {
        let (body, settings) = (body.clone(), spec.settings.clone());
        Rc::new(move |ctx| match settings.on_tokio {
            true => {
                let body = body.clone();
                Some(settings.host(ctx, move || body(ctx)))
            }
            false => Some(body(ctx)),
        })
    })
}

/// Describes a service or process further.
pub struct MemberBuilder<'a>(pub(super) &'a mut Spec);

impl std::fmt::Debug for MemberBuilder<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("MemberBuilder").field(&self.0.name).finish()
    }
}

impl MemberBuilder<'_> {
    /// How many nodes it begins with: `inventory` with 3 is `inventory-0` to `inventory-2`. At least
    /// 1, which is the default.
    pub fn replicas(&mut self, replicas: u32) -> &mut Self {
        self.0.replicas = replicas.max(1);
        self
    }

    /// How many nodes it may be scaled to while the world runs ([`Ctx::scale`]): said beforehand, so
    /// that scripts may name them, and chaos strikes them when they are there. The default is the
    /// number of its replicas; for a client it means nothing.
    ///
    /// [`Ctx::scale`]: crate::service::Ctx::scale
    pub fn replicas_max(&mut self, replicas: u32) -> &mut Self {
        self.0.replicas_max = replicas;
        self
    }

    /// The services that it calls. Said, chaos strikes these edges alone, and a script that names
    /// another one is refused; not said, it may call any.
    pub fn calls<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) -> &mut Self {
        self.0.calls.extend(names.into_iter().map(str::to_owned));
        self
    }

    /// How much work (`ctx.work`) each of its nodes does at a time. The default is 1.
    pub fn processors(&mut self, processors: u32) -> &mut Self {
        self.0.processors = processors.max(1);
        self
    }

    /// Runs its code inside of a tokio runtime, one for each node, in virtual time: `tokio::spawn`,
    /// `tokio::time`, tower's timers and tokio's sockets work in handlers, as they do in programs.
    /// Its calls still travel as messages. Without it a handler that needs a runtime panics.
    ///
    /// Not the default, since most handlers need none: a runtime takes about 20 KB and two
    /// descriptors a node.
    ///
    /// # Panics
    ///
    /// When the world runs, as [`Sim::program`].
    pub fn on_tokio(&mut self) -> &mut Self {
        self.0.settings.on_tokio = true;
        self
    }

    /// The port at which a service hears those who call it by sockets: programs, and handlers
    /// [on tokio](MemberBuilder::on_tokio). The default is 80. Others call it by name alone.
    pub fn port(&mut self, port: u16) -> &mut Self {
        self.0.port = port;
        self
    }

    /// Puts it on networks: it finds those alone that are on one of them, or of which nobody has said.
    pub(crate) fn place(&mut self, place: node::Place) -> &mut Self {
        self.0.place = Some(place);
        self
    }

    /// Where it was declared, for who declares it in somebody's name.
    pub(crate) fn declared_at(&mut self, location: &'static Location<'static>) -> &mut Self {
        self.0.declared_at = location;
        self
    }

    /// Requests in progress above which a node answers 503 at once. The default is no limit.
    pub fn queue_limit(&mut self, requests: u32) -> &mut Self {
        self.0.queue_limit = requests;
        self
    }
}
