//! Files that a team keeps: JSON and YAML with the place of everything in them, so that an error names
//! file, line and what was expected.
//!
//! A [`Document`] is read whole or not at all. Its value is a [`serde_json::Value`], whichever notation
//! it came in; places in it are JSON pointers (RFC 6901), and [`Document::line`] says where in the text
//! a pointer points.

mod json;
mod yaml;

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

use crate::error::{Error, Result};

/// The largest file that is read, in bytes.
pub const LARGEST: u64 = 64 << 20;

/// A JSON or YAML text, read, with the lines of its parts.
#[derive(Clone, Debug)]
pub struct Document {
    file: String,
    value: Value,
    source: Source,
    lines: OnceCell<Lines>,
}

/// Where the lines come from: YAML knows them from the reading, JSON looks for them when asked.
#[derive(Clone, Debug)]
enum Source {
    Json(String),
    Yaml(Lines),
}

/// The line of a part of a text, and those of the parts in it by key or index.
#[derive(Clone, Debug, Default)]
struct Lines {
    line: usize,
    parts: BTreeMap<String, Lines>,
}

impl Document {
    /// Reads a JSON text (RFC 8259). `file` is the name that errors give. A byte order mark is skipped.
    ///
    /// # Errors
    ///
    /// If the text is larger than [`LARGEST`], is not JSON, or is nested more than 127 deep: file, line,
    /// and what was expected.
    pub fn json(file: impl Into<String>, text: &str) -> Result<Document> {
        let (file, text) = (file.into(), without_mark(text));
        check_size(&file, text)?;
        let value = serde_json::from_str(text).map_err(|e| {
            let reason = e.to_string();
            let reason = reason.rsplit_once(" at line ").map_or(&*reason, |(before, _)| before);
            Error::document(&*file, e.line().max(1), reason)
        })?;
        Ok(Document { file, value, source: Source::Json(text.into()), lines: OnceCell::new() })
    }

    /// Reads a YAML text of one document (YAML 1.2, core schema, and the merge key `<<` of YAML 1.1,
    /// which compose files and CI systems use). Aliases are expanded.
    ///
    /// # Errors
    ///
    /// If the text is larger than [`LARGEST`], is not YAML, holds more than one document or a key twice,
    /// is nested more than 127 deep, or has more than a million parts, with what its aliases repeat.
    pub fn yaml(file: impl Into<String>, text: &str) -> Result<Document> {
        let file = file.into();
        let mut all = Document::yaml_stream(&*file, text)?;
        match (all.pop(), all.is_empty()) {
            (Some(document), true) => Ok(document),
            (Some(second), false) => Err(second.error("", "a second document; one was expected")),
            (None, _) => Err(Error::document(file, 1, "the file is empty")),
        }
    }

    /// Reads a YAML text of any number of documents, separated by `---`.
    ///
    /// # Errors
    ///
    /// As [`Document::yaml`], but for the number.
    pub fn yaml_stream(file: impl Into<String>, text: &str) -> Result<Vec<Document>> {
        let file = file.into();
        check_size(&file, text)?;
        let documents = yaml::read(without_mark(text))
            .map_err(|(line, reason)| Error::document(&*file, line, &reason))?;
        let made = documents.into_iter().map(|(value, lines)| Document {
            file: file.clone(),
            value,
            source: Source::Yaml(lines),
            lines: OnceCell::new(),
        });
        Ok(made.collect())
    }

    /// Reads a file: YAML if its name ends in `.yaml` or `.yml`, else JSON.
    ///
    /// # Errors
    ///
    /// If it cannot be read, is larger than [`LARGEST`], is not UTF-8, or as [`Document::json`] and
    /// [`Document::yaml`] say.
    pub fn open(path: &Path) -> Result<Document> {
        let text = read(path)?;
        let file = path.display().to_string();
        match path.extension().and_then(|e| e.to_str()) {
            Some("yaml" | "yml") => Document::yaml(file, &text),
            _ => Document::json(file, &text),
        }
    }

    /// The name that errors give.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// What the text says.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// What the text says at a JSON pointer.
    #[must_use]
    pub fn get(&self, pointer: &str) -> Option<&Value> {
        self.value.pointer(pointer)
    }

    /// The line, from 1, of what a JSON pointer points at: of the key for a value in an object. For a
    /// pointer that points at nothing it is the line of the nearest part around it that is there.
    #[must_use]
    pub fn line(&self, pointer: &str) -> usize {
        let mut here = match &self.source {
            Source::Json(text) => self.lines.get_or_init(|| json::lines(text)),
            Source::Yaml(lines) => lines,
        };
        for key in pointer.split('/').skip(1) {
            let Some(part) = here.parts.get(&unescape(key)) else { break };
            here = part;
        }
        here.line.max(1)
    }

    /// An error about what a JSON pointer points at.
    #[must_use]
    pub fn error(&self, pointer: &str, reason: impl Into<String>) -> Error {
        Error::document(&*self.file, self.line(pointer), &reason.into())
    }
}

/// A pointer to `key` of the part at `pointer`, the key escaped as RFC 6901 has it.
#[must_use]
pub fn join(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// Reads a text file of at most [`LARGEST`] bytes.
///
/// # Errors
///
/// If it cannot be read, is larger, or is not UTF-8.
pub fn read(path: &Path) -> Result<String> {
    let file = path.display().to_string();
    let mut bytes = Vec::new();
    // What a file says of its size need not be true: a device has none.
    let source = fs::File::open(path).map_err(|e| Error::io(path, e))?;
    let read = source.take(LARGEST + 1).read_to_end(&mut bytes);
    read.map_err(|e| Error::io(path, e))?;
    if bytes.len() as u64 > LARGEST {
        let size = fs::metadata(path).map_or(0, |data| data.len()).max(LARGEST + 1);
        return Err(too_large(&file, size));
    }
    String::from_utf8(bytes).map_err(|e| {
        let good = &e.as_bytes()[..e.utf8_error().valid_up_to()];
        let line = 1 + good.iter().filter(|b| **b == b'\n').count();
        Error::document(file, line, "the text is not UTF-8")
    })
}

/// Refuses a text of more than [`LARGEST`] bytes.
pub(crate) fn check_size(file: &str, text: &str) -> Result {
    let size = text.len() as u64;
    if size > LARGEST { Err(too_large(file, size)) } else { Ok(()) }
}

fn too_large(file: &str, size: u64) -> Error {
    Error::document(file, 1, &format!("{size} bytes; at most {LARGEST} are read"))
}

/// Writes a file: beside the target, then renames, so that no reader sees half a file.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    static SAVES: AtomicU64 = AtomicU64::new(0);
    let unique = (std::process::id(), SAVES.fetch_add(1, Ordering::Relaxed));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}-{}.tmp", unique.0, unique.1));
    let part = path.with_file_name(name);
    let written = fs::File::create(&part)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&part, path));
    if written.is_err() {
        let _ = fs::remove_file(&part);
    }
    written
}

fn unescape(key: &str) -> String {
    key.replace("~1", "/").replace("~0", "~")
}

fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}
