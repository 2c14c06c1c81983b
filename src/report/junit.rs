//! JUnit XML, as CI systems read it: a suite for a search or a run, a test case for each property.
//!
//! Times are virtual, and only of runs: the text depends on what happened alone.

use std::collections::BTreeSet;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::explore::SearchReport;
use crate::sim::{PropertyKind, Run, vacuous};
use crate::verdict::Verdict;

/// One run as a suite. A property of `sometimes` that this run has not seen is skipped: it concerns
/// many runs.
#[must_use]
pub fn run_junit(name: &str, run: &Run) -> String {
    let suite_name = named(name, &run.variant);
    let mut suite = TestSuite::new(format!("{suite_name} seed {}", run.seed));
    suite.set_time(Duration::from_nanos(run.duration.as_nanos()));
    for outcome in &run.outcomes {
        let text = outcome.verdict.text();
        let witness = || format!("{text}\n\nseed {}", run.seed);
        let status = match &outcome.verdict {
            Verdict::Holds => TestCaseStatus::success(),
            Verdict::Violated(_) => status(NonSuccessKind::Failure, text, witness()),
            Verdict::Unknown(_) if outcome.kind == PropertyKind::Sometimes => skipped(text),
            Verdict::Unknown(_) => status(NonSuccessKind::Error, text, witness()),
        };
        suite.add_test_case(case(&suite_name, &outcome.property, status));
    }
    if run.plan_given && run.is_vacuous() {
        let verdict = vacuous(run.plan.faults.len() as u64);
        let status = status(NonSuccessKind::Error, verdict.text(), String::new());
        suite.add_test_case(case(&suite_name, "a fault of the plan strikes", status));
    }
    written(name, suite)
}

/// A search as a suite: a property fails with its first witness, its seed, and the command that
/// replays it; what keeps a search from passing without a failure is an error.
#[must_use]
pub fn search_junit(report: &SearchReport) -> String {
    let name = named(&report.sim, &report.variant);
    let mut suite = TestSuite::new(name.clone());
    let (coverage, mut failed) = (&report.coverage, BTreeSet::new());
    for failure in &report.failures {
        failed.insert(failure.property.as_str());
        let message = failure.outcome.verdict.text();
        let status = status(NonSuccessKind::Failure, message, failure.to_string());
        suite.add_test_case(case(&name, &failure.property, status));
    }
    for (seed, property) in &report.unshrunk {
        if failed.insert(property) {
            let text = format!("seed {seed}");
            let status = status(NonSuccessKind::Failure, "violated", text);
            suite.add_test_case(case(&name, property, status));
        }
    }
    let held = coverage.held.keys().filter(|property| !failed.contains(property.as_str()));
    suite.add_test_cases(held.map(|property| case(&name, property, TestCaseStatus::success())));
    for (property, seeds) in &coverage.sometimes {
        let status = match seeds {
            // A search that ended at a failure has not looked everywhere.
            0 if !failed.is_empty() => skipped("no seed saw it before the failure"),
            0 => status(NonSuccessKind::Failure, "blind: no seed saw it", String::new()),
            _ => TestCaseStatus::success(),
        };
        suite.add_test_case(case(&name, property, status));
    }
    for found in &report.nondeterminism {
        let property = format!("seed {} replays", found.seed);
        let status = status(NonSuccessKind::Error, "it does not", found.text.clone());
        suite.add_test_case(case(&name, &property, status));
    }
    if let (Verdict::Unknown(text), true) = (report.verdict(), report.nondeterminism.is_empty()) {
        let status = status(NonSuccessKind::Error, &text, String::new());
        suite.add_test_case(case(&name, "the search has a verdict", status));
    }
    written(&report.sim, suite)
}

fn named(sim: &str, variant: &str) -> String {
    if variant.is_empty() { sim.to_owned() } else { format!("{sim} {variant}") }
}

fn case(suite: &str, property: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(property, status);
    case.set_classname(suite);
    case
}

fn status(kind: NonSuccessKind, message: &str, description: String) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(message);
    if !description.is_empty() {
        status.set_description(description);
    }
    status
}

fn skipped(message: &str) -> TestCaseStatus {
    let mut skipped = TestCaseStatus::skipped();
    skipped.set_message(message);
    skipped
}

fn written(name: &str, suite: TestSuite) -> String {
    let mut report = Report::new(name);
    report.add_test_suite(suite);
    report.to_string().expect("a String takes all text")
}
