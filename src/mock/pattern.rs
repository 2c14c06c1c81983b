//! Which requests a stub answers.

use std::fmt;

use super::matcher::{Matcher, text_distance, to_base64};
use super::regex::Regex;
use super::request::{Facts, decode};

/// What must be true of a request. Made from a mapping file, or with [`RequestPattern::new`] and its
/// methods.
///
/// ```
/// use stormglass::mock::{Matcher, RequestPattern};
///
/// let charges = RequestPattern::new("POST")
///     .path("/charge")
///     .header("content-type", Matcher::containing("json"))
///     .body(Matcher::json_path("$.amount"));
/// assert!(charges.to_string().starts_with("POST /charge"));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestPattern {
    /// None is any.
    pub(crate) method: Option<String>,
    pub(crate) url: UrlPattern,
    pub(crate) path_parameters: Vec<(String, Matcher)>,
    pub(crate) query: Vec<(String, Matcher)>,
    pub(crate) headers: Vec<(String, Matcher)>,
    pub(crate) cookies: Vec<(String, Matcher)>,
    pub(crate) form: Vec<(String, Matcher)>,
    /// The value of the header `authorization` that is wanted.
    pub(crate) basic_auth: Option<String>,
    pub(crate) body: Vec<Matcher>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum UrlPattern {
    #[default]
    Any,
    /// Path and query.
    Url(String),
    Path(String),
    Regex(Regex),
    PathRegex(Regex),
    PathTemplate(PathTemplate),
}

/// `/orders/{id}`: a name stands for one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PathTemplate {
    text: String,
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Fixed(String),
    Named(String),
}

impl PathTemplate {
    pub(crate) fn new(text: &str) -> Result<PathTemplate, String> {
        let segment = |part: &str| match (part.strip_prefix('{'), part.contains(['{', '}'])) {
            (_, false) => Ok(Segment::Fixed(part.to_owned())),
            (Some(name), _) if name.find('}') == Some(name.len() - 1) && name.len() > 1 => {
                Ok(Segment::Named(name[..name.len() - 1].to_owned()))
            }
            _ => Err(format!("`{part}` is no segment of a path template, such as `{{id}}`")),
        };
        let segments = text.split('/').map(segment).collect::<Result<_, _>>()?;
        Ok(PathTemplate { text: text.to_owned(), segments })
    }

    /// Its names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Named(name) => Some(name.as_str()),
            Segment::Fixed(_) => None,
        })
    }

    /// What its names stand for in a path, decoded; none if the path is another one.
    pub(crate) fn parameters(&self, path: &str) -> Option<Vec<(String, String)>> {
        let mut parts = path.split('/');
        let mut found = Vec::new();
        for segment in &self.segments {
            match (segment, parts.next()?) {
                (Segment::Fixed(wanted), part) if wanted == part => {}
                (Segment::Named(name), part) if !part.is_empty() => {
                    found.push((name.clone(), decode(part, false)));
                }
                _ => return None,
            }
        }
        parts.next().is_none().then_some(found)
    }
}

/// Patterns that are written in Rust.
impl RequestPattern {
    /// Requests of a method; `ANY` stands for all.
    #[must_use]
    pub fn new(method: &str) -> RequestPattern {
        let method = (method != "ANY").then(|| method.to_owned());
        RequestPattern { method, ..RequestPattern::default() }
    }

    /// To a path with exactly this query, or none: `/orders?open=1`.
    #[must_use]
    pub fn url(self, url: &str) -> RequestPattern {
        RequestPattern { url: UrlPattern::Url(url.to_owned()), ..self }
    }

    /// To a path, with any query.
    #[must_use]
    pub fn path(self, path: &str) -> RequestPattern {
        RequestPattern { url: UrlPattern::Path(path.to_owned()), ..self }
    }

    /// To a path that a regular expression describes as a whole.
    ///
    /// # Panics
    ///
    /// If it is no regular expression.
    #[must_use]
    #[track_caller]
    pub fn path_matching(self, regex: &str) -> RequestPattern {
        let regex = Regex::whole(regex).unwrap_or_else(|e| panic!("{e}"));
        RequestPattern { url: UrlPattern::PathRegex(regex), ..self }
    }

