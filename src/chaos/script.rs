//! Fault scripts: a plan as a TOML text that a person can read, change and keep beside a test.
//!
//! ```toml
//! format = 1
//!
//! [replay]                                # optional: where the plan comes from
//! seed = 4211
//! sim = "shop"
//!
//! [workload]                              # optional: which operations a client still does, from 0
//! shopper = [0, 3]
//!
//! [[fault]]                               # `kind` says which: see `Fault`
//! kind = "message"
//! from = "checkout"
//! to = "payment"
//! label = "POST /charge"
//! n = 1
//! leg = "reply"
//! effect = "drop"
//!
//! [[fault]]                               # by its number, where no label is known
//! kind = "connection"
//! from = "checkout"
//! to = "payment"
//! conn = 3
//! leg = "reply"
//! byte = 5000
//! effect = "stall 30s"
//! ```
//!
//! A label is method and path as the caller sends them: `POST /orders/{id}/pay` for
//! `POST /orders/7/pay?now`, as segments that are numbers or other ids become `{id}` and the query is
//! left out. It is not the template of the route that answers, which is not known when a message is
//! sent; [`RequestBuilder::label`](crate::service::RequestBuilder::label) gives a request another name. A run's
//! story shows the labels, and a fault that none of them fits is said with those that were seen.

use std::fmt::Write as _;
use std::fs;
use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize};
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use crate::chaos::check::Problem;
use crate::chaos::scheduling::words;
use crate::chaos::{Fault, FaultKind, FaultPlan, Label};
use crate::document;
use crate::error::{Error, Result, nearest};
use crate::kernel::Scheduling;
use crate::seed::Seed;
use crate::topology::Topology;

/// The version of the format that is written and read.
const FORMAT: i64 = 1;
const SECTIONS: [&str; 4] = ["format", "replay", "workload", "fault"];

/// A plan, and where it comes from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script {
    /// How to see the run again that the plan was found in.
    pub replay: Replay,
    /// The plan.
    pub plan: FaultPlan,
}

/// Where a plan comes from; all of it is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// The name of the world.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sim: Option<String>,
    /// Which variant of the world.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The seed of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<Seed>,
    /// How ready tasks were chosen: `fifo`, `random`, `pct depth 3 steps 500`. None means `fifo`.
    #[serde(default, with = "words", skip_serializing_if = "Option::is_none")]
    pub scheduling: Option<Scheduling>,
}

impl Replay {
    /// Reads where the script at `path` comes from, and nothing else of it: the rest may be of
    /// another world than the reader's.
    ///
    /// # Errors
    ///
    /// As [`document::read`]; [`Error::Script`] if it is no TOML or its section `replay` is wrong.
    pub fn load(path: impl AsRef<Path>) -> Result<Replay> {
        let (path, text) = text_of(path.as_ref())?;
        let replay = || -> std::result::Result<Replay, Fail> {
            let root = DeTable::parse(&text)?;
            let replay = root.get_ref().get("replay");
            let replay = replay.map(|value| Replay::deserialize(decoder(value)));
            Ok(replay.transpose()?.unwrap_or_default())
        };
        replay().map_err(|fail| fail.of(&path, &text))
    }
}

/// What errors call the file, and what is in it.
fn text_of(path: &Path) -> Result<(String, String)> {
    Ok((path.display().to_string(), document::read(path)?))
}

