//! Histories out of the literature and the field's trackers, which the oracle must accept or refuse.

use super::judge;

/// What a history comes to.
#[derive(Debug, PartialEq)]
enum Is {
    Accepted,
    Refused(&'static str),
}

struct Case {
    source: &'static str,
    steps: &'static [&'static str],
    history: &'static str,
    is: Is,
}

const T: &[&str] = &["T1", "T2", "T3"];
const ORDER: &[&str] = &["ticket", "card"];

const CASES: &[Case] = &[
    Case {
        source: "Garcia-Molina & Salem 1987, section 1: T1, T2, ... Tn",
        steps: T,
        history: "saga begins; step begins T1; effect done T1; step done T1; step begins T2; effect done T2
            step done T2; step begins T3; effect done T3; step done T3; saga completed",
        is: Is::Accepted,
    },
    Case {
        source: "Garcia-Molina & Salem 1987, section 1: T1, ... Tj, Cj, ... C1",
        steps: T,
        history: "saga begins; step begins T1; effect done T1; step done T1; step begins T2; effect done T2
            step done T2; step begins T3; step refused T3; undo begins T2; effect undone T2; undo done T2
            undo begins T1; effect undone T1; undo done T1; saga compensated",
        is: Is::Accepted,
    },
    Case {
        source: "Garcia-Molina & Salem 1987, section 1: a part without its compensation is what a saga excludes",
        steps: T,
        history: "saga begins; step begins T1; effect done T1; step done T1; step begins T2; effect done T2
            step done T2; step begins T3; step refused T3; undo begins T2; effect undone T2; undo done T2
            saga compensated",
        is: Is::Refused("S2"),
    },
    Case {
        source: "Garcia-Molina & Salem 1987, section 5: the executive dies, and on restart T2 is aborted and T1 compensated",
        steps: T,
        history: "saga begins; step begins T1; effect done T1; step done T1; step begins T2; saga resumes
            step begins T2; step unknown T2; undo begins T2; effect barred T2; undo done T2
            undo begins T1; effect undone T1; undo done T1; saga compensated",
        is: Is::Accepted,
    },
    Case {
        source: "Eventuate Tram, customers and orders: the credit limit is exceeded and the order rejected",
        steps: &["order", "credit"],
        history: "saga begins; step begins order; effect done order; step done order; step begins credit
            step refused credit; undo begins order; effect undone order; undo done order; saga compensated",
        is: Is::Accepted,
    },
    Case {
        source: "eventuate-tram-sagas #9: compensations of all earlier steps, in reverse, each awaited",
        steps: T,
        history: "saga begins; step begins T1; effect done T1; step done T1; step begins T2; effect done T2
            step done T2; step begins T3; step refused T3; undo begins T2; saga compensated
            effect undone T2; undo done T2",
        is: Is::Refused("S2"),
    },
    Case {
        source: "servicecomb-pack #406: the end is told twice, which changes nothing",
        steps: &["T1"],
        history: "saga begins; step begins T1; effect done T1; step done T1; saga completed; saga completed",
        is: Is::Accepted,
    },
    Case {
        source: "TCC, empty rollback (Seata): Cancel arrives and Try never did",
        steps: ORDER,
        history: "saga begins; step begins ticket; step unknown ticket; undo begins ticket
            effect barred ticket; undo done ticket; saga compensated",
        is: Is::Accepted,
    },
    Case {
        source: "TCC, suspension (Seata): Try arrives after an empty rollback, and holds its resource for ever",
        steps: ORDER,
        history: "saga begins; step begins ticket; step unknown ticket; undo begins ticket
            effect barred ticket; undo done ticket; saga compensated; effect done ticket",
        is: Is::Refused("S7"),
    },
    Case {
        source: "TCC, idempotence (Seata): Cancel is sent again and gives the money back again",
        steps: ORDER,
        history: "saga begins; step begins card; effect done card; step done card; step begins ticket
            step refused ticket; undo begins card; effect undone card; undo fails card; effect undone card
            undo done card; saga compensated",
        is: Is::Refused("S5"),
    },
    Case {
        source: "Stripe, idempotent requests: a retried charge without a key",
        steps: &["card"],
        history: "saga begins; step begins card; effect done card; effect done card; step done card; saga completed",
        is: Is::Refused("S5"),
    },
    Case {
        source: "Richardson, Microservices Patterns, chapter 4: Create Order, the kitchen's ticket after the card's pivot",
        steps: &["order", "ticket", "card", "approve"],
        history: "saga begins; step begins order; effect done order; step done order; step begins ticket
            effect done ticket; step done ticket; step begins card; effect done card; step done card
            step begins approve; effect done approve; step done approve; saga completed",
        is: Is::Accepted,
    },
    Case {
        source: "cadence-java-client #340: a compensation fails, and the workflow ends all the same",
        steps: ORDER,
        history: "saga begins; step begins ticket; effect done ticket; step done ticket; step begins card
            step refused card; undo begins ticket; undo fails ticket; saga compensated",
        is: Is::Refused("S2"),
    },
    Case {
        source: "Temporal, sagas: a compensation is registered before its activity, and undoes what was refused",
        steps: ORDER,
        history: "saga begins; step begins ticket; step refused ticket; undo begins ticket
            effect undone ticket; undo done ticket; saga compensated",
        is: Is::Refused("S3"),
    },
    Case {
        source: "a reply that was given up comes in, and is taken (the race of timeout and reply)",
        steps: ORDER,
        history: "saga begins; step begins ticket; step unknown ticket; undo begins ticket; effect done ticket
            effect undone ticket; undo done ticket; step done ticket; saga completed",
        is: Is::Refused("S7"),
    },
    Case {
        source: "half a saga: the orchestrator knew of it in its memory alone (sims/half_saga)",
        steps: ORDER,
        history: "saga begins; step begins ticket; effect done ticket; step done ticket; step begins card",
        is: Is::Refused("S1"),
    },
];

#[test]
fn published_histories_are_accepted_and_refused() {
    let mut agree = 0;
    for Case { source, steps, history, is } in CASES {
        let verdict = judge(history, steps);
        let right = match is {
            Is::Accepted => verdict.holds(),
            Is::Refused(invariant) => {
                verdict.is_violated() && verdict.to_string().contains(&format!("{invariant} ("))
            }
        };
        assert!(right, "{source}: {verdict}");
        agree += 1;
    }
    println!("saga histories: {agree}/{}", CASES.len());
    let accepted = CASES.iter().filter(|case| case.is == Is::Accepted).count();
    assert!(accepted >= 6 && CASES.len() - accepted >= 8);
}
