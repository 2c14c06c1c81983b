//! What cannot be: names that nobody has, numbers out of range, faults that exclude each other.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::chaos::field::Field;
use crate::chaos::{Fault, FaultPlan, Leg};
use crate::error::nearest;
use crate::topology::{Member, Role, Topology};

/// A label that a message may have: from, to, and the label.
pub type Label<'a> = (&'a str, &'a str, &'a str);

/// What cannot be in a plan.
#[derive(Debug)]
pub(crate) struct Problem {
    /// The index of the fault; one past the last for the workload.
    pub(crate) fault: usize,
    /// The field of the fault, or the client of the workload; empty for the whole.
    pub(crate) field: String,
    pub(crate) reason: String,
}

impl FaultPlan {
    /// The first thing in the plan that cannot be in a world of that topology.
    pub(crate) fn first_problem(
        &self,
        topology: &Topology,
        labels: &[Label<'_>],
    ) -> Option<Problem> {
        for (index, fault) in self.faults.iter().enumerate() {
            let problem = unknown_name(fault, topology)
                .or_else(|| wrong_number(fault))
                .or_else(|| wrong_message(fault, topology, labels));
            let problem = problem.or_else(|| {
                let mut earlier = self.faults[..index].iter().enumerate();
                let clash = earlier.find_map(|(i, e)| Some((i, e, e.excludes(fault, topology)?)));
                clash.map(|(i, e, why)| ("", format!("excluded by fault {} ({e}): {why}", i + 1)))
            });
            if let Some((field, reason)) = problem {
                return Some(Problem { fault: index, field: field.to_owned(), reason });
            }
        }
        self.workload.iter().find_map(|(name, kept)| {
            let reason = wrong_workload(name, kept, topology)?;
            Some(Problem { fault: self.faults.len(), field: name.clone(), reason })
        })
    }
}

/// What is wrong with the operations that a client is to keep.
fn wrong_workload(name: &str, kept: &[usize], topology: &Topology) -> Option<String> {
    let Some(count) = topology.member(name).and_then(|member| member.operations) else {
        let known = topology.members.iter().filter(|member| member.operations.is_some());
        return Some(unknown("client with a workload", name, known.map(|m| m.name.clone())));
    };
    let beyond = kept.iter().find(|operation| **operation >= count)?;
    let there = match count {
        0 => "there is none at all".to_owned(),
        1 => "there is 0 alone".to_owned(),
        count => format!("there are 0 to {}", count - 1),
    };
    Some(format!("no operation {beyond} of `{name}`; {there}"))
}

/// The field in question, and what is wrong with it.
type Wrong = Option<(&'static str, String)>;

/// ``no service `paymnt`; did you mean `payment`?``
fn unknown(what: &str, name: &str, known: impl IntoIterator<Item = String>) -> String {
    let known: Vec<String> = known.into_iter().collect();
    match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => format!("no {what} `{name}`; did you mean `{near}`?"),
        None if known.is_empty() => format!("no {what} `{name}`; there is none at all"),
        None => format!("no {what} `{name}`; there is {}", known.join(", ")),
    }
}

fn unknown_name(fault: &Fault, topology: &Topology) -> Wrong {
    let named: Vec<(&str, &str)> = match fault {
        Fault::Partition { a, b, .. } => {
            let a = a.iter().map(|name| ("a", name.as_str()));
            a.chain(b.iter().map(|name| ("b", name.as_str()))).collect()
        }
        _ => {
            let link = fault.link().into_iter().flat_map(|(from, to)| [("from", from), ("to", to)]);
            link.chain(fault.node().map(|node| ("node", node))).collect()
        }
    };
    for (field, name) in named {
        match member_of(name, topology) {
            None => return Some((field, unknown("service", name, topology.names()))),
            Some(member) if field == "node" && member.role == Role::Client => {
                let reason = format!("`{name}` is a client; faults of nodes strike services only");
                return Some((field, reason));
            }
            Some(_) => {}
        }
    }
    None
}

/// The member that has this name, or has a node of this name.
pub(crate) fn member_of<'a>(name: &str, topology: &'a Topology) -> Option<&'a Member> {
    let has_node = |member: &Member| {
        let index = name.strip_prefix(&member.name).and_then(|rest| rest.strip_prefix('-'));
        let index = index.and_then(|index| index.parse::<usize>().ok());
        member.most() > 1 && index.is_some_and(|i| member.nodes().get(i).is_some_and(|n| n == name))
    };
    topology.members.iter().find(|member| member.name == name || has_node(member))
}

