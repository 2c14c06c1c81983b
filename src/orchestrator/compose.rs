//! Compose files: the services of a system, who waits for whom, and what keeps them alive.
//!
//! Read is what has a meaning in a simulation (Compose Specification, as of Docker Compose 2.40):
//! services with `depends_on`, `healthcheck`, `networks`, `deploy.replicas`, `restart`, `environment`,
//! `env_file`, `ports` and `profiles`; `extends` and `include` of local files; variables. Other keys of
//! the specification are counted in [`Project::ignored`]; keys that it does not have are warnings with
//! their line.

mod healthcheck;
mod interpolate;
mod keys;
mod load;
mod part;
mod port;
mod service;

pub use healthcheck::{Healthcheck, Test};

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use indexmap::IndexMap;
use serde::{Serialize, Serializer};

use super::restart::RestartPolicy;
use crate::document::Document;
use crate::error::{Error, Result};

/// The variables that `${NAME}` in a compose file stands for.
pub type Variables = BTreeMap<String, String>;

/// The most replicas that a service may have.
pub const REPLICAS_MAX: u32 = 10_000;

/// Where something stands: printed as `docker-compose.yml:12`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Place {
    /// The file's path, or the name that its reader gave it.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
}

impl Place {
    /// An error about what stands there.
    #[must_use]
    pub fn error(&self, reason: impl Into<String>) -> Error {
        Error::document(&*self.file, self.line, &reason.into())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// Something that is not as it should be, and does not keep the file from being used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// Where.
    pub place: Place,
    /// What, and what is done about it.
    pub text: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}

/// When a dependency is fulfilled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// It has started: `service_started`, and the short form.
    Started,
    /// Its health checks succeed: `service_healthy`.
    Healthy,
    /// It has ended without an error: `service_completed_successfully`.
    Completed,
}

impl Condition {
    /// All of them.
    pub const ALL: [Condition; 3] = [Condition::Started, Condition::Healthy, Condition::Completed];

    /// As compose files write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Condition::Started => "service_started",
            Condition::Healthy => "service_healthy",
            Condition::Completed => "service_completed_successfully",
        }
    }
}

/// That a service waits for another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dependency {
    /// The other service.
    pub service: String,
    /// What it waits for.
    pub condition: Condition,
    /// False if it starts as well where the other service is missing.
    pub required: bool,
    /// Where that stands.
    pub place: Place,
}

/// A file with variables of a service's environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EnvFile {
    /// Its path, relative to the folder of the compose file.
    pub path: String,
    /// False if it may be missing.
    pub required: bool,
    /// Where it is named.
    pub place: Place,
}

/// One service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// For whom it waits, in the order of the file.
    pub depends_on: Vec<Dependency>,
    /// How it is looked after.
    pub healthcheck: Option<Healthcheck>,
    /// How many containers it has.
    pub replicas: u32,
    /// What happens when its process ends.
    pub restart: RestartPolicy,
    /// Its environment, what `env_file` adds not included.
    pub environment: BTreeMap<String, String>,
    /// Files with more of it.
    pub env_files: Vec<EnvFile>,
    /// The ports that it listens at, by `ports` and `expose`, in the order of the file.
    pub ports: Vec<u16>,
    /// The networks that it is on, each with the service's other names there. Empty for one without
    /// any network.
    pub networks: BTreeMap<String, BTreeSet<String>>,
    /// Names by which all its networks know it: `container_name` and `hostname`.
    pub aliases: BTreeSet<String>,
    /// It is part of the project where one of these profiles is on, or there are none.
    pub profiles: BTreeSet<String>,
}

/// What a compose file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Project {
    /// The file.
    pub file: String,
    /// The project's name, if the file has one.
    pub name: Option<String>,
    /// The services, in the order of the file, those of included files before.
    #[serde(serialize_with = "as_map")]
    pub services: IndexMap<String, Service>,
    /// What is not as it should be, in the order of the file.
    pub warnings: Vec<Warning>,
    /// Keys of the specification that mean nothing in a simulation, and how often they stand there.
    pub ignored: BTreeMap<String, usize>,
}

impl Project {
    /// Reads a compose file, and what it includes and extends. Variables come from `variables`, and
    /// from the file `.env` beside it: never from the environment of this process, since no seed would
    /// replay that.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, is not YAML, or is not as the specification has it: file, line, and
    /// what was expected. Unknown keys are no error.
    pub fn open(path: impl AsRef<Path>, variables: &Variables) -> Result<Project> {
        load::open(path.as_ref(), variables)
    }

    /// Reads a document. `include` and `extends` with other files are followed only where the
    /// document's name is a path.
    ///
    /// # Errors
    ///
    /// As [`Project::open`].
    pub fn read(document: Document, variables: &Variables) -> Result<Project> {
        load::read(document, variables)
    }

    /// Reads a text; `file` is the name that errors give.
    ///
    /// # Errors
    ///
    /// As [`Project::open`].
    pub fn parse(file: &str, text: &str, variables: &Variables) -> Result<Project> {
        Project::read(Document::yaml(file, text)?, variables)
    }

    /// The project with what `env_file` names in the services' environments.
    ///
    /// # Errors
    ///
    /// If a file is missing that is required, or is not one of variables.
    pub fn with_env_files(mut self) -> Result<Project> {
        for service in self.services.values_mut() {
            let mut environment = BTreeMap::new();
            for file in std::mem::take(&mut service.env_files) {
                let folder = Path::new(&file.place.file).parent().unwrap_or(Path::new(""));
                let path = folder.join(&file.path);
                match load::variables(&path) {
                    Ok(more) => environment.extend(more),
                    Err(Error::Io { .. }) if !file.required => {}
                    Err(Error::Io { path, source }) => {
                        let path = path.display();
                        return Err(file.place.error(format!("{path} cannot be read: {source}")));
                    }
                    Err(error) => return Err(error),
                }
            }
            environment.append(&mut service.environment);
            service.environment = environment;
        }
        Ok(self)
    }

    /// The services that are part of the project with these profiles, in the order of the file.
    pub fn active<'p>(&'p self, profiles: &'p [String]) -> impl Iterator<Item = &'p Service> {
        self.services.values().filter(move |service| {
            let on = |profile: &String| profile == "*" || service.profiles.contains(profile);
            service.profiles.is_empty() || profiles.iter().any(on)
        })
    }
}

fn as_map<S: Serializer>(
    services: &IndexMap<String, Service>,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_map(services)
}
