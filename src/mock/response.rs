//! What a stub answers, how late, and what goes wrong on the way.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, StatusCode};
use rand::RngExt;
use rand_distr::{Distribution, LogNormal};
use serde_json::{Map, Value};

use super::template::Template;
use crate::seed::Stream;
use crate::service::BreakConnection;

/// The longest delay that is waited for.
const DELAY_MAX: Duration = Duration::from_secs(100 * 365 * 86_400);
/// How often a delay above its limit is drawn again before it is the limit.
const DRAWS_MAX: usize = 10;
/// Bytes of a fault's garbage.
const GARBAGE: usize = 36;

/// What a stub answers. Made from a mapping file, or with [`Reply::status`] and its methods.
///
/// ```
/// use std::time::Duration;
/// use stormglass::mock::{Delay, Reply};
///
/// let median = Duration::from_millis(80);
/// let slow = Reply::status(201)
///     .json(serde_json::json!({"charged": true}))
///     .delay(Delay::LogNormal { median, sigma: 0.4, max: None });
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) reason: Option<String>,
    pub(crate) headers: Vec<(HeaderName, Text)>,
    pub(crate) body: Content,
    /// They add up.
    pub(crate) delays: Vec<Delay>,
    pub(crate) fault: Option<Fault>,
    /// What templates see as `parameters`.
    pub(crate) parameters: Map<String, Value>,
}

/// The value of a header.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Text {
    Fixed(HeaderValue),
    Template(Template),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content {
    Fixed(Bytes),
    Template(Template),
}

/// How long an answer takes on the mock's side, in virtual time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Delay {
    /// Always the same.
    Fixed(Duration),
    /// Between the two, both included.
    Uniform {
        /// The shortest.
        lower: Duration,
        /// The longest.
        upper: Duration,
    },
    /// Log-normal: most answers are near the median, some take much longer.
    LogNormal {
        /// Half of them are faster.
        median: Duration,
        /// The standard deviation of the logarithm: how long the tail is.
        sigma: f64,
        /// What is longer is drawn again up to ten times, and then is this.
        max: Option<Duration>,
    },
}

/// WireMock's four faults. Callers through sockets get the bytes, and callers with
/// [`Ctx::http`](crate::service::Ctx::http) the error that an HTTP client makes of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection is closed without a byte: [`HttpError::Reset`](crate::service::HttpError::Reset).
    EmptyResponse,
    /// Status and headers, garbage instead of a chunk, and the end:
    /// [`HttpError::Decode`](crate::service::HttpError::Decode).
    MalformedResponseChunk,
    /// Garbage and the end: [`HttpError::Decode`](crate::service::HttpError::Decode).
    RandomDataThenClose,
    /// The connection is reset: [`HttpError::Reset`](crate::service::HttpError::Reset).
    ConnectionResetByPeer,
}

impl Reply {
    /// An answer without a body.
    ///
    /// # Panics
    ///
    /// If it is no status (100 to 999).
    #[must_use]
    #[track_caller]
    pub fn status(status: u16) -> Reply {
        let status = StatusCode::from_u16(status).expect("a status is a number from 100 to 999");
        Reply {
            status,
            reason: None,
            headers: Vec::new(),
            body: Content::Fixed(Bytes::new()),
            delays: Vec::new(),
            fault: None,
            parameters: Map::new(),
        }
    }

    /// Instead of an answer, a fault.
    #[must_use]
    pub fn fault(fault: Fault) -> Reply {
        Reply { fault: Some(fault), ..Reply::status(200) }
    }

    /// With a header.
    ///
    /// # Panics
    ///
    /// If it is no header.
    #[must_use]
    #[track_caller]
    pub fn header(mut self, name: &str, value: &str) -> Reply {
        let name = name.parse().expect("a header's name is a token");
        let value = HeaderValue::from_str(value).expect("a header's value is visible text");
        self.headers.push((name, Text::Fixed(value)));
        self
    }

    /// With a body.
    #[must_use]
    pub fn body(self, body: impl Into<Bytes>) -> Reply {
        Reply { body: Content::Fixed(body.into()), ..self }
    }

    /// With a body of JSON, and the header that says so.
    #[must_use]
    pub fn json(mut self, body: Value) -> Reply {
        self.headers
            .push((CONTENT_TYPE, Text::Fixed(HeaderValue::from_static("application/json"))));
        self.body(body.to_string())
    }

    /// With a body that a handlebars template makes: `{{jsonPath request.body '$.id'}}`.
    ///
    /// # Panics
    ///
    /// If it is no template.
    #[must_use]
    #[track_caller]
    pub fn template(self, source: &str) -> Reply {
        let template = Template::compile(source).unwrap_or_else(|e| panic!("{e}"));
        Reply { body: Content::Template(template), ..self }
    }

    /// After a delay. Said more than once, they add up.
    #[must_use]
    pub fn delay(mut self, delay: Delay) -> Reply {
        self.delays.push(delay);
        self
    }

    /// The templates of its headers and body.
    pub(crate) fn templates(&self) -> impl Iterator<Item = &Template> {
        let headers = self.headers.iter().filter_map(|(_, text)| match text {
            Text::Template(template) => Some(template),
            Text::Fixed(_) => None,
        });
        let body = match &self.body {
            Content::Template(template) => Some(template),
            Content::Fixed(_) => None,
        };
        headers.chain(body)
    }
}