fn wrong_number(fault: &Fault) -> Wrong {
    let mut copy = fault.clone();
    let mut fields = copy.fields().into_iter();
    let wrong = fields.find_map(|(name, field)| Some((name, out_of_range(name, &field)?)));
    wrong.or_else(|| match fault {
        Fault::PowerLoss { at: None, disk_op: None, .. } => {
            Some(("", "a power loss needs `at` or `disk-op`".to_owned()))
        }
        Fault::PowerLoss { at: Some(_), disk_op: Some(_), .. } => {
            Some(("disk-op", "a power loss has either `at` or `disk-op`, not both".to_owned()))
        }
        Fault::Connection { segment: Some(_), byte: Some(_), .. } => {
            Some(("byte", "a fault has either `segment` or `byte`, not both".to_owned()))
        }
        Fault::Connection { leg: Leg::Message, .. } => {
            let reason = "a connection has two directions: write `request` for what its opener \
                          sends, `reply` for what comes back";
            Some(("leg", reason.to_owned()))
        }
        Fault::DiskError { percent: Some(_), n: Some(_), .. } => {
            Some(("n", "a disk error has either `percent` or `n`, not both".to_owned()))
        }
        Fault::ClockDrift { ppm, .. } if ppm.abs() >= 1_000_000 => {
            Some(("ppm", format!("ppm is {ppm}; a clock drifts by less than 1000000")))
        }
        _ => None,
    })
}

fn out_of_range(name: &str, field: &Field<'_>) -> Option<String> {
    let (value, range) = match field {
        Field::Percent(percent) => (**percent, 0.0..=100.0),
        Field::Share(percent) => ((**percent)?, 0.0..=100.0),
        Field::Ratio(ratio) => (**ratio, 1.0..=1e9),
        Field::Burst(mean) => ((**mean)?, 1.0..=1e9),
        Field::Nth(0) => return Some(format!("{name} is 0; counting starts from 1")),
        Field::Amount(0) => return Some(format!("{name} is 0; it must be at least 1")),
        Field::Group(names) if names.is_empty() => return Some(format!("{name} names nobody")),
        _ => return None,
    };
    let wrong =
        || format!("{name} is {value}; it must be from {} to {}", range.start(), range.end());
    (!range.contains(&value)).then(wrong)
}

