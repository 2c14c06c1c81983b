//! A node's own clock: it may be off, run fast or slow, jump, or stand still.
//!
//! Two readings, as in life. The *monotonic* clock never goes back and drives all of a node's
//! timers; drift acts on it. The *wall* clock shows a date; steps, freezes and NTP slew act on it
//! alone. True time is known to the world alone. In a sealed run `std::time` shows a skewed
//! node its wall clock too; madsim's clock cannot go back, so a step backwards is seen through
//! [`Clock`] only, and `std::time` stands still until the wall clock has caught up.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::journal::{Entry, Kind, NodeId};
use crate::kernel::current::{self, Installed, Part};
use crate::kernel::{Home, Kernel, LocalClock};
use crate::time::{Time, nanos};

mod skew;
mod sleep;

use skew::Skew;
pub use sleep::{Elapsed, Sleep, Timeout};

/// The date at the start of an unsealed world: 2024-01-01T00:00:00Z. A sealed world starts at
/// the date that madsim draws from the seed, so that `std::time` and this clock agree.
const START_DATE: u64 = 1_704_067_200_000_000_000;

/// The clocks of all nodes.
pub(crate) struct Clocks {
    start_date: u64,
    /// By node; none for a clock that shows true time.
    skews: RefCell<Vec<Option<Box<Skew>>>>,
}

thread_local! {
    static CLOCKS: Part<Clocks> = const { Part::empty() };
}

pub(crate) fn install(kernel: &Kernel) -> Installed<Clocks> {
    let start_date = kernel.start_date().unwrap_or(START_DATE);
    let clocks = Rc::new(Clocks { start_date, skews: RefCell::default() });
    kernel.set_local_clock(clocks.clone());
    current::install(&CLOCKS, clocks)
}

/// What happens to a clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Change {
    /// The wall clock jumps by so many nanoseconds.
    Step(i64),
    /// The clock runs fast by so many parts per million (slow where negative).
    Drift(i64),
    /// The wall clock stands still, or goes on.
    Freeze(bool),
    /// NTP takes the wall clock back to true time at 500 ppm.
    Slew,
    /// The wall clock is true again, and both run at the true rate.
    Heal,
}

/// Changes the clock of `node`; its timers follow.
pub(crate) fn change(kernel: &Kernel, node: NodeId, change: Change) {
    let (what, value) = match change {
        Change::Step(by) => ("step", by),
        Change::Drift(ppm) => ("drift", ppm),
        Change::Freeze(on) => ("freeze", i64::from(on)),
        Change::Slew => ("slew", 0),
        Change::Heal => ("heal", 0),
    };
    let symbol = kernel.symbol(what);
    kernel.record(Entry::new(Kind::Clock, node).symbol(symbol).value(value as u64));
    let now = kernel.now();
    current::part(&CLOCKS, |clocks| {
        let mut skews = clocks.skews.borrow_mut();
        let index = node.0 as usize;
        if skews.len() <= index {
            skews.resize_with(index + 1, || None);
        }
        skews[index].get_or_insert_with(|| Box::new(Skew::new())).change(now, change);
    });
    kernel.set_skewed(node);
    kernel.recheck_timers(node);
}

/// True once the clock of `node` was changed.
pub(crate) fn was_changed(node: NodeId) -> bool {
    current::part(&CLOCKS, |clocks| clocks.with_skew(node, |skew| skew.is_some()))
}

impl Clocks {
    fn with_skew<R>(&self, node: NodeId, f: impl FnOnce(Option<&Skew>) -> R) -> R {
        f(self.skews.borrow().get(node.0 as usize).and_then(Option::as_deref))
    }
}

impl LocalClock for Clocks {
    fn local_nanos(&self, node: NodeId, now: Time) -> u64 {
        self.with_skew(node, |skew| skew.map_or(now.0, |s| s.wall(now).max(0) as u64))
    }
}

/// What the monotonic clock of `node` shows now.
#[inline]
pub(crate) fn monotonic(kernel: &Kernel, node: NodeId) -> Time {
    let now = kernel.now();
    if !kernel.any_skewed() {
        return now;
    }
    current::part(&CLOCKS, |c| c.with_skew(node, |skew| skew.map_or(now, |s| s.monotonic(now))))
}

/// When, in true time, the monotonic clock of `node` will show `local`.
#[inline]
pub(crate) fn true_time(kernel: &Kernel, node: NodeId, local: Time) -> Time {
    if !kernel.any_skewed() {
        return local;
    }
    current::part(&CLOCKS, |c| c.with_skew(node, |skew| skew.map_or(local, |s| s.true_time(local))))
}

/// A node's view of time, from `ctx.clock()`.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    home: Home,
}

impl Clock {
    pub(crate) fn of(home: Home) -> Clock {
        Clock { home }
    }

    /// The monotonic clock: never goes back, starts at zero with the world.
    #[must_use]
    pub fn now(&self) -> Time {
        let node = self.home.node();
        current::with(|kernel| monotonic(kernel, node))
    }

    /// The wall clock, which may jump in both directions.
    #[must_use]
    pub fn wall(&self) -> SystemTime {
        let (node, now) = (self.home.node(), current::with(Kernel::now));
        let nanos = current::part(&CLOCKS, |clocks| {
            let since_start =
                clocks.with_skew(node, |skew| skew.map_or(i128::from(now.0), |s| s.wall(now)));
            i128::from(clocks.start_date) + since_start
        });
        UNIX_EPOCH + Duration::from_nanos(u64::try_from(nanos.max(0)).unwrap_or(u64::MAX))
    }

    /// The wall clock in whole milliseconds since 1970, as ids and tokens use it.
    #[must_use]
    pub fn unix_millis(&self) -> u64 {
        let since = self.wall().duration_since(UNIX_EPOCH).unwrap_or_default();
        nanos(since) / 1_000_000
    }

    /// Asks NTP to take the wall clock back to true time, at 500 ppm (as `adjtime` does).
    pub fn slew(&self) {
        let node = self.home.node();
        current::with(|kernel| change(kernel, node, Change::Slew));
    }
}
