//! Load: operations at a rate, or by so many users, and what they came to.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use rand::Rng;
use rand_distr::{Distribution, Exp};
use serde::Serialize;

use crate::clock::Sleep;
use crate::kernel::JoinHandle;
use crate::service::Ctx;
use crate::sim::{MemberBuilder, Sim};
use crate::time::{Time, nanos};

/// When operations of an open loop begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Arrivals {
    /// At random, independently of each other (a Poisson process): as many users do it.
    #[default]
    Poisson,
    /// At even distances.
    Even,
}

#[derive(Clone, Copy, Debug)]
enum Loop {
    Open { rate: f64, arrivals: Arrivals },
    Closed { users: u32, think: Duration },
}

/// A generator of load.
///
/// An *open* loop begins operations at a rate, whether earlier ones have ended or not, as the users of
/// a web site do. A *closed* loop has so many users, of which each waits for its operation to end.
/// All times are those of the client's node.
///
/// ```
/// use std::time::Duration;
/// use stormglass::orchestrator::{Load, LoadReport};
/// use stormglass::prelude::*;
///
/// fn world(sim: &mut Sim) {
///     sim.service("shop", || {
///         axum::Router::new().route("/", axum::routing::get(|| async { "open" }))
///     });
///     let load = Load::open(200.0).lasting(Duration::from_secs(2));
///     load.drive(sim, "shoppers", |ctx, _| async move {
///         ctx.http().get("http://shop/").send().await.map(|_| ())
///     });
///     sim.eventually("99 of 100 wait at most 50 ms", |view: &View<'_>| {
///         LoadReport::of(view, "shoppers").is_some_and(|r| r.p99 <= Duration::from_millis(50))
///     });
/// }
///
/// let run = run(&world, &RunConfig::seed(1).plan(FaultPlan::default()));
/// assert!(run.verdict().holds(), "{}", run.verdict());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Load {
    kind: Loop,
    lasts: Duration,
    limit: Duration,
}

impl Load {
    /// An open loop with so many operations a second, for 10 s.
    ///
    /// # Panics
    ///
    /// If the rate is not above 0.
    #[must_use]
    pub fn open(rate: f64) -> Load {
        assert!(rate > 0.0 && rate.is_finite(), "a rate of {rate} operations a second");
        let kind = Loop::Open { rate, arrivals: Arrivals::default() };
        Load { kind, lasts: Duration::from_secs(10), limit: Duration::from_secs(30) }
    }

    /// A closed loop with so many users, for 10 s.
    #[must_use]
    pub fn closed(users: u32) -> Load {
        let kind = Loop::Closed { users, think: Duration::ZERO };
        Load { kind, lasts: Duration::from_secs(10), limit: Duration::from_secs(30) }
    }

    /// When operations of an open loop begin. A closed loop does not ask.
    #[must_use]
    pub fn arrivals(self, arrivals: Arrivals) -> Load {
        match self.kind {
            Loop::Open { rate, .. } => Load { kind: Loop::Open { rate, arrivals }, ..self },
            Loop::Closed { .. } => self,
        }
    }

    /// How long each user of a closed loop waits between two operations. An open loop does not ask.
    #[must_use]
    pub fn think(self, think: Duration) -> Load {
        match self.kind {
            Loop::Closed { users, .. } => Load { kind: Loop::Closed { users, think }, ..self },
            Loop::Open { .. } => self,
        }
    }

    /// How long operations begin.
    #[must_use]
    pub fn lasting(self, lasts: Duration) -> Load {
        Load { lasts, ..self }
    }

    /// After which time an operation is an error. The default is 30 s.
    #[must_use]
    pub fn limit(self, limit: Duration) -> Load {
        Load { limit, ..self }
    }

