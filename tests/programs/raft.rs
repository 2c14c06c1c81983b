//! `openraft` in three programs, over HTTP: its leader crashes, is cut off, stands still.

mod node;
mod store;

use std::collections::BTreeMap;

use axum::BoxError;
use expect_test::{Expect, expect};
use stormglass::journal::{Journal, Kind};
use tokio::time::sleep;

use super::*;
use store::Disk;

/// Writes ten words, one after the other, to whomever leads; then reads them.
async fn client() -> Result<(), reqwest::Error> {
    let mut leader =
        Leader { client: reqwest::Client::builder().timeout(ms(500)).build()?, node: 0 };
    for n in 1..=10 {
        let word = format!("word-{n}");
        let write = |client: &reqwest::Client, url| client.post(url).body(word.clone());
        leader.ask(write).await;
        tell(format_args!("raft-{} has {word}", leader.node + 1));
        sleep(ms(300)).await;
    }
    let words = leader.ask(|client, url| client.get(url)).await;
    tell(format_args!("raft-{} says {words}", leader.node + 1));
    Ok(())
}

/// Who answered last, and is asked first.
struct Leader {
    client: reqwest::Client,
    node: usize,
}

impl Leader {
    /// Asks one node after the other until one answers as the leader.
    async fn ask(
        &mut self,
        request: impl Fn(&reqwest::Client, String) -> reqwest::RequestBuilder,
    ) -> String {
        loop {
            let url = format!("http://raft-{}/words", self.node + 1);
            let answer = async {
                let answer = request(&self.client, url).send().await?.error_for_status()?;
                answer.text().await
            };
            if let Ok(text) = answer.await {
                return text;
            }
            self.node = (self.node + 1) % 3;
            sleep(ms(100)).await;
        }
    }
}

fn world(sim: &mut Sim) {
    calm(sim);
    // Below that openraft tells its whole state again and again.
    sim.log_level(tracing::Level::WARN);
    for id in 1..=3 {
        let disk = Disk::default();
        sim.program(&format!("raft-{id}"), move || node::run(id, disk.clone()));
    }
    sim.program("client", client).drives();
    sim.check("an acknowledged word is not lost", acknowledged_words_are_read);
    sim.check("a term has one leader", one_leader_a_term);
}

fn notes(journal: &Journal) -> impl Iterator<Item = (&str, &str)> {
    let notes = journal.of_kind(Kind::Note);
    notes.filter_map(|note| Some((note.node_name(), note.text()?)))
}

fn acknowledged_words_are_read(journal: &Journal) -> Result<(), String> {
    let mut acknowledged = Vec::new();
    for (_, text) in notes(journal) {
        if let Some((_, word)) = text.split_once(" has ") {
            acknowledged.push(format!("\"{word}\""));
        } else if let Some((_, words)) = text.split_once(" says ") {
            match acknowledged.iter().find(|word| !words.contains(*word)) {
                Some(lost) => return Err(format!("{lost} is not in {words}")),
                None => return Ok(()),
            }
        }
    }
    Ok(())
}

fn one_leader_a_term(journal: &Journal) -> Result<(), String> {
    let mut leaders: BTreeMap<&str, &str> = BTreeMap::new();
    for (node, text) in notes(journal) {
        let Some(term) = text.strip_prefix("leads term ") else { continue };
        if *leaders.entry(term).or_insert(node) != node {
            return Err(format!("{node} and {} lead term {term}", leaders[term]));
        }
    }
    Ok(())
}

#[track_caller]
fn during(fault: Option<Fault>, expected: Expect) {
    let plan = FaultPlan::new(fault);
    let run = twice(&world, &RunConfig::seed(1).plan(plan));
    assert!(run.verdict().holds(), "{}\n{}", run.verdict(), run.journal.story());
    expected.assert_eq(&told(&run));
}

/// The first leader is the node that founds the cluster.
const LEADER: &str = "raft-1";
const AT: Duration = ms(1_000);
const LASTS: Option<Duration> = Some(secs(2));