impl Script {
    /// The script's text: a header, then each fault under its line in words.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut text =
            "# A fault script of Stormglass. Times are virtual, since the start of the world.\n"
                .to_owned();
        let _ = writeln!(text, "format = {FORMAT}");
        if self.replay != Replay::default() {
            let _ = write!(text, "\n[replay]\n{}", table(&self.replay));
        }
        if !self.plan.workload.is_empty() {
            let _ = write!(text, "\n[workload]\n{}", table(&self.plan.workload));
        }
        for fault in &self.plan.faults {
            let _ = write!(
                text,
                "\n# {}\n[[fault]]\n{}",
                fault.to_string().replace('\n', " "),
                table(fault)
            );
        }
        text
    }

    /// Writes the script to `path`, and makes the directories above it.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if that fails.
    pub fn save(&self, path: impl AsRef<Path>) -> Result {
        let path = path.as_ref();
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let made = parent.map_or(Ok(()), fs::create_dir_all);
        made.and_then(|()| fs::write(path, self.to_toml())).map_err(|e| Error::io(path, e))
    }

    /// Reads the script at `path` and checks it against `topology`.
    ///
    /// # Errors
    ///
    /// As [`document::read`] and [`Script::parse`].
    pub fn load(path: impl AsRef<Path>, topology: &Topology) -> Result<Script> {
        let (path, text) = text_of(path.as_ref())?;
        Script::parse(&text, &path, topology)
    }

    /// Reads a script's text; `file` is what errors call it.
    ///
    /// # Errors
    ///
    /// [`Error::Script`] with the line, what is wrong there, and where it can what was meant: a
    /// text that is not TOML; an unknown name, kind, field, unit or format; a number out of range;
    /// an operation that a workload does not have; a fault that another one excludes.
    /// [`Error::Document`] if it is larger than [`document::LARGEST`].
    pub fn parse(text: &str, file: &str, topology: &Topology) -> Result<Script> {
        Script::parse_with_labels(text, file, topology, &[])
    }

    /// As [`Script::parse`], and message labels must be among `labels`, as a recorded run knows them.
    ///
    /// # Errors
    ///
    /// As [`Script::parse`], and for a label that no message on that edge has.
    pub fn parse_with_labels(
        text: &str,
        file: &str,
        topology: &Topology,
        labels: &[Label<'_>],
    ) -> Result<Script> {
        document::check_size(file, text)?;
        read(text, topology, labels).map_err(|fail| fail.of(file, text))
    }
}

fn table(value: &impl Serialize) -> String {
    toml::to_string(value).expect("texts, numbers and lists of them fit TOML")
}

/// What is wrong, and the byte at which it is.
struct Fail {
    at: usize,
    reason: String,
}

impl Fail {
    fn of(self, file: &str, text: &str) -> Error {
        let line = text[..self.at.min(text.len())].matches('\n').count() + 1;
        Error::script(file, line, &self.reason)
    }
}

fn fail<T>(span: Range<usize>, reason: impl Into<String>) -> std::result::Result<T, Fail> {
    Err(Fail { at: span.start, reason: reason.into() })
}

impl From<toml::de::Error> for Fail {
    fn from(error: toml::de::Error) -> Fail {
        Fail { at: error.span().map_or(0, |span| span.start), reason: rephrased(error.message()) }
    }
}

fn read(
    text: &str,
    topology: &Topology,
    labels: &[Label<'_>],
) -> std::result::Result<Script, Fail> {
    let root = DeTable::parse(text)?;
    let root = root.get_ref();
    for (key, _) in root {
        if !SECTIONS.contains(&key.get_ref().as_ref()) {
            let near = nearest(key.get_ref(), SECTIONS).unwrap_or("fault");
            let reason = format!("no section `{}`; did you mean `{near}`?", key.get_ref());
            return fail(key.span(), reason);
        }
    }
    match root.get("format").map(|format| (format, i64::deserialize(decoder(format)))) {
        None => return fail(0..0, format!("no `format`; begin with `format = {FORMAT}`")),
        Some((_, Ok(FORMAT))) => {}
        Some((format, _)) => {
            let reason = format!("an unknown format; this version reads `format = {FORMAT}`");
            return fail(format.span(), reason);
        }
    }
    let replay = root.get("replay").map(|value| Replay::deserialize(decoder(value)));
    let workload = root.get("workload").map(|value| Deserialize::deserialize(decoder(value)));
    let faults = match root.get("fault").map(|value| (value, value.get_ref().as_array())) {
        None => Vec::new(),
        Some((_, Some(faults))) => faults.iter().collect(),
        Some((value, None)) => return fail(value.span(), "write each fault as `[[fault]]`"),
    };
    let plan = FaultPlan {
        faults: faults
            .iter()
            .map(|fault| read_fault(fault))
            .collect::<std::result::Result<_, _>>()?,
        workload: workload.transpose()?.unwrap_or_default(),
    };
    if let Some(problem) = plan.first_problem(topology, labels) {
        let table = faults.get(problem.fault).copied().or(root.get("workload"));
        return fail(table.map_or(0..0, |table| place(table, &problem)), problem.reason);
    }
    Ok(Script { replay: replay.transpose()?.unwrap_or_default(), plan })
}

fn decoder<'a>(value: &Spanned<DeValue<'a>>) -> ValueDeserializer<'a> {
    ValueDeserializer::from(value.clone())
}

