//! Histories of Jepsen: its EDN, and the lines that its first tests of etcd logged.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::edn::{self, Edn};
use super::{Moment, Operation, Outcome, Recorded};
use crate::document::check_size;
use crate::error::{Error, Result};
use crate::time::Time;

/// Reads a history in Jepsen's EDN: maps with `:process`, `:type` (`:invoke`, `:ok`, `:fail`,
/// `:info`), `:f`, `:value`, and perhaps `:key`, and `:time` in nanoseconds; one after the other, or in
/// one vector. `file` is the name that errors give.
///
/// Inputs become `{"f": ..., "value": ...}`; an output is the value that came back. What Jepsen
/// itself does (a process that is no number, such as `:nemesis`) is left out.
///
/// # Errors
///
/// If the text is not EDN ([`Edn::read_all`]) or no history: file, line, and what was expected.
pub fn import_edn(file: &str, text: &str) -> Result<Recorded> {
    let mut pairing = Pairing::new(file);
    for (order, form) in (1..).zip(Edn::read_elements(file, text)?) {
        let Value::Object(map) = form.value else {
            return Err(pairing.error(form.line, "a map `{:process ...}` was expected".to_owned()));
        };
        pairing.read_map(order, form.line, map)?;
    }
    Ok(pairing.operations.into_iter().collect())
}

/// Reads the log of a Jepsen test of etcd (2014): lines `INFO  jepsen.util - PROCESS :TYPE :F VALUE`.
/// Lines of other loggers are left out.
///
/// In these logs a failed `:cas` is one that found another value: it happened, and its output is
/// `false`. A failed `:read` timed out.
///
/// # Errors
///
/// If the text is larger than [`LARGEST`](crate::document::LARGEST), or a line is no line of a log, or not what Jepsen logs of an operation: file, line, and what was
/// expected.
pub fn import_jepsen_log(file: &str, text: &str) -> Result<Recorded> {
    check_size(file, text)?;
    let mut pairing = Pairing::new(file);
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (number, line) in (1..).zip(text.lines()) {
        let wrong = |reason: &str| pairing.error(number, reason.to_owned());
        if line.trim().is_empty() {
            continue;
        }
        let Some((head, operation)) = line.split_once(" - ") else {
            return Err(wrong("a line `LEVEL  LOGGER - MESSAGE` was expected"));
        };
        if head.split_whitespace().nth(1) != Some("jepsen.util") {
            continue;
        }
        let mut words = operation.trim().splitn(4, |c: char| c.is_ascii_whitespace());
        let mut word = || words.next().map(|word| word.trim_start_matches(':').to_owned());
        let (Some(process), Some(what), Some(f), Some(value)) =
            (word(), word(), word(), words.next())
        else {
            return Err(wrong("`PROCESS :TYPE :F VALUE` was expected"));
        };
        let value = match Edn::read_all(file, value).map_err(|e| at_line(e, number))?.as_slice() {
            [one] => one.value.clone(),
            _ => return Err(wrong("one value was expected behind the function")),
        };
        let refused = what == "fail" && f == "cas";
        let (what, value) = if refused { ("ok", Value::Bool(false)) } else { (&*what, value) };
        let step = Step { process, what, f: f.into(), value, key: String::new(), time: None };
        pairing.add(number as u64, number, step)?;
    }
    Ok(pairing.operations.into_iter().collect())
}

fn at_line(error: Error, line: usize) -> Error {
    match error {
        Error::Document { file, reason, .. } => Error::Document { file, line, reason },
        other => other,
    }
}

/// One entry of a history: a call or a return.
struct Step<'a> {
    process: String,
    what: &'a str,
    f: Value,
    value: Value,
    key: String,
    time: Option<u64>,
}

/// Brings calls and returns together.
struct Pairing<'a> {
    file: &'a str,
    operations: Vec<Operation<Value, Value>>,
    /// By process, the operation that has not returned, and the line of its call.
    open: BTreeMap<String, (usize, usize)>,
}