#[test]
fn a_leader_is_elected_and_words_are_replicated() {
    during(
        None,
        expect![[r#"
            4.000 ms raft-1 leads term 1
            316.000 ms client raft-1 has word-1
            620.000 ms client raft-1 has word-2
            924.000 ms client raft-1 has word-3
            1228.000 ms client raft-1 has word-4
            1532.000 ms client raft-1 has word-5
            1836.000 ms client raft-1 has word-6
            2140.000 ms client raft-1 has word-7
            2444.000 ms client raft-1 has word-8
            2748.000 ms client raft-1 has word-9
            3052.000 ms client raft-1 has word-10
            3356.000 ms client raft-1 says ["word-1","word-2","word-3","word-4","word-5","word-6","word-7","word-8","word-9","word-10"]
        "#]],
    );
}

/// Who has led believes so again after its restart, until it hears of the next term.
#[test]
fn a_leader_that_crashes_has_a_successor() {
    let crash = Fault::Crash { node: LEADER.to_owned(), at: AT, lasts: LASTS };
    during(
        Some(crash),
        expect![[r#"
            4.000 ms raft-1 leads term 1
            316.000 ms client raft-1 has word-1
            620.000 ms client raft-1 has word-2
            924.000 ms client raft-1 has word-3
            1998.000 ms raft-2 leads term 2
            2248.000 ms client raft-2 has word-4
            2552.000 ms client raft-2 has word-5
            2856.000 ms client raft-2 has word-6
            3000.000 ms raft-1 leads term 1
            3160.000 ms client raft-2 has word-7
            3464.000 ms client raft-2 has word-8
            3768.000 ms client raft-2 has word-9
            4072.000 ms client raft-2 has word-10
            4376.000 ms client raft-2 says ["word-1","word-2","word-3","word-4","word-5","word-6","word-7","word-8","word-9","word-10"]
        "#]],
    );
}

#[test]
fn a_leader_that_is_cut_off_leads_nobody() {
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let (a, b) = (names(&[LEADER]), names(&["raft-2", "raft-3"]));
    let cut = Fault::Partition { a, b, one_way: false, at: AT, lasts: LASTS };
    during(
        Some(cut),
        expect![[r#"
            4.000 ms raft-1 leads term 1
            316.000 ms client raft-1 has word-1
            620.000 ms client raft-1 has word-2
            924.000 ms client raft-1 has word-3
            1998.000 ms raft-2 leads term 2
            2136.000 ms client raft-2 has word-4
            2440.000 ms client raft-2 has word-5
            2744.000 ms client raft-2 has word-6
            3048.000 ms client raft-2 has word-7
            3352.000 ms client raft-2 has word-8
            3656.000 ms client raft-2 has word-9
            3960.000 ms client raft-2 has word-10
            4264.000 ms client raft-2 says ["word-1","word-2","word-3","word-4","word-5","word-6","word-7","word-8","word-9","word-10"]
        "#]],
    );
}

#[test]
fn a_leader_that_stands_still_is_not_waited_for() {
    let pause = Fault::Pause { node: LEADER.to_owned(), at: AT, lasts: LASTS };
    during(
        Some(pause),
        expect![[r#"
            4.000 ms raft-1 leads term 1
            316.000 ms client raft-1 has word-1
            620.000 ms client raft-1 has word-2
            924.000 ms client raft-1 has word-3
            1998.000 ms raft-2 leads term 2
            2632.000 ms client raft-2 has word-4
            2936.000 ms client raft-2 has word-5
            3240.000 ms client raft-2 has word-6
            3544.000 ms client raft-2 has word-7
            3848.000 ms client raft-2 has word-8
            4152.000 ms client raft-2 has word-9
            4456.000 ms client raft-2 has word-10
            4760.000 ms client raft-2 says ["word-1","word-2","word-3","word-4","word-5","word-6","word-7","word-8","word-9","word-10"]
        "#]],
    );
}

fn stormy(sim: &mut Sim) {
    world(sim);
    sim.chaos(Chaos::default()).time_limit(secs(300));
}

#[test]
fn every_storm_replays() {
    storms(&stormy, "programs::raft::every_storm_replays");
}
