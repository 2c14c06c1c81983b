//! Where the pages of HTML go.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::explore::{Search, SearchReport, World};
use crate::report::html;
use crate::sim::RunConfig;

/// The files that a search was given for its pages.
pub(super) struct Asked {
    pub(super) report: Option<PathBuf>,
    pub(super) summary: Option<PathBuf>,
    pub(super) junit: Option<PathBuf>,
    pub(super) otlp: Option<PathBuf>,
}

/// Writes the page of the first failure where it was asked for, and that of the search; where the
/// latter stands.
pub(super) fn of_search(
    report: &mut SearchReport,
    search: &Search,
    asked: &Asked,
) -> Result<PathBuf> {
    let summary = asked.summary.clone().unwrap_or_else(|| search.summary_path());
    if let Some(path) = &asked.report {
        if report.failures.is_empty() {
            html::save(path, &html::summary(report, path))?;
        }
        of_first(report, path)?;
    }
    html::save(&summary, &html::summary(report, &summary))?;
    Ok(summary)
}

/// Writes the page of a run that was replayed: of its failure, or of the run itself if there is none.
pub(super) fn of_replay(
    report: &mut SearchReport,
    world: &World,
    config: &RunConfig,
    path: &Path,
) -> Result {
    if report.failures.is_empty() {
        let run = world.run(config);
        return html::save(path, &html::run(world, &run, config.scheduling));
    }
    of_first(report, path)
}

fn of_first(report: &mut SearchReport, path: &Path) -> Result {
    let Some(first) = report.failures.first_mut() else { return Ok(()) };
    html::save(path, &html::failure(&report.sim, first))?;
    first.page = Some(path.to_owned());
    Ok(())
}
