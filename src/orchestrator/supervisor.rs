//! The orchestrator inside of a world, as Docker's daemon is on a machine: it starts containers when
//! their dependencies are met, asks for their health, and starts them again.
//!
//! It acts in true time and is struck by no fault: it belongs to the test. What it asks of a
//! container is asked from inside of it, as `docker exec` does, and is late when that is paused. It
//! draws nothing at random.

use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use futures::future::LocalBoxFuture;
use rustc_hash::FxHashMap;

use super::compose::{Condition, Healthcheck};
use super::health::{ContainerHealth, Health, Monitor};
use super::restart::{RestartPolicy, Restarts};
use super::start::{ServiceStart, StartError, StartReport, Wait};
use crate::journal::{Entry, Kind, NodeId};
use crate::kernel::{Kernel, Key, Target, TaskKey, current};
use crate::node::{self, Keeper};
use crate::service::Ctx;
use crate::sim;
use crate::time::Time;

/// Asks a container, from inside of it, how it is.
pub(super) type Probe = Rc<dyn Fn(Ctx) -> LocalBoxFuture<'static, Result<(), String>>>;

/// A service of the world.
pub(super) struct Unit {
    pub(super) name: String,
    pub(super) level: usize,
    /// Other units, by number, and what they have to be.
    pub(super) needs: Vec<(usize, Condition)>,
    pub(super) policy: RestartPolicy,
    pub(super) check: Option<(Healthcheck, Probe)>,
    pub(super) declared_at: &'static Location<'static>,
}

/// One node of a unit.
struct Container {
    unit: usize,
    node: NodeId,
    state: ContainerHealth,
    monitor: Option<Monitor>,
    restarts: Restarts,
    has_started: bool,
    has_completed: bool,
    /// Counts what it was made to wait for: timers of before mean nothing any more.
    serial: u32,
    timer: Option<Key>,
    /// The check that is under way, and how long the process had run when it began.
    asking: Option<(TaskKey, Duration)>,
}

pub(super) struct Supervisor {
    units: Vec<Unit>,
    containers: RefCell<Vec<Container>>,
    by_node: FxHashMap<NodeId, usize>,
    report: RefCell<StartReport>,
    /// Nodes that wait until everything is ready.
    clients: RefCell<Vec<NodeId>>,
    deadline: Time,
    /// Set while it looks who may start, which can lead to the same question.
    is_looking: Cell<bool>,
    look_again: Cell<bool>,
}

/// What a timer is for.
#[derive(Clone, Copy)]
enum Due {
    Check = 0,
    Timeout = 1,
    Restart = 2,
}

/// The token of the deadline of the start.
const DEADLINE: u64 = u64::MAX;

impl Supervisor {
    /// Takes over the nodes of the units: those of `held` clients too, until all are ready.
    pub(super) fn new(units: Vec<Unit>, deadline: Duration, holds_clients: bool) -> Rc<Supervisor> {
        let (mut containers, mut by_node) = (Vec::new(), FxHashMap::default());
        for (number, unit) in units.iter().enumerate() {
            for node in node::named(&unit.name) {
                node::hold(node);
                by_node.insert(node, containers.len());
                containers.push(Container {
                    unit: number,
                    node,
                    state: ContainerHealth {
                        health: Health::Waiting,
                        since: Time::ZERO,
                        restarts: 0,
                    },
                    monitor: None,
                    restarts: Restarts::default(),
                    has_started: false,
                    has_completed: false,
                    serial: 0,
                    timer: None,
                    asking: None,
                });
            }
        }
        let clients = if holds_clients { node::clients() } else { Vec::new() };
        clients.iter().for_each(|id| node::hold(*id));
        let services = units.iter().map(|unit| ServiceStart {
            service: unit.name.clone(),
            level: unit.level,
            started: None,
            ready: None,
        });
        let report = StartReport { services: services.collect(), complete: None, failed: None };
        Rc::new(Supervisor {
            units,
            containers: RefCell::new(containers),
            by_node,
            report: RefCell::new(report),
            clients: RefCell::new(clients),
            deadline: Time::from(deadline),
            is_looking: Cell::new(false),
            look_again: Cell::new(false),
        })
    }

    /// Starts those that wait for nobody.
    pub(super) fn begin(self: &Rc<Self>, kernel: &Kernel) {
        kernel.schedule(self.deadline, self.clone(), DEADLINE);
        let waiting: Vec<usize> = (0..self.containers.borrow().len()).collect();
        for index in waiting {
            let needs = self.with(index, |c| c.unit);
            if !self.units[needs].needs.is_empty() {
                self.tell(kernel, index, "waits", String::new());
                self.publish(index);
            }
        }
        self.look(kernel);
    }