/// Where in `table` the problem is: at its field if it has one.
fn place(table: &Spanned<DeValue<'_>>, problem: &Problem) -> Range<usize> {
    let entry = table.get_ref().as_table().and_then(|t| t.get_key_value(problem.field.as_str()));
    entry.map_or(table.span(), |(key, _)| key.span())
}

fn read_fault(value: &Spanned<DeValue<'_>>) -> std::result::Result<Fault, Fail> {
    let Some(table) = value.get_ref().as_table() else {
        return fail(value.span(), "write each fault as `[[fault]]`");
    };
    let Some(kind) = table.get("kind") else {
        return fail(value.span(), "this fault has no `kind`");
    };
    if let Err(reason) = kind.get_ref().as_str().unwrap_or_default().parse::<FaultKind>() {
        return fail(kind.span(), reason);
    }
    Fault::deserialize(decoder(value)).map_err(|error| {
        let whole = Fail { at: value.span().start, reason: rephrased(error.message()) };
        culprit(table).unwrap_or(whole)
    })
}

/// The first entry that makes the fault wrong by more than what is still missing.
///
/// The kind of a fault decides how the rest is read, so serde reads the table before it knows
/// what should be in it, and forgets the place of each entry. Reading ever longer beginnings of
/// the table finds it again.
fn culprit(table: &DeTable<'_>) -> Option<Fail> {
    let mut entries: Vec<_> = table.iter().filter(|(key, _)| key.get_ref() != "kind").collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    let mut beginning = DeTable::new();
    let (kind, value) = table.get_key_value("kind")?;
    beginning.insert(kind.clone(), value.clone());
    for (key, value) in entries {
        beginning.insert(key.clone(), value.clone());
        let whole = Spanned::new(0..0, DeValue::Table(beginning.clone()));
        if let Err(error) = Fault::deserialize(decoder(&whole))
            && !error.message().starts_with("missing field")
        {
            return Some(Fail { at: key.span().start, reason: rephrased(error.message()) });
        }
    }
    None
}

/// Serde's list of what it expected, as a suggestion.
fn rephrased(message: &str) -> String {
    let message = message.trim();
    let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let (what, name, known) = match names.as_slice() {
        [name, known @ ..] if message.starts_with("unknown field") => ("field", name, known),
        [name, known @ ..] if message.starts_with("unknown variant") => ("value", name, known),
        [name] if message.starts_with("missing field") => return format!("`{name}` is missing"),
        _ => return unlike(message).unwrap_or_else(|| message.to_owned()),
    };
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("no {what} `{name}`; did you mean `{near}`?"),
        None => format!("no {what} `{name}`; there is {}", known.join(", ")),
    }
}

/// What was expected and what is there, in words: serde speaks of Rust's types.
fn unlike(message: &str) -> Option<String> {
    let (wrong, expected) = message.split_once(", expected ")?;
    let (_, found) = wrong.split_once(": ").filter(|(what, _)| what.starts_with("invalid "))?;
    let expected = match expected {
        "f64" => "a number",
        "u16" | "u32" | "u64" | "usize" => "a whole number from 0",
        "i64" => "a whole number",
        "a boolean" => "`true` or `false`",
        "a string" => "a text in quotes",
        "a sequence" => "a list in brackets",
        other => other,
    };
    let found = found.replace("floating point", "number").replace("sequence", "a list");
    Some(format!("{expected} is expected, and this is {found}"))
}