    /// To a path with names in it: `/orders/{id}`.
    ///
    /// # Panics
    ///
    /// If it is no template.
    #[must_use]
    #[track_caller]
    pub fn path_template(self, template: &str) -> RequestPattern {
        let template = PathTemplate::new(template).unwrap_or_else(|e| panic!("{e}"));
        RequestPattern { url: UrlPattern::PathTemplate(template), ..self }
    }

    /// With a query parameter.
    #[must_use]
    pub fn query(mut self, name: &str, matcher: Matcher) -> RequestPattern {
        self.query.push((name.to_owned(), matcher));
        self
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: &str, matcher: Matcher) -> RequestPattern {
        self.headers.push((name.to_owned(), matcher));
        self
    }

    /// With a cookie.
    #[must_use]
    pub fn cookie(mut self, name: &str, matcher: Matcher) -> RequestPattern {
        self.cookies.push((name.to_owned(), matcher));
        self
    }

    /// With a name and a password (RFC 7617).
    #[must_use]
    pub fn basic_auth(self, user: &str, password: &str) -> RequestPattern {
        let token = to_base64(format!("{user}:{password}"));
        RequestPattern { basic_auth: Some(format!("Basic {token}")), ..self }
    }

    /// With a body. Said more than once, all must fit.
    #[must_use]
    pub fn body(mut self, matcher: Matcher) -> RequestPattern {
        self.body.push(matcher);
        self
    }
}

impl RequestPattern {
    pub(crate) fn matches(&self, facts: &Facts<'_>) -> bool {
        let request = facts.request;
        let all = |wanted: &[(String, Matcher)], pairs: &[(String, String)]| {
            wanted.iter().all(|(name, matcher)| matcher.matches_any(&facts.values(pairs, name)))
        };
        self.method.as_ref().is_none_or(|method| method == request.method.as_str())
            && self.url_matches(facts)
            && (self.query.is_empty() || all(&self.query, facts.query()))
            && self.headers.iter().all(|(name, m)| m.matches_any(&facts.headers(name)))
            && self.basic_auth.as_ref().is_none_or(|wanted| has_authorization(facts, wanted))
            && (self.cookies.is_empty() || all(&self.cookies, facts.cookies()))
            && (self.form.is_empty() || all(&self.form, facts.form()))
            && self.body.iter().all(|matcher| matcher.matches(facts.body()))
    }

    fn url_matches(&self, facts: &Facts<'_>) -> bool {
        let request = facts.request;
        match &self.url {
            UrlPattern::Any => true,
            UrlPattern::Url(url) => *url == request.url,
            UrlPattern::Path(path) => path == request.path(),
            UrlPattern::Regex(regex) => regex.is_match(&request.url),
            UrlPattern::PathRegex(regex) => regex.is_match(request.path()),
            UrlPattern::PathTemplate(template) => {
                template.parameters(request.path()).is_some_and(|found| {
                    let mut wanted = self.path_parameters.iter();
                    wanted.all(|(name, matcher)| matcher.matches_any(&facts.values(&found, name)))
                })
            }
        }
    }

    /// Everything that it asks for, and what of it the request has.
    pub(crate) fn compare(&self, facts: &Facts<'_>) -> Vec<Difference> {
        let request = facts.request;
        let mut all = Vec::new();
        if let Some(method) = &self.method {
            let actual = request.method.as_str();
            let distance = f64::from(u8::from(method != actual));
            all.push(Difference::new("method", 3.0, method.clone(), Some(actual), distance));
        }
        let url = self.url_distance(facts);
        all.push(Difference::new("url", 10.0, self.url.to_string(), Some(&request.url), url));
        let mut pairs = |what: &str, wanted: &[(String, Matcher)], pairs: &[(String, String)]| {
            for (name, matcher) in wanted {
                let values = facts.values(pairs, name);
                let actual = values.first().and_then(|value| value.text());
                let distance = matcher.distance_of_any(&values);
                let what = format!("{what} {name}");
                all.push(Difference::new(&what, 1.0, matcher.to_string(), actual, distance));
            }
        };
        if let UrlPattern::PathTemplate(template) = &self.url {
            let found = template.parameters(request.path()).unwrap_or_default();
            pairs("path parameter", &self.path_parameters, &found);
        }
        pairs("query", &self.query, facts.query());
        pairs("cookie", &self.cookies, facts.cookies());
        pairs("form", &self.form, facts.form());
        for (name, matcher) in &self.headers {
            let values = facts.headers(name);
            let actual = values.first().and_then(|value| value.text());
            let distance = matcher.distance_of_any(&values);
            let what = format!("header {name}");
            all.push(Difference::new(&what, 1.0, matcher.to_string(), actual, distance));
        }
        if let Some(wanted) = &self.basic_auth {
            let distance = f64::from(u8::from(!has_authorization(facts, wanted)));
            all.push(Difference::new("basic auth", 1.0, wanted.clone(), None, distance));
        }
        for matcher in &self.body {
            let body = facts.body();
            let distance = matcher.distance(body);
            all.push(Difference::new("body", 1.0, matcher.to_string(), body.text(), distance));
        }
        all
    }

