//! A broker as a member of a world.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use super::broker::Door;
use super::event::is_name;
use crate::sim::{MemberBuilder, Sim};

/// What a broker is told about itself.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// The partitions of a topic that is not among `topics`.
    pub(super) partitions: u32,
    /// The declared topics. If there are any, no others are made.
    pub(super) topics: BTreeMap<String, u32>,
    pub(super) ack_timeout: Duration,
    pub(super) session_timeout: Duration,
    pub(super) backoff: Duration,
    pub(super) deliveries_max: u32,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            partitions: 4,
            topics: BTreeMap::new(),
            ack_timeout: Duration::from_secs(1),
            session_timeout: Duration::from_secs(2),
            backoff: Duration::from_millis(50),
            deliveries_max: 16,
        }
    }
}

impl Sim {
    /// Adds a broker of events; see [`crate::events`]. Code on a node finds the one that is called
    /// `events` with [`Ctx::events`](crate::service::Ctx::events), others with
    /// [`Ctx::broker`](crate::service::Ctx::broker).
    ///
    /// # Panics
    ///
    /// If the world has a member of that name.
    #[track_caller]
    pub fn broker(&mut self, name: &str) -> BrokerBuilder<'_> {
        let settings = Rc::new(RefCell::new(Settings::default()));
        let shared = settings.clone();
        let member = self.service(name, move |ctx| Door::new(ctx, shared.borrow().clone()));
        BrokerBuilder { member, settings }
    }
}

/// Describes a broker further.
pub struct BrokerBuilder<'a> {
    member: MemberBuilder<'a>,
    settings: Rc<RefCell<Settings>>,
}

impl fmt::Debug for BrokerBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BrokerBuilder").field(&self.settings.borrow()).finish()
    }
}

impl BrokerBuilder<'_> {
    /// Declares a topic. A broker with declared topics refuses all others; one without makes a topic
    /// when somebody names it.
    ///
    /// # Panics
    ///
    /// If there are no partitions, or the name is none: letters, digits, `.`, `_`, `-`.
    #[track_caller]
    pub fn topic(&mut self, name: &str, partitions: u32) -> &mut Self {
        assert!(is_name(name), "`{name}` cannot be the name of a topic");
        assert!(partitions > 0, "the topic `{name}` needs a partition");
        self.settings.borrow_mut().topics.insert(name.to_owned(), partitions);
        self
    }

    /// The partitions of a topic that was not declared. The default is 4.
    ///
    /// # Panics
    ///
    /// If there are none.
    #[track_caller]
    pub fn partitions(&mut self, partitions: u32) -> &mut Self {
        assert!(partitions > 0, "a topic needs a partition");
        self.settings.borrow_mut().partitions = partitions;
        self
    }

    /// How long a consumer has for an event before it is delivered again. The default is 1 s.
    pub fn ack_timeout(&mut self, timeout: Duration) -> &mut Self {
        self.settings.borrow_mut().ack_timeout = timeout;
        self
    }

    /// After how long without a heartbeat a member of a group is taken for dead. The default is 2 s;
    /// members send four heartbeats in that time.
    pub fn session_timeout(&mut self, timeout: Duration) -> &mut Self {
        self.settings.borrow_mut().session_timeout = timeout;
        self
    }

    /// The pause before the second delivery of an event; it doubles before each further one, up to 1 s.
    /// The default is 50 ms.
    pub fn backoff(&mut self, backoff: Duration) -> &mut Self {
        self.settings.borrow_mut().backoff = backoff;
        self
    }

    /// After how many deliveries in vain an event is a dead letter. At least 1; the default is 16,
    /// which outlasts a partition of 10 s. A delivery to a process that does not run is none.
    pub fn deliveries_max(&mut self, deliveries: u32) -> &mut Self {
        self.settings.borrow_mut().deliveries_max = deliveries.max(1);
        self
    }

    /// The members that consume: chaos then strikes these edges alone, as with
    /// [`MemberBuilder::calls`].
    pub fn delivers_to<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) -> &mut Self {
        self.member.calls(names);
        self
    }
}
