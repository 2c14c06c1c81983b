//! The description of a saga: its steps, and how each is done and undone.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::future::LocalBoxFuture;
use http::StatusCode;

use super::definition::Definition;
use super::event::check_name;
use crate::service::{Ctx, HttpError, Response};

/// Why a step, or its compensation, was not seen to be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// It is not done and will not be: a card was declined. The saga turns back.
    #[error("refused: {0}")]
    Refused(String),
    /// The request was not even heard: a connection was refused. It is tried again.
    #[error("not heard: {0}")]
    NotHeard(String),
    /// It may be done or not. It is tried again, and compensated if that does not help.
    #[error("unknown: {0}")]
    Unknown(String),
}

/// What an error of a call says about its effect.
impl From<HttpError> for StepError {
    fn from(error: HttpError) -> StepError {
        match &error {
            HttpError::Refused | HttpError::NotFound(_) | HttpError::BadRequest(_) => {
                StepError::NotHeard(error.to_string())
            }
            _ => StepError::Unknown(error.to_string()),
        }
    }
}

/// Reads the answer of a service to a step: 2xx is done, 4xx is refused, all else is unknown.
///
/// # Errors
///
/// [`StepError::Refused`] and [`StepError::Unknown`].
pub fn accepted(response: &Response) -> Result<(), StepError> {
    let status = response.status();
    let why = || format!("{status} {}", response.text()).trim_end().to_owned();
    match status {
        status if status.is_success() => Ok(()),
        // These say nothing about the request itself.
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
            Err(StepError::Unknown(why()))
        }
        status if status.is_client_error() => Err(StepError::Refused(why())),
        _ => Err(StepError::Unknown(why())),
    }
}

/// What a step's code is given.
#[derive(Clone, Debug)]
pub struct Task<I> {
    pub(super) ctx: Ctx,
    pub(super) saga: Arc<str>,
    pub(super) id: Arc<str>,
    pub(super) step: Arc<str>,
    pub(super) input: Arc<I>,
}

impl<I> Task<I> {
    /// The orchestrator's node.
    #[must_use]
    pub fn ctx(&self) -> Ctx {
        self.ctx
    }

    /// Which saga.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What the saga was begun with.
    #[must_use]
    pub fn input(&self) -> &I {
        &self.input
    }

    /// What to send as the idempotency key: saga, id and step, the same in every try of the step, and in
    /// its compensation.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{}/{}", self.saga, self.id, self.step)
    }

    /// Sends `POST url` without a body, with the header `idempotency-key` and a label that fault scripts and
    /// stories use, and reads the answer with [`accepted`].
    ///
    /// # Errors
    ///
    /// What the answer, or the lack of one, says about the step.
    pub async fn post(&self, label: &str, url: &str) -> Result<(), StepError> {
        let request = self.ctx.http().post(url).label(label);
        let response = request.header("idempotency-key", self.key()).send().await?;
        accepted(&response)
    }
}

/// What does a step, or undoes it.
pub(super) type Act<I> =
    Arc<dyn Fn(Task<I>) -> LocalBoxFuture<'static, Result<(), StepError>> + Send + Sync>;

/// A step of a [`Saga`].
pub struct Step<I> {
    pub(super) name: Arc<str>,
    pub(super) action: Act<I>,
    pub(super) undo: Option<Act<I>>,
    pub(super) pivot: bool,
    pub(super) timeout: Duration,
    pub(super) retries: u32,
    pub(super) backoff: Duration,
}

impl<I> fmt::Debug for Step<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Step").field(&self.name).finish()
    }
}

