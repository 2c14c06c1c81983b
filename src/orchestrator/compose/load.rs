//! Files together: the one that was asked for, those that it includes, and those that it extends.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use indexmap::IndexMap;

use super::part::{File, Part};
use super::service::{self, Draft, Extends, Finished};
use super::{Condition, Place, Project, Service, Variables, Warning, keys};
use crate::document::{self, Document};
use crate::error::{Error, Result, hint};

/// Files that one may lead to, and includes of them.
const FILES_MAX: usize = 100;
/// Services that one may be made of, by `extends`.
const CHAIN_MAX: usize = 32;

pub(super) fn open(path: &Path, variables: &Variables) -> Result<Project> {
    let mut loader = Loader::new(variables);
    let file = loader.file(path, variables)?;
    loader.project(&file)
}

pub(super) fn read(document: Document, variables: &Variables) -> Result<Project> {
    let path = PathBuf::from(document.file());
    let folder = path.is_file().then(|| folder_of(&path));
    let all = folder.as_ref().map_or(Ok(variables.clone()), |folder| beside(folder, variables))?;
    let mut loader = Loader::new(variables);
    loader.begun.extend(folder.is_some().then_some(path));
    let file = Rc::new(File::new(document, folder, all));
    loader.files.push(file.clone());
    loader.project(&file)
}

/// Reads one file of variables: `NAME=value` a line, `#` begins a comment.
pub(crate) fn variables(path: &Path) -> Result<Variables> {
    let text = document::read(path)?;
    let mut variables = Variables::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        let line = line.strip_prefix("export ").unwrap_or(line);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        let name = name.trim_end();
        if name.is_empty() || name.contains(char::is_whitespace) {
            let place = Place { file: path.display().to_string(), line: number };
            return Err(place.error(format!("{line:?}; NAME=value was expected")));
        }
        variables.insert(name.to_owned(), unquoted(value.trim()));
    }
    // One may refer to those before it, as Compose has it; what is none stays as it stands.
    for name in variables.keys().cloned().collect::<Vec<_>>() {
        let text = variables[&name].clone();
        if let Ok(value) = super::interpolate::interpolate(&text, &variables, &mut Vec::new()) {
            variables.insert(name, value);
        }
    }
    Ok(variables)
}

fn unquoted(value: &str) -> String {
    for quote in ['"', '\''] {
        if let Some((inner, _)) = value.strip_prefix(quote).and_then(|v| v.split_once(quote)) {
            return inner.to_owned();
        }
    }
    value.split(" #").next().unwrap_or_default().trim_end().to_owned()
}

fn folder_of(path: &Path) -> PathBuf {
    path.parent().map(Path::to_path_buf).unwrap_or_default()
}

/// The variables of the file `.env` in a folder, if there is one, and over them those that were given.
fn beside(folder: &Path, given: &Variables) -> Result<Variables> {
    let path = folder.join(".env");
    let mut all = if path.is_file() { variables(&path)? } else { Variables::new() };
    all.extend(given.clone());
    Ok(all)
}

struct Loader {
    given: Variables,
    files: Vec<Rc<File>>,
    /// Paths that are being read: one of them again is a circle.
    begun: Vec<PathBuf>,
    included: usize,
    links: Vec<(String, String)>,
    services: IndexMap<String, Service>,
    /// The networks that files declare, and where services name theirs.
    networks: BTreeSet<String>,
    named: Vec<(String, Place)>,
}

impl Loader {
    fn new(given: &Variables) -> Loader {
        Loader {
            given: given.clone(),
            files: Vec::new(),
            begun: Vec::new(),
            included: 0,
            links: Vec::new(),
            services: IndexMap::new(),
            networks: BTreeSet::from(["default".to_owned()]),
            named: Vec::new(),
        }
    }

