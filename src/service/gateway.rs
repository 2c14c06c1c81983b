//! Where messages become bytes: programs call handlers, and handlers call programs.
//!
//! A handler hears programs at a port of its node, in HTTP/1.1 or HTTP/2 with prior knowledge, and a
//! call of `ctx.http()` to a node without a handler goes over a connection of its own. So such
//! traffic meets every fault of streams, and looks to both sides as it would in life.

use std::cell::OnceCell;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use futures::future::{Either, LocalBoxFuture, select};
use futures::io::{AsyncRead, AsyncWrite};
use http::header::HOST;
use http::uri::{Parts, PathAndQuery, Scheme};
use http::{HeaderValue, Request, Response as HttpResponse, Uri, Version};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::rt::{Executor, Read, ReadBufCursor, Write};
use hyper::service::service_fn;
use hyper_util::server::conn::auto;

use super::{Body, BoxError, BreakConnection, Ctx, HttpError, Response, context, with};
use crate::journal::NodeId;
use crate::kernel::current;
use crate::net::{Addr, Connection, Listener};
use crate::node;
use crate::time::Time;

/// Bytes that are read at once.
const READ: usize = 8 << 10;
/// The port of `http:`.
pub(crate) const PORT: u16 = 80;

/// The way into a handler for those who call it by sockets.
pub(super) fn door(ctx: Ctx, port: u16) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        let node = ctx.node();
        let listener = Listener::bind(node, port).expect("a node that starts has no ports in use");
        while let Ok((connection, _)) = listener.accept().await {
            OnNode(node).execute(async move {
                let (wire, broken) =
                    (Wire(Arc::new(Mutex::new(connection))), Rc::new(OnceCell::new()));
                let (connection, tells) = (wire.0.clone(), broken.clone());
                let service = service_fn(move |request| {
                    let tells = tells.clone();
                    async move { whole(answer(node, request).await?, &tells) }
                });
                let mut server = auto::Builder::new(OnNode(node));
                server.http1().auto_date_header(false);
                server.http2().auto_date_header(false);
                // Whatever ends a connection, its other end has seen it.
                let _ = server.serve_connection(wire, service).await;
                if let Some(broken) = broken.get() {
                    break_off(connection, broken);
                }
            });
        }
    })
}

/// The response, unless it says that its connection breaks: that ends the serving of it.
fn whole(
    response: HttpResponse<Body>,
    tells: &OnceCell<BreakConnection>,
) -> Result<HttpResponse<Body>, BoxError> {
    let Some(broken) = BreakConnection::of(&response) else { return Ok(response) };
    let _ = tells.set(broken.clone());
    Err("the service breaks the connection".into())
}

/// Nobody serves the connection any more: ends it as the service said.
fn break_off(connection: Arc<Mutex<Connection>>, broken: &BreakConnection) {
    let connection = Arc::into_inner(connection).and_then(|shared| shared.into_inner().ok());
    let Some(connection) = connection else { return };
    match broken {
        BreakConnection::Reset => connection.reset(),
        // A few bytes into an empty buffer; if the other end has gone, they are for nobody.
        BreakConnection::Bytes(bytes) => drop(connection.try_write(bytes)),
    }
}

/// Has a request answered as the message lane does.
async fn answer(node: NodeId, request: Request<Incoming>) -> Result<HttpResponse<Body>, BoxError> {
    let (parts, body) = request.into_parts();
    let request = Request::from_parts(parts, Body::collect(body).await?);
    let host = with(|services| services.hosts.borrow().get(&node).cloned());
    let host = host.ok_or("the process is down")?;
    let trace = context::read(request.headers()).unwrap_or_default();
    current::with(|kernel| kernel.set_trace(trace));
    match host.take_place() {
        Some(_place) => Ok(host.call(request).await),
        None => Ok(host.full()),
    }
}

