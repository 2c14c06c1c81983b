//! Compose files of public repositories: each is read, or refused with a reason and a line.

use std::collections::BTreeMap;

use serde_json::Value;
use stormglass::error::{Error, Result};
use stormglass::orchestrator::Plan;
use stormglass::orchestrator::compose::{Project, Variables};

use super::{Tally, files, set};

/// The variables that files insist on: whoever runs them gives some.
fn variables() -> Variables {
    let names = [
        "BUILD_ENV_VERSION",
        "PATH_TO_OPEN_API_SPEC_FILE",
        "SPECMATIC_TELEMETRY_EXTRA_LABELS",
        "SPECMATIC_VERSION",
    ];
    names.map(|name| (name.to_owned(), "given".to_owned())).into()
}

fn read(path: &std::path::Path) -> Result<Project> {
    let project = Project::open(path, &variables())?;
    Plan::of(&project, &["*".to_owned()])?;
    Ok(project)
}

/// The number of services that the set's index gives for a file, by its path in the set.
fn index(folder: &std::path::Path) -> BTreeMap<String, usize> {
    let text = std::fs::read_to_string(folder.join("index.json")).unwrap_or_default();
    let entries: Vec<Value> = serde_json::from_str(&text).unwrap_or_default();
    let entry = |entry: &Value| {
        let repository = entry["repo"].as_str()?.replace('/', "+");
        let services = usize::try_from(entry["services"].as_u64()?).ok()?;
        Some((format!("{repository}/{}", entry["path"].as_str()?), services))
    };
    entries.iter().filter_map(entry).collect()
}

#[test]
fn compose_files_are_read_or_refused_with_a_line() {
    let Some(folder) = set("compose") else { return };
    let index = index(&folder);
    let (mut known, mut parsed) = (Tally::new("compose"), Tally::new("compose, read"));
    for path in files(&folder, &[".yml", ".yaml"]) {
        let name = path.strip_prefix(&folder).unwrap().display().to_string();
        let read = read(&path);
        let has_line = match &read {
            // Files that it includes bring services of their own.
            Ok(project) => {
                index.get(&name).is_none_or(|services| *services <= project.services.len())
            }
            Err(Error::Document { line, reason, .. }) => *line > 0 && !reason.is_empty(),
            Err(_) => false,
        };
        known.count(has_line, || match &read {
            Ok(project) => format!("{name}: {} services", project.services.len()),
            Err(error) => format!("{name}: {error}"),
        });
        parsed.count(read.is_ok(), || read.as_ref().unwrap_err().to_string());
    }
    known.at_least(100);
    parsed.at_least(90);
}
