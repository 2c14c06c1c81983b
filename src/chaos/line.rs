//! A fault as one line of text, and what that line is about: its window, its targets.

use std::fmt;
use std::time::Duration;

use crate::chaos::text::{show, show_signed};
use crate::chaos::{DiskOperation, Effect, Fault, Leg};

impl Fault {
    /// When it is in force: its start, and its length if that is bounded. None for the faults that
    /// strike at a message or a disk operation instead of at a time.
    ///
    /// A step of a clock has no bound: it is in force until chaos ends.
    #[must_use]
    pub fn window(&self) -> Option<(Duration, Option<Duration>)> {
        match self {
            Fault::Message { .. } | Fault::Connection { .. } => None,
            Fault::PowerLoss { at, lasts, .. } => at.map(|at| (at, *lasts)),
            Fault::ClockStep { at, .. } => Some((*at, None)),
            Fault::Partition { at, lasts, .. }
            | Fault::Loss { at, lasts, .. }
            | Fault::Delay { at, lasts, .. }
            | Fault::Duplicate { at, lasts, .. }
            | Fault::Reorder { at, lasts, .. }
            | Fault::Corrupt { at, lasts, .. }
            | Fault::Bandwidth { at, lasts, .. }
            | Fault::Crash { at, lasts, .. }
            | Fault::Pause { at, lasts, .. }
            | Fault::Stop { at, lasts, .. }
            | Fault::Wipe { at, lasts, .. }
            | Fault::Slow { at, lasts, .. }
            | Fault::ClockDrift { at, lasts, .. }
            | Fault::ClockFreeze { at, lasts, .. }
            | Fault::DiskFull { at, lasts, .. }
            | Fault::DiskSlow { at, lasts, .. }
            | Fault::DiskError { at, lasts, .. }
            | Fault::FsyncLies { at, lasts, .. }
            | Fault::DiskCorrupt { at, lasts, .. } => Some((*at, *lasts)),
        }
    }

    /// The directed link that it strikes, if it strikes exactly one.
    #[must_use]
    pub fn link(&self) -> Option<(&str, &str)> {
        match self {
            Fault::Message { from, to, .. }
            | Fault::Connection { from, to, .. }
            | Fault::Loss { from, to, .. }
            | Fault::Delay { from, to, .. }
            | Fault::Duplicate { from, to, .. }
            | Fault::Reorder { from, to, .. }
            | Fault::Corrupt { from, to, .. }
            | Fault::Bandwidth { from, to, .. } => Some((from, to)),
            _ => None,
        }
    }

    /// The node, or the member with all its nodes, that it strikes; none for faults of links.
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        match self {
            Fault::Crash { node, .. }
            | Fault::PowerLoss { node, .. }
            | Fault::Pause { node, .. }
            | Fault::Stop { node, .. }
            | Fault::Wipe { node, .. }
            | Fault::Slow { node, .. }
            | Fault::ClockStep { node, .. }
            | Fault::ClockDrift { node, .. }
            | Fault::ClockFreeze { node, .. }
            | Fault::DiskFull { node, .. }
            | Fault::DiskSlow { node, .. }
            | Fault::DiskError { node, .. }
            | Fault::FsyncLies { node, .. }
            | Fault::DiskCorrupt { node, .. } => Some(node),
            _ => None,
        }
    }

    /// Every name of a member or node that it uses.
    #[must_use]
    pub fn targets(&self) -> Vec<&str> {
        if let Fault::Partition { a, b, .. } = self {
            return a.iter().chain(b).map(String::as_str).collect();
        }
        let link = self.link().into_iter().flat_map(|(from, to)| [from, to]);
        link.chain(self.node()).collect()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.window(), self) {
            (Some((at, _)), Fault::ClockStep { .. }) => write!(f, "at {}: ", show(at))?,
            (Some((at, Some(lasts))), _) => write!(f, "at {} for {}: ", show(at), show(lasts))?,
            (Some((at, None)), _) => write!(f, "from {}: ", show(at))?,
            (None, _) => {}
        }
        match self {
            Fault::Message { from, to, label, n, leg, effect } => {
                let label = label.as_ref().map_or("*".to_owned(), |label| format!("{label:?}"));
                write!(f, "{from} -> {to} {label} #{n} {leg}: {effect}")
            }
            Fault::Connection { from, to, conn, leg, segment, byte, effect } => {
                write!(f, "{from} -> {to} conn #{conn}")?;
                segment.map_or(Ok(()), |segment| write!(f, " segment #{segment}"))?;
                byte.map_or(Ok(()), |byte| write!(f, " byte {byte}"))?;
                write!(f, " {leg}: {effect}")
            }
            Fault::Partition { a, b, one_way: false, .. } => {
                write!(f, "partition {} | {}", a.join(", "), b.join(", "))
            }
            Fault::Partition { a, b, one_way: true, .. } => {
                write!(f, "partition one way {} -> {}", a.join(", "), b.join(", "))
            }
            _ if self.node().is_some() => self.node_line(f),
            _ => self.link_line(f),
        }
    }
}

