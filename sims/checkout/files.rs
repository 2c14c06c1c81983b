//! What the team has as files.

use std::path::Path;
use std::sync::LazyLock;

use stormglass::contract::{Checker, ContractRegistry};
use stormglass::mock::Stubs;
use stormglass::orchestrator::compose::{Project, Variables};
use stormglass::trace::Flow;

/// The files of the team, read once: a world is made for every run.
pub(super) struct Files {
    pub(super) project: Project,
    pub(super) payment: Stubs,
    pub(super) contracts: Checker,
    pub(super) flows: Flow,
}

pub(super) static FILES: LazyLock<Files> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sims/checkout");
    Files::read(&folder).unwrap_or_else(|error| panic!("{error}"))
});

impl Files {
    fn read(folder: &Path) -> stormglass::error::Result<Files> {
        let contracts = ContractRegistry::open(folder.join("contracts"))?;
        let live = contracts.state.deployments.iter().map(|deployment| &deployment.release);
        Ok(Files {
            project: Project::open(folder.join("docker-compose.yml"), &Variables::new())?,
            payment: Stubs::open(folder.join("mocks/payment"))?,
            contracts: Checker::new(&contracts, live)?.strict().complete(),
            flows: Flow::load(folder.join("flows.toml"))?,
        })
    }
}