    fn with<R>(&self, index: usize, f: impl FnOnce(&mut Container) -> R) -> R {
        f(&mut self.containers.borrow_mut()[index])
    }

    fn tell(&self, kernel: &Kernel, index: usize, what: &str, text: String) {
        let node = self.with(index, |c| c.node);
        let entry = Entry::new(Kind::Container, node).symbol(kernel.symbol(what));
        match text.is_empty() {
            true => _ = kernel.record(entry),
            false => _ = kernel.record_text(entry, text),
        }
    }

    fn publish(&self, index: usize) {
        let (node, state) = self.with(index, |c| (c.node, c.state.clone()));
        sim::publish(node, "health", state);
    }

    /// Notes how a container is now.
    fn set(&self, kernel: &Kernel, index: usize, health: Health, text: String) {
        let before = self.with(index, |c| {
            let before = c.state.health;
            if before != health {
                c.state.since = kernel.now();
            }
            (c.state.health, c.state.restarts) = (health, c.restarts.count());
            before
        });
        let what = match health {
            Health::Waiting => "waits",
            Health::Running => "is running",
            Health::Starting => "is starting",
            Health::Healthy if before == Health::Unhealthy => "has recovered",
            Health::Healthy => "is healthy",
            Health::Unhealthy => "is unhealthy",
            Health::Down => "is down",
            Health::Completed => "has completed",
        };
        self.tell(kernel, index, what, text);
        self.publish(index);
    }

    fn set_timer(self: &Rc<Self>, kernel: &Kernel, index: usize, wait: Duration, due: Due) {
        let serial = self.with(index, |c| c.serial & 0x0fff_ffff);
        let token = (index as u64) << 32 | u64::from(serial) << 4 | due as u64;
        let key = kernel.schedule(kernel.now() + wait, self.clone(), token);
        self.with(index, |c| c.timer = Some(key));
    }

    /// Nothing that was begun for the container matters any more.
    fn forget(&self, kernel: &Kernel, index: usize) {
        let (timer, asking) = self.with(index, |c| {
            c.serial += 1;
            (c.timer.take(), c.asking.take())
        });
        let action = timer.and_then(|key| kernel.cancel(key));
        drop(action);
        if let Some((task, _)) = asking {
            kernel.abort(task);
        }
    }
}

/// Starting.
impl Supervisor {
    /// Starts whoever may start now, and says when all are ready.
    fn look(self: &Rc<Self>, kernel: &Kernel) {
        if self.is_looking.replace(true) {
            self.look_again.set(true);
            return;
        }
        loop {
            self.look_again.set(false);
            kernel.acting(NodeId::WORLD, kernel.here(), || {
                for number in 0..self.units.len() {
                    self.look_at(kernel, number);
                }
                self.note_ready(kernel);
            });
            if !self.look_again.get() {
                break;
            }
        }
        self.is_looking.set(false);
    }

    fn look_at(&self, kernel: &Kernel, number: usize) {
        let unit = &self.units[number];
        let has_started = self.report.borrow().services[number].started.is_some();
        if has_started || !unit.needs.iter().all(|(other, what)| self.is_met(*other, *what)) {
            return;
        }
        self.report.borrow_mut().services[number].started = Some(kernel.now());
        for index in self.of_unit(number) {
            if !unit.needs.is_empty() {
                let needs = unit.needs.iter();
                let met = needs.map(|(other, what)| {
                    let is = match what {
                        Condition::Started => "has started",
                        Condition::Healthy => "is healthy",
                        Condition::Completed => "has completed",
                    };
                    format!("{} {is}", self.units[*other].name)
                });
                let text = format!("level {}, {}", unit.level, met.collect::<Vec<_>>().join(", "));
                self.tell(kernel, index, "may start", text);
            }
            node::release(kernel, self.with(index, |c| c.node));
        }
    }

    fn of_unit(&self, number: usize) -> Vec<usize> {
        let containers = self.containers.borrow();
        let of_unit = containers.iter().enumerate().filter(|(_, c)| c.unit == number);
        of_unit.map(|(index, _)| index).collect()
    }

    /// True if all containers of a unit that are to run are what they have to be.
    fn is_met(&self, number: usize, condition: Condition) -> bool {
        let containers = self.containers.borrow();
        let mut wanted =
            containers.iter().filter(|c| c.unit == number && node::is_replica_wanted(c.node));
        wanted.all(|c| match condition {
            Condition::Started => c.has_started,
            Condition::Healthy => matches!(c.state.health, Health::Healthy | Health::Running),
            Condition::Completed => c.has_completed,
        })
    }