impl Delay {
    /// True if it is drawn.
    pub(crate) fn is_drawn(self) -> bool {
        !matches!(self, Delay::Fixed(_))
    }

    /// What it is without a draw.
    pub(crate) fn fixed(self) -> Duration {
        match self {
            Delay::Fixed(delay) => delay,
            Delay::Uniform { lower, .. } => lower,
            Delay::LogNormal { median, .. } => median,
        }
    }

    /// Draws one. What cannot be drawn from (a range the wrong way round) is its shortest.
    pub(crate) fn sample(self, stream: &mut Stream) -> Duration {
        match self {
            Delay::Fixed(delay) => delay,
            Delay::Uniform { lower, upper } if lower < upper => {
                let nanos = stream.random_range(lower.as_nanos()..=upper.as_nanos());
                duration(nanos as f64 / 1e9)
            }
            Delay::Uniform { lower, .. } => lower,
            Delay::LogNormal { median, sigma, max } => {
                let Ok(normal) = LogNormal::new(median.as_secs_f64().ln(), sigma) else {
                    return median;
                };
                let max = max.unwrap_or(DELAY_MAX);
                let mut draws = (0..=DRAWS_MAX).map(|_| duration(normal.sample(stream)));
                draws.find(|delay| *delay <= max).unwrap_or(max)
            }
        }
    }
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).map_or(DELAY_MAX, |delay| delay.min(DELAY_MAX))
}

impl Fault {
    /// The name that mapping files have for each.
    pub(crate) const NAMES: [(&'static str, Fault); 4] = [
        ("EMPTY_RESPONSE", Fault::EmptyResponse),
        ("MALFORMED_RESPONSE_CHUNK", Fault::MalformedResponseChunk),
        ("RANDOM_DATA_THEN_CLOSE", Fault::RandomDataThenClose),
        ("CONNECTION_RESET_BY_PEER", Fault::ConnectionResetByPeer),
    ];

    /// Its name in mapping files.
    pub(crate) fn name(self) -> &'static str {
        let named = Fault::NAMES.iter().find(|(_, fault)| *fault == self);
        named.map_or("", |(name, _)| name)
    }

    /// How it breaks the connection; garbage comes from the stream.
    pub(crate) fn breaks(self, status: StatusCode, stream: &mut Stream) -> BreakConnection {
        // No hexadecimal digit, so that it is no chunk, and no letter that HTTP begins with.
        let mut garbage = || (0..GARBAGE).map(|_| stream.random_range(b'i'..=b'z')).collect();
        match self {
            Fault::EmptyResponse => BreakConnection::Bytes(Bytes::new()),
            Fault::ConnectionResetByPeer => BreakConnection::Reset,
            Fault::RandomDataThenClose => {
                let garbage: Vec<u8> = garbage();
                BreakConnection::Bytes(garbage.into())
            }
            Fault::MalformedResponseChunk => {
                let head = format!("HTTP/1.1 {status}\r\nTransfer-Encoding: chunked\r\n\r\n");
                let garbage: Vec<u8> = garbage();
                BreakConnection::Bytes([head.into_bytes(), garbage].concat().into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    fn samples(delay: Delay) -> Vec<Duration> {
        let mut stream = Seed(7).stream("test", 1);
        (0..10_000).map(|_| delay.sample(&mut stream)).collect()
    }

    #[test]
    fn uniform_delays_stay_between_their_bounds() {
        let (lower, upper) = (Duration::from_millis(10), Duration::from_millis(30));
        let drawn = samples(Delay::Uniform { lower, upper });
        assert!(drawn.iter().all(|delay| (lower..=upper).contains(delay)));
        let mean = drawn.iter().sum::<Duration>() / 10_000;
        assert!((19_500..20_500).contains(&mean.as_micros()), "{mean:?}");
    }

    #[test]
    fn lognormal_delays_have_their_median_and_limit() {
        let median = Duration::from_millis(80);
        let mut drawn = samples(Delay::LogNormal { median, sigma: 0.4, max: None });
        drawn.sort();
        let middle = drawn[5_000].as_micros();
        assert!((78_000..82_000).contains(&middle), "{middle}");
        // The 84th percentile is one sigma above: 80 ms * e^0.4.
        let above = drawn[8_413].as_micros();
        assert!((115_000..124_000).contains(&above), "{above}");
        let max = Duration::from_millis(90);
        let limited = samples(Delay::LogNormal { median, sigma: 0.4, max: Some(max) });
        assert!(limited.iter().all(|delay| *delay <= max));
    }

    #[test]
    fn what_cannot_be_drawn_from_is_no_panic() {
        let (lower, upper) = (Duration::from_secs(2), Duration::from_secs(1));
        assert_eq!(samples(Delay::Uniform { lower, upper })[0], lower);
        let median = Duration::from_secs(1);
        for sigma in [f64::NAN, f64::INFINITY, -1.0, 1e300] {
            samples(Delay::LogNormal { median, sigma, max: None });
        }
        samples(Delay::LogNormal { median: Duration::ZERO, sigma: 1.0, max: None });
    }
}
