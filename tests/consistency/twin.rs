//! Small histories, all orders of which are tried: the twin knows nothing of lists, caches and roles.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use stormglass::consistency::{counter, kv};

use super::*;

/// True if some order of some of the operations, those that are known to have happened among them, is
/// one of real time, and one that the model allows.
pub(crate) fn brute<M: Model>(model: &M, operations: &[&Operation<M::Input, M::Output>]) -> bool {
    let known = |o: &Operation<M::Input, M::Output>| o.output().is_some() && o.returned.is_some();
    let happened: Vec<_> =
        operations.iter().copied().filter(|o| !matches!(o.outcome, Outcome::Fail)).collect();
    (0..1u32 << happened.len()).any(|subset| {
        let chosen = |index: usize| subset >> index & 1 == 1;
        let all_known = happened.iter().enumerate().all(|(i, o)| chosen(i) || !known(o));
        let mut order: Vec<_> = (0..happened.len()).filter(|i| chosen(*i)).collect();
        all_known
            && permutations(&mut order, 0, &mut |order| {
                let real = (0..order.len()).all(|at| {
                    order[..at].iter().all(|first| {
                        let (first, then) = (happened[*first], happened[order[at]]);
                        !(known(then) && then.is_before(first))
                    })
                });
                real && order
                    .iter()
                    .try_fold(model.init(), |state, index| {
                        let operation = happened[*index];
                        model.step(
                            &state,
                            &operation.input,
                            operation.output().filter(|_| known(operation)),
                        )
                    })
                    .is_some()
            })
    })
}

/// True if `test` is true of some order of what is behind `fixed`.
pub(super) fn permutations(
    items: &mut [usize],
    fixed: usize,
    test: &mut dyn FnMut(&[usize]) -> bool,
) -> bool {
    if fixed == items.len() {
        return test(items);
    }
    (fixed..items.len()).any(|next| {
        items.swap(fixed, next);
        let found = permutations(items, fixed + 1, test);
        items.swap(fixed, next);
        found
    })
}

/// Up to `most` operations that overlap at will. One in eight is unknown, one in eight never returns,
/// one in sixteen failed.
fn histories<I, O>(
    call: impl Strategy<Value = (I, O)>,
    most: usize,
) -> impl Strategy<Value = History<I, O>>
where
    I: Clone + std::fmt::Debug,
    O: Clone + std::fmt::Debug,
{
    let one = (0..4u8, 0..16u64, 1..6u64, 0..16u8, call);
    proptest::collection::vec(one, 0..=most).prop_map(|all| {
        let make = |(process, from, lasts, fate, (input, output))| {
            let (end, outcome) = match fate {
                0 | 1 => (Some(from + lasts), Outcome::Info),
                2 | 3 => (None, Outcome::Info),
                4 => (Some(from + lasts), Outcome::Fail),
                _ => (Some(from + lasts), Outcome::Ok(output)),
            };
            operation(&format!("p{process}"), (from, end), input, outcome)
        };
        all.into_iter().map(make).collect()
    })
}

fn registers() -> impl Strategy<Value = (Call, Reply)> {
    prop_oneof![
        3 => (0..3i64).prop_map(|v| (Call::Read, Reply::Value((v > 0).then_some(v)))),
        2 => (1..3i64).prop_map(|v| (Call::Write(v), Reply::Done)),
        2 => (1..3i64, 1..3i64, any::<bool>())
            .prop_map(|(from, to, swapped)| (Call::Cas(from, to), Reply::Swapped(swapped))),
    ]
}

fn counters() -> impl Strategy<Value = (counter::Call, counter::Reply)> {
    use counter::{Call, Reply};
    prop_oneof![
        (0..4i64).prop_map(|v| (Call::Read, Reply::Value(v))),
        (-1..3i64).prop_map(|v| (Call::Add(v), Reply::Done)),
        (-2..2i64).prop_map(|v| (Call::Add(v), Reply::Refused)),
        (1..3i64, 0..4i64).prop_map(|(v, sum)| (Call::Add(v), Reply::Value(sum))),
    ]
}

fn stores() -> impl Strategy<Value = (kv::Call, kv::Reply)> {
    use kv::{Call, Reply};
    prop_oneof![
        "[ab]{0,2}".prop_map(|text| (Call::Get, Reply::Value(text))),
        "[ab]".prop_map(|text| (Call::Put(text), Reply::Done)),
        "[ab]".prop_map(|text| (Call::Append(text), Reply::Done)),
    ]
}

