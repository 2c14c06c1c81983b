//! How often something was asked, and what was nearly asked.

use std::fmt::{self, Write as _};

use super::manager::StubIndex;
use super::pattern::{Difference, RequestPattern};
use super::request::{Facts, ReceivedRequest};

/// How many near misses are given.
const NEAR_MAX: usize = 3;

/// How many requests there should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// So many.
    Exactly(usize),
    /// So many or more.
    AtLeast(usize),
    /// So many or fewer.
    AtMost(usize),
}

impl Count {
    /// Whether it may be that many.
    #[must_use]
    pub fn allows(self, found: usize) -> bool {
        match self {
            Count::Exactly(wanted) => found == wanted,
            Count::AtLeast(least) => found >= least,
            Count::AtMost(most) => found <= most,
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Count::Exactly(wanted) => write!(f, "exactly {wanted}"),
            Count::AtLeast(least) => write!(f, "at least {least}"),
            Count::AtMost(most) => write!(f, "at most {most}"),
        }
    }
}

/// A stub that a request nearly matched.
#[derive(Clone, Debug, PartialEq)]
pub struct NearMiss {
    /// The stub's name.
    pub stub: String,
    /// Where it is written, as file and line, if it was read from a file.
    pub place: Option<String>,
    /// How far the request is from matching: more than 0, at most 1. Method and URL weigh most.
    pub distance: f64,
    /// What differs: `header x-a: expected equalTo "1", found nothing`.
    pub differences: Vec<String>,
}

impl fmt::Display for NearMiss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.stub)?;
        if let Some(place) = &self.place {
            write!(f, " ({place})")?;
        }
        self.differences.iter().try_for_each(|difference| write!(f, "\n  {difference}"))
    }
}

/// The stubs that are nearest to a request; none if one matches it.
pub(super) fn near_misses(
    stubs: &StubIndex,
    request: &ReceivedRequest,
    state_of: impl Fn(&str) -> String,
) -> Vec<NearMiss> {
    let facts = Facts::of(request);
    let mut misses = Vec::new();
    for stub in stubs.all() {
        let compared = stub.request.compare(&facts);
        let mut distance = Difference::mean(&compared);
        let differs = compared.iter().filter(|difference| difference.differs());
        let mut differences: Vec<String> = differs.map(ToString::to_string).collect();
        if let Some(step) = &stub.scenario
            && let Some(required) = &step.required
            && state_of(&step.scenario) != *required
        {
            let (name, state) = (&step.scenario, state_of(&step.scenario));
            differences.push(format!("scenario {name}: expected {required}, found {state}"));
            distance = f64::midpoint(distance, 0.1);
        }
        if differences.is_empty() {
            return Vec::new();
        }
        let (name, place) = (stub.name().to_owned(), stub.place.clone());
        misses.push(NearMiss { stub: name, place, distance, differences });
    }
    misses.sort_by(|a, b| a.distance.total_cmp(&b.distance));
    misses.truncate(NEAR_MAX);
    misses
}

/// The text of a 404.
pub(super) fn not_matched(service: &str, request: &ReceivedRequest, misses: &[NearMiss]) -> String {
    let mut text = format!("no stub of `{service}` matches {} {}", request.method, request.url);
    match misses.first() {
        Some(nearest) => {
            let _ = write!(text, "\nthe nearest is {nearest}");
        }
        None => text.push_str("\nit has no stubs"),
    }
    text.push('\n');
    text
}

/// Why a count is wrong.
pub(super) fn wrong_count(
    service: &str,
    pattern: &RequestPattern,
    count: Count,
    found: usize,
    requests: &[ReceivedRequest],
) -> String {
    let mut text = format!("`{service}` was asked {found} times, not {count}: {pattern}");
    let compared = requests.iter().map(|request| (request, pattern.compare(&Facts::of(request))));
    let missed = compared.filter(|(_, all)| all.iter().any(Difference::differs));
    let nearest =
        missed.min_by(|(_, a), (_, b)| Difference::mean(a).total_cmp(&Difference::mean(b)));
    if let Some((request, compared)) = nearest.filter(|_| found == 0) {
        let _ = write!(text, "\nthe nearest was {} {}", request.method, request.url);
        for difference in compared.iter().filter(|difference| difference.differs()) {
            let _ = write!(text, "\n  {difference}");
        }
    }
    text
}
