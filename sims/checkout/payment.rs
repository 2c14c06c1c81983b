//! The payment provider: somebody else's service, so a mock, from the mappings that the team has for
//! it. What the provider promises beyond them stands here: it charges an idempotency key once, and
//! never after a refund.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use axum::http::{Request, Response, StatusCode, header};
use stormglass::mock::{Mock, MockService};
use stormglass::prelude::*;
use stormglass::saga::{self, Effect};
use stormglass::service::{Body, BreakConnection};
use tower_service::Service;

use super::SAGA;

/// What became of each order: the provider's own books, which no crash of ours touches.
type Books = Rc<RefCell<BTreeMap<String, Effect>>>;

#[derive(Clone)]
pub(super) struct Provider {
    ctx: Ctx,
    mock: MockService,
    books: Books,
}

pub(super) fn payment(mock: &Mock) -> impl Fn(Ctx) -> Provider + use<> {
    let (service, books) = (mock.factory(), Books::default());
    move |ctx| Provider { ctx, mock: service(ctx), books: books.clone() }
}

impl Service<Request<Body>> for Provider {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut provider = self.clone();
        Box::pin(async move {
            let key = request.headers().get("idempotency-key");
            let key = key.and_then(|key| key.to_str().ok()).unwrap_or_default().to_owned();
            let is_charge = request.uri().path() == "/charge";
            if is_charge && provider.is_refunded(&key) {
                return Ok(refunded());
            }
            let response = provider.mock.call(request).await?;
            // It answers after a while: a refund may have come meanwhile.
            if is_charge && provider.is_refunded(&key) {
                return Ok(refunded());
            }
            let breaks = response.extensions().get::<BreakConnection>().is_some();
            if response.status().is_success() && !breaks {
                provider.book(&key, is_charge);
            }
            Ok(response)
        })
    }
}

impl Provider {
    fn is_refunded(&self, key: &str) -> bool {
        self.books.borrow().get(key).is_some_and(|state| *state != Effect::Done)
    }

    /// Writes it down, and tells the saga's oracle where that changes anything.
    fn book(&self, key: &str, is_charge: bool) {
        let mut books = self.books.borrow_mut();
        let state = match (is_charge, books.get(key)) {
            (true, None) => Effect::Done,
            (false, None) => Effect::Barred,
            (false, Some(Effect::Done)) => Effect::Undone,
            _ => return,
        };
        books.insert(key.to_owned(), state);
        // A key is `place_order/7/charge`.
        let order = key.split('/').nth(1).unwrap_or_default();
        saga::effect(self.ctx, SAGA, order, "charge", state);
    }
}

fn refunded() -> Response<Body> {
    let body = Body::from(r#"{"error":"the order was refunded"}"#);
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::GONE;
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
