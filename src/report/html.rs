//! What happened as one HTML file: verdict and story first, then the picture of the run.
//!
//! The file is complete in itself: style, script and data are inside, its content security policy
//! names the first two by their hashes and allows nothing else, so no request leaves it. Everything
//! that came out of a run is text in it, escaped where it stands in HTML and kept as JSON where the
//! script reads it; the script makes no HTML of data. The same run makes the same bytes.
//!
//! A run of many events is cut: see [`EVENTS_MAX`]. The page says so.

mod answer;
mod file;
mod lanes;
mod map;
mod picture;
mod summary;
mod text;

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::explore::{Failure, SearchReport, World};
use crate::kernel::Scheduling;
use crate::sim::{Outcome, Run};
use crate::trace::DistributedTracer;
use file::File;
pub(super) use lanes::depths;
pub use picture::EVENTS_MAX;

/// What a page is about.
#[derive(Clone, Copy)]
struct Subject<'a> {
    sim: &'a str,
    run: &'a Run,
    scheduling: Scheduling,
    /// What is violated, if anything is.
    outcome: Option<&'a Outcome>,
    /// How it was found and made smaller, if it was.
    failure: Option<&'a Failure>,
}

/// The page of a failure of the world that is called `sim`.
///
/// ```no_run
/// # fn shop(_: &mut stormglass::prelude::Sim) {}
/// use stormglass::explore::explore;
/// use stormglass::report::html;
///
/// let report = explore(shop).seeds(0..1_000).find();
/// for failure in &report.failures {
///     html::save(format!("shop-{}.html", failure.run.seed), &html::failure("shop", failure))?;
/// }
/// # Ok::<(), stormglass::error::Error>(())
/// ```
#[must_use]
pub fn failure(sim: &str, failure: &Failure) -> String {
    page(Subject {
        sim,
        run: &failure.run,
        scheduling: failure.scheduling,
        outcome: Some(&failure.outcome),
        failure: Some(failure),
    })
}

/// The page of one run, whether anything failed in it or not.
#[must_use]
pub fn run(world: &World, run: &Run, scheduling: Scheduling) -> String {
    let outcome = run.violated();
    page(Subject { sim: &world.name, run, scheduling, outcome, failure: None })
}

/// The page of a whole search: seeds, failures with different causes, the faults that struck and
/// those that never did, what was reached. `at` is where it will stand: links to the pages of
/// failures are relative to its directory.
#[must_use]
pub fn summary(report: &SearchReport, at: impl AsRef<Path>) -> String {
    summary::page(report, at.as_ref())
}

/// Writes a page, and the directories that it needs.
///
/// # Errors
///
/// [`Error::Io`] if that cannot be done.
pub fn save(path: impl AsRef<Path>, page: &str) -> Result {
    let path = path.as_ref();
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    directory.map_or(Ok(()), fs::create_dir_all).map_err(|source| Error::io(path, source))?;
    fs::write(path, page).map_err(|source| Error::io(path, source))
}

/// Writes the page of every failure of the report to where its script's belongs, and notes where.
///
/// # Errors
///
/// [`Error::Io`] if a file cannot be written.
pub(crate) fn save_failures(
    report: &mut SearchReport,
    path_of: impl Fn(&Path) -> PathBuf,
) -> Result {
    let sim = &report.sim;
    for found in &mut report.failures {
        let path = path_of(&found.script);
        found.page = Some(path.clone());
        save(&path, &failure(sim, found))?;
    }
    Ok(())
}

fn page(subject: Subject<'_>) -> String {
    let mut file = File::default();
    answer::write(subject, &mut file);
    let tracer = DistributedTracer::of(&subject.run.journal);
    let picture = picture::Picture::of(subject, &tracer);
    picture.write(subject, &mut file);
    map::write(subject.run, &tracer, &mut file);
    answer::details(subject, &mut file);
    file.finish(&title(subject), &picture.json(subject))
}

fn title(subject: Subject<'_>) -> String {
    let what = subject.outcome.map_or("holds", |outcome| outcome.property.as_str());
    let unknown = subject.outcome.is_none() && !subject.run.verdict_of_plan().holds();
    let what = if unknown { "unknown" } else { what };
    format!("{what} - {} seed {}", subject.sim, subject.run.seed)
}
