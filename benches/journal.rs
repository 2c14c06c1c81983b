//! Writing, telling, comparing and keeping a journal.

use divan::Bencher;
use divan::counter::ItemsCount;
use stormglass::journal::{Entry, EventId, Journal, Kind, NodeId, Recorder, Recording};

const MANY: u32 = 100_000;

fn written(recording: Recording) -> Journal {
    let mut recorder = Recorder::new(recording);
    let (a, b) = (recorder.add_node("a"), recorder.add_node("b"));
    let label = recorder.symbol("POST /orders");
    let mut last = EventId::NONE;
    for n in 0..u64::from(MANY / 2) {
        let send = Entry::new(Kind::Send, a).peer(b).symbol(label).value(n);
        let sent = recorder.append(2 * n, send, last, EventId::NONE);
        let deliver = Entry::new(Kind::Deliver, b).peer(a).symbol(label);
        last = recorder.append(2 * n + 1, deliver, EventId::NONE, sent);
    }
    recorder.finish()
}

#[divan::bench(args = [Recording::Full, Recording::Digest])]
fn append_and_hash(bencher: Bencher<'_, '_>, recording: Recording) {
    bencher.counter(ItemsCount::new(MANY)).bench(|| written(recording));
}

#[divan::bench]
fn causal_past(bencher: Bencher<'_, '_>) {
    let journal = written(Recording::Full);
    bencher.counter(ItemsCount::new(MANY)).bench(|| journal.past(EventId(MANY)));
}

#[divan::bench]
fn story(bencher: Bencher<'_, '_>) {
    let journal = written(Recording::Full);
    bencher.counter(ItemsCount::new(MANY)).bench(|| journal.story().to_string());
}

#[divan::bench]
fn save_and_load(bencher: Bencher<'_, '_>) {
    let journal = written(Recording::Full);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("bench.journal");
    bencher.counter(ItemsCount::new(MANY)).bench(|| {
        journal.save(&path).expect("the folder is writable");
        Journal::load(&path).expect("it was just saved")
    });
}

/// A scan of all events, as checks of the whole journal make it.
#[divan::bench]
fn events_of_one_node(bencher: Bencher<'_, '_>) {
    let journal = written(Recording::Full);
    bencher.bench(|| journal.events().filter(|event| event.node() == NodeId(1)).count());
}
