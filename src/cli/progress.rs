//! How far a search is, on standard error: a bar on a terminal, else a line every few seconds.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressStyle};

use crate::explore::{Progress, Search};

/// Wall time between two lines, in seconds.
const SECONDS: u64 = 5;

/// The bar, if there is one.
pub(super) struct Shown(Option<ProgressBar>);

impl Shown {
    /// Takes the bar away, so that the report stands alone.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// The search, with somebody who shows how far it is.
pub(super) fn watched(search: Search) -> (Search, Shown) {
    if !std::io::stderr().is_terminal() {
        let told = Arc::new(AtomicU64::new(0));
        return (search.on_progress(move |progress| tell(progress, &told)), Shown(None));
    }
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template(
        "{bar:40} {pos}/{len} seeds  {per_sec}  {elapsed} of about {duration}  {msg}",
    );
    bar.set_style(style.expect("the template is right"));
    let shown = bar.clone();
    let search = search.on_progress(move |progress| {
        shown.set_length(progress.total);
        shown.set_position(progress.done);
        if progress.findings > 0 {
            shown.set_message(format!("{} found", progress.findings));
        }
    });
    (search, Shown(Some(bar)))
}

fn tell(progress: &Progress, told: &AtomicU64) {
    let now = progress.elapsed.as_secs() / SECONDS;
    if told.fetch_max(now, Ordering::Relaxed) < now {
        let Progress { done, total, findings, .. } = progress;
        eprintln!("{done} of {total} seeds, {findings} found, {} s", now * SECONDS);
    }
}