impl<'a> Pairing<'a> {
    fn new(file: &'a str) -> Pairing<'a> {
        Pairing { file, operations: Vec::new(), open: BTreeMap::new() }
    }

    fn error(&self, line: usize, reason: String) -> Error {
        Error::document(self.file, line, &reason)
    }

    fn read_map(&mut self, order: u64, line: usize, mut map: Map<String, Value>) -> Result {
        let process = match map.remove("process") {
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::String(_)) => return Ok(()),
            _ => return Err(self.error(line, "a :process was expected, a number".to_owned())),
        };
        let Some(Value::String(what)) = map.remove("type") else {
            return Err(self.error(line, "a :type was expected".to_owned()));
        };
        let time = match map.remove("time") {
            None | Some(Value::Null) => None,
            Some(time) => Some(time.as_u64().ok_or_else(|| {
                self.error(line, format!(":time is {time}; nanoseconds were expected"))
            })?),
        };
        let key = match map.remove("key") {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(key)) => key,
            Some(other) => other.to_string(),
        };
        let f = map.remove("f").unwrap_or_default();
        let value = map.remove("value").unwrap_or_default();
        self.add(order, line, Step { process, what: &what, f, value, key, time })
    }

    fn add(&mut self, order: u64, line: usize, step: Step<'_>) -> Result {
        let Step { process, what, f, value, key, time } = step;
        if process.parse::<i64>().is_err() {
            return Ok(());
        }
        let moment = Moment { order, at: Time(time.unwrap_or(order)) };
        if what == "invoke" {
            return self.call(moment, line, process, key, json!({ "f": f, "value": value }));
        }
        let outcome = match what {
            "ok" => Outcome::Ok(value),
            "fail" => Outcome::Fail,
            "info" => Outcome::Info,
            _ => {
                let reason = format!("type `{what}`; invoke, ok, fail or info was expected");
                return Err(self.error(line, reason));
            }
        };
        let Some((index, called)) = self.open.remove(&process) else {
            return Err(self.error(line, format!("process {process} has called nothing")));
        };
        let operation = &mut self.operations[index];
        if operation.input["f"] != f {
            let asked = &operation.input["f"];
            let reason =
                format!("process {process} called {asked} in line {called}, and {f} returns");
            return Err(self.error(line, reason));
        }
        if operation.call >= moment {
            return Err(self.error(line, format!("it returns before its call in line {called}")));
        }
        (operation.outcome, operation.returned) = (outcome, Some(moment));
        Ok(())
    }

    fn call(
        &mut self,
        call: Moment,
        line: usize,
        process: String,
        key: String,
        input: Value,
    ) -> Result {
        if let Some((_, called)) = self.open.insert(process.clone(), (self.operations.len(), line))
        {
            let reason =
                format!("process {process} calls, and its call in line {called} has not returned");
            return Err(self.error(line, reason));
        }
        let (node, outcome, returned) = (String::new(), Outcome::Info, None);
        self.operations.push(Operation { process, node, key, input, outcome, call, returned });
        Ok(())
    }
}

/// Writes a history as Jepsen's EDN, one map a line, as Knossos and elle-cli read it. An input that is
/// `{"f": ..., "value": ...}` gives `:f` and `:value`; any other is the `:value` of `:f :call`.
///
/// Processes become numbers, in the order of their first calls. A process whose operation is open for
/// ever goes on under a new number, as Jepsen wants it.
#[must_use]
pub fn export_edn(history: &Recorded) -> String {
    let (mut numbers, mut next) = (BTreeMap::new(), 0);
    let mut lines = Vec::new();
    for operation in history.operations() {
        let process = *numbers.entry(operation.process.as_str()).or_insert_with(|| {
            next += 1;
            next - 1
        });
        let (what, output) = match &operation.outcome {
            Outcome::Ok(output) => ("ok", Some(output)),
            Outcome::Fail => ("fail", None),
            Outcome::Info => ("info", None),
        };
        lines.push((operation.call, line(process, "invoke", operation, None, operation.call)));
        if let Some(returned) = operation.returned {
            lines.push((returned, line(process, what, operation, output, returned)));
        }
        if operation.outcome == Outcome::Info {
            numbers.remove(operation.process.as_str());
        }
    }
    lines.sort_by_key(|(moment, _)| *moment);
    lines.into_iter().map(|(_, line)| line).collect()
}

fn line(
    process: usize,
    what: &str,
    operation: &Operation<Value, Value>,
    output: Option<&Value>,
    moment: Moment,
) -> String {
    let by_convention = operation.input.as_object().filter(|map| {
        map.get("f").is_some_and(Value::is_string)
            && map.keys().all(|key| ["f", "value"].contains(&key.as_str()))
    });
    let (f, value) = match by_convention {
        Some(map) => (map["f"].as_str().unwrap_or_default(), map.get("value")),
        None => ("call", Some(&operation.input)),
    };
    let mut text = format!("{{:process {process}, :type :{what}, :f ");
    edn::write_keyword(f, &mut text);
    if !operation.key.is_empty() {
        text.push_str(", :key ");
        edn::write(&Value::String(operation.key.clone()), &mut text);
    }
    text.push_str(", :value ");
    edn::write(output.or(value).unwrap_or(&Value::Null), &mut text);
    text.push_str(&format!(", :time {}}}\n", moment.at.as_nanos()));
    text
}
