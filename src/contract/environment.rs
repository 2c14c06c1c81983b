//! What is deployed where, and which provider was verified against which contract: a plain file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use semver::Version;
use serde::{Deserialize, Serialize};

use super::Release;
use crate::document::{Document, write_whole};
use crate::error::{Error, Result, nearest};

/// The versions of each service that run at the same time.
pub type Live = BTreeMap<String, BTreeSet<Version>>;

/// A place where releases are deployed: `test`, `production`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// Whether customers meet it.
    #[serde(default)]
    pub production: bool,
}

/// How a release comes to an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Placement {
    /// It replaces what ran of the service at the same target: a cluster, a region; one target where
    /// none is named.
    Deployed {
        /// The target's name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        target: Option<String>,
    },
    /// It is there beside all earlier ones: an app in people's hands, a library.
    Released,
}

/// A release in an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deployment {
    /// What is there.
    pub release: Release,
    /// Where.
    pub environment: String,
    /// How it came there.
    pub placement: Placement,
}

/// The outcome of a provider's test against the expectations of a consumer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verification {
    /// The digest of what was expected ([`super::Contract::digest`]): whichever release of the
    /// consumer expects the same has the same.
    pub contract: String,
    /// Who was tested.
    pub provider: Release,
    /// Whether it did what was expected.
    pub success: bool,
    /// Its number; of several for one contract and provider the highest counts.
    pub number: u64,
}

/// Environments, what is in them, and verifications.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The environments by name.
    #[serde(default)]
    pub environments: BTreeMap<String, Environment>,
    /// What is in them now, in the order in which it came.
    #[serde(default)]
    pub deployments: Vec<Deployment>,
    /// All verifications.
    #[serde(default)]
    pub verifications: Vec<Verification>,
}

impl State {
    /// Reads the file; an empty state if there is none.
    ///
    /// # Errors
    ///
    /// If it cannot be read or is no state: file, line, and what was expected.
    pub fn load(path: &Path) -> Result<State> {
        if !path.exists() {
            return Ok(State::default());
        }
        let document = Document::open(path)?;
        let state: State = serde_json::from_value(document.value().clone())
            .map_err(|e| document.error(&place(&document, &e.to_string()), e.to_string()))?;
        for (index, deployment) in state.deployments.iter().enumerate() {
            let pointer = format!("/deployments/{index}/environment");
            state
                .environment(&deployment.environment)
                .map_err(|e| document.error(&pointer, e.to_string()))?;
        }
        Ok(state)
    }

    /// Writes the file: whole or not at all.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn save(&self, path: &Path) -> Result {
        let text = serde_json::to_string_pretty(self).expect("a state is plain data");
        write_whole(path, (text + "\n").as_bytes()).map_err(|e| Error::io(path, e))
    }

    /// Makes an environment; what it was before is replaced.
    pub fn create_environment(&mut self, name: &str, production: bool) {
        self.environments.insert(name.to_owned(), Environment { production });
    }

    /// The environment of that name.
    ///
    /// # Errors
    ///
    /// If there is none, with the nearest name.
    pub fn environment(&self, name: &str) -> Result<&Environment> {
        self.environments.get(name).ok_or_else(|| {
            let names = || self.environments.keys().map(String::as_str);
            let hint = match nearest(name, names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if self.environments.is_empty() => "there is none yet".to_owned(),
                None => format!("there is {}", names().collect::<Vec<_>>().join(", ")),
            };
            Error::World(format!("no environment `{name}`; {hint}"))
        })
    }

    /// Records that a release is in an environment now. A deployed one takes the place of the one
    /// deployed before of the same service at the same target; a released one takes nobody's.
    ///
    /// # Errors
    ///
    /// If there is no such environment.
    pub fn deploy(&mut self, release: Release, environment: &str, placement: Placement) -> Result {
        self.environment(environment)?;
        self.deployments.retain(|there| {
            let same = there.environment == environment && there.placement == placement;
            let gone = match placement {
                Placement::Deployed { .. } => there.release.service == release.service,
                Placement::Released => there.release == release,
            };
            !(same && gone)
        });
        let environment = environment.to_owned();
        self.deployments.push(Deployment { release, environment, placement });
        Ok(())
    }

    /// Records that a release is in an environment no more, at whichever target; how many
    /// deployments ended.
    pub fn undeploy(&mut self, release: &Release, environment: &str) -> usize {
        let before = self.deployments.len();
        let ends = |d: &Deployment| d.release == *release && d.environment == environment;
        self.deployments.retain(|deployment| !ends(deployment));
        before - self.deployments.len()
    }

    /// All that is live in an environment.
    #[must_use]
    pub fn live(&self, environment: &str) -> Live {
        let mut live = Live::new();
        for deployment in self.deployments.iter().filter(|d| d.environment == environment) {
            let release = deployment.release.clone();
            live.entry(release.service).or_default().insert(release.version);
        }
        live
    }

    /// Records a verification; its number is one higher than all before it.
    pub fn verify(&mut self, contract: &str, provider: Release, success: bool) {
        let number = 1 + self.verifications.iter().map(|v| v.number).max().unwrap_or(0);
        let contract = contract.to_owned();
        self.verifications.push(Verification { contract, provider, success, number });
    }

    /// The verification that counts for a contract and a provider.
    #[must_use]
    pub fn verification(&self, contract: &str, provider: &Release) -> Option<&Verification> {
        let theirs = |v: &&Verification| v.contract == contract && v.provider == *provider;
        self.verifications.iter().filter(theirs).max_by_key(|v| v.number)
    }
}

/// The place that an error of serde is about, as well as its text tells.
fn place(document: &Document, text: &str) -> String {
    let name = text.split('`').nth(1).unwrap_or_default();
    let known = ["environments", "deployments", "verifications"];
    let parts = document.value().as_object().into_iter().flatten();
    for (key, part) in parts {
        if key == name || (known.contains(&key.as_str()) && part.to_string().contains(name)) {
            return crate::document::join("", key);
        }
    }
    String::new()
}