fn wrong_message(fault: &Fault, topology: &Topology, labels: &[Label<'_>]) -> Wrong {
    if let Fault::Partition { a, b, .. } = fault {
        let b = nodes_of(b, topology);
        let both = nodes_of(a, topology).into_iter().find(|node| b.contains(node));
        return both.map(|node| ("b", format!("`{node}` is on both sides of the partition")));
    }
    let (from, to, label, leg) = match fault {
        Fault::Message { from, to, label, leg, .. } => (from, to, label.as_ref(), leg),
        Fault::Connection { from, to, leg, .. } => (from, to, None, leg),
        _ => return None,
    };
    let (caller, service) = (&member_of(from, topology)?.name, &member_of(to, topology)?.name);
    let edges = topology.edges();
    let back = edges.contains(&(service, caller));
    // Whoever is sent a datagram may send one back.
    let sends = edges.contains(&(caller, service)) || (back && *leg == Leg::Message);
    if !sends {
        let called = edges.iter().filter(|(from, _)| from == caller).map(|(_, to)| *to);
        let called: Vec<&str> = called.collect();
        let hint = match called.as_slice() {
            _ if back => format!("did you mean `{to}` -> `{from}`?"),
            [] => format!("`{from}` calls nobody"),
            called => format!("`{from}` calls {}", called.join(", ")),
        };
        return Some(("to", format!("`{from}` does not call `{to}`; {hint}")));
    }
    let label = label.filter(|_| !labels.is_empty())?;
    let there = labels.iter().filter(|(from, to, _)| from == caller && to == service);
    let there: BTreeSet<String> = there.map(|(.., label)| (*label).to_owned()).collect();
    let wrong = || {
        ("label", unknown(&format!("message from `{from}` to `{to}` called"), label, there.clone()))
    };
    (!there.contains(label)).then(wrong)
}

fn nodes_of(names: &[String], topology: &Topology) -> BTreeSet<String> {
    names.iter().flat_map(|name| topology.nodes(name)).collect()
}

impl Fault {
    /// Says what keeps the two from happening in one run: a node cannot crash while it is down.
    /// None if nothing does. The order of the two has no meaning.
    pub(crate) fn excludes(&self, other: &Fault, topology: &Topology) -> Option<String> {
        if let Fault::Message { from, to, label, n, leg, .. } = self {
            let same = matches!(other, Fault::Message { from: f, to: t, label: l, n: m, leg: g, .. }
                if (f, t, l, m, g) == (from, to, label, n, leg));
            return same.then(|| "a message is struck once".to_owned());
        }
        if let Fault::Connection { from, to, conn, leg, segment, byte, .. } = self {
            let same = matches!(other,
                Fault::Connection { from: f, to: t, conn: c, leg: g, segment: s, byte: b, .. }
                if (f, t, c, g, s, b) == (from, to, conn, leg, segment, byte));
            return same.then(|| "a segment is struck once".to_owned());
        }
        if let (
            Fault::PowerLoss { node, disk_op: Some(n), .. },
            Fault::PowerLoss { node: other, disk_op: Some(m), .. },
        ) = (self, other)
        {
            return ((node, n) == (other, m)).then(|| "it is the same power loss".to_owned());
        }
        let ((mine, _), (theirs, _)) = (self.window()?, other.window()?);
        if !overlap(self.window()?, other.window()?) {
            return None;
        }
        if let (
            Fault::Partition { a, b, one_way, .. },
            Fault::Partition { a: c, b: d, one_way: also, .. },
        ) = (self, other)
        {
            return ((a, b, one_way) == (c, d, also))
                .then(|| "it is the same partition".to_owned());
        }
        let node = shared_node(self.node()?, other.node()?, topology)?;
        if self.holds_clock() && other.holds_clock() {
            return Some(format!("the clock of `{node}` is driven then"));
        }
        let (first, second) = if mine <= theirs { (self, other) } else { (other, self) };
        let strikes = |first: &Fault, second: &Fault| first.downs() && second.stops();
        let at_once = mine == theirs && strikes(second, first);
        let paused = |f: &Fault| matches!(f, Fault::Pause { .. });
        if strikes(first, second) || at_once {
            return Some(format!("`{node}` is down then"));
        }
        (paused(first) && paused(second)).then(|| format!("`{node}` is paused then"))
    }

    /// True if the node is down while it is in force.
    pub(crate) fn downs(&self) -> bool {
        matches!(
            self,
            Fault::Crash { .. } | Fault::PowerLoss { .. } | Fault::Stop { .. } | Fault::Wipe { .. }
        )
    }

    /// True if nobody gets an answer from the node while it is in force.
    pub(crate) fn stops(&self) -> bool {
        self.downs() || matches!(self, Fault::Pause { .. })
    }

    fn holds_clock(&self) -> bool {
        matches!(self, Fault::ClockDrift { .. } | Fault::ClockFreeze { .. })
    }
}

fn shared_node(one: &str, other: &str, topology: &Topology) -> Option<String> {
    if one == other {
        return Some(one.to_owned());
    }
    let others = topology.nodes(other);
    topology.nodes(one).into_iter().find(|node| others.contains(node))
}

/// A window of time: its start, and its length unless it is open-ended.
pub(crate) type Window = (Duration, Option<Duration>);

/// True if two windows share an instant; their ends do not belong to them.
pub(crate) fn overlap(one: Window, other: Window) -> bool {
    let ends_after = |(at, lasts): Window, instant: Duration| {
        lasts.is_none_or(|lasts| at.saturating_add(lasts) > instant)
    };
    one.0 == other.0 || (ends_after(one, other.0) && ends_after(other, one.0))
}