    fn note_ready(&self, kernel: &Kernel) {
        let mut news = false;
        for number in 0..self.units.len() {
            let containers = self.containers.borrow();
            let mut own = containers.iter().filter(|c| c.unit == number);
            let is_ready = own.all(|c| {
                c.state.health.is_well() || !node::is_replica_wanted(c.node) || c.has_completed
            });
            let service = &mut self.report.borrow_mut().services[number];
            if is_ready && service.started.is_some() && service.ready.is_none() {
                service.ready = Some(kernel.now());
                news = true;
            }
        }
        let mut report = self.report.borrow_mut();
        let all = report.services.iter().all(|service| service.ready.is_some());
        let is_complete = all && report.complete.is_none();
        if is_complete {
            report.complete = Some(kernel.now());
        }
        let copy = report.clone();
        drop(report);
        if is_complete {
            let entry = Entry::new(Kind::Container, NodeId::WORLD);
            kernel.record(entry.symbol(kernel.symbol("all services are ready")));
        }
        if news || is_complete {
            sim::publish(NodeId::WORLD, "start", copy);
        }
        if is_complete {
            for id in self.clients.take() {
                node::release(kernel, id);
            }
        }
    }

    /// The deadline of the start: who is not ready, and why.
    fn check_deadline(&self, kernel: &Kernel) {
        if self.report.borrow().complete.is_some() {
            return;
        }
        let error = StartError { at: kernel.now(), waits: self.waits() };
        let entry = Entry::new(Kind::Container, NodeId::WORLD);
        let entry = entry.symbol(kernel.symbol("not all services are ready"));
        kernel.record_text(entry, error.to_string());
        let mut report = self.report.borrow_mut();
        report.failed = Some(error);
        let copy = report.clone();
        drop(report);
        sim::publish(NodeId::WORLD, "start", copy);
    }

    fn waits(&self) -> Vec<Wait> {
        let report = self.report.borrow();
        let mut waits = Vec::new();
        for (service, unit) in report.services.iter().zip(&self.units) {
            if service.ready.is_some() {
                continue;
            }
            if let Some(since) = service.started {
                let (on, condition) = (unit.name.clone(), Condition::Healthy);
                let state = self.state_of(&unit.name);
                waits.push(Wait { service: None, on, condition, since, state });
                continue;
            }
            for (other, condition) in &unit.needs {
                if !self.is_met(*other, *condition) {
                    let on = self.units[*other].name.clone();
                    waits.push(Wait {
                        service: Some(unit.name.clone()),
                        state: self.state_of(&on),
                        on,
                        condition: *condition,
                        since: Time::ZERO,
                    });
                }
            }
        }
        waits
    }

    fn state_of(&self, name: &str) -> String {
        let containers = self.containers.borrow();
        let own = containers.iter().filter(|c| self.units[c.unit].name == name);
        let state = |c: &Container| {
            let node = current::with(|kernel| kernel.node_name(c.node));
            let failures = c.monitor.as_ref().map_or(0, |monitor| monitor.failures);
            let failed = match failures {
                0 => String::new(),
                1 => ", 1 check has failed".to_owned(),
                n => format!(", {n} checks have failed"),
            };
            format!("{node} is {} since {}{failed}", c.state.health, c.state.since)
        };
        own.map(state).collect::<Vec<_>>().join(", ")
    }
}

/// Health and restarts.
impl Supervisor {
    /// Asks a container how it is.
    fn ask(self: &Rc<Self>, kernel: &Kernel, index: usize) {
        let (unit, node) = self.with(index, |c| (c.unit, c.node));
        let unit = &self.units[unit];
        let Some((check, probe)) = &unit.check else { return };
        let serial = self.with(index, |c| {
            c.serial += 1;
            c.serial
        });
        self.set_timer(kernel, index, check.timeout, Due::Timeout);
        let (me, probe) = (self.clone(), probe.clone());
        let cause = kernel.here();
        let task = kernel.spawn_unrecorded(node, unit.declared_at, cause, async move {
            let answer = probe(Ctx::of(node)).await;
            current::with(|kernel| me.answered(kernel, index, serial, answer));
        });
        let ran = node::run_time(kernel, node);
        self.with(index, |c| c.asking = Some((task, ran)));
    }

