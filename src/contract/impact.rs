//! Whom a release concerns: those who expect something of it, and those behind them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::environment::Live;
use super::gate::Pair;
use super::registry::{ContractRegistry, Source};
use super::{Compatibility, Diff, Release};
use crate::error::Result;

/// A service that is concerned although it does not know the release.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Struck {
    /// Its name.
    pub service: String,
    /// The way there, from the release's consumer to the service itself.
    pub through: Vec<String>,
}

/// What a release does to the others.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Impact {
    /// The release.
    pub release: Release,
    /// What it is compared with; none if it is the first.
    pub before: Option<Release>,
    /// How its contracts differ.
    pub diff: Diff,
    /// Consumers with which it is live together, and whether it keeps what they expect.
    pub direct: Vec<Pair>,
    /// Services that use a broken consumer, nearest first.
    pub transitive: Vec<Struck>,
}

impl Impact {
    /// What it comes to for the direct consumers: broken, unknown, or compatible.
    #[must_use]
    pub fn compatibility(&self) -> Compatibility {
        let (mut broken, mut unknown) = (Vec::new(), Vec::new());
        for pair in &self.direct {
            match &pair.compatibility {
                Compatibility::Compatible => {}
                Compatibility::Breaking(changes) => broken.extend(changes.iter().cloned()),
                Compatibility::Unknown(reasons) => unknown.extend(reasons.iter().cloned()),
            }
        }
        match (broken.is_empty(), unknown.is_empty()) {
            (false, _) => Compatibility::Breaking(broken),
            (true, false) => Compatibility::Unknown(unknown),
            (true, true) => Compatibility::Compatible,
        }
    }
}

impl ContractRegistry {
    /// What a release does to others, compared with `before`, or with the version before it. The
    /// others are those live in an environment, or their newest versions if none is given.
    ///
    /// # Errors
    ///
    /// If there is no such release or environment.
    pub fn impact(
        &self,
        release: &Release,
        before: Option<&Release>,
        environment: Option<&str>,
    ) -> Result<Impact> {
        self.release(release)?;
        if let Some(before) = before {
            self.release(before)?;
        }
        let live = match environment {
            Some(name) => {
                self.state.environment(name)?;
                self.state.live(name)
            }
            None => self.newest(),
        };
        let before = before.cloned().or_else(|| self.before(release));
        let diff = before.as_ref().map_or_else(Diff::default, |before| self.diff(before, release));
        let is_live = |r: &Release| live.get(&r.service).is_some_and(|v| v.contains(&r.version));
        let mut direct = Vec::new();
        for contract in self.contracts().filter(|c| c.owner.service != release.service) {
            if is_live(&contract.owner) && self.providers(contract).contains(&release.service) {
                direct.push(self.pair(contract, release.clone()));
            }
        }
        let broken = direct.iter().filter(|pair| !pair.compatibility.is_compatible());
        let broken: BTreeSet<String> = broken.map(|pair| pair.consumer.service.clone()).collect();
        let transitive = self.behind(&broken, &release.service, &live);
        Ok(Impact { release: release.clone(), before, diff, direct, transitive })
    }

    fn newest(&self) -> Live {
        let mut newest = Live::new();
        for release in self.releases() {
            newest.insert(release.service, BTreeSet::from([release.version]));
        }
        newest
    }

    /// Who uses whom, among live releases: consumers by provider.
    #[must_use]
    pub fn dependencies(&self, live: &Live) -> BTreeMap<String, BTreeSet<String>> {
        let mut users: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for contract in self.contracts() {
            let Release { service, version } = &contract.owner;
            if !live.get(service).is_some_and(|versions| versions.contains(version)) {
                continue;
            }
            // An event does not make its publisher wait: what breaks is its reader alone.
            if let Source::Pact(pact) = &contract.source {
                users.entry(pact.provider.clone()).or_default().insert(service.clone());
            }
        }
        users
    }

    /// A breadth-first walk from the broken to their users.
    fn behind(&self, broken: &BTreeSet<String>, origin: &str, live: &Live) -> Vec<Struck> {
        let users = self.dependencies(live);
        let mut known: BTreeSet<String> = broken.clone();
        known.insert(origin.to_owned());
        let mut wave: Vec<Vec<String>> = broken.iter().map(|name| vec![name.clone()]).collect();
        let mut struck = Vec::new();
        while !wave.is_empty() {
            let mut next = Vec::new();
            for way in wave {
                let last = way.last().expect("a way has a start");
                for user in users.get(last).into_iter().flatten() {
                    if known.insert(user.clone()) {
                        let through: Vec<String> = way.iter().chain([user]).cloned().collect();
                        struck.push(Struck { service: user.clone(), through: through.clone() });
                        next.push(through);
                    }
                }
            }
            wave = next;
        }
        struck
    }
}
