//! A request as a mock sees it.

use std::borrow::Cow;
use std::cell::OnceCell;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, COOKIE, HOST};
use http::{HeaderMap, Method, Request};

use super::matcher::Subject;
use crate::service::Body;
use crate::time::Time;

/// A request that a mock has received.
#[derive(Clone, Debug)]
pub struct ReceivedRequest {
    /// When, in virtual time.
    pub at: Time,
    /// Its method.
    pub method: Method,
    /// Path and query, as they were sent.
    pub url: String,
    /// Its headers; names are in lower case.
    pub headers: HeaderMap,
    /// Its body in one piece.
    pub body: Bytes,
    /// The name of the stub that answered; none if none matched.
    pub stub: Option<String>,
    /// Scheme and authority, where the caller has said them.
    pub(crate) origin: Origin,
    /// Milliseconds since 1970 on the clock of the mock's node.
    pub(crate) now: i64,
}

/// Whom a request was sent to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
}

impl ReceivedRequest {
    /// A request that never was sent, to ask what it would meet.
    #[must_use]
    pub fn of(request: &Request<Body>) -> ReceivedRequest {
        ReceivedRequest::new(request, Time::ZERO, 0)
    }

    pub(crate) fn new(request: &Request<Body>, at: Time, now: i64) -> ReceivedRequest {
        let uri = request.uri();
        let url = uri.path_and_query().map_or("/", |path| path.as_str());
        let said = request.headers().get(HOST).and_then(|host| host.to_str().ok());
        let authority = said.or(uri.authority().map(|a| a.as_str())).unwrap_or_default();
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok()),
            None => (authority, None),
        };
        ReceivedRequest {
            at,
            method: request.method().clone(),
            // A question mark without a query says nothing.
            url: url.strip_suffix('?').unwrap_or(url).to_owned(),
            headers: request.headers().clone(),
            body: request.body().bytes(),
            stub: None,
            origin: Origin { host: host.to_owned(), port },
            now,
        }
    }

    /// The path, without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.url.split('?').next().unwrap_or_default()
    }

    /// The body as text; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }
}

/// What patterns ask of a request, each made once.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) request: &'a ReceivedRequest,
    query: OnceCell<Vec<(String, String)>>,
    form: OnceCell<Vec<(String, String)>>,
    cookies: OnceCell<Vec<(String, String)>>,
    body: Subject<'a>,
}

impl<'a> Facts<'a> {
    pub(crate) fn of(request: &'a ReceivedRequest) -> Facts<'a> {
        let body = (!request.body.is_empty()).then_some(Cow::Borrowed(&request.body[..]));
        Facts {
            request,
            query: OnceCell::new(),
            form: OnceCell::new(),
            cookies: OnceCell::new(),
            body: Subject::new(body, request.now),
        }
    }

    pub(crate) fn body(&self) -> &Subject<'a> {
        &self.body
    }

    pub(crate) fn query(&self) -> &[(String, String)] {
        let query = || self.request.url.split_once('?').map_or("", |(_, query)| query);
        self.query.get_or_init(|| form_pairs(query()))
    }

    /// The fields of a body of type `application/x-www-form-urlencoded`.
    pub(crate) fn form(&self) -> &[(String, String)] {
        self.form.get_or_init(|| {
            let content = self.request.headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
            match content.is_some_and(|c| c.starts_with("application/x-www-form-urlencoded")) {
                true => form_pairs(&self.request.text()),
                false => Vec::new(),
            }
        })
    }

    pub(crate) fn cookies(&self) -> &[(String, String)] {
        self.cookies.get_or_init(|| {
            let lines = self.request.headers.get_all(COOKIE).iter();
            let cookies = lines.flat_map(|line| line.to_str().unwrap_or_default().split(';'));
            let pair = |cookie: &str| {
                let (name, value) = cookie.trim().split_once('=')?;
                Some((name.to_owned(), value.trim_matches('"').to_owned()))
            };
            cookies.filter_map(pair).collect()
        })
    }

    pub(crate) fn headers(&self, name: &str) -> Vec<Subject<'_>> {
        let values = self.request.headers.get_all(name).iter();
        let subject = |value: &'a http::HeaderValue| {
            Subject::new(Some(Cow::Borrowed(value.as_bytes())), self.request.now)
        };
        values.map(subject).collect()
    }

    /// The values that a list of pairs has for a name.
    pub(crate) fn values<'p>(&self, pairs: &'p [(String, String)], name: &str) -> Vec<Subject<'p>> {
        let named = pairs.iter().filter(|(key, _)| key == name);
        named.map(|(_, value)| Subject::of_text(value, self.request.now)).collect()
    }
}

/// `a=1&b=2`, decoded.
pub(crate) fn form_pairs(text: &str) -> Vec<(String, String)> {
    let parts = text.split('&').filter(|part| !part.is_empty());
    let pair = |part: &str| {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        (decode(key, true), decode(value, true))
    };
    parts.map(pair).collect()
}

/// Percent-encoding taken away (RFC 3986, section 2.1); what is not encoded right stays as it is.
pub(crate) fn decode(text: &str, plus_is_space: bool) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes().iter();
    while let Some(&byte) = rest.next() {
        let hex = |digit: Option<&u8>| digit.and_then(|d| char::from(*d).to_digit(16));
        let next = rest.as_slice();
        match (byte, hex(next.first()), hex(next.get(1))) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                rest.nth(1);
            }
            (b'+', ..) if plus_is_space => bytes.push(b' '),
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_texts_are_decoded() {
        assert_eq!(decode("a%20b+c%2", true), "a b c%2");
        assert_eq!(decode("a+b", false), "a+b");
        assert_eq!(decode("%E6%97%A5%zz%", false), "日%zz%");
        assert_eq!(
            form_pairs("a=1&&b&c=x%3Dy"),
            [("a".into(), "1".into()), ("b".into(), String::new()), ("c".into(), "x=y".into()),]
        );
    }
}
