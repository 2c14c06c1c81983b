//! Models at hand and of one's own, parts, budgets.

use serde::{Deserialize, Serialize};
use stormglass::consistency::{Nondeterministic, NondeterministicModel, counter, kv};
use stormglass::seed::Seed;

use super::*;

#[track_caller]
fn judged(expected: bool, text: &str) {
    let (plain, history) = (register::Register::new(), register(text));
    assert_eq!(holds(&plain, &history), expected, "{text}");
    let all: Vec<_> = history.operations().iter().collect();
    assert_eq!(twin::brute(&plain, &all), expected, "the twin: {text}");
}

/// From the literature: Herlihy and Wing 1990 (figures for a register), and Porcupine's examples.
#[test]
fn published_cases() {
    // Overlapping operations may happen in either order.
    judged(true, "a 0 10 w1\nb 1 4 r\nc 5 9 r1");
    judged(true, "a 0 10 w1\nb 1 4 r1\nc 5 9 r1");
    // Once seen, a value stays.
    judged(false, "a 0 10 w1\nb 1 4 r1\nc 5 9 r");
    // A read after a write sees it.
    judged(false, "a 0 1 w1\nb 2 3 r");
    judged(false, "a 0 1 w1\na 2 3 w2\nb 4 5 r1");
    // Intervals are closed: what returns in the moment of a call overlaps it.
    judged(true, "a 0 2 w1\nb 2 3 r");
    // A write that never returned may take effect late, but only once.
    judged(true, "a 0 - w1\nb 1 2 r\nb 3 4 r\nb 5 6 r1");
    judged(false, "a 0 - w1\nb 1 2 r1\nb 3 4 w2\nb 5 6 r1");
    judged(true, "a 0 - w1\nc 0 - w1\nb 1 2 r1\nb 3 4 w2\nb 5 6 r1");
    // One that returned with an unknown outcome may, too.
    judged(true, "a 0 1 w1?\nb 2 3 r\nb 4 5 r1");
    // A compare and set that failed saw another value.
    judged(false, "a 0 1 w1\nb 2 3 c12-");
    judged(true, "a 0 1 w1\nb 2 3 c12+\nb 4 5 r2");
    judged(true, "a 0 1 w1\nb 2 - c12\nb 4 5 r1\nb 6 7 r2");
    judged(false, "a 0 1 w3\nb 2 - c12\nb 4 5 r2");
    judged(true, "");
}

/// A write of the value that is there looks like a read, and is none.
#[test]
fn a_write_that_changes_nothing_may_be_needed_later() {
    judged(true, "a 0 1 w1\nb 2 9 w1\nc 2 3 w2\nc 4 5 r2\nc 6 7 r1");
}

#[test]
fn counters_refuse_what_is_too_much() {
    use counter::{Call, Counter, Reply};
    let stock = Counter::starting_at(2).at_least(0);
    let take = |process: &str, span: (u64, u64), reply| {
        operation(process, (span.0, Some(span.1)), Call::Add(-2), Outcome::Ok(reply))
    };
    let both = |first, second| [take("a", (0, 5), first), take("b", (1, 6), second)];
    assert!(holds(&stock, &both(Reply::Done, Reply::Refused).into_iter().collect()));
    assert!(holds(&stock, &both(Reply::Refused, Reply::Value(0)).into_iter().collect()));
    assert!(!holds(&stock, &both(Reply::Done, Reply::Done).into_iter().collect()), "oversold");
    assert!(!holds(&stock, &both(Reply::Refused, Reply::Refused).into_iter().collect()));
    let huge = operation("a", (0, Some(1)), Call::Add(i64::MAX), Outcome::Ok(Reply::Done));
    assert!(!holds(&stock, &[huge].into_iter().collect()), "beyond 64 bits");
}

/// Keys are judged one by one: what contradicts on one object is fine on two.
#[test]
fn keys_are_parts() {
    let key = |key: &str, mut operation: Operation<Call, Reply>| {
        operation.key = key.to_owned();
        operation
    };
    let one = register("a 0 1 w1\nb 2 3 r");
    let [write, read] = one.operations() else { panic!() };
    let two = [key("x", write.clone()), key("y", read.clone())].into_iter().collect();
    assert!(!holds(&register::Register::new(), &one));
    assert!(holds(&register::Register::new(), &two));
    let bad = [key("b", write.clone()), key("b", read.clone()), key("a", write.clone())];
    let answer = decide(&register::Register::new(), &bad.into_iter().collect(), BUDGET);
    assert!(matches!(answer, Decision::Illegal { part, .. } if part == "b"));
}

/// A queue that may lose what is sent to it, and has no order.
struct Lossy;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Queue {
    Send(u8),
    Receive,
}

impl NondeterministicModel for Lossy {
    type State = Vec<u8>;
    type Input = Queue;
    type Output = Option<u8>;

    fn init(&self) -> Vec<Vec<u8>> {
        vec![Vec::new()]
    }

