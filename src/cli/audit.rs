//! What an executable asks of the C library, as a table.

use std::env;
use std::io::Write;
use std::path::Path;

use indexmap::IndexMap;
use serde_json::json;

use super::commands::{Done, write_lines};
use super::{HOLDS, VIOLATED};
use crate::audit::{Audit, Class, SEAL};
use crate::report::json::SCHEMA;

/// What no table of symbols shows.
const UNSEEN: &str = "not seen: system calls by machine instructions of its own, but for those of \
                      `rustix`, and libraries that are loaded later";
const COLUMNS: usize = 100;

pub(super) fn run(executable: Option<&Path>, json: bool, out: &mut dyn Write) -> Done {
    let audit = executable.map_or_else(Audit::own, Audit::of)?;
    let own = || env::current_exe().unwrap_or_default();
    let name = executable.map_or_else(own, Path::to_path_buf).display().to_string();
    match json {
        true => write_lines(lines(&name, &audit), out)?,
        false => write!(out, "{}", text(&name, &audit))?,
    }
    let passes = audit.unknown().next().is_none() && audit.missing().next().is_none();
    Ok(if passes { HOLDS } else { VIOLATED })
}

fn count(audit: &Audit, class: Class) -> usize {
    match class {
        // Libraries as well.
        Class::Unknown => audit.unknown().count(),
        class => audit.symbols().iter().filter(|symbol| symbol.class == class).count(),
    }
}

fn lines(name: &str, audit: &Audit) -> Vec<serde_json::Value> {
    let symbols = audit.symbols().iter().map(|symbol| {
        json!({
            "schema": SCHEMA, "type": "symbol", "name": symbol.name, "class": symbol.class.name(),
            "inside": symbol.inside, "remedy": symbol.remedy, "defined": symbol.is_defined,
        })
    });
    let counts = Class::ALL.map(|class| (class.name().to_owned(), count(audit, class).into()));
    let summary = json!({
        "schema": SCHEMA, "type": "audit", "executable": name,
        "counts": serde_json::Map::from_iter(counts),
        "unknown": audit.unknown().collect::<Vec<_>>(),
        "missing": audit.missing().collect::<Vec<_>>(),
    });
    symbols.chain([summary]).collect()
}

fn text(name: &str, audit: &Audit) -> String {
    let mut rows: IndexMap<(Class, &str, &str), Vec<&str>> = IndexMap::new();
    for symbol in audit.symbols() {
        let row = (symbol.class, symbol.inside, symbol.remedy);
        rows.entry(row).or_default().push(&symbol.name);
    }
    let mut text = String::new();
    for ((class, inside, remedy), names) in &rows {
        text += &format!("{class}: {inside}\n{}", wrapped(names));
        text += &if remedy.is_empty() { String::new() } else { format!("    do: {remedy}\n") };
    }
    let symbols = audit.symbols().iter();
    let named: Vec<&str> = symbols.map(|symbol| symbol.name.as_str()).collect();
    for library in audit.unknown().filter(|name| !named.contains(name)) {
        text += &format!("unknown: a library with calls of its own\n    {library}\n");
        text += "    do: `stormglass audit` on its file\n";
    }
    let counts = Class::ALL.map(|class| format!("{} {class}", count(audit, class)));
    text += &format!("\n{name}: {}\n{UNSEEN}\n", counts.join(", "));
    let missing = audit.missing().count();
    if missing > 0 {
        text += &format!(
            "{missing} calls that a world answers or refuses go to the C library: it has no \
             Stormglass, or no seal: {SEAL}\n"
        );
    }
    text
}

/// Names side by side, as many as a line takes.
fn wrapped(names: &[&str]) -> String {
    let mut text = String::new();
    let mut line = String::from("   ");
    for name in names {
        if line.len() + 1 + name.len() > COLUMNS {
            text += &format!("{line}\n");
            line.truncate(3);
        }
        line += &format!(" {name}");
    }
    text + &line + "\n"
}
