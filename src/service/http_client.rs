//! The calling side: a tower service, and a small client on top of it.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Uri};
use serde::Serialize;

use super::{Body, BoxError, HttpError, Response, call, gateway, label};
use crate::clock::{Sleep, Timeout};
use crate::kernel::{Home, current};
use crate::node;

/// The HTTP client of a node, from `ctx.http()`.
///
/// It is a [`tower_service::Service`], so tower's layers fit on it; and it has its own builder:
/// `ctx.http().post("http://payment/charge").json(&charge).send().await?`.
#[derive(Clone, Copy, Debug)]
pub struct HttpClient {
    home: Home,
}

impl HttpClient {
    pub(crate) fn of(home: Home) -> HttpClient {
        HttpClient { home }
    }

    /// A GET request.
    #[must_use]
    pub fn get(&self, url: &str) -> RequestBuilder {
        self.request(Method::GET, url)
    }

    /// A POST request.
    #[must_use]
    pub fn post(&self, url: &str) -> RequestBuilder {
        self.request(Method::POST, url)
    }

    /// A PUT request.
    #[must_use]
    pub fn put(&self, url: &str) -> RequestBuilder {
        self.request(Method::PUT, url)
    }

    /// A DELETE request.
    #[must_use]
    pub fn delete(&self, url: &str) -> RequestBuilder {
        self.request(Method::DELETE, url)
    }

    /// A request of any method.
    #[must_use]
    pub fn request(&self, method: Method, url: &str) -> RequestBuilder {
        let uri = url.parse::<Uri>().map_err(|e| HttpError::BadRequest(format!("{url}: {e}")));
        RequestBuilder {
            client: *self,
            method,
            uri,
            headers: HeaderMap::new(),
            body: Ok(Bytes::new()),
            label: None,
            timeout: None,
            retry: Retry::default(),
        }
    }

    /// Sends a request and waits for its answer, for as long as that takes.
    ///
    /// # Errors
    ///
    /// All of [`HttpError`] but `TimedOut` and `Status`.
    pub async fn execute(&self, request: Request<Body>) -> Result<Response, HttpError> {
        let uri = request.uri();
        let Some(host) = uri.host() else {
            return Err(HttpError::BadRequest(format!("`{uri}` names no service to call")));
        };
        let from = self.home.node();
        let to = node::resolve(from, host).map_err(|e| HttpError::NotFound(e.to_string()))?;
        if node::lane(to) == node::Lane::Sockets {
            return gateway::call(from, to, request).await;
        }
        let name = label::label(request.method(), uri.path(), request.extensions());
        let pending = current::with(|kernel| call::send(kernel, from, to, &name, request));
        let response = poll_fn(|cx| pending.poll(cx)).await?;
        Ok(Response(response))
    }
}

impl<B> tower_service::Service<Request<B>> for HttpClient
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = http::Response<Body>;
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, HttpError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), HttpError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let client = *self;
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = Body::collect(body).await;
            let body = body.map_err(|e| HttpError::BadRequest(e.to_string()))?;
            client.execute(Request::from_parts(parts, body)).await.map(|response| response.0)
        })
    }
}

/// When and how often a request is sent again: after a refusal, reset or timeout, and after 502,
/// 503 and 504.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retry {
    times: u32,
    backoff: Duration,
}

impl Retry {
    /// At most `times` more, without a pause.
    #[must_use]
    pub fn times(times: u32) -> Retry {
        Retry { times, backoff: Duration::ZERO }
    }

    /// A pause before the first retry; it doubles before each further one.
    #[must_use]
    pub fn backoff(self, backoff: Duration) -> Retry {
        Retry { backoff, ..self }
    }
}

/// A request in the making.
#[derive(Clone, Debug)]
pub struct RequestBuilder {
    client: HttpClient,
    method: Method,
    uri: Result<Uri, HttpError>,
    headers: HeaderMap,
    body: Result<Bytes, HttpError>,
    label: Option<super::Label>,
    timeout: Option<Duration>,
    retry: Retry,
}

impl RequestBuilder {
    /// Sets a header. A name or value that is none is an error of [`RequestBuilder::send`].
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<str>) -> RequestBuilder {
        let name_value =
            name.parse::<HeaderName>().ok().zip(HeaderValue::from_str(value.as_ref()).ok());
        match name_value {
            Some((name, value)) => {
                self.headers.insert(name, value);
            }
            None => {
                self.uri = Err(HttpError::BadRequest(format!("`{name}` is not a valid header")));
            }
        }
        self
    }

    /// Sets the body to `value` as JSON.
    #[must_use]
    pub fn json(mut self, value: &(impl Serialize + ?Sized)) -> RequestBuilder {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let json = serde_json::to_vec(value).map(Bytes::from);
        self.body = json.map_err(|e| HttpError::BadRequest(format!("not JSON: {e}")));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> RequestBuilder {
        self.body = Ok(body.into());
        self
    }

    /// Sets the name that fault scripts and stories use, such as `GET /orders/{id}`.
    #[must_use]
    pub fn label(mut self, label: &str) -> RequestBuilder {
        self.label = Some(super::Label(label.to_owned()));
        self
    }

    /// Gives up after that time on the node's clock; each retry has it anew. Without it a call
    /// waits for ever.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> RequestBuilder {
        self.timeout = Some(timeout);
        self
    }

    /// Sends the request again when it fails.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> RequestBuilder {
        self.retry = retry;
        self
    }

    /// Sends the request and waits for the answer.
    ///
    /// # Errors
    ///
    /// Those of the last try; see [`HttpError`].
    pub async fn send(self) -> Result<Response, HttpError> {
        let mut backoff = self.retry.backoff;
        for _ in 0..self.retry.times {
            let result = self.send_once().await;
            if !is_transient(&result) {
                return result;
            }
            if !backoff.is_zero() {
                Sleep::new(self.client.home.node(), backoff).await;
                backoff *= 2;
            }
        }
        self.send_once().await
    }

    async fn send_once(&self) -> Result<Response, HttpError> {
        let mut request = Request::new(Body::from(self.body.clone()?));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone()?;
        request.headers_mut().clone_from(&self.headers);
        if let Some(label) = &self.label {
            request.extensions_mut().insert(label.clone());
        }
        let answer = self.client.execute(request);
        match self.timeout {
            None => answer.await,
            Some(limit) => Timeout::new(Sleep::new(self.client.home.node(), limit), answer)
                .await
                .unwrap_or(Err(HttpError::TimedOut(limit))),
        }
    }
}

fn is_transient(result: &Result<Response, HttpError>) -> bool {
    match result {
        Ok(response) => matches!(response.status().as_u16(), 502..=504),
        Err(HttpError::Refused | HttpError::Reset | HttpError::TimedOut(_)) => true,
        Err(_) => false,
    }
}
