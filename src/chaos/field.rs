//! The values of a fault, each with its name and its sort, so that checks and shrinking are written once.

use std::time::Duration;

use crate::chaos::{Effect, Fault};

/// One value of a fault, by what it means rather than by its type.
#[derive(Debug)]
pub(crate) enum Field<'a> {
    /// The start of a window: zero is simplest.
    At(&'a mut Duration),
    /// The length of a window: none, open-ended, is simplest.
    Lasts(&'a mut Option<Duration>),
    /// An amount of time: round is simplest.
    Span(&'a mut Duration),
    /// An amount of time that may as well be zero.
    Extra(&'a mut Duration),
    /// A number with a sign: parts per million.
    Signed(&'a mut i64),
    /// An amount of time with a sign, in nanoseconds.
    Shift(&'a mut i64),
    /// The number of one thing, from 1: small is simplest.
    Nth(&'a mut u64),
    /// An amount, at least 1: round is simplest.
    Amount(&'a mut u64),
    /// An amount that may be zero.
    Room(&'a mut u64),
    /// 0 to 100.
    Percent(&'a mut f64),
    /// A factor or a mean, at least 1.
    Ratio(&'a mut f64),
    /// True is the special case.
    Flag(&'a mut bool),
    /// A group: few are simplest, never none.
    Group(&'a mut Vec<String>),
    /// What happens to a message.
    Effect(&'a mut Effect),
    /// Something optional that is not there, or may go: none is simplest.
    Burst(&'a mut Option<f64>),
    /// An optional percentage: none, which means all, is simplest.
    Share(&'a mut Option<f64>),
}

/// The fields of a fault with the names that scripts give them.
pub(crate) type Fields<'a> = Vec<(&'static str, Field<'a>)>;

impl Fault {
    /// Its values, without the names of what it strikes.
    pub(crate) fn fields(&mut self) -> Fields<'_> {
        match self {
            Fault::Message { n, effect, .. } => {
                vec![("n", Field::Nth(n)), ("effect", Field::Effect(effect))]
            }
            Fault::Connection { conn, segment, byte, effect, .. } => {
                let segment = segment.as_mut().map(|n| ("segment", Field::Nth(n)));
                let byte = byte.as_mut().map(|byte| ("byte", Field::Room(byte)));
                let place = segment.into_iter().chain(byte);
                let ends = [("conn", Field::Nth(conn)), ("effect", Field::Effect(effect))];
                ends.into_iter().chain(place).collect()
            }
            Fault::Partition { a, b, one_way, at, lasts } => windowed(
                at,
                lasts,
                [("a", Field::Group(a)), ("b", Field::Group(b)), ("one-way", Field::Flag(one_way))],
            ),
            Fault::Loss { percent, burst, at, lasts, .. } => windowed(
                at,
                lasts,
                [("percent", Field::Percent(percent)), ("burst", Field::Burst(burst))],
            ),
            Fault::Delay { delay, jitter, at, lasts, .. } => windowed(
                at,
                lasts,
                [("delay", Field::Span(delay)), ("jitter", Field::Extra(jitter))],
            ),
            Fault::Reorder { percent, by, at, lasts, .. } => {
                windowed(at, lasts, [("percent", Field::Percent(percent)), ("by", Field::Span(by))])
            }
            Fault::Bandwidth { rate, queue, at, lasts, .. } => {
                windowed(at, lasts, [("rate", Field::Amount(rate)), ("queue", Field::Room(queue))])
            }
            Fault::Duplicate { percent, at, lasts, .. }
            | Fault::Corrupt { percent, at, lasts, .. }
            | Fault::DiskCorrupt { percent, at, lasts, .. } => {
                windowed(at, lasts, [("percent", Field::Percent(percent))])
            }
            _ => self.node_fields(),
        }
    }

    fn node_fields(&mut self) -> Fields<'_> {
        match self {
            Fault::PowerLoss { at, disk_op, lasts, .. } => {
                let at = at.as_mut().map(|at| ("at", Field::At(at)));
                let disk_op = disk_op.as_mut().map(|n| ("disk-op", Field::Nth(n)));
                at.into_iter().chain(disk_op).chain([("for", Field::Lasts(lasts))]).collect()
            }
            Fault::Slow { factor, at, lasts, .. } => {
                windowed(at, lasts, [("factor", Field::Ratio(factor))])
            }
            Fault::ClockStep { at, by_ns, .. } => {
                vec![("at", Field::At(at)), ("by", Field::Shift(by_ns))]
            }
            Fault::ClockDrift { ppm, at, lasts, .. } => {
                windowed(at, lasts, [("ppm", Field::Signed(ppm))])
            }
            Fault::DiskSlow { latency, at, lasts, .. } => {
                windowed(at, lasts, [("latency", Field::Span(latency))])
            }
            Fault::DiskError { percent, n, at, lasts, .. } => {
                let n = n.as_mut().map(|n| ("n", Field::Nth(n)));
                windowed(at, lasts, n.into_iter().chain([("percent", Field::Share(percent))]))
            }
            Fault::Crash { at, lasts, .. }
            | Fault::Pause { at, lasts, .. }
            | Fault::Stop { at, lasts, .. }
            | Fault::Wipe { at, lasts, .. }
            | Fault::ClockFreeze { at, lasts, .. }
            | Fault::DiskFull { at, lasts, .. }
            | Fault::FsyncLies { at, lasts, .. } => windowed(at, lasts, []),
            _ => unreachable!("the faults of messages and links have been matched before"),
        }
    }
}

fn windowed<'a>(
    at: &'a mut Duration,
    lasts: &'a mut Option<Duration>,
    others: impl IntoIterator<Item = (&'static str, Field<'a>)>,
) -> Fields<'a> {
    let window = [("at", Field::At(at)), ("for", Field::Lasts(lasts))];
    others.into_iter().chain(window).collect()
}
