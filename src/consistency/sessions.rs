//! The guarantees of sessions (Terry et al. 1994, "Session guarantees for weakly consistent replicated
//! data"): what a client may expect of what it did and saw itself, however stale the rest is.
//!
//! A process of the history is a session. Which version a read saw must be clear: each value is written
//! to a key once. In which order the versions of a register came about nobody recorded, so the question
//! is whether *some* order fits: each guarantee says of versions which came before which, and a cycle
//! says that no order does. Elements of a collection that only grows (a set, a log) need no order: what
//! must be seen is in it, or not.
//!
//! Not seen is what one read cannot tell: a register that shows a version shows nothing of those
//! before it, so monotonic writes across keys are checked as far as versions were read. Within a key
//! the writes of a session stand in their order, and behind what it had read, whether read or not.

mod versions;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Debug};

use serde::de::DeserializeOwned;

use super::register::{Call, Reply};
use crate::history::{History, Operation, Outcome};
use crate::journal::{EventId, Journal};
use crate::verdict::Verdict;
use versions::Versions;

/// What a session may expect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Guarantee {
    /// It sees what it wrote.
    ReadYourWrites,
    /// What it saw once, it sees ever after.
    MonotonicReads,
    /// Who sees what it wrote sees what it wrote before.
    MonotonicWrites,
    /// Who sees what it wrote sees what it had seen before it wrote.
    WritesFollowReads,
}

impl Guarantee {
    /// All four: together they are causal consistency (Brzezinski et al. 2004).
    pub const ALL: [Guarantee; 4] = [
        Guarantee::ReadYourWrites,
        Guarantee::MonotonicReads,
        Guarantee::MonotonicWrites,
        Guarantee::WritesFollowReads,
    ];
}

impl fmt::Display for Guarantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Guarantee::ReadYourWrites => "read your writes",
            Guarantee::MonotonicReads => "monotonic reads",
            Guarantee::MonotonicWrites => "monotonic writes",
            Guarantee::WritesFollowReads => "writes follow reads",
        })
    }
}

/// What an operation does to its key, as far as sessions are concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access<V> {
    /// It makes this version, or adds this element.
    Write(V),
    /// It sees this version of a register, or that it was never written.
    Last(Option<V>),
    /// It sees these elements of a collection that only grows.
    All(BTreeSet<V>),
}

/// The property that the operations of a register recorded on `object` keep `guarantees`, for
/// [`Sim::check`](crate::sim::Sim::check): `sim.check("a shopper sees its own orders",
/// sessions::hold::<u32>("order", &[Guarantee::ReadYourWrites]))`.
pub fn hold<V>(object: &str, guarantees: &[Guarantee]) -> impl Fn(&Journal) -> Verdict + 'static
where
    V: Ord + Clone + Debug + DeserializeOwned,
{
    let (object, guarantees) = (object.to_owned(), guarantees.to_vec());
    move |journal| match History::<Call<V>, Reply<V>>::of(journal, &object) {
        Ok(history) => match judge(&of_register(&history), &guarantees) {
            (Verdict::Violated(violation), shown) => violation.with_events(shown).into(),
            (verdict, _) => verdict,
        },
        Err(error) => Verdict::Unknown(error.to_string()),
    }
}

/// What the operations on a register say of versions. A compare and set that succeeded saw one version
/// and made another; one that did not says nothing.
#[must_use]
pub fn of_register<V: Clone>(history: &History<Call<V>, Reply<V>>) -> History<Access<V>, ()> {
    let mut accesses = Vec::new();
    for operation in history.operations() {
        let mut add = |access, known: bool| {
            accesses.push(Operation {
                process: operation.process.clone(),
                node: operation.node.clone(),
                key: operation.key.clone(),
                input: access,
                outcome: if known { Outcome::Ok(()) } else { Outcome::Info },
                call: operation.call,
                returned: operation.returned,
            });
        };
        match (&operation.input, &operation.outcome) {
            (_, Outcome::Fail) | (_, Outcome::Ok(Reply::Swapped(false))) => {}
            (Call::Read, Outcome::Ok(Reply::Value(value))) => {
                add(Access::Last(value.clone()), true)
            }
            (Call::Read, _) => {}
            (Call::Write(value), outcome) => {
                add(Access::Write(value.clone()), matches!(outcome, Outcome::Ok(_)));
            }
            (Call::Cas(seen, made), Outcome::Ok(_)) => {
                add(Access::Last(Some(seen.clone())), true);
                add(Access::Write(made.clone()), true);
            }
            (Call::Cas(_, made), Outcome::Info) => add(Access::Write(made.clone()), false),
        }
    }
    accesses.into_iter().collect()
}