    fn step(&self, sent: &Vec<u8>, call: &Queue, got: Option<&Option<u8>>) -> Vec<Vec<u8>> {
        let without = |item: u8| sent.iter().copied().filter(|other| *other != item).collect();
        match (call, got) {
            (Queue::Send(item), _) => vec![sent.clone(), [&sent[..], &[*item]].concat()],
            (Queue::Receive, Some(Some(item))) if sent.contains(item) => vec![without(*item)],
            (Queue::Receive, Some(Some(_))) => vec![],
            (Queue::Receive, _) if sent.is_empty() => vec![Vec::new()],
            (Queue::Receive, Some(None)) => vec![],
            (Queue::Receive, None) => sent.iter().map(|item| without(*item)).collect(),
        }
    }
}

#[test]
fn several_states_are_possible_at_once() {
    let model = Nondeterministic(Lossy);
    let queue = |calls: &[(Queue, Option<u8>)]| {
        let operations = (0..).zip(calls).map(|(n, (call, got))| {
            operation("a", (2 * n, Some(2 * n + 1)), call.clone(), Outcome::Ok(*got))
        });
        holds(&model, &operations.collect())
    };
    let (send, receive) = (|item| (Queue::Send(item), None), |got| (Queue::Receive, got));
    assert!(queue(&[send(1), send(2), receive(Some(2)), receive(None)]), "1 is lost");
    assert!(queue(&[send(1), send(2), receive(Some(2)), receive(Some(1))]));
    assert!(!queue(&[send(1), receive(Some(1)), receive(Some(1))]), "twice");
    assert!(!queue(&[send(1), receive(None), receive(Some(1))]), "lost, and found again");
}

/// What a store gave to many clients at once, each taking effect somewhere between call and return.
fn true_history(seed: u64, operations: u64) -> History<kv::Call, kv::Reply> {
    let mut draw = Seed(seed).named_stream("test", "history");
    let mut below = |n: u64| draw.below(n);
    let mut plan: Vec<(u64, u64, u64, u64, u64)> = Vec::new();
    let mut free = [0; 8];
    for n in 0..operations {
        let client = below(8) as usize;
        let call = free[client] + below(50);
        let effect = call + 1 + below(50);
        let end = effect + 1 + below(50);
        free[client] = end + 1;
        plan.push((effect, n, client as u64, call, end));
    }
    plan.sort_unstable();
    let mut texts = vec![String::new(); 3];
    let make = |(_, n, client, call, end): (u64, u64, u64, u64, u64)| {
        let text = &mut texts[n as usize % 3];
        let (input, output) = match below(3) {
            0 => (kv::Call::Get, kv::Reply::Value(text.clone())),
            1 if below(8) == 0 => {
                *text = format!("{n};");
                (kv::Call::Put(text.clone()), kv::Reply::Done)
            }
            _ => {
                text.push_str(&format!("{n};"));
                (kv::Call::Append(format!("{n};")), kv::Reply::Done)
            }
        };
        let unknown = below(100) == 0;
        let outcome = if unknown { Outcome::Info } else { Outcome::Ok(output) };
        let mut made = operation(&client.to_string(), (call, Some(end)), input, outcome);
        made.key = format!("k{}", n % 3);
        made
    };
    plan.into_iter().map(make).collect()
}

/// Large histories of a true store hold; with one answer changed they do not.
#[test]
fn large_histories() {
    for seed in 0..8 {
        let history = true_history(seed, 400);
        assert!(holds(&kv::Kv, &history), "seed {seed}");
        let gets = history.operations().iter().filter(|o| o.input == kv::Call::Get);
        let last = gets.filter(|o| o.output().is_some()).map(|o| o.call).max().unwrap();
        let wrong: History<_, _> = history
            .operations()
            .iter()
            .cloned()
            .map(|o| match o.call == last {
                true => Operation { outcome: Outcome::Ok(kv::Reply::Value("x".into())), ..o },
                false => o,
            })
            .collect();
        assert!(!holds(&kv::Kv, &wrong), "seed {seed}");
    }
}

/// The same history takes the same steps, whoever asks and when; too few steps are no verdict.
#[test]
fn budgets_are_steps() {
    let history = true_history(1, 100);
    let first = decide(&kv::Kv, &history, BUDGET);
    assert_eq!(decide(&kv::Kv, &history, BUDGET), first);
    let answer = check(&kv::Kv, &history, 10);
    let Verdict::Unknown(text) = Verdict::from(&answer) else { panic!("{answer:?}") };
    assert!(text.ends_with("steps the history of `k0` is not decided"), "{text}");
}

/// Forty clients that all crash in the middle of a write: whatever they did, the rest is decided fast.
#[test]
fn many_open_operations_are_cheap() {
    let open =
        (0..40).map(|n| operation(&n.to_string(), (n, None), Call::Write(n as i64), Outcome::Info));
    let writes = [(50, Call::Write(100), Reply::Done), (52, Call::Write(101), Reply::Done)];
    let rest = writes.into_iter().chain([(54, Call::Read, Reply::Value(Some(100)))]);
    let rest =
        rest.map(|(at, call, reply)| operation("x", (at, Some(at + 1)), call, Outcome::Ok(reply)));
    let history: History<Call, Reply> = open.chain(rest).collect();
    let Decision::Illegal { steps, .. } = decide(&register::Register::new(), &history, BUDGET)
    else {
        panic!("a stale read")
    };
    assert!(steps < 40_000, "{steps}");
}
