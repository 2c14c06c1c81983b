//! A program on its node: a tokio runtime that is given turns.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::CString;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use tokio::runtime::{Builder, Handle, Runtime};

use super::gate::{Role, in_role};
use super::threads::{self, Threads};
use super::{Os, try_with, with};
use crate::clock;
use crate::journal::NodeId;
use crate::kernel::current;
use crate::kernel::{Kernel, Surroundings, TaskKey, Timer, Wait};
use crate::time::Time;

/// Looks at `epoll` in one turn that found nothing, after which the program is taken to wait for
/// time to pass, and time does.
const FRUITLESS: u32 = 1000;
/// By how much time passes then: the first time, and at most, as it doubles each time.
const STEP: Duration = Duration::from_micros(1);
const STEP_MAX: Duration = Duration::from_millis(1);
/// After so much time of nothing but such looks the program is taken to wait for ever.
const SPUN_MAX: Duration = Duration::from_secs(1);

/// One node's program, as the calls that it makes see it.
pub(super) struct Host {
    pub(super) node: NodeId,
    /// The kernel's task that gives the program its turns.
    own_task: Option<TaskKey>,
    pub(super) environment: BTreeMap<CString, CString>,
    /// Files and folders of the host that it may read.
    pub(super) reads: Vec<String>,
    pub(super) threads: Threads,
    /// Of its runtime, once there is one.
    runtime: RefCell<Option<Handle>>,
    /// Gives the program a turn.
    task: RefCell<Option<Waker>>,
    /// Ends the turn that is running.
    turn: RefCell<Option<Waker>>,
    in_turn: Cell<bool>,
    is_idle: Cell<bool>,
    /// When the program would wake by itself, on the node's monotonic clock.
    deadline: Cell<Option<Time>>,
    fruitless: Cell<u32>,
    /// The time that has passed since it found something, because it looked in vain.
    spun: Cell<Duration>,
    news: Cell<u64>,
    /// What it asked for that is not simulated.
    refused: RefCell<Option<String>>,
}

impl Host {
    /// Something happened to its descriptors that its own threads may wait for.
    pub(super) fn count_news(&self) {
        self.news.set(self.news.get() + 1);
    }

    pub(super) fn wake(&self) {
        self.count_news();
        // In its own turn it will look again before the turn is over.
        if !self.in_turn.get()
            && let Some(task) = &*self.task.borrow()
        {
            task.wake_by_ref();
        }
    }

    /// The count of what happened to its descriptors.
    pub(super) fn news(&self) -> u64 {
        self.news.get()
    }

    pub(super) fn refuse(&self, message: String) {
        self.refused.borrow_mut().get_or_insert(message);
        self.wake();
    }

    /// `epoll_wait` has nothing to tell: the turn is over, and the program sleeps until then.
    pub(super) fn end_turn(&self, deadline: Option<Time>) {
        self.deadline.set(deadline);
        self.is_idle.set(true);
        if let Some(turn) = &*self.turn.borrow() {
            turn.wake_by_ref();
        }
    }

    /// `epoll_wait` was asked to look without sleeping, and there was nothing; true if it has been so
    /// for long.
    fn looked_in_vain(&self) -> bool {
        self.fruitless.set(self.fruitless.get() + 1);
        self.fruitless.get() >= FRUITLESS
    }

    /// A program that spins until time has passed is moved on, in steps that grow: a step costs as
    /// much real time whatever its length.
    fn move_on(&self, now: Time) {
        let step = self.spun.get().clamp(STEP, STEP_MAX);
        let spun = self.spun.get() + step;
        self.spun.set(spun);
        if spun > SPUN_MAX {
            self.refuse(format!(
                "a loop without `.await` on time or input (`yield_now`, `poll_immediate`, \
                 `try_recv`): nothing else has happened for {SPUN_MAX:?}; sleep in it, or wait for \
                 what it looks for"
            ));
        }
        self.end_turn(Some(now + step));
    }

    fn found(&self) {
        self.fruitless.set(0);
        self.spun.set(Duration::ZERO);
    }
}

