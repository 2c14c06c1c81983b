//! Whether releases may be deployed: every pair that would be live together has to fit.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;
use serde::Serialize;

use super::environment::Live;
use super::registry::{Contract, ContractRegistry, Source};
use super::{Change, Compatibility, Release};
use crate::error::Result;
use crate::verdict::Verdict;

/// A consumer and a provider that would be live together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pair {
    /// Who expects something: the consumer of a Pact, the reader of an event.
    pub consumer: Release,
    /// Of whom; none if no version of it is live.
    pub provider: Option<Release>,
    /// The file in which it is expected.
    pub contract: String,
    /// How it is known: `verified`, `compared`, or empty.
    pub known_by: &'static str,
    /// Whether the provider keeps it.
    pub compatibility: Compatibility,
}

/// The answer to "may it be deployed".
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gate {
    /// It may, it may not, or it is not known; only [`Verdict::Holds`] opens the gate.
    pub verdict: Verdict,
    /// All pairs that were judged.
    pub pairs: Vec<Pair>,
}

impl ContractRegistry {
    /// Whether releases may come to an environment, together.
    ///
    /// Every version that is live there counts, not only the newest: during a rolling upgrade all of
    /// them meet. Of a service that is asked for, the asked version stands for what is live. A
    /// provider whose consumers are not there may be deployed; a consumer whose provider is not there
    /// is unknown.
    ///
    /// # Errors
    ///
    /// If there is no such environment or release.
    pub fn can_i_deploy(&self, asked: &[Release], environment: &str) -> Result<Gate> {
        self.state.environment(environment)?;
        for release in asked {
            self.release(release)?;
        }
        Ok(self.gate(asked, &self.state.live(environment)))
    }

    /// As [`ContractRegistry::can_i_deploy`], for whatever is live.
    #[must_use]
    pub fn gate(&self, asked: &[Release], live: &Live) -> Gate {
        let mut there = live.clone();
        let mut own: BTreeMap<&str, BTreeSet<Version>> = BTreeMap::new();
        for release in asked {
            own.entry(&release.service).or_default().insert(release.version.clone());
        }
        let unknown = asked.iter().find_map(|release| self.release(release).err());
        if let Some(error) = unknown {
            return Gate { verdict: Verdict::violated(error.to_string()), pairs: Vec::new() };
        }
        there.extend(
            own.iter().map(|(service, versions)| ((*service).to_owned(), versions.clone())),
        );
        let mut pairs = Vec::new();
        for contract in self.contracts() {
            let consumer = &contract.owner;
            let consumes = |live: &Live| {
                live.get(&consumer.service).is_some_and(|v| v.contains(&consumer.version))
            };
            if !consumes(&there) {
                continue;
            }
            let is_asked = asked.contains(consumer);
            for provider in self.providers(contract) {
                let versions = there.get(&provider).into_iter().flatten();
                let mut any = false;
                for version in versions {
                    any = true;
                    let provider = Release::new(provider.clone(), version.clone());
                    if is_asked || asked.contains(&provider) {
                        pairs.push(self.pair(contract, provider));
                    }
                }
                if !any && is_asked && matches!(contract.source, Source::Pact(_)) {
                    pairs.push(missing(contract, &provider));
                }
            }
        }
        Gate { verdict: verdict(&pairs), pairs }
    }

    /// The services of which a contract expects something.
    pub(super) fn providers(&self, contract: &Contract) -> BTreeSet<String> {
        match &contract.source {
            Source::Pact(pact) => BTreeSet::from([pact.provider.clone()]),
            Source::Reads(event, _) => {
                let published = self.contracts().filter(
                    |other| matches!(&other.source, Source::Publishes(own, _) if own == event),
                );
                published.map(|other| other.owner.service.clone()).collect()
            }
            Source::OpenApi(_) | Source::Publishes(..) => BTreeSet::new(),
        }
    }

    /// Whether a provider keeps what a contract expects: by its newest verification, or else by
    /// comparison of what both declare.
    pub(super) fn pair(&self, contract: &Contract, provider: Release) -> Pair {
        let verified = self.state.verification(&contract.digest, &provider);
        let (known_by, compatibility) = match verified {
            Some(verification) if verification.success => ("verified", Compatibility::Compatible),
            Some(verification) => {
                let text = format!("verification {} failed", verification.number);
                ("verified", Compatibility::Breaking(vec![failed(contract, text)]))
            }
            None => match contract.kept_by(self, &provider) {
                unknown @ Compatibility::Unknown(_) => ("", unknown),
                decided => ("compared", decided),
            },
        };
        Pair {
            consumer: contract.owner.clone(),
            provider: Some(provider),
            contract: contract.file.clone(),
            known_by,
            compatibility,
        }
    }
}

fn failed(contract: &Contract, text: String) -> Change {
    let (at, way) = (contract.file.clone(), super::Direction::Response);
    Change::new("verification-failed", at, way, super::Bump::Major, text)
}

fn missing(contract: &Contract, provider: &str) -> Pair {
    Pair {
        consumer: contract.owner.clone(),
        provider: None,
        contract: contract.file.clone(),
        known_by: "",
        compatibility: Compatibility::Unknown(vec![format!(
            "no version of {provider} is live there"
        )]),
    }
}

/// The gravest of all pairs.
fn verdict(pairs: &[Pair]) -> Verdict {
    let each = pairs.iter().map(|pair| {
        let provider =
            pair.provider.as_ref().map_or_else(|| "nobody".to_owned(), Release::to_string);
        let who = format!("{} with {provider}", pair.consumer);
        match &pair.compatibility {
            Compatibility::Compatible => Verdict::Holds,
            Compatibility::Breaking(changes) => {
                let first = changes.first().map(|c| c.text.clone()).unwrap_or_default();
                Verdict::violated(format!("{who}: {first}"))
            }
            Compatibility::Unknown(reasons) => {
                Verdict::Unknown(format!("{who}: {}", reasons.join("; ")))
            }
        }
    });
    each.fold(Verdict::Holds, Verdict::and)
}
