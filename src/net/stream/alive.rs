//! Keep-alive: an idle end asks whether the other one is still there (RFC 9293, 3.8.4; Linux's
//! `tcp_keepalive_timer`).
//!
//! A probe and its answer go over the links as every segment does: they take time, are lost, and do
//! not cross a partition. Unlike others they are not sent again, as the next probe will do. They are
//! no messages: they have no event and no number, and message faults neither strike nor count them.
//!
//! | the other end | what comes of the first probe |
//! |---|---|
//! | is there; its process may be paused or busy | an answer |
//! | is not there: the process crashed unheard, the machine has restarted | a reset |
//! | its machine has no power, or is cut off | nothing; after so many, `TimedOut` |
//!
//! The timers are in the background ([`Kernel::schedule_in_background`]). Two programs that wait for
//! each other are a deadlock all the same, found when nothing else is left to happen.

use std::rc::Rc;
use std::time::Duration;

use super::end::State;
use super::segment::Content;
use super::{EndId, Job, Streams};
use crate::kernel::current;
use crate::kernel::{Kernel, Key, Target};
use crate::net::{NET, Net, Packet};
use crate::time::Time;

/// When an idle connection asks for its other end, and when it gives up; the default is Linux's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// How long nothing has come before the first probe (`TCP_KEEPIDLE`, 7,200 s).
    pub idle: Duration,
    /// How long after a probe without an answer the next one follows (`TCP_KEEPINTVL`, 75 s).
    pub interval: Duration,
    /// The probes without an answer after which, and one more interval, the connection ends with
    /// `TimedOut` (`TCP_KEEPCNT`, 9). A user timeout ([`super::Connection::set_user_timeout`]) takes
    /// its place: then the silence counts, not the probes.
    pub probes: u32,
}

impl Default for KeepAlive {
    fn default() -> KeepAlive {
        KeepAlive { idle: Duration::from_secs(7_200), interval: Duration::from_secs(75), probes: 9 }
    }
}

/// How an end looks after the other one.
pub(super) struct Alive {
    settings: KeepAlive,
    /// When something came last.
    heard: Time,
    /// Probes since then.
    unanswered: u32,
    pub(super) due: Option<Key>,
}

/// An end has been idle, or without an answer, for a while.
pub(super) struct ProbeDelay;

impl Target for ProbeDelay {
    fn fire(self: Rc<Self>, kernel: &Kernel, token: u64) {
        super::change(kernel, |streams, kernel| {
            streams.probe_is_due(kernel, EndId::of_token(token));
        });
    }

    fn is_in_vain(&self, token: u64) -> bool {
        current::part(&NET, |net| net.probes_in_vain(EndId::of_token(token)))
    }
}

impl Net {
    /// True if the other end is there and no fault stands between, so that each probe will be
    /// answered, until something else happens. That a lossy link might lose all probes in a row is
    /// left out; a connection that a fault has stalled has segments on their way.
    fn probes_in_vain(&self, id: EndId) -> bool {
        let mut streams = self.streams.borrow_mut();
        let Some(end) = streams.get(id) else { return true };
        if !end.out.is_drained() {
            return true;
        }
        let (other, here, there) = (end.other, end.local.node, end.peer.node);
        let lives = streams.get(other).is_some_and(|other| other.state != State::Dead);
        let faults = self.faults.borrow();
        lives && !faults.may_silence(here, there) && !faults.may_silence(there, here)
    }
}

impl Streams {
    /// Begins, changes or ends the keep-alive of an end.
    pub(super) fn keep_alive(&mut self, kernel: &Kernel, id: EndId, settings: Option<KeepAlive>) {
        let Some(end) = self.get(id) else { return };
        match (&mut end.alive, settings) {
            (_, None) => self.look_away(kernel, id),
            (Some(alive), Some(settings)) if alive.settings == settings => {}
            (Some(alive), Some(settings)) => {
                alive.settings = settings;
                let due = alive.heard + settings.idle;
                self.probe_at(kernel, id, due.max(kernel.now()));
            }
            (none, Some(settings)) => {
                let heard = kernel.now();
                *none = Some(Box::new(Alive { settings, heard, unanswered: 0, due: None }));
                self.look_after(kernel, id);
            }
        }
    }

    /// An end begins to look after the other one, if it is to.
    pub(super) fn look_after(&mut self, kernel: &Kernel, id: EndId) {
        self.hear(kernel, id);
        let alive = self.get(id).and_then(|end| end.alive.as_ref());
        if let Some(idle) = alive.map(|alive| alive.settings.idle) {
            self.probe_at(kernel, id, kernel.now() + idle);
        }
    }

    pub(super) fn look_away(&mut self, kernel: &Kernel, id: EndId) {
        let due = self.get(id).and_then(|end| end.alive.take()?.due);
        due.map(|key| kernel.cancel(key));
    }

    /// Something came from the other end.
    #[inline]
    pub(super) fn hear(&mut self, kernel: &Kernel, id: EndId) {
        if let Some(alive) = self.get(id).and_then(|end| end.alive.as_mut()) {
            alive.heard = kernel.now();
            alive.unanswered = 0;
        }
    }

    /// Sets when the end looks again, in place of the time that was set; only an open one does.
    fn probe_at(&mut self, kernel: &Kernel, id: EndId, at: Time) {
        let words = self.words(kernel);
        let end = self.get(id).filter(|end| end.state == State::Open && !end.closed);
        let Some(alive) = end.and_then(|end| end.alive.as_mut()) else { return };
        let due = kernel.schedule_in_background(at, words.probe.clone(), id.token());
        alive.due.replace(due).map(|key| kernel.cancel(key));
    }

    fn probe_is_due(&mut self, kernel: &Kernel, id: EndId) {
        let Some(end) = self.get(id) else { return };
        let is_drained = end.out.is_drained();
        let Some(alive) = &mut end.alive else { return };
        alive.due = None;
        let KeepAlive { idle, interval, probes } = alive.settings;
        let silence = kernel.now() - alive.heard;
        // What is on its way asks for the other end, too.
        if !is_drained {
            return self.probe_at(kernel, id, kernel.now() + idle);
        }
        if silence < idle {
            let due = alive.heard + idle;
            return self.probe_at(kernel, id, due);
        }
        let gives_up = match end.patience {
            Some(limit) => alive.unanswered > 0 && silence >= limit,
            None => alive.unanswered >= probes,
        };
        if gives_up {
            self.send_reset(kernel, id);
            return self.time_out(kernel, id);
        }
        alive.unanswered += 1;
        let probe = end.packet_once(Content::Probe, kernel.here());
        self.jobs.push_back(Job::Control(probe));
        self.probe_at(kernel, id, kernel.now() + interval);
    }

    /// A probe has come: the machine says whether it has such an end.
    pub(super) fn answer_probe(&mut self, packet: &Packet) {
        let asked = packet.payload.segment().map(|probe| probe.to);
        let end = asked.and_then(|id| self.get(id)).filter(|end| end.state != State::Dead);
        match end {
            Some(end) => {
                let answer = end.packet_once(Content::Alive, packet.sent);
                self.jobs.push_back(Job::Control(answer));
            }
            None => self.answer_reset(packet, packet.sent, false),
        }
    }
}
