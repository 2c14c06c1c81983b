//! The main loop: poll what is ready, then move time to the next action.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use super::task::{TaskKey, Wait};
use super::{Action, Kernel, Panicked, Surroundings, Target, panics};
use crate::journal::{Entry, EventId, Kind, NodeId, Symbol, Trace};
use crate::time::Time;

/// Why the kernel stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The caller asked for it.
    Done,
    /// Nothing is ready and nothing will happen, but for keep-alive probes that will be answered.
    Idle,
    /// The time limit is reached.
    Limit,
    /// More events than the budget allows.
    Events,
    /// A million polls at one instant: tasks that wake each other for ever.
    Livelock,
    /// The wall time is used up.
    Interrupted,
}

/// A task that waits, in the report of a deadlock or livelock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The node's name.
    pub node: String,
    /// Where the task was made.
    pub spawned_at: String,
    /// What it waits for.
    pub waits_for: String,
    /// Since when.
    pub since: Time,
    /// How often it was polled.
    pub polls: u64,
}

/// Polls at one instant after which a run counts as a livelock.
const POLLS_AT_ONE_INSTANT: u64 = 1_000_000;

fn poll_inside<R>(surroundings: &dyn Surroundings, key: TaskKey, f: &mut dyn FnMut() -> R) -> R {
    let mut result = None;
    surroundings.poll(key, &mut || result = Some(f()));
    result.expect("surroundings call what they are given")
}

impl Kernel {
    /// Runs until `limit`, or until `hook` breaks; it is called after every action and every poll
    /// that touched something, and may itself act on the world.
    pub(crate) fn run(
        &self,
        limit: Time,
        hook: &mut dyn FnMut(&Kernel) -> ControlFlow<()>,
    ) -> Stop {
        let stop = self.run_until(limit, hook);
        self.leave();
        stop
    }

    fn run_until(&self, limit: Time, hook: &mut dyn FnMut(&Kernel) -> ControlFlow<()>) -> Stop {
        let mut instant = (self.now.get(), self.polls.get());
        let mut turns = 0u32;
        loop {
            if !self.poll_ready(instant.1) {
                return Stop::Livelock;
            }
            if self.touched.replace(false) {
                self.leave();
                if hook(self).is_break() {
                    return Stop::Done;
                }
                if !self.is_at_rest() {
                    continue;
                }
            }
            let next = self.queue.borrow().next_at().filter(|_| !self.is_idle());
            match next {
                None => return Stop::Idle,
                Some(at) if at > limit.0 => {
                    self.advance(limit.0);
                    return Stop::Limit;
                }
                Some(at) if at > instant.0 => instant = (at, self.polls.get()),
                Some(_) => {}
            }
            self.act();
            turns = turns.wrapping_add(1);
            if turns.is_multiple_of(1024) {
                if self.interrupt.load(Ordering::Relaxed) {
                    return Stop::Interrupted;
                }
                if self.events() > self.events_max {
                    return Stop::Events;
                }
            }
        }
    }

    /// Takes the earliest action and performs it.
    fn act(&self) {
        let Some((at, action)) = self.queue.borrow_mut().pop() else { return };
        self.advance(at);
        self.running.set(None);
        self.prev.set(EventId::NONE);
        self.trace.set(Trace::default());
        match action {
            Action::Wake { waiter, node, set_by } => {
                self.node.set(node);
                self.cause.set(set_by);
                self.record(Entry::new(Kind::Timer, node));
                waiter.wake(self);
            }
            Action::Fire { target, token, set_by } => {
                self.fire(target, token, set_by);
            }
            Action::FireInBackground { target, token, set_by } => {
                self.in_background.set(self.in_background.get() - 1);
                self.fire(target, token, set_by);
            }
        }
    }

    fn fire(&self, target: Rc<dyn Target>, token: u64, set_by: EventId) {
        self.node.set(NodeId::WORLD);
        self.cause.set(set_by);
        target.fire(self, token);
    }

    fn advance(&self, at: u64) {
        if at > self.now.get() {
            self.now.set(at);
            self.seal.advance_to(at);
        }
    }

    /// Polls until no task is ready, or one has touched something; false if they never come to
    /// rest.
    fn poll_ready(&self, polls_before: u64) -> bool {
        loop {
            let key = self.ready.borrow_mut().pop();
            let Some(key) = key else { return true };
            self.poll(key);
            if self.polls.get() - polls_before > POLLS_AT_ONE_INSTANT {
                return false;
            }
            if self.touched.get() {
                return true;
            }
        }
    }