/// Calls a node that has no handler, over a connection of its own. Requests of HTTP/2, as gRPC
/// clients make them, are sent as such.
pub(super) async fn call(
    node: NodeId,
    to: NodeId,
    mut request: Request<Body>,
) -> Result<Response, HttpError> {
    if request.uri().scheme() == Some(&Scheme::HTTPS) {
        let reason = "TLS is not simulated; call it by `http:`";
        return Err(HttpError::BadRequest(format!("`{}`: {reason}", request.uri())));
    }
    let since = current::with(|kernel| kernel.now());
    let number = with(|services| services.calls.borrow_mut().number());
    current::with(|kernel| context::pass_on(kernel, request.headers_mut(), u64::from(number)));
    let to = Addr { node: to, port: request.uri().port_u16().unwrap_or(PORT) };
    let failed = |error: &io::Error| error_of(error, since);
    let connection = Connection::connect(node, to, None).await.map_err(|e| failed(&e))?;
    let wire = Wire(Arc::new(Mutex::new(connection)));
    let answer = if request.version() == Version::HTTP_2 {
        let handshake = http2::Builder::new(OnNode(node)).handshake(wire).await;
        let (mut sender, connection) = handshake.map_err(|e| error_of_hyper(&e, since))?;
        exchange(connection, async move { collect(sender.send_request(request).await?).await })
            .await
    } else {
        let handshake = http1::handshake(wire).await;
        let (mut sender, connection) = handshake.map_err(|e| error_of_hyper(&e, since))?;
        to_origin_form(&mut request)?;
        exchange(connection, async move { collect(sender.send_request(request).await?).await })
            .await
    };
    answer.map(Response).map_err(|error| error_of_hyper(&error, since))
}

/// The path alone, and the host as a header (RFC 9112, section 3.2.1).
fn to_origin_form(request: &mut Request<Body>) -> Result<(), HttpError> {
    let uri = std::mem::take(request.uri_mut());
    if let Some(authority) = uri.authority()
        && !request.headers().contains_key(HOST)
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        request.headers_mut().insert(HOST, host);
    }
    let mut parts = Parts::default();
    let path = uri.into_parts().path_and_query;
    parts.path_and_query = Some(path.unwrap_or(PathAndQuery::from_static("/")));
    let path = Uri::from_parts(parts).map_err(|e| HttpError::BadRequest(e.to_string()))?;
    *request.uri_mut() = path;
    Ok(())
}

async fn collect(response: HttpResponse<Incoming>) -> hyper::Result<HttpResponse<Body>> {
    let (parts, body) = response.into_parts();
    Ok(HttpResponse::from_parts(parts, Body::gather(body).await?))
}

/// Drives the connection until the answer is there.
async fn exchange<R>(
    connection: impl Future<Output = hyper::Result<()>>,
    answer: impl Future<Output = hyper::Result<R>>,
) -> hyper::Result<R> {
    match select(pin!(answer), pin!(connection)).await {
        Either::Left((answer, _)) => answer,
        // It has told the one who asks why it ended.
        Either::Right((_, answer)) => answer.await,
    }
}

fn error_of_hyper(error: &hyper::Error, since: Time) -> HttpError {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = source {
        if let Some(error) = cause.downcast_ref::<io::Error>() {
            return error_of(error, since);
        }
        source = cause.source();
    }
    match error.is_parse() {
        true => HttpError::Decode(error.to_string()),
        false => HttpError::Reset,
    }
}

fn error_of(error: &io::Error, since: Time) -> HttpError {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => HttpError::Refused,
        io::ErrorKind::TimedOut => {
            HttpError::TimedOut(current::with(|kernel| kernel.now()).since(since))
        }
        io::ErrorKind::AddrNotAvailable => HttpError::BadRequest(error.to_string()),
        _ => HttpError::Reset,
    }
}

/// Makes tasks of a node.
#[derive(Clone, Copy, Debug)]
struct OnNode(NodeId);

impl<F: Future<Output: 'static> + 'static> Executor<F> for OnNode {
    fn execute(&self, future: F) {
        let declared_at = node::declared_at(self.0);
        current::with(|kernel| {
            kernel.spawn_unrecorded(self.0, declared_at, kernel.here(), async move {
                future.await;
            });
        });
    }
}

/// A connection as hyper wants it. It is shared, so that a door can end it in its own way; a mutex,
/// since a call's future must be `Send`.
#[derive(Debug)]
struct Wire(Arc<Mutex<Connection>>);

impl Read for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut buffer = [0; READ];
        let most = into.remaining().min(READ);
        let length = ready!(
            Pin::new(&mut *self.0.lock().expect("one thread")).poll_read(cx, &mut buffer[..most])
        )?;
        into.put_slice(&buffer[..length]);
        Poll::Ready(Ok(()))
    }
}

impl Write for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0.lock().expect("one thread")).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.lock().expect("one thread")).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.lock().expect("one thread")).poll_close(cx)
    }
}
