//! A set of stubs: from a WireMock root folder, from a text, or written in Rust.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::read::{self, Source};
use super::stub::Stub;
use crate::document::Document;
use crate::error::{Error, Result};

/// How deep folders of mappings may be nested.
const DEPTH_MAX: usize = 16;
/// How many files one set may have.
const FILES_MAX: usize = 10_000;

/// Stubs that mocks can be made of. Cheap to clone: read the files once, outside of the world, and
/// every seed's world takes a clone.
///
/// ```
/// use stormglass::mock::{Reply, RequestPattern, Stub, Stubs};
///
/// let from_json = Stubs::from_json("charge.json", r#"{
///     "request": {"method": "POST", "urlPath": "/charge"},
///     "response": {"status": 201}
/// }"#)?;
/// let all = from_json.with(Stub::new(RequestPattern::new("GET"), Reply::status(404)).priority(9));
/// assert_eq!(all.len(), 2);
/// # Ok::<(), stormglass::error::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Stubs {
    pub(crate) all: Arc<Vec<Arc<Stub>>>,
}

/// How mapping files are read.
#[derive(Clone, Copy, Debug, Default)]
pub struct ImportOptions {
    templates: bool,
}

impl ImportOptions {
    /// Reads every body and header as a template, as WireMock does with
    /// `--global-response-templating`. Without it those are that have
    /// `"transformers": ["response-template"]`.
    #[must_use]
    pub fn global_templates(self) -> ImportOptions {
        ImportOptions { templates: true }
    }
}

impl Stubs {
    /// No stubs.
    #[must_use]
    pub fn new() -> Stubs {
        Stubs::default()
    }

    /// Reads a WireMock root folder: `mappings/**/*.json`, with the bodies that they name in
    /// `__files`. All of it, or nothing. Files are read in the order of their names, and of stubs with
    /// equal priority the last one answers.
    ///
    /// # Errors
    ///
    /// If there is no folder `mappings`, if a file cannot be read, or if it says something that is not
    /// supported: with file, line, key, and what was expected.
    pub fn open(root: impl AsRef<Path>) -> Result<Stubs> {
        Stubs::open_with(root, ImportOptions::default())
    }

    /// The same with options.
    ///
    /// # Errors
    ///
    /// As [`Stubs::open`].
    pub fn open_with(root: impl AsRef<Path>, options: ImportOptions) -> Result<Stubs> {
        let root = root.as_ref();
        let mappings = root.join("mappings");
        if !mappings.is_dir() {
            let reason = "a WireMock root has a folder `mappings`, and this one has not";
            let source = std::io::Error::new(std::io::ErrorKind::NotFound, reason);
            return Err(Error::io(root, source));
        }
        let files = root.join("__files");
        let mut stubs = Vec::new();
        for path in json_files(&mappings)? {
            let document = Document::open(&path)?;
            let name = path.strip_prefix(&mappings).unwrap_or(&path).to_string_lossy();
            let source = Source { files: Some(&files), templates: options.templates, name: &name };
            stubs.extend(read::stubs(&document, source)?);
        }
        Stubs::new().joined(stubs)
    }

    /// Reads a text of mappings. `file` is the name that errors give.
    ///
    /// # Errors
    ///
    /// As [`Stubs::open`]; a `bodyFileName` is one, as there are no files.
    pub fn from_json(file: &str, text: &str) -> Result<Stubs> {
        Stubs::from_json_with(file, text, ImportOptions::default())
    }

    /// The same with options.
    ///
    /// # Errors
    ///
    /// As [`Stubs::from_json`].
    pub fn from_json_with(file: &str, text: &str, options: ImportOptions) -> Result<Stubs> {
        let document = Document::json(file, text)?;
        let source = Source { files: None, templates: options.templates, name: file };
        Stubs::new().joined(read::stubs(&document, source)?)
    }

    /// One more stub, newer than all others.
    #[must_use]
    pub fn with(mut self, stub: Stub) -> Stubs {
        Arc::make_mut(&mut self.all).push(Arc::new(stub));
        self
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// With stubs of files: two with one id are a mistake.
    fn joined(mut self, stubs: Vec<Stub>) -> Result<Stubs> {
        let mut places: BTreeMap<&str, &Stub> = BTreeMap::new();
        for stub in &stubs {
            if let Some(other) = places.insert(&stub.key, stub) {
                let place = |stub: &Stub| stub.place.clone().unwrap_or_default();
                let (file, line) = place(stub).rsplit_once(':').map_or_else(
                    || (String::new(), 1),
                    |(file, line)| (file.to_owned(), line.parse().unwrap_or(1)),
                );
                // Names may be alike, ids may not.
                if stub.name.as_deref() == Some(&stub.key) {
                    continue;
                }
                let reason = format!("the id `{}` is that of {}, too", stub.key, place(other));
                return Err(Error::document(file, line, &reason));
            }
        }
        Arc::make_mut(&mut self.all).extend(stubs.into_iter().map(Arc::new));
        Ok(self)
    }
}

/// All JSON files below a folder, in the order of their names.
fn json_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut open = vec![(folder.to_owned(), 0)];
    let mut files = Vec::new();
    while let Some((folder, depth)) = open.pop() {
        for entry in fs::read_dir(&folder).map_err(|e| Error::io(&folder, e))? {
            let path = entry.map_err(|e| Error::io(&folder, e))?.path();
            let is_json = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("json"));
            // A link to a folder may lead around in a circle.
            if path.is_dir() && !path.is_symlink() {
                if depth == DEPTH_MAX {
                    let reason = format!("folders are nested more than {DEPTH_MAX} deep");
                    return Err(Error::io(path, std::io::Error::other(reason)));
                }
                open.push((path, depth + 1));
            } else if is_json && path.is_file() {
                files.push(path);
            }
        }
        if files.len() > FILES_MAX {
            let reason = format!("more than {FILES_MAX} mapping files");
            return Err(Error::io(folder, std::io::Error::other(reason)));
        }
    }
    files.sort();
    Ok(files)
}
