//! Each invariant with a history that keeps it and one that does not, and the witness of that.

use std::time::Duration;

use expect_test::{Expect, expect};
use stormglass::prelude::*;
use stormglass::saga::{Definition, Ended, Finding, Invariant, check_history, findings};
use stormglass::time::Time;

use super::{LATER, history, judge, order};

const STEPS: [&str; 2] = ["reserve", "charge"];

const COMPLETED: &str = "saga begins
    step begins reserve; effect done reserve; step done reserve
    step begins charge; effect done charge; step done charge
    saga completed";

const COMPENSATED: &str = "saga begins
    step begins reserve; effect done reserve; step done reserve
    step begins charge; step refused charge
    undo begins reserve; effect undone reserve; undo done reserve
    saga compensated";

#[track_caller]
fn check(text: &str, witness: Expect) {
    witness.assert_eq(&judge(text, &STEPS).to_string());
}

#[test]
fn whole_sagas_hold() {
    check(COMPLETED, expect!["holds"]);
    // The effect of `charge` in another saga says that somebody tells of it.
    check(COMPENSATED, expect!["holds"]);
    check("", expect!["holds"]);
}

#[test]
fn s1_a_saga_that_never_ends() {
    check(
        "saga begins; step begins reserve; effect done reserve",
        expect![
            "violated: S1 (terminal): saga 7: it has not ended 30s after healing; its last event (2.000 ms node step begins reserve)"
        ],
    );
}

#[test]
fn s1_a_saga_that_ends_too_late_and_one_that_nobody_waited_for() {
    let events = history(COMPLETED);
    let within = |millis| order(&STEPS).within(Duration::from_millis(millis));
    let healed = Some(Time(1_000_000));
    let ended = Ended { healed, ended: Time(9_000_000) };
    assert_eq!(check_history(&events, &within(7), ended), Verdict::Holds);
    let late = check_history(&events, &within(6), ended);
    assert!(late.to_string().contains("it ended later than 6ms after healing"), "{late}");
    let cut = check_history(&events[..7], &within(8), ended);
    assert!(matches!(cut, Verdict::Unknown(_)), "{cut}");
    let never_healed = Ended { healed: None, ..LATER };
    assert!(matches!(check_history(&events[..7], &within(8), never_healed), Verdict::Unknown(_)));
}

#[test]
fn s1_a_saga_that_was_escalated_is_unknown() {
    check(
        "saga begins; step begins reserve; effect done reserve; step unknown reserve; undo begins reserve
         undo fails reserve; saga escalated",
        expect!["unknown: S1 (terminal): saga 7: it was escalated: a person has to decide (7.000 ms node saga escalated)"],
    );
}

#[test]
fn s2_half_a_saga() {
    check(
        "saga begins; step begins reserve; effect done reserve; step done reserve
         step begins charge; step refused charge; saga compensated",
        expect![
            "violated: S2 (atomic in effect): saga 7: it is compensated and `reserve` is in effect (3.000 ms node effect done reserve; 7.000 ms node saga compensated)"
        ],
    );
    check(
        "saga begins; effect done reserve; effect done charge; effect undone charge; saga completed",
        expect![
            "violated: S2 (atomic in effect): saga 7: it is completed and `charge` is not in effect (4.000 ms node effect undone charge; 5.000 ms node saga completed)"
        ],
    );
}

/// Without a service that tells of its effects nobody can say that a step has one.
#[test]
fn s2_is_unknown_where_nobody_tells() {
    check(
        "saga begins; effect done reserve; step begins charge; step done charge; saga completed",
        expect!["unknown: S2 (atomic in effect): saga 7: nobody tells of the effects of `charge`"],
    );
}

/// What the orchestrator itself says is enough for the other half.
#[test]
fn s2_a_step_that_nobody_undid() {
    check(
        "saga begins; step begins reserve; step done reserve; step begins charge; step refused charge
         saga compensated",
        expect!["violated: S2 (atomic in effect): saga 7: it is compensated, and nobody undid `reserve` (3.000 ms node step done reserve; 6.000 ms node saga compensated)"],
    );
}

#[test]
fn s3_a_compensation_of_nothing() {
    check(
        "saga begins; step begins reserve; step refused reserve; undo begins charge; undo done charge
         saga compensated",
        expect!["violated: S3 (compensate only what was done): saga 7: `charge` is undone and was never asked for (4.000 ms node undo begins charge)"],
    );
    check(
        "saga begins; step begins reserve; step refused reserve; undo begins reserve; effect barred reserve
         undo done reserve; saga compensated",
        expect!["violated: S3 (compensate only what was done): saga 7: `reserve` is undone and was refused (3.000 ms node step refused reserve; 4.000 ms node undo begins reserve)"],
    );
    check(
        "saga begins; step begins reserve; step unknown reserve; undo begins reserve
         effect undone reserve; undo done reserve; saga compensated",
        expect![
            "violated: S3 (compensate only what was done): saga 7: `reserve` is undone and was never done (5.000 ms node effect undone reserve)"
        ],
    );
}

/// A step whose outcome nobody knows is undone, or proven absent; not forgotten.
#[test]
fn s3_an_unknown_step_has_to_be_undone() {
    check(
        "saga begins; step begins reserve; step unknown reserve; undo begins reserve
         effect barred reserve; undo done reserve; saga compensated",
        expect!["holds"],
    );
    check(
        "saga begins; step begins reserve; step unknown reserve; saga compensated",
        expect![
            "violated: S3 (compensate only what was done): saga 7: `reserve` may have been done, and nobody undid it (3.000 ms node step unknown reserve; 4.000 ms node saga compensated)"
        ],
    );
}

