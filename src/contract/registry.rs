//! The directory of contracts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use semver::Version;
use xxhash_rust::xxh3::xxh3_128;

use super::openapi::OpenApi;
use super::pact::Pact;
use super::{Bump, Compatibility, Diff, Direction, Profile, Release, Schema, Settings, State};
use crate::document::Document;
use crate::error::{Error, Result, nearest};

/// What a contract says, and in which language.
#[derive(Clone, Debug)]
pub enum Source {
    /// What a consumer expects of a provider, by examples.
    Pact(Arc<Pact>),
    /// What a service offers.
    OpenApi(Arc<OpenApi>),
    /// The events of that name that the service publishes.
    Publishes(String, Arc<Schema>),
    /// The events of that name that the service must be able to read.
    Reads(String, Arc<Schema>),
}

/// A file of a release.
#[derive(Clone, Debug)]
pub struct Contract {
    /// Whose promise it is.
    pub owner: Release,
    /// The file's path below the registry.
    pub file: String,
    /// What it says.
    pub source: Source,
    /// A hash of what it says.
    pub digest: String,
}

/// Contracts of many releases, and where those are deployed.
#[derive(Debug, Default)]
pub struct ContractRegistry {
    folder: PathBuf,
    releases: BTreeMap<String, BTreeSet<Version>>,
    contracts: Vec<Contract>,
    /// Environments, deployments and verifications; [`ContractRegistry::save`] writes them.
    pub state: State,
}

impl ContractRegistry {
    /// A registry without contracts, for those that are [added](ContractRegistry::add).
    #[must_use]
    pub fn new() -> ContractRegistry {
        ContractRegistry::default()
    }

    /// Reads a directory; its layout is that of [`crate::contract`].
    ///
    /// # Errors
    ///
    /// If a file is no contract: file, line and what was expected. Nothing is half read.
    pub fn open(folder: impl AsRef<Path>) -> Result<ContractRegistry> {
        let folder = folder.as_ref();
        let state = State::load(&folder.join("state.json"))?;
        let mut registry =
            ContractRegistry { folder: folder.to_owned(), state, ..ContractRegistry::default() };
        for service in entries(folder)?.into_iter().filter(|path| path.is_dir()) {
            for version in entries(&service)?.into_iter().filter(|path| path.is_dir()) {
                let number = Version::parse(&name(&version)).map_err(|e| {
                    let reason = format!("a folder with a version was expected, like 1.2.0: {e}");
                    Error::document(version.display().to_string(), 1, &reason)
                })?;
                registry.release_folder(&Release::new(name(&service), number), &version)?;
            }
        }
        Ok(registry)
    }