    fn answered(
        self: &Rc<Self>,
        kernel: &Kernel,
        index: usize,
        serial: u32,
        answer: Result<(), String>,
    ) {
        let asking = self.with(index, |c| if c.serial == serial { c.asking.take() } else { None });
        if let Some((_, ran)) = asking {
            // The task that asked is this one: it ends by itself.
            self.forget(kernel, index);
            self.judge(kernel, index, ran, answer);
        }
    }

    /// A check has come out.
    fn judge(
        self: &Rc<Self>,
        kernel: &Kernel,
        index: usize,
        began: Duration,
        answer: Result<(), String>,
    ) {
        let now = self.with(index, |c| {
            let monitor = c.monitor.as_mut()?;
            let changed = monitor.observe(answer.is_ok(), began);
            Some((changed, monitor.health, monitor.failures, monitor.wait(began)))
        });
        let Some((changed, health, failures, wait)) = now else { return };
        self.set_timer(kernel, index, wait, Due::Check);
        if !changed {
            return;
        }
        kernel.acting(NodeId::WORLD, kernel.here(), || {
            let text = match answer {
                Ok(()) => String::new(),
                Err(why) if failures == 1 => format!("a check has failed: {why}"),
                Err(why) => format!("{failures} checks have failed, the last: {why}"),
            };
            self.set(kernel, index, health, text);
            self.look(kernel);
        });
    }

    /// A process is gone that nobody else will start: its policy says what follows.
    fn restart(self: &Rc<Self>, kernel: &Kernel, index: usize, success: bool) {
        let (unit, node) = self.with(index, |c| (c.unit, c.node));
        let policy = self.units[unit].policy;
        let ran = node::run_time(kernel, node);
        match self.with(index, |c| c.restarts.next(policy, success, ran)) {
            Some(wait) => {
                let count = self.with(index, |c| c.restarts.count());
                let text = format!("in {} ({policy}, restart {count})", Time::from(wait));
                self.tell(kernel, index, "restarts", text);
                self.set_timer(kernel, index, wait, Due::Restart);
            }
            // What is done is not to be done again, when chaos ends either.
            None if success => node::hold(node),
            None => self.tell(kernel, index, "stays down", format!("restart: {policy}")),
        }
    }
}

impl Target for Supervisor {
    fn fire(self: Rc<Self>, kernel: &Kernel, token: u64) {
        if token == DEADLINE {
            return self.check_deadline(kernel);
        }
        let (index, serial) = ((token >> 32) as usize, (token >> 4) as u32 & 0x0fff_ffff);
        if self.with(index, |c| c.serial & 0x0fff_ffff) != serial {
            return;
        }
        self.with(index, |c| c.timer = None);
        let node = self.with(index, |c| c.node);
        match token & 0xf {
            0 => self.ask(kernel, index),
            1 => {
                let began = self.with(index, |c| c.asking.map(|(_, ran)| ran)).unwrap_or_default();
                self.forget(kernel, index);
                self.judge(kernel, index, began, Err("it took too long".to_owned()));
            }
            _ => node::start(kernel, node),
        }
    }
}

impl Keeper for Supervisor {
    fn started(self: Rc<Self>, kernel: &Kernel, id: NodeId) {
        let Some(index) = self.by_node.get(&id).copied() else { return };
        self.forget(kernel, index);
        let unit = &self.units[self.with(index, |c| c.unit)];
        let monitor = unit.check.as_ref().map(|(check, _)| Monitor::new(check.clone()));
        let first = monitor.as_ref().map(|monitor| monitor.wait(Duration::ZERO));
        self.with(index, |c| {
            c.monitor = monitor;
            c.has_started = true;
        });
        match first {
            Some(wait) => {
                self.set(kernel, index, Health::Starting, String::new());
                self.set_timer(kernel, index, wait, Due::Check);
            }
            None => self.set(kernel, index, Health::Running, String::new()),
        }
        self.look(kernel);
    }

    fn went_down(self: Rc<Self>, kernel: &Kernel, id: NodeId, comes_back: bool) {
        let Some(index) = self.by_node.get(&id).copied() else { return };
        self.forget(kernel, index);
        self.set(kernel, index, Health::Down, String::new());
        if !comes_back {
            self.restart(kernel, index, false);
        }
    }

    fn returned(self: Rc<Self>, kernel: &Kernel, id: NodeId, success: bool) -> bool {
        let Some(index) = self.by_node.get(&id).copied() else { return false };
        self.forget(kernel, index);
        self.with(index, |c| c.has_completed |= success);
        let (health, text) = match success {
            true => (Health::Completed, String::new()),
            false => (Health::Down, "it has returned an error".to_owned()),
        };
        self.set(kernel, index, health, text);
        self.restart(kernel, index, success);
        self.look(kernel);
        true
    }
}