/// The two agree; an order that was found is an order; and of the witness nothing can be left out.
fn agree<M: Model>(model: &M, history: &History<M::Input, M::Output>) -> bool {
    let all: Vec<_> = history.operations().iter().collect();
    let expected = brute(model, &all);
    match decide(model, history, BUDGET) {
        Decision::Linearizable { orders, .. } => {
            assert!(expected, "{history:?}");
            let order: Vec<usize> = orders.into_values().flatten().collect();
            let ends = order.iter().try_fold(model.init(), |state, place| {
                let operation = all[*place];
                model.step(&state, &operation.input, operation.output())
            });
            assert!(ends.is_some(), "no order: {order:?}");
            for (at, then) in order.iter().enumerate() {
                let known = all[*then].output().is_some();
                let late = |first: &usize| known && all[*then].is_before(all[*first]);
                assert!(!order[..at].iter().any(late), "not in real time: {order:?}");
            }
            let done = |place: usize| order.contains(&place) || all[place].output().is_none();
            assert!((0..all.len()).all(done), "something is missing: {order:?}");
        }
        Decision::Illegal { .. } => {
            assert!(!expected, "{history:?}");
            minimal_witness(model, history);
        }
        Decision::Unknown { steps, .. } => panic!("unknown after {steps} steps"),
    }
    expected
}

/// Counts what is not in `held` as something that may happen at any time after its call, or never.
fn relaxed<M: Model>(
    history: &History<M::Input, M::Output>,
    held: &[Moment],
) -> Vec<Operation<M::Input, M::Output>> {
    let relax = |o: &Operation<M::Input, M::Output>| {
        let outcome = match &o.outcome {
            Outcome::Ok(output) if held.contains(&o.call) => Outcome::Ok(output.clone()),
            Outcome::Fail => Outcome::Fail,
            _ => Outcome::Info,
        };
        Operation { outcome, ..o.clone() }
    };
    history.operations().iter().map(relax).collect()
}

fn minimal_witness<M: Model>(model: &M, history: &History<M::Input, M::Output>) {
    let calls: Vec<Moment> = history.operations().iter().map(|o| o.call).collect();
    let distinct = calls.windows(2).all(|two| two[0] != two[1]);
    let stormglass::consistency::Answer::Illegal { witness, .. } = check(model, history, BUDGET)
    else {
        panic!("it was illegal a moment ago")
    };
    assert!(witness.is_minimal, "{witness}");
    // The twin tells operations apart by their calls.
    if !distinct {
        return;
    }
    let held: Vec<Moment> = witness.operations.iter().map(|o| o.call).collect();
    let allowed = |held: &[Moment]| {
        let relaxed = relaxed::<M>(history, held);
        brute(model, &relaxed.iter().collect::<Vec<_>>())
    };
    assert!(!allowed(&held), "no contradiction: {witness}");
    for out in &held {
        let fewer: Vec<Moment> = held.iter().copied().filter(|call| call != out).collect();
        assert!(allowed(&fewer), "one can be left out: {witness}");
    }
}

proptest! {
    #![proptest_config(stormglass::regressions!("consistency/twin"))]

    #[test]
    fn a_register_is_judged_as_by_its_twin(history in histories(registers(), 7)) {
        agree(&register::Register::new(), &history);
    }

    #[test]
    fn a_counter_is_judged_as_by_its_twin(history in histories(counters(), 6)) {
        agree(&counter::Counter::new().at_least(0), &history);
    }

    #[test]
    fn a_store_is_judged_as_by_its_twin(history in histories(stores(), 6)) {
        agree(&kv::Kv, &history);
    }
}

/// The histories above are of both kinds, and of all sizes.
#[test]
fn both_verdicts_are_tried() {
    let mut runner = TestRunner::deterministic();
    let histories = histories(registers(), 6);
    let mut counts = [0; 2];
    for _ in 0..300 {
        let history = histories.new_tree(&mut runner).unwrap().current();
        if history.len() >= 4 {
            counts[usize::from(agree(&register::Register::new(), &history))] += 1;
        }
    }
    assert!(counts.iter().all(|count| *count > 30), "{counts:?}");
}