    /// True if no task is ready.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.ready.borrow().is_empty()
    }

    /// Polls one task.
    fn poll(&self, key: TaskKey) {
        let index = key.index as usize;
        let mut tasks = self.tasks.borrow_mut();
        let Some(task) = tasks.get_mut(index).filter(|t| t.generation == key.generation) else {
            return;
        };
        let node = task.node;
        let (skewed, surroundings) = {
            let owner = &mut self.owners.borrow_mut()[node.0 as usize];
            if owner.paused {
                owner.parked.push(key);
                return;
            }
            (owner.skewed, owner.surroundings.clone())
        };
        task.queued = false;
        task.polls += 1;
        self.prev.set(task.last);
        self.cause.set(std::mem::take(&mut task.woken_by));
        self.trace.set(task.trace);
        let Some((mut future, waker)) = task.body.take() else { return };
        let place = task.spawned_at;
        drop(tasks);

        self.polls.set(self.polls.get() + 1);
        self.pulse.begin_poll(self.polls.get(), place);
        self.running.set(Some(key));
        self.waker.set(waker.data());
        self.node.set(node);
        self.wait.set(Wait::Unknown);
        let mut poll_here = || {
            let mut context = Context::from_waker(&waker);
            catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut context)))
        };
        let mut poll = || match &surroundings {
            Some(surroundings) => poll_inside(&**surroundings, key, &mut poll_here),
            None => poll_here(),
        };
        let outcome = if skewed { self.poll_skewed(node, &mut poll) } else { poll() };
        self.pulse.end_poll();
        let ended = match outcome {
            Ok(Poll::Pending) => false,
            Ok(Poll::Ready(())) => true,
            Err(payload) => {
                self.note_panic(node, &panics::message(payload.as_ref()));
                true
            }
        };

        let mut tasks = self.tasks.borrow_mut();
        let alive = tasks.get_mut(index).filter(|t| t.generation == key.generation);
        let leftover = match alive {
            Some(task) if !ended => {
                task.last = self.prev.get();
                if task.woken_by == EventId::NONE {
                    task.woken_by = self.cause.get();
                }
                task.wait = self.wait.get();
                task.trace = self.trace.get();
                task.since = self.now.get();
                task.body = Some((future, waker));
                None
            }
            Some(_) => {
                tasks.remove(index);
                Some(future)
            }
            None => Some(future),
        };
        drop(tasks);
        if let Some(future) = leftover {
            self.drop_inside(node, future);
        }
    }

    /// Nothing runs: what follows belongs to nobody. Polls and actions say themselves whom they
    /// belong to, so this is needed only between them and everybody else.
    fn leave(&self) {
        self.running.set(None);
        self.node.set(NodeId::WORLD);
        self.prev.set(EventId::NONE);
        self.cause.set(EventId::NONE);
        self.trace.set(Trace::default());
    }

    fn poll_skewed<R>(&self, node: NodeId, poll: &mut dyn FnMut() -> R) -> R {
        let clock = self.local_clock.borrow().clone();
        match clock {
            Some(clock) => {
                let local = clock.local_nanos(node, self.now());
                self.seal.poll_with_clock(node, local, poll)
            }
            None => poll(),
        }
    }

    pub(super) fn note_panic(&self, node: NodeId, message: &str) {
        self.record_text(Entry::new(Kind::Panic, node), message.to_owned());
        self.panicked.borrow_mut().push(Panicked { node, message: message.to_owned() });
        self.touch();
    }

    /// Who waits for what, since when; the longest first.
    pub(crate) fn waiting(&self) -> Vec<Waiting> {
        let tasks = self.tasks.borrow();
        let mut waiting: Vec<Waiting> = tasks
            .iter()
            .map(|(_, task)| Waiting {
                node: self.node_name(task.node),
                spawned_at: task.spawned_at.to_string(),
                waits_for: match task.wait {
                    _ if task.queued => "its turn".to_owned(),
                    Wait::Unknown => "something that no event of the world will wake".to_owned(),
                    Wait::Timer(at) => format!("a timer at {}", Time(at)),
                    Wait::Datagram(port) => {
                        format!("a datagram at {}:{port}", self.node_name(task.node))
                    }
                    Wait::For(symbol) => self.text(symbol),
                },
                since: Time(task.since),
                polls: task.polls,
            })
            .collect();
        waiting.sort_by(|a, b| (a.since, &a.node).cmp(&(b.since, &b.node)));
        waiting
    }

    fn text(&self, symbol: Symbol) -> String {
        self.journal.borrow().symbol_text(symbol).to_owned()
    }
}
