//! The result of a spawned task.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use super::task::TaskKey;
use super::{WorldId, current};

/// Why a task gave no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// It was aborted, or its node went down.
    #[error("the task was cancelled")]
    Cancelled,
}

enum State<T> {
    Running(Option<Waker>),
    Ended(Option<Result<T, JoinError>>),
}

/// Waits for a task. Dropped, it lets the task run on.
#[derive(Debug)]
pub struct JoinHandle<T> {
    shared: Arc<Shared<T>>,
    key: TaskKey,
    world: WorldId,
}

/// A mutex, because futures of services must be `Send`; it is never contended.
struct Shared<T>(Mutex<State<T>>);

impl<T> std::fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shared")
    }
}

/// Lives inside of the task: tells the handle of its end, also when the task is dropped.
pub(crate) struct Completion<T>(Arc<Shared<T>>);

impl<T> Completion<T> {
    pub(crate) fn complete(self, value: T) {
        self.0.end(Ok(value));
    }
}

impl<T> Drop for Completion<T> {
    fn drop(&mut self) {
        self.0.end(Err(JoinError::Cancelled));
    }
}

impl<T> Shared<T> {
    fn end(&self, result: Result<T, JoinError>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Running(waker) = &mut *state {
            let waker = waker.take();
            *state = State::Ended(Some(result));
            drop(state);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

/// The two ends of a task's result; `key` is known once the task is made.
pub(crate) fn completion<T>() -> (Completion<T>, impl FnOnce(TaskKey) -> JoinHandle<T>) {
    let shared = Arc::new(Shared(Mutex::new(State::Running(None))));
    let world = WorldId::here();
    (Completion(shared.clone()), move |key| JoinHandle { shared, key, world })
}

impl<T> JoinHandle<T> {
    /// Ends the task; its destructors run now. Does nothing once it has ended, or its world has.
    pub fn abort(&self) {
        if self.world.is_here() {
            current::with(|kernel| kernel.abort(self.key));
        }
    }

    /// True once the task has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        let state = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(*state, State::Ended(_))
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    /// # Panics
    ///
    /// If it is polled again after it was ready.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *state {
            State::Running(waker) => {
                *waker = Some(cx.waker().clone());
                Poll::Pending
            }
            State::Ended(result) => {
                Poll::Ready(result.take().expect("a join handle is polled until it is ready"))
            }
        }
    }
}
