//! The members of a world while it is being described.

use std::collections::BTreeSet;
use std::panic::Location;

use crate::node::Boot;
use crate::topology::{Member, Role};

/// What the world knows of one member.
#[derive(Clone)]
pub(super) struct Spec {
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) replicas: u32,
    pub(super) replicas_max: u32,
    pub(super) calls: BTreeSet<String>,
    pub(super) processors: u32,
    pub(super) queue_limit: u32,
    pub(super) start: Start,
    pub(super) declared_at: &'static Location<'static>,
}

/// What is done when a node of the member starts.
#[derive(Clone)]
pub(super) enum Start {
    /// Given the limit of requests in progress, this makes the boot of a service.
    Service(std::rc::Rc<dyn Fn(u32) -> Boot>),
    Process(Boot),
    Client(Boot),
}

impl Spec {
    pub(super) fn new(
        name: &str,
        role: Role,
        start: Start,
        declared_at: &'static Location<'static>,
    ) -> Spec {
        Spec {
            name: name.to_owned(),
            role,
            replicas: 1,
            replicas_max: 1,
            calls: BTreeSet::new(),
            processors: 1,
            queue_limit: u32::MAX,
            start,
            declared_at,
        }
    }

    pub(super) fn boot(&self) -> Boot {
        match &self.start {
            Start::Service(with_limit) => with_limit(self.queue_limit),
            Start::Process(boot) | Start::Client(boot) => boot.clone(),
        }
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
        }
    }
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

    /// Requests in progress above which a node answers 503 at once. The default is no limit.
    pub fn queue_limit(&mut self, requests: u32) -> &mut Self {
        self.0.queue_limit = requests;
        self
    }
}