    fn release_folder(&mut self, release: &Release, folder: &Path) -> Result {
        self.add_release(release.clone());
        for path in entries(folder)? {
            let group = name(&path);
            match path.is_dir() {
                false if is_text(&path) => {
                    let document = Document::open(&path)?;
                    self.add(release.clone(), &document)?;
                }
                false => {}
                true if ["publishes", "reads"].contains(&group.as_str()) => {
                    for path in entries(&path)?.into_iter().filter(|path| is_text(path)) {
                        let document = Document::open(&path)?;
                        let stem = name(&path);
                        let event = stem.split('.').next().unwrap_or_default().to_owned();
                        self.add_event(release.clone(), &event, group == "publishes", &document)?;
                    }
                }
                true => {
                    let file = path.display().to_string();
                    let hint = match nearest(&group, ["publishes", "reads"]) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => "folders of a release are `publishes` and `reads`".to_owned(),
                    };
                    let reason = format!("the folder `{group}` has no meaning here; {hint}");
                    return Err(Error::document(file, 1, &reason));
                }
            }
        }
        Ok(())
    }

    /// Writes environments, deployments and verifications to the directory.
    ///
    /// # Errors
    ///
    /// If that cannot be written.
    pub fn save(&self) -> Result {
        self.state.save(&self.folder.join("state.json"))
    }

    /// Adds a release without contracts.
    pub fn add_release(&mut self, release: Release) {
        self.releases.entry(release.service).or_default().insert(release.version);
    }

    /// Adds an OpenAPI document or a Pact file of a release.
    ///
    /// # Errors
    ///
    /// If it is neither, or a Pact file of another consumer.
    pub fn add(&mut self, owner: Release, document: &Document) -> Result {
        let has = |key: &str| document.get(&format!("/{key}")).is_some();
        let (source, digest) = if has("openapi") || has("swagger") {
            let api = OpenApi::read(document)?;
            (Source::OpenApi(Arc::new(api)), digest(document))
        } else if has("consumer") && has("provider") {
            let pact = Pact::read(document)?;
            if pact.consumer != owner.service {
                let reason = format!(
                    "the consumer is `{}`, and the file is among the contracts of `{}`",
                    pact.consumer, owner.service
                );
                return Err(document.error("/consumer/name", reason));
            }
            let digest = pact.digest().to_owned();
            (Source::Pact(Arc::new(pact)), digest)
        } else {
            let reason = "neither OpenAPI (`openapi: 3.1.0`) nor Pact (`consumer` and `provider`); a \
                          JSON Schema of an event belongs into `publishes` or `reads`";
            return Err(document.error("", reason));
        };
        self.put(owner, document, source, digest);
        Ok(())
    }

    /// Adds the JSON Schema of an event that a release publishes, or reads.
    ///
    /// # Errors
    ///
    /// If it is none.
    pub fn add_event(
        &mut self,
        owner: Release,
        event: &str,
        publishes: bool,
        document: &Document,
    ) -> Result {
        let schema = Arc::new(read_schema(document)?);
        let source = match publishes {
            true => Source::Publishes(event.to_owned(), schema),
            false => Source::Reads(event.to_owned(), schema),
        };
        self.put(owner, document, source, digest(document));
        Ok(())
    }

    fn put(&mut self, owner: Release, document: &Document, source: Source, digest: String) {
        self.add_release(owner.clone());
        let whole = Path::new(document.file());
        let file = whole.strip_prefix(&self.folder).unwrap_or(whole).display().to_string();
        self.contracts.push(Contract { owner, file, source, digest });
    }

    /// All contracts, by service and version.
    pub fn contracts(&self) -> impl Iterator<Item = &Contract> {
        self.contracts.iter()
    }

    /// The contracts of a release.
    pub fn of<'a>(&'a self, release: &'a Release) -> impl Iterator<Item = &'a Contract> {
        self.contracts.iter().filter(move |contract| contract.owner == *release)
    }

    /// All releases.
    pub fn releases(&self) -> impl Iterator<Item = Release> + '_ {
        self.releases.iter().flat_map(|(service, versions)| {
            versions.iter().map(|version| Release::new(service.clone(), version.clone()))
        })
    }

    /// That there is such a release.
    ///
    /// # Errors
    ///
    /// If there is none, with what there is.
    pub fn release(&self, release: &Release) -> Result {
        let Some(versions) = self.releases.get(&release.service) else {
            let names = || self.releases.keys().map(String::as_str);
            let hint = match nearest(&release.service, names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there is {}", names().collect::<Vec<_>>().join(", ")),
            };
            return Err(Error::World(format!("no service `{}`; {hint}", release.service)));
        };
        if versions.contains(&release.version) {
            return Ok(());
        }
        let all: Vec<String> = versions.iter().map(Version::to_string).collect();
        Err(Error::World(format!("no release {release}; there is {}", all.join(", "))))
    }

    /// The newest version of a service before a release.
    #[must_use]
    pub fn before(&self, release: &Release) -> Option<Release> {
        let versions = self.releases.get(&release.service)?;
        let before = versions.range(..&release.version).next_back()?;
        Some(Release::new(release.service.clone(), before.clone()))
    }

    /// How the contracts of `new` differ from those of `old`.
    #[must_use]
    pub fn diff(&self, old: &Release, new: &Release) -> Diff {
        let mut diff = Diff::default();
        for before in self.of(old) {
            match self.of(new).find(|after| same_interface(&before.source, &after.source)) {
                Some(after) => diff.extend(diff_of(&before.source, &after.source)),
                None => diff.extend(removed(before)),
            }
        }
        for after in self.of(new) {
            if !self.of(old).any(|before| same_interface(&before.source, &after.source)) {
                let text = format!("a new contract: {}", after.file);
                let change = super::Change::new(
                    "contract-added",
                    after.file.clone(),
                    Direction::Response,
                    Bump::Minor,
                    text,
                );
                diff.changes.push(change);
                diff.touched = true;
            }
        }
        diff
    }
}

/// Reads a JSON Schema of events.
///
/// # Errors
///
/// If it is none: file, line and what was expected.
pub(super) fn read_schema(document: &Document) -> Result<Schema> {
    Schema::new(document.value(), Settings::default())
        .map_err(|(at, reason)| document.error(&at, reason))
}

fn digest(document: &Document) -> String {
    format!("{:032x}", xxh3_128(document.value().to_string().as_bytes()))
}

/// Whether two contracts are versions of one.
fn same_interface(a: &Source, b: &Source) -> bool {
    match (a, b) {
        (Source::OpenApi(_), Source::OpenApi(_)) => true,
        (Source::Pact(a), Source::Pact(b)) => a.provider == b.provider,
        (Source::Publishes(a, _), Source::Publishes(b, _))
        | (Source::Reads(a, _), Source::Reads(b, _)) => a == b,
        _ => false,
    }
}

/// How a contract differs from its older version.
pub(super) fn diff_of(old: &Source, new: &Source) -> Diff {
    match (old, new) {
        (Source::OpenApi(old), Source::OpenApi(new)) => old.diff(new),
        (Source::Pact(old), Source::Pact(new)) => pacts(old, new),
        (Source::Publishes(event, old), Source::Publishes(_, new)) => {
            schemas(old, new, event, Direction::Event)
        }
        // What a reader takes is what is asked of it: it may take more, never less.
        (Source::Reads(event, old), Source::Reads(_, new)) => {
            schemas(old, new, event, Direction::Request)
        }
        _ => Diff { unknown: vec!["contracts of different kinds".into()], ..Diff::default() },
    }
}