    fn file(&mut self, path: &Path, variables: &Variables) -> Result<Rc<File>> {
        let name = path.display().to_string();
        let folder = folder_of(path);
        let all = beside(&folder, variables)?;
        let document = Document::yaml(name, &document::read(path)?)?;
        let file = Rc::new(File::new(document, Some(folder), all));
        self.files.push(file.clone());
        Ok(file)
    }

    /// The whole project that begins with a file.
    fn project(mut self, file: &Rc<File>) -> Result<Project> {
        let root = file.root();
        self.add(&root)?;
        if self.services.is_empty() {
            let part = root.get("services").unwrap_or(root);
            return Err(part.error("no services; `services` with at least one was expected"));
        }
        let name = root.get("name").map(|part| part.text()).transpose()?;
        self.check_networks()?;
        for (service, alias) in std::mem::take(&mut self.links) {
            if let Some(service) = self.services.get_mut(&service) {
                service.aliases.insert(alias);
            }
        }
        let mut project = Project {
            file: root.place().file,
            name,
            services: self.services,
            warnings: Vec::new(),
            ignored: BTreeMap::new(),
        };
        for file in &self.files {
            project.warnings.extend(file.warnings.take());
            for (key, count) in file.ignored.take() {
                *project.ignored.entry(key).or_default() += count;
            }
        }
        check_dependencies(&mut project)?;
        let mut seen = BTreeSet::new();
        project.warnings.retain(|w| seen.insert((w.place.clone(), w.text.clone())));
        Ok(project)
    }

    /// Adds the services of one file.
    fn add(&mut self, root: &Part<'_>) -> Result {
        root.entries()?;
        root.check_keys("a compose file", keys::TOP, keys::TOP_IGNORED)?;
        if let Some(include) = root.get("include") {
            for entry in include.items()? {
                self.include(&entry)?;
            }
        }
        if let Some(networks) = root.get("networks") {
            self.networks.extend(networks.entries()?.into_iter().map(|(name, _)| name.to_owned()));
        }
        let Some(services) = root.get("services") else { return Ok(()) };
        for (name, part) in services.entries()? {
            let draft = self.draft(name, &part, 0)?;
            let Finished { service, links, networks } = draft.finish();
            self.links.extend(links);
            self.named.extend(networks);
            if let Some(other) = self.services.get(name) {
                let reason = format!("the service `{name}` stands in {} as well", other.place);
                return Err(part.error(reason));
            }
            self.services.insert(name.to_owned(), service);
        }
        Ok(())
    }

    /// A service with what it extends.
    fn draft(&mut self, name: &str, part: &Part<'_>, depth: usize) -> Result<Draft> {
        if part.value.is_null() {
            return Err(part.error(format!("the service `{name}` is empty; a map was expected")));
        }
        let draft = service::read(name, part)?;
        let Some(extends) = draft.extends.clone() else { return Ok(draft) };
        if depth == CHAIN_MAX {
            let reason = format!("`{name}` extends more than {CHAIN_MAX} services, or itself");
            return Err(part.error(reason));
        }
        let base = match &extends.file {
            None => self.base(part.file, &extends, depth)?,
            Some(path) => {
                let Some(path) = local(part, path) else {
                    let reason = format!("`{path}` cannot be read from here: only local files are");
                    return Err(extends.place.error(reason));
                };
                let variables = part.file.variables.clone();
                let file = self.opened(&path, &variables, &extends.place)?;
                self.base(&file, &extends, depth)?
            }
        };
        Ok(draft.over(base))
    }

    fn base(&mut self, file: &File, extends: &Extends, depth: usize) -> Result<Draft> {
        let root = file.root();
        let services = root.get("services");
        let found = services.as_ref().and_then(|services| services.get(&extends.service));
        let Some(found) = found else {
            let names = services.as_ref().map_or(Ok(Vec::new()), Part::entries)?;
            let hint = hint(&extends.service, names.iter().map(|(name, _)| *name));
            let (name, file) = (&extends.service, file.document.file());
            return Err(extends.place.error(format!("no service `{name}` in {file}{hint}")));
        };
        self.draft(&extends.service, &found, depth + 1)
    }

