//! What a search has done, in a file, so that a killed one goes on where it was.

use serde::{Deserialize, Serialize};

use super::hunt::Hunt;
use super::{Search, Strategy};
use crate::document::{self, write_whole};
use crate::error::{Error, Result};

/// The version of the format that is written and read.
const FORMAT: u32 = 1;

/// The file: which search it is, and what is done. The end of the seeds is not part of it, so that a
/// finished search can be made longer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    format: u32,
    sim: String,
    variant: String,
    strategy: Strategy,
    first_seed: u64,
    shard: (u64, u64),
    collect: bool,
    sample: u64,
    done: Hunt,
}

impl State {
    fn of(search: &Search, done: Hunt) -> State {
        State {
            format: FORMAT,
            sim: search.world.name.clone(),
            variant: search.variant.clone(),
            strategy: search.strategy,
            first_seed: search.seeds.start,
            shard: search.shard,
            collect: search.collect,
            sample: search.sample,
            done,
        }
    }

    /// What is done, if the search keeps a file and it exists.
    pub(super) fn load(search: &Search) -> Result<Option<Hunt>> {
        let Some(path) = search.state.as_ref().filter(|path| path.exists()) else {
            return Ok(None);
        };
        let wrong = |reason: String| Error::World(format!("{}: {reason}", path.display()));
        let text = document::read(path)?;
        let state: State = serde_json::from_str(&text).map_err(|error| {
            let reason = format!("it is no state of a search ({error})");
            Error::document(path.display().to_string(), error.line().max(1), &reason)
        })?;
        let expected = State::of(search, state.done.clone());
        if state != expected {
            return Err(wrong(format!(
                "it is the state of another search, {}; this one is {}: give another file, or \
                 remove it to begin anew",
                state.words(),
                expected.words()
            )));
        }
        let (done, total) = (state.done.next, search.total());
        if done > total {
            return Err(wrong(format!(
                "{done} seeds are done in it, and this search has {total}: ask for at least as many"
            )));
        }
        Ok(Some(state.done))
    }

    /// Writes what is done, if the search keeps a file; whole or not at all.
    pub(super) fn save(search: &Search, done: &Hunt) -> Result {
        let Some(path) = &search.state else { return Ok(()) };
        let state = State::of(search, done.clone());
        let text = serde_json::to_string_pretty(&state).expect("plain data serializes");
        write_whole(path, text.as_bytes()).map_err(|source| Error::io(path, source))
    }

    fn words(&self) -> String {
        let State { format, sim, variant, strategy, first_seed, shard: (i, n), .. } = self;
        let all = if self.collect { ", all failures" } else { "" };
        format!(
            "format {format}, {sim} {variant}, {strategy}, seeds from {first_seed}, \
             shard {i}/{n}{all}, one of {} twice",
            self.sample
        )
    }
}