/// Whether the sessions of a history were given `guarantees`. Unknown if a value was written to a key
/// twice: which of the two a read saw cannot be told.
#[must_use]
pub fn check<V: Ord + Clone + Debug>(
    history: &History<Access<V>, ()>,
    guarantees: &[Guarantee],
) -> Verdict {
    judge(history, guarantees).0
}

/// The verdict, and the events of the read that shows a violation, if there is one.
fn judge<V: Ord + Clone + Debug>(
    history: &History<Access<V>, ()>,
    guarantees: &[Guarantee],
) -> (Verdict, Vec<EventId>) {
    let writes = match writers(history) {
        Ok(writes) => writes,
        Err(unclear) => return (Verdict::Unknown(unclear), Vec::new()),
    };
    let sessions = history.by_process();
    let mut checker =
        Checker { guarantees, writes, sessions: &sessions, versions: BTreeMap::new() };
    for operations in sessions.values() {
        if let Err((witness, read)) = checker.session(operations) {
            return (Verdict::violated(witness), read.events().collect());
        }
    }
    for write in sessions.values().flatten() {
        checker.order(write);
    }
    for (key, versions) in &checker.versions {
        if let Some(cycle) = versions.cycle() {
            let text = format!("no order of the versions{} fits: {cycle}", of(key));
            return (Verdict::violated(text), Vec::new());
        }
    }
    (Verdict::Holds, Vec::new())
}

fn of(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!(" of `{key}`") }
}

/// A version of a key.
type Version<'h, V> = (&'h str, &'h V);
/// The writes of a history by version.
type Writes<'h, V> = BTreeMap<Version<'h, V>, &'h Operation<Access<V>, ()>>;

fn writers<V: Ord + Debug>(
    history: &History<Access<V>, ()>,
) -> std::result::Result<Writes<'_, V>, String> {
    let mut writes = BTreeMap::new();
    for operation in history.operations() {
        if let (Access::Write(value), false) =
            (&operation.input, operation.outcome == Outcome::Fail)
        {
            let key = operation.key.as_str();
            if writes.insert((key, value), operation).is_some() {
                return Err(format!(
                    "{value:?} is written twice{}: which of the two a read saw cannot be told",
                    of(key)
                ));
            }
        }
    }
    Ok(writes)
}

struct Checker<'h, V> {
    guarantees: &'h [Guarantee],
    writes: Writes<'h, V>,
    sessions: &'h BTreeMap<&'h str, Vec<&'h Operation<Access<V>, ()>>>,
    /// Of registers, by key.
    versions: BTreeMap<&'h str, Versions<'h, V>>,
}

/// What a session must see of each key, and why.
type Duties<'h, V> = BTreeMap<&'h str, BTreeMap<&'h V, Guarantee>>;

impl<'h, V: Ord + Clone + Debug> Checker<'h, V> {
    fn wants(&self, guarantee: Guarantee) -> bool {
        self.guarantees.contains(&guarantee)
    }

