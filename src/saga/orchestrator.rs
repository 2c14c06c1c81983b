//! The orchestrator: does the steps of sagas one after the other, and writes down how far it is.

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::event::{SagaEvent, What, tell, told};
use super::kit::{Act, Saga, Step, StepError, Task};
use super::log::{Log, Phase, Progress, Row};
use crate::kernel::{Kernel, current};
use crate::service::Ctx;

/// The longest pause between two tries.
const BACKOFF_MAX: Duration = Duration::from_secs(1);

/// How a saga ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All steps are done.
    Completed,
    /// What was done is undone, for that reason.
    Compensated(String),
    /// A person has to decide, for that reason.
    Escalated(String),
}

/// Orchestrates the sagas of one definition on one node, from [`Saga::resume`]. It is cheap to clone.
pub struct Orchestrator<I> {
    shared: Arc<Shared<I>>,
}

impl<I> Clone for Orchestrator<I> {
    fn clone(&self) -> Orchestrator<I> {
        Orchestrator { shared: self.shared.clone() }
    }
}

impl<I> fmt::Debug for Orchestrator<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Orchestrator").field(&self.shared.saga).finish()
    }
}

struct Shared<I> {
    ctx: Ctx,
    saga: Saga<I>,
    log: Log,
    /// The sagas that this process knows of.
    known: Mutex<BTreeMap<Arc<str>, Arc<Instance>>>,
}

