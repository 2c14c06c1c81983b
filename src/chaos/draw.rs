//! One fault at a time, each kind with the values that find bugs: early, short, small, and round.

use std::iter::repeat_n;
use std::time::Duration;

use rand::RngExt;

use crate::chaos::{DiskOperation, Effect, Fault, FaultKind, Leg, Tolerance};
use crate::seed::Stream;
use crate::time::nanos;
use crate::topology::{Member, Role, Topology};

const MICRO: Duration = Duration::from_micros(1);
const MILLI: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// Where the faults may strike, and within which bounds.
pub(crate) struct Scene<'a> {
    pub(crate) topology: &'a Topology,
    pub(crate) tolerance: &'a Tolerance,
    length: Duration,
    /// The edges, the likelier ones several times.
    edges: Vec<(&'a str, &'a str)>,
    services: Vec<&'a Member>,
    /// All nodes.
    everyone: Vec<String>,
}

/// The start and the length of a window.
type Window = (Duration, Option<Duration>);

impl<'a> Scene<'a> {
    pub(crate) fn new(
        topology: &'a Topology,
        tolerance: &'a Tolerance,
        length: Duration,
    ) -> Scene<'a> {
        let members = || topology.members.iter();
        // Who does not say whom it calls may call anybody: most of these edges carry nothing.
        let likely = |(from, _): &(&str, &str)| {
            topology.member(from).map_or(1, |from| match from.role {
                _ if !from.calls.is_empty() => 4,
                Role::Client => 2,
                Role::Service => 1,
            })
        };
        let edges = topology.edges().into_iter();
        Scene {
            topology,
            tolerance,
            length,
            edges: edges.flat_map(|edge| repeat_n(edge, likely(&edge))).collect(),
            services: members().filter(|m| m.role == Role::Service).collect(),
            everyone: members().flat_map(Member::nodes).collect(),
        }
    }

    /// A node of any service: a service with many nodes is struck as often as one with a single node.
    fn any_node(&self, stream: &mut Stream) -> Option<String> {
        let nodes = stream.pick(&self.services)?.nodes();
        stream.pick(&nodes).cloned()
    }

    /// A fault of that kind; none if the world has nothing that it could strike.
    pub(crate) fn draw(&self, kind: FaultKind, stream: &mut Stream) -> Option<Fault> {
        match kind {
            FaultKind::Message => self.message(stream),
            FaultKind::Partition => self.partition(stream),
            FaultKind::Loss
            | FaultKind::Delay
            | FaultKind::Duplicate
            | FaultKind::Reorder
            | FaultKind::Corrupt
            | FaultKind::Bandwidth => self.link(kind, stream),
            FaultKind::ClockStep | FaultKind::ClockDrift | FaultKind::ClockFreeze => {
                self.clock(kind, stream)
            }
            _ => self.node(kind, stream),
        }
    }

    fn message(&self, stream: &mut Stream) -> Option<Fault> {
        let (from, to) = *stream.pick(&self.edges)?;
        let leg = *stream.pick(&[
            Leg::Request,
            Leg::Request,
            Leg::Request,
            Leg::Reply,
            Leg::Reply,
            Leg::Reply,
            Leg::Message,
        ])?;
        let effect = match stream.below(20) {
            0..8 => Effect::Drop,
            8..15 => Effect::Delay(log(stream, MILLI, 5 * SECOND)),
            15..17 => Effect::Reset,
            17 if self.tolerance.corrupt_messages => Effect::Corrupt,
            _ => Effect::Duplicate,
        };
        Some(Fault::Message {
            from: from.to_owned(),
            to: to.to_owned(),
            label: None,
            n: small(stream, 12),
            leg,
            effect,
        })
    }

    fn partition(&self, stream: &mut Stream) -> Option<Fault> {
        let (at, lasts) = self.window(stream, self.tolerance.partition)?;
        let (a, b) = match stream.below(10) {
            0..5 => {
                let (from, to) = stream.pick(&self.edges).filter(|(from, to)| from != to)?;
                (vec![(*from).to_owned()], vec![(*to).to_owned()])
            }
            5..8 => {
                let alone = self.any_node(stream)?;
                self.everyone.iter().cloned().partition(|node| *node == alone)
            }
            _ => self.everyone.iter().cloned().partition(|_| stream.chance(0.5)),
        };
        let one_way = stream.chance(0.25);
        let sides = !a.is_empty() && !b.is_empty();
        sides.then_some(Fault::Partition { a, b, one_way, at, lasts })
    }

    fn link(&self, kind: FaultKind, stream: &mut Stream) -> Option<Fault> {
        let (from, to) = *stream.pick(&self.edges)?;
        let (from, to) = if stream.chance(0.5) { (from, to) } else { (to, from) };
        let (from, to) = (self.some_of(from, stream), self.some_of(to, stream));
        let (at, lasts) = self.window(stream, self.length)?;
        let percent = percent(stream);
        Some(match kind {
            FaultKind::Loss => {
                let burst = [None, None, Some(2.0), Some(5.0), Some(10.0)];
                let burst = *stream.pick(&burst)?;
                Fault::Loss { from, to, percent, burst, at, lasts }
            }
            FaultKind::Delay => {
                let delay = log(stream, MILLI, SECOND);
                let steady = stream.chance(0.5);
                let jitter = if steady { Duration::ZERO } else { log(stream, MICRO, delay) };
                Fault::Delay { from, to, delay, jitter, at, lasts }
            }
            FaultKind::Duplicate => Fault::Duplicate { from, to, percent, at, lasts },
            FaultKind::Reorder => {
                let by = log(stream, MILLI, 200 * MILLI);
                Fault::Reorder { from, to, percent, by, at, lasts }
            }
            FaultKind::Corrupt => Fault::Corrupt { from, to, percent, at, lasts },
            _ => {
                let rate = log_number(stream, 1_000, 1_000_000);
                let queue = log_number(stream, 1_000, 100_000);
                Fault::Bandwidth { from, to, rate, queue, at, lasts }
            }
        })
    }

    fn clock(&self, kind: FaultKind, stream: &mut Stream) -> Option<Fault> {
        let node = self.any_node(stream)?;
        let limit = self.tolerance.clock_error;
        let sign = if stream.chance(0.5) { 1 } else { -1 };
        if kind == FaultKind::ClockFreeze {
            let (at, lasts) = self.window(stream, limit)?;
            return Some(Fault::ClockFreeze { node, at, lasts });
        }
        let (at, lasts) = self.window(stream, self.length)?;
        let error = log(stream, MILLI.min(limit), limit.min(10 * self.length));
        if kind == FaultKind::ClockStep {
            let by_ns = sign * i64::try_from(nanos(error)).ok()?;
            return Some(Fault::ClockStep { node, at, by_ns });
        }
        // As fast as it gets from true to that error within the window.
        let millionths = error.as_nanos() * 1_000_000 / lasts?.as_nanos().max(1);
        let ppm = u64::try_from(millionths).ok()?.min(200_000);
        let ppm = sign * i64::try_from(two_digits(ppm)).ok()?;
        (ppm != 0).then_some(Fault::ClockDrift { node, ppm, at, lasts })
    }

    fn node(&self, kind: FaultKind, stream: &mut Stream) -> Option<Fault> {
        let node = self.any_node(stream)?;
        let stops = matches!(
            kind,
            FaultKind::Crash
                | FaultKind::PowerLoss
                | FaultKind::Pause
                | FaultKind::Stop
                | FaultKind::Wipe
        );
        let longest = if stops { self.tolerance.downtime } else { self.length };
        let (at, lasts) = self.window(stream, longest)?;
        Some(match kind {
            FaultKind::Crash => Fault::Crash { node, at, lasts },
            FaultKind::PowerLoss if stream.chance(0.5) => {
                let disk_op = Some(small(stream, 64));
                Fault::PowerLoss { node, at: None, disk_op, lasts }
            }
            FaultKind::PowerLoss => Fault::PowerLoss { node, at: Some(at), disk_op: None, lasts },
            FaultKind::Pause => Fault::Pause { node, at, lasts },
            FaultKind::Stop => Fault::Stop { node, at, lasts },
            FaultKind::Wipe => Fault::Wipe { node, at, lasts },
            FaultKind::Slow => {
                let factor = *stream.pick(&[2.0, 5.0, 10.0, 50.0, 100.0])?;
                Fault::Slow { node, factor, at, lasts }
            }
            FaultKind::DiskFull => Fault::DiskFull { node, at, lasts },
            FaultKind::DiskSlow => {
                let latency = log(stream, MILLI, 500 * MILLI);
                Fault::DiskSlow { node, latency, at, lasts }
            }
            FaultKind::DiskError => {
                use DiskOperation::{Any, Read, Sync, Write};
                let operation = *stream.pick(&[Read, Write, Sync, Any])?;
                let n = stream.chance(0.5).then(|| small(stream, 12));
                let percent = if n.is_none() { Some(percent(stream)) } else { None };
                Fault::DiskError { node, operation, percent, n, at, lasts }
            }
            FaultKind::FsyncLies => Fault::FsyncLies { node, at, lasts },
            FaultKind::DiskCorrupt => {
                Fault::DiskCorrupt { node, percent: percent(stream), at, lasts }
            }
            _ => unreachable!("the kinds of messages, links and clocks are drawn elsewhere"),
        })
    }

    /// A window that ends with the storm, and is no longer than `longest`: mostly early and short.
    /// None if the storm has no time.
    fn window(&self, stream: &mut Stream, longest: Duration) -> Option<Window> {
        let last = self.length.checked_sub(MICRO)?;
        let early = stream.chance(0.8);
        let anywhere = two_digits(stream.random_range(0..=nanos(last)));
        let at = log(stream, (200 * MICRO).min(last), last);
        let at = if early { at } else { Duration::from_nanos(anywhere) };
        let left = longest.min(self.length - at);
        Some((at, Some(log(stream, MILLI.min(left), left))))
    }

    /// The member, or now and then only one of its nodes.
    fn some_of(&self, member: &str, stream: &mut Stream) -> String {
        let nodes = self.topology.nodes(member);
        match stream.pick(&nodes) {
            Some(node) if stream.chance(0.3) => node.clone(),
            _ => member.to_owned(),
        }
    }
}

/// From 1 to `most`; 1 is by far the most frequent.
fn small(stream: &mut Stream, most: u64) -> u64 {
    if stream.chance(0.3) { 1 } else { log_number(stream, 1, most) }
}

fn percent(stream: &mut Stream) -> f64 {
    *stream.pick(&[1.0, 5.0, 10.0, 20.0, 50.0, 100.0]).expect("there are six")
}

/// Log-uniform between the two: as many draws from 1 to 10 ms as from 10 to 100 ms.
fn log(stream: &mut Stream, least: Duration, most: Duration) -> Duration {
    Duration::from_nanos(log_number(stream, nanos(least), nanos(most)))
}

fn log_number(stream: &mut Stream, least: u64, most: u64) -> u64 {
    let share = stream.random::<f64>();
    if least >= most {
        return most;
    }
    let (low, high) = ((least.max(1) as f64).ln(), (most as f64 + 1.0).ln());
    let value = (low + share * (high - low)).exp() as u64;
    two_digits(value).clamp(least, most)
}

/// With only its first two digits: people read these numbers.
fn two_digits(value: u64) -> u64 {
    let unit = 10_u64.pow(value.checked_ilog10().unwrap_or(0).saturating_sub(1));
    value - value % unit
}
