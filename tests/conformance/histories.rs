//! Histories that others have judged: Porcupine's, and Knossos's.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use stormglass::consistency::{Decision, Model, decide, kv, register};
use stormglass::error::Result;
use stormglass::history::{History, import_edn, import_jepsen_log};

use super::{Tally, files, set};

/// Steps for each key: what the hardest published history takes, ten times over.
const BUDGET: u64 = 20_000_000;

/// The verdicts of a set by file, from its `verdicts.csv`. A field may stand in quotes, and have commas.
fn verdicts(folder: &Path, column: &str) -> BTreeMap<String, String> {
    let text = fs::read_to_string(folder.join("verdicts.csv")).unwrap();
    let mut rows = text.lines().map(fields);
    let header = rows.next().unwrap();
    let column = header.iter().position(|name| name == column).unwrap();
    // Fields without quotes that have commas all the same stand before the verdict: count from behind.
    let from_behind = header.len() - column;
    let row = |row: Vec<String>| (row[0].clone(), row[row.len() - from_behind].clone());
    rows.filter(|row| row.len() >= header.len()).map(row).collect()
}

fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut quoted) = (vec![String::new()], false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            c => fields.last_mut().unwrap().push(c),
        }
    }
    fields
}

/// What we say of a history.
fn judged<M: Model>(model: &M, history: Result<History<M::Input, M::Output>>) -> String {
    match history.map(|history| decide(model, &history, BUDGET)) {
        Ok(Decision::Linearizable { .. }) => "ok".to_owned(),
        Ok(Decision::Illegal { .. }) => "illegal".to_owned(),
        Ok(Decision::Unknown { steps, .. }) => format!("unknown after {steps} steps"),
        Err(error) => error.to_string(),
    }
}

/// Compares `judge` with the verdicts of the files of a set that end so; those with another verdict
/// than ok or illegal are not among them.
fn compare(
    set_name: &str,
    endings: &[&str],
    judge: impl Fn(&str, &str) -> Option<String>,
) -> Option<Tally> {
    let folder = set(set_name)?;
    let verdicts = verdicts(&folder, "verdict");
    let mut tally = Tally::new(set_name);
    for path in files(&folder, endings) {
        let name = path.strip_prefix(&folder).unwrap().to_string_lossy().into_owned();
        let Some(expected) =
            verdicts.get(&name).filter(|v| ["ok", "illegal"].contains(&v.as_str()))
        else {
            continue;
        };
        let Some(ours) = judge(&name, &fs::read_to_string(&path).unwrap()) else { continue };
        tally.count(ours == *expected, || format!("{name}: {ours}, where {expected} is expected"));
    }
    Some(tally)
}

#[test]
fn porcupine() {
    let judge = |name: &str, text: &str| {
        Some(match name.starts_with("kv") {
            true => judged(&kv::Kv, import_edn(name, text).and_then(|h| kv::of_jepsen(&h))),
            false => {
                let history = import_jepsen_log(name, text);
                let history = history.and_then(|h| register::of_jepsen(&h, register::Nil::Value));
                judged(&register::Register::new(), history)
            }
        })
    };
    if let Some(tally) = compare("histories/porcupine", &[".log", ".txt"], judge) {
        tally.at_least(100);
    }
}

#[test]
fn knossos() {
    // Models of other objects than a register are none of ours.
    let judge = |name: &str, text: &str| {
        name.starts_with("cas-register").then(|| {
            let history = import_edn(name, text);
            let history = history.and_then(|h| register::of_jepsen(&h, register::Nil::Unknown));
            judged(&register::Register::holding(0), history)
        })
    };
    if let Some(tally) = compare("histories/knossos", &[".edn"], judge) {
        tally.at_least(100);
    }
}