    /// Adds a client to the world that does `operation`, numbered from 0, and publishes a
    /// [`LoadReport`] as its probe `load`: each second, and in the end. It ends when the last
    /// operation has.
    ///
    /// # Panics
    ///
    /// If the world has a member of that name.
    #[track_caller]
    pub fn drive<'s, F, E>(
        self,
        sim: &'s mut Sim,
        name: &str,
        operation: impl Fn(Ctx, u64) -> F + 'static,
    ) -> MemberBuilder<'s>
    where
        F: Future<Output = Result<(), E>> + 'static,
        E: Display,
    {
        let gaps = RefCell::new(sim.seed().named_stream("load", name));
        let (operation, gaps) = (Rc::new(operation), Rc::new(gaps));
        sim.client(name, move |ctx| {
            let (operation, gaps) = (operation.clone(), gaps.clone());
            async move {
                let run = Rc::new(Course::new(ctx, self, operation));
                let watch = run.clone();
                let _watch = ctx.spawn(async move { watch.publish_each_second().await });
                match self.kind {
                    Loop::Open { rate, arrivals } => {
                        let gap = move || match arrivals {
                            Arrivals::Even => 1.0 / rate,
                            Arrivals::Poisson => exponential(&mut *gaps.borrow_mut(), rate),
                        };
                        run.clone().open(gap).await;
                    }
                    Loop::Closed { users, think } => run.clone().closed(users, think).await,
                }
                let report = run.report();
                ctx.record(&report);
                ctx.publish("load", report);
                run.is_over.set(true);
                Ok::<(), String>(())
            }
        })
    }
}

fn exponential(rng: &mut impl Rng, rate: f64) -> f64 {
    Exp::new(rate).expect("the rate is above 0").sample(rng)
}

/// One course of a load.
struct Course<O> {
    ctx: Ctx,
    load: Load,
    operation: Rc<O>,
    began: Time,
    begun: std::cell::Cell<u64>,
    latencies: RefCell<Vec<u64>>,
    errors: RefCell<BTreeMap<String, u64>>,
    is_over: std::cell::Cell<bool>,
}