fn schemas(old: &Schema, new: &Schema, at: &str, way: Direction) -> Diff {
    let mut diff = Diff { touched: old.text() != new.text(), ..Diff::default() };
    if diff.touched {
        super::openapi::schemas(old, new, at, way, Profile::Open, &mut diff);
    }
    diff
}

/// A consumer that expects the same or less asks nothing new of any provider. What it expects anew
/// no comparison decides: a provider has to be asked.
fn pacts(old: &Pact, new: &Pact) -> Diff {
    let mut diff = Diff { touched: old.digest() != new.digest(), ..Diff::default() };
    let known = |pact: &Pact, text: &serde_json::Value| {
        pact.expectations.iter().any(|expectation| expectation.text == *text)
    };
    for expectation in new.expectations.iter().filter(|e| !known(old, &e.text)) {
        let reason = format!(
            "{} (`{}`) is expected anew of {}: verify it, or check it against its interface",
            expectation.at, expectation.description, new.provider
        );
        diff.unverified.push(reason);
    }
    for expectation in old.expectations.iter().filter(|e| !known(new, &e.text)) {
        let text = format!("`{}` is expected no more", expectation.description);
        let at = expectation.at.clone();
        let way = Direction::Response;
        diff.changes.push(super::Change::new("expectation-removed", at, way, Bump::Minor, text));
    }
    diff
}

/// A contract of which a new version has none.
fn removed(contract: &Contract) -> Diff {
    let (bump, text) = match &contract.source {
        Source::OpenApi(_) => (Bump::Major, "the interface is gone"),
        Source::Reads(..) => (Bump::Major, "the event is read no more"),
        Source::Publishes(..) => (Bump::Major, "the event is published no more"),
        Source::Pact(_) => (Bump::Minor, "nothing is expected of the provider any more"),
    };
    let (file, way) = (contract.file.clone(), Direction::Response);
    let change = super::Change::new("contract-removed", file, way, bump, text);
    Diff { changes: vec![change], touched: true, ..Diff::default() }
}

/// What is in a folder, in the order of the names; hidden files are left out.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let listed = fs::read_dir(folder).map_err(|e| Error::io(folder, e))?;
    let mut all = Vec::new();
    for entry in listed {
        let path = entry.map_err(|e| Error::io(folder, e))?.path();
        if !name(&path).starts_with('.') {
            all.push(path);
        }
    }
    all.sort();
    Ok(all)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn is_text(path: &Path) -> bool {
    path.extension().is_some_and(|e| ["json", "yaml", "yml"].iter().any(|known| e == *known))
}

impl Diff {
    /// Compares two files: OpenAPI, Pact, or JSON Schema of an event that is published.
    ///
    /// # Errors
    ///
    /// If one of them is no contract, or they are of different kinds.
    pub fn of_files(old: &Document, new: &Document) -> Result<Diff> {
        let kind = |document: &Document| {
            let has = |key: &str| document.get(&format!("/{key}")).is_some();
            match (has("openapi") || has("swagger"), has("consumer") && has("provider")) {
                (true, _) => "OpenAPI",
                (false, true) => "Pact",
                (false, false) => "JSON Schema",
            }
        };
        let (before, after) = (kind(old), kind(new));
        if before != after {
            let reason = format!("this is {after}, and the old file is {before}");
            return Err(new.error("", reason));
        }
        let source = |document: &Document| -> Result<Source> {
            Ok(match after {
                "OpenAPI" => Source::OpenApi(Arc::new(OpenApi::read(document)?)),
                "Pact" => Source::Pact(Arc::new(Pact::read(document)?)),
                _ => Source::Publishes("event".into(), Arc::new(read_schema(document)?)),
            })
        };
        Ok(diff_of(&source(old)?, &source(new)?))
    }
}

impl Contract {
    /// Whether a provider's release keeps what this contract expects, by its text alone.
    pub(super) fn kept_by(&self, registry: &ContractRegistry, provider: &Release) -> Compatibility {
        match &self.source {
            Source::Pact(pact) => {
                let api = registry.of(provider).find_map(|contract| match &contract.source {
                    Source::OpenApi(api) => Some(api),
                    _ => None,
                });
                match api {
                    Some(api) if pact.expectations.iter().any(|e| e.request.is_some()) => {
                        api.covers(pact)
                    }
                    _ => Compatibility::Unknown(vec![format!(
                        "{provider} was never verified against {}",
                        self.file
                    )]),
                }
            }
            Source::Reads(event, reader) => {
                let published = registry.of(provider).find_map(|contract| match &contract.source {
                    Source::Publishes(own, schema) if own == event => Some(schema),
                    _ => None,
                });
                let Some(published) = published else { return Compatibility::Compatible };
                let mut diff = Diff::default();
                let (at, way) = (format!("{event} to {}", self.owner), Direction::Event);
                super::openapi::schemas(reader, published, &at, way, Profile::Open, &mut diff);
                diff.compatibility()
            }
            _ => Compatibility::Compatible,
        }
    }
}