/// A handler's code beside the program: it finds the program's runtime and its operating system.
impl Surroundings for Host {
    fn poll(&self, task: TaskKey, f: &mut dyn FnMut()) {
        let runtime = self.runtime.borrow().clone();
        // The program's own task has turns.
        let runtime = runtime.filter(|_| Some(task) != self.own_task);
        in_role(Role::Turn(self.node), || match runtime {
            // Beside the context this gives tokio's randomness, which `select!` draws from, from the
            // runtime's seed.
            Some(runtime) => runtime.block_on(std::future::ready(()).map(|()| f())),
            None => f(),
        });
    }

    fn end(&self, f: &mut dyn FnMut()) {
        let runtime = self.runtime.borrow().clone();
        in_role(Role::Turn(self.node), || {
            let _inside = runtime.as_ref().map(Handle::enter);
            f();
        });
    }
}

/// The task of the kernel that is a program.
pub(crate) struct Program {
    host: Rc<Host>,
    /// None before its first turn, and after its last.
    runtime: Option<Runtime>,
    main: Option<LocalBoxFuture<'static, ()>>,
    start: Option<Start>,
    timer: Timer,
}

type Start = Box<dyn FnOnce() -> LocalBoxFuture<'static, ()>>;

impl Program {
    /// A program that `start` makes on its first turn, inside of its runtime.
    pub(crate) fn new(
        node: NodeId,
        environment: &BTreeMap<String, String>,
        reads: &[String],
        start: impl FnOnce() -> LocalBoxFuture<'static, ()> + 'static,
    ) -> Program {
        let text = |text: &String| CString::new(text.as_bytes()).unwrap_or_default();
        let environment = environment.iter().map(|(name, value)| (text(name), text(value)));
        let host = Rc::new(Host {
            node,
            own_task: current::with(Kernel::running),
            environment: environment.collect(),
            reads: reads.to_vec(),
            threads: Threads::default(),
            runtime: RefCell::default(),
            task: RefCell::default(),
            turn: RefCell::default(),
            in_turn: Cell::new(false),
            is_idle: Cell::new(false),
            deadline: Cell::new(None),
            fruitless: Cell::new(0),
            spun: Cell::new(Duration::ZERO),
            news: Cell::new(0),
            refused: RefCell::default(),
        });
        with(|os| os.hosts.borrow_mut().insert(node, host.clone()));
        current::with(|kernel| kernel.set_surroundings(node, host.clone()));
        Program {
            host,
            runtime: None,
            main: None,
            start: Some(Box::new(start)),
            timer: current::with(|kernel| Timer::at(kernel, Time::ZERO)),
        }
    }

    /// Lets the program run until it would sleep; true once its main function has returned.
    fn turn(&mut self) -> bool {
        let host = self.host.clone();
        host.in_turn.set(true);
        host.fruitless.set(0);
        let done = in_role(Role::Turn(host.node), || {
            let runtime = self.runtime.get_or_insert_with(|| {
                let runtime = runtime(host.node);
                host.runtime.replace(Some(runtime.handle().clone()));
                runtime
            });
            let main = &mut self.main;
            let start = &mut self.start;
            runtime.block_on(std::future::poll_fn(|cx| {
                if host.is_idle.replace(false) {
                    return Poll::Ready(false);
                }
                host.turn.borrow_mut().get_or_insert_with(|| cx.waker().clone());
                if let Some(start) = start.take() {
                    *main = Some(start());
                }
                match main {
                    Some(main) => main.as_mut().poll(cx).map(|()| true),
                    None => Poll::Ready(true),
                }
            }))
        });
        host.in_turn.set(false);
        done
    }

    /// Ends everything of the program, as the end of its process does; the result tells of threads
    /// that did not end by themselves. Later calls do nothing.
    fn end(&mut self) -> Vec<String> {
        let host = self.host.clone();
        let mine = |os: &Os| os.host(host.node).is_some_and(|other| Rc::ptr_eq(&other, &host));
        if !try_with(mine).unwrap_or(false) {
            return Vec::new();
        }
        let (main, runtime) = (self.main.take(), self.runtime.take());
        with(|os| {
            host.in_turn.set(true);
            os.hang_up(host.node);
            in_role(Role::Turn(host.node), || {
                // Inside of the runtime, as tasks are dropped that want it.
                if let Some(runtime) = &runtime {
                    let _inside = runtime.enter();
                    drop(main);
                }
                // These hold the runtime's descriptors, which are closed as the program's.
                drop(host.turn.take());
                drop(host.runtime.take());
                // Its threads are waited for below; some of them wait for what the tasks hold.
                if let Some(runtime) = runtime {
                    runtime.shutdown_background();
                }
            });
            let killed = threads::cancel_all(os, &host);
            os.forget(host.node);
            os.hosts.borrow_mut().remove(&host.node);
            killed
        })
    }
}