impl<O, F, E> Course<O>
where
    O: Fn(Ctx, u64) -> F + 'static,
    F: Future<Output = Result<(), E>> + 'static,
    E: Display,
{
    fn new(ctx: Ctx, load: Load, operation: Rc<O>) -> Course<O> {
        Course {
            ctx,
            load,
            operation,
            began: ctx.clock().now(),
            begun: std::cell::Cell::new(0),
            latencies: RefCell::default(),
            errors: RefCell::default(),
            is_over: std::cell::Cell::new(false),
        }
    }

    async fn open(self: Rc<Self>, gap: impl Fn() -> f64) {
        let mut due = Duration::from_secs_f64(gap());
        let mut open: Vec<JoinHandle<()>> = Vec::new();
        while due < self.load.lasts {
            let mut sleep = self.ctx.sleep(Duration::ZERO);
            Sleep::reset(&mut sleep, self.began + due);
            sleep.await;
            // From when it was due: what piles up is not forgotten (no coordinated omission).
            let (me, since) = (self.clone(), self.began + due);
            open.push(self.ctx.spawn(async move { me.once(since).await }));
            due += Duration::from_secs_f64(gap());
        }
        for operation in open {
            // One that panics takes the node with it.
            let _ = operation.await;
        }
    }

    async fn closed(self: Rc<Self>, users: u32, think: Duration) {
        let mut open = Vec::new();
        for _ in 0..users {
            let me = self.clone();
            open.push(self.ctx.spawn(async move {
                let end = me.began + me.load.lasts;
                while me.ctx.clock().now() < end {
                    let since = me.ctx.clock().now();
                    me.once(since).await;
                    let took = me.ctx.clock().now().since(since);
                    // One that takes no time at all would go on for ever at one instant.
                    let least =
                        if took.is_zero() { Duration::from_micros(1) } else { Duration::ZERO };
                    if !think.max(least).is_zero() {
                        me.ctx.sleep(think.max(least)).await;
                    }
                }
            }));
        }
        for user in open {
            let _ = user.await;
        }
    }

    async fn once(&self, since: Time) {
        let number = self.begun.replace(self.begun.get() + 1);
        let operation = (self.operation)(self.ctx, number);
        let error = match self.ctx.timeout(self.load.limit, operation).await {
            Ok(Ok(())) => {
                let took = self.ctx.clock().now().since(since);
                self.latencies.borrow_mut().push(nanos(took));
                return;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it took too long".to_owned(),
        };
        *self.errors.borrow_mut().entry(error).or_default() += 1;
    }

    async fn publish_each_second(&self) {
        while !self.is_over.get() {
            self.ctx.sleep(Duration::from_secs(1)).await;
            if !self.is_over.get() {
                self.ctx.publish("load", self.report());
            }
        }
    }

    fn report(&self) -> LoadReport {
        let took = self.ctx.clock().now().since(self.began);
        LoadReport::of_samples(
            self.begun.get(),
            took,
            self.latencies.borrow().clone(),
            self.errors.borrow().clone(),
        )
    }
}

/// What a load came to, in virtual time.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LoadReport {
    /// Operations that have begun.
    pub begun: u64,
    /// Those that have succeeded.
    pub succeeded: u64,
    /// Those that have failed, by their error.
    pub errors: BTreeMap<String, u64>,
    /// From the beginning until now.
    pub duration: Duration,
    /// Successes a second.
    pub throughput: f64,
    /// The time that half of the successes took at most (nearest rank). In an open loop it counts
    /// from when the operation was due.
    pub p50: Duration,
    /// The same of 90 in 100.
    pub p90: Duration,
    /// The same of 99 in 100.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}

impl LoadReport {
    /// The last report of a client, at that moment of a run.
    #[must_use]
    pub fn of(view: &crate::sim::View<'_>, client: &str) -> Option<LoadReport> {
        view.probe::<LoadReport>(client, "load").map(|report| (*report).clone())
    }

    /// Operations that have failed.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.errors.values().sum()
    }

    fn of_samples(
        begun: u64,
        duration: Duration,
        mut latencies: Vec<u64>,
        errors: BTreeMap<String, u64>,
    ) -> LoadReport {
        latencies.sort_unstable();
        let quantile = |percent: usize| {
            let rank = (latencies.len() * percent).div_ceil(100).max(1) - 1;
            Duration::from_nanos(latencies.get(rank).copied().unwrap_or_default())
        };
        let seconds = duration.as_secs_f64();
        let succeeded = latencies.len() as u64;
        LoadReport {
            begun,
            succeeded,
            errors,
            duration,
            throughput: if seconds > 0.0 { succeeded as f64 / seconds } else { 0.0 },
            p50: quantile(50),
            p90: quantile(90),
            p99: quantile(99),
            max: quantile(100),
        }
    }
}

impl Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LoadReport { begun, succeeded, throughput, .. } = self;
        write!(f, "load: {begun} begun, {succeeded} succeeded ({throughput:.1}/s)")?;
        for (error, count) in &self.errors {
            write!(f, ", {count} x {error}")?;
        }
        let [p50, p90, p99, max] = [self.p50, self.p90, self.p99, self.max].map(Time::from);
        write!(f, "; p50 {p50}, p90 {p90}, p99 {p99}, max {max}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nearest rank: of 1 to 100 the n-th of 100 is n.
    #[test]
    fn quantiles_are_of_the_nearest_rank() {
        let report = LoadReport::of_samples(
            100,
            Duration::from_secs(2),
            (1..=100).rev().collect(),
            BTreeMap::new(),
        );
        let all = [report.p50, report.p90, report.p99, report.max];
        assert_eq!(all.map(|d| d.as_nanos()), [50, 90, 99, 100]);
        assert_eq!(report.throughput, 50.0);
        let one = LoadReport::of_samples(1, Duration::from_secs(1), vec![7], BTreeMap::new());
        assert_eq!([one.p50, one.max].map(|d| d.as_nanos()), [7, 7]);
        assert_eq!(
            LoadReport::of_samples(0, Duration::ZERO, vec![], BTreeMap::new()),
            LoadReport::default()
        );
    }
}