fn act<I, F>(act: impl Fn(Task<I>) -> F + Send + Sync + 'static) -> Act<I>
where
    F: Future<Output = Result<(), StepError>> + 'static,
{
    Arc::new(move |task| Box::pin(act(task)))
}

impl<I> Step<I> {
    /// A step that `action` does. It must be idempotent by [`Task::key`]: it is asked for again whenever
    /// nobody knows what came of it.
    ///
    /// # Panics
    ///
    /// If the name is empty, is `-`, or has a space in it.
    #[track_caller]
    pub fn new<F>(name: &str, action: impl Fn(Task<I>) -> F + Send + Sync + 'static) -> Step<I>
    where
        F: Future<Output = Result<(), StepError>> + 'static,
    {
        check_name(name);
        Step {
            name: name.into(),
            action: act(action),
            undo: None,
            pivot: false,
            timeout: Duration::from_millis(100),
            retries: 2,
            backoff: Duration::from_millis(20),
        }
    }

    /// How to undo the step; without it there is nothing to be undone. It is tried until it succeeds. It may be
    /// asked for when the step was not done, and its request may overtake the step's: the service
    /// must then refuse the step for good ([`Participant`](super::Participant) does).
    #[must_use]
    pub fn undo<F>(self, undo: impl Fn(Task<I>) -> F + Send + Sync + 'static) -> Step<I>
    where
        F: Future<Output = Result<(), StepError>> + 'static,
    {
        Step { undo: Some(act(undo)), ..self }
    }

    /// Once this step is done there is no way back: the steps after it are tried until they succeed.
    #[must_use]
    pub fn pivot(self) -> Step<I> {
        Step { pivot: true, ..self }
    }

    /// How long each try may take, on the node's clock. The default is 100 ms.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Step<I> {
        Step { timeout, ..self }
    }

    /// How often the step is tried again before the saga turns back. The default is 2.
    #[must_use]
    pub fn retries(self, retries: u32) -> Step<I> {
        Step { retries, ..self }
    }

    /// The pause before a further try of the step or its compensation; it doubles each time, up to 1 s.
    /// The default is 20 ms.
    #[must_use]
    pub fn backoff(self, backoff: Duration) -> Step<I> {
        Step { backoff, ..self }
    }
}

/// A saga: steps that are done one after the other, and undone in reverse order when one of them cannot be
/// done. `I` is what each is begun with.
///
/// [`Saga::resume`](Saga::resume) makes its orchestrator, whose log is in a database on the node's disk: before a
/// step is asked for, and when its outcome is known, that is there for good. So after a crash each saga goes
/// on where it was, and comes to the same end.
///
/// ```
/// use stormglass::prelude::*;
/// use stormglass::saga::{Saga, Step, StepError};
///
/// fn place_order() -> Saga<u32> {
///     Saga::new("place_order")
///         .step(
///             Step::new("reserve", |task| async move { task.post("reserve", "http://inventory/reserve").await })
///                 .undo(|task| async move { task.post("release", "http://inventory/release").await }),
///         )
///         .step(Step::new("charge", |task| async move {
///             match task.input() {
///                 amount if *amount > 100 => Err(StepError::Refused("too dear".to_owned())),
///                 _ => Ok(()),
///             }
///         }))
/// }
/// # assert_eq!(place_order().definition().steps().count(), 2);
/// ```
pub struct Saga<I> {
    pub(super) name: Arc<str>,
    pub(super) steps: Vec<Step<I>>,
    pub(super) path: String,
    pub(super) escalate_after: Option<u32>,
}

impl<I> fmt::Debug for Saga<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Saga").field("name", &self.name).field("steps", &self.steps).finish()
    }
}

impl<I> Saga<I> {
    /// A saga without steps.
    ///
    /// # Panics
    ///
    /// If the name is empty, is `-`, or has a space in it.
    #[must_use]
    #[track_caller]
    pub fn new(name: &str) -> Saga<I> {
        check_name(name);
        let path = format!("saga-{name}.redb");
        Saga { name: name.into(), steps: Vec::new(), path, escalate_after: None }
    }

    /// Adds a step after the others.
    ///
    /// # Panics
    ///
    /// If there is one of that name.
    #[must_use]
    #[track_caller]
    pub fn step(mut self, step: Step<I>) -> Saga<I> {
        let taken = self.steps.iter().any(|other| other.name == step.name);
        assert!(!taken, "the saga `{}` has a step `{}` already", self.name, step.name);
        self.steps.push(step);
        self
    }

    /// Sets the file of its log; the default is `saga-NAME.redb`.
    #[must_use]
    pub fn log(self, path: &str) -> Saga<I> {
        Saga { path: path.to_owned(), ..self }
    }

    /// Gives up after so many tries of a compensation, or of a step after the pivot: the journal says that a
    /// person has to decide, and the oracle's verdict is unknown. The default is never to give up.
    #[must_use]
    pub fn escalate_after(self, tries: u32) -> Saga<I> {
        Saga { escalate_after: Some(tries), ..self }
    }

    /// What the oracle has to know of it.
    #[must_use]
    pub fn definition(&self) -> Definition {
        self.steps.iter().fold(Definition::new(&self.name), |definition, step| match step.undo {
            Some(_) => definition.step(&step.name),
            None => definition.without_compensation(&step.name),
        })
    }
}
