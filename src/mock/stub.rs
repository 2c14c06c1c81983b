//! A stub: which requests it is for, and what it answers.

use super::pattern::RequestPattern;
use super::response::Reply;

/// The priority of a stub that names none; 1 is the best.
const PRIORITY: u32 = 5;

/// A rule of a mock: requests like this are answered like that.
///
/// ```
/// use stormglass::mock::{Reply, RequestPattern, Stub};
///
/// let first = Stub::new(RequestPattern::new("POST").path("/charge"), Reply::status(503))
///     .named("the first charge fails")
///     .when("charges", "Started")
///     .then("charged once");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Stub {
    /// What it is known by: a mapping's id, or else its name, or else where it stands.
    pub(crate) key: String,
    pub(crate) name: Option<String>,
    pub(crate) priority: u32,
    pub(crate) request: RequestPattern,
    pub(crate) reply: Reply,
    pub(crate) scenario: Option<Step>,
    /// File and line.
    pub(crate) place: Option<String>,
}

/// A stub's part in a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) scenario: String,
    /// The state in which the stub answers; none is every state.
    pub(crate) required: Option<String>,
    /// The state after it.
    pub(crate) next: Option<String>,
}

impl Stub {
    /// A stub of priority 5 that is known by what it asks for. Name it if you have several for the
    /// same: its name is what its randomness hangs on.
    #[must_use]
    pub fn new(request: RequestPattern, reply: Reply) -> Stub {
        Stub {
            key: request.to_string(),
            name: None,
            priority: PRIORITY,
            request,
            reply,
            scenario: None,
            place: None,
        }
    }

    /// Under a name, which near misses show.
    #[must_use]
    pub fn named(self, name: &str) -> Stub {
        Stub { key: name.to_owned(), name: Some(name.to_owned()), ..self }
    }

    /// With another priority: of several stubs that match, the one with the lowest number answers,
    /// and of equal ones the one that was added last.
    #[must_use]
    pub fn priority(self, priority: u32) -> Stub {
        Stub { priority, ..self }
    }

    /// Answers only while a scenario is in that state. Every scenario starts in `Started`.
    #[must_use]
    pub fn when(self, scenario: &str, state: &str) -> Stub {
        let next = self.scenario.and_then(|step| step.next);
        let step = Step { scenario: scenario.to_owned(), required: Some(state.to_owned()), next };
        Stub { scenario: Some(step), ..self }
    }

    /// Moves its scenario to that state, before any delay.
    ///
    /// # Panics
    ///
    /// If it is in no scenario: see [`Stub::when`].
    #[must_use]
    #[track_caller]
    pub fn then(mut self, state: &str) -> Stub {
        let step = self.scenario.as_mut().expect("a stub that moves a scenario is in one: `when`");
        step.next = Some(state.to_owned());
        self
    }

    /// What people call it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.key)
    }
}
