//! Seals a crate: writes the flags into its `.cargo/config.toml`, and leaves the rest as it is.

use std::env;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use toml_edit::{
    Array, Document, DocumentMut, Formatted, Item, RawString, Table, TableLike, Value,
};

use super::commands::Done;
use super::{HOLDS, VIOLATED};
use crate::error::Error;

/// `madsim` is the seal. With `tokio_unstable` the `select!` of programs draws from the seed.
const FLAGS: [&str; 2] = ["madsim", "tokio_unstable"];
const KEYS: [&str; 2] = ["rustflags", "rustdocflags"];
/// Variables of the environment that take the place of a key, in the order of their rank.
const VARIABLES: [[&str; 2]; 2] =
    [["CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS"], ["CARGO_ENCODED_RUSTDOCFLAGS", "RUSTDOCFLAGS"]];
const HEAD: &str = "\
# The seal of Stormglass: inside of a world the clock, entropy and hash keys of std are the seed's.
# An environment variable RUSTFLAGS takes the place of these lines: do not set it.
";

pub(super) fn run(folder: &Path, only_check: bool, out: &mut dyn Write) -> Done {
    if !folder.join("Cargo.toml").is_file() {
        let folder = folder.display();
        return Err(
            Error::World(format!("{folder} has no Cargo.toml: give a crate's folder")).into()
        );
    }
    let folder = folder.strip_prefix(".").unwrap_or(folder);
    let file = config_file(&folder.join(".cargo"))?;
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => HEAD.to_owned(),
        Err(error) => return Err(Error::io(file, error).into()),
    };
    let (sealed, missing) = seal(&file, &text)?;
    let replaced = replaced(folder);
    let name = file.display();
    match (missing.is_empty(), only_check) {
        (true, _) => writeln!(out, "{name} has the seal")?,
        (false, true) => writeln!(out, "{name} lacks {}", missing.join(", "))?,
        (false, false) => {
            let parent = file.parent().unwrap_or(folder);
            fs::create_dir_all(parent).map_err(|error| Error::io(parent, error))?;
            fs::write(&file, sealed).map_err(|error| Error::io(file.clone(), error))?;
            writeln!(out, "wrote {name}: {}", missing.join(", "))?;
        }
    }
    for warning in &replaced {
        writeln!(out, "warning: {warning}")?;
    }
    let is_open = only_check && (!missing.is_empty() || !replaced.is_empty());
    Ok(if is_open { VIOLATED } else { HOLDS })
}

/// The file of a `.cargo` folder; of two, cargo reads the one without an extension.
fn config_file(folder: &Path) -> Result<PathBuf, Error> {
    let old = folder.join("config");
    if old.is_file() {
        let old = old.display();
        return Err(Error::World(format!("{old} hides config.toml: give it that name first")));
    }
    Ok(folder.join("config.toml"))
}

fn parse<'t>(file: &Path, text: &'t str) -> Result<Document<&'t str>, Error> {
    Document::parse(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        wrong(file, text, start, error.message().to_owned())
    })
}

fn wrong(file: &Path, text: &str, at: usize, reason: String) -> Error {
    let before = text.as_bytes().iter().take(at);
    let line = before.filter(|byte| **byte == b'\n').count() + 1;
    Error::Config { file: file.to_owned(), line, reason }
}

/// The text with the seal, and what it lacked.
fn seal(file: &Path, text: &str) -> Result<(String, Vec<String>), Error> {
    let document = parse(file, text)?;
    refuse_other_types(file, text, &document)?;
    let mut document: DocumentMut = document.into_mut();
    if !document.contains_key("build") {
        add_table(&mut document);
    }
    let build = document.get_mut("build").and_then(Item::as_table_like_mut);
    let build = build.expect("it is there, and another type was refused");
    let mut missing = Vec::new();
    for key in KEYS {
        let has = |flag: &&str| build.get(key).is_some_and(|flags| has_flag(flags, flag));
        let lacks: Vec<&str> = FLAGS.into_iter().filter(|flag| !has(flag)).collect();
        for flag in &lacks {
            add(build, key, flag);
        }
        if !lacks.is_empty() {
            missing.push(format!("build.{key} --cfg {}", lacks.join(" --cfg ")));
        }
    }
    Ok((document.to_string(), missing))
}

/// Adds an empty `[build]` behind all that is there, comments included.
fn add_table(document: &mut DocumentMut) {
    let before = document.trailing().as_str().unwrap_or_default().to_owned();
    let gap = if document.is_empty() { "" } else { "\n" };
    document.set_trailing("");
    let mut build = Table::new();
    build.decor_mut().set_prefix(before + gap);
    document.insert("build", Item::Table(build));
}