    /// A file that another one names: read once.
    fn opened(&mut self, path: &Path, variables: &Variables, place: &Place) -> Result<Rc<File>> {
        let name = path.display().to_string();
        if let Some(known) = self.files.iter().find(|file| file.document.file() == name) {
            return Ok(known.clone());
        }
        if self.files.len() == FILES_MAX {
            return Err(place.error(format!("more than {FILES_MAX} files")));
        }
        self.file(path, variables).map_err(|error| match error {
            Error::Io { path, source } => {
                place.error(format!("{} cannot be read: {source}", path.display()))
            }
            other => other,
        })
    }

    fn include(&mut self, entry: &Part<'_>) -> Result {
        let paths = if entry.value.is_object() {
            entry.check_keys("an include", keys::INCLUDE, &[])?;
            let path = entry.get("path").ok_or_else(|| entry.error("an include without `path`"))?;
            path.one_or_more()?.iter().map(Part::text).collect::<Result<Vec<_>>>()?
        } else {
            vec![entry.text()?]
        };
        for path in paths {
            let Some(path) = local(entry, &path) else {
                entry.warn(format!("`{path}` is not read: only local files are included"));
                continue;
            };
            let main = self.files.first().is_some_and(|f| Path::new(f.document.file()) == path);
            if main || self.begun.contains(&path) {
                return Err(entry.error(format!("{} includes itself", path.display())));
            }
            let mut variables = self.given.clone();
            if let Some(files) = entry.get("env_file") {
                for file in files.one_or_more()? {
                    if let Some(path) = local(entry, &file.text()?).filter(|p| p.is_file()) {
                        let mut more = self::variables(&path)?;
                        more.extend(variables);
                        variables = more;
                    }
                }
            }
            self.included += 1;
            if self.included > FILES_MAX {
                return Err(entry.error(format!("more than {FILES_MAX} includes")));
            }
            let file = self.opened(&path, &variables, &entry.place())?;
            self.begun.push(path);
            self.add(&file.root())?;
            self.begun.pop();
        }
        Ok(())
    }

    fn check_networks(&self) -> Result {
        for (name, place) in &self.named {
            if !self.networks.contains(name) {
                let hint = hint(name, self.networks.iter().map(String::as_str));
                return Err(place.error(format!("no network `{name}` under `networks`{hint}")));
            }
        }
        Ok(())
    }
}

/// Where a file is that another one names; none if it is not on this machine.
fn local(part: &Part<'_>, path: &str) -> Option<PathBuf> {
    let remote = path.contains("://") || path.starts_with("git@");
    let folder = part.file.folder.as_ref()?;
    (!remote).then(|| folder.join(path.strip_prefix("./").unwrap_or(path)))
}

/// Refuses dependencies on services that are not there, and names those that cannot be met as written.
fn check_dependencies(project: &mut Project) -> Result {
    let mut warnings = Vec::new();
    for service in project.services.values() {
        for dependency in &service.depends_on {
            let name = &dependency.service;
            let Some(other) = project.services.get(name) else {
                if !dependency.required {
                    continue;
                }
                let hint = hint(name, project.services.keys().map(String::as_str));
                let reason =
                    format!("`{}` depends on `{name}`, which is no service{hint}", service.name);
                return Err(dependency.place.error(reason));
            };
            if dependency.condition == Condition::Healthy && other.healthcheck.is_none() {
                let text = format!(
                    "`{}` waits until `{name}` is healthy, which has no healthcheck with a test: it is \
                     taken to be healthy when it has started",
                    service.name
                );
                warnings.push(Warning { place: dependency.place.clone(), text });
            }
        }
    }
    project.warnings.extend(warnings);
    Ok(())
}
