//! The same work on Stormglass, its peers and a bare event loop: `cargo run --release` prints a table.
//!
//! Reading order:
//!
//! - [`work`] - what is done, said once for all.
//! - [`contender`] - the table of contenders and cases: which function does which work.
//! - [`bare`], [`madsim_peer`], [`turmoil_peer`], [`moonpool_peer`], [`axum_peer`], [`stormglass_peer`],
//!   [`programs_peer`] - one contender each.
//! - [`measure`] - one measurement, in a process of its own.
//! - [`builds`] - the two executables: plain and sealed.
//! - [`report`] - rows, ratios, table, JSON.

mod axum_peer;
mod bare;
mod builds;
mod contender;
#[cfg(madsim)]
mod madsim_peer;
mod measure;
mod moonpool_peer;
mod programs_peer;
mod report;
mod stormglass_peer;
mod turmoil_peer;
mod work;

use std::{error::Error, fs, path::PathBuf};

use crate::{
    builds::Builds,
    contender::{Case, Contender},
    measure::{Effort, Sample},
    report::{Report, Surroundings},
};

/// Everybody, in the order of the table. The sealed build, which runs the table, knows all of them.
static CONTENDERS: &[&Contender] = &[
    &bare::CONTENDER,
    &stormglass_peer::UNSEALED,
    &stormglass_peer::SEALED,
    #[cfg(madsim)]
    &stormglass_peer::ON_TOKIO,
    #[cfg(madsim)]
    &madsim_peer::CONTENDER,
    #[cfg(madsim)]
    &madsim_peer::ONE_THREAD,
    &moonpool_peer::CONTENDER,
    &turmoil_peer::CONTENDER,
    &axum_peer::CONTENDER,
    &programs_peer::LOOPBACK,
    #[cfg(madsim)]
    &programs_peer::STORMGLASS,
    #[cfg(madsim)]
    &programs_peer::STORMGLASS_HYPER,
    &programs_peer::TURMOIL,
];

const USAGE: &str = "\
cargo run --release -- [options]
  --json FILE     also write the results to FILE
  --case NAME     only this case (echo, peers, seeds, timers, idle, posts, programs,
                  trios, turns, crowd)
  --rounds N      how many times each contender runs; the median counts (default 5)
  --quick         a twentieth of the work, one round: does everything still run?";

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == measure::CHILD) {
        return measure::child(CONTENDERS, &words[1..]);
    }
    let options = Options::parse(&words)?;
    if cfg!(debug_assertions) {
        return Err("a debug build measures nothing: cargo run --release".into());
    }
    if !cfg!(madsim) {
        return Err("not sealed: run cargo in benches/peers and leave RUSTFLAGS unset".into());
    }
    let report = run(&options)?;
    print!("{}", report.table());
    if let Some(path) = &options.json {
        fs::write(path, report.json()?)?;
    }
    Ok(())
}

fn run(options: &Options) -> Result<Report> {
    let builds = Builds::make()?;
    let before = Surroundings::now()?;
    let mut report = Report::new(before, options.rounds);
    for case in Case::ALL.into_iter().filter(|case| options.case.is_none_or(|only| only == *case)) {
        let entered: Vec<&Contender> =
            CONTENDERS.iter().copied().filter(|contender| contender.enters(case)).collect();
        let mut samples: Vec<Vec<Sample>> = vec![Vec::new(); entered.len()];
        // A B C A B C ..., so that a busy moment of the machine hits all alike.
        for round in 1..=options.rounds {
            eprintln!("{}: round {round} of {}", case.name(), options.rounds);
            for (contender, samples) in entered.iter().zip(&mut samples) {
                samples.push(builds.measure(contender, case, options.effort)?);
            }
        }
        report.add(case, &entered, &samples);
    }
    report.end(Surroundings::now()?);
    Ok(report)
}

/// The command line.
struct Options {
    json: Option<PathBuf>,
    case: Option<Case>,
    rounds: u32,
    effort: Effort,
}

impl Options {
    fn parse(words: &[String]) -> Result<Self> {
        let mut options = Self { json: None, case: None, rounds: 5, effort: Effort::Full };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} wants a value\n{USAGE}"));
            match word.as_str() {
                "--json" => options.json = Some(PathBuf::from(value()?)),
                "--case" => options.case = Some(Case::by_name(value()?).ok_or(USAGE)?),
                "--rounds" => options.rounds = value()?.parse::<u32>()?.max(1),
                "--quick" => (options.rounds, options.effort) = (1, Effort::Quick),
                _ => return Err(USAGE.into()),
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::{Traffic, answer};

    /// Contenders check every reply themselves; here they only have to get to the end.
    #[test]
    fn every_contender_does_every_case_it_enters() {
        for contender in CONTENDERS {
            for case in Case::ALL.into_iter().filter(|case| contender.enters(*case)) {
                let mut calls = 0;
                let outcome = contender.run(case, 3, &mut || calls += 1).expect("it has entered");
                let units = match case {
                    Case::Echo => 2 * 3,
                    Case::Peers => 2 * 100 * 3,
                    Case::Timers => 1_000 * 3,
                    Case::Seeds | Case::Idle | Case::Posts => 3,
                };
                assert_eq!(outcome.units, units, "{} in {}", contender.name, case.name());
                let expected = u32::from(case == Case::Idle);
                assert_eq!(calls, expected, "{} in {}", contender.name, case.name());
            }
        }
    }

    #[test]
    fn virtual_time_is_that_of_the_work() {
        for contender in CONTENDERS.iter().filter(|contender| contender.enters(Case::Seeds)) {
            let world = contender.run(Case::Seeds, 1, &mut || ()).expect("it has entered");
            let length = Traffic::small_world(1).length;
            let slack = length / 50;
            let is_close = world.virtual_time >= length && world.virtual_time <= length + slack;
            assert!(is_close, "{}: {:?}", contender.name, world.virtual_time);
        }
    }

    #[test]
    fn nobody_sends_to_itself_and_all_are_sent_to() {
        let work = Traffic::peers(1_000);
        for client in 0..work.clients {
            let mut reached = vec![false; work.nodes as usize];
            for request in 0..work.requests {
                reached[work.peer(client, request) as usize] = true;
            }
            assert!(!reached[client as usize]);
            assert!(reached.iter().filter(|reached| **reached).count() > 90);
        }
    }

    #[test]
    fn an_answer_differs_from_its_request() {
        let payload = Traffic::echo(1).payload(0, 7);
        assert_ne!(answer(payload), payload);
    }
}