/// `build` is a table, and its flags are a list of texts or one text.
fn refuse_other_types(file: &Path, text: &str, document: &Document<&str>) -> Result<(), Error> {
    let wrong = |item: &Item, reason: &str| {
        let at = item.span().map_or(0, |span| span.start);
        Err(wrong(file, text, at, reason.to_owned()))
    };
    let Some(item) = document.get("build") else { return Ok(()) };
    let Some(build) = item.as_table_like() else { return wrong(item, "`build` must be a table") };
    for key in KEYS {
        let Some(item) = build.get(key) else { continue };
        let is_list = item.as_array().is_some_and(|list| list.iter().all(Value::is_str));
        if !is_list && !item.is_str() {
            return wrong(item, &format!("`build.{key}` must be a list of texts"));
        }
    }
    Ok(())
}

fn has_flag(flags: &Item, flag: &str) -> bool {
    let words: Vec<&str> = match (flags.as_array(), flags.as_str()) {
        (Some(list), _) => list.iter().filter_map(Value::as_str).collect(),
        (None, Some(text)) => text.split_ascii_whitespace().collect(),
        _ => Vec::new(),
    };
    has_words(&words, flag)
}

fn has_words(words: &[&str], flag: &str) -> bool {
    words.windows(2).any(|pair| pair == ["--cfg", flag])
        || words.iter().any(|word| word.strip_prefix("--cfg=") == Some(flag))
}

fn add(build: &mut dyn TableLike, key: &str, flag: &str) {
    match build.get_mut(key) {
        Some(Item::Value(Value::Array(list))) => {
            push(list, "--cfg");
            push(list, flag);
        }
        Some(Item::Value(Value::String(text))) => {
            let decor = text.decor().clone();
            let all = format!("{} --cfg {flag}", text.value());
            *text = Formatted::new(all.trim_start().to_owned());
            *text.decor_mut() = decor;
        }
        _ => {
            build.insert(key, Array::from_iter(["--cfg", flag]).into());
        }
    }
}

/// Adds a text to a list in the way its last one is written; a comment behind that stays there.
fn push(list: &mut Array, text: &str) {
    let raw =
        |part: Option<&RawString>| part.and_then(RawString::as_str).unwrap_or_default().to_owned();
    let prefix = |value: &Value| raw(value.decor().prefix());
    let of_a_line = |prefix: String| prefix.rfind('\n').map(|at| prefix[at..].to_owned());
    let new_line = list.iter().filter_map(|value| of_a_line(prefix(value))).last();
    let mut before = list.iter().last().map(prefix);
    let mut behind = raw(Some(list.trailing()));
    if let Some(last) = list.iter_mut().last() {
        behind = raw(last.decor().suffix()) + &behind;
        last.decor_mut().set_suffix("");
    }
    if let Some(end) = behind.rfind('\n').filter(|_| behind.contains('#')) {
        before = Some(behind[..end].to_owned() + new_line.as_deref().unwrap_or("\n    "));
        behind.drain(..end);
    } else if let Some(new_line) = before.clone().and_then(of_a_line) {
        before = Some(new_line);
    } else if !list.is_empty() {
        before = Some(" ".to_owned());
    }
    list.set_trailing(behind);
    list.push_formatted(Value::from(text).decorated(before.unwrap_or_default(), ""));
}

/// What takes the place of the flags, so that they do nothing.
fn replaced(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for variables in VARIABLES {
        let set = variables.into_iter().find_map(|name| Some((name, env::var(name).ok()?)));
        let Some((name, flags)) = set else { continue };
        let words: Vec<&str> = flags.split([' ', '\u{1f}']).collect();
        if !has_words(&words, FLAGS[0]) {
            found.push(format!("the variable {name} is set, and replaces these flags: unset it"));
        }
    }
    let folder = env::current_dir().unwrap_or_default().join(folder);
    let folder = fs::canonicalize(&folder).unwrap_or(folder);
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(env::home_dir()?.join(".cargo")));
    let mut folders: Vec<PathBuf> = folder.ancestors().map(|at| at.join(".cargo")).collect();
    folders.extend(home.filter(|home| !folders.contains(home)));
    for file in folders.iter().flat_map(|at| [at.join("config"), at.join("config.toml")]) {
        // One that cargo refuses is cargo's to explain.
        let Ok(text) = fs::read_to_string(&file) else { continue };
        let Ok(document) = parse(&file, &text) else { continue };
        found.extend(of_targets(&file, &text, &document));
    }
    found
}

/// The flags of targets, which replace those of `build`.
fn of_targets(file: &Path, text: &str, document: &Document<&str>) -> Vec<String> {
    let mut found = Vec::new();
    let targets = document.get("target").and_then(Item::as_table_like);
    for (target, item) in targets.into_iter().flat_map(TableLike::iter) {
        for key in KEYS {
            let flags = item.as_table_like().and_then(|table| table.get(key));
            let Some(flags) = flags.filter(|flags| !has_flag(flags, FLAGS[0])) else { continue };
            let at = flags.span().map_or(0, |span| span.start);
            let reason = format!(
                "`target.{target}.{key}` replaces `build.{key}`: add `\"--cfg\", \"madsim\"` there"
            );
            found.push(wrong(file, text, at, reason).to_string());
        }
    }
    found
}
