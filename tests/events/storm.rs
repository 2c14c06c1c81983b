//! What the broker promises, under default chaos.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use stormglass::journal::{Journal, Kind};
use stormglass::prelude::*;

use super::{MS, PATIENT, drained, run_alone};

const KEYS: [&str; 3] = ["ada", "bea", "cyd"];

/// A shop publishes 5 numbered events for each of three keys; two replicas consume them.
fn shop(sim: &mut Sim) {
    sim.broker("events").partitions(3).delivers_to(["shipping"]);
    sim.process("shipping", |ctx| async move {
        ctx.events().consume("shipping", ["placed"], move |event| async move {
            ctx.sleep(5 * MS).await;
            ctx.record(format_args!("handled {} {}", event.key(), event.text()));
            Ok::<(), Infallible>(())
        });
        ctx.stopping().await;
    })
    .replicas(2)
    .calls(["events"]);
    sim.client("shop", |ctx| async move {
        for n in 0..5 {
            for key in KEYS {
                ctx.record(format_args!("publishes {key} {n}"));
                let publish =
                    || ctx.events().publish("placed", key, n.to_string()).timeout(200 * MS);
                for _ in 0..PATIENT {
                    if publish().await.is_ok() {
                        ctx.record(format_args!("published {key} {n}"));
                        break;
                    }
                    ctx.sleep(100 * MS).await;
                }
            }
        }
        drained(ctx, "shipping", "placed").await;
        Ok::<(), Infallible>(())
    })
    .calls(["events"]);
    sim.check("each event is handled", at_least_once);
    sim.check("events of one key are handled in their order", in_order);
    sim.check("nothing is handled that was not published", no_phantom);
}

/// The key and number of each note that begins with that word.
fn noted<'j>(journal: &'j Journal, word: &str) -> Vec<(&'j str, u32)> {
    let notes = journal.of_kind(Kind::Note).filter_map(|event| event.text());
    let words = notes.map(|text| text.split(' ').collect::<Vec<_>>());
    let ours = words.filter(|words| words.len() == 3 && words[0] == word);
    ours.map(|words| (words[1], words[2].parse().unwrap())).collect()
}

fn at_least_once(journal: &Journal) -> Result<(), String> {
    let handled: BTreeSet<_> = noted(journal, "handled").into_iter().collect();
    let published = noted(journal, "published");
    if published.len() != 15 {
        return Err(format!("only {} were published", published.len()));
    }
    match published.iter().find(|event| !handled.contains(event)) {
        None => Ok(()),
        Some(event) => Err(format!("{event:?} was published, and not handled")),
    }
}

fn in_order(journal: &Journal) -> Result<(), String> {
    let mut next: BTreeMap<&str, u32> = BTreeMap::new();
    for (key, number) in noted(journal, "handled") {
        let next = next.entry(key).or_default();
        if number > *next {
            return Err(format!("{key} {number} was handled before {key} {next}"));
        }
        *next = (*next).max(number + 1);
    }
    Ok(())
}

fn no_phantom(journal: &Journal) -> Result<(), String> {
    let published: BTreeSet<_> = noted(journal, "publishes").into_iter().collect();
    let handled = noted(journal, "handled");
    match handled.iter().find(|event| !published.contains(event)) {
        None => Ok(()),
        Some(event) => Err(format!("{event:?} was handled, and never published")),
    }
}

#[test]
fn each_acknowledged_event_is_handled_in_order() {
    let (mut redelivered, mut rebalanced) = (0, 0);
    for seed in 0..300 {
        let run = run_alone(&shop, &RunConfig::seed(seed));
        let verdict = run.verdict();
        assert!(verdict.holds(), "seed {seed}: {verdict}\n{}", run.plan);
        let handled = noted(&run.journal, "handled");
        redelivered += u32::from(handled.len() > 15);
        let notes = run.journal.of_kind(Kind::Note).filter_map(|event| event.text());
        rebalanced += u32::from(notes.filter(|text| text.contains("silent")).count() > 0);
    }
    println!("{redelivered} seeds delivered again, {rebalanced} lost a member");
    assert!(redelivered > 30, "chaos must make the broker deliver again: {redelivered}");
    assert!(rebalanced > 10, "chaos must make members silent: {rebalanced}");
}

#[test]
fn same_seed_same_run() {
    for seed in 0..20 {
        let [first, second] =
            [(), ()].map(|()| run_alone(&shop, &RunConfig::seed(seed)).fingerprint());
        assert_eq!(first, second, "seed {seed}");
    }
}