    fn url_distance(&self, facts: &Facts<'_>) -> f64 {
        if self.url_matches(facts) {
            return 0.0;
        }
        let request = facts.request;
        match &self.url {
            UrlPattern::Url(url) => text_distance(url, &request.url),
            UrlPattern::Path(path) => text_distance(path, request.path()),
            UrlPattern::PathTemplate(template) => {
                // The path is right: it is a parameter that is not.
                if template.parameters(request.path()).is_some() {
                    return 0.0;
                }
                text_distance(&template.text, request.path())
            }
            UrlPattern::Regex(regex) | UrlPattern::PathRegex(regex) => {
                text_distance(regex.source(), &request.url)
            }
            UrlPattern::Any => 0.0,
        }
    }

    /// What the names of its path stand for.
    pub(crate) fn path_values(&self, path: &str) -> Vec<(String, String)> {
        match &self.url {
            UrlPattern::PathTemplate(template) => template.parameters(path).unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    /// The path that it is for, if it is for one.
    pub(crate) fn fixed_path(&self) -> Option<&str> {
        match &self.url {
            UrlPattern::Url(url) => url.split('?').next(),
            UrlPattern::Path(path) => Some(path),
            _ => None,
        }
    }
}

fn has_authorization(facts: &Facts<'_>, wanted: &str) -> bool {
    facts.headers("authorization").iter().any(|value| value.text() == Some(wanted))
}

/// One thing that a pattern asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Difference {
    what: String,
    weight: f64,
    expected: String,
    actual: Option<String>,
    /// 0 if it is as expected, at most 1.
    distance: f64,
}

impl Difference {
    fn new(
        what: &str,
        weight: f64,
        expected: String,
        actual: Option<&str>,
        distance: f64,
    ) -> Difference {
        let (what, actual) = (what.to_owned(), actual.map(shortened));
        Difference { what, weight, expected, actual, distance }
    }

    /// True if the request is not as it asks.
    pub(crate) fn differs(&self) -> bool {
        self.distance > 0.0
    }

    /// The weighted mean of distances.
    pub(crate) fn mean(all: &[Difference]) -> f64 {
        let weights: f64 = all.iter().map(|one| one.weight).sum();
        let sum: f64 = all.iter().map(|one| one.weight * one.distance).sum();
        if weights > 0.0 { sum / weights } else { 0.0 }
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// `header x-a: expected equalTo "1", found "2"`
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, found ", self.what, self.expected)?;
        match &self.actual {
            Some(actual) => f.write_str(actual),
            None => f.write_str("nothing"),
        }
    }
}

impl fmt::Display for UrlPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UrlPattern::Any => f.write_str("any url"),
            UrlPattern::Url(url) => f.write_str(url),
            UrlPattern::Path(path) => write!(f, "{path} with any query"),
            UrlPattern::Regex(regex) => write!(f, "a url like {}", regex.source()),
            UrlPattern::PathRegex(regex) => write!(f, "a path like {}", regex.source()),
            UrlPattern::PathTemplate(template) => f.write_str(&template.text),
        }
    }
}

/// `POST /charge with any query, header x-a equalTo "1"`
impl fmt::Display for RequestPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method.as_deref().unwrap_or("ANY"), self.url)?;
        let groups = [
            ("path parameter", &self.path_parameters),
            ("query", &self.query),
            ("header", &self.headers),
            ("cookie", &self.cookies),
            ("form", &self.form),
        ];
        for (what, pairs) in groups {
            for (name, matcher) in pairs {
                write!(f, ", {what} {name} {matcher}")?;
            }
        }
        if self.basic_auth.is_some() {
            f.write_str(", basic auth")?;
        }
        for matcher in &self.body {
            write!(f, ", body {matcher}")?;
        }
        Ok(())
    }
}