/// What makes a runtime whose threads end as soon as they have nothing to do, since nobody could
/// wait for the time in which they might get something.
pub(super) fn builder() -> Builder {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().thread_keep_alive(Duration::ZERO);
    builder
}

fn runtime(node: NodeId) -> Runtime {
    let mut builder = builder();
    seed_choices(&mut builder, node);
    builder.build().expect("a runtime needs nothing that the world does not have")
}

/// `select!` draws from the seed which branch it looks at first, where tokio lets it be set.
#[cfg(tokio_unstable)]
fn seed_choices(builder: &mut Builder, node: NodeId) {
    use rand::Rng;
    let key = u64::from(crate::node::starts(node)) << 32 | u64::from(node.0);
    let drawn = current::with(|kernel| kernel.seed()).stream("tokio", key).next_u64();
    builder.rng_seed(tokio::runtime::RngSeed::from_bytes(&drawn.to_le_bytes()));
}

#[cfg(not(tokio_unstable))]
fn seed_choices(_: &mut Builder, _: NodeId) {}

impl Future for Program {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // Between the turns it is the world's code.
        in_role(Role::Outside, || self.get_mut().take_turns(cx))
    }
}

impl Program {
    fn take_turns(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let host = self.host.clone();
        if !host.task.borrow().as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            host.task.replace(Some(cx.waker().clone()));
        }
        loop {
            host.deadline.set(None);
            let turn = catch_unwind(AssertUnwindSafe(|| self.turn()));
            // If it panicked as well, then because of this.
            let refused = host.refused.take();
            assert!(refused.is_none(), "{}", refused.unwrap_or_default());
            let done = turn.unwrap_or_else(|panic| resume_unwind(panic));
            if done {
                let killed = self.end();
                // A crash ends any thread. A program that returns leaves none behind: with tokio's
                // own `main` it would not even end.
                let remedy = "let it end when its channel closes, and join it";
                assert!(killed.is_empty(), "{}; {remedy}", killed.join(", "));
                return Poll::Ready(());
            }
            let sleeps_until = [host.deadline.get(), host.threads.deadline()];
            let Some(local) = sleeps_until.into_iter().flatten().min() else {
                current::with(|kernel| {
                    kernel.waits_for(Wait::For(kernel.symbol("something to come in")));
                });
                return Poll::Pending;
            };
            let waiting = current::with(|kernel| {
                let due = clock::true_time(kernel, host.node, local);
                self.timer.poll_at(kernel, due, cx)
            });
            if waiting.is_pending() {
                return Poll::Pending;
            }
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.host.task.take();
        in_role(Role::Outside, || self.end());
    }
}

impl Os {
    /// `epoll_wait`: the events that there are, or the end of the turn.
    pub(super) fn epoll_wait(
        &self,
        node: NodeId,
        epfd: libc::c_int,
        most: usize,
        timeout: Option<Duration>,
    ) -> Option<Vec<libc::epoll_event>> {
        let host = self.host(node)?;
        loop {
            let events = self.epoll_take(epfd, most)?;
            if !events.is_empty() {
                host.found();
                return Some(events);
            }
            if timeout == Some(Duration::ZERO) {
                // What it looks for may be for one of its threads to do.
                if host.looked_in_vain() {
                    match threads::run(self, &host) {
                        true => host.found(),
                        false => host.move_on(self.local_now(node)),
                    }
                }
                return Some(events);
            }
            if !threads::run(self, &host) {
                host.found();
                let now = self.local_now(node);
                host.end_turn(timeout.map(|timeout| now + timeout));
                return Some(events);
            }
        }
    }
}
