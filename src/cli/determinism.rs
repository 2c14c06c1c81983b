//! Every seed twice here and once in another process: all fingerprints must be the same.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::ops::Range;
use std::process::{Command, Stdio};

use serde_json::json;

use super::args::Pace;
use super::commands::{Done, cli_search, find, write_lines};
use super::{HOLDS, UNKNOWN};
use crate::error::Error;
use crate::explore::{Search, World};
use crate::journal::Fingerprint;
use crate::report::json::SCHEMA;

/// What is to be compared.
pub(super) struct Asked {
    pub(super) sim: Option<String>,
    pub(super) variant: Option<String>,
    pub(super) pace: Pace,
    pub(super) seeds: Range<u64>,
}

pub(super) fn paced(search: Search, pace: &Pace) -> Search {
    let search = search.strategy(pace.strategy);
    match pace.jobs {
        Some(jobs) => search.jobs(jobs),
        None => search,
    }
}

pub(super) fn run(worlds: &[World], asked: &Asked, out: &mut dyn Write) -> Done {
    let worlds = match &asked.sim {
        Some(sim) => vec![find(worlds, sim)?],
        None => worlds.iter().collect(),
    };
    let mut code = if worlds.is_empty() || asked.seeds.is_empty() { UNKNOWN } else { HOLDS };
    for world in worlds {
        let variants = match &asked.variant {
            None if !world.variants.is_empty() => world.variants.clone(),
            variant => vec![world.variant(variant.as_deref())?],
        };
        for variant in variants {
            let search = cli_search(world).variant(&variant).seeds(asked.seeds.clone());
            if !compare(&paced(search, &asked.pace), asked, out)? {
                code = UNKNOWN;
            }
        }
    }
    Ok(code)
}

/// True if no seed of the search runs in two ways.
fn compare(search: &Search, asked: &Asked, out: &mut dyn Write) -> Done<bool> {
    let here = search.fingerprints(2);
    let there = elsewhere(search, asked)?;
    let different = different(asked.seeds.clone(), &here, &there);
    let (sim, variant) = (&search.world.name, &search.variant);
    let (count, differences) = (here.len(), different.len());
    let text = different.first().map(|seed| search.how_it_differs(*seed));
    if asked.pace.json {
        let verdict = match &text {
            None if count > 0 => json!("holds"),
            None => json!({ "unknown": "no seed was run" }),
            Some(text) => json!({ "unknown": text }),
        };
        let line = json!({
            "schema": SCHEMA, "type": "determinism", "sim": sim, "variant": variant,
            "seeds": [asked.seeds.start, asked.seeds.end], "runs": 3 * count,
            "differences": differences, "first": different.first(), "verdict": verdict,
        });
        write_lines([line], out)?;
    } else {
        let variant = if variant.is_empty() { String::new() } else { format!(" ({variant})") };
        writeln!(
            out,
            "{sim}{variant}: {count} seeds, each twice and in two processes: {differences} differences"
        )?;
        if let (Some(seed), Some(text)) = (different.first(), text) {
            writeln!(out, "the first is seed {seed}: {text}")?;
        }
    }
    Ok(differences == 0)
}

/// The seeds whose runs here are not all like the one elsewhere.
fn different(seeds: Range<u64>, here: &[Vec<Fingerprint>], there: &[Fingerprint]) -> Vec<u64> {
    let both = seeds.zip(here.iter().zip(there));
    let differ = both.filter(|(_, (here, there))| here.iter().any(|print| print != *there));
    differ.map(|(seed, _)| seed).collect()
}

/// The fingerprints of the same seeds, from another process.
fn elsewhere(search: &Search, asked: &Asked) -> Result<Vec<Fingerprint>, Error> {
    let program = env::current_exe().map_err(|source| Error::io("this program", source))?;
    let failed = |source| Error::io(program.clone(), source);
    let Range { start, end } = asked.seeds;
    let mut command = Command::new(&program);
    command.arg("fingerprints").arg(&search.world.name).args(["--variant", &search.variant]);
    command.args(["--seeds", &format!("{start}..{end}")]);
    command.args(["--strategy", search.strategy.name()]);
    if let Some(jobs) = asked.pace.jobs {
        command.args(["--jobs", &jobs.to_string()]);
    }
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(failed)?;
    let mut found = Vec::new();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines() {
            let line = line.map_err(failed)?;
            found.extend(u64::from_str_radix(line.trim(), 16).map(Fingerprint));
        }
    }
    child.wait().map_err(failed)?;
    if found.len() as u64 != end - start {
        let (told, seeds) = (found.len(), end - start);
        let reason = format!("the other process told {told} fingerprints of {seeds}");
        return Err(Error::World(reason));
    }
    Ok(found)
}

/// Prints the fingerprints for the process that asks.
pub(super) fn print(search: &Search, out: &mut dyn Write) -> Done {
    for fingerprints in search.fingerprints(1) {
        for fingerprint in fingerprints {
            writeln!(out, "{fingerprint}")?;
        }
    }
    Ok(HOLDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_differs_if_one_of_its_runs_does() {
        let print = Fingerprint;
        let here = [[1, 1], [2, 2], [3, 9], [4, 4]].map(|runs| runs.map(print).to_vec());
        let there = [1, 9, 3, 4].map(print);
        assert_eq!(different(10..14, &here, &there), [11, 12]);
        assert_eq!(different(10..12, &here[..2], &[print(1), print(2)]), [0; 0]);
    }
}
