//! The orchestrator dies at every point of its log, and each saga comes to the same end (S9).

use std::collections::BTreeMap;

use stormglass::chaos::Fault;
use stormglass::prelude::*;
use stormglass::saga::{SagaEvent, What};

use super::chaos::shop;
use super::{MS, run_alone};

/// How each saga ended.
fn ends(run: &Run) -> BTreeMap<String, What> {
    let told = SagaEvent::all(&run.journal);
    told.into_iter().filter(|event| event.what.is_end()).map(|e| (e.id, e.what)).collect()
}

fn run_with(fault: Fault) -> Run {
    run_alone(&shop, &RunConfig::seed(1).plan(FaultPlan::new([fault])))
}

#[track_caller]
fn check(run: &Run, at: &str) -> bool {
    assert!(run.verdict().holds(), "{at}: {}\n{}", run.verdict(), run.journal.story());
    let ends = ends(run);
    // An order that nobody heard of is none; each other one ends as it does in calm.
    for (order, end) in ends {
        let expected = if order == "2" { What::Compensated } else { What::Completed };
        assert_eq!(end, expected, "{at}: order {order}");
    }
    SagaEvent::all(&run.journal).iter().any(|event| event.what == What::Resumes)
}

#[test]
fn a_power_loss_at_any_disk_operation_of_the_orchestrator() {
    let (mut struck, mut resumed) = (0, 0);
    for operation in 1..=220 {
        let (node, lasts) = ("orders".to_owned(), Some(50 * MS));
        let fault = Fault::PowerLoss { node, at: None, disk_op: Some(operation), lasts };
        let run = run_with(fault);
        resumed += u32::from(check(&run, &format!("operation {operation}")));
        struck += run.tallies[0].hits;
    }
    println!("{struck} struck, {resumed} resumed");
    assert!(struck > 150, "{struck}");
    assert!(resumed > 100, "{resumed}");
}

#[test]
fn a_power_loss_at_any_disk_operation_of_a_participant() {
    let mut struck = 0;
    for operation in 1..=120 {
        let (node, lasts) = ("inventory".to_owned(), Some(50 * MS));
        let fault = Fault::PowerLoss { node, at: None, disk_op: Some(operation), lasts };
        let run = run_with(fault);
        // A step that was in vain for too long turns its saga back, and rightly so.
        assert!(run.verdict().holds(), "operation {operation}: {}", run.verdict());
        struck += run.tallies[0].hits;
    }
    assert!(struck > 50, "{struck}");
}

#[test]
fn a_crash_at_any_time_of_the_orchestrator() {
    for at in 0..100 {
        let fault =
            Fault::Crash { node: "orders".to_owned(), at: at * 5 * MS, lasts: Some(50 * MS) };
        check(&run_with(fault), &format!("{at}"));
    }
}
