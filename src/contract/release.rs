//! A release: a service at a version.

use std::fmt;
use std::str::FromStr;

use semver::Version;
use serde::{Deserialize, Serialize};

/// A service at a version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Release {
    /// The service's name.
    pub service: String,
    /// Its version (semver 2.0.0).
    pub version: Version,
}

impl Release {
    /// The release of that service at that version.
    #[must_use]
    pub fn new(service: impl Into<String>, version: Version) -> Release {
        Release { service: service.into(), version }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.service, self.version)
    }
}

/// `orders@1.2.0`.
impl FromStr for Release {
    type Err = String;

    fn from_str(text: &str) -> Result<Release, String> {
        let (service, version) =
            text.rsplit_once('@').ok_or_else(|| format!("`{text}`: write service@1.2.3"))?;
        let version = Version::parse(version)
            .map_err(|e| format!("`{text}`: {e}; a version is written 1.2.3"))?;
        Ok(Release::new(service, version))
    }
}

impl TryFrom<String> for Release {
    type Error = String;

    fn try_from(text: String) -> Result<Release, String> {
        text.parse()
    }
}

impl From<Release> for String {
    fn from(release: Release) -> String {
        release.to_string()
    }
}
