//! Judging histories: generated ones of the size of the published ones, and those where they are.

use divan::Bencher;
use divan::counter::ItemsCount;
use stormglass::consistency::{Decision, Model, decide, kv, register};
use stormglass::history::{History, Moment, Operation, Outcome, import_jepsen_log};
use stormglass::seed::{Seed, Stream};
use stormglass::time::Time;

const BUDGET: u64 = 20_000_000;

/// What a true object gave to `clients` at once: each operation takes effect somewhere between its
/// call and its return, and `act` says which it is, and what it answers.
fn history<I, O>(
    clients: u64,
    operations: u64,
    keys: u64,
    mut act: impl FnMut(&mut Stream, u64, usize) -> (I, O),
) -> History<I, O> {
    let mut draw = Seed(1).named_stream("bench", "history");
    let mut free = vec![0; usize::try_from(clients).expect("few")];
    let mut plan = Vec::new();
    for number in 0..operations {
        let client = draw.below(clients);
        let call = free[client as usize] + draw.below(50);
        let effect = call + 1 + draw.below(50);
        let end = effect + 1 + draw.below(50);
        free[client as usize] = end + 1;
        plan.push((effect, number, client, call, end));
    }
    plan.sort_unstable();
    let moment = |order| Moment { order, at: Time(order) };
    let make = |(_, number, client, call, end): (u64, u64, u64, u64, u64)| {
        let key = draw.below(keys);
        let (input, output) = act(&mut draw, number, key as usize);
        Operation {
            process: client.to_string(),
            node: String::new(),
            key: key.to_string(),
            input,
            outcome: Outcome::Ok(output),
            call: moment(call),
            returned: Some(moment(end)),
        }
    };
    plan.into_iter().map(make).collect()
}

/// Five clients, 85 operations on one register: as long as a log of etcd.
fn etcd_like() -> History<register::Call, register::Reply> {
    use register::{Call, Reply};
    let mut state = None;
    history(5, 85, 1, move |draw, _, _| {
        let (first, second) = (draw.below(5) as i64, draw.below(5) as i64);
        match draw.below(3) {
            0 => (Call::Read, Reply::Value(state)),
            1 => {
                state = Some(first);
                (Call::Write(first), Reply::Done)
            }
            _ => {
                let swapped = state == Some(first);
                state = if swapped { Some(second) } else { state };
                (Call::Cas(first, second), Reply::Swapped(swapped))
            }
        }
    })
}

/// Twenty clients, 2,000 operations on ten keys. Every second operation reads: the more appends overlap
/// between two reads, the more orders must be tried (with fifty clients it is a thousand times the work).
fn kv_like() -> History<kv::Call, kv::Reply> {
    use kv::{Call, Reply};
    let mut texts = vec![String::new(); 10];
    history(20, 2000, 10, move |draw, number, key| match draw.below(2) {
        0 => (Call::Get, Reply::Value(texts[key].clone())),
        _ => {
            let text = format!("x {number} y");
            texts[key].push_str(&text);
            (Call::Append(text), Reply::Done)
        }
    })
}

fn judge<M: Model>(model: &M, history: &History<M::Input, M::Output>) -> bool {
    match decide(model, history, BUDGET) {
        Decision::Linearizable { .. } => true,
        Decision::Illegal { .. } => false,
        Decision::Unknown { steps, .. } => panic!("not decided after {steps} steps"),
    }
}

#[divan::bench]
fn register_of_85_operations(bencher: Bencher<'_, '_>) {
    let history = etcd_like();
    let model = register::Register::new();
    bencher
        .counter(ItemsCount::new(history.len()))
        .bench(|| assert!(judge(&model, &history), "it is of a true register"));
}

#[divan::bench]
fn store_of_2000_operations(bencher: Bencher<'_, '_>) {
    let history = kv_like();
    bencher
        .counter(ItemsCount::new(history.len()))
        .bench(|| assert!(judge(&kv::Kv, &history), "it is of a true store"));
}

/// The published logs of etcd, where they are (see `tests/conformance.rs`), all in sequence.
#[divan::bench]
fn logs_of_etcd(bencher: Bencher<'_, '_>) {
    let beside = || concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpora").into();
    let corpora = std::env::var_os("STORMGLASS_CORPORA").unwrap_or_else(beside);
    let folder = std::path::Path::new(&corpora).join("histories/porcupine/jepsen");
    let Ok(entries) = std::fs::read_dir(&folder) else { return };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let text = std::fs::read_to_string(path).expect("a log is text");
        let recorded = import_jepsen_log("etcd", &text).expect("a log of etcd");
        register::of_jepsen(&recorded, register::Nil::Value).expect("a register")
    };
    let histories: Vec<_> = paths.iter().map(read).collect();
    let model = register::Register::new();
    bencher
        .counter(ItemsCount::new(histories.len()))
        .bench(|| histories.iter().filter(|history| judge(&model, history)).count());
}