/// After a crash nobody knows what became of the try before: a refusal of the next one proves nothing.
#[test]
fn s3_a_try_without_an_outcome_may_have_been_heard() {
    check(
        "saga begins; step begins reserve; saga resumes; step begins reserve; step refused reserve
         undo begins reserve; effect barred reserve; undo done reserve; saga compensated",
        expect!["holds"],
    );
}

#[test]
fn s5_what_is_done_or_undone_twice() {
    check(
        "saga begins; effect done reserve; effect done charge; effect done charge; saga completed",
        expect![
            "violated: S5 (redelivery changes nothing): saga 7: `charge` is done twice (3.000 ms node effect done charge; 4.000 ms node effect done charge)"
        ],
    );
    let twice = COMPENSATED
        .replace("effect undone reserve", "effect undone reserve; effect undone reserve");
    check(
        &twice,
        expect![
            "violated: S5 (redelivery changes nothing): saga 7: `reserve` is undone twice (8.000 ms node effect undone reserve; 9.000 ms node effect undone reserve)"
        ],
    );
    check(
        &format!("saga begins; {COMPLETED}"),
        expect![
            "violated: S5 (redelivery changes nothing): saga 7: it is begun twice (1.000 ms node saga begins; 2.000 ms node saga begins)"
        ],
    );
}

#[test]
fn s7_what_comes_after_it_was_undone() {
    let found = |text: &str| {
        let found = findings(&history(text), &order(&STEPS), LATER);
        let late: Vec<String> = found
            .iter()
            .filter(|f| f.invariant == Invariant::LateReply)
            .map(ToString::to_string)
            .collect();
        late.join("\n")
    };
    expect!["S7 (a late reply does not resurrect): saga 7: `reserve` is done after it was barred (5.000 ms node effect barred reserve; 8.000 ms node effect done reserve)"]
    .assert_eq(&found(
        "saga begins; step begins reserve; step unknown reserve; undo begins reserve
         effect barred reserve; undo done reserve; saga compensated; effect done reserve",
    ));
    expect!["S7 (a late reply does not resurrect): saga 7: `reserve` is done after it was undone (8.000 ms node effect undone reserve; 11.000 ms node effect done reserve)"]
        .assert_eq(&found(&format!("{COMPENSATED}; effect done reserve")));
    expect!["S7 (a late reply does not resurrect): saga 7: it goes on after it had turned back (4.000 ms node undo begins reserve; 5.000 ms node step done reserve)"]
        .assert_eq(&found(
            "saga begins; step begins reserve; step unknown reserve; undo begins reserve
             step done reserve; saga completed",
        ));
    expect!["S7 (a late reply does not resurrect): saga 7: it turns back after it was completed (8.000 ms node saga completed; 9.000 ms node undo begins charge)"]
        .assert_eq(&found(&format!("{COMPLETED}; undo begins charge")));
}

/// Each finding's events show by themselves what it says, and no fewer do.
#[test]
fn witnesses_are_minimal() {
    let texts = [
        "effect done reserve; effect undone reserve; effect undone reserve; effect done reserve",
        "effect done charge; effect barred charge; effect done charge; effect done charge",
        "saga begins; saga begins; step begins reserve; step done reserve; saga compensated; effect done reserve",
        "saga begins; step begins reserve; step refused reserve; undo begins reserve; saga compensated",
        "saga begins; step begins reserve; step unknown reserve; saga compensated; step begins charge",
        "effect done reserve; effect done charge; saga completed; effect undone charge; undo begins reserve",
    ];
    let mut seen = 0;
    for text in texts {
        let all = findings(&history(text), &order(&STEPS), LATER);
        for finding in all.iter().filter(|f| f.violated && f.invariant != Invariant::Terminal) {
            seen += 1;
            assert!(shows(finding, &finding.events), "{finding} of {text}");
            for left_out in 0..finding.events.len() {
                let mut fewer = finding.events.clone();
                fewer.remove(left_out);
                assert!(!shows(finding, &fewer), "{finding} of {text} without {left_out}");
            }
        }
    }
    assert!(seen >= 12, "{seen}");
}

fn shows(finding: &Finding, events: &[stormglass::saga::SagaEvent]) -> bool {
    let found = findings(events, &order(&STEPS), LATER);
    found
        .iter()
        .any(|f| f.invariant == finding.invariant && f.violated && f.events == finding.events)
}

/// A step without a compensation has nothing to be undone.
#[test]
fn a_step_without_compensation_is_not_missed() {
    let definition = Definition::new("order").without_compensation("reserve").step("charge");
    let text = "saga begins; step begins reserve; step done reserve; step begins charge
         step refused charge; saga compensated";
    assert_eq!(check_history(&history(text), &definition, LATER), Verdict::Holds);
}

/// Other sagas, and other definitions, are none of its business.
#[test]
fn sagas_are_judged_apart() {
    let mut events = history(COMPLETED);
    let mut other = history("effect done charge; effect done charge");
    other.iter_mut().for_each(|event| event.saga = "refund".to_owned());
    events.extend(other);
    assert_eq!(check_history(&events, &order(&STEPS), LATER), Verdict::Holds);
    let mut eighth = history("effect done charge");
    eighth.iter_mut().for_each(|event| event.id = "8".to_owned());
    events.extend(eighth);
    assert_eq!(check_history(&events, &order(&STEPS), LATER), Verdict::Holds);
}
