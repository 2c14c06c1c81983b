//! The serving side: what turns the user's service into something a node can host.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::ready;

use bytes::Buf;
use futures::future::LocalBoxFuture;
use http::{Request, Response, StatusCode};
use tower_service::Service;

use super::{Body, BoxError, Ctx, gateway, with};
use crate::node;

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>>>>;

/// A service of any type behind one face.
trait Handler {
    fn call(self: Rc<Self>, request: Request<Body>) -> Answer;
}

/// What one node serves.
pub(crate) struct Host {
    handler: Rc<dyn Handler>,
    in_flight: Cell<u32>,
    /// Requests in progress above which the answer is 503.
    limit: u32,
    /// Where the service was declared: the place of its requests' tasks.
    pub(super) declared_at: &'static Location<'static>,
}

impl Host {
    /// Has a request answered; an error of the handler is a 500.
    pub(super) async fn call(&self, request: Request<Body>) -> Response<Body> {
        let handler = self.handler.clone();
        handler
            .call(request)
            .await
            .unwrap_or_else(|error| plain(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
    }

    /// A place for one more request, unless as many as there may be are in progress.
    pub(super) fn take_place(self: &Rc<Self>) -> Option<Place> {
        let in_flight = self.in_flight.get();
        (in_flight < self.limit).then(|| {
            self.in_flight.set(in_flight + 1);
            Place(self.clone())
        })
    }

    /// What is answered without a place.
    pub(super) fn full(&self) -> Response<Body> {
        plain(StatusCode::SERVICE_UNAVAILABLE, "too many requests in progress".to_owned())
    }
}

fn plain(status: StatusCode, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
}

/// A request in progress.
pub(super) struct Place(Rc<Host>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.in_flight.set(self.0.in_flight.get() - 1);
    }
}

/// Makes `service` what a node serves, with at most `limit` requests in progress. Gives what the
/// node does beside, if programs may call it at `port`.
pub(crate) fn serve(
    ctx: Ctx,
    service: Hosted,
    limit: u32,
    port: u16,
) -> Option<LocalBoxFuture<'static, ()>> {
    let node = ctx.node();
    let declared_at = node::declared_at(node);
    let host = Host { handler: service.0, in_flight: Cell::new(0), limit, declared_at };
    let before = with(|services| services.hosts.borrow_mut().insert(node, Rc::new(host)));
    drop(before);
    with(|services| services.has_doors).then(|| gateway::door(ctx, port))
}

/// Answers messages with a function.
struct Function<F>(F);

impl<F: Fn(Request<Body>) -> Answer> Handler for Function<F> {
    fn call(self: Rc<Self>, request: Request<Body>) -> Answer {
        (self.0)(request)
    }
}

/// Has `answer` called for each message to the mailbox of that number, beside what the node serves.
/// It is closed when the node goes down.
pub(crate) fn open_mailbox(
    ctx: Ctx,
    number: u32,
    answer: impl Fn(Request<Body>) -> Answer + 'static,
) {
    let node = ctx.node();
    let declared_at = node::declared_at(node);
    let handler = Rc::new(Function(answer));
    let host = Host { handler, in_flight: Cell::new(0), limit: u32::MAX, declared_at };
    let before =
        with(|services| services.mailboxes.borrow_mut().insert((node, number), Rc::new(host)));
    drop(before);
}

/// A service that a node can host.
pub struct Hosted(Rc<dyn Handler>);

impl std::fmt::Debug for Hosted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hosted")
    }
}

struct Tower<S, R> {
    service: RefCell<S>,
    response: PhantomData<R>,
}

impl<S, R> Handler for Tower<S, R>
where
    S: Service<Request<Body>, Response = Response<R>> + 'static,
    S::Error: Into<BoxError>,
    S::Future: 'static,
    R: http_body::Body + 'static,
    R::Data: Buf,
    R::Error: Into<BoxError>,
{
    fn call(self: Rc<Self>, request: Request<Body>) -> Answer {
        Box::pin(async move {
            let mut request = Some(request);
            // Readiness and call in one step: no other request can take the place between them.
            let future = poll_fn(|cx| {
                let mut service = self.service.borrow_mut();
                ready!(service.poll_ready(cx)).map_err(Into::into)?;
                let request = request.take().expect("it is called once, when it is ready");
                std::task::Poll::Ready(Ok::<_, BoxError>(service.call(request)))
            })
            .await?;
            let (parts, body) = future.await.map_err(Into::into)?.into_parts();
            Ok(Response::from_parts(parts, Body::collect(body).await?))
        })
    }
}

/// What a factory may return: any tower service of HTTP requests.
pub trait IntoService<R> {
    /// Makes it something that a node can host.
    fn into_hosted(self) -> Hosted;
}

impl<S, R> IntoService<R> for S
where
    S: Service<Request<Body>, Response = Response<R>> + 'static,
    S::Error: Into<BoxError>,
    S::Future: 'static,
    R: http_body::Body + 'static,
    R::Data: Buf,
    R::Error: Into<BoxError>,
{
    fn into_hosted(self) -> Hosted {
        Hosted(Rc::new(Tower { service: RefCell::new(self), response: PhantomData }))
    }
}

/// Makes a service at each start of its node: `fn() -> Router` or `fn(Ctx) -> Router`.
pub trait ServiceFactory<Args>: 'static {
    /// Calls the factory.
    fn make(&self, ctx: Ctx) -> Hosted;
}

impl<F, S, R> ServiceFactory<((), S, R)> for F
where
    F: Fn() -> S + 'static,
    S: IntoService<R>,
{
    fn make(&self, _: Ctx) -> Hosted {
        self().into_hosted()
    }
}

impl<F, S, R> ServiceFactory<(Ctx, S, R)> for F
where
    F: Fn(Ctx) -> S + 'static,
    S: IntoService<R>,
{
    fn make(&self, ctx: Ctx) -> Hosted {
        self(ctx).into_hosted()
    }
}