impl Fault {
    fn link_line(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let link = self.link().map_or(String::new(), |(from, to)| format!("{from} -> {to}"));
        match self {
            Fault::Loss { percent, burst: None, .. } => write!(f, "lose {percent}% of {link}"),
            Fault::Loss { percent, burst: Some(burst), .. } => {
                write!(f, "lose {percent}% of {link} in bursts of {burst}")
            }
            Fault::Delay { delay, jitter: Duration::ZERO, .. } => {
                write!(f, "delay {link} by {}", show(*delay))
            }
            Fault::Delay { delay, jitter, .. } => {
                let most = delay.saturating_add(*jitter);
                write!(f, "delay {link} by {} to {}", show(*delay), show(most))
            }
            Fault::Duplicate { percent, .. } => write!(f, "duplicate {percent}% of {link}"),
            Fault::Reorder { percent, by, .. } => {
                write!(f, "reorder {percent}% of {link} by {}", show(*by))
            }
            Fault::Corrupt { percent, .. } => write!(f, "corrupt {percent}% of {link}"),
            Fault::Bandwidth { rate, queue, .. } => {
                write!(f, "limit {link} to {rate} B/s with a queue of {queue} B")
            }
            _ => write!(f, "{}", self.kind()),
        }
    }

    fn node_line(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let node = self.node().unwrap_or_default();
        match self {
            Fault::Slow { factor, .. } => write!(f, "slow {node} {factor} times"),
            Fault::PowerLoss { disk_op: Some(n), lasts, .. } => {
                write!(f, "{node} disk operation #{n}: power loss")?;
                lasts.map_or(Ok(()), |lasts| write!(f, " for {}", show(lasts)))
            }
            Fault::PowerLoss { .. } => write!(f, "power loss of {node}"),
            Fault::ClockStep { by_ns, .. } => {
                write!(f, "step the clock of {node} by {}", show_signed(*by_ns))
            }
            Fault::ClockDrift { ppm, .. } => write!(f, "drift the clock of {node} by {ppm} ppm"),
            Fault::ClockFreeze { .. } => write!(f, "freeze the clock of {node}"),
            Fault::DiskFull { .. } => write!(f, "fill the disk of {node}"),
            Fault::DiskSlow { latency, .. } => {
                write!(f, "slow the disk of {node} by {}", show(*latency))
            }
            Fault::DiskError { operation, n: Some(n), .. } => {
                write!(f, "fail disk {operation} #{n} of {node}")
            }
            Fault::DiskError { operation, percent, .. } => {
                let percent = percent.unwrap_or(100.0);
                write!(f, "fail {percent}% of disk {operation}s of {node}")
            }
            Fault::FsyncLies { .. } => write!(f, "fsync lies on {node}"),
            Fault::DiskCorrupt { percent, .. } => {
                write!(f, "corrupt {percent}% of disk reads of {node}")
            }
            _ => write!(f, "{} {node}", self.kind()),
        }
    }
}

impl fmt::Display for Leg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Leg::Request => "request",
            Leg::Reply => "reply",
            Leg::Message => "message",
        })
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Effect::Drop => f.write_str("drop"),
            Effect::Duplicate => f.write_str("duplicate"),
            Effect::Delay(by) => write!(f, "delay {}", show(*by)),
            Effect::Reset => f.write_str("reset"),
            Effect::Corrupt => f.write_str("corrupt"),
            Effect::Stall(None) => f.write_str("stall"),
            Effect::Stall(Some(lasts)) => write!(f, "stall {}", show(*lasts)),
            Effect::DropBytes { after } => write!(f, "drop bytes after {after}"),
        }
    }
}

impl fmt::Display for DiskOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DiskOperation::Read => "read",
            DiskOperation::Write => "write",
            DiskOperation::Sync => "sync",
            DiskOperation::Any => "operation",
        })
    }
}