/// A saga of this process, and who waits for its end.
#[derive(Default)]
struct Instance(Mutex<(Option<Ending>, Vec<Waker>)>);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Instance {
    fn end(&self, ending: Ending) {
        let mut state = lock(&self.0);
        state.0 = Some(ending);
        let wakers = std::mem::take(&mut state.1);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    async fn ending(&self) -> Ending {
        poll_fn(|cx| {
            let mut state = lock(&self.0);
            match &state.0 {
                Some(ending) => Poll::Ready(ending.clone()),
                None => {
                    state.1.push(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

impl<I: Serialize + DeserializeOwned + Send + Sync + 'static> Saga<I> {
    /// Makes the orchestrator of this saga on a node, and goes on with what an earlier life of its process
    /// did not finish. Call it once at the start of each.
    #[must_use]
    pub fn resume(self, ctx: Ctx) -> Orchestrator<I> {
        let log = Log::new(ctx, &self.path);
        let shared = Shared { ctx, saga: self, log, known: Mutex::default() };
        let orchestrator = Orchestrator { shared: Arc::new(shared) };
        let all = orchestrator.clone();
        ctx.spawn(async move {
            for (id, row) in all.shared.log.rows().await {
                all.take_up(id.into(), Some(row));
            }
        });
        orchestrator
    }
}

impl<I: Serialize + DeserializeOwned + Send + Sync + 'static> Orchestrator<I> {
    /// Begins a saga, and waits for its end; it goes on whether somebody waits or not. A saga of that `id`
    /// that was begun before, in whatever life of the process, is not begun again: this waits for the end of
    /// that one, and looks at `input` no more.
    ///
    /// # Panics
    ///
    /// If `input` cannot be written as JSON.
    pub async fn run(&self, id: impl fmt::Display, input: I) -> Ending {
        let id: Arc<str> = id.to_string().into();
        let input = serde_json::to_vec(&input).expect("the input of a saga is JSON");
        let instance = match self.known(&id) {
            Some(instance) => instance,
            None => self.begin(id, input),
        };
        instance.ending().await
    }

    fn known(&self, id: &Arc<str>) -> Option<Arc<Instance>> {
        lock(&self.shared.known).get(id).cloned()
    }

    fn begin(&self, id: Arc<str>, input: Vec<u8>) -> Arc<Instance> {
        let instance = Arc::new(Instance::default());
        lock(&self.shared.known).insert(id.clone(), instance.clone());
        let (shared, mine) = (self.shared.clone(), instance.clone());
        self.shared.ctx.spawn(async move {
            let run = SagaRun { shared, id, instance: mine };
            match run.shared.log.row(&run.id).await {
                Some(row) => run.go_on(row).await,
                None => run.begin(input).await,
            }
        });
        instance
    }

    /// Goes on with a saga of an earlier life, unless somebody has asked for it by now.
    fn take_up(&self, id: Arc<str>, row: Option<Row>) {
        let mut known = lock(&self.shared.known);
        let (Some(row), false) = (row, known.contains_key(&id)) else { return };
        let instance = Arc::new(Instance::default());
        known.insert(id.clone(), instance.clone());
        let run = SagaRun { shared: self.shared.clone(), id, instance };
        self.shared.ctx.spawn(run.go_on(row));
    }
}

/// One saga that is being orchestrated.
struct SagaRun<I> {
    shared: Arc<Shared<I>>,
    id: Arc<str>,
    instance: Arc<Instance>,
}

/// What came of the tries of a step.
enum Outcome {
    Done,
    /// Not done, for that reason.
    Not(String),
    /// Done or not, and why nobody knows.
    Unknown(String),
    /// Tried too often where there is no way back.
    GivenUp(String),
}

impl<I: Serialize + DeserializeOwned + Send + Sync + 'static> SagaRun<I> {
    async fn begin(self, input: Vec<u8>) {
        let steps = vec![Progress::Waiting; self.shared.saga.steps.len()];
        let (reason, trace) = (String::new(), current::with(Kernel::trace));
        let row = Row { input, phase: Phase::Forwards, steps, reason, trace };
        self.save(&row, What::Begins, "").await;
        self.work(row).await;
    }

    async fn go_on(self, row: Row) {
        current::with(|kernel| kernel.set_trace(row.trace));
        if matches!(row.phase, Phase::Forwards | Phase::Backwards) {
            self.tell(What::Resumes, "");
            self.catch_up(&row);
        }
        self.work(row).await;
    }

    /// Says what the log knows and nobody was told: the power was lost between the two.
    fn catch_up(&self, row: &Row) {
        for (step, progress) in self.shared.saga.steps.iter().zip(&row.steps) {
            let what = match progress {
                Progress::Done => What::StepDone,
                Progress::Refused => What::StepRefused,
                Progress::Unknown => What::StepUnknown,
                Progress::Undone => What::UndoDone,
                Progress::Waiting | Progress::Begun | Progress::Undoing => continue,
            };
            if !self.is_told(what, &step.name) {
                self.tell(what, &step.name);
            }
        }
    }

    fn is_told(&self, what: What, step: &str) -> bool {
        let saga = &*self.shared.saga.name;
        let same =
            |e: &SagaEvent| e.what == what && e.step == step && *e.id == *self.id && e.saga == saga;
        told(|all| all.iter().any(same))
    }

    /// Takes the saga from wherever it is to its end.
    async fn work(self, mut row: Row) {
        let input = match serde_json::from_slice::<I>(&row.input) {
            Ok(input) if row.steps.len() == self.shared.saga.steps.len() => Arc::new(input),
            // The program has changed since; it cannot say what to do.
            _ => {
                row.reason = "the log does not fit this saga's definition".to_owned();
                row.phase = Phase::Escalated;
                self.tell(What::Escalated, "");
                return self.instance.end(Ending::Escalated(row.reason));
            }
        };
        if row.phase == Phase::Forwards {
            self.forwards(&input, &mut row).await;
        }
        if row.phase == Phase::Backwards {
            self.backwards(&input, &mut row).await;
        }
        let (what, ending) = match row.phase {
            Phase::Completed => (What::Completed, Ending::Completed),
            Phase::Compensated => (What::Compensated, Ending::Compensated(row.reason)),
            _ => (What::Escalated, Ending::Escalated(row.reason)),
        };
        // The power may have been lost between the log and the word.
        if !self.is_told(what, "") {
            self.tell(what, "");
        }
        self.instance.end(ending);
    }

    async fn forwards(&self, input: &Arc<I>, row: &mut Row) {
        let steps = &self.shared.saga.steps;
        for (index, step) in steps.iter().enumerate() {
            let in_doubt = match row.steps[index] {
                Progress::Done => continue,
                Progress::Begun => true,
                _ => false,
            };
            row.steps[index] = Progress::Begun;
            if in_doubt {
                self.tell(What::StepBegins, &step.name);
            } else {
                self.save(row, What::StepBegins, &step.name).await;
            }
            let no_return = steps[..index].iter().any(|step| step.pivot);
            let (progress, what, why) = match self.attempt(input, step, in_doubt, no_return).await {
                Outcome::Done => (Progress::Done, What::StepDone, None),
                Outcome::Not(why) => (Progress::Refused, What::StepRefused, Some(why)),
                Outcome::Unknown(why) => (Progress::Unknown, What::StepUnknown, Some(why)),
                Outcome::GivenUp(why) => {
                    row.phase = Phase::Escalated;
                    row.reason = format!("{}: {why}", step.name);
                    self.save(row, What::StepUnknown, &step.name).await;
                    return;
                }
            };
            row.steps[index] = progress;
            if let Some(why) = why {
                row.phase = Phase::Backwards;
                row.reason = format!("{}: {why}", step.name);
            }
            self.save(row, what, &step.name).await;
            if row.phase == Phase::Backwards {
                return;
            }
        }
        row.phase = Phase::Completed;
        self.save(row, What::Completed, "").await;
    }

    /// Tries a step until its outcome is known, or often enough.
    async fn attempt(
        &self,
        input: &Arc<I>,
        step: &Step<I>,
        mut in_doubt: bool,
        no_return: bool,
    ) -> Outcome {
        // A pivot that cannot be undone has to be known.
        let must_know = no_return || step.pivot && step.undo.is_none();
        let mut tries = 0;
        loop {
            let why = match self.ask(&step.action, input, step).await {
                Ok(()) => return Outcome::Done,
                Err(StepError::Refused(why)) if !no_return => {
                    // An earlier try may still be on its way, and be taken.
                    return match in_doubt && step.undo.is_some() {
                        true => Outcome::Unknown(why),
                        false => Outcome::Not(why),
                    };
                }
                Err(StepError::NotHeard(why)) => why,
                Err(StepError::Unknown(why) | StepError::Refused(why)) => {
                    in_doubt = true;
                    why
                }
            };
            tries += 1;
            let patience =
                match (no_return || must_know && in_doubt, self.shared.saga.escalate_after) {
                    (true, Some(tries)) => tries,
                    (true, None) => u32::MAX,
                    (false, _) => step.retries.saturating_add(1),
                };
            if tries >= patience {
                return match in_doubt {
                    _ if must_know && (no_return || in_doubt) => Outcome::GivenUp(why),
                    true => Outcome::Unknown(why),
                    false => Outcome::Not(why),
                };
            }
            self.pause(step, tries).await;
        }
    }

    async fn backwards(&self, input: &Arc<I>, row: &mut Row) {
        for (index, step) in self.shared.saga.steps.iter().enumerate().rev() {
            let undo = match (row.steps[index], &step.undo) {
                (Progress::Waiting | Progress::Refused | Progress::Undone, _) | (_, None) => {
                    continue;
                }
                (_, Some(undo)) => undo,
            };
            if row.steps[index] == Progress::Undoing {
                self.tell(What::UndoBegins, &step.name);
            } else {
                row.steps[index] = Progress::Undoing;
                self.save(row, What::UndoBegins, &step.name).await;
            }
            let mut tries = 0;
            while let Err(error) = self.ask(undo, input, step).await {
                self.tell(What::UndoFails, &step.name);
                tries += 1;
                if self.shared.saga.escalate_after.is_some_and(|most| tries >= most) {
                    row.phase = Phase::Escalated;
                    row.reason = format!("{} cannot be undone: {error}", step.name);
                    return self.save(row, What::Escalated, "").await;
                }
                self.pause(step, tries).await;
            }
            row.steps[index] = Progress::Undone;
            self.save(row, What::UndoDone, &step.name).await;
        }
        row.phase = Phase::Compensated;
        self.save(row, What::Compensated, "").await;
    }

    /// Asks once. What comes after the time is over is not heard.
    async fn ask(&self, act: &Act<I>, input: &Arc<I>, step: &Step<I>) -> Result<(), StepError> {
        let Shared { ctx, saga, .. } = &*self.shared;
        let task = Task {
            ctx: *ctx,
            saga: saga.name.clone(),
            id: self.id.clone(),
            step: step.name.clone(),
            input: input.clone(),
        };
        let late = || Err(StepError::Unknown(format!("no answer within {:?}", step.timeout)));
        ctx.timeout(step.timeout, act(task)).await.unwrap_or_else(|_| late())
    }

    async fn pause(&self, step: &Step<I>, tries: u32) {
        let pause = step.backoff.saturating_mul(1 << (tries - 1).min(16));
        self.shared.ctx.sleep(pause.min(BACKOFF_MAX)).await;
    }

    /// Writes the row, then says what it means.
    async fn save(&self, row: &Row, what: What, step: &str) {
        self.shared.log.save(&self.id, row).await;
        self.tell(what, step);
    }

    fn tell(&self, what: What, step: &str) {
        tell(self.shared.ctx, &self.shared.saga.name, &self.id, what, step);
    }
}
