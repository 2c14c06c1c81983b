//! Services and their callers: the message lane of HTTP, and the context that code runs in.
//!
//! A service is any [`tower_service::Service`] of `http::Request<Body>`: an axum `Router` runs
//! unmodified. A request or a response travels as one message, headers, body frames and trailers
//! kept, without being turned into bytes. What a caller sees of a service that is down, slow, cut
//! off or full is what it would see in life: a refusal, silence until its own timeout, a 503.
//!
//! A message that is lost is sent again, as TCP does it. A request whose caller has given up meanwhile is
//! still sent to the process that it was sent to, as a closed connection delivers what was written; to a
//! machine without power, or to a process that has started since, it is not.

mod body;
mod call;
mod context;
mod ctx;
mod exchange;
mod gateway;
mod head;
mod host;
mod http_client;
mod invocation;
mod label;
mod response;

pub use body::Body;
pub(crate) use call::Envelope;
pub(crate) use call::call_mailbox;
#[cfg(feature = "redb")]
pub(crate) use context::traceparent;
pub(crate) use context::{TRACEPARENT, read_traceparent};
pub use ctx::Ctx;
pub(crate) use exchange::{deliver, refuse};
pub(crate) use gateway::PORT as HTTP_PORT;
pub(crate) use host::{Host, Hosted, open_mailbox, serve};
pub use host::{IntoService, ServiceFactory};
pub use http_client::{HttpClient, RequestBuilder, Retry};
pub use invocation::Invocation;
pub use label::Label;
pub(crate) use label::route_label;
pub use response::{BreakConnection, HttpError, Response};

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use rustc_hash::FxHashMap;

use crate::journal::NodeId;
use crate::kernel::Kernel;
use crate::kernel::current::{self, Installed, Part};
use call::{Calls, Words};

/// Any error, as tower and hyper pass them.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The services of a world and the calls on their way.
pub(crate) struct Services {
    hosts: RefCell<FxHashMap<NodeId, Rc<Host>>>,
    /// What else nodes answer, by number: consumers of events.
    mailboxes: RefCell<BTreeMap<(NodeId, u32), Rc<Host>>>,
    calls: RefCell<Calls>,
    words: Words,
    /// Somebody may call handlers by sockets.
    has_doors: bool,
}

thread_local! {
    static SERVICES: Part<Services> = const { Part::empty() };
}

/// `has_doors` says whether handlers are reached by sockets, too.
pub(crate) fn install(kernel: &Kernel, has_doors: bool) -> Installed<Services> {
    let services = Services {
        hosts: RefCell::default(),
        mailboxes: RefCell::default(),
        calls: RefCell::default(),
        words: Words::new(kernel),
        has_doors,
    };
    current::install(&SERVICES, Rc::new(services))
}

fn with<R>(f: impl FnOnce(&Services) -> R) -> R {
    current::part(&SERVICES, |services| f(services))
}

/// A process went down: what it served is gone.
pub(crate) fn forget_node(node: NodeId) {
    let gone = with(|services| services.hosts.borrow_mut().remove(&node));
    drop(gone);
    let all = (node, 0)..=(node, u32::MAX);
    let closed: Vec<_> =
        with(|services| services.mailboxes.borrow_mut().extract_if(all, |_, _| true).collect());
    drop(closed);
}