    /// Goes through what one process did, in its order.
    fn session(
        &mut self,
        operations: &[&'h Operation<Access<V>, ()>],
    ) -> std::result::Result<(), (String, &'h Operation<Access<V>, ()>)> {
        let mut duties = Duties::new();
        let mut known: Vec<_> =
            operations.iter().filter(|operation| operation.output().is_some()).collect();
        known.sort_by_key(|operation| operation.returned);
        let mut known = known.into_iter().peekable();
        for operation in operations {
            while let Some(before) = known.next_if(|before| before.is_before(operation)) {
                self.owe(&mut duties, before);
            }
            let duties_here = duties.get(operation.key.as_str());
            if operation.output().is_some() {
                let duties = duties_here.cloned().unwrap_or_default();
                self.read(operation, duties).map_err(|witness| (witness, *operation))?;
            }
        }
        Ok(())
    }

    /// What the session must see from now on, after this operation of its own.
    fn owe(&self, duties: &mut Duties<'h, V>, operation: &'h Operation<Access<V>, ()>) {
        let key = operation.key.as_str();
        match &operation.input {
            Access::Write(value) if self.wants(Guarantee::ReadYourWrites) => {
                duties.entry(key).or_default().insert(value, Guarantee::ReadYourWrites);
            }
            Access::Write(_) => {}
            Access::Last(value) => self.owe_seen(duties, key, value.as_ref().into_iter()),
            Access::All(values) => self.owe_seen(duties, key, values.iter()),
        }
    }

    fn owe_seen(
        &self,
        duties: &mut Duties<'h, V>,
        key: &'h str,
        seen: impl Iterator<Item = &'h V>,
    ) {
        for value in seen {
            if self.wants(Guarantee::MonotonicReads) {
                duties.entry(key).or_default().entry(value).or_insert(Guarantee::MonotonicReads);
            }
            for (key, value, why) in self.brought_by(key, value) {
                duties.entry(key).or_default().entry(value).or_insert(why);
            }
        }
    }

    /// What whoever sees a version must see as well: what its writer had written and seen before.
    fn brought_by(&self, key: &'h str, value: &V) -> Vec<(&'h str, &'h V, Guarantee)> {
        let (writes, reads) =
            (self.wants(Guarantee::MonotonicWrites), self.wants(Guarantee::WritesFollowReads));
        let Some(write) = self.writes.get(&(key, value)).filter(|_| writes || reads) else {
            return Vec::new();
        };
        let mut brought = Vec::new();
        for before in self.before(write) {
            let key = before.key.as_str();
            let seen: Vec<&V> = match &before.input {
                Access::Write(value) if writes => {
                    brought.push((key, value, Guarantee::MonotonicWrites));
                    continue;
                }
                Access::Last(Some(value)) if reads => vec![value],
                Access::All(values) if reads => values.iter().collect(),
                _ => continue,
            };
            brought.extend(seen.into_iter().map(|v| (key, v, Guarantee::WritesFollowReads)));
        }
        brought
    }

    /// Puts a version behind those of its key that its writer had written and seen before. Only where a
    /// read contradicts does that matter.
    fn order(&mut self, write: &'h Operation<Access<V>, ()>) {
        let Access::Write(value) = &write.input else { return };
        for (key, before, why) in self.brought_by(&write.key, value) {
            if key == write.key && before != value {
                let versions = self.versions.entry(key).or_default();
                versions.add(before, value, why, ("wrote", &write.process, write.call.at));
            }
        }
    }

    /// What the writer of a version knows to have happened before it wrote.
    fn before(
        &self,
        write: &'h Operation<Access<V>, ()>,
    ) -> impl Iterator<Item = &'h Operation<Access<V>, ()>> {
        let session = self.sessions.get(write.process.as_str()).into_iter().flatten();
        session.copied().filter(|o| o.output().is_some() && o.is_before(write))
    }

    /// Looks at what a read saw of its key, and whether that is what it must see.
    fn read(
        &mut self,
        operation: &'h Operation<Access<V>, ()>,
        mut duties: BTreeMap<&'h V, Guarantee>,
    ) -> std::result::Result<(), String> {
        let key = operation.key.as_str();
        let seen: Vec<&'h V> = match &operation.input {
            Access::Write(_) => return Ok(()),
            Access::Last(value) => value.iter().collect(),
            Access::All(values) => values.iter().collect(),
        };
        let what = if key.is_empty() { String::new() } else { format!(" `{key}`") };
        let reader = format!("{} read{what} at {}", operation.process, operation.call.at);
        for value in &seen {
            let write = self.writes.get(&(key, *value));
            match write {
                None => return Err(format!("{reader}: {value:?}, which nobody wrote")),
                Some(write) if operation.is_before(write) => {
                    return Err(format!("{reader}: {value:?}, which was written only later"));
                }
                Some(_) => {}
            }
            for (brought_key, brought, why) in self.brought_by(key, value) {
                if brought_key == key {
                    duties.entry(brought).or_insert(why);
                }
            }
        }
        for (version, why) in duties {
            match &operation.input {
                _ if seen.contains(&version) => {}
                Access::Last(Some(value)) => {
                    let versions = self.versions.entry(key).or_default();
                    let by = ("read", operation.process.as_str(), operation.call.at);
                    versions.add(version, value, why, by);
                }
                _ => return Err(format!("{reader}: {seen:?} without {version:?} ({why})")),
            }
        }
        Ok(())
    }
}
