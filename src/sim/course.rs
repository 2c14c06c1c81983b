//! The way of one run from its start to its end: the storm, the healing, the time to settle.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::Duration;

use super::Sim;
use super::judge::Judge;
use super::outcome::End;
use super::storm::Storm;
use crate::chaos::{Fault, FaultPlan};
use crate::journal::{Entry, Kind};
use crate::kernel::current::{self, Installed, Part};
use crate::kernel::{Kernel, Stop, Waiting};
use crate::node;
use crate::os;
use crate::service::Ctx;
use crate::time::Time;
use crate::topology::Role;

/// How many clients have not ended.
pub(super) struct Clients(Cell<usize>);

thread_local! {
    static CLIENTS: Part<Clients> = const { Part::empty() };
}

/// Counts the clients of a world for as long as it runs.
pub(super) fn install(sim: &Sim) -> (Rc<Clients>, Installed<Clients>) {
    let clients = sim.members.iter().filter(|m| m.role == Role::Client);
    let clients = Rc::new(Clients(Cell::new(clients.map(|m| m.replicas as usize).sum())));
    (clients.clone(), current::install(&CLIENTS, clients))
}

pub(super) fn client_ended() {
    current::part(&CLIENTS, |clients| clients.0.set(clients.0.get() - 1));
    current::with(Kernel::touch);
}

pub(super) fn record_operation(ctx: Ctx, index: usize, what: &str, text: String) {
    current::with(|kernel| {
        let entry = Entry::new(Kind::Operation, ctx.node()).symbol(kernel.symbol(what));
        let id = kernel.record(entry.value(index as u64));
        kernel.attach_text(id, || text);
    });
}

/// What one run goes through.
pub(super) struct Course<'a> {
    pub(super) sim: &'a Sim,
    pub(super) kernel: &'a Kernel,
    pub(super) plan: &'a FaultPlan,
    pub(super) storm: &'a Rc<Storm>,
    pub(super) clients: Rc<Clients>,
}

impl Course<'_> {
    /// Takes it, and says how the world ended.
    pub(super) fn take(&self, judge: &mut Judge) -> End {
        // Without clients nobody says when the world has been tried enough: the storm does.
        let driven = self.clients.0.get() > 0;
        let limit = if driven { self.sim.limit } else { self.sim.limit.min(self.storm_ends()) };
        let stop = self.run_until(judge, Time::from(limit), !driven, false);
        if let Some(end) = self.end_of(judge, stop, true) {
            return end;
        }
        judge.after_chaos = true;
        self.storm.heal(self.kernel);
        let stop = self.run_until(judge, self.kernel.now() + self.sim.settle, false, true);
        self.end_of(judge, stop, false).unwrap_or(End::Finished)
    }

    /// When the last fault of the plan ends by itself.
    fn storm_ends(&self) -> Duration {
        let windows = self.plan.faults.iter().filter_map(Fault::window);
        let ends = windows.map(|(at, lasts)| at + lasts.unwrap_or_default());
        ends.fold(self.sim.chaos.length, Duration::max)
    }

    /// Runs until the clients have ended, and `settled` asks for the eventual properties as well;
    /// until the limit if it is to be `used_up`.
    fn run_until(&self, judge: &mut Judge, limit: Time, used_up: bool, settled: bool) -> Stop {
        loop {
            let stop = self.run_once(judge, limit, used_up, settled);
            if stop != Stop::Idle || !os::goes_on() {
                return stop;
            }
        }
    }

    fn run_once(&self, judge: &mut Judge, limit: Time, used_up: bool, settled: bool) -> Stop {
        let may_panic = self.sim.may_panic;
        self.kernel.run(limit, &mut |kernel| {
            for panic in kernel.take_panicked() {
                // What runs on within the step in which its machine lost power may do what it likes.
                if !node::life(panic.node).is_up() {
                    continue;
                }
                node::crash(kernel, panic.node, false);
                if !may_panic {
                    let node = kernel.node_name(panic.node);
                    judge.panicked(kernel, format!("{node}: {}", panic.message));
                }
            }
            judge.look(kernel);
            let done = !used_up && self.clients.0.get() == 0 && (!settled || judge.is_settled());
            // What is ready has its turn before the end: a node that was started again boots.
            let go_on = done && !judge.violated && !kernel.is_at_rest();
            if go_on {
                kernel.touch();
            }
            let ends = judge.violated || done && !go_on;
            if ends { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
    }

    /// How the world ends now, if it does.
    fn end_of(&self, judge: &Judge, stop: Stop, before_heal: bool) -> Option<End> {
        if judge.violated {
            return Some(End::Violated);
        }
        let waiting = self.clients.0.get() > 0;
        match stop {
            Stop::Livelock | Stop::Events | Stop::Interrupted => {
                let waiting = self.waiting(&stop);
                Some(End::Stopped(stop, waiting))
            }
            // Before chaos ends, an idle world may be waiting for a node that comes back.
            _ if before_heal => None,
            Stop::Idle if waiting => Some(End::Deadlock(self.waiting(&stop))),
            Stop::Limit if waiting => {
                let waiting = self.waiting(&stop);
                Some(End::Stopped(stop, waiting))
            }
            _ => None,
        }
    }

    /// Who waits: clients first, since the world ends with them, then the longest first. Of a
    /// livelock the busiest come first.
    fn waiting(&self, stop: &Stop) -> Vec<Waiting> {
        let mut waiting = self.kernel.waiting();
        let is_client = |w: &Waiting| {
            let clients = self.sim.members.iter().filter(|m| m.role == Role::Client);
            clients.into_iter().any(|m| m.member().nodes().contains(&w.node))
        };
        match stop {
            Stop::Livelock => waiting.sort_by_key(|w| std::cmp::Reverse(w.polls)),
            _ => waiting.sort_by_cached_key(|w| !is_client(w)),
        }
        waiting
    }
}
