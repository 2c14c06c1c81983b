//! A mock's node: a tower service.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use handlebars::Context as Data;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::ext::ReasonPhrase;
use tower_service::Service;

use super::manager::{Matched, Mock, Streams};
use super::request::{Facts, ReceivedRequest};
use super::response::{Content, Reply, Text};
use super::stub::Stub;
use super::template::{self, Rendering, Template};
use super::verify;
use crate::seed::Stream;
use crate::service::{Body, Ctx};

/// What a mock's node serves. From [`Mock::factory`].
#[derive(Clone, Debug)]
pub struct MockService {
    mock: Mock,
    ctx: Ctx,
}

impl MockService {
    pub(super) fn new(mock: Mock, ctx: Ctx) -> MockService {
        MockService { mock, ctx }
    }

    /// Decides what the answer is, and how late. All that the mock knows changes here, before the
    /// delay.
    fn decide(&self, request: &Request<Body>) -> (Duration, Response<Body>) {
        let clock = self.ctx.clock();
        let millis = clock.unix_millis() as i64;
        let mut received = ReceivedRequest::new(request, clock.now(), millis);
        let facts = Facts::of(&received);
        let matched = self.mock.take(&facts);
        let answer = match &matched {
            Some(matched) => self.answer(&facts, matched),
            None => (Duration::ZERO, self.unmatched(&received)),
        };
        received.stub = matched.as_ref().map(|matched| matched.stub.name().to_owned());
        self.mock.keep(received);
        if let Some(Matched { moved: Some((scenario, from, to)), .. }) = &matched {
            self.ctx.record(format_args!("scenario {scenario:?}: {from} -> {to}"));
        }
        answer
    }

    fn answer(&self, facts: &Facts<'_>, matched: &Matched) -> (Duration, Response<Body>) {
        let reply = &matched.stub.reply;
        let has_templates = reply.templates().next().is_some();
        let is_drawn = reply.delays.iter().any(|delay| delay.is_drawn());
        if !has_templates && !is_drawn && reply.fault.is_none() {
            let mut fixed = Seen { mock: self, facts, stub: &matched.stub, data: None };
            let delay = reply.delays.iter().map(|delay| delay.fixed()).sum();
            return (delay, fixed.response(None));
        }
        // The stub's streams are out of the mock while they are drawn from.
        let mut streams = self.mock.draw(matched.key, |streams| streams.clone());
        let Streams { reply: drawn, delay } = &mut streams;
        let waits = reply
            .delays
            .iter()
            .fold(Duration::ZERO, |sum, one| sum.saturating_add(one.sample(delay)));
        let response = match reply.fault {
            Some(fault) => {
                self.ctx.record(format_args!("fault {}", fault.name()));
                let mut response = Response::new(Body::empty());
                response.extensions_mut().insert(fault.breaks(reply.status, drawn));
                response
            }
            None => {
                let mut seen = Seen { mock: self, facts, stub: &matched.stub, data: None };
                seen.response(Some(drawn))
            }
        };
        self.mock.draw(matched.key, |own| *own = streams);
        (waits, response)
    }

    /// 404, and what was nearest.
    fn unmatched(&self, request: &ReceivedRequest) -> Response<Body> {
        let (method, path) = (&request.method, request.path());
        self.ctx.record(format_args!("no stub matches {method} {path}"));
        let misses = self.mock.near_misses_of(request);
        let text = verify::not_matched(self.mock.service(), request, &misses);
        plain(StatusCode::NOT_FOUND, text)
    }
}

fn plain(status: StatusCode, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let value = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, value);
    response
}

/// A request that a stub answers.
struct Seen<'a> {
    mock: &'a MockService,
    facts: &'a Facts<'a>,
    stub: &'a Stub,
    /// What templates see, made for the first one.
    data: Option<Data>,
}

impl Seen<'_> {
    /// The response; without a stream its stub has no templates.
    fn response(&mut self, stream: Option<&mut Stream>) -> Response<Body> {
        match self.rendered(&self.stub.reply, stream) {
            Ok(response) => response,
            Err(reason) => {
                let name = self.stub.name();
                self.mock.ctx.record(format_args!("a template of the stub `{name}`: {reason}"));
                plain(StatusCode::INTERNAL_SERVER_ERROR, reason)
            }
        }
    }

    fn rendered(
        &mut self,
        reply: &Reply,
        mut stream: Option<&mut Stream>,
    ) -> Result<Response<Body>, String> {
        let body = match (&reply.body, stream.as_deref_mut()) {
            (Content::Fixed(bytes), _) => bytes.clone(),
            (Content::Template(template), Some(stream)) => self.render(template, stream)?.into(),
            (Content::Template(_), None) => return Err("it has no stream to draw from".into()),
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = reply.status;
        for (name, text) in &reply.headers {
            let value = match (text, stream.as_deref_mut()) {
                (Text::Fixed(value), _) => value.clone(),
                (Text::Template(template), Some(stream)) => {
                    let text = self.render(template, stream)?;
                    let value = HeaderValue::from_str(&text);
                    value.map_err(|_| format!("`{text}` is no value of the header `{name}`"))?
                }
                (Text::Template(_), None) => return Err("it has no stream to draw from".into()),
            };
            response.headers_mut().append(name, value);
        }
        let reason = reply.reason.as_deref().map(|text| ReasonPhrase::try_from(text.as_bytes()));
        if let Some(Ok(reason)) = reason {
            response.extensions_mut().insert(reason);
        }
        Ok(response)
    }

    fn render(&mut self, template: &Template, stream: &mut Stream) -> Result<String, String> {
        if self.data.is_none() {
            let reply = &self.stub.reply;
            let sources: Vec<&str> = reply.templates().map(Template::source).collect();
            let path = self.stub.request.path_values(self.facts.request.path());
            let data = template::data(self.facts, &path, &reply.parameters, &sources, stream);
            self.data = Some(data);
        }
        let Some(data) = &self.data else { return Err("there is no request".into()) };
        let engine = self.mock.mock.engine();
        let (now, host) = (self.facts.request.now, self.mock.ctx.name());
        let rendering = Rendering::new(stream.clone(), now, host);
        let lost = |error: &String| {
            let name = self.stub.name();
            self.mock.ctx.record(format_args!("a template of the stub `{name}`: {error}"));
        };
        let (rendered, after) = engine.render(template, data, rendering, lost);
        *stream = after;
        rendered
    }
}

impl Service<Request<Body>> for MockService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move {
            let (delay, response) = service.decide(&request);
            if !delay.is_zero() {
                service.ctx.sleep(delay).await;
            }
            Ok(response)
        })
    }
}
